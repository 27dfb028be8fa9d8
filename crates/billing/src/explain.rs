//! Why a charge is what it is.

use std::sync::Arc;

use chrono::NaiveDate;
use domain::access::Viewer;
use domain::charge::{Charge, handout};
use domain::surcharge::{CLAIM_DENOMINATOR, Handout, claim};
use domain::{Money, Quantity, Rate};
use rust_decimal::Decimal;
use store::AsOf;
use store::usage::{CountedEvent, DailyFilter, EventPlace, EventsBehind};

use crate::bill::Bill;
use crate::biller::Biller;
use crate::error::{Error, storing};
use crate::retention::DetailsRemoved;

/// How many subjects must be behind a line for its days to be shown to those who see but a part: k of domain.md §2.7.
const SUBJECTS_MIN: u64 = 5;

/// A charge with everything that made it. The price row, the joint financing and their decisions stand in the charge's
/// tariff; the rate, the catalogue's version, the cut and the hash in the bill.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The charge.
    pub charge: Charge,
    /// The month that it is billed in.
    pub bill: Arc<Bill>,
    /// What the payer's surcharge for the month of the usage is reckoned on, in this bill: the net of the lines that bear
    /// it. Of a correction a difference.
    pub payer_base: Money,
    /// The payer's surcharge for the month of the usage, in this bill.
    pub payer_surcharge: Money,
    /// The surcharge rate of the month of the usage.
    pub rate: Option<Rate>,
    /// Rate × net of this line, exactly, in kronor: what it claims of the payer's surcharge before whole öre are handed
    /// out. None without a rate.
    pub surcharge_claim: Option<Decimal>,
    /// How the claim got its whole öre among the payer's lines. None where none is borne, or it was not made so.
    pub handout: Option<Handout>,
    /// What was used on each day that the payer had the cost centre, as the bill saw it: the days make the line's quantity
    /// (the fresh one, for a correction). Averages have each day's part of it. Empty for agreements.
    pub days: Vec<(NaiveDate, Quantity)>,
    /// The ids of the agreements that the line is for, by the catalogue that it was reckoned on.
    pub agreements: Vec<String>,
    /// Whether days and events are left out: of so few subjects each could be somebody's.
    pub is_withheld: bool,
    /// The events that count now, by day and time; no more than were asked for. Events since the close are among them.
    pub events: Vec<CountedEvent>,
    /// When the events of the month of the usage lost their ids; none while they have them.
    pub details_removed: Option<DetailsRemoved>,
}

impl Biller {
    /// Explains a charge, with at most so many of its events: the first, or those behind one.
    ///
    /// Somebody who sees but a part of all does not see its events, and its days only where enough subjects are behind them
    /// that no day is one's own (domain.md §2.7).
    ///
    /// Owners and agreements are those of the catalogue that the charge was reckoned on, not of the one in force now.
    ///
    /// # Errors
    /// [`Error::UnknownCharge`] when no month has a charge with this id, or somebody else's.
    pub async fn explain(
        &self,
        id: &str,
        viewer: &Viewer,
        events: u32,
        after: Option<EventPlace>,
    ) -> crate::Result<Explanation> {
        let unknown = || Error::UnknownCharge { id: id.to_owned() };
        let month = id.get(..7).and_then(|month| month.parse().ok()).ok_or_else(unknown)?;
        let bill = self.charges(month).await?;
        let charge =
            bill.charge(id).filter(|charge| viewer.sees(charge.belongs())).ok_or_else(unknown)?.clone();
        let of_payer = |other: &&Charge| {
            other.corrects == charge.corrects && other.customer.code == charge.customer.code
        };
        let siblings: Vec<&Charge> = bill.charges.iter().filter(of_payer).collect();
        // A correction carries the rate of the month that it corrects.
        let rate = match charge.corrects {
            None => bill.rate,
            Some(corrected) => match self.charges(corrected).await?.rate {
                Some(rate) => Some(rate),
                None => self.catalogue().rate(corrected).map(|rate| rate.rate),
            },
        };
        let surcharge_claim = rate.filter(|_| charge.tariff.bears_surcharge).map(|rate| {
            let ore = Decimal::from_i128_with_scale(claim(rate, charge.net), CLAIM_DENOMINATOR.ilog10());
            (ore / Decimal::ONE_HUNDRED).normalize()
        });
        let month = charge.usage_month();
        // Nobody has the catalogue only where the store was never given it: then there is but the one in force.
        let catalogue = self.catalogue_of(&bill.catalogue).await?.unwrap_or_else(|| self.catalogue());
        let (_, costcentre, service, meter, class) = charge.key();
        let as_of = bill.frozen.as_ref().and_then(|frozen| frozen.control).map_or(AsOf::Newest, AsOf::Cut);
        let filter = DailyFilter {
            costcentres: Some(vec![costcentre.to_owned()]),
            service: Some(service.to_owned()),
            meter: Some(meter.to_owned()),
        };
        let days = self.store().daily_usage(month, as_of, &filter).await.map_err(storing("reading days"))?;
        let is_payers = |day| catalogue.payer(costcentre, day) == Some(&charge.customer.code);
        let days = days.iter().filter(|row| row.class == class && is_payers(row.day));
        let mut days: Vec<_> =
            days.map(|row| (row.day, charge.tariff.kind.quantity(row.amount, month))).collect();
        let agreements = catalogue.agreements.iter().filter(|agreement| {
            (
                agreement.costcentre.as_str(),
                agreement.service.as_str(),
                agreement.meter.as_str(),
                agreement.class.as_str(),
            ) == (costcentre, service, meter, class)
                && agreement.from <= month.last_day()
                && agreement.to.is_none_or(|to| to >= month.first_day())
        });
        let wanted = EventsBehind {
            service: service.to_owned(),
            meter: meter.to_owned(),
            costcentre: costcentre.to_owned(),
            class: Some(class.to_owned()),
            days: month.first_day()..=month.last_day(),
            after,
            limit: events,
        };
        let few = !viewer.sees_individuals()
            && !days.is_empty()
            && self.store().subjects_behind(&wanted).await.map_err(storing("counting subjects"))?
                < SUBJECTS_MIN;
        if few {
            days.clear();
        }
        let events = match events {
            0 => Vec::new(),
            _ if !viewer.sees_individuals() => Vec::new(),
            _ => self.store().events_behind(&wanted).await.map_err(storing("reading events"))?,
        };
        Ok(Explanation {
            details_removed: self.details_removed(month).await?,
            rate,
            days,
            agreements: agreements.map(|agreement| agreement.id.clone()).collect(),
            is_withheld: few,
            events,
            payer_base: siblings
                .iter()
                .filter(|other| other.tariff.bears_surcharge)
                .map(|other| other.net)
                .sum(),
            payer_surcharge: siblings.iter().map(|other| other.surcharge).sum(),
            handout: rate.and_then(|rate| handout(&siblings, &charge, rate)),
            surcharge_claim,
            charge,
            bill,
        })
    }
}
