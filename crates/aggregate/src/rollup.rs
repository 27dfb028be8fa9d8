//! Progress, cells and observations → revisions of monthly usage (counting §7).
//!
//! Previews follow whatever was counted; cuts stand for the barriers of a close. Every revision is written whole under
//! its own key, and the heads that name it come last. Two of these jobs at once write the same, or other names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::catalogue::Catalogue;
use domain::{Instant, Month, calendar};
use eventlog::{EventLog, topic};
use store::counting::Generation;
use store::rollup::{Barriers, CutRow, Head, Prefix, RevisionRows};
use tokio::sync::{Notify, watch};

use crate::dirty::{self, MeterKey, RolledUp, RolledUpMonths, TouchedMonths};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::reckon::{self, Reckoning, Scope};
use crate::retry::stopped;
use crate::seam::Revisions;

/// How often progress is asked when nobody in this process says that there is news.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait for the other partitions' emissions after the first: they fall idle at about the same time.
const SETTLE: Duration = Duration::from_millis(100);
/// A load is over when all of the log is counted and nothing more came for so long: two emissions of a load may lie
/// further apart, but then there are records between them.
const QUIET: Duration = Duration::from_millis(400);
/// Under a load a round begins no sooner after the last than so many times what that took: a tenth of the time goes into
/// previews that are superseded at once, however large the months have become.
const PAUSE_PER_ROUND: u32 = 9;
/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Rows are written in chunks of about so many, so that memory is bounded.
const ROWS_PER_WRITE: usize = 100_000;
/// A meter is reckoned for at most so many months at once: a busy one has some 100,000 rows of days a month. A run reads
/// readings from the three months before it, so shorter ones would read most of them twice.
const RUN_MONTHS: i32 = 6;
/// A superseded preview is kept this long for readers that chose it, in microseconds.
const SUPERSEDED_KEPT: i64 = 600 * 1_000_000;
/// How often superseded previews are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(600);

/// The job. One of a process; two of different processes do no harm.
pub struct RollUp<S> {
    store: Arc<S>,
    catalogue: Arc<ArcSwap<Catalogue>>,
    metrics: Metrics,
    now: fn() -> Instant,
    generation: Generation,
    /// Names this writer's previews.
    writer: u128,
    attempt: u64,
    touched: TouchedMonths,
    rolled_up: RolledUpMonths,
    seen: Option<Prefix>,
    /// The cut that was last said to wait for the catalogue.
    waiting: Option<u64>,
}

impl<S> std::fmt::Debug for RollUp<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollUp")
            .field("generation", &self.generation.generation)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl<S: Revisions> RollUp<S> {
    /// A job for a generation of the usage log. `writer` must differ from that of any other job, ever.
    pub fn new(
        store: Arc<S>,
        catalogue: Arc<ArcSwap<Catalogue>>,
        metrics: Metrics,
        now: fn() -> Instant,
        generation: Generation,
        writer: u128,
    ) -> Self {
        Self {
            store,
            catalogue,
            metrics,
            now,
            generation,
            writer,
            attempt: 0,
            touched: TouchedMonths::default(),
            rolled_up: RolledUpMonths::new(),
            seen: None,
            waiting: None,
        }
    }

    /// Keeps previews fresh and rolls cuts up until told to stop. A failed round is repeated: nothing that it wrote means
    /// anything before its heads.
    ///
    /// The log is only asked how long it is: whether more is about to be counted.
    pub async fn run(
        mut self,
        log: Arc<dyn EventLog>,
        news: Arc<Notify>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let mut collected = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return Ok(()),
                _ = tokio::time::timeout(POLL, news.notified()) => tokio::time::sleep(SETTLE).await,
            }
            let began = tokio::time::Instant::now();
            if let Err(error) = self.round().await {
                self.metrics.rollup_failures.inc();
                // What was read may be half of it: everything is read again.
                self.seen = None;
                tracing::warn!(error = &error as &dyn std::error::Error, "roll-up failed; it is repeated");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
            let took = began.elapsed();
            self.metrics.rollup_seconds.observe(took.as_secs_f64());
            if collected.elapsed() >= COLLECT_EVERY {
                collected = tokio::time::Instant::now();
                self.collect().await;
            }
            self.pause(&*log, &news, took * PAUSE_PER_ROUND).await;
        }
    }

    /// Waits until a load is over, at most so long. What came meanwhile is news for the next round. Cuts are rolled up all the
    /// while: whoever closes a month waits for its cut, not for the load to end.
    async fn pause(&mut self, log: &dyn EventLog, news: &Notify, at_most: Duration) {
        let until = tokio::time::Instant::now() + at_most;
        let (mut came, mut looked) = (false, tokio::time::Instant::now());
        while tokio::time::Instant::now() < until {
            match tokio::time::timeout(QUIET.min(at_most), news.notified()).await {
                Ok(()) => came = true,
                Err(_) if self.all_is_counted(log).await => break,
                Err(_) => {}
            }
            if looked.elapsed() >= QUIET {
                looked = tokio::time::Instant::now();
                // What is wrong is said by the next round, which does it again.
                if self.cuts().await.is_err() {
                    break;
                }
            }
        }
        if came {
            news.notify_one();
        }
    }

    /// Whether every record of the log is counted. Whoever does not answer holds nothing up.
    async fn all_is_counted(&self, log: &dyn EventLog) -> bool {
        let Ok(prefix) = self.counted().await else { return true };
        for (partition, counted) in (0..).zip(prefix.as_of) {
            let counted = counted.max(self.generation.start(partition));
            if log.end_offset(topic::USAGE, partition).await.is_ok_and(|end| end > counted) {
                return false;
            }
        }
        true
    }

    async fn counted(&self) -> store::Result<Prefix> {
        self.store.counted_prefix(self.generation.generation, self.generation.partitions).await
    }

    /// Rolls up what is dirty, then the cuts that are ready. Answers with the number of revisions written.
    pub async fn round(&mut self) -> Result<usize, Error> {
        Ok(self.previews().await? + self.cuts().await?)
    }

    /// Rolls up the cuts that are ready, and answers with their number.
    async fn cuts(&mut self) -> Result<usize, Error> {
        let cuts = self.store.pending_cuts().await?;
        let mut rolled_up = 0;
        for barriers in &cuts {
            if !self.cut(barriers).await? {
                break;
            }
            rolled_up += 1;
        }
        Ok(rolled_up)
    }

    async fn collect(&self) {
        let before = Instant::from_micros((self.now)().micros() - SUPERSEDED_KEPT);
        match self.store.collect_superseded(before).await {
            Ok(deleted) => tracing::debug!(deleted, "superseded previews deleted"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "superseded previews stay for now")
            }
        }
    }

    async fn previews(&mut self) -> Result<usize, Error> {
        if self.seen.is_none() {
            self.rolled_up = dirty::rolled_up(&self.store.heads(None).await?);
        }
        // First how far, then what, then the rows: the revision holds at least its prefix.
        let prefix = self.counted().await?;
        if self.seen.as_ref() != Some(&prefix) {
            let touched = self.store.touched_since(self.seen.as_ref()).await?;
            self.touched.add(touched);
            self.seen = Some(prefix.clone());
        }
        let until = calendar::start_of_day((self.now)().day());
        let catalogue = self.catalogue.load_full();
        let mut work = Vec::new();
        for key in self.touched.meters() {
            let Some(meter) = dirty::meter_of(&catalogue, key) else { continue };
            let months = self.touched.dirty(key, meter, until, &self.rolled_up);
            if !months.is_empty() {
                work.push((key.clone(), months));
            }
        }
        if work.is_empty() {
            return Ok(0);
        }
        self.attempt += 1;
        let revision = name("preview", &prefix, &[self.writer, u128::from(self.attempt)]);
        let job =
            Job { catalogue: &catalogue, revision, cut: None, prefix: &prefix, until, written: (self.now)() };
        let heads = self.write(&job, &work).await?;
        for head in &heads {
            let done = RolledUp { prefix: prefix.clone(), until };
            self.rolled_up
                .entry((head.service.clone(), head.meter.clone()))
                .or_default()
                .insert(head.month, done);
        }
        self.metrics.rollup_revisions.inc_by(heads.len() as u64);
        Ok(heads.len())
    }

    /// Rolls up a cut: what differs from the last one is reckoned, the rest keeps its revision. Every meter and month gets
    /// a head of its own, and the cut is named when all are there.
    ///
    /// A cut never changes, so it waits (and answers false) until the catalogue knows all of its meters: another process
    /// may have counted some that this one has not heard of yet.
    async fn cut(&mut self, barriers: &Barriers) -> Result<bool, Error> {
        let Barriers { cut, prefix, received } = barriers;
        let until = calendar::start_of_day(received.day());
        let before = self.store.last_cut().await?;
        let heads = match &before {
            Some(before) => self.store.heads(Some(before.cut)).await?,
            None => Vec::new(),
        };
        let mut touched = TouchedMonths::default();
        touched.add(self.store.touched_within(prefix, None).await?);
        let mut differs = TouchedMonths::default();
        let comparable = before.as_ref().filter(|before| before.prefix.generation == prefix.generation);
        if let Some(before) = comparable {
            differs.add(self.store.touched_within(prefix, Some(&before.prefix)).await?);
        }
        let catalogue = self.catalogue.load_full();
        let (mut work, mut kept) = (Vec::new(), Vec::new());
        for key in touched.meters() {
            let Some(meter) = dirty::meter_of(&catalogue, key) else {
                if self.waiting.replace(*cut) != Some(*cut) {
                    let (service, meter) = key;
                    tracing::warn!(cut, service, meter, "catalogue lacks a meter of a cut; waiting for it");
                }
                return Ok(false);
            };
            let all = touched.months(key, meter, until);
            let clean = |head: &&Head| {
                let time_passed = head.until.min(head.month.end()) != until.min(head.month.end());
                comparable.is_some()
                    && (head.service == key.0 && head.meter == key.1)
                    && all.contains(&head.month)
                    && !time_passed
                    && !differs.lists(key, head.month)
            };
            let clean: Vec<&Head> = heads.iter().filter(clean).collect();
            let mut months = all.clone();
            months.retain(|month| !clean.iter().any(|head| head.month == *month));
            kept.extend(clean.into_iter().map(|head| Head {
                cut: Some(*cut),
                written: *received,
                ..head.clone()
            }));
            if !months.is_empty() {
                work.push((key.clone(), months));
            }
        }
        let revision = name("cut", prefix, &[u128::from(*cut)]);
        let job = Job { catalogue: &catalogue, revision, cut: Some(*cut), prefix, until, written: *received };
        self.store.put_heads(&kept).await?;
        self.write(&job, &work).await?;
        self.store.put_cut(&CutRow { cut: *cut, prefix: prefix.clone(), until }).await?;
        tracing::info!(cut, "cut is rolled up");
        Ok(true)
    }

    /// Reckons and writes, rows first and heads last, in chunks of whole months of a meter.
    async fn write(&self, job: &Job<'_>, work: &[(MeterKey, BTreeSet<Month>)]) -> Result<Vec<Head>, Error> {
        let (mut rows, mut unnamed, mut named) = (RevisionRows::default(), Vec::new(), Vec::new());
        for (key, months) in work.iter().flat_map(|(key, months)| runs(months).map(move |run| (key, run))) {
            let more = self.reckon(job, key, &months).await?;
            rows.months.extend(more.months);
            rows.days.extend(more.days);
            rows.subjects.extend(more.subjects);
            rows.gaps.extend(more.gaps);
            unnamed.extend(months.iter().map(|month| job.head(key, *month)));
            if rows.len() >= ROWS_PER_WRITE {
                self.flush(job, &mut rows, &mut unnamed, &mut named).await?;
            }
        }
        self.flush(job, &mut rows, &mut unnamed, &mut named).await?;
        Ok(named)
    }

    async fn flush(
        &self,
        job: &Job<'_>,
        rows: &mut RevisionRows,
        unnamed: &mut Vec<Head>,
        named: &mut Vec<Head>,
    ) -> Result<(), Error> {
        self.store.write_revision(job.revision, rows).await?;
        self.store.put_heads(unnamed).await?;
        *rows = RevisionRows::default();
        named.append(unnamed);
        Ok(())
    }

    async fn reckon(
        &self,
        job: &Job<'_>,
        key: &MeterKey,
        months: &BTreeSet<Month>,
    ) -> Result<RevisionRows, Error> {
        let (service, meter) = (&key.0, &key.1);
        let (Some(first), Some(last)) = (months.first(), months.last()) else {
            return Ok(RevisionRows::default());
        };
        let Some(known) = dirty::meter_of(job.catalogue, key) else { return Ok(RevisionRows::default()) };
        let scope = Scope {
            service: service.clone(),
            meter: meter.clone(),
            kind: known.kind,
            hold_days: known.hold_days,
            first: *first,
            last: *last,
            until: job.until,
        };
        // A preview takes all there is; a cut ends between windows.
        let prefix = job.cut.is_some().then_some(job.prefix);
        let wanted = |month| months.contains(&month);
        if known.kind.is_summed() {
            let mut cells = Vec::new();
            for month in months {
                cells.extend(self.store.cells(*month, service, meter, prefix).await?);
            }
            return Ok(reckon::from_cells(&scope, &cells, wanted)?);
        }
        let markers = self.store.markers(service, meter, prefix).await?;
        let time = scope.needed();
        let mut reckoning = Reckoning::new(scope, markers);
        while reckoning.needs_pass() {
            let mut give = |row: &store::rollup::SignedObservation<'_>| reckoning.give(row);
            self.store.each_observation(service, meter, time.clone(), prefix, &mut give).await?;
            reckoning.end_pass();
        }
        Ok(reckoning.rows(wanted)?)
    }
}

/// Months in runs of at most [`RUN_MONTHS`], whether all of them are wanted or not.
fn runs(months: &BTreeSet<Month>) -> impl Iterator<Item = BTreeSet<Month>> {
    let mut left = months.clone();
    std::iter::from_fn(move || {
        let end = left.first()?.plus(RUN_MONTHS);
        let later = left.split_off(&end);
        Some(std::mem::replace(&mut left, later))
    })
}

/// One revision under way.
struct Job<'j> {
    catalogue: &'j Catalogue,
    revision: u128,
    cut: Option<u64>,
    prefix: &'j Prefix,
    until: Instant,
    written: Instant,
}

impl Job<'_> {
    fn head(&self, (service, meter): &MeterKey, month: Month) -> Head {
        Head {
            month,
            service: service.clone(),
            meter: meter.clone(),
            cut: self.cut,
            revision: self.revision,
            prefix: self.prefix.clone(),
            until: self.until,
            written: self.written,
        }
    }
}

/// The key of a revision: for a cut what it stands for, for a preview also who wrote it and in which attempt.
fn name(kind: &str, prefix: &Prefix, parts: &[u128]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind.as_bytes()).update(&prefix.generation.to_be_bytes());
    for part in parts {
        hasher.update(&part.to_be_bytes());
    }
    for offset in &prefix.as_of {
        hasher.update(&offset.to_be_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_reckoned_in_runs_that_leave_none_out() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let months: BTreeSet<Month> =
            month("2021-03").through(month("2021-10")).chain([month("2024-02")]).collect();
        let runs: Vec<Vec<String>> =
            runs(&months).map(|run| run.into_iter().map(|month| month.to_string()).collect()).collect();
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [6, 2, 1]);
        assert_eq!(runs.concat().len(), months.len());
    }
}
