//! What was accepted while the log was away is on it afterwards, in order, whatever died meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use collect::intake::Config;
use collect::{Intake, Metrics, Mode, Principal, SpoolConfig, Unavailable};
use domain::EventKey;
use eventlog::embedded::{self, EmbeddedLog};
use eventlog::{EventLog, Header, Stored, TopicSpec, topic};
use prometheus::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::flaky::{Flaky, How};
use crate::support::{PARTITIONS, catalogue, counted, event, event_with, now, records_of};

/// A log that can fail, and the place of a collector beside it.
struct Yard {
    log: Arc<EmbeddedLog>,
    flaky: Arc<Flaky>,
    directory: tempfile::TempDir,
}

/// One run of the collector.
struct Run {
    intake: Arc<Intake>,
    registry: Registry,
    stop: watch::Sender<bool>,
    drain: JoinHandle<()>,
}

impl Yard {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(embedded::Config::new(directory.path().join("log"))).unwrap();
        log.ensure_topics(&TopicSpec::standard(PARTITIONS)).await.unwrap();
        let log = Arc::new(log);
        Self { flaky: Flaky::new(Arc::clone(&log)), log, directory }
    }

    fn spool(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    async fn run(&self, epoch: u64) -> Run {
        self.run_within(epoch, Some(SpoolConfig::new(self.spool()))).await
    }

    async fn run_within(&self, epoch: u64, spool: Option<SpoolConfig>) -> Run {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let config = Config { collector: "c1".to_owned(), epoch, hash_key: [9; 32], spool };
        let log: Arc<dyn EventLog> = Arc::<Flaky>::clone(&self.flaky);
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue()));
        let intake = Arc::new(Intake::start(config, log, catalogue, metrics).await.unwrap());
        let (stop, stopped) = watch::channel(false);
        let drain = tokio::spawn({
            let intake = Arc::clone(&intake);
            async move { intake.drain(stopped).await }
        });
        Run { intake, registry, stop, drain }
    }

    async fn records(&self, topic: &str) -> Vec<(u32, Stored)> {
        records_of(&self.log, topic).await
    }
}

impl Run {
    async fn accept(&self, event: &str) -> Result<collect::Answer, Unavailable> {
        self.intake.accept(&[event.as_bytes()], now(), &Principal::Anyone, Mode::Each).await
    }

    /// Waits until the spool is empty.
    async fn drained(&self) {
        let began = std::time::Instant::now();
        while !self.intake.is_spool_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "the spool was not drained in a minute");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn counted(&self, name: &str) -> u64 {
        counted(&self.registry, &format!("taxameter_collect_{name}"), None)
    }

    /// Ends as a killed process does: nothing more is drained, and the directory is free.
    async fn kill(self, yard: &Yard) {
        self.drain.abort();
        let _ = self.drain.await;
        drop((self.stop, self.intake));
        // What is under way holds it a little longer.
        let lock = std::fs::File::open(yard.spool().join("LOCK")).unwrap();
        let began = std::time::Instant::now();
        while lock.try_lock().is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "the spool is still in use");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn headers(records: &[(u32, Stored)]) -> Vec<(u32, Header)> {
    records.iter().map(|(partition, record)| (*partition, record.header.clone().unwrap())).collect()
}

fn seqs(records: &[(u32, Stored)]) -> Vec<String> {
    let value = |record: &Stored| String::from_utf8(record.value.to_vec()).unwrap();
    let seq =
        |text: &str| text.split("\"seq\":").nth(1).unwrap().split(',').next().map(str::to_owned).unwrap();
    let events = records.iter().flat_map(|(_, record)| {
        let value = value(record);
        eventlog::wire::split(value.as_bytes())
            .unwrap()
            .into_iter()
            .map(|event| seq(std::str::from_utf8(event).unwrap()))
            .collect::<Vec<_>>()
    });
    events.collect()
}

/// A revision of the one event that these tests follow.
fn revision(seq: usize) -> String {
    event_with("a", "\"service\"", &format!("\"seq\":{seq},\"service\""))
}

#[tokio::test]
async fn what_comes_while_the_log_is_away_is_accepted_and_reaches_it_in_order() {
    for how in [How::Away, How::Overloaded, How::Lost] {
        let yard = Yard::new().await;
        let run = yard.run(7).await;
        assert_eq!(run.accept(&revision(0)).await.unwrap().accepted, 1);
        yard.flaky.turn(how);
        for seq in 1..=20 {
            assert_eq!(run.accept(&revision(seq)).await.unwrap().accepted, 1, "{how:?} {seq}");
        }
        assert_eq!(yard.records(topic::USAGE).await.len(), 1);
        assert!(!run.intake.is_spool_empty());
        assert!(run.counted("spool_bytes") > 0 && run.counted("spool_records") == 20);
        yard.flaky.turn(How::Up);
        run.drained().await;
        assert_eq!(run.accept(&revision(21)).await.unwrap().accepted, 1);
        let records = yard.records(topic::USAGE).await;
        let want: Vec<String> = (0..=21).map(|seq| seq.to_string()).collect();
        assert_eq!(seqs(&records), want, "{how:?}");
        let batches: Vec<u64> = headers(&records).iter().map(|(_, header)| header.batch).collect();
        assert!(batches.is_sorted_by(|a, b| a < b), "{batches:?}");
        assert_eq!(
            (run.counted("spool_bytes"), run.counted("spool_records")),
            (0, 0),
            "nothing of it stays behind"
        );
        assert_eq!(
            (run.counted("spool_spooled_records_total"), run.counted("spool_drained_records_total")),
            (20, 20)
        );
        assert_eq!(run.counted("unavailable_total"), 0);
    }
}

#[tokio::test]
async fn a_record_that_may_have_arrived_is_sent_again_as_it_is() {
    let yard = Yard::new().await;
    let run = yard.run(7).await;
    yard.flaky.turn(How::Unconfirmed);
    run.accept(&revision(0)).await.unwrap();
    yard.flaky.turn(How::Up);
    run.drained().await;
    let records = yard.records(topic::USAGE).await;
    // Once when it came, and as often as the drain tried before the log confirmed again.
    assert!(records.len() >= 2);
    let (_, first) = &records[0];
    for (_, record) in &records {
        assert_eq!((&record.header, &record.value), (&first.header, &first.value));
    }
}

#[tokio::test]
async fn what_has_surely_arrived_is_not_sent_again() {
    let yard = Yard::new().await;
    let run = yard.run(7).await;
    yard.flaky.turn(How::Halved);
    // Every wrong event is a record of the quarantine's lane.
    let wrong = ["a", "b", "c"].map(|id| event_with(id, "\"unit\":\"h\"", "\"unit\":\"kWh\""));
    let slices = wrong.each_ref().map(|event| event.as_bytes());
    let answer = run.intake.accept(&slices, now(), &Principal::Anyone, Mode::Each).await.unwrap();
    assert_eq!(answer.rejected.len(), 3);
    yard.flaky.turn(How::Up);
    run.drained().await;
    let records = yard.records(topic::QUARANTINE).await;
    let ids: Vec<String> = records
        .iter()
        .map(|(_, record)| {
            serde_json::from_slice::<serde_json::Value>(&record.value).unwrap()["id"].to_string()
        })
        .collect();
    assert_eq!(ids, ["\"a\"", "\"b\"", "\"c\""]);
}

#[tokio::test]
async fn what_arrives_late_is_not_sent_again() {
    let yard = Yard::new().await;
    let run = yard.run(7).await;
    yard.flaky.turn(How::Hangs);
    assert_eq!(run.accept(&revision(0)).await.unwrap().accepted, 1, "it does not wait for ever");
    assert_eq!(run.accept(&revision(1)).await.unwrap().accepted, 1);
    yard.flaky.turn(How::Up);
    run.drained().await;
    assert_eq!(seqs(&yard.records(topic::USAGE).await), ["0", "1"]);
}

#[tokio::test]
async fn what_is_in_the_spool_outlives_the_collector_and_goes_first() {
    let yard = Yard::new().await;
    let mut seq = 0;
    for epoch in 1..=4 {
        // The first run finds the log; the others start while it is away.
        let run = yard.run(epoch).await;
        yard.flaky.turn(How::Away);
        for _ in 0..10 {
            run.accept(&revision(seq)).await.unwrap();
            seq += 1;
        }
        run.accept(&event_with(&seq.to_string(), "\"unit\":\"h\"", "\"unit\":\"kWh\"")).await.unwrap();
        assert_eq!(run.counted("spool_records"), epoch * 11);
        run.kill(&yard).await;
    }
    let run = yard.run(5).await;
    yard.flaky.turn(How::Up);
    run.accept(&revision(seq)).await.unwrap();
    run.drained().await;
    let records = yard.records(topic::USAGE).await;
    let want: Vec<String> = (0..=seq).map(|seq| seq.to_string()).collect();
    assert_eq!(seqs(&records), want);
    let epochs: Vec<u64> = headers(&records).iter().map(|(_, header)| header.epoch).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    assert_eq!(yard.records(topic::QUARANTINE).await.len(), 4);
}

#[tokio::test]
async fn a_collector_that_dies_while_it_drains_repeats_records_and_loses_none() {
    let yard = Yard::new().await;
    let run = yard.run(1).await;
    yard.flaky.turn(How::Away);
    for seq in 0..20 {
        run.accept(&revision(seq)).await.unwrap();
    }
    // It reaches the log and never learns of it.
    yard.flaky.turn(How::Unconfirmed);
    let began = std::time::Instant::now();
    while yard.records(topic::USAGE).await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing was drained");
        tokio::task::yield_now().await;
    }
    run.kill(&yard).await;
    yard.flaky.turn(How::Up);
    let run = yard.run(2).await;
    run.drained().await;
    let headers = headers(&yard.records(topic::USAGE).await);
    let mut batches: Vec<u64> = headers.iter().map(|(_, header)| header.batch).collect();
    assert!(batches.len() > 20 && headers.iter().all(|(_, header)| header.epoch == 1));
    batches.sort_unstable();
    batches.dedup();
    assert_eq!(batches.len(), 20);
}

#[tokio::test]
async fn a_full_spool_asks_senders_to_wait_and_takes_events_again_when_it_is_drained() {
    let yard = Yard::new().await;
    let spool = SpoolConfig { bytes_max: 3_000, ..SpoolConfig::new(yard.spool()) };
    let run = yard.run_within(7, Some(spool)).await;
    yard.flaky.turn(How::Away);
    let mut accepted = 0;
    let refused = loop {
        match run.accept(&revision(accepted)).await {
            Ok(_) => accepted += 1,
            Err(refused) => break refused,
        }
        assert!(accepted < 10, "it holds more than it may");
    };
    assert_eq!((refused, accepted > 1), (Unavailable::SpoolFull, true));
    assert!(run.counted("spool_bytes") <= 3_000);
    yard.flaky.turn(How::Up);
    run.drained().await;
    run.accept(&revision(accepted)).await.unwrap();
    let want: Vec<String> = (0..=accepted).map(|seq| seq.to_string()).collect();
    assert_eq!(seqs(&yard.records(topic::USAGE).await), want, "what was refused is not there");
}

#[tokio::test]
async fn a_full_disk_under_the_spool_asks_senders_to_wait() {
    let yard = Yard::new().await;
    let spool = SpoolConfig { free_bytes_min: u64::MAX, ..SpoolConfig::new(yard.spool()) };
    let run = yard.run_within(7, Some(spool)).await;
    yard.flaky.turn(How::Away);
    assert_eq!(run.accept(&revision(0)).await, Err(Unavailable::SpoolFull));
    assert_eq!(run.counted("spool_bytes"), 0);
}

#[tokio::test]
async fn without_a_spool_senders_are_asked_to_wait_at_once() {
    let yard = Yard::new().await;
    let run = yard.run_within(7, None).await;
    yard.flaky.turn(How::Away);
    assert_eq!(run.accept(&revision(0)).await, Err(Unavailable::Log));
    yard.flaky.turn(How::Overloaded);
    assert_eq!(run.accept(&revision(0)).await, Err(Unavailable::Overloaded));
    yard.flaky.turn(How::Up);
    run.accept(&revision(0)).await.unwrap();
    assert_eq!(yard.records(topic::USAGE).await.len(), 1);
}

#[tokio::test]
async fn a_torn_tail_of_the_spool_is_cut_and_counted() {
    let yard = Yard::new().await;
    let run = yard.run(1).await;
    yard.flaky.turn(How::Away);
    run.accept(&revision(0)).await.unwrap();
    run.accept(&revision(1)).await.unwrap();
    run.kill(&yard).await;
    // As if the machine had lost power in the middle of the second record's write.
    let journal = newest_journal(&yard.spool());
    let bytes = std::fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    std::fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(end as u64 - 40).unwrap();
    let run = yard.run(2).await;
    assert_eq!(run.counted("spool_cut_records_total"), 1);
    run.accept(&revision(2)).await.unwrap();
    yard.flaky.turn(How::Up);
    run.drained().await;
    assert_eq!(seqs(&yard.records(topic::USAGE).await), ["0", "2"]);
}

fn newest_journal(spool: &Path) -> PathBuf {
    let files = std::fs::read_dir(spool.join("store")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).max().unwrap()
}

#[tokio::test]
async fn a_spool_follows_its_events_to_a_usage_log_with_more_partitions() {
    let yard = Yard::new().await;
    let run = yard.run(1).await;
    yard.flaky.turn(How::Away);
    for n in 0..20 {
        run.accept(&event(&n.to_string())).await.unwrap();
    }
    run.accept(&event_with("wrong", "\"unit\":\"h\"", "\"unit\":\"kWh\"")).await.unwrap();
    run.kill(&yard).await;
    let other = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(embedded::Config::new(other.path())).unwrap());
    log.ensure_topics(&TopicSpec::standard(4 * PARTITIONS)).await.unwrap();
    let yard = Yard { flaky: Flaky::new(Arc::clone(&log)), log, ..yard };
    let run = yard.run(2).await;
    let mut events = Vec::new();
    for (partition, record) in yard.records(topic::USAGE).await {
        let header = record.header.unwrap();
        assert_eq!((header.epoch, header.received), (2, now().micros()));
        for event in eventlog::wire::split(&record.value).unwrap() {
            let decoded = eventlog::wire::decode(event).unwrap();
            assert_eq!(EventKey::of(&decoded.source, &decoded.id).partition(4 * PARTITIONS), partition);
            events.push(String::from_utf8(event.to_vec()).unwrap());
        }
    }
    events.sort();
    let mut want: Vec<String> = (0..20).map(|n| event(&n.to_string())).collect();
    want.sort();
    assert_eq!(events, want);
    assert_eq!(yard.records(topic::QUARANTINE).await.len(), 1);
    assert!(run.intake.is_spool_empty());
    let left = std::fs::read_dir(yard.directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().starts_with("spool")).count(), 1);
}
