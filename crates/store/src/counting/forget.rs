//! Deleting what is beyond the identity horizon (counting §5).

use domain::Instant;

use crate::client::Store;
use crate::error::asking;

/// The keys are gone through in so many ranges: those that are found are in memory at once, 24 bytes each.
const RANGES: u128 = 16;

/// The lives that ended before an instant: only those that have a row from before it need be looked at whole. Bind the range
/// and twice the instant, then the range and the instant.
const ENDED: &str = "SELECT event_key, life FROM events
    WHERE event_key BETWEEN ? AND ? AND (event_key, life) IN (
        SELECT event_key, life FROM events
        WHERE event_key BETWEEN ? AND ? AND time < fromUnixTimestamp64Micro(?, 'UTC')
          AND received < fromUnixTimestamp64Micro(?, 'UTC'))
    GROUP BY event_key, life
    HAVING max(greatest(time, received)) < fromUnixTimestamp64Micro(?, 'UTC')";

impl Store {
    /// Deletes identities whole, each life for itself: those whose revisions all have `time` and `received` before an
    /// instant. Answers with how many there were. Interrupted in between, it left some for the next time.
    pub async fn forget(&self, before: Instant) -> crate::Result<u64> {
        let failed = asking("identities beyond the horizon");
        let mut forgotten = 0;
        for range in 0..RANGES {
            let width = u128::MAX / RANGES;
            let first = range * width + u128::from(range > 0);
            let last = if range + 1 == RANGES { u128::MAX } else { (range + 1) * width };
            let ended = |query: clickhouse::query::Query| {
                let micros = before.micros();
                query.bind(first).bind(last).bind(first).bind(last).bind(micros).bind(micros).bind(micros)
            };
            let found = format!("SELECT count() FROM ({ENDED})");
            let lives = ended(self.query(&found)).fetch_one::<u64>().await.map_err(&failed)?;
            if lives > 0 {
                let delete = format!("DELETE FROM events WHERE (event_key, life) IN ({ENDED})");
                ended(self.query(&delete)).execute().await.map_err(&failed)?;
            }
            forgotten += lives;
        }
        Ok(forgotten)
    }
}
