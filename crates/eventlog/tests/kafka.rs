//! The Kafka adapter on a real Apache Kafka: what every adapter does, and what only a shared log can.
#![expect(clippy::unwrap_used, reason = "a test fails by it; clippy knows only functions marked as tests")]

#[path = "suite/behaviours.rs"]
mod behaviours;

use behaviours::{
    DEADLINE, Log, PARTITIONS, assigned, collect, for_each_behaviour, header, idle, numbered, read_all,
    record, spec, values,
};
use bytes::Bytes;
use eventlog::kafka::{Config, KafkaLog};
use eventlog::testkit::kafka::Cluster;
use eventlog::{Delivery, Error, Subscription, UnreadableHeader};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One broker for all tests of this process; each test has topics of its own.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(1).unwrap_or_else(|error| panic!("{error}")))
}

fn open(config: Config) -> Log {
    Arc::new(KafkaLog::open(config).unwrap())
}

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

async fn log_with(topic: &str) -> Log {
    let log = open(cluster().config());
    log.ensure_topics(&spec(topic)).await.unwrap();
    log
}

macro_rules! conformance {
    ($($behaviour:ident)*) => {
        $(#[test]
        fn $behaviour() {
            run(async {
                let topic = stringify!($behaviour);
                behaviours::$behaviour(log_with(topic).await, topic).await;
            });
        })*
    };
}
for_each_behaviour!(conformance);

fn client() -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", cluster().brokers());
    client
}

fn admin() -> AdminClient<DefaultClientContext> {
    client().create().unwrap()
}

#[test]
fn a_record_of_another_producer_is_delivered_with_what_it_has() {
    run(async {
        let topic = "a_record_of_another_producer";
        let log = log_with(topic).await;
        let producer: BaseProducer = client().create().unwrap();
        let ours = |value| OwnedHeaders::new().insert(Header { key: "taxameter", value: Some(value) });
        let plain = || BaseRecord::<str, [u8]>::to(topic).partition(0);
        producer.send(plain().key("any key").payload(b"\n\n")).unwrap();
        producer.send(plain()).unwrap();
        producer.send(plain().headers(ours("{\"v\":7}"))).unwrap();
        producer.send(plain().headers(ours("nonsense"))).unwrap();
        let encoded = header(1).encode();
        let good = || Header { key: "taxameter", value: Some(&encoded) };
        producer.send(plain().headers(OwnedHeaders::new().insert(good()).insert(good()))).unwrap();
        let other = Header { key: "traceparent", value: Some("00-1-2-01") };
        producer.send(plain().headers(OwnedHeaders::new().insert(other).insert(good()))).unwrap();
        producer.flush(DEADLINE).unwrap();

        let records = read_all(&log, topic, 0).await;
        assert_eq!(records.len(), 6);
        assert_eq!(records[0].key, Some(Bytes::from_static(b"any key")));
        assert_eq!(records[0].value, Bytes::from_static(b"\n\n"));
        assert_eq!(records[0].header, Err(UnreadableHeader::Missing));
        assert_eq!(records[0].received(), records[0].timestamp);
        assert!(records[0].timestamp > 1_600_000_000_000_000);
        assert_eq!((&records[1].key, &records[1].value), (&None, &Bytes::new()));
        assert_eq!(records[2].header, Err(UnreadableHeader::Version(7)));
        assert!(matches!(records[3].header, Err(UnreadableHeader::Malformed(_))));
        assert_eq!(records[4].header, Err(UnreadableHeader::Repeated));
        assert_eq!(records[5].header, Ok(header(1)));

        let mut subscription = log.subscribe(topic, "group").await.unwrap();
        assigned(&mut *subscription).await;
        subscription.seek(0, 0).await.unwrap();
        assert_eq!(collect(&mut *subscription, 6).await[&0], records);
    });
}

/// Takes what a member of a group is told, until it has so many partitions.
async fn until_owning(
    member: &mut dyn Subscription,
    owned: &mut BTreeSet<u32>,
    done: impl Fn(usize) -> bool,
) {
    let started = Instant::now();
    while !done(owned.len()) {
        assert!(started.elapsed() < DEADLINE, "still owns {owned:?}");
        match member.next().await.unwrap() {
            Delivery::Assigned(partitions) => owned.extend(partitions),
            Delivery::Revoked(partitions) => owned.retain(|partition| !partitions.contains(partition)),
            Delivery::Records { partition, .. } => assert!(owned.contains(&partition)),
            Delivery::Idle => {}
        }
    }
}

#[test]
fn two_owners_share_the_partitions_and_one_takes_over_from_the_other() {
    run(async {
        let topic = "two_owners";
        let log = log_with(topic).await;
        let all = PARTITIONS as usize;
        for partition in 0..PARTITIONS {
            log.append(topic, partition, numbered(0..20)).await.unwrap();
        }
        let mut first = log.subscribe(topic, "group").await.unwrap();
        let mut of_first = BTreeSet::new();
        until_owning(&mut *first, &mut of_first, |owned| owned == all).await;
        for partition in &of_first {
            first.seek(*partition, 0).await.unwrap();
        }
        collect(&mut *first, 20 * all).await;

        let mut second = log.subscribe(topic, "group").await.unwrap();
        let mut of_second = BTreeSet::new();
        let gives = until_owning(&mut *first, &mut of_first, |owned| owned < all);
        let takes = until_owning(&mut *second, &mut of_second, |owned| owned > 0);
        tokio::join!(gives, takes);
        assert!(of_first.is_disjoint(&of_second), "{of_first:?} {of_second:?}");
        assert_eq!(of_first.len() + of_second.len(), all);
        let moved = *of_second.first().unwrap();
        let error = first.seek(moved, 0).await.unwrap_err();
        assert!(matches!(error, Error::NotAssigned { .. }), "{error:?}");
        second.seek(moved, 15).await.unwrap();
        assert_eq!(values(&collect(&mut *second, 5).await[&moved]), [15, 16, 17, 18, 19]);
        // What stayed goes on without another seek.
        let stayed = *of_first.first().unwrap();
        log.append(topic, stayed, numbered(20..25)).await.unwrap();
        assert_eq!(values(&collect(&mut *first, 5).await[&stayed]), [20, 21, 22, 23, 24]);

        drop(first);
        until_owning(&mut *second, &mut of_second, |owned| owned == all).await;
    });
}

#[test]
fn an_owner_that_is_slow_stays_in_its_group_and_gets_everything() {
    run(async {
        let topic = "a_slow_owner";
        let log = log_with(topic).await;
        let mut subscription = log.subscribe(topic, "group").await.unwrap();
        assigned(&mut *subscription).await;
        subscription.seek(0, 0).await.unwrap();
        // Far more than fits on the way, so that the partitions are paused behind the owner's back.
        const RECORDS: u64 = 60;
        for batch in 0..RECORDS {
            log.append(topic, 0, vec![record(batch, vec![b'x'; 900_000])]).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let records = collect(&mut *subscription, RECORDS as usize).await.remove(&0).unwrap();
        let offsets: Vec<_> = records.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (0..RECORDS).collect::<Vec<_>>());
        idle(&mut *subscription).await;
    });
}

#[test]
fn a_topic_made_anew_has_another_id() {
    run(async {
        let topic = "a_topic_made_anew";
        let log = log_with(topic).await;
        let first = log.topic(topic).await.unwrap();
        let results = admin().delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
        assert_eq!(results, [Ok(topic.to_owned())]);
        let started = Instant::now();
        while log.topic(topic).await.is_ok() {
            assert!(started.elapsed() < DEADLINE, "the topic is still there");
        }
        let second = log.ensure_topics(&spec(topic)).await.unwrap().remove(0);
        assert_eq!(second.partitions, first.partitions);
        assert_ne!(second.id, first.id);
    });
}

#[test]
fn settings_that_endanger_records_are_found() {
    run(async {
        let topic = "bad_settings";
        let log = open(Config { replication_factor: 3, min_insync_replicas: 2, ..cluster().config() });
        let bad = NewTopic::new(topic, 1, TopicReplication::Fixed(1))
            .set("cleanup.policy", "compact,delete")
            .set("retention.ms", "3600000")
            .set("message.timestamp.type", "CreateTime");
        admin().create_topics(&[bad], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        let spec = eventlog::TopicSpec { name: topic.to_owned(), partitions: 1 };
        log.ensure_topics(std::slice::from_ref(&spec)).await.unwrap();
        let findings = log.check_topics(&[spec]).await.unwrap();
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.setting.as_str(), finding.found.as_str())).collect();
        let expected = [
            ("cleanup.policy", "compact,delete"),
            ("retention.ms", "3600000"),
            ("message.timestamp.type", "CreateTime"),
            ("min.insync.replicas", "1"),
            ("replication.factor", "1"),
        ];
        assert_eq!(found, expected);
    });
}

/// librdkafka asks for the end of a partition that is assigned there, and when a seek overtakes the answer, asks again and
/// goes to where the end is then.
#[test]
fn nothing_that_comes_while_a_partition_is_taken_over_is_passed_over() {
    run(async {
        let topic = "appended_while_taken_over";
        let log = log_with(topic).await;
        log.append(topic, 0, numbered(0..10)).await.unwrap();
        for round in 0..8_u64 {
            let mut subscription = log.subscribe(topic, &format!("group-{round}")).await.unwrap();
            assigned(&mut *subscription).await;
            subscription.seek(0, 0).await.unwrap();
            // Longer than the half second after which librdkafka asks again.
            let (appending, first) = (Arc::clone(&log), 10 + 50 * round);
            let appends = tokio::spawn(async move {
                for number in first..first + 50 {
                    appending.append(topic, 0, numbered(number..number + 1)).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            let records = collect(&mut *subscription, first as usize + 50).await;
            let offsets: Vec<u64> = records[&0].iter().map(|record| record.offset).collect();
            assert_eq!(offsets, (0..first + 50).collect::<Vec<_>>());
            appends.await.unwrap();
        }
    });
}

#[test]
fn records_deleted_under_an_owner_end_its_subscription() {
    run(async {
        let topic = "deleted_under_an_owner";
        let log = log_with(topic).await;
        log.append(topic, 0, numbered(0..10)).await.unwrap();
        let mut subscription = log.subscribe(topic, "group").await.unwrap();
        assigned(&mut *subscription).await;
        subscription.seek(0, 0).await.unwrap();
        collect(&mut *subscription, 10).await;
        // A pause and records that were held make librdkafka fetch again from where the owner is.
        subscription.pause(0).unwrap();
        log.append(topic, 0, numbered(10..20)).await.unwrap();
        idle(&mut *subscription).await;
        log.append(topic, 0, numbered(20..30)).await.unwrap();
        log.delete_before(topic, 0, 25).await.unwrap();
        subscription.resume(0).unwrap();
        let started = Instant::now();
        let error = loop {
            assert!(started.elapsed() < DEADLINE, "the deletion was not noticed");
            match subscription.next().await {
                Ok(Delivery::Records { records, .. }) => {
                    assert!(values(&records) <= (10..20).collect::<Vec<_>>())
                }
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::BelowLogStart { wanted: 20, start: 25, .. }), "{error:?}");
    });
}

#[test]
fn too_much_at_once_is_refused_at_once() {
    run(async {
        let topic = "too_much_at_once";
        log_with(topic).await;
        let log = open(Config { queue_bytes_max: 2_000_000, ..cluster().config() });
        let appends: Vec<_> = (0..20)
            .map(|number| {
                let log = Arc::clone(&log);
                tokio::spawn(
                    async move { log.append(topic, 0, vec![record(number, vec![0; 900_000])]).await },
                )
            })
            .collect();
        let mut taken = 0;
        for append in appends {
            match append.await.unwrap() {
                Ok(_) => taken += 1,
                Err(error) => assert!(matches!(error.error, Error::Overloaded { .. }), "{error:?}"),
            }
        }
        assert!(taken > 0);
        assert_eq!(log.end_offset(topic, 0).await.unwrap(), taken);
    });
}

#[test]
fn an_append_that_nobody_confirms_is_unknown_after_its_time() {
    run(async {
        let mut cluster = Cluster::start(1).unwrap();
        let config = Config {
            delivery_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(2),
            ..cluster.config()
        };
        let log = open(config);
        log.ensure_topics(&spec("topic")).await.unwrap();
        log.append("topic", 0, numbered(0..1)).await.unwrap();
        cluster.freeze_node(0, true).unwrap();
        let error = log.append("topic", 0, numbered(1..3)).await.unwrap_err();
        assert!(matches!(error.error, Error::Unknown { .. }), "{error:?}");
        assert!(error.error.is_retriable());
        assert_eq!(error.count_unknown(), 2);
        let error = log.end_offset("topic", 0).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        cluster.freeze_node(0, false).unwrap();

        // The producer goes on by itself, also after the broker was killed and came back.
        cluster.kill_node(0);
        cluster.start_node(0).unwrap();
        cluster.await_nodes(1).unwrap();
        let started = Instant::now();
        while let Err(error) = log.append("topic", 0, numbered(3..4)).await {
            assert!(started.elapsed() < DEADLINE, "{error:?}");
        }
        let found = values(&read_all(&log, "topic", 0).await);
        assert_eq!((found.first(), found.last()), (Some(&0), Some(&3)));
    });
}

#[test]
fn one_of_three_brokers_may_die_and_two_may_not() {
    run(async {
        let mut cluster = Cluster::start(3).unwrap();
        let log = open(Config { delivery_timeout: Duration::from_secs(10), ..cluster.config() });
        log.ensure_topics(&spec("topic")).await.unwrap();
        assert_eq!(log.check_topics(&spec("topic")).await.unwrap(), []);
        log.append("topic", 0, numbered(0..1)).await.unwrap();
        cluster.kill_node(0);
        append_until_taken(&log, 1).await;
        cluster.kill_node(1);
        let error = log.append("topic", 0, numbered(2..3)).await.unwrap_err();
        assert!(error.error.is_retriable(), "{error:?}");
        cluster.start_node(0).unwrap();
        cluster.start_node(1).unwrap();
        cluster.await_nodes(3).unwrap();
        append_until_taken(&log, 3).await;
        let mut found = values(&read_all(&log, "topic", 0).await);
        found.dedup();
        found.retain(|number| *number != 2);
        assert_eq!(found, [0, 1, 3]);
    });
}

/// Appends a number to partition 0; what is repeated may be there twice.
async fn append_until_taken(log: &Log, number: u64) {
    let started = Instant::now();
    while let Err(error) = log.append("topic", 0, numbered(number..number + 1)).await {
        assert!(error.error.is_retriable() && started.elapsed() < DEADLINE, "{error:?}");
    }
}

#[test]
fn a_group_shows_how_far_its_owners_are() {
    run(async {
        let topic = "how_far";
        let log = log_with(topic).await;
        log.append(topic, 1, numbered(0..9)).await.unwrap();
        let mut subscription = log.subscribe(topic, "how-far").await.unwrap();
        assigned(&mut *subscription).await;
        subscription.commit_for_monitoring(1, 7);
        let watcher: BaseConsumer = client().set("group.id", "how-far").create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, 1);
        let started = Instant::now();
        loop {
            let committed = watcher.committed_offsets(asked.clone(), DEADLINE).unwrap();
            if committed.elements()[0].offset() == Offset::Offset(7) {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "{committed:?}");
        }
    });
}

#[test]
fn the_client_knows_tls_scram_and_every_codec_and_refuses_what_it_does_not_know() {
    let with = |properties: &[(&str, &str)]| {
        let properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        KafkaLog::open(Config { properties, ..Config::new("127.0.0.1:1") })
    };
    let tls = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", "taxameter"),
        ("sasl.password", "secret"),
    ];
    with(&tls).unwrap();
    assert!(!format!("{:?}", with(&tls).unwrap()).contains("secret"));
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        with(&[("compression.codec", codec)]).unwrap();
    }
    let error = with(&[("no.such.property", "1")]).unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error:?}");
}
