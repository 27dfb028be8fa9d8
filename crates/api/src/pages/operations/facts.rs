//! Gathers what the page of operations shows. What cannot be read is one more finding, and takes no other part with it.

use std::error::Error;
use std::ops::RangeInclusive;
use std::time::Duration;

use billing::{AuditRecord, BooksLine, CollectorState, Waiting};
use chrono::{Days, NaiveDate};
use domain::Instant;
use serde_json::Value;
use store::AsOf;
use store::collectors::Collector;
use store::quarantine::ReasonCount;

use crate::{Check, Shared};

/// How long a part of the page may take: whoever looks at night waits no longer for what does not answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How many days of the books are shown, today among them.
const BOOKS_DAYS: u64 = 14;

/// How long ago something came to the quarantine lately, in microseconds: a day.
const LATELY: i64 = 24 * 3_600 * 1_000_000;

/// Why a part could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// What it asks is away, or does not answer in time.
    Away,
    /// Something of ours is broken.
    Broken,
}

/// What was read of a part.
pub(super) type Answer<T> = Result<T, Unread>;

/// Everything that the page is made from.
pub(super) struct Facts {
    pub(super) now: Instant,
    pub(super) checks: Answer<Vec<Check>>,
    pub(super) waiting: Answer<Vec<Waiting>>,
    pub(super) unsealed: Answer<u64>,
    pub(super) collectors: Answer<Vec<(Collector, CollectorState)>>,
    pub(super) gathered: Vec<Value>,
    pub(super) days: RangeInclusive<NaiveDate>,
    pub(super) books: Answer<Vec<BooksLine>>,
    pub(super) quarantine: Answer<Vec<ReasonCount>>,
    pub(super) decisions: Answer<Vec<AuditRecord>>,
}

/// Reads all parts at once.
pub(super) async fn load(shared: &Shared, now: Instant) -> Facts {
    let (biller, store) = (&shared.biller, &shared.store);
    let today = now.day();
    let days = today.checked_sub_days(Days::new(BOOKS_DAYS - 1)).unwrap_or(today)..=today;
    let since = Instant::from_micros(now.micros().saturating_sub(LATELY));
    let checks = async { Ok::<_, store::Error>((shared.ready)().await) };
    let decisions = async { biller.audit(0, usize::MAX).await.map(|page| page.records) };
    let (checks, waiting, unsealed, collectors, books, quarantine, decisions) = futures::join!(
        answer("checks", checks, store::Error::is_connection),
        answer("waiting", biller.waiting(), billing::Error::is_temporary),
        answer("windows", store.windows_unsealed(), store::Error::is_connection),
        answer("collectors", biller.collectors(), billing::Error::is_temporary),
        answer("books", biller.books(days.clone(), AsOf::Newest), billing::Error::is_temporary),
        answer("quarantine", store.quarantine_reasons(since), store::Error::is_connection),
        answer("decisions", decisions, billing::Error::is_temporary),
    );
    let gathered = shared.gathering.as_ref().map_or_else(Vec::new, |gathering| (gathering.statuses)());
    Facts { now, checks, waiting, unsealed, collectors, gathered, days, books, quarantine, decisions }
}

async fn answer<T, E: Error + 'static>(
    part: &'static str,
    asked: impl Future<Output = Result<T, E>>,
    is_away: fn(&E) -> bool,
) -> Answer<T> {
    within(ANSWER_MAX, part, asked, is_away).await
}

async fn within<T, E: Error + 'static>(
    longest: Duration,
    part: &'static str,
    asked: impl Future<Output = Result<T, E>>,
    is_away: fn(&E) -> bool,
) -> Answer<T> {
    match tokio::time::timeout(longest, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(
                part,
                error = &error as &dyn Error,
                "a part of the page of operations is not read"
            );
            Err(if is_away(&error) { Unread::Away } else { Unread::Broken })
        }
        Err(_) => {
            tracing::warn!(part, "a part of the page of operations does not answer in time");
            Err(Unread::Away)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_away_or_late_or_broken_is_told_apart() {
        let fails = |kind| async move { Err::<(), _>(std::io::Error::from(kind)) };
        let is_away = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
        let away = answer("x", fails(std::io::ErrorKind::ConnectionRefused), is_away).await;
        assert_eq!(away, Err(Unread::Away));
        let broken = answer("x", fails(std::io::ErrorKind::InvalidData), is_away).await;
        assert_eq!(broken, Err(Unread::Broken));
        let never = std::future::pending::<Result<(), std::io::Error>>();
        assert_eq!(within(Duration::ZERO, "x", never, is_away).await, Err(Unread::Away));
    }
}
