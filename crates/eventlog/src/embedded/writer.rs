//! Appends → one batch → one sync → answers.
//!
//! One thread writes. While it syncs, the appends of others pile up in its queue; the next batch takes them all. So the
//! more callers there are, the fewer syncs each of them costs, and one caller alone waits for just one.

use super::storage::Failure;
use super::{Shared, TopicState};
use crate::{AppendError, Error, Outcome, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A batch takes no more appends beyond this: bounds memory, and how long the first of them waits for the last.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// The thread that writes, and the way to it.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Append>>,
    queued_bytes: Arc<AtomicU64>,
    queue_bytes_max: u64,
    thread: Option<JoinHandle<()>>,
}

/// One caller's records.
#[derive(Debug)]
struct Append {
    topic: Arc<TopicState>,
    frames: Vec<(u32, Vec<u8>)>,
    records: usize,
    bytes: usize,
    answer: oneshot::Sender<Result<Vec<u64>, AppendError>>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>, queue_bytes_max: u64) -> Result<Self> {
        let (queue, appends) = mpsc::channel();
        let queued_bytes = Arc::new(AtomicU64::new(0));
        let path = shared.storage.path().to_owned();
        let queued = Arc::clone(&queued_bytes);
        let thread = std::thread::Builder::new()
            .name("eventlog-writer".to_owned())
            .spawn(move || run(&shared, &appends, &queued))
            .map_err(|error| Error::Storage {
                operation: "starting the writer",
                path,
                source: Box::new(error),
            })?;
        Ok(Self { queue: Some(queue), queued_bytes, queue_bytes_max, thread: Some(thread) })
    }

    pub(super) async fn append(
        &self,
        topic: Arc<TopicState>,
        frames: Vec<(u32, Vec<u8>)>,
    ) -> Result<Vec<u64>, AppendError> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let (name, count) = (topic.topic.name.clone(), frames.len());
        let bytes = frames.iter().map(|(_, frame)| frame.len()).sum();
        let queued = self.queued_bytes.fetch_add(bytes as u64, Ordering::AcqRel);
        if queued > 0 && queued + bytes as u64 > self.queue_bytes_max {
            self.queued_bytes.fetch_sub(bytes as u64, Ordering::AcqRel);
            return Err(AppendError::none_in(&name, count, Error::Overloaded { bytes: queued }));
        }
        let (answer, answered) = oneshot::channel();
        let append = Append { topic, frames, records: count, bytes, answer };
        let is_sent = self.queue.as_ref().is_some_and(|queue| queue.send(append).is_ok());
        match (is_sent, answered.await) {
            (true, Ok(result)) => result,
            // The thread ends only with the log or by a panic, which leaves open what it had written.
            (_, _) => Err(AppendError {
                topic: name.clone(),
                outcomes: vec![Outcome::Unknown; count],
                error: Error::Unknown { topic: name, source: "the log's writer has stopped".into() },
            }),
        }
    }
}

impl Drop for Writer {
    /// Lets the thread write what waits, and waits for it.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the log's writer had panicked");
        }
    }
}

fn run(shared: &Shared, appends: &mpsc::Receiver<Append>, queued_bytes: &AtomicU64) {
    while let Ok(first) = appends.recv() {
        let mut bytes = first.bytes;
        let mut group = vec![first];
        while bytes < BATCH_BYTES_MAX
            && let Ok(next) = appends.try_recv()
        {
            bytes += next.bytes;
            group.push(next);
        }
        write_group(shared, group);
        queued_bytes.fetch_sub(bytes as u64, Ordering::AcqRel);
    }
}

/// The offset that a partition's next record gets, for each partition that a group writes to.
type Ends = BTreeMap<(String, u32), (Arc<TopicState>, u64)>;

fn write_group(shared: &Shared, mut group: Vec<Append>) {
    match shared.storage.prepare() {
        Ok(false) => {}
        Ok(true) => shared.reload_ends(),
        Err(failure) => return refuse(group, &failure),
    }
    let mut ends = Ends::new();
    let mut rows = Vec::new();
    let mut offsets = Vec::with_capacity(group.len());
    for append in &mut group {
        let mut given = Vec::with_capacity(append.frames.len());
        for (partition, frame) in std::mem::take(&mut append.frames) {
            let topic = &append.topic;
            let (_, end) = ends.entry((topic.topic.name.clone(), partition)).or_insert_with(|| {
                (Arc::clone(topic), topic.partitions[partition as usize].end.load(Ordering::Acquire))
            });
            given.push(*end);
            rows.push((topic.topic.name.clone(), partition, *end, frame));
            *end += 1;
        }
        offsets.push(given);
    }
    match shared.storage.write(rows) {
        Ok(()) => {
            for ((_, partition), (topic, end)) in ends {
                topic.partitions[partition as usize].end.store(end, Ordering::Release);
                topic.written.send_modify(|groups| *groups += 1);
            }
            for (append, offsets) in group.into_iter().zip(offsets) {
                // A caller that has gone away does not want to know.
                let _ = append.answer.send(Ok(offsets));
            }
        }
        Err(failure) => refuse(group, &failure),
    }
}

fn refuse(group: Vec<Append>, failure: &Failure) {
    for append in group {
        let topic = append.topic.topic.name.clone();
        let outcomes = vec![failure.outcome; append.records];
        let _ = append.answer.send(Err(AppendError { topic, outcomes, error: failure.error() }));
    }
}
