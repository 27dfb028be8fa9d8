//! The identity horizon, and the years within it.

use aggregate::upkeep::{delete_records, forget};
use chrono::Months;
use eventlog::{Header, Kind, Record, topic};
use store::AsOf;
use store::usage::EventsBehind;

use crate::world::{Event, TURN, World, instant, row, until};

const PARTITIONS: u32 = 2;

fn reading(id: &'static str, time: &'static str) -> Event {
    Event { id, meter: "sum", time, costcentre: "A1", quantity: 5, more: "" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_and_revisions_long_after_and_ids_that_are_used_again() {
    let _turn = TURN.lock().await;
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path(), PARTITIONS).await;
    let running = world.count();
    let first = reading("a", "2021-03-02T10:00:00+01:00");
    let moved = reading("b", "2021-03-02T10:00:00+01:00");
    world.send(PARTITIONS, "2021-03-02T10:05:00+01:00", &first).await;
    world.send(PARTITIONS, "2021-03-02T10:05:00+01:00", &moved).await;
    until("March", vec![row("2021-03", "sum", "A1", 10)], async || world.usage(AsOf::Newest).await).await;
    running.end().await;
    world.close().await;

    // Eleven months later, after a restart: a duplicate, and a revision that moves usage to another payer and month.
    let world = World::open(directory.path(), PARTITIONS).await;
    let running = world.count();
    let revision = Event {
        time: "2021-05-09T10:00:00+02:00",
        costcentre: "B2",
        quantity: 7,
        more: r#","seq":1"#,
        ..reading("b", "")
    };
    world.send(PARTITIONS, "2022-02-02T10:00:00+01:00", &first).await;
    world.send(PARTITIONS, "2022-02-02T10:00:00+01:00", &revision).await;
    let want = vec![row("2021-03", "sum", "A1", 5), row("2021-05", "sum", "B2", 7)];
    until("the revision", want.clone(), async || world.usage(AsOf::Newest).await).await;
    world.until_logged(4).await;
    let books = world.books().await;
    assert_eq!((books.metered, books.revised, books.duplicate), (2, 1, 1), "{books:?}");
    running.end().await;
    world.close().await;

    // The horizon of 25 months ended for `a` in April 2023. `b` was revised later, and is known whole until March 2024.
    let world = World::open(directory.path(), PARTITIONS).await;
    let running = world.count();
    let again = reading("a", "2023-06-01T10:00:00+02:00");
    world.send(PARTITIONS, "2023-06-01T10:05:00+02:00", &again).await;
    world.send(PARTITIONS, "2023-06-01T10:05:00+02:00", &again).await;
    world.send(PARTITIONS, "2023-06-01T10:05:00+02:00", &revision).await;
    world.send(PARTITIONS, "2023-06-01T10:05:00+02:00", &first).await;
    world.until_logged(8).await;
    let books = world.books().await;
    let found = (books.metered, books.duplicate, books.superseded, books.quarantined);
    // What is older than the horizon itself is too old, whatever is known of it.
    assert_eq!(found, (3, 3, 0, 1), "{books:?}");
    let mut want = want;
    want.push(row("2023-06", "sum", "A1", 5));
    until("the new event", want.clone(), async || world.usage(AsOf::Newest).await).await;
    running.end().await;

    // What is forgotten is deleted, and nothing else; then the same again comes after another restart.
    let horizon = Months::new(25);
    assert_eq!(forget(&*world.store, instant("2023-05-01T12:00:00Z"), horizon).await.unwrap(), 0);
    assert_eq!(forget(&*world.store, instant("2023-06-02T12:00:00Z"), horizon).await.unwrap(), 1);
    assert_eq!(forget(&*world.store, instant("2023-06-02T12:00:00Z"), horizon).await.unwrap(), 0);
    world.close().await;
    let world = World::open(directory.path(), PARTITIONS).await;
    let running = world.count();
    world.send(PARTITIONS, "2023-06-02T10:05:00+02:00", &again).await;
    world.until_logged(9).await;
    assert_eq!(world.books().await.duplicate, 4);
    assert_eq!(world.usage(AsOf::Newest).await, want);
    let wanted = EventsBehind {
        service: "s".into(),
        meter: "sum".into(),
        costcentre: "A1".into(),
        class: None,
        days: "2023-06-01".parse().unwrap()..="2023-06-30".parse().unwrap(),
        after: None,
        limit: 10,
    };
    let behind = world.store.events_behind(&wanted).await.unwrap();
    assert_eq!(behind.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["a"]);
    what_is_counted_and_old_is_deleted_from_the_log(&world).await;
    running.end().await;
    world.close().await;
}

async fn what_is_counted_and_old_is_deleted_from_the_log(world: &World) {
    let generation = world.store.generations().await.unwrap().pop().unwrap();
    let starts = async || {
        let mut starts = Vec::new();
        for partition in 0..PARTITIONS {
            starts.push(world.log.start_offset(topic::USAGE, partition).await.unwrap());
        }
        starts
    };
    // Nothing is sealed yet, however old it is.
    let before = instant("2023-06-02T00:00:00+02:00");
    assert_eq!(delete_records(&*world.store, &*world.log, &generation, before).await.unwrap(), 0);
    for partition in 0..PARTITIONS {
        let header = Header {
            kind: Kind::Barrier { control: None },
            collector: "test".into(),
            epoch: 0,
            batch: 0,
            received: instant("2023-06-03T10:00:00+02:00").micros(),
            sources: vec![],
            released: false,
        };
        world.append(partition, Record { header, value: Default::default() }).await;
    }
    until("sealed windows", 0, async || world.store.windows_unsealed().await.unwrap()).await;
    // Nine events and two barriers: the last duplicate and the barriers are not so old.
    assert_eq!(delete_records(&*world.store, &*world.log, &generation, before).await.unwrap(), 8);
    assert_eq!(starts().await.iter().sum::<u64>(), 8);
}
