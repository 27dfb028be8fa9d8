//! The books (counting §8): what collectors and senders counted, beside what became of it.
//!
//! Per source and Swedish day of arrival, `accepted + resent + released = logged + parked`, and `logged` is what counting
//! says became of every event of the log. An event that is parked is accepted and parked on the same day; when it is
//! released later, it is released and logged (or parked again) on that later day. So the books balance on every day,
//! whenever they are read.

mod line;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use domain::Instant;
use store::AsOf;
use store::senders::SenderCount;

pub use line::BooksLine;
pub use watch::{BooksMetrics, BooksWatch};

use crate::biller::Biller;
use crate::blocker::{Blocker, BlockerCode};
use crate::error::storing;

/// How many lines that differ are named as blockers; the rest is a number.
const BLOCKERS_MAX: usize = 20;

impl Biller {
    /// The books of some days, by source and day.
    pub async fn books(&self, days: RangeInclusive<NaiveDate>, as_of: AsOf) -> crate::Result<Vec<BooksLine>> {
        self.books_at(days, as_of, self.now()).await
    }

    /// Takes senders' own counts of events that were answered as accepted. The latest count of a source and day is the
    /// one that is compared, once the day is over.
    pub async fn put_sender_counts(&self, counts: &[SenderCount]) -> crate::Result<()> {
        let taking = storing("taking senders' counts");
        self.store().put_sender_counts(counts, self.now()).await.map_err(taking)
    }

    async fn books_at(
        &self,
        days: RangeInclusive<NaiveDate>,
        as_of: AsOf,
        now: Instant,
    ) -> crate::Result<Vec<BooksLine>> {
        let reading = storing("reading the books");
        let store = self.store();
        let read = tokio::try_join!(store.books(days.clone(), as_of), store.sender_counts(days));
        let (books, sent) = read.map_err(reading)?;
        let key = |source: &str, day: NaiveDate| (source.to_owned(), day);
        let mut lines: BTreeMap<(String, NaiveDate), BooksLine> =
            books.into_iter().map(|books| (key(&books.source, books.day), BooksLine::new(books))).collect();
        for count in &sent {
            let line = lines.entry(key(&count.source, count.day)).or_insert_with(|| BooksLine::of(count));
            line.compare(count.events, count.day < now.day());
        }
        Ok(lines.into_values().collect())
    }

    /// The lines of the books that differ, as blockers.
    pub(crate) async fn books_in_the_way(&self, as_of: AsOf, now: Instant) -> crate::Result<Vec<Blocker>> {
        let lines = self.books_at(all_days(), as_of, now).await?;
        let differing: Vec<&BooksLine> = lines.iter().filter(|line| line.differs()).collect();
        let mut blockers: Vec<Blocker> = differing.iter().take(BLOCKERS_MAX).map(|line| of(line)).collect();
        if differing.len() > BLOCKERS_MAX {
            let more = differing.len() - BLOCKERS_MAX;
            let sources: BTreeSet<&str> = differing.iter().map(|line| line.source.as_str()).collect();
            blockers.push(differ(format!("och {more} rader till i avstämningen ({} källor)", sources.len())));
        }
        Ok(blockers)
    }
}

/// Every day that an event can have been received on.
pub(crate) fn all_days() -> RangeInclusive<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or(NaiveDate::MIN);
    let last = NaiveDate::from_ymd_opt(2299, 12, 31).unwrap_or(NaiveDate::MAX);
    first..=last
}

fn of(line: &BooksLine) -> Blocker {
    let source = if line.source.is_empty() { "okänd källa" } else { &line.source };
    let mut parts = Vec::new();
    let difference = line.difference();
    if difference != 0 {
        let taken = line.accepted + line.resent + line.released;
        let found = line.logged() + line.parked;
        parts.push(format!("insamlat {taken} men loggat och parkerat {found} (differens {difference})"));
    }
    if let (Some(sent), Some(difference)) = (line.sent, line.sent_difference.filter(|d| *d != 0)) {
        let accepted = line.accepted;
        parts.push(format!(
            "avsändaren har räknat {sent} men mottaget är {accepted} (differens {difference})"
        ));
    }
    differ(format!("{source} {}: {}", line.day, parts.join("; ")))
}

fn differ(detail: String) -> Blocker {
    Blocker { code: BlockerCode::BooksDiffer, service: None, meter: None, detail }
}
