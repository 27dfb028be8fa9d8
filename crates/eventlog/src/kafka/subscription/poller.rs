//! The thread that polls librdkafka for one subscription.

use super::{Command, Event, HOLD};
use crate::kafka::{failed, offset, reader, signed, stored};
use crate::log::DELIVERY_BYTES_MAX;
use crate::{Error, Result, Stored};
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long a poll waits: bounds how long a command of the owner waits.
const POLL: Duration = Duration::from_millis(20);

/// A partition that was just assigned cannot be sought at once; librdkafka is asked again after a poll, so long.
const SEEK_DEADLINE: Duration = Duration::from_secs(30);

/// How long one question for a partition's end may take at an assignment.
const ENDS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an assignment waits for the ends of its partitions: far less than the five minutes in which librdkafka must be
/// polled.
const ASSIGN_DEADLINE: Duration = Duration::from_secs(60);

/// After a seek every offset must follow the one before, so long: if one is missing it is sought once more. Later, gaps are
/// what they seem: the marks of a producer with transactions.
const CHECKED_AFTER_SEEK: Duration = Duration::from_secs(60);

/// Keeps what rebalances did until the thread tells the owner.
#[derive(Default)]
pub(super) struct Rebalances {
    changes: Mutex<Vec<Change>>,
}

enum Change {
    Assigned(Vec<u32>),
    Revoked(Vec<u32>),
    Failed(KafkaError),
}

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = list.elements().iter().map(|element| element.partition().unsigned_abs()).collect();
        let change = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            assign(consumer, list).map(|()| Change::Assigned(partitions))
        } else {
            consumer.incremental_unassign(list).map(|()| Change::Revoked(partitions))
        };
        self.changes.lock().push(change.unwrap_or_else(Change::Failed));
    }
}

/// Takes partitions over, but reads nothing of them before the owner seeks. What comes before the pause takes effect is
/// dropped for want of a seek.
///
/// They begin at their end, as a number. Never as "the end", nor where the group was: librdkafka then asks the broker, and
/// when the pause or a seek overtakes the answer it asks again half a second later and goes there, past everything that
/// came meanwhile, whatever was sought (`rd_kafka_toppar_handle_Offset` in librdkafka 2.12: "outdated offset response").
fn assign(consumer: &BaseConsumer<Rebalances>, list: &mut TopicPartitionList) -> Result<(), KafkaError> {
    let began = Instant::now();
    for mut element in list.elements() {
        let offset = loop {
            match consumer.fetch_watermarks(element.topic(), element.partition(), ENDS_TIMEOUT) {
                Ok((_, end)) => break Offset::Offset(end),
                // Its leader is away and another is being chosen. Each question is a round trip or a wait.
                Err(_) if began.elapsed() < ASSIGN_DEADLINE => {}
                // What may then be passed over is noticed: see [`State::follows`].
                Err(_) => break Offset::End,
            }
        };
        element.set_offset(offset)?;
    }
    consumer.incremental_assign(list)?;
    consumer.pause(list)
}

pub(super) struct Poller {
    consumer: BaseConsumer<Rebalances>,
    topic: String,
    request_timeout: Duration,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::Sender<Event>,
    partitions: BTreeMap<u32, State>,
    /// Events that found no room yet.
    waiting: VecDeque<Event>,
    /// Since when.
    waiting_since: Option<Instant>,
    /// Whether all partitions are paused because the owner is slow.
    is_throttled: bool,
    seeks: Vec<Seek>,
}

/// A partition that is assigned here.
#[derive(Default)]
struct State {
    /// The number of its last seek; none until the owner has said where to begin.
    seek: Option<u64>,
    /// The offset that its next record has at least.
    position: u64,
    is_paused: bool,
    /// When it was sought.
    sought: Option<Instant>,
    /// The position after which offsets were missing; it was sought again because of that.
    missing_from: Option<u64>,
}

impl State {
    /// Whether a record may be taken: it is the next, or what is missing before it is missing on the broker too. A record
    /// that was passed over would never be counted, and nobody would know.
    fn follows(&self, record: u64) -> bool {
        record == self.position
            || self.missing_from == Some(self.position)
            || self.sought.is_none_or(|sought| sought.elapsed() > CHECKED_AFTER_SEEK)
    }
}

/// A seek that librdkafka has not taken yet.
struct Seek {
    command: Command,
    since: Instant,
}

/// What became of a seek.
enum Sought {
    Done(Result<()>),
    Later,
}

impl Poller {
    pub(super) fn new(
        consumer: BaseConsumer<Rebalances>,
        topic: &str,
        request_timeout: Duration,
        commands: mpsc::UnboundedReceiver<Command>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self> {
        consumer.subscribe(&[topic]).map_err(|error| failed("subscribing", topic, error))?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            request_timeout,
            commands,
            events,
            partitions: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_since: None,
            is_throttled: false,
            seeks: Vec::new(),
        })
    }

    /// Polls until the owner is gone or the subscription cannot go on. The consumer leaves its group when it is dropped.
    pub(super) fn run(mut self, runtime: &tokio::runtime::Handle) {
        loop {
            if !self.obey() {
                return;
            }
            self.seek_again();
            if self.has_room(runtime)
                && let Err(error) = self.poll()
            {
                // The owner is told once, and finds the channel closed after that.
                let _ = runtime.block_on(self.events.send(Event::Failed(error)));
                return;
            }
        }
    }

    /// Does what the owner wants. Answers whether there still is one.
    fn obey(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.command(command),
                Err(mpsc::error::TryRecvError::Empty) => return true,
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Seek { .. } => self.seeks.push(Seek { command, since: Instant::now() }),
            Command::Pause(partition) => self.set_paused(partition, true),
            Command::Resume(partition) => self.set_paused(partition, false),
            Command::Commit { partition, offset: next } => {
                let mut list = TopicPartitionList::new();
                let added = list.add_partition_offset(&self.topic, signed(partition), offset(next));
                if let Err(error) = added.and_then(|()| self.consumer.commit(&list, CommitMode::Async)) {
                    tracing::debug!(topic = self.topic, partition, %error, "position was not shown to the group");
                }
            }
        }
    }

    fn set_paused(&mut self, partition: u32, is_paused: bool) {
        let Some(state) = self.partitions.get_mut(&partition) else { return };
        state.is_paused = is_paused;
        // What librdkafka should do follows from everything that holds the partition back.
        let flow = self.flow(&[partition]);
        self.logged(flow);
    }

    /// Makes librdkafka fetch those partitions that are sought and held back by nobody, and no others.
    fn flow(&self, partitions: &[u32]) -> Result<(), KafkaError> {
        let (mut on, mut off) = (TopicPartitionList::new(), TopicPartitionList::new());
        for partition in partitions {
            let Some(state) = self.partitions.get(partition) else { continue };
            let is_on = state.seek.is_some() && !state.is_paused && !self.is_throttled;
            let list = if is_on { &mut on } else { &mut off };
            list.add_partition(&self.topic, signed(*partition));
        }
        if off.count() > 0 {
            self.consumer.pause(&off)?;
        }
        if on.count() > 0 {
            self.consumer.resume(&on)?;
        }
        Ok(())
    }

    fn logged(&self, done: Result<(), KafkaError>) {
        if let Err(error) = done {
            tracing::warn!(topic = self.topic, %error, "a partition could not be held back or let go");
        }
    }

    fn throttle(&mut self, is_throttled: bool) {
        if self.is_throttled != is_throttled {
            self.is_throttled = is_throttled;
            let all: Vec<_> = self.partitions.keys().copied().collect();
            let flow = self.flow(&all);
            self.logged(flow);
        }
    }

    /// Hands the owner what waits. Answers whether to poll: not while something waits, unless it has waited so long that
    /// the partitions are paused and only rebalances can come.
    fn has_room(&mut self, runtime: &tokio::runtime::Handle) -> bool {
        while let Some(event) = self.waiting.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
                self.waiting.push_front(event);
                break;
            }
        }
        if self.waiting.is_empty() {
            self.waiting_since = None;
            self.throttle(false);
            return true;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= HOLD {
            self.throttle(true);
            return true;
        }
        // Room, or a command, or time to poll: whatever comes first.
        let (events, commands) = (&self.events, &mut self.commands);
        let command = runtime.block_on(async {
            tokio::select! {
                _ = events.reserve() => None,
                command = commands.recv() => command,
                () = tokio::time::sleep(HOLD.saturating_sub(since.elapsed())) => None,
            }
        });
        if let Some(command) = command {
            self.command(command);
        }
        false
    }

    /// Takes what librdkafka has, until it is enough for one round, and tells the owner.
    fn poll(&mut self) -> Result<()> {
        let mut batches: BTreeMap<u32, Vec<Stored>> = BTreeMap::new();
        let mut bytes = 0;
        let mut wait = POLL;
        let mut failure = Ok(());
        while bytes < DELIVERY_BYTES_MAX {
            let polled = self.consumer.poll(wait);
            let changes = std::mem::take(&mut *self.consumer.context().changes.lock());
            if !changes.is_empty() {
                deliver(&self.partitions, &mut batches, &mut self.waiting);
                for change in changes {
                    Self::change(&mut self.partitions, &mut self.waiting, &self.topic, change)?;
                }
            }
            match polled {
                None => break,
                Some(Ok(message)) => {
                    wait = Duration::ZERO;
                    let partition = message.partition().unsigned_abs();
                    let record = stored(&message);
                    drop(message);
                    // Without a seek, or from before the last one: not what the owner asked for.
                    let wanted = self.partitions.get_mut(&partition).filter(|state| state.seek.is_some());
                    if let Some(state) = wanted
                        && record.offset >= state.position
                    {
                        if !state.follows(record.offset) {
                            self.seek_missing(partition, record.offset);
                            break;
                        }
                        state.position = record.offset + 1;
                        bytes += record.bytes();
                        batches.entry(partition).or_default().push(record);
                    }
                }
                Some(Err(error)) if reader::is_passing(&error) => {
                    tracing::debug!(topic = self.topic, %error, "the brokers cannot be reached");
                }
                Some(Err(error)) => {
                    failure = Err(error);
                    break;
                }
            }
        }
        deliver(&self.partitions, &mut batches, &mut self.waiting);
        failure.or_else(|error| self.judge(error))
    }

    /// Goes back to where offsets are missing before a record. What was taken until then is delivered first.
    fn seek_missing(&mut self, partition: u32, found: u64) {
        let Some(state) = self.partitions.get_mut(&partition) else { return };
        let Some(seek) = state.seek else { return };
        tracing::warn!(
            topic = self.topic,
            partition,
            position = state.position,
            found,
            "records were passed over; they are sought again"
        );
        state.missing_from = Some(state.position);
        let (answer, _) = oneshot::channel();
        let command = Command::Seek { partition, offset: state.position, seek, answer };
        self.seeks.push(Seek { command, since: Instant::now() });
    }

    fn change(
        partitions: &mut BTreeMap<u32, State>,
        waiting: &mut VecDeque<Event>,
        topic: &str,
        change: Change,
    ) -> Result<()> {
        match change {
            // The group was balanced anew and this member's share stayed as it was.
            Change::Assigned(none) | Change::Revoked(none) if none.is_empty() => {}
            Change::Assigned(assigned) => {
                for partition in &assigned {
                    partitions.insert(*partition, State::default());
                }
                waiting.push_back(Event::Assigned(assigned));
            }
            Change::Revoked(revoked) => {
                for partition in &revoked {
                    partitions.remove(partition);
                }
                waiting.push_back(Event::Revoked(revoked));
            }
            Change::Failed(error) => return Err(failed("taking part in the group", topic, error)),
        }
        Ok(())
    }

    /// An error that is not passing: whether the subscription can go on.
    fn judge(&mut self, error: KafkaError) -> Result<()> {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
            // Records were deleted that the owner had not read, or a broker did not know better after it became the leader.
            // librdkafka says neither which nor of which partition, and fetches nothing of it until it is sought again.
            for (partition, state) in &self.partitions {
                if let Some(seek) = state.seek {
                    let (answer, _) = oneshot::channel();
                    let command =
                        Command::Seek { partition: *partition, offset: state.position, seek, answer };
                    self.seeks.push(Seek { command, since: Instant::now() });
                }
            }
            return Ok(());
        }
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(Error::Ended { topic: self.topic.clone(), source: Box::new(error) });
        }
        // Such as a missing right, or a topic that a broker does not know (yet): the owner should know, and librdkafka goes on
        // trying.
        let (operation, object) = ("reading records", self.topic.clone());
        self.waiting.push_back(Event::Failed(Error::Unavailable {
            operation,
            object,
            source: Box::new(error),
        }));
        Ok(())
    }

    fn seek_again(&mut self) {
        for Seek { command, since } in std::mem::take(&mut self.seeks) {
            let Command::Seek { partition, offset, seek, answer } = command else { continue };
            match self.seek(partition, offset, seek, since) {
                Sought::Done(result) => {
                    // Nobody waits for a seek of our own ([`Poller::judge`]); it must succeed, or the owner must know.
                    if let Err(Err(error)) = answer.send(result) {
                        self.unanswered(partition, offset, seek, error);
                    }
                }
                Sought::Later => {
                    let command = Command::Seek { partition, offset, seek, answer };
                    self.seeks.push(Seek { command, since });
                }
            }
        }
    }

    fn unanswered(&mut self, partition: u32, offset: u64, seek: u64, error: Error) {
        if matches!(error, Error::NotAssigned { .. }) {
            // Its records are another's now.
        } else if error.is_retriable() {
            let (answer, _) = oneshot::channel();
            let command = Command::Seek { partition, offset, seek, answer };
            self.seeks.push(Seek { command, since: Instant::now() });
        } else {
            self.waiting.push_back(Event::Failed(error));
        }
    }

    fn seek(&mut self, partition: u32, to: u64, seek: u64, since: Instant) -> Sought {
        let Some(state) = self.partitions.get_mut(&partition) else {
            return Sought::Done(Err(Error::NotAssigned { topic: self.topic.clone(), partition }));
        };
        // Until it is sought nothing of it is delivered, so that a refused seek leaves it silent.
        state.seek = None;
        let checked = reader::ends(&self.consumer, &self.topic, partition, self.request_timeout)
            .and_then(|ends| reader::check_range(&self.topic, partition, to, ends));
        if let Err(error) = checked {
            let flow = self.flow(&[partition]);
            self.logged(flow);
            return Sought::Done(Err(error));
        }
        let mut list = TopicPartitionList::new();
        let sought = list
            .add_partition_offset(&self.topic, signed(partition), offset(to))
            .and_then(|()| self.consumer.seek_partitions(list, self.request_timeout))
            .and_then(|list| list.elements().iter().try_for_each(|element| element.error()));
        match sought {
            Ok(()) => {
                if let Some(state) = self.partitions.get_mut(&partition) {
                    state.seek = Some(seek);
                    (state.position, state.sought) = (to, Some(Instant::now()));
                }
                let flow = self.flow(&[partition]);
                Sought::Done(flow.map_err(|error| failed("seeking", &self.topic, error)))
            }
            // It was assigned a moment ago and its fetcher is not there yet.
            Err(_) if since.elapsed() < SEEK_DEADLINE => Sought::Later,
            Err(error) => Sought::Done(Err(failed("seeking", &self.topic, error))),
        }
    }
}

/// Queues the records for the owner, each with the seek that it follows.
fn deliver(
    partitions: &BTreeMap<u32, State>,
    batches: &mut BTreeMap<u32, Vec<Stored>>,
    waiting: &mut VecDeque<Event>,
) {
    for (partition, records) in std::mem::take(batches) {
        if let Some(seek) = partitions.get(&partition).and_then(|state| state.seek) {
            waiting.push_back(Event::Records { partition, seek, records });
        }
    }
}
