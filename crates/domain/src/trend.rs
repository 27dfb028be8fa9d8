//! Where usage and cost are heading, which days stand out, and why a cost changed. Nothing here is billed.
//!
//! Only methods with a name and a source, each of which a sentence on a page can explain, reckoned in whole numbers: the
//! same history gives the same answer to the last digit, whatever its unit is.

pub mod anomaly;
pub mod driver;
pub mod forecast;
#[cfg(test)]
mod shapes;
mod statistics;
pub mod this_month;

pub use anomaly::{Anomaly, Limits, Unusual, anomalies};
pub use driver::{Driver, Drivers, Grain, Key, LineOf, Parts, Side, drivers};
pub use forecast::{Expected, Forecast, Method, forecast, forecast_hundredths};
pub use this_month::{ThisMonth, Whole, this_month};

/// How many back-tests a band needs at least: of fewer, four in five means nothing.
pub const BACKTESTS_MIN: usize = 5;

/// Between which values four in five of the method's own back-tests would have put the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// The lower end.
    pub low: i128,
    /// The upper end.
    pub high: i128,
}
