//! From 4 to 64 partitions.

use aggregate::generation::{self, Plan};
use domain::EventKey;
use eventlog::{Header, Kind, Record, topic};
use store::AsOf;

use crate::world::{Event, SOURCE, TURN, World, instant, row, until};

fn event(id: &'static str) -> Event {
    Event { id, meter: "sum", time: "2024-03-02T10:00:00+01:00", costcentre: "A1", quantity: 5, more: "" }
}

const RECEIVED: &str = "2024-03-02T10:05:00+01:00";

fn plan(partitions: Option<u32>, why: &str) -> Plan {
    Plan { partitions, why: why.to_owned(), at: instant("2024-04-01T00:00:00Z"), old_log_is_gone: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_4_to_64_partitions_with_a_duplicate_a_revision_and_a_retraction_across_the_change() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path(), 4).await;
    let running = world.count();
    let ids = ["same", "revised", "retracted", "kept", "late"];
    for id in ids {
        world.send(4, RECEIVED, &event(id)).await;
    }
    until("March", vec![row("2024-03", "sum", "A1", 25)], async || world.usage(AsOf::Newest).await).await;
    cut(&world, 4, 7).await;
    // What lies behind the cut, and in a window that nothing ended yet.
    world.send(4, RECEIVED, &Event { costcentre: "B2", ..event("behind") }).await;
    world.until_logged(6).await;
    let refused =
        generation::begin(&*world.store, &*world.log, Some(&*world.log), &plan(Some(64), "test")).await;
    assert!(matches!(refused, Err(aggregate::Error::NotCounted { .. })), "{refused:?}");
    running.end().await;

    // More comes while nobody counts: it belongs to the generation that ends.
    world.send(4, RECEIVED, &event("uncounted")).await;
    let mut left = Vec::new();
    generation::count_what_is_left(world.aggregator(), instant(RECEIVED), |now| left.push(now.len()))
        .await
        .unwrap();
    assert_eq!((left.first().is_some_and(|left| *left > 0), left.last()), (true, Some(&0)), "{left:?}");
    let begun =
        generation::begin(&*world.store, &*world.log, Some(&*world.log), &plan(Some(64), "more owners"))
            .await
            .unwrap();
    assert_eq!((begun.generation, begun.partitions, begun.starts.len()), (2, 64, 64));
    assert_eq!(world.log.topic(topic::USAGE).await.unwrap().partitions, 64);
    let generations = world.store.generations().await.unwrap();
    assert_eq!(generations[1], begun);
    assert_eq!((generations[1].why.as_str(), &generations[0].topic), ("more owners", &begun.topic));
    world.close().await;

    let world = World::open(directory.path(), 64).await;
    let running = world.count();
    // They lie in other partitions now.
    let moved = |id| EventKey::of(SOURCE, id).partition(64) >= 4;
    assert!(ids.into_iter().any(moved), "no identity of the test has another partition");
    world.send(64, RECEIVED, &event("same")).await;
    world
        .send(64, RECEIVED, &Event { costcentre: "B2", quantity: 9, more: r#","seq":1"#, ..event("revised") })
        .await;
    let retraction = Event { more: r#","seq":1,"retracted":true"#, ..event("retracted") };
    world.send(64, RECEIVED, &retraction).await;
    world.send(64, RECEIVED, &event("new")).await;
    world.until_logged(11).await;
    let books = world.books().await;
    assert_eq!((books.metered, books.revised, books.duplicate, books.quarantined), (8, 2, 1, 0), "{books:?}");
    // same, kept, late, uncounted and new; behind and revised.
    let want = vec![row("2024-03", "sum", "A1", 25), row("2024-03", "sum", "B2", 14)];
    until("March after the change", want.clone(), async || world.usage(AsOf::Newest).await).await;

    // A cut of the first generation stands, and one of the second holds the first whole.
    assert_eq!(world.usage(AsOf::Cut(7)).await, [row("2024-03", "sum", "A1", 25)]);
    cut(&world, 64, 9).await;
    world.send(64, RECEIVED, &event("behind the second cut")).await;
    world.until_logged(12).await;
    assert_eq!(world.usage(AsOf::Cut(9)).await, want);
    let days = "2024-03-02".parse().unwrap()..="2024-03-02".parse().unwrap();
    let logged = async |cut| {
        let books = world.store.books(days.clone(), AsOf::Cut(cut)).await.unwrap();
        books.iter().map(|books| (books.accepted, books.logged())).collect::<Vec<_>>()
    };
    assert_eq!((logged(7).await, logged(9).await), (vec![(5, 5)], vec![(11, 11)]));
    assert_eq!(world.store.last_cut().await.unwrap().unwrap().prefix.generation, 2);

    // The store knows that there is nothing in the partitions that nothing came to.
    let lag = world.store.lag().await.unwrap();
    assert_eq!(lag.len(), 64);
    for lag in lag {
        let end = world.log.end_offset(topic::USAGE, lag.partition).await.unwrap();
        assert_eq!(lag.counted, end, "{lag:?}");
    }
    running.end().await;
    world.close().await;
}

/// Appends a cut's barriers and waits until it is rolled up.
async fn cut(world: &World, partitions: u32, control: u64) {
    for partition in 0..partitions {
        let header = Header {
            kind: Kind::Barrier { control: Some(control) },
            collector: "test".into(),
            epoch: 0,
            batch: 0,
            received: instant("2024-04-01T00:00:00Z").micros(),
            sources: vec![],
            released: false,
        };
        world.append(partition, Record { header, value: Default::default() }).await;
    }
    until("the cut", true, async || world.store.cut_ready(control).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_that_was_interrupted_is_finished_and_one_that_changed_is_noticed() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path(), 2).await;
    let running = world.count();
    world.send(2, RECEIVED, &event("a")).await;
    world.until_logged(1).await;
    running.end().await;
    generation::count_what_is_left(world.aggregator(), instant(RECEIVED), |_| ()).await.unwrap();
    // As if it had died between the row and the topic.
    let last = world.store.generations().await.unwrap().pop().unwrap();
    let mut starts = Vec::new();
    for partition in 0..2 {
        starts.push(world.log.end_offset(topic::USAGE, partition).await.unwrap());
    }
    starts.push(0);
    let begun = store::counting::Generation { generation: 2, partitions: 3, starts, ..last };
    world.store.put_generation(&begun).await.unwrap();
    let refused = world.count().failed().await;
    assert!(matches!(refused, aggregate::Error::OtherTopic { .. }), "{refused:?}");
    let finished =
        generation::begin(&*world.store, &*world.log, Some(&*world.log), &plan(None, "again")).await.unwrap();
    assert_eq!(finished, begun);
    let log = world.log.topic(topic::USAGE).await.unwrap();
    assert_eq!(log.partitions, 3);

    // Another log: the one that was counted is said to be gone, or nothing begins.
    let missing = generation::begin(&*world.store, &*world.log, None, &plan(None, "lost")).await;
    assert!(matches!(missing, Err(aggregate::Error::OldLogMissing { .. })), "{missing:?}");
    let gone = Plan { old_log_is_gone: true, ..plan(None, "lost") };
    let third = generation::begin(&*world.store, &*world.log, None, &gone).await.unwrap();
    assert_eq!(third.generation, 3);
    let running = world.count();
    world.send(3, RECEIVED, &event("a")).await;
    world.send(3, RECEIVED, &event("b")).await;
    world.until_logged(3).await;
    let books = world.books().await;
    assert_eq!((books.metered, books.duplicate), (2, 1), "{books:?}");
    running.end().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_gone_end_counting_until_somebody_gives_them_up() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path(), 1).await;
    let running = world.count();
    world.send(1, RECEIVED, &event("counted")).await;
    world.until_logged(1).await;
    running.end().await;
    world.send(1, RECEIVED, &event("lost")).await;
    world.send(1, RECEIVED, &event("left")).await;
    // The window of the first is not sealed, so counting would go on at it.
    world.log.delete_before(topic::USAGE, 0, 2).await.unwrap();
    let error = world.count().failed().await;
    assert!(matches!(error, aggregate::Error::RecordsGone { wanted: 0, start: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("generation begin --old-log-is-gone"), "{error}");

    generation::count_what_is_left(world.aggregator(), instant(RECEIVED), |_| ()).await.unwrap();
    let refused = generation::begin(&*world.store, &*world.log, Some(&*world.log), &plan(None, "lost")).await;
    assert!(matches!(refused, Err(aggregate::Error::NotCounted { .. })), "{refused:?}");
    let given_up = Plan { old_log_is_gone: true, ..plan(None, "the disk was lost") };
    let begun = generation::begin(&*world.store, &*world.log, Some(&*world.log), &given_up).await.unwrap();
    assert_eq!(begun.starts, [2]);
    let running = world.count();
    world.send(1, RECEIVED, &event("counted")).await;
    world.until_logged(3).await;
    let books = world.books().await;
    assert_eq!((books.metered, books.duplicate), (2, 1), "{books:?}");
    running.end().await;
    world.close().await;
}

/// Whoever counted the generation before and was only paused while the next one began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_the_generation_before_counts_nothing_of_the_next() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path(), 1).await;
    let running = world.count();
    world.send(1, RECEIVED, &event("before")).await;
    world.until_logged(1).await;
    running.end().await;
    generation::count_what_is_left(world.aggregator(), instant(RECEIVED), |_| ()).await.unwrap();
    let paused = world.count();
    // It has its partition: it counts what comes.
    cut(&world, 1, 3).await;
    generation::begin(&*world.store, &*world.log, Some(&*world.log), &plan(None, "restore")).await.unwrap();
    world.send(1, RECEIVED, &event("after")).await;
    let ended = paused.failed().await;
    assert!(matches!(ended, aggregate::Error::OtherGeneration { began: 1, found: 2 }), "{ended:?}");
    assert_eq!(world.books().await.logged(), 1, "nothing of the next generation was written");
    let running = world.count();
    world.until_logged(2).await;
    until("March", vec![row("2024-03", "sum", "A1", 10)], async || world.usage(AsOf::Newest).await).await;
    running.end().await;
    world.close().await;
}

/// The log is an older copy than the store: its next records would get the positions of records that were counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lacks_what_was_counted_is_refused_and_one_made_anew_goes_on() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let (log, copy) = (directory.path().join("log"), directory.path().join("copy"));
    let world = World::open(directory.path(), 1).await;
    let running = world.count();
    world.send(1, RECEIVED, &event("in the copy")).await;
    world.until_logged(1).await;
    running.end().await;
    world.close().await;
    copy_directory(&log, &copy);
    let world = World::open(directory.path(), 1).await;
    let running = world.count();
    world.send(1, RECEIVED, &event("behind the copy")).await;
    world.until_logged(2).await;
    running.end().await;
    world.close().await;

    std::fs::remove_dir_all(&log).unwrap();
    copy_directory(&copy, &log);
    let world = World::open(directory.path(), 1).await;
    let refused = world.count().failed().await;
    assert!(
        matches!(refused, aggregate::Error::LogBehindStore { partition: 0, counted: 2, end: 1 }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("generation begin --old-log-is-gone"), "{refused}");
    world.close().await;

    std::fs::remove_dir_all(&log).unwrap();
    let world = World::open(directory.path(), 1).await;
    let gone = Plan { old_log_is_gone: true, ..plan(None, "the disk of the log was lost") };
    let begun = generation::begin(&*world.store, &*world.log, None, &gone).await.unwrap();
    assert_eq!((begun.generation, begun.starts), (2, vec![0]));
    let running = world.count();
    for id in ["in the copy", "behind the copy", "new"] {
        world.send(1, RECEIVED, &event(id)).await;
    }
    world.until_logged(5).await;
    let books = world.books().await;
    assert_eq!((books.metered, books.duplicate), (3, 2), "{books:?}");
    until("March", vec![row("2024-03", "sum", "A1", 15)], async || world.usage(AsOf::Newest).await).await;
    // A cut of the new generation has all of the one before, although its last window was never sealed.
    cut(&world, 1, 5).await;
    assert_eq!(world.usage(AsOf::Cut(5)).await, [row("2024-03", "sum", "A1", 15)]);
    running.end().await;
    world.close().await;
}

fn copy_directory(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &copy);
        } else {
            std::fs::copy(entry.path(), copy).unwrap();
        }
    }
}
