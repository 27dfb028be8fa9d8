//! When a collector takes its turns: `daily 02:00` (Swedish time) or `every 15m`.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate, NaiveTime};
use domain::Instant;
use domain::calendar::{from_local, next_day, start_of_day};
use serde::Deserialize;

const MINUTE_MICROS: i64 = 60_000_000;
const DAY_MINUTES: u32 = 1440;

/// When turns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Schedule {
    /// Once a day, at a time of the Swedish clock, in minutes after midnight.
    Daily(u32),
    /// Every so many minutes, counted from midnight UTC of 1970-01-01.
    Every(u32),
}

impl Schedule {
    /// The last turn at or before an instant.
    pub fn last(self, now: Instant) -> Instant {
        match self {
            Schedule::Every(minutes) => {
                let length = i64::from(minutes) * MINUTE_MICROS;
                Instant::from_micros(now.micros().div_euclid(length) * length)
            }
            Schedule::Daily(minute) => {
                let today = on(now.day(), minute);
                if today <= now { today } else { on(day_before(now.day()), minute) }
            }
        }
    }

    /// The first turn after an instant.
    pub fn next(self, after: Instant) -> Instant {
        match self {
            Schedule::Every(minutes) => {
                Instant::from_micros(self.last(after).micros() + i64::from(minutes) * MINUTE_MICROS)
            }
            Schedule::Daily(minute) => {
                let today = on(after.day(), minute);
                if today > after { today } else { on(next_day(after.day()), minute) }
            }
        }
    }
}

/// A wall-clock time of a day. One that clocks skip or show twice is as long after midnight as it says.
fn on(day: NaiveDate, minute: u32) -> Instant {
    let wall =
        NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).and_then(|time| from_local(day.and_time(time)));
    wall.unwrap_or_else(|| {
        Instant::from_micros(start_of_day(day).micros() + i64::from(minute) * MINUTE_MICROS)
    })
}

fn day_before(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(1)).unwrap_or(day)
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no schedule: write `daily 02:00`, `every 15m` or `every 6h`");
        let (word, rest) = text.split_once(' ').ok_or_else(wrong)?;
        match word {
            "daily" => {
                let time = NaiveTime::parse_from_str(rest, "%H:%M").map_err(|_| wrong())?;
                Ok(Schedule::Daily(chrono::Timelike::num_seconds_from_midnight(&time) / 60))
            }
            "every" => {
                let (number, factor) = match (rest.strip_suffix('m'), rest.strip_suffix('h')) {
                    (Some(minutes), _) => (minutes, 1),
                    (None, Some(hours)) => (hours, 60),
                    (None, None) => return Err(wrong()),
                };
                let number: u32 = number.parse().map_err(|_| wrong())?;
                let minutes =
                    number.checked_mul(factor).filter(|minutes| (1..=DAY_MINUTES).contains(minutes));
                minutes.map(Schedule::Every).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Daily(minute) => write!(f, "daily {:02}:{:02}", minute / 60, minute % 60),
            Schedule::Every(minutes) if minutes % 60 == 0 => write!(f, "every {}h", minutes / 60),
            Schedule::Every(minutes) => write!(f, "every {minutes}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn schedules_are_read_and_written_alike() {
        for text in ["daily 02:00", "daily 23:59", "every 15m", "every 6h", "every 24h"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "daily",
            "daily 24:00",
            "daily 2",
            "every 0m",
            "every 25h",
            "every m",
            "every 15",
            "hourly 1",
        ] {
            assert!(text.parse::<Schedule>().unwrap_err().contains("daily 02:00"), "{text}");
        }
    }

    #[test]
    fn a_daily_turn_is_at_the_swedish_time() {
        let daily: Schedule = "daily 02:00".parse().unwrap();
        assert_eq!(daily.last(at("2021-01-15T00:59:59Z")), at("2021-01-14T01:00:00Z"));
        assert_eq!(daily.last(at("2021-01-15T01:00:00Z")), at("2021-01-15T01:00:00Z"));
        assert_eq!(daily.next(at("2021-01-15T01:00:00Z")), at("2021-01-16T01:00:00Z"));
        assert_eq!(daily.next(at("2021-07-15T00:30:00+02:00")), at("2021-07-15T02:00:00+02:00"));
    }

    #[test]
    fn a_time_that_clocks_skip_or_show_twice_has_one_turn_all_the_same() {
        let daily: Schedule = "daily 02:30".parse().unwrap();
        assert_eq!(daily.last(at("2021-03-28T12:00:00+02:00")), at("2021-03-28T03:30:00+02:00"));
        assert_eq!(daily.last(at("2021-10-31T12:00:00+01:00")), at("2021-10-31T02:30:00+02:00"));
        let mut turn = at("2021-01-01T00:00:00Z");
        let mut days = Vec::new();
        for _ in 0..365 {
            turn = daily.next(turn);
            days.push(turn.day());
        }
        days.dedup();
        assert_eq!(days.len(), 365);
    }

    #[test]
    fn turns_within_a_day_are_evenly_apart() {
        let every: Schedule = "every 15m".parse().unwrap();
        assert_eq!(every.last(at("2021-03-01T10:16:00Z")), at("2021-03-01T10:15:00Z"));
        assert_eq!(every.next(at("2021-03-01T10:15:00Z")), at("2021-03-01T10:30:00Z"));
    }
}
