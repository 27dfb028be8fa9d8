//! What the owner of partition 0 does now and then: it deletes what nobody needs any more, and measures what only the store
//! knows.

use std::sync::Arc;
use std::time::Duration;

use chrono::Months;
use domain::Instant;
use eventlog::{EventLog, topic};
use store::counting::{Generation, forgotten_before};

use crate::error::Error;
use crate::metrics::Metrics;
use crate::seam::Rows;

/// How often records are deleted that nobody will count again. Each time the embedded log gives space back, for which it
/// writes what is left of some files anew: a few hours of records are worth that.
const RECORDS_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// How often identities are deleted that are forgotten: once a month, because it rewrites what the others lie among.
const IDENTITIES_EVERY: Duration = Duration::from_secs(30 * 86_400);
/// How long after its start the program deletes nothing: there may be a lot to count first.
const SETTLED: Duration = Duration::from_secs(600);
/// How often the store is asked what is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(30);

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) log_days: u16,
    pub(crate) horizon: Months,
}

/// Does it until it is dropped. What fails is said and done again next time: nothing is wrong while it stays.
pub(crate) async fn run<S: Rows>(
    rows: Arc<S>,
    log: Arc<dyn EventLog>,
    metrics: Metrics,
    now: fn() -> Instant,
    generation: Generation,
    kept: Kept,
) {
    let records = async {
        loop {
            tokio::time::sleep(SETTLED).await;
            let before = days_before(now(), kept.log_days);
            match delete_records(&*rows, &*log, &generation, before).await {
                Ok(deleted) => metrics.records_deleted.inc_by(deleted),
                Err(error) => said("old records of the usage log stay for now", &error),
            }
            tokio::time::sleep(RECORDS_EVERY).await;
        }
    };
    let identities = async {
        loop {
            tokio::time::sleep(SETTLED).await;
            match forget(&*rows, now(), kept.horizon).await {
                Ok(forgotten) => metrics.identities_forgotten.inc_by(forgotten),
                Err(error) => said("identities beyond the horizon stay for now", &error),
            }
            tokio::time::sleep(IDENTITIES_EVERY).await;
        }
    };
    let measuring = async {
        loop {
            measure(&*rows, &metrics).await;
            tokio::time::sleep(MEASURE_EVERY).await;
        }
    };
    tokio::join!(records, identities, measuring);
}

/// Deletes the records of the usage log that are counted and sealed and were received before an instant: from each
/// partition's start on, up to the first that was not. Answers with how many offsets were given up.
///
/// A record that came through a spool was received before its neighbours, and goes or stays with them: the days that records
/// are kept serve whoever wants to look at them, counting needs none of these.
pub async fn delete_records<S: Rows>(
    rows: &S,
    log: &dyn EventLog,
    generation: &Generation,
    before: Instant,
) -> Result<u64, Error> {
    let failed = |source| Error::Log { operation: "delete old records of", source };
    let mut deleted = 0;
    for partition in 0..generation.partitions {
        let sealed = rows.sealed(generation.generation, partition).await?.upto;
        let sealed = sealed.max(generation.start(partition));
        let start = log.start_offset(topic::USAGE, partition).await.map_err(failed)?;
        let wanted = start..sealed.max(start);
        let low =
            eventlog::received_since(log, topic::USAGE, partition, wanted, before).await.map_err(failed)?;
        if low > start {
            log.delete_before(topic::USAGE, partition, low).await.map_err(failed)?;
            tracing::info!(partition, from = start, to = low, "old records of the usage log are deleted");
            deleted += low - start;
        }
    }
    Ok(deleted)
}

/// Deletes the identities that are forgotten whenever anything is judged from now on, and answers with how many.
pub async fn forget<S: Rows>(rows: &S, now: Instant, horizon: Months) -> store::Result<u64> {
    let Some(before) = forgotten_before(now, horizon) else { return Ok(0) };
    let forgotten = rows.forget(before).await?;
    tracing::info!(identities = forgotten, %before, "identities beyond the horizon are deleted");
    Ok(forgotten)
}

async fn measure<S: Rows>(rows: &S, metrics: &Metrics) {
    match rows.windows_unsealed().await {
        Ok(windows) => metrics.windows_unsealed.set(i64::try_from(windows).unwrap_or(i64::MAX)),
        Err(error) => said("unsealed windows are not measured", &error),
    }
    match rows.quarantine_counts().await {
        Ok(counts) => {
            for (code, entries) in counts {
                let gauge = metrics.quarantine_entries.with_label_values(&[code.as_str()]);
                gauge.set(i64::try_from(entries).unwrap_or(i64::MAX));
            }
        }
        Err(error) => said("the quarantine is not measured", &error),
    }
}

fn days_before(now: Instant, days: u16) -> Instant {
    Instant::from_micros(now.micros() - i64::from(days) * 86_400 * 1_000_000)
}

fn said(what: &'static str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, "{what}");
}
