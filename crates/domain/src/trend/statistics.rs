//! Medians, quantiles and relative errors in whole numbers.

use crate::quantity::div_half_away;

/// One, where ratios and relative errors are whole numbers of billionths.
pub(super) const ONE: i128 = 1_000_000_000;

/// The median: of an even number the mean of the two in the middle. None of nothing.
pub(super) fn median(values: impl IntoIterator<Item = i128>) -> Option<i128> {
    let mut sorted: Vec<i128> = values.into_iter().collect();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[sorted.len() / 2 - 1];
    Some(div_half_away(lower.saturating_add(upper), 2))
}

/// The median absolute deviation from a centre.
pub(super) fn deviation(values: &[i128], centre: i128) -> i128 {
    median(values.iter().map(|value| distance(*value, centre))).unwrap_or(0)
}

/// |a − b|.
pub(super) fn distance(a: i128, b: i128) -> i128 {
    a.saturating_sub(b).saturating_abs()
}

/// What four in five of the errors do not exceed (the nearest rank). None of nothing.
pub(super) fn four_in_five(errors: &[i128]) -> Option<i128> {
    let mut sorted = errors.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * 4).div_ceil(5);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// How far the truth was from what was expected, in [`ONE`]s of what was expected. When nothing was expected and
/// something came, it was wholly wrong.
pub(super) fn relative_error(expected: i128, actual: i128) -> i128 {
    match (expected, actual) {
        (0, 0) => 0,
        (0, _) => ONE,
        _ => div_half_away(distance(expected, actual).saturating_mul(ONE), expected.saturating_abs()),
    }
}

/// `value × factor`, the factor in [`ONE`]s.
pub(super) fn scaled(value: i128, factor: i128) -> i128 {
    div_half_away(value.saturating_mul(factor), ONE)
}

/// The root of a whole number, in [`ONE`]s, cut off.
pub(super) fn root(of: usize) -> i128 {
    (of as i128).saturating_mul(ONE * ONE).isqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_the_spread_and_the_quantile_are_as_by_hand() {
        for (values, middle) in [
            (&[][..], None),
            (&[7], Some(7)),
            (&[3, 1], Some(2)),
            (&[1, 2], Some(2)),
            (&[-1, -2], Some(-2)),
            (&[9, 1, 5], Some(5)),
        ] {
            assert_eq!(median(values.iter().copied()), middle, "{values:?}");
        }
        assert_eq!(deviation(&[1, 1, 2, 2, 4, 6, 9], 2), 1);
        assert_eq!(four_in_five(&[]), None);
        assert_eq!(four_in_five(&[5, 3, 1, 4, 2]), Some(4));
        assert_eq!(four_in_five(&[1, 2, 3, 4, 5, 6]), Some(5));
        assert_eq!([relative_error(0, 0), relative_error(0, -3), relative_error(-4, -3)], [0, ONE, ONE / 4]);
        assert_eq!([root(1), root(4), root(2)], [ONE, 2 * ONE, 1_414_213_562]);
    }
}
