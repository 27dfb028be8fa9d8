//! How collectors stand, for those who ask.

use std::sync::Arc;

use domain::Instant;
use parking_lot::Mutex;
use serde::Serialize;

use super::place::Checkpoint;
use super::recipe::Recipe;

/// What a collector does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for its next turn.
    Waiting,
    /// It takes a turn.
    Gathering,
    /// Its last try failed; it tries again.
    Failing,
}

/// How a collector stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The kind of system.
    pub kind: &'static str,
    /// CloudEvents `source` of its events.
    pub source: String,
    /// When it takes its turns.
    pub schedule: String,
    /// What it does.
    pub state: State,
    /// The last turn that is done.
    pub last_turn: Option<String>,
    /// The turn after that.
    pub next_turn: Option<String>,
    /// How many records the last turn had; of a stream, its last part.
    pub records: u64,
    /// How many entries the system gave for them: fewer where only changes were asked for.
    pub fetched: u64,
    /// How many events of it were taken.
    pub accepted: u64,
    /// How many events of it were refused.
    pub refused: u64,
    /// How often it has failed since it last succeeded.
    pub failures: u64,
    /// Why, the last time.
    pub error: Option<String>,
    /// The first turn that was missed and told of last.
    #[serde(skip)]
    missed: Option<Instant>,
}

/// How all collectors of a process stand, by name.
pub type Statuses = Vec<Arc<Mutex<Status>>>;

impl Status {
    pub(super) fn new(recipe: &Recipe, checkpoint: &Checkpoint) -> Self {
        let schedule = recipe.config.schedule;
        let mut status = Self {
            name: recipe.name.clone(),
            kind: recipe.config.from.kind(),
            source: recipe.config.source.clone(),
            schedule: schedule.to_string(),
            state: State::Waiting,
            last_turn: None,
            next_turn: None,
            records: 0,
            fetched: 0,
            accepted: 0,
            refused: 0,
            failures: 0,
            error: None,
            missed: None,
        };
        status.show(checkpoint);
        status.next_turn = checkpoint.last_turn().map(|turn| schedule.next(turn).to_string());
        status
    }

    pub(super) fn begin(&mut self, at: Instant) {
        self.state = State::Gathering;
        self.next_turn = Some(at.to_string());
    }

    pub(super) fn succeed(&mut self, checkpoint: &Checkpoint, next: Instant) {
        self.state = State::Waiting;
        (self.failures, self.error) = (0, None);
        self.next_turn = Some(next.to_string());
        self.show(checkpoint);
    }

    pub(super) fn fail(&mut self, error: String) {
        self.state = State::Failing;
        self.failures += 1;
        self.error = Some(error);
    }

    /// Whether a turn is missed that nobody was told of yet.
    pub(super) fn misses(&mut self, first: Instant) -> bool {
        self.missed.replace(first) != Some(first)
    }

    fn show(&mut self, checkpoint: &Checkpoint) {
        self.last_turn = checkpoint.last_turn().map(|turn| turn.to_string());
        (self.records, self.fetched) = (checkpoint.records, checkpoint.fetched);
        (self.accepted, self.refused) = (checkpoint.accepted, checkpoint.refused);
    }
}
