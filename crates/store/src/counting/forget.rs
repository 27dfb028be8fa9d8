//! Deleting what is beyond the identity horizon (counting §5).

use chrono::Months;
use domain::Instant;

use crate::client::Store;
use crate::error::asking;

/// How long identities are kept beyond the horizon. What is judged by a record's own `received` must still be there when that
/// record is counted: it may have lain in a collector's spool, or be counted late.
const MARGIN: Months = Months::new(2);

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

/// The instant before which an identity's last revision must lie so that nobody needs it from now on; none where the
/// calendar has none.
pub fn forgotten_before(now: Instant, horizon: Months) -> Option<Instant> {
    now.to_utc().checked_sub_months(horizon)?.checked_sub_months(MARGIN).map(Instant::from_utc)
}

impl Store {
    /// Deletes identities whole, each life for itself: those whose revisions all have `time` and `received` before an
    /// instant. Answers with how many there were. Interrupted in between, it left some for the next time.
    pub async fn forget(&self, before: Instant) -> crate::Result<u64> {
        let failed = asking("identities beyond the horizon");
        let mut forgotten = 0;
        for range in 0..RANGES {
            let lives = self.ended(range, before).await?;
            if lives > 0 {
                let delete = format!("DELETE FROM events WHERE (event_key, life) IN ({ENDED})");
                bind(self.query(&delete), range, before).execute().await.map_err(&failed)?;
            }
            forgotten += lives;
        }
        Ok(forgotten)
    }

    /// How many identities [`Store::forget`] would delete.
    pub async fn forgettable(&self, before: Instant) -> crate::Result<u64> {
        let mut found = 0;
        for range in 0..RANGES {
            found += self.ended(range, before).await?;
        }
        Ok(found)
    }

    /// How many lives of a range of keys ended before an instant.
    async fn ended(&self, range: u128, before: Instant) -> crate::Result<u64> {
        let query = self.query(&format!("SELECT count() FROM ({ENDED})"));
        let lives = bind(query, range, before).fetch_one::<u64>().await;
        lives.map_err(asking("identities beyond the horizon"))
    }
}

fn bind(query: clickhouse::query::Query, range: u128, before: Instant) -> clickhouse::query::Query {
    let width = u128::MAX / RANGES;
    let first = range * width + u128::from(range > 0);
    let last = if range + 1 == RANGES { u128::MAX } else { (range + 1) * width };
    let micros = before.micros();
    query.bind(first).bind(last).bind(first).bind(last).bind(micros).bind(micros).bind(micros)
}
