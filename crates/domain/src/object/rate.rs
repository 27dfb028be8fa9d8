//! r* = (B + J − A − C) / T: the rate that the budget would take (R5b).

use rust_decimal::{Decimal, RoundingStrategy};

use crate::money::Money;

/// How many decimals a required rate has: 0.034815 is 3.4815 %.
const RATE_DECIMALS: u32 = 6;

/// What a required rate is reckoned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateBasis {
    /// B: the budget.
    pub budget: Money,
    /// J: the cost of the services that are jointly financed for good and that the object bears (R15).
    pub joint: Money,
    /// A: the contribution of adjusted prices, below zero where they are reduced (R10).
    pub adjustments: Money,
    /// C: what comes from elsewhere: carried over, or given up by others (R21).
    pub from_elsewhere: Money,
    /// T: the invoiced net of the services that bear the surcharge (R3).
    pub turnover: Money,
}

impl RateBasis {
    /// B + J − A − C: what is to be collected.
    pub fn required(&self) -> Money {
        self.budget + self.joint - self.adjustments - self.from_elsewhere
    }

    /// r*, rounded half away from zero to six decimals; below zero when more comes in than is needed. None without turnover.
    pub fn required_rate(&self) -> Option<Decimal> {
        let rate = self.required().to_decimal().checked_div(self.turnover.to_decimal())?;
        Some(rate.round_dp_with_strategy(RATE_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize())
    }
}
