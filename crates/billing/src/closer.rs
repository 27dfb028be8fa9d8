//! decision about a month → marks of every collector → cut → frozen month
//!
//! What a decision brings about is a function of the decision, the cut that it makes, and the months that were closed
//! before. So whoever carries it out again, after a crash or beside another who takes itself for the owner, writes the
//! same rows under the same keys; the row that says how it ended comes last.

use std::sync::Arc;

use domain::Month;
use domain::catalogue::Catalogue;
use domain::charge::Totals;
use domain::document::documents;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::AsOf;
use store::charges::{MonthRecord, Outcome};

use crate::bill::MonthState;
use crate::biller::Biller;
use crate::blocker::{self, Blocker};
use crate::control::{Carried, Decision, Handler};
use crate::digest::digest;
use crate::error::{Error, storing};
use crate::ledger::Ledger;
use crate::reckoning::Revisions;
use crate::signature::Signature;

/// What was decided about a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    #[serde(rename = "month.preliminary")]
    Preliminary,
    #[serde(rename = "month.close")]
    Close,
}

impl Action {
    /// The actions of the control log that are about months.
    pub(crate) const NAMES: [&'static str; 2] = ["month.preliminary", "month.close"];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Action::Preliminary => "preliminary",
            Action::Close => "close",
        }
    }
}

/// A decision about a month, as it stands in the control log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MonthDecision {
    pub(crate) action: Action,
    #[serde(with = "month_text")]
    pub(crate) month: Month,
    /// The version of the catalogue that it was made on.
    pub(crate) catalogue: String,
    /// Why gaps are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) accept_gaps: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Signature>,
}

mod month_text {
    use domain::Month;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(month: &Month, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(month)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Month, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| de::Error::custom("not a month"))
    }
}

/// Carries out decisions about months.
pub(crate) struct Closer {
    biller: Biller,
}

impl Handler for Closer {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        async move {
            let Some(about) = decision.read::<MonthDecision>() else {
                return Ok(Carried::refused(json!({ "code": "unreadable" })));
            };
            let record = self.decide(decision, &about).await?;
            let blockers: serde_json::Value = serde_json::from_str(&record.blockers).unwrap_or_default();
            let answer =
                json!({ "month": record.month.to_string(), "hash": record.hash, "blockers": blockers });
            Ok(Carried { outcome: record.outcome.name(), answer })
        }
        .boxed()
    }
}

impl Closer {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller }
    }

    /// Carries out one decision. Doing it again changes nothing.
    async fn decide(&self, decision: &Decision, about: &MonthDecision) -> crate::Result<MonthRecord> {
        let ledger = self.biller.ledger().await?;
        if let Some(record) = ledger.carried_out(decision.control) {
            return Ok(record.clone());
        }
        let blank = record(decision, about);
        if ledger.state(about.month) == MonthState::Closed {
            return self.put(MonthRecord { outcome: Outcome::Unchanged, ..blank }).await;
        }
        match about.action {
            Action::Preliminary => {
                self.biller.make_cut(decision).await?;
                self.put(MonthRecord { outcome: Outcome::Preliminary, ..blank }).await
            }
            Action::Close => self.close(about, blank, decision, &ledger).await,
        }
    }

    async fn close(
        &self,
        about: &MonthDecision,
        blank: MonthRecord,
        decision: &Decision,
        ledger: &Ledger,
    ) -> crate::Result<MonthRecord> {
        let control = decision.control;
        let catalogue = match self.catalogue(&about.catalogue, control).await? {
            Ok(catalogue) => catalogue,
            Err(blocker) => return self.refuse(blank, &[blocker]).await,
        };
        let mut blockers = by_the_rules(&catalogue, about, decision, ledger);
        // Whoever is silent may hold acknowledged events: only what is on the log lies before the barriers.
        let silent = self.biller.silent_collectors(decision).await?;
        if !silent.is_empty() {
            blockers.extend(silent);
            return self.refuse(blank, &blockers).await;
        }
        self.biller.make_cut(decision).await?;
        let reckoner = self.biller.reckoner();
        let revisions = reckoner.revisions(AsOf::Cut(control)).await?;
        let unchanged = self.unchanged(ledger, &catalogue, &revisions, control).await?;
        let mut bill = reckoner.bill(&catalogue, about.month, ledger, &revisions, unchanged.as_ref()).await?;
        let gaps_accepted = about.accept_gaps.is_some();
        blockers.extend(
            self.biller.standing_in_the_way(&catalogue, &bill, ledger, &revisions, gaps_accepted).await?,
        );
        blockers.extend(self.biller.books_in_the_way(AsOf::Cut(control), decision.at).await?);
        if !blockers.is_empty() {
            return self.refuse(blank, &blockers).await;
        }
        bill.state = MonthState::Closed;
        let last = ledger.document_last();
        let next = last.map_or(catalogue.invoicing.first_number, |last| last + 1);
        bill.documents = documents(&bill.charges, next);
        let frozen = MonthRecord {
            outcome: Outcome::Closed,
            rate: bill.rate,
            rate_decision: bill.rate_decision.clone(),
            lines: bill.charges.len() as u64,
            totals: bill.totals,
            documents: u32::try_from(bill.documents.len()).unwrap_or(u32::MAX),
            document_last: bill.documents.last().map(|document| document.number).or(last),
            hash: digest(&bill, Some(control)),
            ..blank
        };
        let freezing = self.biller.store().put_charges(about.month, control, &bill.charges).await;
        freezing.map_err(storing("freezing charges"))?;
        let freezing = self.biller.store().put_documents(about.month, control, &bill.documents).await;
        freezing.map_err(storing("freezing documents"))?;
        self.put(frozen).await
    }

    /// The revisions that the last close was made of. What a later cut lacks of them would be taken back, so it must lack
    /// nothing. None when the catalogue is another one: then every closed month is reckoned anew.
    async fn unchanged(
        &self,
        ledger: &Ledger,
        catalogue: &Catalogue,
        revisions: &Revisions,
        cut: u64,
    ) -> crate::Result<Option<Revisions>> {
        let Some(last) = ledger.closings().last() else { return Ok(None) };
        let then = self.biller.reckoner().revisions(AsOf::Cut(last.control)).await?;
        if let Some(month) = then.months().find(|month| revisions.token(*month) == 0) {
            return Err(Error::IncompleteCut { cut, month });
        }
        Ok((last.catalogue == catalogue.version).then_some(then))
    }

    /// The catalogue that a decision was made on: it must be the one in force at its place in the log.
    async fn catalogue(&self, version: &str, control: u64) -> crate::Result<Result<Arc<Catalogue>, Blocker>> {
        let before = self.biller.version_before(control).await?;
        if before.as_ref().is_some_and(|before| before.version != version) {
            return Ok(Err(Blocker::catalogue_changed(version)));
        }
        let found = self.biller.catalogue_of(version).await?;
        Ok(found.ok_or_else(|| Blocker::catalogue_unknown(version)))
    }

    async fn refuse(&self, blank: MonthRecord, blockers: &[Blocker]) -> crate::Result<MonthRecord> {
        #[expect(clippy::expect_used, reason = "strings in structs always become JSON, in memory")]
        let blockers = serde_json::to_string(blockers).expect("blockers are JSON");
        self.put(MonthRecord { outcome: Outcome::Refused, blockers, ..blank }).await
    }

    async fn put(&self, record: MonthRecord) -> crate::Result<MonthRecord> {
        let recording = storing("recording a decision's outcome");
        self.biller.store().put_month_record(&record).await.map_err(recording)?;
        Ok(record)
    }
}

/// What the closing rules of the decision's catalogue say. It rests on the decision and on what was carried out before it,
/// so that it comes out the same again.
fn by_the_rules(
    catalogue: &Catalogue,
    about: &MonthDecision,
    decision: &Decision,
    ledger: &Ledger,
) -> Vec<Blocker> {
    let (rules, month) = (&catalogue.closing, about.month);
    let of_time = blocker::of_time(rules, month, decision.at.day());
    let four_eyes = blocker::of_four_eyes(rules, month, ledger.announcement(month), about.by.as_ref());
    of_time.into_iter().chain(four_eyes).collect()
}

fn record(decision: &Decision, about: &MonthDecision) -> MonthRecord {
    MonthRecord {
        control: decision.control,
        month: about.month,
        outcome: Outcome::Refused,
        at: decision.at,
        decided_by: about.by.clone().map(String::from).unwrap_or_default(),
        chain: decision.chain.clone(),
        catalogue: about.catalogue.clone(),
        rate: None,
        rate_decision: String::new(),
        accepted_gaps: about.accept_gaps.clone().unwrap_or_default(),
        blockers: String::new(),
        lines: 0,
        totals: Totals::default(),
        documents: 0,
        document_last: None,
        hash: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_reads_back_as_it_was_written() {
        let about = MonthDecision {
            action: Action::Close,
            month: "2021-03".parse().unwrap(),
            catalogue: "v1".to_owned(),
            accept_gaps: Some("beslut 17".to_owned()),
            by: None,
        };
        let text = r#"{"action":"month.close","month":"2021-03","catalogue":"v1","accept_gaps":"beslut 17"}"#;
        assert_eq!(serde_json::to_string(&about).unwrap(), text);
        assert_eq!(serde_json::from_str::<MonthDecision>(text).unwrap(), about);
        let signed = MonthDecision { by: Some(Signature::try_from("ekonom 2".to_owned()).unwrap()), ..about };
        let text_signed = text.replace('}', r#","by":"ekonom 2"}"#);
        assert_eq!(serde_json::to_string(&signed).unwrap(), text_signed);
        assert_eq!(serde_json::from_str::<MonthDecision>(&text_signed).unwrap(), signed);
        assert!(serde_json::from_str::<MonthDecision>(&text.replace('}', r#","by":""}"#)).is_err());
        let wrong = text.replace("2021-03", "2021-3");
        assert!(serde_json::from_str::<MonthDecision>(&wrong).is_err());
    }

    #[test]
    fn an_action_is_called_the_same_in_the_log_and_to_people() {
        for (action, name) in [(Action::Preliminary, "preliminary"), (Action::Close, "close")] {
            assert_eq!(action.name(), name);
            assert_eq!(serde_json::to_value(action).unwrap(), format!("month.{name}"));
            assert!(Action::NAMES.contains(&format!("month.{name}").as_str()));
        }
    }
}
