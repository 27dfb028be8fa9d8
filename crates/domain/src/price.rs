//! Price models: what a payer's quantity of a class comes to in a month (R19, design §6).
//!
//! Every model but the plain one, and every allowance and minimum, holds for all that a payer used of one class of one
//! meter in a month, whatever its cost centres: the amount is rounded once and then spread over them.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::money::{Money, UnitPrice};
use crate::quantity::{MICROS, Quantity};

/// How a price row makes an amount of a quantity.
///
/// As text it is a few words, in any order, with decimal points or commas:
///
/// * nothing: quantity × price;
/// * `trappa 1000:1.2 5000:0.9`: graduated, what lies above 1,000 units costs 1.20 each, above 5,000 units 0.90;
/// * `volym 1000:1.2`: by volume, from more than 1,000 units on all of them cost 1.20;
/// * `paket 100`: the price is for each begun package of 100 units;
/// * `fast`: the price is for the month, however much is used;
/// * `fritt 50`: the first 50 units cost nothing;
/// * `minst 500`: at least 500 kronor in a month in which anything is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceModel {
    /// What the price is for.
    pub shape: Shape,
    /// How much costs nothing.
    pub free: Quantity,
    /// What is paid at least in a month in which anything is used.
    pub minimum: Money,
}

/// What the price is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Shape {
    /// For each unit.
    #[default]
    PerUnit,
    /// For each unit up to the first step; what lies above a step costs that step's price.
    Graduated(Vec<Step>),
    /// For each unit, as long as the quantity is not above the first step; else all units cost the price of the highest
    /// step that the quantity is above. So a little more can cost less in all.
    Volume(Vec<Step>),
    /// For each begun package of so many units.
    Package(Quantity),
    /// For the month.
    Flat,
}

/// A price that holds above a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Above this many units.
    pub above: Quantity,
    /// Kronor per unit.
    pub price: UnitPrice,
}

impl PriceModel {
    /// Whether it is quantity × price and nothing else: then every line is priced by itself and has a unit price.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The gross of all that a payer used, rounded once. `None` beyond what [`Money`] holds.
    ///
    /// Less than nothing (corrections that meters may send) is credited as the same quantity would be charged, without
    /// allowance and minimum.
    pub fn gross(&self, price: UnitPrice, used: Quantity) -> Option<Money> {
        let micros = used.micros();
        if micros < 0 {
            return Money::rounded(-self.shape.amount(price, -micros)?);
        }
        let amount = self.shape.amount(price, (micros - self.free.micros()).max(0))?;
        let gross = Money::rounded(amount)?;
        Some(if micros > 0 { gross.max(self.minimum) } else { gross })
    }
}

impl Shape {
    /// Kronor for so many millionths of a unit, none of them below zero; exact.
    fn amount(&self, price: UnitPrice, micros: i128) -> Option<Decimal> {
        match self {
            Shape::PerUnit => times(micros, price),
            Shape::Graduated(steps) => {
                let (mut amount, mut price, mut from) = (Decimal::ZERO, price, 0);
                for step in steps.iter().filter(|step| step.above.micros() < micros) {
                    amount = amount.checked_add(times(step.above.micros() - from, price)?)?;
                    (price, from) = (step.price, step.above.micros());
                }
                amount.checked_add(times(micros - from, price)?)
            }
            Shape::Volume(steps) => {
                let step = steps.iter().rev().find(|step| step.above.micros() < micros);
                times(micros, step.map_or(price, |step| step.price))
            }
            Shape::Package(size) => {
                let begun = micros / size.micros() + i128::from(micros % size.micros() != 0);
                times(begun.checked_mul(MICROS)?, price)
            }
            Shape::Flat => Some(if micros > 0 { price.kronor() } else { Decimal::ZERO }),
        }
    }
}

fn times(micros: i128, price: UnitPrice) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(micros, 6).ok()?.normalize().checked_mul(price.kronor())
}

/// Text that is no price model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPriceModel {
    /// A word that means nothing here, or two that exclude each other.
    #[error("{word:?} is unexpected")]
    Unexpected {
        /// The word.
        word: String,
    },
    /// A word that needs a number, or steps, behind it.
    #[error("{word:?} needs what follows it")]
    Incomplete {
        /// The word.
        word: String,
    },
    /// Steps that do not rise.
    #[error("the step {step:?} is not above the one before it")]
    NotRising {
        /// The step.
        step: String,
    },
}

impl FromStr for PriceModel {
    type Err = InvalidPriceModel;

    fn from_str(text: &str) -> Result<Self, InvalidPriceModel> {
        let text = text.replace(',', ".").to_lowercase();
        let mut words = text.split_whitespace().peekable();
        let mut model = Self::default();
        let (mut shape, mut free, mut minimum) = (None, None, None);
        while let Some(word) = words.next() {
            let unexpected = || InvalidPriceModel::Unexpected { word: word.to_owned() };
            let incomplete = || InvalidPriceModel::Incomplete { word: word.to_owned() };
            let mut positive = || {
                let quantity = words.next().and_then(|word| Quantity::parse(word).ok());
                quantity.filter(|quantity| *quantity > Quantity::ZERO).ok_or_else(incomplete)
            };
            let is_again = match word {
                "fritt" => free.replace(positive()?).is_some(),
                "minst" => {
                    let kronor = words.next().and_then(whole_ore).ok_or_else(incomplete)?;
                    minimum.replace(kronor).is_some()
                }
                "paket" => shape.replace(Shape::Package(positive()?)).is_some(),
                "fast" => shape.replace(Shape::Flat).is_some(),
                "trappa" | "volym" => {
                    let mut steps = Vec::new();
                    while let Some(text) = words.next_if(|word| word.contains(':')) {
                        steps.push(step(text, steps.last())?);
                    }
                    if steps.is_empty() {
                        return Err(incomplete());
                    }
                    let of = if word == "volym" { Shape::Volume } else { Shape::Graduated };
                    shape.replace(of(steps)).is_some()
                }
                _ => return Err(unexpected()),
            };
            if is_again {
                return Err(unexpected());
            }
        }
        model.shape = shape.unwrap_or_default();
        model.free = free.unwrap_or_default();
        model.minimum = minimum.unwrap_or_default();
        Ok(model)
    }
}

fn step(text: &str, last: Option<&Step>) -> Result<Step, InvalidPriceModel> {
    let read = || {
        let (above, price) = text.split_once(':')?;
        Some(Step { above: Quantity::parse(above).ok()?, price: price.parse().ok()? })
    };
    let step = read().ok_or_else(|| InvalidPriceModel::Unexpected { word: text.to_owned() })?;
    let before = last.map_or(Quantity::ZERO, |last| last.above);
    if step.above > before { Ok(step) } else { Err(InvalidPriceModel::NotRising { step: text.to_owned() }) }
}

/// An amount of more than nothing, without a part of an öre.
fn whole_ore(text: &str) -> Option<Money> {
    let kronor = text.parse::<UnitPrice>().ok()?.kronor();
    Money::rounded(kronor).filter(|amount| amount.to_decimal() == kronor && *amount > Money::ZERO)
}

impl fmt::Display for PriceModel {
    /// What [`PriceModel::from_str`] reads; nothing for the plain model.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        let steps =
            |steps: &[Step]| steps.iter().map(|step| format!("{}:{}", step.above, step.price)).collect();
        let (name, more): (&str, Vec<String>) = match &self.shape {
            Shape::PerUnit => ("", Vec::new()),
            Shape::Graduated(all) => ("trappa", steps(all)),
            Shape::Volume(all) => ("volym", steps(all)),
            Shape::Package(size) => ("paket", vec![size.to_string()]),
            Shape::Flat => ("fast", Vec::new()),
        };
        words.extend((!name.is_empty()).then(|| name.to_owned()));
        words.extend(more);
        words.extend((self.free != Quantity::ZERO).then(|| format!("fritt {}", self.free)));
        words.extend((self.minimum != Money::ZERO).then(|| format!("minst {}", self.minimum)));
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests;
