//! How an amount follows the quantity, for every model (R19).

use super::random::Random;
use super::worlds::{model, quantity, unit_price};
use crate::money::{Money, UnitPrice};
use crate::price::{PriceModel, Shape};
use crate::quantity::Quantity;

const MODELS: u64 = 100_000;

fn gross(model: &PriceModel, price: UnitPrice, micros: i128) -> Money {
    model.gross(price, Quantity::from_micros(micros)).unwrap()
}

#[test]
fn more_never_costs_less_but_by_volume_from_step_to_step() {
    for seed in 0..MODELS {
        let random = &mut Random::new(3_000_000 + seed);
        let (model, price) = (model(random), unit_price(random));
        let (a, b) = (quantity(random).micros(), quantity(random).micros());
        let (less, more) = (a.min(b), a.max(b));
        // By volume the rule holds while both are above the same steps.
        let above = |micros: i128| match &model.shape {
            Shape::Volume(steps) => {
                steps.iter().filter(|step| step.above.micros() < micros - model.free.micros()).count()
            }
            Shape::PerUnit | Shape::Graduated(_) | Shape::Package(_) | Shape::Flat => 0,
        };
        if above(less) == above(more) {
            assert!(
                gross(&model, price, less) <= gross(&model, price, more),
                "{model} at {price}: {less}, {more}"
            );
        }
    }
}

#[test]
fn by_volume_a_little_more_may_cost_less_in_all() {
    let model: PriceModel = "volym 1000:1.2".parse().unwrap();
    let of = |micros| gross(&model, "1.5".parse().unwrap(), micros).to_string();
    assert_eq!([1_000_000_000, 1_000_000_001].map(of), ["1500.00", "1200.00"]);
}

#[test]
fn allowance_and_minimum_change_an_amount_as_they_say_and_never_a_credit() {
    for seed in 0..MODELS {
        let random = &mut Random::new(4_000_000 + seed);
        let (model, price, used) = (model(random), unit_price(random), quantity(random).micros());
        let bare = PriceModel { free: Quantity::ZERO, minimum: Money::ZERO, ..model.clone() };
        let without_the_free = gross(&bare, price, (used - model.free.micros()).max(0));
        let wanted = without_the_free.max(model.minimum);
        assert_eq!(gross(&model, price, used), wanted, "{model} at {price}: {used}");
        assert_eq!(gross(&model, price, 0), Money::ZERO, "{model} at {price}: nothing");
        let credit = gross(&model, price, -used);
        assert_eq!(credit, -gross(&bare, price, used), "{model} at {price}: −{used}");
    }
}
