//! Which months must be rolled up (counting §7).

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::{Catalogue, Meter};
use domain::{Instant, Month};
use store::rollup::{Head, Prefix, TouchedUpto};

use crate::reckon::CARRY_DAYS;

/// A service and a meter, by their slugs.
pub type MeterKey = (String, String);

/// How far in each (generation, partition).
type Reached = BTreeMap<(u16, u32), u64>;

/// Everything that was touched: for each meter and month, how far in which partitions.
#[derive(Debug, Default, Clone)]
pub struct TouchedMonths {
    meters: BTreeMap<MeterKey, BTreeMap<(Month, bool), Reached>>,
    newest: Option<Month>,
}

/// What a month of a meter was rolled up from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledUp {
    /// At least this.
    pub prefix: Prefix,
    /// Readings up to here.
    pub until: Instant,
}

/// What is rolled up, by meter and month.
pub type RolledUpMonths = BTreeMap<MeterKey, BTreeMap<Month, RolledUp>>;

impl TouchedMonths {
    /// Takes in what progress lists.
    pub fn add(&mut self, touched: impl IntoIterator<Item = TouchedUpto>) {
        for TouchedUpto { generation, partition, touched, upto } in touched {
            let months = self.meters.entry((touched.service, touched.meter)).or_default();
            let places = months.entry((touched.month, touched.carries)).or_default();
            let far = places.entry((generation, partition)).or_default();
            *far = upto.max(*far);
            self.newest = self.newest.max(Some(touched.month));
        }
    }

    /// The months of a meter that have usage, or may have: those that were touched, and as far as the readings and
    /// snapshots of a touched month reach, or the newest month of all.
    ///
    /// Readings count up to `until`, so no month is reached that begins later.
    pub fn months(&self, key: &MeterKey, meter: &Meter, until: Instant) -> BTreeSet<Month> {
        let mut months = BTreeSet::new();
        for (month, carries) in self.meters.get(key).into_iter().flat_map(BTreeMap::keys) {
            months.insert(*month);
            if *carries && carries_over(meter) {
                let last = reach(*month, meter).max(self.newest.unwrap_or(*month));
                months.extend(month.next().through(last).take_while(|month| month.start() < until));
            }
        }
        months
    }

    /// The meters that were touched.
    pub fn meters(&self) -> impl Iterator<Item = &MeterKey> {
        self.meters.keys()
    }

    /// The months of a meter whose roll-up may lack something, or for which time has passed.
    pub fn dirty(
        &self,
        key: &MeterKey,
        meter: &Meter,
        until: Instant,
        rolled_up: &RolledUpMonths,
    ) -> BTreeSet<Month> {
        let mut dirty = self.months(key, meter, until);
        let Some(rolled_up) = rolled_up.get(key) else { return dirty };
        dirty.retain(|month| {
            let Some(done) = rolled_up.get(month) else { return true };
            let time_passed = carries_over(meter) && done.until < until.min(month.end());
            time_passed || self.is_touched_beyond(key, *month, &done.prefix)
        });
        dirty
    }

    /// Whether a window beyond a prefix lists the month, or lists an earlier one that carries.
    fn is_touched_beyond(&self, key: &MeterKey, month: Month, prefix: &Prefix) -> bool {
        let beyond = |(place, upto): (&(u16, u32), &u64)| {
            let (generation, partition) = *place;
            let as_of = prefix.as_of.get(partition as usize).copied().unwrap_or_default();
            generation > prefix.generation || (generation == prefix.generation && *upto > as_of)
        };
        let touched = self.meters.get(key).into_iter().flatten();
        touched
            .filter(|((touched, carries), _)| *touched == month || (*carries && *touched < month))
            .any(|(_, places)| places.iter().any(beyond))
    }

    /// Whether a meter's month is listed at all, or an earlier one that carries.
    pub fn lists(&self, key: &MeterKey, month: Month) -> bool {
        let mut touched = self.meters.get(key).into_iter().flat_map(BTreeMap::keys);
        touched.any(|(touched, carries)| *touched == month || (*carries && *touched < month))
    }
}

/// Whether what a meter counted in a month reaches into the next.
fn carries_over(meter: &Meter) -> bool {
    use domain::usage::MeterKind;
    match meter.kind {
        MeterKind::AvgDaily | MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest => true,
        MeterKind::Sum | MeterKind::Count | MeterKind::Unique | MeterKind::Fixed => false,
    }
}

/// The last month that readings or snapshots of a month can reach. A reading's `time` may lie a day after its `day`, and a
/// day may have 25 hours.
fn reach(month: Month, meter: &Meter) -> Month {
    let days = i64::from(meter.hold_days).max(i64::from(CARRY_DAYS)) + 2;
    let last = month.last_day().checked_add_signed(chrono::TimeDelta::days(days)).unwrap_or(month.last_day());
    Month::of(last)
}

/// Heads as what is rolled up.
pub fn rolled_up(heads: &[Head]) -> RolledUpMonths {
    let mut months = RolledUpMonths::new();
    for head in heads {
        let of_meter = months.entry((head.service.clone(), head.meter.clone())).or_default();
        of_meter.insert(head.month, RolledUp { prefix: head.prefix.clone(), until: head.until });
    }
    months
}

/// A meter of the catalogue.
pub fn meter_of<'c>(catalogue: &'c Catalogue, key: &MeterKey) -> Option<&'c Meter> {
    catalogue.meter(&key.0, &key.1)
}

#[cfg(test)]
mod tests {
    use domain::usage::MeterKind;
    use store::rows::Touched;

    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn meter(kind: MeterKind) -> Meter {
        Meter {
            slug: "m".into(),
            name: "m".into(),
            name_en: "m".into(),
            kind,
            unit: "x".into(),
            event_type: None,
            dimensions: vec![],
            billed: true,
            negative: false,
            hold_days: 31,
            cost_kind: domain::financing::CostKind::Running,
        }
    }

    fn touched(of: &str, carries: bool, upto: u64) -> TouchedUpto {
        let touched = Touched { month: month(of), service: "s".into(), meter: "m".into(), carries };
        TouchedUpto { generation: 1, partition: 0, touched, upto }
    }

    fn dirty(
        touched_months: &[TouchedUpto],
        kind: MeterKind,
        until: &str,
        done: &[(&str, u64, &str)],
    ) -> Vec<String> {
        let key = ("s".to_owned(), "m".to_owned());
        let mut all = TouchedMonths::default();
        all.add(touched_months.iter().cloned());
        let mut rolled_up = RolledUpMonths::new();
        for (of, upto, until) in done {
            let state = RolledUp {
                prefix: Prefix { generation: 1, as_of: vec![*upto] },
                until: month(until).start(),
            };
            rolled_up.entry(key.clone()).or_default().insert(month(of), state);
        }
        let dirty = all.dirty(&key, &meter(kind), month(until).start(), &rolled_up);
        dirty.into_iter().map(|month| month.to_string()).collect()
    }

    #[test]
    fn a_summed_month_is_dirty_until_it_is_rolled_up_as_far_as_it_was_touched() {
        let sums = [touched("2021-03", false, 10), touched("2021-05", false, 12)];
        assert_eq!(dirty(&sums, MeterKind::Sum, "2026-01", &[]), ["2021-03", "2021-05"]);
        let done = [("2021-03", 10, "2026-01"), ("2021-05", 11, "2026-01")];
        assert_eq!(dirty(&sums, MeterKind::Sum, "2026-01", &done), ["2021-05"]);
    }

    #[test]
    fn a_reading_reaches_as_far_as_it_holds_or_as_there_is_usage_at_all() {
        let one = [touched("2021-03", true, 10)];
        assert_eq!(dirty(&one, MeterKind::TimeWeighted, "2026-01", &[]), ["2021-03", "2021-04", "2021-05"]);
        assert_eq!(dirty(&one, MeterKind::TimeWeighted, "2021-05", &[]), ["2021-03", "2021-04"]);
        let more = [touched("2021-03", true, 10), touched("2021-07", false, 10)];
        assert_eq!(dirty(&more, MeterKind::AvgDaily, "2026-01", &[]).len(), 5);
        assert_eq!(dirty(&one, MeterKind::Unique, "2026-01", &[]), ["2021-03"]);
    }

    #[test]
    fn an_earlier_month_that_carries_makes_later_ones_dirty_again() {
        let readings = [touched("2021-03", true, 20), touched("2021-04", true, 9)];
        let done = [("2021-03", 20, "2026-01"), ("2021-04", 19, "2026-01"), ("2021-05", 20, "2026-01")];
        assert_eq!(dirty(&readings, MeterKind::Latest, "2026-01", &done), ["2021-04", "2021-06"]);
    }

    #[test]
    fn time_makes_an_open_month_dirty_for_readings_alone() {
        let readings = [touched("2021-03", true, 20)];
        let done = [("2021-03", 20, "2021-03")];
        assert_eq!(dirty(&readings, MeterKind::Peak, "2021-03", &done), Vec::<String>::new());
        assert_eq!(dirty(&readings, MeterKind::Peak, "2021-04", &done), ["2021-03"]);
        let sums = [touched("2021-03", false, 20)];
        assert_eq!(dirty(&sums, MeterKind::Count, "2021-04", &done), Vec::<String>::new());
    }
}
