//! Where usage and cost are heading, what stands out, and why a cost changed: what the pages tell, as data.
//!
//! The methods and their sources are those of [`domain::trend`].

mod anomalies;
mod changes;
mod daily;
pub(crate) mod days;
mod forecasts;

pub(crate) use anomalies::get as anomalies;
pub(crate) use changes::get as changes;
pub(crate) use daily::get as daily;
pub(crate) use forecasts::get as forecasts;

/// How many months a forecast is made from: three years.
pub(crate) const KNOWN: i32 = 36;
