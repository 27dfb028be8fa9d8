//! How a collector of this process stands, as it says itself.

use domain::Instant;
use serde_json::Value;

/// What is shown of [`crate::Gathering::statuses`].
pub(super) struct Gathered<'v> {
    pub(super) name: &'v str,
    pub(super) kind: &'v str,
    pub(super) source: &'v str,
    pub(super) schedule: &'v str,
    pub(super) state: &'v str,
    pub(super) last_turn: Option<Instant>,
    pub(super) next_turn: Option<Instant>,
    pub(super) records: u64,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) failures: u64,
    pub(super) error: &'v str,
}

impl<'v> Gathered<'v> {
    /// Reads what a collector says. What it does not say is empty.
    pub(super) fn of(status: &'v Value) -> Self {
        let text = |name: &str| status[name].as_str().unwrap_or_default();
        let number = |name: &str| status[name].as_u64().unwrap_or_default();
        let instant = |name: &str| status[name].as_str().and_then(Instant::parse_rfc3339);
        Self {
            name: text("name"),
            kind: text("kind"),
            source: text("source"),
            schedule: text("schedule"),
            state: text("state"),
            last_turn: instant("last_turn"),
            next_turn: instant("next_turn"),
            records: number("records"),
            accepted: number("accepted"),
            refused: number("refused"),
            failures: number("failures"),
            error: text("error"),
        }
    }
}
