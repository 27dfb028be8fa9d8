//! What a month comes to, reckoned from all that was sent, in whole öre and millionths.
//!
//! Prices, shares, rates, agreements and who pays are written down here once more, from the price list and the decisions:
//! nothing is asked of the program or its catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use chrono::NaiveDate;

use super::events::{Counts, Sent, Usage, date, days};

/// Payer, cost centre, service, meter, class.
pub(crate) type Key = [String; 5];

/// Millionths of the unit, and öre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Line {
    pub(crate) quantity: i128,
    pub(crate) gross: i128,
    pub(crate) joint: i128,
    pub(crate) net: i128,
}

/// A month's own lines, and what each payer's surcharge is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reckoned {
    pub(crate) lines: BTreeMap<Key, Line>,
    pub(crate) surcharges: BTreeMap<String, i128>,
}

/// Agreements for one each: service, meter, class, cost centre, first and last day.
pub(crate) const AGREEMENTS: [(&str, &str, &str, &str, &str, &str); 8] = [
    ("driftavtal", "agreement", "bas", "110200", "2020-01-01", ""),
    // This one changes hands in the middle of March.
    ("driftavtal", "agreement", "bas", "110200", "2020-01-01", "2021-03-15"),
    ("driftavtal", "agreement", "bas", "520310", "2021-03-16", ""),
    ("driftavtal", "agreement", "standard", "441001", "2020-01-01", ""),
    ("driftavtal", "agreement", "standard", "B0100", "2020-01-01", ""),
    ("e-tjansteplattform-drift", "agreement", "", "110300", "2020-01-01", ""),
    ("rpa-tjanst", "central", "", "110300", "2020-01-01", ""),
    ("mobiltelefon", "handset", "", "441004", "2020-01-01", "2021-11-10"),
];

/// Who pays for a cost centre on a day: two are moved in the autumn.
fn payer(costcentre: &str, day: NaiveDate) -> &'static str {
    match costcentre {
        "110200" => "KLF",
        "110300" if day < date("2021-09-01") => "KLF",
        "110300" | "520310" => "SOF",
        "441001" => "UAF",
        "441004" if day < date("2021-10-16") => "UAF",
        "441004" => "KLF",
        "B0100" => "LEJON",
        _ => panic!("nobody pays for {costcentre}"),
    }
}

const fn kr(kronor: i128) -> i128 {
    100 * kronor
}

/// Öre a unit, and the decision.
pub(crate) fn price(service: &str, meter: &str, class: &str, month: &str) -> (i128, &'static str) {
    let first = "FIKTIV-2019-017";
    match (service, meter, class) {
        ("e-moten", "participant_hour", "") => (48, first),
        ("skrivare-mfp", "page", "mono") => (5, first),
        ("skrivare-mfp", "page", "colour") => (23, first),
        ("e-tjanstekort", "card_issued", "") => (kr(250), first),
        ("digitala-underskrifter", "signature", "") => (450, first),
        ("rpa-tjanst", "robot_minute", "") => (35, first),
        ("rpa-tjanst", "central", "") => (kr(42_000), first),
        ("pekplatta", "device", "") if month < "2021-07" => (kr(48), first),
        ("pekplatta", "device", "") => (kr(50), "FIKTIV-2021-021"),
        ("overvakning", "object", "") => (kr(38), first),
        ("driftavtal", "agreement", "bas") => (kr(3_500), first),
        ("driftavtal", "agreement", "standard") => (kr(8_600), first),
        ("e-tjansteplattform-drift", "agreement", "") => (kr(78_000), first),
        ("mobiltelefon", "handset", "") => (kr(120), first),
        _ => panic!("{service}/{meter} {class} has no price"),
    }
}

/// The jointly financed hundredths, and the decision.
pub(crate) fn share(service: &str, meter: &str, month: &str) -> Option<(i128, &'static str)> {
    match (service, meter) {
        ("overvakning", _) if ("2021-04"..="2021-06").contains(&month) => Some((100, "FIKTIV-2021-008")),
        ("rpa-tjanst", _) if month < "2021-07" => Some((50, "FIKTIV-2020-035")),
        ("rpa-tjanst", "central") => Some((100, "FIKTIV-2021-019")),
        _ => None,
    }
}

/// Services under development bear no surcharge.
pub(crate) fn bears_surcharge(service: &str) -> bool {
    !["rpa-tjanst", "digitala-underskrifter"].contains(&service)
}

/// The surcharge's rate, in ten-thousandths.
pub(crate) fn rate(month: &str) -> i128 {
    if month < "2022-01" { 300 } else { 348 }
}

/// Half away from zero.
pub(crate) fn rounded(numerator: i128, denominator: i128) -> i128 {
    let half_up = (2 * numerator.abs() + denominator) / (2 * denominator);
    half_up * numerator.signum()
}

/// Gross öre of so many millionths.
pub(crate) fn gross(quantity: i128, price: i128) -> i128 {
    rounded(quantity * price, 1_000_000)
}

/// Reckons a month afresh from all that was sent so far.
pub(crate) fn reckon(sent: &[Sent], month: &str) -> Reckoned {
    let mut lines = BTreeMap::new();
    for (key, quantity) in quantities(sent, month) {
        let [_, _, service, meter, class] = &key;
        let gross = gross(quantity, price(service, meter, class, month).0);
        let joint =
            share(service, meter, month).map_or(0, |(hundredths, _)| rounded(gross * hundredths, 100));
        lines.insert(key, Line { quantity, gross, joint, net: gross - joint });
    }
    let mut bases: BTreeMap<String, i128> = BTreeMap::new();
    for (key, line) in lines.iter().filter(|([_, _, service, ..], _)| bears_surcharge(service)) {
        *bases.entry(key[0].clone()).or_default() += line.net;
    }
    let surcharges = bases.into_iter().map(|(payer, base)| (payer, rounded(rate(month) * base, 10_000)));
    Reckoned { lines, surcharges: surcharges.collect() }
}

/// Millionths, divided by the days of the month where it is an average.
fn quantities(sent: &[Sent], month: &str) -> BTreeMap<Key, i128> {
    let days = days(month);
    let of_month = i128::try_from(days.len()).unwrap();
    let (first, last) = (days[0], days[days.len() - 1]);
    let is_in_month = |day: &NaiveDate| (first..=last).contains(day);
    // By key: the sum, and what it is divided by.
    let mut sums: BTreeMap<Key, (i128, i128)> = BTreeMap::new();
    let mut add = |costcentre: &str, [service, meter, class]: [&str; 3], day, amount, divisor| {
        let key = [payer(costcentre, day), costcentre, service, meter, class].map(str::to_owned);
        sums.entry(key).or_insert((0, divisor)).0 += amount;
    };
    let newest = newest(sent);
    for usage in newest.iter().filter(|usage| !usage.retracted && is_in_month(&usage.day)) {
        let what = [usage.meter.service, usage.meter.slug, usage.class];
        match usage.meter.counts {
            Counts::Quantities => add(usage.costcentre, what, usage.day, usage.quantity, 1),
            Counts::Events => add(usage.costcentre, what, usage.day, 1_000_000, 1),
            Counts::Objects => {}
        }
    }
    let complete = complete(sent);
    for usage in newest.iter().filter(|usage| usage.meter.counts == Counts::Objects && !usage.retracted) {
        let what = [usage.meter.service, usage.meter.slug, usage.class];
        let is_complete = |day: &NaiveDate| complete.contains(&(usage.meter.service, *day));
        if !is_complete(&usage.day) {
            continue;
        }
        // A snapshot is carried over the next three days, unless there is another one.
        let carried = usage.day.iter_days().skip(1).take(3).take_while(|day| !is_complete(day));
        for day in iter::once(usage.day).chain(carried).filter(is_in_month) {
            add(usage.costcentre, what, day, 1_000_000, of_month);
        }
    }
    for (service, meter, class, costcentre, from, to) in AGREEMENTS {
        let (from, to) = (date(from), if to.is_empty() { last } else { date(to) });
        for day in days.iter().copied().filter(|day| (from..=to).contains(day)) {
            add(costcentre, [service, meter, class], day, 1_000_000, of_month);
        }
    }
    sums.retain(|_, (amount, _)| *amount != 0);
    sums.into_iter().map(|(key, (amount, divisor))| (key, rounded(amount, divisor))).collect()
}

/// Of each event the highest revision; of two that claim the same one the first.
fn newest(sent: &[Sent]) -> Vec<&Usage> {
    let mut newest: BTreeMap<&str, &Usage> = BTreeMap::new();
    for sent in sent {
        if let Sent::Usage(usage) = sent {
            let known = newest.entry(&usage.id).or_insert(usage);
            if usage.seq > known.seq {
                *known = usage;
            }
        }
    }
    newest.into_values().collect()
}

/// The services and days whose snapshot is complete: all that a marker promises was sent before it.
fn complete(sent: &[Sent]) -> BTreeSet<(&'static str, NaiveDate)> {
    let complete = sent.iter().filter_map(|sent| match sent {
        Sent::Completed { meter, day, .. } => Some((meter.service, *day)),
        Sent::Usage(_) => None,
    });
    complete.collect()
}

impl Reckoned {
    /// What is left of this when something was booked already; nothing for what did not change.
    pub(crate) fn less(&self, booked: &Reckoned) -> Reckoned {
        self.plus(booked, -1)
    }

    /// This and what is billed on top of it.
    pub(crate) fn and(&self, billed: &Reckoned) -> Reckoned {
        self.plus(billed, 1)
    }

    fn plus(&self, other: &Reckoned, sign: i128) -> Reckoned {
        let mut sum = self.clone();
        for (key, other) in &other.lines {
            let line = sum.lines.entry(key.clone()).or_default();
            line.quantity += sign * other.quantity;
            line.gross += sign * other.gross;
            line.joint += sign * other.joint;
            line.net += sign * other.net;
        }
        for (payer, other) in &other.surcharges {
            *sum.surcharges.entry(payer.clone()).or_default() += sign * other;
        }
        sum.without_zeros()
    }

    pub(crate) fn without_zeros(mut self) -> Reckoned {
        self.lines.retain(|_, line| *line != Line::default());
        self.surcharges.retain(|_, surcharge| *surcharge != 0);
        self
    }
}
