//! Corrections: a fresh reckoning of a closed month − what is booked for it so far, line by line (design §6).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Charge, ChargeKey, Totals, spread_over};
use crate::calendar::Month;
use crate::money::{Money, Rate};
use crate::quantity::Quantity;

/// The correction lines that make what is booked for a closed month equal to a fresh reckoning of it: gross, joint and
/// net of every line, and the surcharge of every payer.
///
/// `fresh` are the closed month's charges as they would be now ([`super::charges`], on that month's terms); `booked` all
/// its frozen charges: its own and the corrections of it so far. `rate` is the closed month's. The lines are billed in
/// `month` and ordered by [`Charge::key`]; keys that did not change give no line.
pub fn corrections(
    month: Month,
    corrects: Month,
    rate: Option<Rate>,
    fresh: &[Charge],
    booked: &[Charge],
) -> Vec<Charge> {
    let mut pairs: BTreeMap<ChargeKey<'_>, Pair<'_>> = BTreeMap::new();
    for charge in booked {
        let pair = pairs.entry(charge.key()).or_insert_with(|| Pair::new(charge));
        pair.booked_quantity =
            Quantity::from_micros(pair.booked_quantity.micros() + charge.quantity.micros());
        pair.booked += charge.totals();
    }
    for charge in fresh {
        let pair = pairs.entry(charge.key()).or_insert_with(|| Pair::new(charge));
        pair.terms = charge;
        pair.quantity = charge.quantity;
        pair.fresh += charge.totals();
    }
    let mut lines = Vec::new();
    let pairs: Vec<Pair<'_>> = pairs.into_values().collect();
    for payer in pairs.chunk_by(|a, b| a.terms.customer.code == b.terms.customer.code) {
        lines.extend(corrections_of_payer(month, corrects, rate.unwrap_or_default(), payer));
    }
    lines
}

/// A line as it is booked and as it should be.
struct Pair<'a> {
    terms: &'a Charge,
    quantity: Quantity,
    fresh: Totals,
    booked_quantity: Quantity,
    booked: Totals,
}

impl<'a> Pair<'a> {
    fn new(terms: &'a Charge) -> Self {
        Self {
            terms,
            quantity: Quantity::ZERO,
            fresh: Totals::default(),
            booked_quantity: Quantity::ZERO,
            booked: Totals::default(),
        }
    }

    fn differs(&self) -> bool {
        let amounts = |totals: &Totals| (totals.gross, totals.joint, totals.net);
        self.quantity != self.booked_quantity || amounts(&self.fresh) != amounts(&self.booked)
    }

    fn difference(&self, month: Month, corrects: Month) -> Charge {
        Charge {
            month,
            corrects: Some(corrects),
            customer: Arc::clone(&self.terms.customer),
            costcentre: Arc::clone(&self.terms.costcentre),
            tariff: Arc::clone(&self.terms.tariff),
            quantity: Quantity::from_micros(self.quantity.micros() - self.booked_quantity.micros()),
            billed_before: self.booked_quantity,
            gross: self.fresh.gross - self.booked.gross,
            joint: self.fresh.joint - self.booked.joint,
            net: self.fresh.net - self.booked.net,
            surcharge: Money::ZERO,
        }
    }
}

fn corrections_of_payer(month: Month, corrects: Month, rate: Rate, pairs: &[Pair<'_>]) -> Vec<Charge> {
    let surcharge = |totals: fn(&Pair<'_>) -> Money| pairs.iter().map(totals).sum::<Money>();
    let total = surcharge(|pair| pair.fresh.surcharge) - surcharge(|pair| pair.booked.surcharge);
    let mut lines: Vec<Charge> =
        pairs.iter().filter(|pair| pair.differs()).map(|pair| pair.difference(month, corrects)).collect();
    // The surcharge follows from the nets, so it differs only where a line does. Should the terms of a closed month ever
    // be changed by hand, its surcharge still has to come out right: then the first line that bears it carries it.
    if total != Money::ZERO && lines.is_empty() {
        let carrier = pairs.iter().find(|pair| pair.terms.tariff.bears_surcharge).unwrap_or(&pairs[0]);
        lines.push(carrier.difference(month, corrects));
    }
    spread_over(&mut lines, total, rate);
    lines
}
