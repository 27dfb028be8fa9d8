//! What is measured: per batch and per round, never per event.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::outcome::Outcome;

/// The aggregator's metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) events: [IntCounter; Outcome::ALL.len()],
    pub(crate) emissions: IntCounter,
    pub(crate) emission_rows: IntCounter,
    pub(crate) emission_seconds: Histogram,
    pub(crate) retries: IntCounter,
    pub(crate) lookups: IntCounter,
    pub(crate) unknown_meters: IntCounter,
    pub(crate) waiting_for_catalogue: IntGauge,
    pub(crate) counted_offset: IntGaugeVec,
    pub(crate) lag_records: IntGaugeVec,
    pub(crate) oldest_uncounted_seconds: IntGauge,
    pub(crate) windows_unsealed: IntGauge,
    pub(crate) quarantine_entries: IntGaugeVec,
    pub(crate) records_deleted: IntCounter,
    pub(crate) identities_forgotten: IntCounter,
    pub(crate) rollup_seconds: Histogram,
    pub(crate) rollup_revisions: IntCounter,
    pub(crate) rollup_failures: IntCounter,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str| {
            let buckets = prometheus::exponential_buckets(0.005, 3.0, 9)?;
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let outcomes = IntCounterVec::new(
            Opts::new("taxameter_aggregate_events_total", "Events counted, by outcome."),
            &["outcome"],
        )?;
        registry.register(Box::new(outcomes.clone()))?;
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let gauges = |name: &str, help: &str, label: &str| {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        Ok(Self {
            events: Outcome::ALL.map(|outcome| outcomes.with_label_values(&[outcome.name()])),
            emissions: counter("taxameter_aggregate_emissions_total", "Emissions that were acknowledged.")?,
            emission_rows: counter("taxameter_aggregate_rows_total", "Rows that were acknowledged.")?,
            emission_seconds: histogram(
                "taxameter_aggregate_emission_seconds",
                "How long an emission took.",
            )?,
            retries: counter(
                "taxameter_aggregate_store_retries_total",
                "Store operations that were repeated.",
            )?,
            lookups: counter(
                "taxameter_aggregate_lookups_total",
                "Identities that the store was asked about.",
            )?,
            unknown_meters: counter(
                "taxameter_aggregate_unknown_meters_total",
                "How often the catalogue had to be read again for a meter.",
            )?,
            waiting_for_catalogue: gauge(
                "taxameter_aggregate_waiting_for_catalogue",
                "Partitions that wait for a meter that the catalogue does not know.",
            )?,
            counted_offset: gauges(
                "taxameter_aggregate_counted_offset",
                "The offset after the last record whose rows are stored.",
                "partition",
            )?,
            lag_records: gauges(
                "taxameter_aggregate_lag_records",
                "Records of a partition counted here that are not in the rows yet.",
                "partition",
            )?,
            oldest_uncounted_seconds: gauge(
                "taxameter_aggregate_oldest_uncounted_seconds",
                "How long ago the oldest record of the partitions counted here was received that is not in the rows yet.",
            )?,
            windows_unsealed: gauge(
                "taxameter_aggregate_windows_unsealed",
                "Windows of the log that are begun and not sealed.",
            )?,
            quarantine_entries: gauges(
                "taxameter_quarantine_entries",
                "Different events in the quarantine, by the reason.",
                "code",
            )?,
            records_deleted: counter(
                "taxameter_aggregate_records_deleted_total",
                "Offsets of the usage log that were given up because their records are counted and old.",
            )?,
            identities_forgotten: counter(
                "taxameter_aggregate_identities_forgotten_total",
                "Identities that were deleted because they lie beyond the horizon.",
            )?,
            rollup_seconds: histogram(
                "taxameter_aggregate_rollup_seconds",
                "How long a round of the roll-up took.",
            )?,
            rollup_revisions: counter(
                "taxameter_aggregate_rollup_revisions_total",
                "Revisions of a month of a meter.",
            )?,
            rollup_failures: counter(
                "taxameter_aggregate_rollup_failures_total",
                "Rounds of the roll-up that failed.",
            )?,
        })
    }
}
