//! Quantities, unit prices and what they come to, so that price × quantity is the cost on every row of usage.

use domain::Money;
use domain::charge::Charge;
use rust_decimal::Decimal;

/// How a row of usage is priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pricing {
    /// How many units are priced.
    pub(super) quantity: Decimal,
    /// Whether those are the meter's units; else it is the payer's month as one piece.
    pub(super) by_unit: bool,
    /// What a unit costs to deliver where the decided price was adjusted (R10), else the decided price.
    pub(super) list_price: Decimal,
    /// The decided price in force.
    pub(super) price: Decimal,
    /// Quantity × list price, not rounded; of a correction the difference in öre.
    pub(super) list_cost: Decimal,
    /// Quantity × price, not rounded; of a correction the difference in öre.
    pub(super) cost: Decimal,
}

impl Pricing {
    pub(super) fn of(charge: &Charge) -> Self {
        let Some(price) = charge.unit_price() else { return Self::as_one_piece(charge.gross) };
        let price = price.kronor();
        let cost_price = charge.tariff.price.as_ref().and_then(|terms| terms.cost_price);
        let list_price = cost_price.map_or(price, |cost| cost.kronor());
        let quantity = charge.quantity.to_decimal();
        let (list_cost, cost) = if charge.corrects.is_some() {
            let contribution = charge.contribution().unwrap_or(Money::ZERO);
            ((charge.gross - contribution).to_decimal(), charge.gross.to_decimal())
        } else {
            let gross = charge.gross.to_decimal();
            (quantity.checked_mul(list_price).unwrap_or(gross), quantity.checked_mul(price).unwrap_or(gross))
        };
        Self { quantity, by_unit: true, list_price, price, list_cost, cost }
    }

    /// The part of an amount that was reckoned on all that the payer used, in steps, packages or for the month: no unit
    /// has a price of its own. Less than nothing is a piece taken back, since a price is never below zero.
    fn as_one_piece(gross: Money) -> Self {
        let cost = gross.to_decimal();
        let quantity = if gross < Money::ZERO { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let price = cost.abs();
        Self { quantity, by_unit: false, list_price: price, price, list_cost: cost, cost }
    }
}
