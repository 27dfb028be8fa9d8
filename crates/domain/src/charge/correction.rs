//! Corrections: a fresh reckoning of a closed month − what is booked for it so far, line by line (design §6).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Charge, ChargeKey, Reason, Totals, spread_over};
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
    let moves = moves(corrects, &pairs);
    for payer in pairs.chunk_by(|a, b| a.terms.customer.code == b.terms.customer.code) {
        lines.extend(corrections_of_payer(month, corrects, rate.unwrap_or_default(), payer, &moves));
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

    /// Cost centre, service, meter, class: what is used, whoever pays.
    fn usage_key(&self) -> UsageKey<'a> {
        let (_, costcentre, service, meter, class) = self.terms.key();
        (costcentre, service, meter, class)
    }

    /// How much more was used than is booked, in millionths.
    fn more_micros(&self) -> i128 {
        self.quantity.micros() - self.booked_quantity.micros()
    }

    fn reason(&self, moves: &BTreeMap<UsageKey<'_>, Move>) -> Reason {
        let is_spread = || self.terms.tariff.price.as_ref().is_some_and(|price| !price.model.is_plain());
        if self.more_micros() != 0 {
            let moved = moves.get(&self.usage_key()).is_some_and(Move::is_among_payers);
            if moved { Reason::Payer } else { Reason::Usage }
        } else if is_spread() {
            Reason::Spread
        } else {
            Reason::Terms
        }
    }

    fn difference(&self, month: Month, corrects: Month, moves: &BTreeMap<UsageKey<'_>, Move>) -> Charge {
        Charge {
            month,
            corrects: Some(corrects),
            reason: Some(self.reason(moves)),
            customer: Arc::clone(&self.terms.customer),
            costcentre: Arc::clone(&self.terms.costcentre),
            tariff: Arc::clone(&self.terms.tariff),
            quantity: Quantity::from_micros(self.more_micros()),
            billed_before: self.booked_quantity,
            gross: self.fresh.gross - self.booked.gross,
            joint: self.fresh.joint - self.booked.joint,
            net: self.fresh.net - self.booked.net,
            surcharge: Money::ZERO,
        }
    }
}

/// What tells usage apart, whoever pays: cost centre, service, meter, class.
type UsageKey<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What became of the quantity of one cost centre's meter and class, over all its payers.
#[derive(Debug, Clone, Copy, Default)]
struct Move {
    /// How much more there is in all, in millionths.
    more_micros: i128,
    /// How many payers have another quantity than before.
    payers: i128,
    /// By how much quantities that are the same may seem to differ, in millionths.
    slack_micros: i128,
}

impl Move {
    /// Whether quantity only went from one payer to another.
    fn is_among_payers(&self) -> bool {
        self.payers > 1 && self.more_micros.abs() <= self.slack_micros
    }
}

/// Where quantities changed. Averages are divided and rounded once per payer, so each payer's fresh and booked quantity
/// are off by half a millionth at most: a millionth for each payer.
fn moves<'a>(corrects: Month, pairs: &[Pair<'a>]) -> BTreeMap<UsageKey<'a>, Move> {
    let mut moves: BTreeMap<UsageKey<'a>, Move> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.more_micros() != 0) {
        let moved = moves.entry(pair.usage_key()).or_default();
        moved.more_micros += pair.more_micros();
        moved.payers += 1;
        moved.slack_micros += i128::from(pair.terms.tariff.kind.divisor(corrects) > 1);
    }
    moves
}

fn corrections_of_payer(
    month: Month,
    corrects: Month,
    rate: Rate,
    pairs: &[Pair<'_>],
    moves: &BTreeMap<UsageKey<'_>, Move>,
) -> Vec<Charge> {
    let surcharge = |totals: fn(&Pair<'_>) -> Money| pairs.iter().map(totals).sum::<Money>();
    let total = surcharge(|pair| pair.fresh.surcharge) - surcharge(|pair| pair.booked.surcharge);
    let differing = pairs.iter().filter(|pair| pair.differs());
    let mut lines: Vec<Charge> = differing.map(|pair| pair.difference(month, corrects, moves)).collect();
    // The surcharge follows from the nets, so it differs only where a line does. Should the terms of a closed month ever
    // be changed by hand, its surcharge still has to come out right: then the first line that bears it carries it.
    if total != Money::ZERO && lines.is_empty() {
        let carrier = pairs.iter().find(|pair| pair.terms.tariff.bears_surcharge).unwrap_or(&pairs[0]);
        lines.push(carrier.difference(month, corrects, moves));
    }
    spread_over(&mut lines, total, rate);
    lines
}

#[cfg(test)]
mod tests;
