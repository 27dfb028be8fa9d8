//! Quantities: what an event measured and what a line is priced on.

use std::fmt;

use rust_decimal::Decimal;

/// How many millionths make one unit: a quantity has at most six decimals.
pub const MICROS: i128 = 1_000_000;

/// The greatest absolute value of an event's quantity: 10¹⁵ units.
pub const QUANTITY_MAX: i128 = 1_000_000_000_000_000 * MICROS;

/// How many digits a quantity may be written with, zeros that mean nothing among them.
pub const DIGITS_MAX: usize = 38;

/// The greatest absolute exponent that a quantity may be written with: `1e999999999` is refused before anything expands it.
pub const EXPONENT_MAX: i32 = 30;

/// A number of units with at most six decimals, held as whole millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i128);

/// Why a text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuantity {
    /// It is not a plain decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// It has more than six decimals that are not zero.
    #[error("more than 6 decimals")]
    TooPrecise,
    /// It is written with more than 38 digits, or with an exponent beyond ±30.
    #[error("more than {DIGITS_MAX} digits, or an exponent beyond ±{EXPONENT_MAX}")]
    TooLong,
    /// It is beyond ±10¹⁵.
    #[error("beyond ±10^15")]
    TooLarge,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One unit.
    pub const ONE: Self = Self(MICROS);

    /// From whole millionths of a unit.
    pub const fn from_micros(micros: i128) -> Self {
        Self(micros)
    }

    /// In whole millionths of a unit.
    pub const fn micros(self) -> i128 {
        self.0
    }

    /// Reads `-?\d{1,15}(\.\d+)?` with at most six significant decimals (V7); also the same with an exponent, as JSON
    /// numbers may be written, when the value is such a number.
    pub fn parse(text: &str) -> Result<Self, InvalidQuantity> {
        let (mantissa, exponent) = split_exponent(text)?;
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !fraction.is_none_or(plain) {
            return Err(InvalidQuantity::NotANumber);
        }
        let fraction = fraction.unwrap_or_default();
        if whole.len() + fraction.len() > DIGITS_MAX || exponent.abs() > EXPONENT_MAX {
            return Err(InvalidQuantity::TooLong);
        }
        let mut micros: i128 = 0;
        let mut scale = exponent + 6;
        for digit in whole.bytes().map(|b| i128::from(b - b'0')) {
            micros = push_digit(micros, digit)?;
        }
        for digit in fraction.trim_end_matches('0').bytes().map(|b| i128::from(b - b'0')) {
            micros = push_digit(micros, digit)?;
            scale -= 1;
        }
        let micros = shift(micros, scale)?;
        Ok(Self(if negative { -micros } else { micros }))
    }

    /// As a decimal with at most six decimals.
    pub fn to_decimal(self) -> Decimal {
        Decimal::from_i128_with_scale(self.0, 6).normalize()
    }

    /// `amount / divisor` units, rounded half away from zero to six decimals: the one division of a line (design §6).
    ///
    /// # Panics
    /// When `divisor` is not positive.
    pub fn divided(amount: i128, divisor: i128) -> Self {
        assert!(divisor > 0, "a quantity is divided by the length of a month, never by {divisor}");
        Self(div_half_away(amount, divisor))
    }
}

/// `numerator / divisor` rounded half away from zero, for a positive divisor.
pub fn div_half_away(numerator: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (numerator / divisor, numerator % divisor);
    // Twice the rest would overflow only beyond 2¹²⁶; comparing with what is left of the divisor never does.
    if rest.abs() >= divisor - rest.abs() { quotient + numerator.signum() } else { quotient }
}

fn split_exponent(text: &str) -> Result<(&str, i32), InvalidQuantity> {
    let Some(at) = text.find(['e', 'E']) else { return Ok((text, 0)) };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidQuantity::NotANumber);
    }
    // Nine digits always fit; how far it may go is judged with the digits.
    Ok((
        mantissa,
        exponent.strip_prefix('+').unwrap_or(exponent).parse().map_err(|_| InvalidQuantity::NotANumber)?,
    ))
}

fn push_digit(value: i128, digit: i128) -> Result<i128, InvalidQuantity> {
    value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or(InvalidQuantity::TooLarge)
}

fn shift(mut micros: i128, mut scale: i32) -> Result<i128, InvalidQuantity> {
    while scale < 0 && micros != 0 {
        if micros % 10 != 0 {
            return Err(InvalidQuantity::TooPrecise);
        }
        micros /= 10;
        scale += 1;
    }
    while scale > 0 && micros != 0 {
        micros = micros.checked_mul(10).filter(|m| *m <= QUANTITY_MAX).ok_or(InvalidQuantity::TooLarge)?;
        scale -= 1;
    }
    if micros > QUANTITY_MAX { Err(InvalidQuantity::TooLarge) } else { Ok(micros) }
}

impl fmt::Display for Quantity {
    /// A plain decimal without trailing zeros: `0.5`, `-12`, `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) =
            (self.0.unsigned_abs() / MICROS.unsigned_abs(), self.0.unsigned_abs() % MICROS.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{fraction:06}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_read_exactly() {
        let cases = [
            ("0", 0),
            ("-0.0", 0),
            ("1", 1_000_000),
            ("0.954167", 954_167),
            ("1834.217984", 1_834_217_984),
            ("0.10000000", 100_000),
            ("-12.5", -12_500_000),
            ("1e3", 1_000_000_000),
            ("1.5E-3", 1_500),
            ("1e+3", 1_000_000_000),
            ("12000e-8", 120),
            ("-100e-8", -1),
            ("1000000000000000", QUANTITY_MAX),
            ("0e30", 0),
            ("00000000000000000000000000000000000001", 1_000_000),
            ("1.0000000000000000000000000000000000000", 1_000_000),
            ("100000000000000000000000000000e-29", 1_000_000),
        ];
        for (text, micros) in cases {
            assert_eq!(Quantity::parse(text).map(Quantity::micros), Ok(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused_with_its_reason() {
        use InvalidQuantity::{NotANumber, TooLarge, TooLong, TooPrecise};
        let cases = [
            ("", NotANumber),
            ("-", NotANumber),
            (".5", NotANumber),
            ("5.", NotANumber),
            ("+5", NotANumber),
            ("1,5", NotANumber),
            ("NaN", NotANumber),
            ("1e", NotANumber),
            ("1e9999999999", NotANumber),
            ("1e2000000000", NotANumber),
            ("1e+-5", NotANumber),
            ("1e5x", NotANumber),
            ("0.0000001", TooPrecise),
            ("1e-7", TooPrecise),
            ("10e-8", TooPrecise),
            ("120e-8", TooPrecise),
            ("1000000000000000.000001", TooLarge),
            ("1e30", TooLarge),
            ("99999999999999999999999999999999999999", TooLarge),
            ("1e31", TooLong),
            ("1e-31", TooLong),
            ("0e999999999", TooLong),
            ("1e999999999", TooLong),
            ("000000000000000000000000000000000000001", TooLong),
            ("1.00000000000000000000000000000000000000", TooLong),
        ];
        for (text, why) in cases {
            assert_eq!(Quantity::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_quantity_is_divided_half_away_from_zero() {
        let cases =
            [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (5, 3, 2), (0, 7, 0), (7, 7, 1), (-1, 2, -1)];
        for (amount, divisor, want) in cases {
            assert_eq!(Quantity::divided(amount, divisor).micros(), want, "{amount}/{divisor}");
        }
        assert_eq!(div_half_away(i128::MAX, i128::MAX), 1);
    }

    #[test]
    fn a_quantity_prints_without_trailing_zeros() {
        for (micros, text) in
            [(0, "0"), (500_000, "0.5"), (-12_000_000, "-12"), (1, "0.000001"), (-1, "-0.000001")]
        {
            assert_eq!(Quantity::from_micros(micros).to_string(), text);
            assert_eq!(Quantity::parse(text), Ok(Quantity::from_micros(micros)));
        }
    }
}
