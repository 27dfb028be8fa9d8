//! What collectors count. Their names are the only label: they come from the configuration.

use domain::Instant;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// The metrics of all collectors; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    fetched: IntCounterVec,
    accepted: IntCounterVec,
    refused: IntCounterVec,
    failures: IntCounterVec,
    missed: IntCounterVec,
    last_turn: IntGaugeVec,
}

impl Metrics {
    /// Makes the metrics and registers them, once in a registry.
    ///
    /// # Errors
    /// Metrics of these names that are there already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), &["collector"])?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let last_turn = Opts::new(
            "taxameter_pull_last_turn_seconds",
            "The last turn that a collector took, in seconds since 1970",
        );
        let last_turn = IntGaugeVec::new(last_turn, &["collector"])?;
        registry.register(Box::new(last_turn.clone()))?;
        Ok(Self {
            fetched: counter(
                "taxameter_pull_entries_fetched_total",
                "Entries that systems gave to a collector, of which records were made",
            )?,
            accepted: counter(
                "taxameter_pull_events_total",
                "Events that a collector gathered and that were taken",
            )?,
            refused: counter(
                "taxameter_pull_events_refused_total",
                "Events that a collector gathered and that were refused",
            )?,
            failures: counter(
                "taxameter_pull_failures_total",
                "Turns of a collector that failed and are tried again",
            )?,
            missed: counter(
                "taxameter_pull_missed_total",
                "Times that a collector missed turns which its system cannot make up for",
            )?,
            last_turn,
        })
    }

    /// Shows a collector from the start, so that its absence can be told from its silence.
    pub(super) fn begin(&self, collector: &str, turn: Option<Instant>) {
        for counter in [&self.fetched, &self.accepted, &self.refused, &self.failures, &self.missed] {
            counter.with_label_values(&[collector]);
        }
        self.last_turn.with_label_values(&[collector]).set(turn.map_or(0, seconds));
    }

    pub(super) fn counted(&self, collector: &str, fetched: u64, accepted: u64, refused: u64) {
        self.fetched.with_label_values(&[collector]).inc_by(fetched);
        self.accepted.with_label_values(&[collector]).inc_by(accepted);
        self.refused.with_label_values(&[collector]).inc_by(refused);
    }

    pub(super) fn succeeded(&self, collector: &str, turn: Instant) {
        self.last_turn.with_label_values(&[collector]).set(seconds(turn));
    }

    pub(super) fn failed(&self, collector: &str) {
        self.failures.with_label_values(&[collector]).inc();
    }

    pub(super) fn missed(&self, collector: &str) {
        self.missed.with_label_values(&[collector]).inc();
    }
}

fn seconds(turn: Instant) -> i64 {
    turn.micros().div_euclid(1_000_000)
}
