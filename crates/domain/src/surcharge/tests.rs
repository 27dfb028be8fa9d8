use proptest::prelude::*;

use super::*;

fn ore(amounts: &[i64]) -> Vec<Money> {
    amounts.iter().copied().map(Money::from_ore).collect()
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[test]
fn the_rest_goes_to_the_largest_remainders_and_ties_go_by_key() {
    // (total, weights with their keys, parts), all in öre and worked by hand.
    type Case<'a> = (i64, &'a [(i128, &'a str)], &'a [i64]);
    let cases: [Case<'_>; 9] = [
        // 100 × 1/3 each: 33 + 33 + 33, one left, all remainders are 1/3: the first key.
        (100, &[(1, "b"), (1, "a"), (1, "c")], &[33, 34, 33]),
        // 10 × (5, 3, 2)/10: exact.
        (10, &[(5, "a"), (3, "b"), (2, "c")], &[5, 3, 2]),
        // 7 × (1, 2, 4)/7 = 1, 2, 4; 8 × … = 1 1/7, 2 2/7, 4 4/7: the largest remainder is c's.
        (8, &[(1, "a"), (2, "b"), (4, "c")], &[1, 2, 5]),
        // Negative totals mirror positive ones: −8 × … = −1 1/7, −2 2/7, −4 4/7.
        (-8, &[(1, "a"), (2, "b"), (4, "c")], &[-1, -2, -5]),
        // So do negative weights: shares are the same as of positive ones.
        (8, &[(-1, "a"), (-2, "b"), (-4, "c")], &[1, 2, 5]),
        // Nothing gets nothing, while there is somebody else to give to.
        (5, &[(0, "a"), (3, "b"), (3, "c")], &[0, 3, 2]),
        // Mixed signs: 3 × (100, −30)/70 = 4 2/7, −1 2/7: 4 − 1 = 3.
        (3, &[(100, "a"), (-30, "b")], &[4, -1]),
        // Weights that cancel out count by their absolute values.
        (3, &[(10, "a"), (-10, "b")], &[2, 1]),
        // Weights that are all zero count alike.
        (-3, &[(0, "a"), (0, "b")], &[-2, -1]),
    ];
    for (total, weights, parts) in cases {
        assert_eq!(
            largest_remainder(Money::from_ore(total), weights),
            ore(parts),
            "{total} over {weights:?}"
        );
    }
    assert_eq!(largest_remainder::<u8>(Money::ZERO, &[]), []);
}

#[test]
fn a_surcharge_is_the_rounded_sum_of_exact_claims() {
    // R4, r = 3 %: nets 10.50, 0.33 and −4.17 kr; P = öre(0.03 × 6.66) = öre(0.1998) = 0.20 kr.
    // Claims: 31.5, 0.99 and −12.51 öre; cut: 31, 0, −12 = 19; one left, to the largest remainder, 0.99.
    let nets = [(Money::from_ore(1050), "a"), (Money::from_ore(33), "b"), (Money::from_ore(-417), "c")];
    assert_eq!(spread(Money::from_ore(20), rate("0.03"), nets), ore(&[31, 1, -12]));
}

#[test]
fn the_ore_that_is_left_is_told_of_every_line() {
    // As above: 20 − (31 + 0 − 12) = 1 öre is left; remainders 0.5, 0.99 and −0.51 put b before a before c.
    let nets = [(Money::from_ore(1050), "a"), (Money::from_ore(33), "b"), (Money::from_ore(-417), "c")];
    let told = |index| {
        let made = handout(Money::from_ore(20), rate("0.03"), nets, index);
        (made.floor.ore(), made.left.ore(), made.rank, made.claims, made.part.ore())
    };
    assert_eq!([told(0), told(1), told(2)], [(31, 1, 2, 3, 31), (0, 1, 1, 3, 1), (-12, 1, 3, 3, -12)]);
}

#[test]
fn large_sums_that_nearly_cancel_out_keep_their_own_surcharge() {
    // A million kronor moves between two services, 0.17 kr remains: P = öre(0.0051) = 0.01 kr.
    // In proportion to the nets the parts would be 58,823.54 and −58,823.53 kr instead of 30,000 each.
    let nets = [(Money::from_ore(100_000_017), "a"), (Money::from_ore(-100_000_000), "b")];
    assert_eq!(spread(Money::from_ore(1), rate("0.03"), nets), ore(&[3_000_001, -3_000_000]));
}

#[test]
#[should_panic(expected = "cannot be spread over nothing")]
fn a_total_without_anybody_to_carry_it_is_a_bug() {
    apportion::<u8>(Money::from_ore(1), &[], 1);
}

#[test]
#[should_panic(expected = "went beyond ±92 million million kronor")]
fn a_part_beyond_what_an_amount_holds_is_a_bug() {
    largest_remainder(Money::from_ore(i64::MAX), &[(2, "a"), (-1, "b")]);
}

#[test]
fn what_is_left_beside_whole_claims_goes_to_those_who_claim_something() {
    // Claims of 0, 2 and 2 öre, and totals off by one: by key, but a claim of nothing comes last.
    let claims = [(0, "a"), (2, "b"), (2, "c")];
    for (total, parts) in [(5, [0, 3, 2]), (3, [0, 1, 2]), (4, [0, 2, 2]), (7, [1, 3, 3])] {
        assert_eq!(apportion(Money::from_ore(total), &claims, 1), ore(&parts), "{total}");
    }
}

fn weights() -> impl Strategy<Value = Vec<i128>> {
    prop::collection::vec(
        prop_oneof![Just(0_i128), -100_i128..100, -1_000_000_000_000_i128..1_000_000_000_000],
        1..60,
    )
}

/// |part − total × weight / sum| < 1 öre, without dividing.
fn within_an_ore(part: Money, total: i64, weight: i128, sum: i128) -> bool {
    (i128::from(part.ore()) * sum - i128::from(total) * weight).abs() < sum.abs()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parts_add_up_to_the_total_and_stay_within_an_ore(total in -1_000_000_000_000_i64..1_000_000_000_000, weights in weights()) {
        let keyed: Vec<(i128, usize)> = weights.iter().copied().zip(0..).collect();
        let parts = largest_remainder(Money::from_ore(total), &keyed);
        prop_assert_eq!(parts.iter().copied().sum::<Money>(), Money::from_ore(total));
        let sum: i128 = weights.iter().sum();
        if sum != 0 {
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(within_an_ore(*part, total, *weight, sum), "{} of {}", part, weight);
            }
        }
    }

    #[test]
    fn the_order_of_the_claims_does_not_matter(total in -10_000_i64..10_000, weights in weights(), turn in 0_usize..60) {
        let keyed: Vec<(i128, usize)> = weights.iter().copied().zip(0..).collect();
        let parts = largest_remainder(Money::from_ore(total), &keyed);
        let by = turn % keyed.len();
        let mut turned = keyed.clone();
        turned.rotate_left(by);
        turned[..].reverse();
        let mut turned_parts = largest_remainder(Money::from_ore(total), &turned);
        turned_parts.reverse();
        turned_parts.rotate_right(by);
        prop_assert_eq!(parts, turned_parts);
    }

    #[test]
    fn a_surcharge_adds_up_and_every_part_is_within_an_ore_of_its_claim(
        nets in prop::collection::vec(-1_000_000_000_i64..1_000_000_000, 1..200),
        micros in 0_u32..=1_000_000,
    ) {
        let rate = rate(&format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
        let total = rate.of(nets.iter().copied().map(Money::from_ore).sum());
        let parts = spread(total, rate, nets.iter().copied().map(Money::from_ore).zip(0_u32..));
        prop_assert_eq!(parts.iter().copied().sum::<Money>(), total);
        for (part, net) in parts.iter().zip(&nets) {
            let off = i128::from(part.ore()) * CLAIM_DENOMINATOR - claim(rate, Money::from_ore(*net));
            prop_assert!(off.abs() <= CLAIM_DENOMINATOR, "{} of {}", part, net);
        }
    }
}
