//! What we bill: a month's lines with their surcharge, and the corrections of months that are closed.

mod correction;
mod reason;

use std::fmt::Write as _;
use std::ops::AddAssign;
use std::sync::Arc;

pub use correction::corrections;
pub use reason::Reason;

use crate::access::Belongs;
use crate::calendar::Month;
use crate::money::{Money, Rate, UnitPrice};
use crate::quantity::Quantity;
use crate::rating::{Line, Payer, Rated, Tariff};
use crate::surcharge::{self, Handout, spread};

/// What one payer's cost centre is charged for one class of one meter in a month; of a correction every number is a
/// difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The month that it is billed in.
    pub month: Month,
    /// The closed month that it corrects; none for the month's own usage.
    pub corrects: Option<Month>,
    /// Why it differs from what was booked; none for the month's own usage, and for what was frozen without a reason.
    pub reason: Option<Reason>,
    /// Who pays.
    pub customer: Arc<Payer>,
    /// The cost centre's code.
    pub costcentre: Arc<str>,
    /// What was used, on the terms of the month of the usage.
    pub tariff: Arc<Tariff>,
    /// How much.
    pub quantity: Quantity,
    /// How much was billed before; nothing but for corrections.
    pub billed_before: Quantity,
    /// G.
    pub gross: Money,
    /// J.
    pub joint: Money,
    /// N = G − J.
    pub net: Money,
    /// This line's part of the payer's surcharge.
    pub surcharge: Money,
}

/// What tells charges of one usage month apart: customer, cost centre, service, meter, class.
pub type ChargeKey<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

impl Charge {
    /// The month of the usage: the corrected one, or its own.
    pub fn usage_month(&self) -> Month {
        self.corrects.unwrap_or(self.month)
    }

    /// Customer, cost centre, service, meter, class.
    pub fn key(&self) -> ChargeKey<'_> {
        let (service, meter, class) = self.tariff.key();
        (&self.customer.code, &self.costcentre, service, meter, class)
    }

    /// Whose it is.
    pub fn belongs(&self) -> Belongs<'_> {
        let service = &self.tariff.service;
        Belongs { service, customer: Some(&self.customer.code), costcentre: &self.costcentre }
    }

    /// Kronor per unit; none where a payer's amount is spread over its cost centres.
    pub fn unit_price(&self) -> Option<UnitPrice> {
        self.tariff.unit_price()
    }

    /// What the adjusted price contributes to the object (R10): the gross − öre(quantity × cost price), below zero where the
    /// price was reduced; of a correction what it changes. None where the price was not adjusted.
    pub fn contribution(&self) -> Option<Money> {
        let cost_price = self.tariff.price.as_ref()?.cost_price?;
        let after = Quantity::from_micros(self.billed_before.micros() + self.quantity.micros());
        let cost = cost_price.times(after)? - cost_price.times(self.billed_before)?;
        Some(self.gross - cost)
    }

    /// Its id: the month, the corrected month if there is one, and the key, joined by points. It says what it is, may
    /// stand in a URL as it is, and does not change when the month closes.
    pub fn id(&self) -> String {
        let mut id = self.month.to_string();
        if let Some(corrects) = self.corrects {
            let _ = write!(id, ".{corrects}");
        }
        let (customer, costcentre, service, meter, class) = self.key();
        for part in [customer, costcentre, service, meter, class] {
            id.push('.');
            push_part(&mut id, part);
        }
        id
    }

    /// Its amounts.
    pub fn totals(&self) -> Totals {
        Totals { gross: self.gross, joint: self.joint, net: self.net, surcharge: self.surcharge }
    }
}

/// `/` becomes `~`, an empty part `-`, and what a URL or a reader could take for something else `~~` and its hexadecimal
/// code. Values of dimensions are never empty, so `~~` never comes from two slashes.
fn push_part(id: &mut String, part: &str) {
    match part {
        "" => id.push('-'),
        "-" => id.push_str("~~2D"),
        _ => {
            for byte in part.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => id.push(char::from(byte)),
                    b'/' => id.push('~'),
                    other => {
                        let _ = write!(id, "~~{other:02X}");
                    }
                }
            }
        }
    }
}

/// Sums of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// ΣG.
    pub gross: Money,
    /// ΣJ.
    pub joint: Money,
    /// ΣN.
    pub net: Money,
    /// ΣP.
    pub surcharge: Money,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.gross += other.gross;
        self.joint += other.joint;
        self.net += other.net;
        self.surcharge += other.surcharge;
    }
}

impl<'a> FromIterator<&'a Charge> for Totals {
    fn from_iter<I: IntoIterator<Item = &'a Charge>>(charges: I) -> Self {
        let mut totals = Self::default();
        for charge in charges {
            totals += charge.totals();
        }
        totals
    }
}

/// The charges of a month's own usage: its lines that have a payer, each payer's surcharge spread over them. Ordered by
/// [`Charge::key`]. Without a rate in force there is no surcharge.
pub fn charges(rated: &Rated, rate: Option<Rate>) -> Vec<Charge> {
    let mut charges: Vec<Charge> = rated.lines.iter().filter_map(own_charge).collect();
    for payer in charges.chunk_by_mut(|a, b| a.customer.code == b.customer.code) {
        let base = payer.iter().filter(|charge| charge.tariff.bears_surcharge).map(|charge| charge.net).sum();
        let rate = rate.unwrap_or_default();
        spread_over(payer, rate.of(base), rate);
    }
    charges
}

fn own_charge(line: &Line) -> Option<Charge> {
    Some(Charge {
        month: line.month,
        corrects: None,
        reason: None,
        customer: Arc::clone(line.customer.as_ref()?),
        costcentre: Arc::clone(&line.costcentre),
        tariff: Arc::clone(&line.tariff),
        quantity: line.quantity,
        billed_before: Quantity::ZERO,
        gross: line.gross,
        joint: line.joint,
        net: line.net,
        surcharge: Money::ZERO,
    })
}

/// Spreads a payer's surcharge over those of its lines that bear it (over all, should none do): ties by service, then by
/// the rest of the line's key (§2.6).
fn spread_over(lines: &mut [Charge], total: Money, rate: Rate) {
    let none_bears = !lines.iter().any(|line| line.tariff.bears_surcharge);
    let bears = |line: &Charge| line.tariff.bears_surcharge || (none_bears && total != Money::ZERO);
    let parts = spread(total, rate, lines.iter().filter(|line| bears(line)).map(net_and_tie));
    for (line, part) in lines.iter_mut().filter(|line| bears(line)).zip(parts) {
        line.surcharge = part;
    }
}

/// What a line's claim is reckoned on, and what decides between equal remainders.
fn net_and_tie(line: &Charge) -> (Money, (&str, &str, &str, &str)) {
    let (service, meter, class) = line.tariff.key();
    (line.net, (service, &line.costcentre, meter, class))
}

/// How a line got its part of its payer's surcharge. `lines` are all charges of the payer for the month of the usage in
/// one bill, `line` among them. None when it bears no surcharge, and when this is not how its part was made: a correction
/// without a rate, or terms that were changed by hand.
pub fn handout(lines: &[&Charge], line: &Charge, rate: Rate) -> Option<Handout> {
    let bearing: Vec<&Charge> = lines.iter().copied().filter(|line| line.tariff.bears_surcharge).collect();
    let index = bearing.iter().position(|other| other.key() == line.key())?;
    let total = lines.iter().map(|line| line.surcharge).sum();
    let made = surcharge::handout(total, rate, bearing.into_iter().map(net_and_tie), index);
    (made.part == line.surcharge).then_some(made)
}

#[cfg(test)]
mod tests;
