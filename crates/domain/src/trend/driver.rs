//! Why a cost changed between two months: more or less used, another price, lines that are new or ended, corrections.
//!
//! A price–volume bridge: the volume at the old price (Laspeyres), the price at the new volume (Paasche). So the two add
//! up to the change without a mixed term: (q₁ − q₀) × p₀ + q₁ × (p₁ − p₀) = q₁p₁ − q₀p₀. What is left are the öre by
//! which lines were rounded.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::charge::Charge;
use crate::money::{Money, UnitPrice};
use crate::quantity::{Quantity, div_half_away};

/// A charged line, as far as a change of cost concerns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOf<'a> {
    /// The customer's code.
    pub payer: &'a str,
    /// The cost centre's code.
    pub costcentre: &'a str,
    /// The service's slug.
    pub service: &'a str,
    /// The meter's slug.
    pub meter: &'a str,
    /// The values of the meter's rating dimensions.
    pub class: &'a str,
    /// How much; of a correction the difference.
    pub quantity: Quantity,
    /// What it costs: the gross, or whichever sum is to be explained.
    pub amount: Money,
    /// Kronor per unit, when the amount is quantity × price (see [`Charge::unit_price`]); none for steps, packages and the
    /// like, whose price is then the amount divided by the quantity.
    pub unit_price: Option<UnitPrice>,
    /// Whether it corrects a closed month.
    pub corrects: bool,
}

impl<'a> From<&'a Charge> for LineOf<'a> {
    /// Its gross.
    fn from(charge: &'a Charge) -> Self {
        let (payer, costcentre, service, meter, class) = charge.key();
        Self {
            payer,
            costcentre,
            service,
            meter,
            class,
            quantity: charge.quantity,
            amount: charge.gross,
            unit_price: charge.unit_price(),
            corrects: charge.corrects.is_some(),
        }
    }
}

/// What a change is told for, each by service, meter and class: only there do quantities add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// All payers together.
    Class,
    /// Each payer; what moves between its cost centres is no change.
    Payer,
    /// Each cost centre of each payer.
    Costcentre,
}

/// What a driver is about; what the grain leaves out is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key<'a> {
    /// The customer's code.
    pub payer: &'a str,
    /// The cost centre's code.
    pub costcentre: &'a str,
    /// The service's slug.
    pub service: &'a str,
    /// The meter's slug.
    pub meter: &'a str,
    /// The values of the meter's rating dimensions.
    pub class: &'a str,
}

/// The parts of a change. They add up to it to the öre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// More or less used, at the old price.
    pub volume: Money,
    /// The change of price, at the new volume.
    pub price: Money,
    /// Lines that were not there before.
    pub new: Money,
    /// Lines that are no longer there, below zero.
    pub ended: Money,
    /// Corrections of closed months in the later month, less those in the earlier.
    pub corrections: Money,
    /// The öre by which the lines were rounded.
    pub rounding: Money,
}

impl Parts {
    /// The change.
    pub fn total(&self) -> Money {
        self.each().into_iter().sum()
    }

    fn each(&self) -> [Money; 6] {
        [self.volume, self.price, self.new, self.ended, self.corrections, self.rounding]
    }

    /// How much moved, whatever cancels out.
    fn size(&self) -> u128 {
        self.each().iter().map(|part| u128::from(part.ore().unsigned_abs())).sum()
    }
}

impl AddAssign for Parts {
    fn add_assign(&mut self, other: Self) {
        self.volume += other.volume;
        self.price += other.price;
        self.new += other.new;
        self.ended += other.ended;
        self.corrections += other.corrections;
        self.rounding += other.rounding;
    }
}

/// A month's own lines of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// How much.
    pub quantity: Quantity,
    /// What it costs.
    pub amount: Money,
    /// Kronor per unit; none when the lines have none, or not all the same.
    pub unit_price: Option<UnitPrice>,
    /// How many lines.
    pub lines: u32,
}

/// What one key adds to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver<'a> {
    /// What it is about.
    pub key: Key<'a>,
    /// Its own lines in the earlier month.
    pub before: Option<Side>,
    /// Its own lines in the later month.
    pub after: Option<Side>,
    /// What it adds.
    pub parts: Parts,
}

/// Why a cost changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drivers<'a> {
    /// The earlier month's cost, with corrections.
    pub before: Money,
    /// The later month's.
    pub after: Money,
    /// All of the change: `parts.total()` is `after − before`.
    pub parts: Parts,
    /// The keys that add or take most, the greatest change first.
    pub top: Vec<Driver<'a>>,
    /// What the other keys add together.
    pub rest: Parts,
    /// How many those are; keys in which nothing changed are not counted.
    pub rest_count: usize,
}

/// Splits the change of a cost from the lines `before` to the lines `after`, and names the `top` keys of it.
///
/// A key without own lines, or with neither quantity nor amount, in one of the months is new or ended. When the quantity is
/// zero on one side alone but the amount is not (a monthly price, a least amount), all of its change is of price.
pub fn drivers<'a>(before: &[LineOf<'a>], after: &[LineOf<'a>], grain: Grain, top: usize) -> Drivers<'a> {
    let mut sums: BTreeMap<Key<'a>, Sums> = BTreeMap::new();
    for line in before {
        sums.entry(grain.key(line)).or_default().add(line, false);
    }
    for line in after {
        sums.entry(grain.key(line)).or_default().add(line, true);
    }
    let mut parts = Parts::default();
    let mut drivers: Vec<Driver<'a>> = Vec::new();
    for (key, sums) in sums {
        let own = sums.parts();
        parts += own;
        if own != Parts::default() {
            drivers.push(Driver { key, before: sums.before, after: sums.after, parts: own });
        }
    }
    drivers.sort_by_key(|driver| {
        (Reverse(driver.parts.total().ore().unsigned_abs()), Reverse(driver.parts.size()), driver.key)
    });
    let others = drivers.split_off(top.min(drivers.len()));
    let mut rest = Parts::default();
    others.iter().for_each(|driver| rest += driver.parts);
    let cost = |lines: &[LineOf<'a>]| lines.iter().map(|line| line.amount).sum();
    Drivers { before: cost(before), after: cost(after), parts, top: drivers, rest, rest_count: others.len() }
}

impl Grain {
    fn key<'a>(self, line: &LineOf<'a>) -> Key<'a> {
        let (payer, costcentre) = match self {
            Grain::Class => ("", ""),
            Grain::Payer => (line.payer, ""),
            Grain::Costcentre => (line.payer, line.costcentre),
        };
        Key { payer, costcentre, service: line.service, meter: line.meter, class: line.class }
    }
}

/// What the lines of one key come to.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    before: Option<Side>,
    after: Option<Side>,
    corrections: Money,
}

impl Sums {
    fn add(&mut self, line: &LineOf<'_>, after: bool) {
        if line.corrects {
            self.corrections += if after { line.amount } else { -line.amount };
            return;
        }
        let side = if after { &mut self.after } else { &mut self.before };
        *side = Some(match *side {
            None => {
                Side { quantity: line.quantity, amount: line.amount, unit_price: line.unit_price, lines: 1 }
            }
            Some(side) => Side {
                quantity: Quantity::from_micros(side.quantity.micros() + line.quantity.micros()),
                amount: side.amount + line.amount,
                unit_price: side.unit_price.filter(|price| Some(*price) == line.unit_price),
                lines: side.lines + 1,
            },
        });
    }

    fn parts(&self) -> Parts {
        let is_something = |side: &Side| side.quantity != Quantity::ZERO || side.amount != Money::ZERO;
        let own = match (self.before.filter(is_something), self.after.filter(is_something)) {
            (None, None) => Parts::default(),
            (None, Some(after)) => Parts { new: after.amount, ..Parts::default() },
            (Some(before), None) => Parts { ended: -before.amount, ..Parts::default() },
            (Some(before), Some(after)) => bridge(&before, &after),
        };
        Parts { corrections: self.corrections, ..own }
    }
}

/// Volume and price of lines that are there in both months.
fn bridge(before: &Side, after: &Side) -> Parts {
    let change = after.amount - before.amount;
    if before.quantity == Quantity::ZERO || after.quantity == Quantity::ZERO {
        return Parts { price: change, ..Parts::default() };
    }
    by_unit_price(before, after, change).unwrap_or_else(|| by_mean_price(before, after, change))
}

/// By the decided prices, when both months have one and the lines are quantity × price but for their rounding.
fn by_unit_price(before: &Side, after: &Side, change: Money) -> Option<Parts> {
    let (old, new) = (before.unit_price?, after.unit_price?);
    let more = Quantity::from_micros(after.quantity.micros() - before.quantity.micros());
    let volume = old.times(more)?;
    let dearer = new.kronor() - old.kronor();
    let price = Money::rounded(after.quantity.to_decimal().checked_mul(dearer)?)?;
    let rounding = change - volume - price;
    // Half an öre for each line, and for the volume and the price themselves.
    let most = u64::from(before.lines) + u64::from(after.lines) + 2;
    (rounding.ore().unsigned_abs() * 2 <= most).then_some(Parts {
        volume,
        price,
        rounding,
        ..Parts::default()
    })
}

/// By what a unit came to on the whole; what is not volume is price, so nothing is left over.
fn by_mean_price(before: &Side, after: &Side, change: Money) -> Parts {
    let more = after.quantity.micros() - before.quantity.micros();
    let volume = times_fraction(before.amount, more, before.quantity.micros()).unwrap_or(change);
    Parts { volume, price: change - volume, ..Parts::default() }
}

/// öre(amount × numerator / denominator); none beyond what [`Money`] holds.
fn times_fraction(amount: Money, numerator: i128, denominator: i128) -> Option<Money> {
    // An i64 of öre times what is left of a quantity always fits in an i128; what is cut off is below its 60th binary digit.
    let excess = (128 - numerator.unsigned_abs().leading_zeros()).saturating_sub(60);
    let (numerator, denominator) = (numerator >> excess, denominator >> excess);
    if denominator == 0 {
        return None;
    }
    let product = i128::from(amount.ore()) * numerator * denominator.signum();
    i64::try_from(div_half_away(product, denominator.abs())).ok().map(Money::from_ore)
}

#[cfg(test)]
mod tests;
