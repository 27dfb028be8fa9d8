//! Largest remainder: whole öre that add up exactly.

use std::cmp::Reverse;

use crate::money::Money;

/// Gives each claim of `numerator / denominator` öre whole öre, so that all add up to `total`.
///
/// Claims are cut to whole öre towards zero; what is left goes out one öre at a time to the largest remainders, ties by
/// key (claims of exactly nothing last). A total that is the rounded sum of the claims therefore gives every part within
/// an öre of its claim. The parts are in the order of the claims, and do not depend on it as long as keys differ.
///
/// # Panics
/// When the denominator is not positive, or when there is a total and no claim.
pub fn apportion<K: Ord>(total: Money, claims: &[(i128, K)], denominator: i128) -> Vec<Money> {
    assert!(denominator > 0, "claims are fractions with a positive denominator, not {denominator}");
    let mut parts: Vec<i128> = claims.iter().map(|(numerator, _)| numerator / denominator).collect();
    let rest = i128::from(total.ore()) - parts.iter().sum::<i128>();
    if rest != 0 {
        assert!(!claims.is_empty(), "{total} kr cannot be spread over nothing");
        let count = claims.len() as i128;
        let (each, extra) = (rest / count, (rest % count).unsigned_abs());
        for (place, i) in (0_u128..).zip(order(rest, claims, denominator)) {
            parts[i] += each + if place < extra { rest.signum() } else { 0 };
        }
    }
    parts.into_iter().map(|part| Money::from_ore(i64::try_from(part).unwrap_or_else(|_| beyond()))).collect()
}

/// In which order claims get what is left: up goes first where most was cut off above zero, down where most was cut off
/// below.
fn order<K: Ord>(rest: i128, claims: &[(i128, K)], denominator: i128) -> Vec<usize> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    let remainder = |i: usize| (claims[i].0 % denominator) * rest.signum();
    order.sort_by_key(|&i| (Reverse(remainder(i)), claims[i].0 == 0, &claims[i].1));
    order
}

/// How a claim got its whole öre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handout {
    /// The claim, cut to whole öre towards zero.
    pub floor: Money,
    /// What was left of the total when every claim was cut; negative when it was taken back.
    pub left: Money,
    /// Its place among the claims, from 1, in the order in which what is left goes out.
    pub rank: usize,
    /// How many claims there are.
    pub claims: usize,
    /// What it got in the end.
    pub part: Money,
}

/// How [`apportion`] makes the part of the claim at `index`.
///
/// # Panics
/// When there is no such claim, and as [`apportion`].
pub(super) fn handout<K: Ord>(
    total: Money,
    claims: &[(i128, K)],
    denominator: i128,
    index: usize,
) -> Handout {
    let part = apportion(total, claims, denominator)[index];
    let floor =
        |claim: i128| Money::from_ore(i64::try_from(claim / denominator).unwrap_or_else(|_| beyond()));
    let left = total - claims.iter().map(|(claim, _)| floor(*claim)).sum::<Money>();
    let places = order(left.ore().into(), claims, denominator);
    let rank = places.iter().take_while(|place| **place != index).count() + 1;
    Handout { floor: floor(claims[index].0), left, rank, claims: claims.len(), part }
}

fn beyond() -> i64 {
    panic!("a part of an amount went beyond ±92 million million kronor")
}

/// Spreads a total in proportion to weights: each part is within an öre of `total × weight / Σ weights`, and all add up
/// to the total. Weights that cancel out count by their absolute values; weights that are all zero count alike.
///
/// # Panics
/// When there is a total and no weight, or when total × weight is beyond 2¹²⁷ (weights up to 10¹⁹ never are).
pub fn largest_remainder<K: Ord>(total: Money, weights: &[(i128, K)]) -> Vec<Money> {
    let sum: i128 = weights.iter().map(|(weight, _)| weight).sum();
    let (weigh, sum): (fn(i128) -> i128, i128) = match sum {
        0 => match weights.iter().map(|(weight, _)| weight.abs()).sum() {
            0 => (|_| 1, weights.len().max(1) as i128),
            sum => (i128::abs, sum),
        },
        sum if sum < 0 => (|weight| -weight, -sum),
        sum => (|weight| weight, sum),
    };
    let total_ore = i128::from(total.ore());
    let product = |weight: i128| total_ore.checked_mul(weigh(weight)).unwrap_or_else(|| i128::from(beyond()));
    let claims: Vec<(i128, &K)> = weights.iter().map(|(weight, key)| (product(*weight), key)).collect();
    apportion(total, &claims, sum)
}
