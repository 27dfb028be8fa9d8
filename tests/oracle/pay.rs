//! Amounts → quantities, costs, charges and the surcharge (domain §1.3, §2.6): all in whole numbers, rounded once.

use std::collections::BTreeMap;

use domain::catalogue::{Catalogue, PriceState};
use domain::financing::Part;
use domain::usage::MeterKind;
use rust_decimal::Decimal;

use super::count::{Cell, Counted};
use super::swedish::{self, MonthIndex};
use super::{Charge, Key, Outcomes, Reckoning, Totals, Usage};

/// Rates and shares in hundred-millionths.
const FRACTION: i128 = 100_000_000;

/// A charge in öre, before the surcharge.
struct Line {
    key: Key,
    quantity: i128,
    price: Decimal,
    gross: i128,
    joint: i128,
    net: i128,
    /// Whether the service is established, so that the surcharge is taken on it.
    bears: bool,
}

pub(crate) fn pay(
    counted: &Counted,
    outcomes: Outcomes,
    catalogue: &Catalogue,
    months: &[MonthIndex],
) -> Reckoning {
    let mut usage = BTreeMap::new();
    let mut sums: BTreeMap<(MonthIndex, String, String), (i128, i128)> = BTreeMap::new();
    let mut lines: BTreeMap<MonthIndex, Vec<Line>> =
        months.iter().map(|month| (*month, Vec::new())).collect();
    for (cell, amount) in &counted.amounts {
        let meter = &catalogue.services[&cell.service].meters[&cell.meter];
        let quantity = round(*amount, divisor(meter.kind, cell.month));
        let price = price(catalogue, cell);
        // Millionths times millionths of kronor, in öre.
        let gross = price.map_or(0, |price| round(quantity * scaled(price, 6), 10_000_000_000));
        let key = Key {
            month: swedish::name(cell.month),
            customer: cell.customer.clone(),
            costcentre: cell.costcentre.clone(),
            service: cell.service.clone(),
            meter: cell.meter.clone(),
            class: cell.class.clone(),
        };
        let sum = sums.entry((cell.month, cell.service.clone(), cell.meter.clone())).or_default();
        *sum = (sum.0 + amount, sum.1 + gross);
        if let (Some(price), Some(_)) = (price, &cell.customer) {
            let joint = round(share(catalogue, cell) * gross, FRACTION);
            let bears = catalogue.services[&cell.service]
                .established_from
                .is_some_and(|from| index(from) <= cell.month);
            let line = Line { key: key.clone(), quantity, price, gross, joint, net: gross - joint, bears };
            lines.entry(cell.month).or_default().push(line);
        }
        usage.insert(key, Usage { unit: meter.unit.clone(), quantity: units(quantity), cost: kronor(gross) });
    }
    let monthly = sums.into_iter().map(|((month, service, meter), (amount, cost))| {
        let kind = &catalogue.services[&service].meters[&meter];
        let distinct = counted.distinct.get(&(month, service.clone(), meter.clone()));
        let quantity = round(distinct.copied().unwrap_or(amount), divisor(kind.kind, month));
        let of_all = Usage { unit: kind.unit.clone(), quantity: units(quantity), cost: kronor(cost) };
        ((swedish::name(month), service, meter), of_all)
    });
    let monthly = monthly.collect();
    let (mut charges, mut totals) = (BTreeMap::new(), BTreeMap::new());
    for (month, lines) in lines {
        let sum = charge(catalogue, month, lines, &mut charges);
        totals.insert(swedish::name(month), sum);
    }
    Reckoning { usage, monthly, charges, totals, outcomes }
}

/// Adds a month's charges with their parts of the surcharge, and gives their sums.
fn charge(
    catalogue: &Catalogue,
    month: MonthIndex,
    lines: Vec<Line>,
    charges: &mut BTreeMap<Key, Charge>,
) -> Totals {
    let rate = catalogue
        .rates
        .iter()
        .filter(|rate| index(rate.valid_from) <= month)
        .max_by_key(|rate| rate.valid_from);
    let rate = rate.map_or(0, |rate| scaled(rate.rate.fraction(), 8));
    let mut payers: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in lines {
        payers.entry(line.key.customer.clone().unwrap_or_default()).or_default().push(line);
    }
    let mut totals = Totals::default();
    for lines in payers.into_values() {
        let net: i128 = lines.iter().filter(|line| line.bears).map(|line| line.net).sum();
        let parts = spread(round(rate * net, FRACTION), rate, &lines);
        for (line, surcharge) in lines.into_iter().zip(parts) {
            let charge = Charge {
                quantity: units(line.quantity),
                unit_price: line.price.normalize(),
                gross: kronor(line.gross),
                joint: kronor(line.joint),
                net: kronor(line.net),
                surcharge: kronor(surcharge),
            };
            totals.gross += charge.gross;
            totals.joint += charge.joint;
            totals.net += charge.net;
            totals.surcharge += charge.surcharge;
            charges.insert(line.key, charge);
        }
    }
    totals
}

/// Spreads a payer's surcharge: each line's rate × net cut to whole öre, and what is left by largest remainder. Ties go
/// by service, then by the rest of the line's key.
fn spread(total: i128, rate: i128, lines: &[Line]) -> Vec<i128> {
    let exact: Vec<i128> = lines.iter().map(|line| if line.bears { rate * line.net } else { 0 }).collect();
    let mut parts: Vec<i128> = exact.iter().map(|claim| claim / FRACTION).collect();
    let left = total - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].bears && exact[*at] != 0).collect();
    order.sort_by(|a, b| {
        let remainder = |at: &usize| exact[*at] % FRACTION * left.signum();
        let key = |at: &usize| {
            let key = &lines[*at].key;
            (key.service.clone(), key.costcentre.clone(), key.meter.clone(), key.class.clone())
        };
        remainder(b).cmp(&remainder(a)).then_with(|| key(a).cmp(&key(b)))
    });
    for at in order.into_iter().take(usize::try_from(left.unsigned_abs()).expect("less than a line each")) {
        parts[at] += left.signum();
    }
    parts
}

fn price(catalogue: &Catalogue, cell: &Cell) -> Option<Decimal> {
    let in_force = catalogue.prices.iter().filter(|row| {
        row.service == cell.service
            && row.meter == cell.meter
            && row.class == cell.class
            && row.state == PriceState::Decided
            && index(row.valid_from) <= cell.month
            && row.valid_to.is_none_or(|to| index(to) >= cell.month)
    });
    in_force.map(|row| row.price.kronor()).next()
}

/// The jointly financed share: of the meter, else of its kind of cost, else of the service.
fn share(catalogue: &Catalogue, cell: &Cell) -> i128 {
    let in_force: Vec<_> = (catalogue.joint_shares.iter())
        .filter(|row| row.service == cell.service && index(row.valid_from) <= cell.month)
        .filter(|row| row.valid_to.is_none_or(|to| index(to) >= cell.month))
        .collect();
    let of_meter = in_force.iter().find(|row| row.part == Part::Meter(cell.meter.clone()));
    let kind = catalogue.services[&cell.service].meters[&cell.meter].cost_kind;
    let of_kind = in_force.iter().find(|row| row.part == Part::CostKind(kind));
    let found = of_meter.or(of_kind).or_else(|| in_force.iter().find(|row| row.part == Part::Service));
    found.map_or(0, |row| scaled(row.share.fraction(), 8))
}

fn divisor(kind: MeterKind, month: MonthIndex) -> i128 {
    let (start, end) = swedish::span(month);
    match kind {
        MeterKind::AvgDaily | MeterKind::Fixed => i128::from(swedish::days_in(month)),
        MeterKind::TimeWeighted => i128::from(end - start),
        MeterKind::Sum | MeterKind::Count | MeterKind::Unique | MeterKind::Peak | MeterKind::Latest => 1,
    }
}

/// Half away from zero.
fn round(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator.abs() + denominator) / (2 * denominator) * numerator.signum()
}

fn scaled(mut decimal: Decimal, places: u32) -> i128 {
    decimal.rescale(places);
    decimal.mantissa()
}

fn units(millionths: i128) -> Decimal {
    Decimal::from_i128_with_scale(millionths, 6).normalize()
}

fn kronor(ore: i128) -> Decimal {
    Decimal::from_i128_with_scale(ore, 2)
}

fn index(month: domain::Month) -> MonthIndex {
    month.year() * 12 + month.number() as i32 - 1
}
