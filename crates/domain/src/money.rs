//! Money in Swedish kronor: amounts in whole öre, prices, rates and shares.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::quantity::Quantity;

/// An amount in SEK, always whole öre. Sums of amounts are exact; only [`Money::rounded`] rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From whole öre.
    pub const fn from_ore(ore: i64) -> Self {
        Self(ore)
    }

    /// In whole öre.
    pub const fn ore(self) -> i64 {
        self.0
    }

    /// öre(kronor): rounded half away from zero to 0.01 (domain rules, §2.6). `None` beyond ±92 million million kronor.
    pub fn rounded(kronor: Decimal) -> Option<Self> {
        let ore = kronor
            .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
            .checked_mul(Decimal::ONE_HUNDRED)?;
        i64::try_from(ore).ok().map(Self)
    }

    /// As a decimal number of kronor with two decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }
}

impl fmt::Display for Money {
    /// Kronor with exactly two decimals and a point: `12345.67`. Users' screens format it their own way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ore = self.0.unsigned_abs();
        write!(f, "{}{}.{:02}", if self.0 < 0 { "-" } else { "" }, ore / 100, ore % 100)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        // i64 öre hold 92 million million kronor: a sum beyond that is a bug, not an amount.
        Self(self.0.checked_add(other.0).unwrap_or_else(overflow))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).unwrap_or_else(overflow))
    }
}

fn overflow() -> i64 {
    panic!("an amount went beyond ±92 million million kronor")
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Text that is no number of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct InvalidNumber {
    /// What was read.
    pub text: String,
    /// What it should have been, with its limits.
    pub wanted: &'static str,
}

fn decimal(
    text: &str,
    wanted: &'static str,
    valid: impl Fn(Decimal) -> bool,
) -> Result<Decimal, InvalidNumber> {
    let error = || InvalidNumber { text: text.to_owned(), wanted };
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    let value = Decimal::from_str_exact(text).map_err(|_| error())?;
    if plain && valid(value) { Ok(value.normalize()) } else { Err(error()) }
}

/// Kronor per unit, without VAT, with up to six decimals. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(Decimal);

impl UnitPrice {
    /// The greatest price, in kronor: what is beyond is a mistake.
    pub const KRONOR_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

    /// Kronor per unit.
    pub const fn kronor(self) -> Decimal {
        self.0
    }

    /// öre(quantity × price): the gross of a line. `None` when it is beyond what [`Money`] holds.
    pub fn times(self, quantity: Quantity) -> Option<Money> {
        quantity.to_decimal().checked_mul(self.0).and_then(Money::rounded)
    }
}

impl FromStr for UnitPrice {
    type Err = InvalidNumber;
    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        decimal(text, "a price from 0 to 1000000000 kr with at most 6 decimals", |p| {
            p >= Decimal::ZERO && p <= Self::KRONOR_MAX && p.normalize().scale() <= 6
        })
        .map(Self)
    }
}

impl fmt::Display for UnitPrice {
    /// Kronor with at least two decimals: `105.00`, `0.0925`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.scale() < 2 { write!(f, "{:.2}", self.0) } else { write!(f, "{}", self.0) }
    }
}

/// A fraction of an amount: the surcharge rate (R5) or a share of joint financing (R11). `0.03` is 3 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(Decimal);

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The fraction, from 0 to 1.
    pub const fn fraction(self) -> Decimal {
        self.0
    }

    /// öre(rate × amount), half away from zero. A rate is at most 1, so it always fits.
    pub fn of(self, amount: Money) -> Money {
        Money::rounded(self.0 * amount.to_decimal()).unwrap_or_else(|| unreachable!("a rate is at most 1"))
    }
}

impl FromStr for Rate {
    type Err = InvalidNumber;
    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        decimal(text, "a fraction from 0 to 1 with at most 8 decimals", |r| {
            r >= Decimal::ZERO && r <= Decimal::ONE && r.normalize().scale() <= 8
        })
        .map(Self)
    }
}

impl fmt::Display for Rate {
    /// The fraction without trailing zeros: `0.03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_rounds_half_away_from_zero() {
        for (kronor, ore) in
            [("0.005", 1), ("-0.005", -1), ("2.675", 268), ("2.6749999", 267), ("-12.345", -1235)]
        {
            assert_eq!(Money::rounded(kronor.parse().unwrap()), Some(Money::from_ore(ore)), "{kronor}");
        }
        assert_eq!(Money::rounded(Decimal::MAX), None);
    }

    #[test]
    fn a_line_is_quantity_times_price() {
        let price: UnitPrice = "0.48".parse().unwrap();
        assert_eq!(price.times(Quantity::parse("0.954167").unwrap()), Some(Money::from_ore(46)));
        assert_eq!(price.times(Quantity::parse("-3").unwrap()), Some(Money::from_ore(-144)));
    }

    #[test]
    fn prices_and_rates_have_limits() {
        for wrong in ["-1", "1000000001", "0.0000001", "1e3", "1,5", "", " 1", "+1", "1_000", "1-", "-"] {
            assert!(wrong.parse::<UnitPrice>().is_err(), "{wrong}");
        }
        for wrong in ["-0.01", "1.01", "0.000000001"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        assert_eq!("105".parse::<UnitPrice>().unwrap().to_string(), "105.00");
        assert_eq!("0.09250".parse::<UnitPrice>().unwrap().to_string(), "0.0925");
        assert_eq!(
            "0.03".parse::<Rate>().unwrap().of(Money::from_ore(13_498_932_000)),
            Money::from_ore(404_967_960)
        );
    }

    #[test]
    fn what_is_at_a_limit_is_within_it() {
        for (text, shown) in [("0", "0.00"), ("1000000000", "1000000000.00"), ("0.000001", "0.000001")] {
            assert_eq!(text.parse::<UnitPrice>().unwrap().to_string(), shown);
        }
        for (text, shown) in [("0", "0"), ("1", "1"), ("1.000", "1"), ("0.00000001", "0.00000001")] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn amounts_add_and_subtract_exactly() {
        let (a, b) = (Money::from_ore(i64::MAX - 1), Money::from_ore(1));
        assert_eq!([a + b, a - b, -b].map(Money::ore), [i64::MAX, i64::MAX - 2, -1]);
        let mut amount = Money::from_ore(5);
        amount += Money::from_ore(3);
        assert_eq!(amount, Money::from_ore(8));
        amount -= Money::from_ore(10);
        assert_eq!(amount, Money::from_ore(-2));
        assert_eq!([3, -5, 7].map(Money::from_ore).into_iter().sum::<Money>(), Money::from_ore(5));
    }

    #[test]
    #[should_panic(expected = "beyond ±92 million million kronor")]
    fn a_sum_beyond_what_an_amount_holds_is_a_bug() {
        let _ = Money::from_ore(i64::MAX) + Money::from_ore(1);
    }

    #[test]
    #[should_panic(expected = "beyond ±92 million million kronor")]
    fn a_difference_beyond_what_an_amount_holds_is_a_bug() {
        let _ = Money::from_ore(i64::MIN) - Money::from_ore(1);
    }

    #[test]
    fn an_amount_prints_two_decimals_and_its_sign() {
        for (ore, text) in [(0, "0.00"), (-5, "-0.05"), (1_234_567, "12345.67"), (-100, "-1.00")] {
            assert_eq!(Money::from_ore(ore).to_string(), text);
        }
    }
}
