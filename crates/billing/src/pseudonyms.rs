//! The decision that the key of a year's pseudonyms is destroyed (domain §2.7): it stands in the control log for good.
//!
//! The keys lie with the collectors, outside log and store. Here it is only decided and written down; whoever asked destroys
//! the file when this has answered, and asks again when it could not.

use chrono::Datelike;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::biller::Biller;
use crate::control::{Carried, Decision, Handler, REFUSED};

/// The action of the control log.
pub(crate) const DESTROY: &str = "pseudonyms.destroy";

#[derive(Serialize, Deserialize)]
struct DestroyDecision {
    action: String,
    year: i32,
    why: String,
}

impl Biller {
    /// Decides that nobody shall be able to tell any more whom the pseudonyms of a year were. Answers whether it was decided: not
    /// of a year that is not over, whose events are still to come.
    ///
    /// # Errors
    /// [`crate::Error::NotInTime`] when nobody carried it out in time; asking again is safe.
    pub async fn decide_pseudonyms_end(&self, year: i32, why: &str) -> crate::Result<bool> {
        let decision = DestroyDecision { action: DESTROY.to_owned(), year, why: why.to_owned() };
        let ended = self.decide_and_wait(&decision, format!("the end of the pseudonyms of {year}")).await?;
        Ok(ended.outcome != REFUSED)
    }
}

/// Carries out decisions about pseudonyms.
pub(crate) struct Ender;

impl Handler for Ender {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        let carried = match decision.read::<DestroyDecision>() {
            None => Carried::refused(json!({ "code": "unreadable" })),
            Some(about) if about.year >= decision.at.day().year() => {
                Carried::refused(json!({ "code": "year_not_over", "year": about.year }))
            }
            Some(about) => Carried { outcome: "decided", answer: json!({ "year": about.year }) },
        };
        std::future::ready(Ok(carried)).boxed()
    }
}
