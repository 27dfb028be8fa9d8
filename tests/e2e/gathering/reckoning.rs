//! What the month comes to, reckoned from the world's own history and nothing that was gathered.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::{Decimal, RoundingStrategy};

use super::accounts::KINDS;
use super::calls::{Call, UNITS};
use super::world::{Device, NOBODY, SVMS, World, at, date, on};

/// Service, meter, class and cost centre.
pub(crate) type Key = [String; 4];
/// How much of each.
pub(crate) type Volumes = BTreeMap<Key, Decimal>;

const DAYS: u32 = 31;

/// kr excluding VAT, as the price list of 2021 has it. Meetings are counted and not billed.
const PRICES: [(&str, &str, &str, &str); 6] = [
    ("it-bastjanst-konto", "account", "staff", "105.00"),
    ("it-bastjanst-konto", "account", "pupil", "9.00"),
    ("it-bastjanst-konto", "account", "external", "105.00"),
    ("it-bastjanst-lagring", "storage_gb", "", "1.15"),
    ("mdm", "device", "", "17.00"),
    ("e-moten", "participant_hour", "", "0.48"),
];

fn key(service: &str, meter: &str, class: &str, costcentre: &str) -> Key {
    [service, meter, class, costcentre].map(str::to_owned)
}

fn rounded(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero).normalize()
}

/// Everything that was used in March. `konton_day` and `mdm_day` say of which day's accounts and devices a day has the
/// number, if it has any.
pub(crate) fn volumes(
    world: &World,
    konton_day: impl Fn(u32) -> Option<u32>,
    mdm_day: impl Fn(u32) -> Option<u32>,
) -> Volumes {
    let mut volumes = Volumes::new();
    accounts(world, konton_day, &mut volumes);
    devices(world, mdm_day, &mut volumes);
    storage(world, &mut volumes);
    meetings(world, &mut volumes);
    volumes
}

/// The municipality's own devices of a day that were heard of in the 90 days before.
pub(crate) fn own_devices(world: &World, day: u32) -> impl Iterator<Item = &Device> {
    let is_heard =
        move |device: &&Device| device.silent_since.is_none_or(|heard| (date(day) - heard).num_days() <= 90);
    world.devices.iter().filter(move |device| device.is_own && device.days.contains(&day)).filter(is_heard)
}

/// An average over the days of March, for each class.
fn accounts(world: &World, konton_day: impl Fn(u32) -> Option<u32>, volumes: &mut Volumes) {
    let mut account_days: BTreeMap<Key, u32> = BTreeMap::new();
    for day in (1..=DAYS).filter_map(konton_day) {
        for account in world.accounts.iter().filter(|account| account.days.contains(&day)) {
            let class = KINDS.iter().find(|(kind, _)| *kind == account.kind).unwrap().1;
            let costcentre = on(&account.costcentre, day).unwrap_or(NOBODY);
            *account_days.entry(key("it-bastjanst-konto", "account", class, costcentre)).or_default() += 1;
        }
    }
    let average = |days| rounded(Decimal::from(days) / Decimal::from(DAYS), 6);
    volumes.extend(account_days.into_iter().map(|(key, days)| (key, average(days))));
}

/// An average over the days of March.
fn devices(world: &World, mdm_day: impl Fn(u32) -> Option<u32>, volumes: &mut Volumes) {
    let mut device_days: BTreeMap<&str, u32> = BTreeMap::new();
    for day in (1..=DAYS).filter_map(mdm_day) {
        for device in own_devices(world, day) {
            *device_days.entry(on(&device.costcentre, day).unwrap_or(NOBODY)).or_default() += 1;
        }
    }
    for (costcentre, days) in device_days {
        let average = rounded(Decimal::from(days) / Decimal::from(DAYS), 6);
        volumes.insert(key("mdm", "device", "", costcentre), average);
    }
}

/// GB over time: what is read at three o'clock is there until three o'clock on the next day.
fn storage(world: &World, volumes: &mut Volumes) {
    let (begin, end) = (at(1, 0, 0), at(DAYS + 1, 0, 0));
    let mut gb_seconds: BTreeMap<&str, Decimal> = BTreeMap::new();
    for volume in &world.volumes {
        for day in (1..=DAYS).filter(|day| volume.days.contains(day)) {
            let gb = rounded(Decimal::from(volume.used(day)) / Decimal::from(1_000_000_000), 6);
            let seconds = (at(day + 1, 3, 0).min(end) - at(day, 3, 0)).num_seconds();
            let svm = on(&volume.svm, day);
            let costcentre = SVMS.iter().find(|(name, _)| *name == svm).unwrap().1;
            *gb_seconds.entry(costcentre).or_default() += gb * Decimal::from(seconds);
        }
    }
    for (costcentre, gb_seconds) in gb_seconds {
        let average = rounded(gb_seconds / Decimal::from((end - begin).num_seconds()), 6);
        volumes.insert(key("it-bastjanst-lagring", "storage_gb", "", costcentre), average);
    }
}

/// Calls that began in March, as their last versions have them.
fn meetings(world: &World, volumes: &mut Volumes) {
    let costcentre = |unit: &str| UNITS.iter().find(|(id, _)| *id == unit).unwrap().1;
    let of_march = |call: &&Call| (at(1, 0, 0)..at(DAYS + 1, 0, 0)).contains(&call.start);
    for call in world.calls.iter().filter(of_march) {
        let meetings = key("e-moten", "meeting", "", costcentre(call.unit));
        *volumes.entry(meetings).or_default() += Decimal::ONE;
        for participant in &call.versions.last().unwrap().participants {
            let present: BTreeSet<i64> =
                participant.sessions.iter().flat_map(|(from, until)| *from..*until).collect();
            let hours = rounded(Decimal::from(present.len()) / Decimal::from(3600), 6);
            let payer = costcentre(participant.unit.unwrap_or(call.unit));
            *volumes.entry(key("e-moten", "participant_hour", "", payer)).or_default() += hours;
        }
    }
}

/// What is billed for it: quantity and gross of each that has a price.
pub(crate) fn bill(volumes: &Volumes) -> BTreeMap<Key, (Decimal, Decimal)> {
    let price = |of: &Key| {
        let found = PRICES.iter().find(|(service, meter, class, _)| of[..3] == [*service, *meter, *class]);
        found.map(|(.., price)| Decimal::from_str_exact(price).unwrap())
    };
    let line = |(key, quantity): (&Key, &Decimal)| {
        Some((key.clone(), (*quantity, rounded(quantity * price(key)?, 2))))
    };
    volumes.iter().filter_map(line).collect()
}

/// The surcharge of March, 3 % of what each payer pays, rounded for each.
pub(crate) fn surcharge(payers: &BTreeMap<String, Decimal>) -> Decimal {
    payers.values().map(|net| rounded(net * Decimal::new(3, 2), 2)).sum()
}
