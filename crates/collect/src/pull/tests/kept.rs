//! Turns of a source that says what has changed.

use super::*;
use crate::pull::source::renew::{Kept, Renew, Renewed};

const TURNS: [&str; 3] = [TURN, "2021-03-16T02:00:00+01:00", "2021-03-17T02:00:00+01:00"];
const FILE: &str = "place/kept.sealed";

/// A system that answers as it is told, once each, and remembers what it was given.
#[derive(Default)]
struct Changing {
    answers: Mutex<VecDeque<Renewed>>,
    given: Mutex<Vec<Result<Kept, String>>>,
}

impl Source for Arc<Changing> {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        unreachable!("a turn goes on from a set")
    }

    fn renewing(&self) -> Option<&dyn Renew> {
        Some(self)
    }
}

impl Renew for Arc<Changing> {
    fn renew(&self, _at: Instant, kept: Result<Kept, String>) -> BoxFuture<'_, Result<Renewed, Failure>> {
        self.given.lock().push(kept);
        let answer = self.answers.lock().pop_front();
        std::future::ready(answer.ok_or_else(|| Failure::Away("away".to_owned()))).boxed()
    }
}

/// Devices, with a field that no mapping needs.
fn set(ids: std::ops::Range<usize>, mark: Result<&str, &str>, fetched: u64, is_whole: bool) -> Renewed {
    let records = devices(ids).into_iter().map(|mut record| {
        record.insert("mail".to_owned(), "anvandare@lkdata.test".to_owned());
        (format!("guid-{}", record["id"]), record)
    });
    Renewed {
        records: records.collect(),
        mark: mark.map(str::to_owned).map_err(str::to_owned),
        whole_at: 7,
        fetched,
        why_whole: is_whole.then(|| "told so".to_owned()),
    }
}

struct Stand {
    world: World,
    system: Arc<Changing>,
    registry: prometheus::Registry,
}

impl Stand {
    fn new(answers: impl IntoIterator<Item = Renewed>) -> Self {
        let system = Changing { answers: Mutex::new(answers.into_iter().collect()), ..Changing::default() };
        let (world, registry) = (World::new(Nature::Snapshot), prometheus::Registry::new());
        Self { world, system: Arc::new(system), registry }
    }

    /// Takes a turn after a start of the program.
    async fn turn(&mut self, turn: usize) -> Result<Sum, TurnError> {
        self.registry = prometheus::Registry::new();
        let mut puller = self.world.start_with(Box::new(Arc::clone(&self.system)), &self.registry);
        puller.turn(at(TURNS[turn])).await
    }

    fn fetched(&self) -> f64 {
        let families = self.registry.gather();
        let family =
            families.iter().find(|one| one.name() == "taxameter_pull_entries_fetched_total").unwrap();
        family.get_metric()[0].get_counter().get_value()
    }

    /// The marks of the sets that the system was given, or why there was none.
    fn given(&self) -> Vec<String> {
        self.system
            .given
            .lock()
            .iter()
            .map(|kept| kept.as_ref().map_or_else(Clone::clone, |kept| kept.mark.clone()))
            .collect()
    }
}

#[tokio::test]
async fn a_set_is_kept_for_the_next_turn_with_what_its_mapping_needs() {
    let mut stand = Stand::new([set(0..3, Ok("1"), 3, true), set(0..4, Ok("2"), 1, false)]);
    let sum = stand.turn(0).await.unwrap();
    assert_eq!((sum.records, sum.fetched, sum.accepted), (3, 3, 4));
    let sum = stand.turn(1).await.unwrap();
    // The snapshot is the whole set, whatever was fetched of it.
    assert_eq!((sum.records, sum.fetched, sum.accepted), (4, 1, 5));
    assert_eq!(stand.fetched(), 1.0);
    assert_eq!(stand.world.taken().last().unwrap()["data"]["count"], 4);
    assert_eq!(stand.given(), ["no set is kept", "1"]);
    let given = stand.system.given.lock().pop().unwrap().unwrap();
    let kept = devices(0..3).into_iter().map(|record| (format!("guid-{}", record["id"]), record));
    assert_eq!((given.whole_at, given.records), (7, kept.collect()));
}

#[tokio::test]
async fn a_set_that_cannot_be_gone_on_from_is_not_kept() {
    let answers = [set(0..3, Ok("1"), 3, true), set(0..3, Err("it was told so"), 3, true)];
    let mut stand = Stand::new(answers.into_iter().chain([set(0..3, Ok("3"), 3, true)]));
    for turn in 0..3 {
        stand.turn(turn).await.unwrap();
        assert_eq!(stand.world.directory.path().join(FILE).exists(), turn != 1);
    }
    assert_eq!(stand.given(), ["no set is kept", "1", "no set is kept"]);
}

#[tokio::test]
async fn changes_that_leave_too_few_are_no_reason_to_believe_them() {
    let mut stand = Stand::new([
        set(0..3, Ok("1"), 3, true),
        // Nothing is left by changes, and nearly everything is there when all is read.
        set(0..0, Ok("2"), 3, false),
        set(0..2, Ok("2"), 2, true),
        set(0..0, Ok("3"), 2, false),
        set(0..0, Ok("3"), 0, true),
    ]);
    stand.turn(0).await.unwrap();
    let sum = stand.turn(1).await.unwrap();
    assert_eq!((sum.records, sum.fetched), (2, 5));
    let file = stand.world.directory.path().join(FILE);
    let kept = std::fs::read(&file).unwrap();
    assert!(matches!(stand.turn(2).await, Err(TurnError::Source(Failure::Broken(_)))));
    // What failed keeps nothing.
    assert_eq!(std::fs::read(&file).unwrap(), kept);
    assert_eq!(
        stand.given(),
        ["no set is kept", "1", "changes left 0 records", "2", "changes left 0 records"]
    );
}

#[tokio::test]
async fn a_turn_that_could_not_be_sent_is_sent_as_it_was_and_its_set_is_gone_on_from() {
    let mut stand = Stand::new([set(0..3, Ok("1"), 3, true), set(1..3, Ok("2"), 1, false)]);
    *stand.world.taker.chunks_until_away.lock() = Some(0);
    assert!(matches!(stand.turn(0).await, Err(TurnError::Deliver(_))));
    *stand.world.taker.chunks_until_away.lock() = None;
    let sum = stand.turn(0).await.unwrap();
    assert_eq!((sum.records, sum.fetched), (3, 3));
    assert_eq!(stand.turn(1).await.unwrap().records, 2);
    assert_eq!(stand.given(), ["no set is kept", "1"]);
}
