//! A period in days or hours: `7d`, `12h`.

use std::fmt;

use serde::Deserialize;

const DAY_HOURS: u32 = 24;
const HOUR_MICROS: i64 = 3_600_000_000;

/// Some hours, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Period {
    hours: u32,
}

impl Period {
    /// So many days.
    pub const fn days(days: u16) -> Self {
        Self { hours: days as u32 * DAY_HOURS }
    }

    /// In microseconds.
    pub fn micros(self) -> i64 {
        i64::from(self.hours) * HOUR_MICROS
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let hours = match (text.strip_suffix('d'), text.strip_suffix('h')) {
            (Some(days), _) => days.parse::<u32>().ok().and_then(|days| days.checked_mul(DAY_HOURS)),
            (None, Some(hours)) => hours.parse().ok(),
            (None, None) => None,
        };
        let hours = hours.filter(|hours| *hours > 0);
        let hours = hours.ok_or_else(|| format!("{text:?} is no period: write `7d` or `12h`"))?;
        Ok(Self { hours })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hours.is_multiple_of(DAY_HOURS) {
            write!(f, "{}d", self.hours / DAY_HOURS)
        } else {
            write!(f, "{}h", self.hours)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_written_alike() {
        for (text, hours) in [("7d", 168), ("1h", 1), ("36h", 36)] {
            let period = Period::try_from(text.to_owned()).unwrap();
            assert_eq!((period.hours, period.to_string().as_str()), (hours, text));
        }
        for text in ["", "7", "d", "0d", "-1d", "1.5d", "7 d", "4294967295d"] {
            assert!(Period::try_from(text.to_owned()).unwrap_err().contains("7d"), "{text}");
        }
    }
}
