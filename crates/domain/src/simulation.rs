//! What if: a catalogue with other rates, prices and joint financing, and usage as it would be then.
//!
//! A simulated catalogue is an ordinary one, so what it would bill is reckoned by the same functions as what is billed.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::calendar::Month;
use crate::catalogue::{Catalogue, PriceRow, PriceState, SurchargeRate};
use crate::financing::JointShare;
use crate::money::{Money, Rate, UnitPrice};
use crate::price::{Shape, Step};
use crate::usage::{MeterKind, MonthlyUsage};

/// What stands for a decision in what nobody decided.
const DECISION: &str = "simulerad";

/// A change, in some months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The first month.
    pub from: Month,
    /// The last month; none when it lasts.
    pub to: Option<Month>,
    /// What changes.
    pub what: What,
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The surcharge's rate.
    Rate(Rate),
    /// The prices of a service, of one of its meters, or of a class of it.
    Price(Selection, Price),
    /// How much of a service is financed jointly; takes the place of every share that holds for the same usage or less.
    Joint(JointShare),
    /// How much is used of a service, of one of its meters, or of a class of it: so many percent more.
    Volume(Selection, Percent),
}

impl What {
    /// The service that it is about; none for the rate, which is that of all.
    pub fn service(&self) -> Option<&str> {
        match self {
            What::Rate(_) => None,
            What::Price(selection, _) | What::Volume(selection, _) => Some(&selection.service),
            What::Joint(share) => Some(&share.service),
        }
    }
}

/// Some of what a service is measured by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The service's slug.
    pub service: String,
    /// One meter's slug; none for all.
    pub meter: Option<String>,
    /// One class; none for all.
    pub class: Option<String>,
}

impl Selection {
    fn has(&self, service: &str, meter: &str, class: &str) -> bool {
        self.service == service
            && self.meter.as_deref().is_none_or(|wanted| wanted == meter)
            && self.class.as_deref().is_none_or(|wanted| wanted == class)
    }
}

/// A new price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// So many kronor per unit; steps keep theirs.
    Kronor(UnitPrice),
    /// So many percent more, steps and minimum too, rounded half away from zero to six decimals.
    Percent(Percent),
}

/// So many percent more: from −100 to 1,000, with at most four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(Decimal);

impl Percent {
    /// A number of percent; none beyond the limits.
    pub fn new(percent: Decimal) -> Option<Self> {
        let range = Decimal::from(-100)..=Decimal::from(1_000);
        (range.contains(&percent) && percent.normalize().scale() <= 4).then_some(Self(percent))
    }

    /// 1 + percent / 100.
    fn factor(self) -> Decimal {
        Decimal::ONE + self.0 / Decimal::ONE_HUNDRED
    }

    fn of_price(self, price: UnitPrice) -> UnitPrice {
        let changed = price.kronor() * self.factor();
        let rounded = changed.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero);
        // Eleven times the greatest price is beyond what a price may be.
        let most = rounded.min(UnitPrice::KRONOR_MAX);
        most.normalize().to_string().parse().unwrap_or(price)
    }

    fn of_money(self, amount: Money) -> Money {
        let ore = self.of_amount(i128::from(amount.ore()));
        Money::from_ore(i64::try_from(ore).unwrap_or(i64::MAX))
    }

    fn of_amount(self, amount: i128) -> i128 {
        let mut factor = self.factor();
        factor.rescale(6);
        rounded_division(amount.saturating_mul(factor.mantissa()), 1_000_000)
    }
}

/// The catalogue as it would be after some changes, one after the other. Volumes are no part of it: see [`usage_as_changed`].
pub fn changed(catalogue: &Catalogue, changes: &[Change]) -> Catalogue {
    let mut simulated = catalogue.clone();
    for change in changes {
        match &change.what {
            What::Rate(rate) => change_rate(&mut simulated, change, *rate),
            What::Price(selection, price) => change_prices(&mut simulated, change, selection, *price),
            What::Joint(share) => change_share(&mut simulated, change, share),
            What::Volume(..) => {}
        }
    }
    simulated
}

/// An amount as it would be after the changes of volumes.
pub fn usage_as_changed(usage: &MonthlyUsage, changes: &[Change]) -> i128 {
    changes.iter().fold(usage.amount, |amount, change| match &change.what {
        What::Volume(selection, percent)
            if change.holds(usage.month) && selection.has(&usage.service, &usage.meter, &usage.class) =>
        {
            percent.of_amount(amount)
        }
        What::Rate(_) | What::Price(..) | What::Joint(_) | What::Volume(..) => amount,
    })
}

/// An amount of a month as it would be in another month with the same quantity: months have different numbers of days and
/// hours, and averages are reckoned over them. Rounded half away from zero.
pub fn amount_in(kind: MeterKind, amount: i128, of: Month, month: Month) -> i128 {
    let (from, to) = (kind.divisor(of), kind.divisor(month));
    (amount / from).saturating_mul(to).saturating_add(rounded_division(amount % from * to, from))
}

fn rounded_division(numerator: i128, denominator: i128) -> i128 {
    let (quotient, remainder) = (numerator / denominator, numerator % denominator);
    if remainder.unsigned_abs() * 2 >= denominator.unsigned_abs() {
        quotient + numerator.signum() * denominator.signum()
    } else {
        quotient
    }
}

impl Change {
    fn holds(&self, month: Month) -> bool {
        self.from <= month && self.to.is_none_or(|to| month <= to)
    }
}

fn change_rate(catalogue: &mut Catalogue, change: &Change, rate: Rate) {
    let after = change.to.map(Month::next);
    let resumed = after.and_then(|month| catalogue.rate(month).cloned());
    catalogue
        .rates
        .retain(|row| row.valid_from < change.from || after.is_some_and(|after| row.valid_from >= after));
    let decided = |valid_from, rate| SurchargeRate {
        valid_from,
        rate,
        decision: DECISION.to_owned(),
        decided_by: DECISION.to_owned(),
    };
    catalogue.rates.push(decided(change.from, rate));
    if let Some(after) = after
        && !catalogue.rates.iter().any(|row| row.valid_from == after)
    {
        catalogue.rates.push(match resumed {
            Some(row) => SurchargeRate { valid_from: after, ..row },
            None => decided(after, Rate::ZERO),
        });
    }
    catalogue.rates.sort_by_key(|row| row.valid_from);
}

/// The pieces of a validity that lie before and after a change, and the one within it; none where there is none.
type Validity = (Month, Option<Month>);
fn cut(change: &Change, (from, to): Validity) -> [Option<Validity>; 3] {
    let ends_before = |limit: Month| to.is_some_and(|to| to < limit);
    let before = (from < change.from).then(|| {
        let last = change.from.previous();
        (from, Some(to.map_or(last, |to| to.min(last))))
    });
    let starts_after = change.to.is_some_and(|last| from > last);
    let within = (!ends_before(change.from) && !starts_after).then(|| {
        let last = match (to, change.to) {
            (Some(to), Some(last)) => Some(to.min(last)),
            (to, last) => to.or(last),
        };
        (from.max(change.from), last)
    });
    let after = change.to.map(Month::next).filter(|after| !ends_before(*after));
    [before, within, after.map(|after| (from.max(after), to))]
}

fn change_prices(catalogue: &mut Catalogue, change: &Change, selection: &Selection, price: Price) {
    let mut rows = Vec::new();
    for row in std::mem::take(&mut catalogue.prices) {
        let is_meant =
            row.state == PriceState::Decided && selection.has(&row.service, &row.meter, &row.class);
        if !is_meant {
            rows.push(row);
            continue;
        }
        let [before, within, after] = cut(change, (row.valid_from, row.valid_to));
        let valid = |row: PriceRow, (valid_from, valid_to)| PriceRow { valid_from, valid_to, ..row };
        rows.extend(before.map(|validity| valid(row.clone(), validity)));
        rows.extend(within.map(|validity| valid(repriced(row.clone(), price), validity)));
        rows.extend(after.map(|validity| valid(row, validity)));
    }
    rows.sort_by(|a, b| {
        (&a.service, &a.meter, &a.class, a.valid_from).cmp(&(&b.service, &b.meter, &b.class, b.valid_from))
    });
    catalogue.prices = rows;
}

fn repriced(mut row: PriceRow, price: Price) -> PriceRow {
    match price {
        Price::Kronor(kronor) => row.price = kronor,
        Price::Percent(percent) => {
            row.price = percent.of_price(row.price);
            row.model.minimum = percent.of_money(row.model.minimum);
            if let Shape::Graduated(steps) | Shape::Volume(steps) = &mut row.model.shape {
                steps.iter_mut().for_each(|step: &mut Step| step.price = percent.of_price(step.price));
            }
        }
    }
    row.decision = DECISION.to_owned();
    row
}

fn change_share(catalogue: &mut Catalogue, change: &Change, share: &JointShare) {
    let decided = std::mem::take(&mut catalogue.joint_shares);
    let cost_kind = |meter: &str| catalogue.meter(&share.service, meter).map(|meter| meter.cost_kind);
    let is_covered = |row: &JointShare| {
        row.service == share.service
            && share.part.includes(&row.part, cost_kind)
            && share.payers.include(&row.payers, &catalogue.customers)
    };
    let mut rows = Vec::new();
    for row in decided {
        if !is_covered(&row) {
            rows.push(row);
            continue;
        }
        let [before, _, after] = cut(change, (row.valid_from, row.valid_to));
        let kept = [before, after].into_iter().flatten();
        rows.extend(kept.map(|(valid_from, valid_to)| JointShare { valid_from, valid_to, ..row.clone() }));
    }
    rows.push(JointShare {
        valid_from: change.from,
        valid_to: change.to,
        decision: DECISION.to_owned(),
        ..share.clone()
    });
    rows.sort_by(|a, b| {
        (&a.service, &a.part, &a.payers, a.valid_from).cmp(&(&b.service, &b.part, &b.payers, b.valid_from))
    });
    catalogue.joint_shares = rows;
}

#[cfg(test)]
mod tests;
