//! What adds up in every month: lines to their payers, payers to the total, the surcharge's parts to the surcharge; and
//! what the object's account holds of it.

use std::collections::BTreeMap;

use super::random::Random;
use super::worlds::World;
use crate::charge::{Charge, Totals};
use crate::money::{Money, Rate};
use crate::object::Account;
use crate::quantity::Quantity;
use crate::rating::{LINE_GROSS_MAX, Line};
use crate::surcharge::{CLAIM_DENOMINATOR, claim};

pub(super) const LINES_MIN: usize = 400_000;
const WORLDS: u64 = 2_800;

#[test]
fn what_is_billed_adds_up_whatever_is_used_and_decided() {
    let mut lines = 0;
    for seed in 0..WORLDS {
        let world = World::new(&mut Random::new(seed));
        let rated = world.rated();
        lines += rated.lines.len();
        grosses_are_the_prices(seed, &rated.lines);
        let charges = crate::charge::charges(&rated, Some(world.rate));
        let attributed = rated.lines.iter().filter(|line| line.customer.is_some());
        assert_eq!(charges.len(), attributed.count(), "seed {seed}");
        assert!(charges.windows(2).all(|pair| pair[0].key() < pair[1].key()), "seed {seed}");
        let mut total = Totals::default();
        for payer in charges.chunk_by(|a, b| a.customer.code == b.customer.code) {
            total += payer_adds_up(seed, world.rate, payer);
        }
        assert_eq!(total, charges.iter().collect(), "seed {seed}");
        account_is_without_revenue(seed, &charges);
    }
    assert!(lines >= LINES_MIN, "{lines}");
}

/// What a payer used of a class comes to what its model says, however many cost centres bear it.
fn grosses_are_the_prices(seed: u64, lines: &[Line]) {
    let mut used: BTreeMap<_, (&Line, i128, Money)> = BTreeMap::new();
    for line in lines {
        assert!(line.gross.ore().abs() <= LINE_GROSS_MAX.ore(), "seed {seed}: {line:?}");
        match line.unit_price() {
            Some(price) => assert_eq!(Some(line.gross), price.times(line.quantity), "seed {seed}: {line:?}"),
            None => {
                let key = (line.customer.as_ref(), line.tariff.key());
                let (_, quantity, gross) = used.entry(key).or_insert((line, 0, Money::ZERO));
                *quantity += line.quantity.micros();
                *gross += line.gross;
            }
        }
    }
    for (line, quantity, gross) in used.into_values() {
        let terms = line.tariff.price.as_ref().unwrap();
        let wanted = terms.model.gross(terms.price, Quantity::from_micros(quantity));
        assert_eq!(Some(gross), wanted, "seed {seed}: {line:?}");
    }
}

fn payer_adds_up(seed: u64, rate: Rate, charges: &[Charge]) -> Totals {
    let mut base = Money::ZERO;
    for charge in charges {
        parts_make_the_whole(seed, charge);
        let claimed = if charge.tariff.bears_surcharge { claim(rate, charge.net) } else { 0 };
        let off = i128::from(charge.surcharge.ore()) * CLAIM_DENOMINATOR - claimed;
        assert!(off.abs() < CLAIM_DENOMINATOR, "seed {seed}: {charge:?} is an öre off its claim");
        if charge.tariff.bears_surcharge {
            base += charge.net;
        } else {
            assert_eq!(charge.surcharge, Money::ZERO, "seed {seed}: {charge:?}");
        }
    }
    let totals: Totals = charges.iter().collect();
    assert_eq!(totals.surcharge, rate.of(base), "seed {seed}: {}", charges[0].customer.code);
    totals
}

/// G = J + N, and J is a part of G (R11).
pub(super) fn parts_make_the_whole(seed: u64, charge: &Charge) {
    let (gross, joint) = (charge.gross.ore(), charge.joint.ore());
    assert_eq!(charge.gross, charge.joint + charge.net, "seed {seed}: {charge:?}");
    assert!(joint == 0 || joint.signum() == gross.signum(), "seed {seed}: {charge:?}");
    assert!(joint.abs() <= gross.abs(), "seed {seed}: {charge:?}");
}

/// R8: whatever services earn, the object's account and what the budget takes stay as they are; only the turnover that
/// the rate is reckoned on follows.
fn account_is_without_revenue(seed: u64, charges: &[Charge]) {
    let account = Account::of(charges);
    let totals: Totals = charges.iter().collect();
    assert_eq!(account.surcharge, totals.surcharge, "seed {seed}");
    assert_eq!(account.joint.values().copied().sum::<Money>(), totals.joint, "seed {seed}");
    let without: Vec<Charge> = charges.iter().map(|c| Charge { net: Money::ZERO, ..c.clone() }).collect();
    let without = Account::of(&without);
    assert_eq!(without, Account { turnover: Money::ZERO, ..account.clone() }, "seed {seed}");
    assert_eq!(without.rate_basis(None).required(), account.rate_basis(None).required(), "seed {seed}");
}
