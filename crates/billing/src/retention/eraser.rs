//! A decision that what is due goes → it is gone.

use chrono::NaiveDate;
use domain::Instant;
use eventlog::received_since;
use eventlog::topic::QUARANTINE;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{RemovalDecision, Removed, first_open_day};
use crate::biller::Biller;
use crate::control::{Carried, Decision, Handler};
use crate::error::{logging, storing};

/// Carries out decisions that what is due goes.
pub(crate) struct Eraser {
    biller: Biller,
}

/// What the outcome says: what went lies before these.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) event_details_before: Option<String>,
    pub(super) quarantine_before: Option<String>,
}

impl Handler for Eraser {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        self.erase(decision).boxed()
    }
}

impl Eraser {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller }
    }

    /// Removes what was decided. Doing it again finds nothing more.
    async fn erase(&self, decision: &Decision) -> crate::Result<Carried> {
        let unreadable = || Carried::refused(json!({ "code": "unreadable" }));
        let Some(about) = decision.read::<RemovalDecision>() else { return Ok(unreadable()) };
        let (Ok(details), Ok(quarantine)) = (
            before(about.event_details.as_ref(), day),
            before(about.quarantine.as_ref(), Instant::parse_rfc3339),
        ) else {
            return Ok(unreadable());
        };
        // Closed months stay closed, so this says the same whenever it is asked again.
        let first_open = first_open_day(&self.biller.ledger().await?);
        if details.is_some_and(|details| details > first_open) {
            return Ok(Carried::refused(
                json!({ "code": "month_open", "first_open": first_open.to_string() }),
            ));
        }
        let store = self.biller.store();
        if let Some(quarantine) = quarantine {
            self.delete_quarantine_records(quarantine).await?;
            let erased = store.erase_quarantined_events(quarantine).await;
            erased.map_err(storing("removing events from the quarantine"))?;
        }
        if let Some(details) = details {
            let erased = store.erase_event_details(details).await;
            erased.map_err(storing("removing the details of events"))?;
        }
        let answer = Answer {
            event_details_before: details.map(|day| day.to_string()),
            quarantine_before: quarantine.map(|instant| instant.to_string()),
        };
        Ok(Carried { outcome: "removed", answer: json!(answer) })
    }

    /// Deletes the records of the quarantine's topic that came before an instant, as far as they stand in the table: else
    /// the log would still have what the table lost.
    async fn delete_quarantine_records(&self, before: Instant) -> crate::Result<()> {
        let failed = logging("deleting records of the quarantine");
        let copied = self.biller.store().quarantine_offset(0, 0).await;
        let copied = copied.map_err(storing("reading the place in the quarantine's topic"))?;
        let log = self.biller.log();
        let start = log.start_offset(QUARANTINE, 0).await.map_err(&failed)?;
        let end = log.end_offset(QUARANTINE, 0).await.map_err(&failed)?;
        let since =
            received_since(log, QUARANTINE, 0, start..copied.min(end), before).await.map_err(&failed)?;
        if since > start {
            log.delete_before(QUARANTINE, 0, since).await.map_err(&failed)?;
        }
        Ok(())
    }
}

/// What lies before what goes; an error when it cannot be read.
fn before<T>(removed: Option<&Removed>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ()> {
    removed.map(|removed| read(&removed.before).ok_or(())).transpose()
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}
