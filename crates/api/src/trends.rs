//! Where usage and cost are heading, what stands out, and why a cost changed: what the pages tell, as data.
//!
//! The methods and their sources are those of [`domain::trend`].

mod anomalies;
mod changes;
mod daily;
pub(crate) mod days;
mod forecasts;

use domain::Month;
use domain::trend::{Forecast, forecast};

pub(crate) use anomalies::get as anomalies;
pub(crate) use changes::get as changes;
pub(crate) use daily::get as daily;
pub(crate) use forecasts::get as forecasts;

/// How many months a forecast is made from: three years.
pub(crate) const KNOWN: i32 = 36;

/// What is expected of the months after the last of some whole ones, in hundredths of a unit. Where all were whole units,
/// whole ones are expected.
pub(crate) fn expect(history: &[(Month, i128)], ahead: usize) -> Option<Forecast> {
    let found = forecast(history, ahead)?;
    let is_whole = history.iter().all(|(_, value)| value % 100 == 0);
    Some(if is_whole { found.in_steps_of(100) } else { found })
}
