//! A closed month and its corrections are what a fresh reckoning of it is, however often it is corrected.

use std::collections::BTreeMap;

use super::month;
use super::random::Random;
use super::sums::parts_make_the_whole;
use super::worlds::{MONTH, World};
use crate::charge::{Charge, ChargeKey, Totals, corrections};
use crate::money::Money;
use crate::object::Account;
use crate::surcharge::{CLAIM_DENOMINATOR, claim};

pub(super) const LINES_MIN: usize = 300_000;
const WORLDS: u64 = 1_200;
const ROUNDS: i32 = 3;

#[test]
fn a_month_and_its_corrections_are_a_fresh_reckoning_round_after_round() {
    let mut lines = 0;
    for seed in 0..WORLDS {
        let random = &mut Random::new(2_000_000 + seed);
        let mut world = World::new(random);
        let mut booked = world.charged();
        lines += booked.len();
        for round in 1..=ROUNDS {
            world.go_on(random);
            let fresh = world.charged();
            let closed = month(MONTH);
            let corrected = corrections(closed.plus(round), closed, Some(world.rate), &fresh, &booked);
            lines += corrected.len();
            lines_are_right(seed, &world, &corrected);
            booked.extend(corrected);
            assert_eq!(by_line(&booked), by_line(&fresh), "seed {seed}, round {round}");
            assert_eq!(surcharges(&booked), surcharges(&fresh), "seed {seed}, round {round}");
            assert_eq!(account(&booked), account(&fresh), "seed {seed}, round {round}");
        }
        let again = corrections(month("2022-01"), month(MONTH), Some(world.rate), &world.charged(), &booked);
        assert_eq!(again, [], "seed {seed}: what is corrected needs no correction");
    }
    assert!(lines >= LINES_MIN, "{lines}");
}

/// Each correction line is G = J + N with J a part of G, and carries its surcharge to within an öre.
fn lines_are_right(seed: u64, world: &World, corrected: &[Charge]) {
    assert!(corrected.windows(2).all(|pair| pair[0].key() < pair[1].key()), "seed {seed}");
    for line in corrected {
        parts_make_the_whole(seed, line);
        assert_eq!(line.usage_month(), month(MONTH), "seed {seed}");
        let claimed = if line.tariff.bears_surcharge { claim(world.rate, line.net) } else { 0 };
        let off = i128::from(line.surcharge.ore()) * CLAIM_DENOMINATOR - claimed;
        assert!(off.abs() <= CLAIM_DENOMINATOR, "seed {seed}: {line:?} is more than an öre off its claim");
    }
}

/// What a line comes to in all: quantity, gross, joint, net, contribution.
type Sums = (i128, Money, Money, Money, Money);

fn by_line(charges: &[Charge]) -> BTreeMap<ChargeKey<'_>, Sums> {
    let mut lines: BTreeMap<ChargeKey<'_>, Sums> = BTreeMap::new();
    for charge in charges {
        let sums = lines.entry(charge.key()).or_default();
        sums.0 += charge.quantity.micros();
        sums.1 += charge.gross;
        sums.2 += charge.joint;
        sums.3 += charge.net;
        sums.4 += charge.contribution().unwrap_or_default();
    }
    lines.retain(|_, sums| *sums != Sums::default());
    lines
}

fn surcharges(charges: &[Charge]) -> BTreeMap<&str, Money> {
    let mut payers: BTreeMap<&str, Money> = BTreeMap::new();
    for charge in charges {
        *payers.entry(&charge.customer.code).or_default() += charge.surcharge;
    }
    payers.retain(|_, surcharge| *surcharge != Money::ZERO);
    payers
}

/// The object's account without what came to nothing.
fn account(charges: &[Charge]) -> Account {
    let mut account = Account::of(charges);
    account.contributions.retain(|_, amount| *amount != Money::ZERO);
    account.joint.retain(|_, amount| *amount != Money::ZERO);
    let totals: Totals = charges.iter().collect();
    assert_eq!(account.joint.values().copied().sum::<Money>(), totals.joint);
    account
}
