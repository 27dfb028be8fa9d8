//! Counting that stands still is seen.

use std::sync::Arc;
use std::time::Duration;

use aggregate::lag::Movement;
use arc_swap::ArcSwap;
use domain::catalogue::Catalogue;
use eventlog::topic;
use prometheus::{Registry, TextEncoder};
use store::AsOf;

use crate::world::{Event, TURN, World, catalogue, row, until};

fn metric(registry: &Registry, name: &str) -> Option<i64> {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_that_waits_for_a_meter_stands_still_until_the_catalogue_has_it() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path(), 1).await;
    let (in_force, registry) = (Arc::new(ArcSwap::from_pointee(Catalogue::default())), Registry::new());
    let running = world.count_with(Arc::clone(&in_force), &registry);
    let event = Event {
        id: "a",
        meter: "sum",
        time: "2024-03-02T10:00:00+01:00",
        costcentre: "A1",
        quantity: 5,
        more: "",
    };
    world.send(1, "2024-03-02T10:05:00+01:00", &event).await;

    let mut movement = Movement::default();
    let began = tokio::time::Instant::now();
    let stands = loop {
        for lag in world.store.lag().await.unwrap() {
            let end = world.log.end_offset(topic::USAGE, lag.partition).await.unwrap();
            movement.observe(lag.partition, lag.counted, end, tokio::time::Instant::now());
        }
        match movement.standstill(tokio::time::Instant::now()) {
            Some(standstill) if standstill.lasted > Duration::from_millis(500) => break standstill,
            _ => assert!(began.elapsed() < Duration::from_secs(60), "counting does not stand still"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((stands.partition, stands.behind), (0, 1));
    let measured = async || {
        (
            metric(&registry, "taxameter_aggregate_lag_records{partition=\"0\"}"),
            metric(&registry, "taxameter_aggregate_waiting_for_catalogue "),
            metric(&registry, "taxameter_aggregate_oldest_uncounted_seconds ")
                .is_some_and(|age| age > 86_400),
        )
    };
    until("the metrics of lag", (Some(1), Some(1), true), measured).await;

    in_force.store(Arc::new(catalogue()));
    until("March", vec![row("2024-03", "sum", "A1", 5)], async || world.usage(AsOf::Newest).await).await;
    let lag = world.store.lag().await.unwrap();
    movement.observe(0, lag[0].counted, 1, tokio::time::Instant::now());
    assert_eq!(movement.standstill(tokio::time::Instant::now()), None);
    until("the metrics without lag", (Some(0), Some(0), false), measured).await;
    running.end().await;
    world.close().await;
}
