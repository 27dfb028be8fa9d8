//! How far counting is behind, and whether it moves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Instant;
use eventlog::{EventLog, topic};

use crate::metrics::Metrics;

/// How often the log is asked how long it is.
const EVERY: Duration = Duration::from_secs(5);

/// A partition whose counting stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standstill {
    /// The partition.
    pub partition: u32,
    /// How many records wait, about: offsets may have gaps.
    pub behind: u64,
    /// How long nothing of it was counted, as far as was seen.
    pub lasted: Duration,
}

/// Whether counting moves in every partition where something waits to be counted. Whoever watches tells it what it sees.
#[derive(Debug, Default)]
pub struct Movement {
    partitions: BTreeMap<u32, Seen>,
}

#[derive(Debug)]
struct Seen {
    counted: u64,
    end: u64,
    /// Since when something waits and nothing was counted.
    standing: Option<tokio::time::Instant>,
}

impl Movement {
    /// A partition is counted up to one offset, and goes to another.
    pub fn observe(&mut self, partition: u32, counted: u64, end: u64, now: tokio::time::Instant) {
        let before = self.partitions.get(&partition);
        let standing = before.filter(|seen| seen.counted == counted).and_then(|seen| seen.standing);
        let standing = (end > counted).then(|| standing.unwrap_or(now));
        self.partitions.insert(partition, Seen { counted, end, standing });
    }

    /// The partition that stands still for the longest, if one does.
    pub fn standstill(&self, now: tokio::time::Instant) -> Option<Standstill> {
        let standing = |(partition, seen): (&u32, &Seen)| {
            let lasted = now.saturating_duration_since(seen.standing?);
            Some(Standstill { partition: *partition, behind: seen.end - seen.counted, lasted })
        };
        self.partitions.iter().filter_map(standing).max_by_key(|standstill| standstill.lasted)
    }
}

/// How far the partitions are that are counted here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(Arc<Mutex<BTreeMap<u32, Arc<AtomicU64>>>>);

impl Counted {
    pub(crate) fn begin(&self, partition: u32, upto: Arc<AtomicU64>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, upto);
    }

    pub(crate) fn end(&self, partition: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&partition);
    }

    fn now(&self) -> Vec<(u32, u64)> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.iter().map(|(partition, upto)| (*partition, upto.load(Ordering::Relaxed))).collect()
    }
}

/// Keeps the metrics of lag until it is dropped.
pub(crate) async fn watch(log: Arc<dyn EventLog>, counted: Counted, metrics: Metrics, now: fn() -> Instant) {
    loop {
        metrics.lag_records.reset();
        let mut oldest: Option<Instant> = None;
        for (partition, upto) in counted.now() {
            let Ok(end) = log.end_offset(topic::USAGE, partition).await else { continue };
            let label = partition.to_string();
            let gauge = metrics.lag_records.with_label_values(&[label.as_str()]);
            gauge.set(i64::try_from(end.saturating_sub(upto)).unwrap_or(i64::MAX));
            if end > upto
                && let Ok(records) = log.read(topic::USAGE, partition, upto, 1).await
                && let Some(first) = records.first()
            {
                let received = Instant::from_micros(first.received());
                oldest = Some(oldest.map_or(received, |oldest| oldest.min(received)));
            }
        }
        let age = oldest.map_or(0, |oldest| (now().micros() - oldest.micros()).max(0) / 1_000_000);
        metrics.oldest_uncounted_seconds.set(age);
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_stands_still_while_something_waits_and_nothing_is_counted() {
        let began = tokio::time::Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut movement = Movement::default();
        movement.observe(0, 10, 10, at(0));
        movement.observe(1, 10, 10, at(0));
        assert_eq!(movement.standstill(at(100)), None);
        movement.observe(1, 10, 12, at(5));
        movement.observe(1, 10, 14, at(15));
        let standstill = Standstill { partition: 1, behind: 4, lasted: Duration::from_secs(15) };
        assert_eq!(movement.standstill(at(20)), Some(standstill));
        // It moves, though more waits than before; another partition's movement does not help this one.
        movement.observe(0, 11, 12, at(25));
        movement.observe(1, 11, 90, at(25));
        assert_eq!(movement.standstill(at(25)).unwrap().lasted, Duration::ZERO);
        movement.observe(0, 12, 12, at(30));
        movement.observe(1, 11, 90, at(30));
        assert_eq!(movement.standstill(at(35)).unwrap().lasted, Duration::from_secs(10));
        movement.observe(1, 90, 90, at(36));
        assert_eq!(movement.standstill(at(99)), None);
    }
}
