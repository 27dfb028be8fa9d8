//! The books and their neighbours as metrics, refreshed in the background: what an operator is alerted by.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use eventlog::header::LEFT;
use prometheus::{IntGaugeVec, Opts, Registry};
use store::AsOf;
use tokio::sync::watch;

use super::{BooksLine, all_days};
use crate::biller::Biller;
use crate::collectors::CollectorState;
use crate::error::chain;

/// How often the metrics are refreshed.
const EVERY: Duration = Duration::from_secs(60);
/// Days that are read each time. Older ones change only when something very late arrives.
const DAYS_RECENT: u64 = 40;
/// All days are read every so many times: once an hour.
const ROUNDS_OF_RECENT: u32 = 60;
/// How many lines that differ are logged at a time; the metric has them all.
const LOGGED_MAX: usize = 20;

/// What the watch shows.
#[derive(Debug, Clone)]
pub struct BooksMetrics {
    difference: IntGaugeVec,
    mark_age: IntGaugeVec,
}

impl BooksMetrics {
    /// Makes the metrics and registers them.
    ///
    /// # Errors
    /// One of the names is taken.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, label: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let difference = gauge(
            "taxameter_books_difference",
            "Events by which the books differ, added up over sources and days: `collectors` between what was accepted and what was counted, `senders` between that and what senders say.",
            "side",
        )?;
        for side in ["collectors", "senders"] {
            difference.with_label_values(&[side]).set(0);
        }
        Ok(Self {
            difference,
            mark_age: gauge(
                "taxameter_collector_mark_age_seconds",
                "Seconds since each collector said last that its spool is empty; only those that are waited for.",
                "collector",
            )?,
        })
    }
}

/// Refreshes the metrics until it is told to stop.
pub struct BooksWatch {
    biller: Biller,
    metrics: BooksMetrics,
    /// Lines of days that are not recent, and differ.
    older: Vec<BooksLine>,
    /// Lines that differed the last time: only what differs twice is logged. A sender may be ahead of counting.
    before: BTreeSet<(String, NaiveDate, i64, Option<i64>)>,
    logged: BTreeSet<(String, NaiveDate, i64, Option<i64>)>,
    round: u32,
}

impl Biller {
    /// Who keeps the metrics of the books fresh.
    pub fn books_watch(&self, metrics: BooksMetrics) -> BooksWatch {
        BooksWatch {
            biller: self.clone(),
            metrics,
            older: Vec::new(),
            before: BTreeSet::new(),
            logged: BTreeSet::new(),
            round: 0,
        }
    }
}

impl BooksWatch {
    /// Refreshes the metrics each minute until it is told to stop. A store that does not answer changes nothing.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let round = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                round = self.round() => round,
            };
            if let Err(error) = round {
                tracing::warn!(error = chain(&error), "the metrics of the books could not be refreshed");
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn round(&mut self) -> crate::Result<()> {
        let today = self.biller.now().day();
        let recent = today.checked_sub_days(Days::new(DAYS_RECENT)).unwrap_or(today);
        let is_whole = self.round.is_multiple_of(ROUNDS_OF_RECENT);
        let days = if is_whole { all_days() } else { recent..=*all_days().end() };
        let lines = self.biller.books(days, AsOf::Newest).await?;
        self.round = self.round.wrapping_add(1);
        let differing = lines.into_iter().filter(BooksLine::differs);
        let (older, newer): (Vec<_>, Vec<_>) = differing.partition(|line| line.day < recent);
        if is_whole {
            self.older = older;
        }
        self.show(&newer);
        self.collectors().await
    }

    fn show(&mut self, newer: &[BooksLine]) {
        let (mut collectors, mut senders) = (0_u64, 0_u64);
        let mut now = BTreeSet::new();
        for line in self.older.iter().chain(newer) {
            collectors += line.difference().unsigned_abs();
            senders += line.sent_difference.unwrap_or_default().unsigned_abs();
            now.insert((line.source.clone(), line.day, line.difference(), line.sent_difference));
        }
        let shown = |sum: u64| i64::try_from(sum).unwrap_or(i64::MAX);
        self.metrics.difference.with_label_values(&["collectors"]).set(shown(collectors));
        self.metrics.difference.with_label_values(&["senders"]).set(shown(senders));
        let news = now.intersection(&self.before).filter(|line| !self.logged.contains(line));
        for (source, day, difference, sent_difference) in news.take(LOGGED_MAX) {
            let day = day.to_string();
            tracing::error!(source, day, difference, sent_difference, "the books differ");
        }
        self.logged = now.intersection(&self.before).cloned().collect();
        self.before = now;
    }

    async fn collectors(&self) -> crate::Result<()> {
        let now = self.biller.now().micros();
        let collectors = self.biller.collectors().await?;
        self.metrics.mark_age.reset();
        for (collector, state) in collectors {
            if matches!(state, CollectorState::Present | CollectorState::Silent) {
                let until = collector.spool_empty_until.micros().min(LEFT);
                let seconds = now.saturating_sub(until).max(0) / 1_000_000;
                self.metrics.mark_age.with_label_values(&[&collector.name]).set(seconds);
            }
        }
        Ok(())
    }
}
