mod kept;

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use domain::Instant;
use domain::catalogue::Catalogue;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;

use super::deliver::{Delivered, Refused};
use super::source::{Failure, Nature, Read, Record, Source};
use super::*;

/// Linköping's.
static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| catalog::check(&catalog::linkoping()).unwrap().catalogue);

const TURN: &str = "2021-03-15T02:00:00+01:00";

fn at(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

/// A system that answers as it is told, once each.
#[derive(Default)]
struct Scripted {
    nature: Option<Nature>,
    answers: Mutex<VecDeque<Result<Read, Failure>>>,
    asked: Mutex<Vec<(Instant, Option<String>)>>,
    delivered: Mutex<Vec<String>>,
}

impl Source for Arc<Scripted> {
    fn nature(&self) -> Nature {
        self.nature.unwrap_or(Nature::Snapshot)
    }

    fn read<'a>(&'a self, at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        self.asked.lock().push((at, cursor.map(str::to_owned)));
        let answer = self.answers.lock().pop_front().unwrap_or_else(|| Err(Failure::Away("away".to_owned())));
        std::future::ready(answer).boxed()
    }

    fn delivered<'a>(&'a self, cursor: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        self.delivered.lock().push(cursor.to_owned());
        std::future::ready(Ok(())).boxed()
    }
}

/// Takes events, refuses those of a cost centre, and is away when it is told to be.
#[derive(Default)]
struct Taker {
    taken: Mutex<Vec<Value>>,
    chunks_until_away: Mutex<Option<usize>>,
    is_confused: Mutex<bool>,
    refuses_markers: Mutex<bool>,
}

impl Deliver for Taker {
    fn deliver<'a>(&'a self, events: &'a [Vec<u8>]) -> BoxFuture<'a, Result<Delivered, String>> {
        let mut left = self.chunks_until_away.lock();
        if *left == Some(0) {
            return std::future::ready(Err("away".to_owned())).boxed();
        }
        *left = left.map(|left| left - 1);
        let mut delivered = Delivered::default();
        if *self.is_confused.lock() {
            let (code, detail) = ("invalid".to_owned(), String::new());
            delivered.refused.push(Refused { index: events.len(), code, detail });
        }
        for (index, event) in events.iter().enumerate() {
            let event: Value = serde_json::from_slice(event).unwrap();
            let is_marker = event["type"] == domain::event::SNAPSHOT_COMPLETED;
            if event["data"]["customer"]["costcentre"] == "999999"
                || (is_marker && *self.refuses_markers.lock())
            {
                let (code, detail) = ("invalid".to_owned(), String::new());
                delivered.refused.push(Refused { index, code, detail });
            } else {
                delivered.accepted += 1;
                self.taken.lock().push(event);
            }
        }
        std::future::ready(Ok(delivered)).boxed()
    }
}

struct World {
    directory: tempfile::TempDir,
    source: Arc<Scripted>,
    taker: Arc<Taker>,
}

impl World {
    fn new(nature: Nature) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            source: Arc::new(Scripted { nature: Some(nature), ..Scripted::default() }),
            taker: Arc::default(),
        }
    }

    fn answers(&self, answer: Result<Read, Failure>) {
        self.source.answers.lock().push_back(answer);
    }

    /// A collector as it is after a start of the program.
    fn start(&self) -> Puller {
        self.start_with(Box::new(Arc::clone(&self.source)), &prometheus::Registry::new())
    }

    fn start_with(&self, source: Box<dyn Source>, registry: &prometheus::Registry) -> Puller {
        let config: Config = toml::from_str(
            r#"
            source = "/lkdata/collector/ad/lkdata.test"
            schedule = "daily 02:00"
            [from]
            kind = "prometheus"
            query = "x"
            connection = { url = "https://example.org" }
            [[event]]
            service = "mdm"
            meter = "device"
            id = ["id"]
            subject = { pseudonym = ["id"] }
            costcentre = { field = "costcentre" }
            "#,
        )
        .unwrap();
        assert_eq!(config.check(&CATALOGUE), [] as [String; 0]);
        let recipe = Recipe {
            name: "mdm".to_owned(),
            config,
            source,
            keys: Keys::new(self.directory.path().join("keys"), || Ok([7; 32])),
            catalogue: Arc::new(ArcSwap::from_pointee(CATALOGUE.clone())),
        };
        let metrics = Metrics::register(registry).unwrap();
        let to: Arc<dyn Deliver> = Arc::clone(&self.taker) as Arc<dyn Deliver>;
        Puller::open(recipe, self.directory.path().join("place"), to, metrics).unwrap()
    }

    fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut *self.taker.taken.lock())
    }
}

fn devices(ids: std::ops::Range<usize>) -> Vec<Record> {
    let record = |id: usize| {
        Record::from([("id".to_owned(), id.to_string()), ("costcentre".to_owned(), "110200".to_owned())])
    };
    ids.map(record).collect()
}

fn read(records: Vec<Record>) -> Result<Read, Failure> {
    Ok(Read { records, ..Read::default() })
}

#[tokio::test]
async fn a_snapshot_is_sent_with_its_marker_and_once() {
    let world = World::new(Nature::Snapshot);
    world.answers(read(devices(0..1500)));
    let mut puller = world.start();
    let sum = puller.turn(at(TURN)).await.unwrap();
    assert_eq!((sum.records, sum.accepted, sum.refused), (1500, 1501, 0));
    let taken = world.taken();
    let marker = taken.last().unwrap();
    assert_eq!(marker["type"], "se.linkoping.lkdata.usage.snapshot.completed.v1");
    assert_eq!(marker["data"]["day"], "2021-03-15");
    assert_eq!([&marker["data"]["count"], &marker["data"]["refused"]], [1500, 0]);
    // It is done, also for who comes after.
    assert_eq!(puller.turn(at(TURN)).await.unwrap(), Sum::default());
    drop(puller);
    assert_eq!(world.start().turn(at(TURN)).await.unwrap(), Sum::default());
    assert_eq!(world.source.asked.lock().len(), 1);
}

#[tokio::test]
async fn what_was_read_is_sent_as_it_was_whatever_dies_and_whatever_the_system_says_by_then() {
    let world = World::new(Nature::Snapshot);
    world.answers(read(devices(0..1500)));
    *world.taker.chunks_until_away.lock() = Some(1);
    let error = world.start().turn(at(TURN)).await.unwrap_err();
    assert!(matches!(error, TurnError::Deliver(_)), "{error}");
    let first = world.taken();
    assert_eq!(first.len(), 1000);

    *world.taker.chunks_until_away.lock() = None;
    world.answers(read(devices(2000..2001)));
    let sum = world.start().turn(at(TURN)).await.unwrap();
    assert_eq!((sum.records, sum.accepted), (1500, 1501));
    assert_eq!(world.taken()[..1000], first);
    assert_eq!(world.source.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_turn_that_cannot_be_read_sends_nothing_and_can_be_taken_again() {
    let world = World::new(Nature::Snapshot);
    world.answers(Err(Failure::Broken("half a page".to_owned())));
    world.answers(read(Vec::new()));
    let mut puller = world.start();
    for _ in 0..2 {
        // No records at all are no bill of nothing.
        assert!(matches!(puller.turn(at(TURN)).await, Err(TurnError::Source(Failure::Broken(_)))));
    }
    let status = puller.status().lock().clone();
    assert_eq!((status.state, status.failures), (State::Failing, 2));
    assert!(status.error.unwrap().contains("at least 1"));
    assert_eq!(world.taken(), [] as [Value; 0]);

    world.answers(read(devices(0..2)));
    assert_eq!(puller.turn(at(TURN)).await.unwrap().accepted, 3);
    let status = puller.status().lock().clone();
    assert_eq!((status.state, status.failures, status.error), (State::Waiting, 0, None));
    assert_eq!(status.next_turn.as_deref(), Some("2021-03-16T01:00:00Z"));
}

#[tokio::test]
async fn what_is_refused_is_counted_in_the_marker() {
    let world = World::new(Nature::Snapshot);
    let mut records = devices(0..3);
    records[1].insert("costcentre".to_owned(), "999999".to_owned());
    world.answers(read(records));
    let sum = world.start().turn(at(TURN)).await.unwrap();
    assert_eq!((sum.accepted, sum.refused), (3, 1));
    let marker = world.taken().pop().unwrap();
    assert_eq!([&marker["data"]["count"], &marker["data"]["refused"]], [3, 1]);
}

#[tokio::test]
async fn a_marker_that_is_refused_is_counted_as_refused() {
    let world = World::new(Nature::Snapshot);
    world.answers(read(devices(0..3)));
    *world.taker.refuses_markers.lock() = true;
    let mut puller = world.start();
    let sum = puller.turn(at(TURN)).await.unwrap();
    assert_eq!((sum.accepted, sum.refused), (3, 1));
    assert_eq!(puller.status().lock().refused, 1);
}

#[tokio::test]
async fn an_answer_about_an_event_that_was_not_sent_is_none() {
    let world = World::new(Nature::Snapshot);
    world.answers(read(devices(0..2)));
    *world.taker.is_confused.lock() = true;
    let mut puller = world.start();
    assert!(matches!(puller.turn(at(TURN)).await, Err(TurnError::Deliver(_))));
    *world.taker.is_confused.lock() = false;
    assert_eq!(puller.turn(at(TURN)).await.unwrap().accepted, 3);
}

#[tokio::test]
async fn a_stream_goes_on_where_it_ended_and_its_source_is_told() {
    let world = World::new(Nature::Stream);
    let part =
        |ids, cursor: &str, more| Ok(Read { records: devices(ids), cursor: Some(cursor.to_owned()), more });
    world.answers(part(0..2, "2", true));
    world.answers(part(2..3, "3", false));
    let sum = world.start().turn(at(TURN)).await.unwrap();
    // No marker: a stream is no snapshot.
    assert_eq!((sum.records, sum.accepted), (3, 3));
    assert_eq!(*world.source.delivered.lock(), ["2", "3"]);
    world.answers(part(3..4, "4", false));
    world.start().turn(at("2021-03-16T02:00:00+01:00")).await.unwrap();
    let cursors: Vec<_> = world.source.asked.lock().iter().map(|(_, cursor)| cursor.clone()).collect();
    assert_eq!(cursors, [None, Some("2".to_owned()), Some("3".to_owned())]);
    // After a start it is told again: it may not have been.
    assert_eq!(*world.source.delivered.lock(), ["2", "3", "3", "4"]);
}

#[tokio::test]
async fn turns_that_were_missed_are_made_up_for_where_the_system_still_knows_them() {
    for (nature, turns) in [(Nature::Snapshot, 1), (Nature::History, 3)] {
        let world = World::new(nature);
        let mut puller = world.start();
        assert_eq!(
            puller.due(at("2021-03-15T12:00:00Z")),
            Some(at(TURN)),
            "the first is the one that is past"
        );
        world.answers(read(devices(0..1)));
        puller.turn(at(TURN)).await.unwrap();
        assert_eq!(puller.due(at("2021-03-15T23:00:00Z")), None);
        let mut taken = 0;
        while let Some(turn) = puller.due(at("2021-03-18T12:00:00Z")) {
            world.answers(read(devices(0..1)));
            puller.turn(turn).await.unwrap();
            taken += 1;
        }
        assert_eq!(taken, turns, "{nature:?}");
        assert_eq!(puller.status().lock().last_turn.as_deref(), Some("2021-03-18T01:00:00Z"));
    }
}

#[test]
fn a_configuration_that_does_not_fit_the_catalogue_is_told_so() {
    let config: Config = toml::from_str(
        r#"
        source = "/unknown"
        schedule = "daily 02:00"
        [from]
        kind = "prometheus"
        query = "x"
        connection = { url = "https://example.org" }
        [[event]]
        service = "it-bastjanst-konto"
        meter = "account"
        id = ["id"]
        subject = { prefix = "vol:", field = "id" }
        costcentre = { field = "c" }
        dimensions = { os = { field = "os" } }
        time = "whenCreated"
        [[event]]
        service = "mdm"
        meter = "none"
        id = ["id"]
        subject = { prefix = "vol:", field = "id" }
        costcentre = { field = "c" }
        "#,
    )
    .unwrap();
    let findings = config.check(&CATALOGUE).join("\n");
    for part in ["/unknown", "no dimension os", "depends on class", "mdm/none", "leave `time` out"] {
        assert!(findings.contains(part), "{part} in {findings}");
    }
}
