//! A made-up March of 2021 that follows from a seed: what there is on each day, and what changes.
//!
//! Days are numbered from 1 March; day 32 is 1 April. What there is changes at midnight, calls go on as time goes.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Europe::Stockholm;

use super::accounts::Account;
use super::calls::{self, Call};
use crate::random::Random;

/// The first day of which nothing is gathered.
pub(crate) const END: u32 = 33;
/// Cost centres of the catalogue, and none: somebody forgot to say.
const COSTCENTRES: [Option<&str>; 5] = [Some("110200"), Some("441001"), Some("520310"), Some("B0100"), None];
/// What stands where no cost centre does.
pub(crate) const NOBODY: &str = "SAKNAS";
/// Storage servers of the example, with their cost centres, and one that it does not know.
pub(crate) const SVMS: [(&str, &str); 4] =
    [("svm_klf", "110200"), ("svm_sof", "520310"), ("svm_uaf", "441001"), ("svm_test", NOBODY)];

/// A time of a day by the Swedish clock.
pub(crate) fn at(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    let time = date(day).and_hms_opt(hour, minute, 0).unwrap();
    Stockholm.from_local_datetime(&time).single().unwrap().to_utc()
}

/// A day's date.
pub(crate) fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2021, 3, 1).unwrap() + TimeDelta::days(i64::from(day) - 1)
}

/// The day of a time.
pub(crate) fn day_of(time: DateTime<Utc>) -> u32 {
    u32::try_from((time.with_timezone(&Stockholm).date_naive() - date(1)).num_days() + 1).unwrap()
}

/// What a thing is from each of some days on.
pub(crate) type Since<T> = Vec<(u32, T)>;

/// What it is on a day.
pub(crate) fn on<T: Copy>(since: &Since<T>, day: u32) -> T {
    since.iter().rev().find(|(first, _)| *first <= day).unwrap().1
}

/// A device that is managed.
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) user: String,
    /// When it is there.
    pub(crate) days: Range<u32>,
    pub(crate) is_own: bool,
    /// When it was heard of last, when it has not been since before March.
    pub(crate) silent_since: Option<NaiveDate>,
    pub(crate) costcentre: Since<Option<&'static str>>,
}

/// A volume of the storage.
pub(crate) struct Volume {
    pub(crate) uuid: String,
    pub(crate) days: Range<u32>,
    pub(crate) svm: Since<&'static str>,
    bytes: u64,
    growth: u64,
}

impl Volume {
    /// What it holds on a day, in bytes.
    pub(crate) fn used(&self, day: u32) -> u64 {
        let day = u64::from(day);
        // Some days something is thrown away.
        self.bytes + day * self.growth - (day % 7) * (self.growth / 3)
    }
}

/// All of it.
pub(crate) struct World {
    pub(crate) accounts: Vec<Account>,
    pub(crate) devices: Vec<Device>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) calls: Vec<Call>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut devices: Vec<Device> = (0..260).map(|number| device(number, &mut random)).collect();
        random.shuffle(&mut devices);
        let account = |number| {
            let (days, costcentre) = (days(&mut random), since(&COSTCENTRES, &mut random));
            Account::new(number, days, costcentre, &mut random)
        };
        Self {
            accounts: (0..180).map(account).collect(),
            devices,
            volumes: (0..60).map(|number| volume(number, &mut random)).collect(),
            calls: calls::month(&mut random),
        }
    }

    /// Everything of persons that a system knows and nobody else may: the last part of each id, which no other text has, and
    /// each name.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let devices = self.devices.iter().flat_map(|device| [device.id.as_str(), device.user.as_str()]);
        let accounts = self.accounts.iter().map(|account| account.uid.as_str());
        devices.chain(accounts).chain(self.calls.iter().flat_map(Call::secrets)).map(last_part).collect()
    }
}

/// What follows the last character that is no letter and no digit.
pub(crate) fn last_part(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap()
}

/// When a thing is there: mostly all the time, else it comes, goes, or both.
fn days(random: &mut Random) -> Range<u32> {
    let [mut from, mut until] = [1, END];
    if random.below(4) == 0 {
        from = 2 + random.below(28) as u32;
    }
    if random.below(4) == 0 {
        until = from + 1 + random.below((END - from) as usize) as u32;
    }
    from..until
}

/// Something from the beginning, and now and then something else from some day on.
fn since<T: Copy>(all: &[T], random: &mut Random) -> Since<T> {
    let mut since = vec![(0, all[random.below(all.len())])];
    if random.below(5) == 0 {
        since.push((2 + random.below(30) as u32, all[random.below(all.len())]));
    }
    since
}

fn device(number: usize, random: &mut Random) -> Device {
    // The 90th day before 11 March and so on: some drop out in the course of the month.
    let silent = NaiveDate::from_ymd_opt(2020, 12, 1).unwrap() + TimeDelta::days(random.below(40) as i64);
    Device {
        id: format!("{:08x}-0000-4000-8000-{:012x}", random.below(1 << 32), 0xd0_0000_0000 + number),
        user: format!("Enhetsanvandare{number}"),
        days: days(random),
        is_own: random.below(8) > 0,
        silent_since: (random.below(6) == 0).then_some(silent),
        costcentre: since(&COSTCENTRES, random),
    }
}

fn volume(number: usize, random: &mut Random) -> Volume {
    Volume {
        uuid: format!("{:08x}-502d-11e9-8771-{number:012x}", random.below(1 << 32)),
        days: days(random),
        svm: since(&SVMS.map(|(svm, _)| svm), random),
        bytes: random.between(1_000_000, 4_000_000_000_000),
        growth: random.between(1_000, 30_000_000_000),
    }
}
