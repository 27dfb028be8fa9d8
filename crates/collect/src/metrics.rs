//! What the collector counts. Names of codes are the only labels: never a sender, a subject or a cost centre.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::intake::{Answer, Rejected};

/// The collector's metrics; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) accepted: IntCounter,
    pub(crate) rejected: IntCounterVec,
    pub(crate) parked: IntCounter,
    pub(crate) unattributed: IntCounter,
    pub(crate) batch: Histogram,
    pub(crate) durable: Histogram,
    pub(crate) unavailable: IntCounter,
    pub(crate) body_bytes: IntCounter,
    pub(crate) refused_requests: IntCounterVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) queued: IntGauge,
    pub(crate) spool_bytes: IntGauge,
    pub(crate) spool_records: IntGauge,
    pub(crate) spool_age: IntGauge,
    pub(crate) spool_cut: IntCounter,
    pub(crate) spool_failures: IntCounter,
    pub(crate) spooled: IntCounter,
    pub(crate) drained: IntCounter,
    pub(crate) forwarded: IntCounter,
    pub(crate) marks: IntCounter,
}

impl Metrics {
    /// Makes the metrics and registers them, once in a registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let by_code = |name: &str, help: &str| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), &["code"])?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| -> Result<Histogram, prometheus::Error> {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            accepted: counter(
                "taxameter_collect_events_accepted_total",
                "Events that were answered as accepted",
            )?,
            rejected: by_code(
                "taxameter_collect_events_rejected_total",
                "Events that were refused, by code",
            )?,
            parked: counter(
                "taxameter_collect_events_parked_total",
                "Accepted events whose meter the catalogue lacks",
            )?,
            unattributed: counter(
                "taxameter_collect_events_unattributed_total",
                "Accepted events whose cost centre has no payer on their day",
            )?,
            batch: histogram(
                "taxameter_collect_batch_events",
                "Events in a request",
                vec![1.0, 10.0, 100.0, 1_000.0, 10_000.0],
            )?,
            durable: histogram(
                "taxameter_collect_durable_seconds",
                "From a body that was read to events that are durable",
                vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0],
            )?,
            unavailable: counter("taxameter_collect_unavailable_total", "Batches that the log did not take")?,
            body_bytes: counter(
                "taxameter_collect_body_bytes_total",
                "Bytes of bodies, after decompression",
            )?,
            refused_requests: by_code(
                "taxameter_collect_requests_refused_total",
                "Requests refused whole, by code",
            )?,
            in_flight: gauge("taxameter_collect_in_flight_bytes", "Bytes of bodies that are being taken")?,
            queued: gauge("taxameter_collect_queued_bytes", "Bytes of events that wait for the log")?,
            spool_bytes: gauge(
                "taxameter_collect_spool_bytes",
                "Bytes in the spool, those that are on the log and not deleted yet among them",
            )?,
            spool_records: gauge(
                "taxameter_collect_spool_records",
                "Records in the spool that are not known to be on the log",
            )?,
            spool_age: gauge(
                "taxameter_collect_spool_oldest_age_seconds",
                "How long ago the oldest record in the spool was received; 0 when it is empty",
            )?,
            spool_cut: counter(
                "taxameter_collect_spool_cut_records_total",
                "Records of a torn tail that were cut off the spool; none of them had been confirmed",
            )?,
            spool_failures: counter(
                "taxameter_collect_spool_failures_total",
                "Times that the spool could not be read",
            )?,
            spooled: counter(
                "taxameter_collect_spool_spooled_records_total",
                "Records that were put into the spool",
            )?,
            drained: counter(
                "taxameter_collect_spool_drained_records_total",
                "Records that the log has from the spool",
            )?,
            forwarded: counter(
                "taxameter_collect_intake_records_total",
                "Records of the intake topic that were judged and put where they belong",
            )?,
            marks: counter("taxameter_collect_marks_total", "Marks that say up to when the spool is empty")?,
        })
    }

    pub(crate) fn count_batch(&self, answer: &Answer, unattributed: u64, took: Duration) {
        self.accepted.inc_by(answer.accepted as u64);
        self.parked.inc_by(answer.parked as u64);
        self.unattributed.inc_by(unattributed);
        self.batch.observe((answer.accepted + answer.rejected.len()) as f64);
        self.durable.observe(took.as_secs_f64());
        self.count_rejected(&answer.rejected);
    }

    pub(crate) fn count_rejected(&self, rejected: &[Rejected]) {
        let mut counts = BTreeMap::new();
        for one in rejected {
            *counts.entry(one.rejection.code).or_insert(0_u64) += 1;
        }
        for (code, count) in counts {
            self.rejected.with_label_values(&[code.name()]).inc_by(count);
        }
    }
}
