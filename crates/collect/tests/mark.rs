//! A mark is written when it is true, and soon after somebody asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use collect::Marker;
use domain::Instant;
use eventlog::{EventLog, Header, Kind, Record, header, topic};
use tokio::sync::watch;

use crate::support::{Stand, now};

fn marker(stand: &Stand) -> Marker {
    let log: Arc<dyn EventLog> = Arc::<eventlog::embedded::EmbeddedLog>::clone(&stand.log);
    Marker::new(Arc::clone(&stand.intake), log, now)
}

/// The instants of the marks on the log.
async fn marks(stand: &Stand) -> Vec<i64> {
    let records = stand.records(topic::USAGE).await;
    let headers = records.into_iter().map(|(partition, record)| (partition, record.header.unwrap()));
    let marks = headers.filter_map(|(partition, header)| {
        let Kind::Mark { spool_empty_until } = header.kind else { return None };
        assert_eq!((partition, header.collector.as_str(), header.epoch, header.batch), (0, "c1", 7, 0));
        assert!(header.sources.is_empty());
        Some(spool_empty_until)
    });
    marks.collect()
}

async fn decide(stand: &Stand, at: Instant) {
    let header = Header {
        kind: Kind::Control,
        collector: "billing".to_owned(),
        epoch: 0,
        batch: 0,
        received: at.micros(),
        sources: Vec::new(),
        released: false,
    };
    let record = Record { header, value: Bytes::from_static(b"{}") };
    stand.log.append(topic::CONTROL, 0, vec![record]).await.unwrap();
}

async fn until(awaited: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain: {awaited}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_mark_stays_behind_what_is_under_way() {
    let stand = Stand::new().await;
    let marker = marker(&stand);
    let earlier = || Instant::from_micros(now().micros() - 5_000_000);
    let arrival = stand.intake.arrive(earlier);
    assert_eq!(marker.mark().await.unwrap(), Some(Instant::from_micros(earlier().micros() - 1)));
    drop(arrival);
    assert_eq!(marker.mark().await.unwrap(), Some(Instant::from_micros(now().micros() - 1)));
    assert_eq!(marks(&stand).await, [earlier().micros() - 1, now().micros() - 1]);
}

#[tokio::test]
async fn a_start_and_a_decision_are_followed_by_a_mark_and_an_orderly_end_by_the_last_one() {
    let stand = Stand::new().await;
    let (stop, stopped) = watch::channel(false);
    let own = marker(&stand);
    let running = tokio::spawn(async move {
        own.run(stopped).await;
        own
    });
    until("the first mark", async || marks(&stand).await.len() == 1).await;
    decide(&stand, Instant::from_micros(now().micros() - 60_000_000)).await;
    until("the mark after a decision", async || marks(&stand).await.len() == 2).await;
    stop.send_replace(true);
    let own = running.await.unwrap();
    own.leave().await;
    let marks = marks(&stand).await;
    assert_eq!(marks, [now().micros() - 1, now().micros() - 1, header::LEFT]);
}

#[tokio::test]
async fn a_decision_that_no_mark_is_later_than_is_followed_by_more_marks() {
    // The clock that decided is ahead of this one, which never catches up here.
    let stand = Stand::new().await;
    let (_stop, stopped) = watch::channel(false);
    let own = marker(&stand);
    tokio::spawn(async move { own.run(stopped).await });
    until("the first mark", async || marks(&stand).await.len() == 1).await;
    decide(&stand, Instant::from_micros(now().micros() + 1_000_000)).await;
    until("marks until one is later", async || marks(&stand).await.len() >= 4).await;
}
