//! The object's surcharge (R4–R7): reckoned once per payer and month, spread over that payer's lines exactly.
//!
//! P(c,m) = öre(r × Σ net of the services that bear it). A line's claim is r × its own net, exactly; the claims are cut
//! to whole öre and what is left of P goes to the largest remainders. So the parts always add up to P, each within an
//! öre of its claim, however the signs are mixed: with shares in proportion to the nets a correction of large sums that
//! nearly cancel out would get absurd parts.

mod apportion;

pub use apportion::{Handout, apportion, largest_remainder};

use rust_decimal::Decimal;

use crate::money::{Money, Rate};

/// A rate has at most eight decimals: claims are whole numbers of 10⁻⁸ öre.
const CLAIM_SCALE: u32 = 8;
/// The denominator of [`claim`].
pub const CLAIM_DENOMINATOR: i128 = 100_000_000;

/// What a net amount claims of the surcharge: rate × net, exactly, in [`CLAIM_DENOMINATOR`]ths of an öre.
pub fn claim(rate: Rate, net: Money) -> i128 {
    let mut fraction: Decimal = rate.fraction();
    fraction.rescale(CLAIM_SCALE);
    fraction.mantissa() * i128::from(net.ore())
}

/// Spreads a surcharge over lines with these nets and tie-breaking keys. The parts are in the lines' order and add up to
/// `total` exactly.
///
/// # Panics
/// When there is a total but no line to carry it.
pub fn spread<K: Ord>(total: Money, rate: Rate, nets: impl IntoIterator<Item = (Money, K)>) -> Vec<Money> {
    apportion(total, &claims(rate, nets), CLAIM_DENOMINATOR)
}

/// How the line at `index` gets its part in [`spread`].
///
/// # Panics
/// When there is no such line.
pub fn handout<K: Ord>(
    total: Money,
    rate: Rate,
    nets: impl IntoIterator<Item = (Money, K)>,
    index: usize,
) -> Handout {
    apportion::handout(total, &claims(rate, nets), CLAIM_DENOMINATOR, index)
}

fn claims<K>(rate: Rate, nets: impl IntoIterator<Item = (Money, K)>) -> Vec<(i128, K)> {
    nets.into_iter().map(|(net, key)| (claim(rate, net), key)).collect()
}

#[cfg(test)]
mod tests;
