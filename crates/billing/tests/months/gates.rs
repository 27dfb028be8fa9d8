//! What a close waits for, and what the books must say.

use billing::{Accept, BlockerCode, BooksLine, BooksMetrics, Closing, CollectorState};
use bytes::Bytes;
use domain::Instant;
use domain::catalogue::Catalogue;
use eventlog::topic::USAGE;
use eventlog::{Header, Kind, Record};
use prometheus::Registry;
use store::AsOf;
use store::counting::Step;
use store::rows::{Batch, Dictionary, Position, ProgressRow, days_of};
use store::senders::SenderCount;

use crate::catalogue::{day, month};
use crate::closing::{close, count_march};
use crate::control::control_header;
use crate::world::{World, clock, in_world, until};

/// A minute on the tests' clock, relative to when everything is decided.
fn minute(minutes: i64) -> Instant {
    Instant::from_micros(clock().micros() + minutes * 60_000_000)
}

async fn mark(world: &World, collector: &str, offset: u64, until: Instant) {
    let mut batch = Batch { generation: 1, ..Batch::default() };
    batch.marks.insert(collector.to_owned(), (Position::new(offset, 0), until));
    world.store.write(Step::Marks, &batch, &Dictionary::default()).await.unwrap();
}

async fn mark_on_the_log(world: &World, collector: &str, until: Instant) {
    let header = Header {
        kind: Kind::Mark { spool_empty_until: until.micros() },
        collector: collector.to_owned(),
        ..control_header()
    };
    world.log.append(USAGE, 0, vec![Record { header, value: Bytes::new() }]).await.unwrap();
}

async fn blocked(world: &World, at: &str) -> Vec<(BlockerCode, String)> {
    match world.biller.close(month(at), Accept::default()).await.unwrap() {
        Closing::Closed(_) => Vec::new(),
        Closing::Blocked(blockers) => blockers.into_iter().map(|b| (b.code, b.detail)).collect(),
    }
}

async fn states(world: &World) -> Vec<(String, CollectorState)> {
    let collectors = world.biller.collectors().await.unwrap();
    collectors.into_iter().map(|(collector, state)| (collector.name, state)).collect()
}

#[test]
fn a_close_waits_for_every_collector_or_a_decision_about_it() {
    in_world("silent", |world| async move {
        count_march(&world).await;
        mark(&world, "c1", 1, minute(1)).await;
        mark(&world, "c2", 2, minute(-10)).await;
        mark(&world, "gone", 3, Instant::from_micros(eventlog::header::LEFT)).await;
        let named = |name: &str, state| (name.to_owned(), state);
        let left = || named("gone", CollectorState::Left);
        assert_eq!(
            states(&world).await,
            [named("c1", CollectorState::Present), named("c2", CollectorState::Silent), left()]
        );
        let blockers = blocked(&world, "2021-03").await;
        assert_eq!(blockers.len(), 1, "{blockers:?}");
        assert!(
            blockers[0].0 == BlockerCode::CollectorSilent && blockers[0].1.contains("c2"),
            "{blockers:?}"
        );
        let ahead = world.biller.blockers(month("2021-03")).await.unwrap();
        assert_eq!(ahead.iter().map(|b| b.code).collect::<Vec<_>>(), [BlockerCode::CollectorSilent]);

        assert!(!world.biller.retire_collector("c3", "felstavad").await.unwrap());
        assert!(world.biller.retire_collector("c2", "disken gick sönder").await.unwrap());
        assert_eq!(states(&world).await[1], named("c2", CollectorState::Retired));
        close(&world, "2021-03").await;
        // It comes back, and is waited for again.
        mark(&world, "c2", 4, minute(0)).await;
        mark(&world, "gone", 5, minute(-1)).await;
        world.count(&[("2021-04-05", "e-moten", "participant_hour", "110200", "", 1_000_000)]).await;
        assert_eq!(blocked(&world, "2021-04").await.len(), 1, "one is retired until after its last mark");
        // What it marks counts as soon as it is on the log, however far behind counting is.
        mark_on_the_log(&world, "gone", minute(1)).await;
        close(&world, "2021-04").await;
        let why = world.biller.collectors().await.unwrap()[1].0.retired.clone().unwrap().why;
        assert_eq!(why, "disken gick sönder");
        world
    });
}

/// Writes what progress says of a window of a partition.
async fn progress(world: &World, window: u64, outcomes: &[(&str, &str, &'static str, u64)]) {
    let outcomes = outcomes
        .iter()
        .map(|(source, at, outcome, events)| ((*source).to_owned(), days_of(day(at)), *outcome, *events));
    let row = ProgressRow {
        window,
        upto: window + 1,
        sealed: true,
        barrier: None,
        touched: Vec::new(),
        outcomes: outcomes.collect(),
        batches: Vec::new(),
    };
    let batch = Batch { generation: 1, progress: vec![row], ..Batch::default() };
    world.store.write(Step::Progress(0), &batch, &Dictionary::default()).await.unwrap();
}

async fn books(world: &World) -> Vec<BooksLine> {
    world.biller.books(day("2021-03-01")..=day("2021-06-01"), AsOf::Newest).await.unwrap()
}

#[test]
fn books_that_differ_stand_in_the_way_until_they_agree() {
    in_world("books", |world| async move {
        count_march(&world).await;
        progress(
            &world,
            0,
            &[
                ("/s", "2021-03-05", "accepted", 10),
                ("/s", "2021-03-05", "resent", 2),
                ("/s", "2021-03-05", "metered", 9),
                ("/s", "2021-03-05", "duplicate", 3),
                ("/t", "2021-03-06", "accepted", 4),
                ("/t", "2021-03-06", "metered", 3),
            ],
        )
        .await;
        let lines = books(&world).await;
        let shown: Vec<_> =
            lines.iter().map(|line| (line.source.as_str(), line.logged(), line.difference())).collect();
        assert_eq!(shown, [("/s", 12, 0), ("/t", 3, 1)]);
        let blockers = blocked(&world, "2021-03").await;
        assert_eq!(blockers.len(), 1, "{blockers:?}");
        assert!(blockers[0].0 == BlockerCode::BooksDiffer && blockers[0].1.contains("/t 2021-03-06"));

        // The lost one is found in another window.
        progress(&world, 1, &[("/t", "2021-03-06", "metered", 1)]).await;
        // A sender says more than was accepted; what it says of a day that is not over is not compared yet.
        let count =
            |source: &str, at: &str, events| SenderCount { source: source.to_owned(), day: day(at), events };
        let counts = [count("/s", "2021-03-05", 11), count("/t", "2021-06-01", 5)];
        world.biller.put_sender_counts(&counts).await.unwrap();
        let lines = books(&world).await;
        let sent: Vec<_> =
            lines.iter().map(|line| (line.source.as_str(), line.sent, line.sent_difference)).collect();
        assert_eq!(sent, [("/s", Some(11), Some(1)), ("/t", None, None), ("/t", Some(5), None)]);
        let blockers = blocked(&world, "2021-03").await;
        assert_eq!(blockers.len(), 1, "{blockers:?}");
        assert!(blockers[0].1.contains("/s 2021-03-05"), "{blockers:?}");
        // It looks again: one event was sent twice, because an answer was lost.
        world.store.put_sender_counts(&[count("/s", "2021-03-05", 8)], minute(1)).await.unwrap();
        world.store.put_sender_counts(&[count("/s", "2021-03-05", 99)], minute(-1)).await.unwrap();
        assert_eq!(
            books(&world).await[0].sent,
            Some(8),
            "the latest statement counts, in whatever order it comes"
        );
        close(&world, "2021-03").await;
        world
    });
}

/// The value of a gauge with this label.
fn gauge(registry: &Registry, name: &str, label: &str) -> Option<f64> {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name)?;
    let of_label = |metric: &&prometheus::proto::Metric| metric.get_label()[0].value() == label;
    family.get_metric().iter().find(of_label).map(|metric| metric.get_gauge().get_value())
}

#[test]
fn the_watch_shows_by_how_much_the_books_differ_and_how_long_collectors_are_silent() {
    in_world("books_watch", |world| async move {
        let outcomes = [("/s", "2021-03-05", "accepted", 10), ("/s", "2021-03-05", "metered", 7)];
        progress(&world, 0, &outcomes).await;
        let count = SenderCount { source: "/s".to_owned(), day: day("2021-03-05"), events: 12 };
        world.biller.put_sender_counts(&[count]).await.unwrap();
        mark(&world, "c1", 1, minute(-10)).await;
        mark(&world, "gone", 2, Instant::from_micros(eventlog::header::LEFT)).await;
        let registry = Registry::new();
        let watch = world.biller.books_watch(BooksMetrics::register(&registry).unwrap());
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let watching = tokio::spawn(watch.run(stopped));
        let age = |collector| gauge(&registry, "taxameter_collector_mark_age_seconds", collector);
        until("the collector's age", async || age("c1").is_some()).await;
        let difference = |side| gauge(&registry, "taxameter_books_difference", side);
        assert_eq!((difference("collectors"), difference("senders")), (Some(3.0), Some(2.0)));
        assert_eq!((age("c1"), age("gone")), (Some(600.0), None), "who left is not waited for");
        stop.send_replace(true);
        watching.await.unwrap();
        world
    });
}

#[test]
fn a_decision_on_a_catalogue_that_nobody_has_is_refused() {
    in_world("catalogue_unknown", |world| async move {
        count_march(&world).await;
        let other = Catalogue { version: "mislaid".to_owned(), ..(*world.catalogue.load_full()).clone() };
        let elsewhere = world.biller_with(other);
        let Closing::Blocked(blockers) = elsewhere.close(month("2021-03"), Accept::default()).await.unwrap()
        else {
            panic!("closed on a catalogue that its owner does not have");
        };
        assert_eq!(blockers.len(), 1, "{blockers:?}");
        assert_eq!(blockers[0].code, BlockerCode::CatalogueUnknown);
        assert!(blockers[0].detail.contains("mislaid"), "{blockers:?}");
        close(&world, "2021-03").await;
        world
    });
}
