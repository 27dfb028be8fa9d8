//! Figures as the API writes them, and as pages in Swedish do.

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

/// An amount of the API.
pub(crate) fn decimal(value: &Value) -> Decimal {
    Decimal::from_str_exact(value.as_str().unwrap_or_else(|| panic!("{value} is no decimal string"))).unwrap()
}

/// Whole kronor as a Swedish page shows them, without sign: `11 327 kr`.
pub(crate) fn kronor(amount: Decimal) -> String {
    let whole = amount.abs().round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_string();
    let mut text = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text + " kr"
}

/// A quantity of a Swedish page, to two decimals.
pub(crate) fn quantity(text: &str) -> Decimal {
    Decimal::from_str_exact(&text.replace(' ', "").replace(',', ".")).unwrap().round_dp(2)
}
