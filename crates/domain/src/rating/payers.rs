//! Prices that hold for all that a payer uses of a class in a month: reckoned once, spread over its cost centres.

use super::{Finding, LINE_GROSS_MAX, Line, too_large};
use crate::money::Money;
use crate::quantity::Quantity;
use crate::surcharge::largest_remainder;

/// The greatest quantity that is spread over, in millionths: times the greatest gross it still fits a whole number.
const SPREAD_MICROS_MAX: i128 = 1_000_000_000_000_000_000_000_000;

/// Prices the lines whose model is not plain, in proportion to what each cost centre used, ties by cost centre. Lines that
/// are beyond what may be billed are taken out and found.
pub(super) fn price(lines: &mut Vec<Line>) -> Vec<Finding> {
    let (mut wide, plain): (Vec<Line>, Vec<Line>) =
        std::mem::take(lines).into_iter().partition(|line| line.unit_price().is_none());
    *lines = plain;
    wide.sort_by(|a, b| (payer_and_class(a), &a.costcentre).cmp(&(payer_and_class(b), &b.costcentre)));
    let mut findings = Vec::new();
    for group in wide.chunk_by_mut(|a, b| payer_and_class(a) == payer_and_class(b)) {
        match grosses(group) {
            Some(grosses) => {
                for (line, gross) in group.iter_mut().zip(grosses) {
                    line.charge(gross);
                }
                lines.extend_from_slice(group);
            }
            None => findings.push(too_large(&group[0].tariff, &group[0].costcentre)),
        }
    }
    lines.sort_by(|a, b| a.key().cmp(&b.key()));
    findings
}

fn payer_and_class(line: &Line) -> (Option<&str>, (&str, &str, &str)) {
    (line.customer.as_deref().map(|payer| payer.code.as_str()), line.tariff.key())
}

/// What each line of a payer's class costs; none when it is too much.
fn grosses(lines: &[Line]) -> Option<Vec<Money>> {
    let terms = lines[0].tariff.price.as_ref()?;
    let size: i128 = lines.iter().map(|line| line.quantity.micros().abs()).sum();
    let used: i128 = lines.iter().map(|line| line.quantity.micros()).sum();
    let gross = terms.model.gross(terms.price, Quantity::from_micros(used))?;
    if size > SPREAD_MICROS_MAX || gross.ore().abs() > LINE_GROSS_MAX.ore() {
        return None;
    }
    // Where quantities of both signs nearly cancel out, parts are greater than what there is to spread.
    let part_max = i128::from(LINE_GROSS_MAX.ore()) * used.abs();
    if lines.iter().any(|line| (i128::from(gross.ore()) * line.quantity.micros()).abs() > part_max) {
        return None;
    }
    let weights: Vec<(i128, &str)> =
        lines.iter().map(|line| (line.quantity.micros(), &*line.costcentre)).collect();
    Some(largest_remainder(gross, &weights))
}

#[cfg(test)]
mod tests;
