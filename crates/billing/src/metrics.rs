//! What is measured of carrying out decisions.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};

/// The metrics of [`crate::Owner`].
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) decisions: IntCounterVec,
    pub(crate) decision_seconds: Histogram,
    pub(crate) failures: IntCounter,
}

impl Metrics {
    /// Makes the metrics and registers them.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let decisions = IntCounterVec::new(
            Opts::new(
                "taxameter_billing_decisions_total",
                "Decisions that were carried out, by what they were about and how they ended.",
            ),
            &["action", "outcome"],
        )?;
        let buckets = prometheus::exponential_buckets(0.05, 2.0, 12)?;
        let decision_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "taxameter_billing_decision_seconds",
                "How long carrying out a decision took, its cut included.",
            )
            .buckets(buckets),
        )?;
        let failures = IntCounter::new(
            "taxameter_billing_decision_failures_total",
            "Attempts to carry out a decision that failed and were repeated.",
        )?;
        registry.register(Box::new(decisions.clone()))?;
        registry.register(Box::new(decision_seconds.clone()))?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self { decisions, decision_seconds, failures })
    }
}
