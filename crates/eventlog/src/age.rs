//! Where in a partition the records begin that came since an instant.

use std::ops::Range;

use domain::Instant;

use crate::{EventLog, Result};

/// The first offset of a range of a partition whose record was received at an instant or later; the range's end when none
/// was.
///
/// Records lie about in the order in which they were received. One that came through a spool was received before its
/// neighbours, and goes or stays with them.
pub async fn received_since(
    log: &dyn EventLog,
    topic: &str,
    partition: u32,
    offsets: Range<u64>,
    since: Instant,
) -> Result<u64> {
    // Everything below `low` is older, and what lies at `high` or beyond it is not.
    let (mut low, mut high) = (offsets.start, offsets.end.max(offsets.start));
    while low < high {
        let middle = low + (high - low) / 2;
        let records = log.read(topic, partition, middle, 1).await?;
        match records.first().filter(|record| record.offset < high) {
            Some(record) if Instant::from_micros(record.received()) < since => low = record.offset + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}
