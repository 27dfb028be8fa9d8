//! What every adapter of the log does: each function is one behaviour, run by `embedded.rs` and `kafka.rs` with a log of
//! their own and a topic of [`PARTITIONS`] partitions named after the behaviour.

use bytes::Bytes;
use eventlog::record::{EVENTS_PER_RECORD_MAX, RECORD_BYTES_MAX};
use eventlog::{Delivery, Error, EventLog, Header, Kind, Outcome, Record, Stored, Subscription, TopicSpec};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) const PARTITIONS: u32 = 3;
/// No step of a behaviour takes longer on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Hands every behaviour's name to a macro.
macro_rules! for_each_behaviour {
    ($each:ident) => {
        $each! {
            records_come_back_in_order_and_byte_for_byte
            offsets_of_a_partition_begin_at_zero_and_have_no_gaps
            a_batch_goes_to_the_partitions_that_it_names
            what_was_answered_can_be_read_at_once
            concurrent_appends_are_all_there_once
            headers_of_every_kind_come_back
            a_record_over_a_limit_is_refused_with_its_whole_batch
            an_unknown_topic_or_partition_is_an_error
            an_empty_append_is_done
            a_read_is_bounded_and_goes_on_where_it_stopped
            a_read_beyond_the_end_is_an_error
            a_deleted_prefix_is_an_error_to_read_and_never_comes_back
            a_subscription_delivers_nothing_before_its_owner_seeks
            seeking_back_replays_the_same_records
            a_paused_partition_is_held_back_and_loses_nothing
            a_subscription_refuses_to_begin_outside_the_log
            a_subscription_follows_what_is_appended_meanwhile
            a_subscription_that_nothing_comes_for_is_idle
            a_wait_ends_when_something_comes_and_when_the_time_is_up
            a_topic_keeps_its_id_and_its_partitions
            a_topic_that_gets_more_partitions_keeps_its_id_and_its_records
        }
    };
}
pub(crate) use for_each_behaviour;

pub(crate) type Log = Arc<dyn EventLog>;

pub(crate) fn spec(topic: &str) -> Vec<TopicSpec> {
    vec![TopicSpec { name: topic.to_owned(), partitions: PARTITIONS }]
}

pub(crate) fn header(batch: u64) -> Header {
    Header {
        kind: Kind::Events,
        collector: "c1".to_owned(),
        epoch: 1,
        batch,
        received: 1_614_589_200_000_000,
        sources: vec![("urn:lkdata:print".to_owned(), 1)],
        released: false,
    }
}

pub(crate) fn record(batch: u64, value: impl Into<Bytes>) -> Record {
    Record { header: header(batch), value: value.into() }
}

/// Records whose value is their number.
pub(crate) fn numbered(numbers: std::ops::Range<u64>) -> Vec<Record> {
    numbers.map(|number| record(number, number.to_string())).collect()
}

pub(crate) fn values(records: &[Stored]) -> Vec<u64> {
    records.iter().map(|record| std::str::from_utf8(&record.value).unwrap().parse().unwrap()).collect()
}

pub(crate) async fn read_all(log: &Log, topic: &str, partition: u32) -> Vec<Stored> {
    let mut from = log.start_offset(topic, partition).await.unwrap();
    let mut all = Vec::new();
    loop {
        let records = log.read(topic, partition, from, 1 << 20).await.unwrap();
        let Some(last) = records.last() else { return all };
        from = last.offset + 1;
        all.extend(records);
    }
}

/// Bytes that no compression makes smaller.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 | 1
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Waits until these partitions are assigned, and nothing but idleness comes before.
pub(crate) async fn assigned(subscription: &mut dyn Subscription) -> Vec<u32> {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < DEADLINE, "no partition was assigned");
        match subscription.next().await.unwrap() {
            Delivery::Assigned(partitions) if partitions.is_empty() => {}
            Delivery::Assigned(partitions) => return partitions,
            Delivery::Idle => {}
            other @ (Delivery::Revoked(_) | Delivery::Records { .. }) => {
                panic!("{other:?} before an assignment")
            }
        }
    }
}

/// The next so many records, by partition.
pub(crate) async fn collect(subscription: &mut dyn Subscription, count: usize) -> BTreeMap<u32, Vec<Stored>> {
    let started = Instant::now();
    let mut all: BTreeMap<u32, Vec<Stored>> = BTreeMap::new();
    loop {
        let have: usize = all.values().map(Vec::len).sum();
        if have >= count {
            assert_eq!(have, count, "more records than were appended");
            return all;
        }
        assert!(started.elapsed() < DEADLINE, "{have} of {count} records came");
        if let Delivery::Records { partition, records } = subscription.next().await.unwrap() {
            assert!(!records.is_empty());
            all.entry(partition).or_default().extend(records);
        }
    }
}

/// Asserts that nothing comes for a while.
pub(crate) async fn idle(subscription: &mut dyn Subscription) {
    for _ in 0..3 {
        assert_eq!(subscription.next().await.unwrap(), Delivery::Idle);
    }
}

pub(crate) async fn records_come_back_in_order_and_byte_for_byte(log: Log, topic: &str) {
    let values = [
        Bytes::new(),
        Bytes::from_static(b"\n\n"),
        Bytes::from_static(b"[{\"id\":\"1\"}]"),
        Bytes::from((0..=255u8).collect::<Vec<_>>()),
        Bytes::from(noise(RECORD_BYTES_MAX)),
        Bytes::from_static(b"last"),
    ];
    let records: Vec<_> = (0..).zip(&values).map(|(batch, value)| record(batch, value.clone())).collect();
    log.append(topic, 1, records.clone()).await.unwrap();
    let stored = read_all(&log, topic, 1).await;
    let found: Vec<_> = stored
        .iter()
        .map(|stored| Record { header: stored.header.clone().unwrap(), value: stored.value.clone() })
        .collect();
    assert!(found == records, "the records differ");
    for stored in &stored {
        assert_eq!(stored.key, None);
        assert_eq!(stored.received(), 1_614_589_200_000_000);
        assert!(stored.timestamp > 1_600_000_000_000_000, "{}", stored.timestamp);
    }
}

pub(crate) async fn offsets_of_a_partition_begin_at_zero_and_have_no_gaps(log: Log, topic: &str) {
    assert_eq!(log.end_offset(topic, 2).await.unwrap(), 0);
    assert_eq!(log.append(topic, 2, numbered(0..3)).await.unwrap(), [0, 1, 2]);
    assert_eq!(log.append(topic, 2, numbered(3..5)).await.unwrap(), [3, 4]);
    assert_eq!(log.append(topic, 0, numbered(0..1)).await.unwrap(), [0]);
    let offsets: Vec<_> = read_all(&log, topic, 2).await.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
    assert_eq!(log.start_offset(topic, 2).await.unwrap(), 0);
    assert_eq!(log.end_offset(topic, 2).await.unwrap(), 5);
    assert_eq!(log.end_offset(topic, 1).await.unwrap(), 0);
}

pub(crate) async fn a_batch_goes_to_the_partitions_that_it_names(log: Log, topic: &str) {
    let batch = [2, 0, 2, 1, 0].into_iter().zip(numbered(0..5)).collect();
    assert_eq!(log.append_batch(topic, batch).await.unwrap(), [0, 0, 1, 0, 1]);
    for (partition, expected) in [(0, [1, 4].as_slice()), (1, &[3]), (2, &[0, 2])] {
        assert_eq!(values(&read_all(&log, topic, partition).await), expected);
    }
}

pub(crate) async fn what_was_answered_can_be_read_at_once(log: Log, topic: &str) {
    for number in 0..20 {
        let offsets = log.append(topic, 0, numbered(number..number + 1)).await.unwrap();
        assert_eq!(log.end_offset(topic, 0).await.unwrap(), number + 1);
        let read = log.read(topic, 0, offsets[0], 1 << 20).await.unwrap();
        assert_eq!(values(&read), [number]);
    }
}

pub(crate) async fn concurrent_appends_are_all_there_once(log: Log, topic: &str) {
    const CALLERS: u64 = 32;
    const APPENDS: u64 = 10;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (log, topic) = (Arc::clone(&log), topic.to_owned());
            tokio::spawn(async move {
                for append in 0..APPENDS {
                    let number = caller * APPENDS + append;
                    let partition = (number % u64::from(PARTITIONS)) as u32;
                    log.append(&topic, partition, numbered(number..number + 1)).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let mut found = Vec::new();
    for partition in 0..PARTITIONS {
        let values = values(&read_all(&log, topic, partition).await);
        // The appends of one caller followed each other, so they are in its order.
        for caller in 0..CALLERS {
            assert!(values.iter().filter(|value| *value / APPENDS == caller).is_sorted());
        }
        found.extend(values);
    }
    found.sort_unstable();
    assert_eq!(found, (0..CALLERS * APPENDS).collect::<Vec<_>>());
}

pub(crate) async fn headers_of_every_kind_come_back(log: Log, topic: &str) {
    let kinds = [
        Kind::Events,
        Kind::Barrier { control: None },
        Kind::Barrier { control: Some(41) },
        Kind::Mark { spool_empty_until: 1_614_589_260_000_000 },
        Kind::Control,
        Kind::Quarantine,
    ];
    let headers: Vec<_> = kinds
        .into_iter()
        .map(|kind| Header {
            kind,
            collector: "insamlare åäö \"1\"".to_owned(),
            epoch: u64::MAX,
            batch: 0,
            received: -1,
            sources: vec![("urn:å".to_owned(), 4000), (String::new(), 96)],
            released: false,
        })
        .collect();
    let records =
        headers.iter().map(|header| Record { header: header.clone(), value: Bytes::new() }).collect();
    log.append(topic, 0, records).await.unwrap();
    let found: Vec<_> =
        read_all(&log, topic, 0).await.into_iter().map(|stored| stored.header.unwrap()).collect();
    assert_eq!(found, headers);
}

pub(crate) async fn a_record_over_a_limit_is_refused_with_its_whole_batch(log: Log, topic: &str) {
    let too_long = record(1, vec![b'x'; RECORD_BYTES_MAX + 1]);
    let mut too_many = record(1, "[]");
    too_many.header.sources = vec![("a".to_owned(), EVENTS_PER_RECORD_MAX as u32), ("b".to_owned(), 1)];
    for refused in [too_long, too_many] {
        let error = log.append(topic, 0, vec![record(0, "fine"), refused]).await.unwrap_err();
        assert!(matches!(error.error, Error::RecordTooLarge { .. }), "{error:?}");
        assert!(!error.error.is_retriable());
        assert_eq!(error.outcomes, [Outcome::Out; 2]);
    }
    assert_eq!(log.end_offset(topic, 0).await.unwrap(), 0);
}

pub(crate) async fn an_unknown_topic_or_partition_is_an_error(log: Log, topic: &str) {
    let error = log.append("no-such-topic", 0, numbered(0..1)).await.unwrap_err().error;
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error:?}");
    let error = log.append(topic, PARTITIONS, numbered(0..1)).await.unwrap_err().error;
    assert!(matches!(error, Error::UnknownPartition { .. }), "{error:?}");
    assert!(matches!(log.topic("no-such-topic").await.unwrap_err(), Error::UnknownTopic { .. }));
    let error = log.read(topic, PARTITIONS, 0, 1).await.unwrap_err();
    assert!(matches!(error, Error::UnknownPartition { .. }), "{error:?}");
    let error = log.end_offset("no-such-topic", 0).await.unwrap_err();
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error:?}");
    let error = log.subscribe("no-such-topic", "group").await.err().unwrap();
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error:?}");
}

pub(crate) async fn an_empty_append_is_done(log: Log, topic: &str) {
    assert_eq!(log.append(topic, 0, Vec::new()).await.unwrap(), [0; 0]);
    assert_eq!(log.end_offset(topic, 0).await.unwrap(), 0);
}

pub(crate) async fn a_read_is_bounded_and_goes_on_where_it_stopped(log: Log, topic: &str) {
    let records = (0..10).map(|batch| record(batch, noise(100_000))).collect();
    log.append(topic, 0, records).await.unwrap();
    let read = log.read(topic, 0, 3, 250_000).await.unwrap();
    assert_eq!(read.iter().map(|record| record.offset).collect::<Vec<_>>(), [3, 4, 5]);
    let read = log.read(topic, 0, 6, 1).await.unwrap();
    assert_eq!(read.iter().map(|record| record.offset).collect::<Vec<_>>(), [6]);
    assert_eq!(log.read(topic, 0, 10, 1 << 20).await.unwrap(), []);
}

pub(crate) async fn a_read_beyond_the_end_is_an_error(log: Log, topic: &str) {
    log.append(topic, 0, numbered(0..2)).await.unwrap();
    let error = log.read(topic, 0, 3, 1 << 20).await.unwrap_err();
    assert!(matches!(error, Error::BeyondLogEnd { wanted: 3, end: 2, .. }), "{error:?}");
}

pub(crate) async fn a_deleted_prefix_is_an_error_to_read_and_never_comes_back(log: Log, topic: &str) {
    log.append(topic, 0, numbered(0..10)).await.unwrap();
    assert_eq!(log.delete_before(topic, 0, 4).await.unwrap(), 4);
    assert_eq!(log.start_offset(topic, 0).await.unwrap(), 4);
    let error = log.read(topic, 0, 3, 1 << 20).await.unwrap_err();
    assert!(matches!(error, Error::BelowLogStart { wanted: 3, start: 4, .. }), "{error:?}");
    assert!(!error.is_retriable());
    assert_eq!(values(&log.read(topic, 0, 4, 1 << 20).await.unwrap()), [4, 5, 6, 7, 8, 9]);
    assert_eq!(log.delete_before(topic, 0, 2).await.unwrap(), 4, "the start moved back");
    assert_eq!(log.delete_before(topic, 0, 10).await.unwrap(), 10);
    let error = log.delete_before(topic, 0, 11).await.unwrap_err();
    assert!(matches!(error, Error::BeyondLogEnd { .. }), "{error:?}");
    assert_eq!(log.append(topic, 0, numbered(10..11)).await.unwrap(), [10]);
    assert_eq!(values(&read_all(&log, topic, 0).await), [10]);
}

pub(crate) async fn a_subscription_delivers_nothing_before_its_owner_seeks(log: Log, topic: &str) {
    for partition in 0..PARTITIONS {
        log.append(topic, partition, numbered(0..5)).await.unwrap();
    }
    let mut subscription = log.subscribe(topic, "group").await.unwrap();
    assert_eq!(assigned(&mut *subscription).await, [0, 1, 2]);
    idle(&mut *subscription).await;
    subscription.seek(1, 2).await.unwrap();
    let records = collect(&mut *subscription, 3).await;
    assert_eq!(records.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(values(&records[&1]), [2, 3, 4]);
    idle(&mut *subscription).await;
}

pub(crate) async fn seeking_back_replays_the_same_records(log: Log, topic: &str) {
    log.append(topic, 0, numbered(0..50)).await.unwrap();
    let mut subscription = log.subscribe(topic, "group").await.unwrap();
    assigned(&mut *subscription).await;
    subscription.seek(0, 0).await.unwrap();
    let first = collect(&mut *subscription, 50).await;
    subscription.commit_for_monitoring(0, 50);
    subscription.seek(0, 0).await.unwrap();
    assert_eq!(collect(&mut *subscription, 50).await, first);
    subscription.seek(0, 48).await.unwrap();
    assert_eq!(values(&collect(&mut *subscription, 2).await[&0]), [48, 49]);
    subscription.seek(0, 50).await.unwrap();
    idle(&mut *subscription).await;
}

pub(crate) async fn a_paused_partition_is_held_back_and_loses_nothing(log: Log, topic: &str) {
    let mut subscription = log.subscribe(topic, "group").await.unwrap();
    assigned(&mut *subscription).await;
    for partition in 0..PARTITIONS {
        subscription.seek(partition, 0).await.unwrap();
    }
    log.append(topic, 0, numbered(0..10)).await.unwrap();
    assert_eq!(values(&collect(&mut *subscription, 10).await[&0]), (0..10).collect::<Vec<_>>());
    subscription.pause(0).unwrap();
    log.append(topic, 0, numbered(10..20)).await.unwrap();
    log.append(topic, 1, numbered(0..10)).await.unwrap();
    assert_eq!(collect(&mut *subscription, 10).await.keys().copied().collect::<Vec<_>>(), [1]);
    idle(&mut *subscription).await;
    log.append(topic, 0, numbered(20..30)).await.unwrap();
    idle(&mut *subscription).await;
    subscription.resume(0).unwrap();
    assert_eq!(values(&collect(&mut *subscription, 20).await[&0]), (10..30).collect::<Vec<_>>());
}

pub(crate) async fn a_subscription_refuses_to_begin_outside_the_log(log: Log, topic: &str) {
    log.append(topic, 0, numbered(0..10)).await.unwrap();
    log.delete_before(topic, 0, 5).await.unwrap();
    let mut subscription = log.subscribe(topic, "group").await.unwrap();
    assigned(&mut *subscription).await;
    let error = subscription.seek(0, 4).await.unwrap_err();
    assert!(matches!(error, Error::BelowLogStart { wanted: 4, start: 5, .. }), "{error:?}");
    let error = subscription.seek(0, 11).await.unwrap_err();
    assert!(matches!(error, Error::BeyondLogEnd { wanted: 11, end: 10, .. }), "{error:?}");
    idle(&mut *subscription).await;
    subscription.seek(0, 5).await.unwrap();
    assert_eq!(values(&collect(&mut *subscription, 5).await[&0]), [5, 6, 7, 8, 9]);
}

pub(crate) async fn a_subscription_follows_what_is_appended_meanwhile(log: Log, topic: &str) {
    const EACH: u64 = 300;
    let mut subscription = log.subscribe(topic, "group").await.unwrap();
    assigned(&mut *subscription).await;
    for partition in 0..PARTITIONS {
        subscription.seek(partition, 0).await.unwrap();
    }
    let (writer, name) = (Arc::clone(&log), topic.to_owned());
    let appending = tokio::spawn(async move {
        for number in 0..EACH {
            let batch =
                (0..PARTITIONS).zip(std::iter::repeat_n(record(number, number.to_string()), 3)).collect();
            writer.append_batch(&name, batch).await.unwrap();
        }
    });
    let records = collect(&mut *subscription, (EACH * u64::from(PARTITIONS)) as usize).await;
    appending.await.unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(values(&records[&partition]), (0..EACH).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_subscription_that_nothing_comes_for_is_idle(log: Log, topic: &str) {
    let mut subscription = log.subscribe(topic, "group").await.unwrap();
    for partition in assigned(&mut *subscription).await {
        subscription.seek(partition, 0).await.unwrap();
    }
    idle(&mut *subscription).await;
}

pub(crate) async fn a_wait_ends_when_something_comes_and_when_the_time_is_up(log: Log, topic: &str) {
    assert_eq!(log.wait_for_more(topic, 0, 0, Duration::from_millis(50)).await.unwrap(), 0);
    let (waiter, name) = (Arc::clone(&log), topic.to_owned());
    let waiting = tokio::spawn(async move { waiter.wait_for_more(&name, 0, 0, DEADLINE).await.unwrap() });
    let started = Instant::now();
    log.append(topic, 0, numbered(0..1)).await.unwrap();
    assert_eq!(waiting.await.unwrap(), 1);
    assert!(started.elapsed() < DEADLINE / 2, "the wait did not end when something came");
    assert_eq!(log.wait_for_more(topic, 0, 0, DEADLINE).await.unwrap(), 1, "it was there already");
}

pub(crate) async fn a_topic_keeps_its_id_and_its_partitions(log: Log, topic: &str) {
    let found = log.topic(topic).await.unwrap();
    assert_eq!((found.name.as_str(), found.partitions), (topic, PARTITIONS));
    assert_eq!(log.ensure_topics(&spec(topic)).await.unwrap(), std::slice::from_ref(&found));
    assert_eq!(log.check_topics(&spec(topic)).await.unwrap(), []);
    let other = TopicSpec { name: topic.to_owned(), partitions: PARTITIONS + 1 };
    let error = log.ensure_topics(std::slice::from_ref(&other)).await.unwrap_err();
    assert!(matches!(error, Error::OtherPartitions { found: PARTITIONS, .. }), "{error:?}");
    let second = TopicSpec { name: format!("{topic}-second"), partitions: 1 };
    let second = log.ensure_topics(&[second]).await.unwrap().remove(0);
    assert_ne!(second.id, found.id);
    assert_eq!(log.topic(topic).await.unwrap(), found);
}

pub(crate) async fn a_topic_that_gets_more_partitions_keeps_its_id_and_its_records(log: Log, topic: &str) {
    let before = log.topic(topic).await.unwrap();
    log.append(topic, 2, numbered(0..5)).await.unwrap();
    let mut old = log.subscribe(topic, "old").await.unwrap();
    assert_eq!(assigned(&mut *old).await, [0, 1, 2]);
    old.seek(2, 3).await.unwrap();

    let grown = log.add_partitions(topic, 7).await.unwrap();
    assert_eq!((grown.id, grown.partitions, &grown.name), (before.id, 7, &before.name));
    assert_eq!(log.topic(topic).await.unwrap(), grown);
    assert_eq!(log.add_partitions(topic, 7).await.unwrap(), grown);
    let error = log.add_partitions(topic, 6).await.unwrap_err();
    assert!(matches!(error, Error::OtherPartitions { wanted: 6, found: 7, .. }), "{error:?}");
    let error = log.add_partitions("no-such-topic", 6).await.unwrap_err();
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error:?}");

    // The offsets of a partition that was there go on, and those of a new one begin at zero.
    assert_eq!(log.append(topic, 2, numbered(5..6)).await.unwrap(), [5]);
    assert_eq!(log.append(topic, 6, numbered(0..2)).await.unwrap(), [0, 1]);
    assert_eq!(log.end_offset(topic, 5).await.unwrap(), 0);
    assert_eq!(values(&read_all(&log, topic, 2).await), (0..6).collect::<Vec<_>>());
    assert_eq!(values(&collect(&mut *old, 3).await[&2]), [3, 4, 5]);
    drop(old);
    let mut new = log.subscribe(topic, "new").await.unwrap();
    assert_eq!(assigned(&mut *new).await, [0, 1, 2, 3, 4, 5, 6]);
    new.seek(6, 0).await.unwrap();
    assert_eq!(values(&collect(&mut *new, 2).await[&6]), [0, 1]);
}
