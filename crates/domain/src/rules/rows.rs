//! What does not matter: the order of usage, how it is cut into rows, and rows of nothing.

use super::random::Random;
use super::worlds::World;
use crate::charge::charges;
use crate::usage::{DailyUsage, MonthlyUsage};

pub(super) const LINES_MIN: usize = 300_000;
const WORLDS: u64 = 2_100;

#[test]
fn neither_order_nor_rows_nor_zeros_change_a_bill() {
    let mut lines = 0;
    for seed in 0..WORLDS {
        let random = &mut Random::new(1_000_000 + seed);
        let whole = World::new(random);
        let mut cut =
            World { catalogue: whole.catalogue.clone(), usage: Vec::new(), days: Vec::new(), ..whole };
        for row in &whole.usage {
            let part = |amount| MonthlyUsage { amount, ..row.clone() };
            cut.usage.extend(parts(random, row.amount).into_iter().map(part));
        }
        for row in &whole.days {
            let part = |amount| DailyUsage { amount, ..row.clone() };
            cut.days.extend(parts(random, row.amount).into_iter().map(part));
        }
        random.shuffle(&mut cut.usage);
        random.shuffle(&mut cut.days);
        let rated = whole.rated();
        lines += rated.lines.len();
        assert_eq!(cut.rated(), rated, "seed {seed}");
        assert_eq!(cut.charged(), charges(&rated, Some(whole.rate)), "seed {seed}");
    }
    assert!(lines >= LINES_MIN, "{lines}");
}

/// Up to three amounts that add up to one, of either sign, and some of nothing.
fn parts(random: &mut Random, amount: i128) -> Vec<i128> {
    match random.below(6) {
        0 => vec![0, amount, 0],
        1 => vec![amount / 3, amount - amount / 3],
        2 => {
            let more = i128::from(random.below(1_000_000_000));
            vec![amount + more, -more]
        }
        3 => vec![amount / 2, 0, amount - amount / 2 - 1, 1],
        _ => vec![amount],
    }
}
