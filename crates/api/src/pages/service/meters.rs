//! The volume of each meter of a service, month by month.

use std::collections::BTreeMap;

use billing::UsageItem;
use domain::catalogue::Meter;
use domain::usage::MeterKind;
use domain::{Month, Quantity};

use super::{By, Facts, Words};
use crate::numbers;
use crate::pages::months::{self, Drawn, MonthChart, Parts, Series};
use crate::pages::words;

/// A meter's chart and table.
pub(super) struct MeterPart {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) kind: &'static str,
    /// The place of each series among the colours, and its name.
    pub(super) series: Vec<(usize, String)>,
    pub(super) chart: Drawn,
    pub(super) rows: Vec<MeterRow>,
    pub(super) expected: Vec<MeterRow>,
    pub(super) data: String,
}

/// A month of a meter.
pub(super) struct MeterRow {
    pub(super) month: Month,
    pub(super) name: String,
    pub(super) parts: Vec<String>,
    pub(super) total: String,
    /// On how many days its amounts were carried from the day before.
    pub(super) estimated: Option<u32>,
}

/// The meters of a service that have anything in the shown months; `usage` is whole, and split. What the chart of its cost
/// shows (`above`) has the same colours here.
pub(super) fn parts(
    facts: &Facts<'_>,
    window: &[Month],
    usage: (&[UsageItem], &[UsageItem]),
    above: &[Series],
) -> Result<Vec<MeterPart>, askama::Error> {
    let meters = facts.service.meters.values();
    let has_any = |meter: &&Meter| {
        usage.0.iter().any(|item| item.tariff.meter == meter.slug && window.contains(&item.month))
    };
    meters.filter(has_any).map(|meter| part(facts, window, meter, usage, above)).collect()
}

fn part(
    facts: &Facts<'_>,
    window: &[Month],
    meter: &Meter,
    (whole, split): (&[UsageItem], &[UsageItem]),
    above: &[Series],
) -> Result<MeterPart, askama::Error> {
    let (language, slug) = (facts.visit.language, facts.service.slug.as_str());
    let w = Words::of(language);
    let of_meter = |items: &'_ [UsageItem]| -> Vec<UsageItem> {
        items.iter().filter(|item| item.tariff.meter == meter.slug).cloned().collect()
    };
    let whole = of_meter(whole);
    let totals: BTreeMap<Month, Quantity> = whole.iter().map(|item| (item.month, item.quantity)).collect();
    let history = totals.iter().map(|(month, quantity)| (*month, months::hundredths(*quantity)));
    let history: BTreeMap<Month, i64> = history.collect();
    let all = || vec![Series { name: w.all.to_owned(), place: 0, values: history.clone() }];
    // Distinct subjects of groups never add up to those of all.
    let series = match facts.by {
        By::Nothing => all(),
        By::Payer | By::Class if meter.kind == MeterKind::Unique => all(),
        By::Payer | By::Class => {
            months::greatest(grouped(facts, &of_meter(split)), w.others, &history, above)
        }
    };
    let before = history.range(..=facts.shown).map(|(month, value)| (*month, *value)).collect();
    let forecast = months::expect(&before, facts.visit.now.month());
    let expected = forecast.map(|forecast| forecast.months).unwrap_or_default();
    let expected: Vec<_> = expected.into_iter().filter(|expected| expected.month > facts.shown).collect();
    let name = facts.visit.named().meter(slug, &meter.slug);
    let chart = MonthChart {
        id: &format!("volume-{}", meter.slug),
        title: &format!("{}: {name}", w.volume),
        language,
        window,
        series: &series,
        totals: &history,
        provisional: &|month| facts.is_provisional(month),
        expected: &expected,
        write: &|value| words::amount(language, of_hundredths(value), &meter.unit),
        tick: &|value| numbers::hundredths(language, value),
    };
    let estimated = |month: Month| {
        whole.iter().find(|item| item.month == month).map(|item| item.estimated_days).filter(|days| *days > 0)
    };
    let row = |month: &Month| MeterRow {
        month: *month,
        name: numbers::long_month(language, *month),
        parts: match series.len() {
            0 | 1 => Vec::new(),
            _ => series.iter().map(|series| value(language, series.values.get(month))).collect(),
        },
        total: totals.get(month).map_or_else(|| "–".to_owned(), |total| numbers::quantity(language, *total)),
        estimated: estimated(*month),
    };
    let coming = |expected: &domain::trend::Expected| MeterRow {
        month: expected.month,
        name: format!("{} ({})", numbers::long_month(language, expected.month), w.expected),
        parts: Vec::new(),
        total: value(language, i64::try_from(expected.mid).ok().as_ref()),
        estimated: None,
    };
    Ok(MeterPart {
        slug: meter.slug.clone(),
        name: name.to_owned(),
        unit: words::unit_name(language, &meter.unit),
        kind: words::kind(language, meter.kind),
        chart: chart.draw()?,
        rows: window.iter().rev().map(row).collect(),
        expected: expected.iter().rev().map(coming).collect(),
        data: format!(
            "/v1/usage?service={slug}&meter={}&from={}&to={}{}",
            meter.slug,
            window[0],
            facts.shown,
            match facts.by {
                By::Nothing => "",
                By::Payer => "&group_by=customer",
                By::Class => "&group_by=class",
            }
        ),
        series: series.into_iter().map(|series| (series.place, series.name)).collect(),
    })
}

/// What each payer or class has.
fn grouped(facts: &Facts<'_>, items: &[UsageItem]) -> Parts {
    let mut groups: BTreeMap<String, BTreeMap<Month, Quantity>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.month <= facts.shown) {
        let customer = item.customer.as_deref().map_or("–", |code| {
            facts.visit.catalogue.customers.get(code).map_or(code, |customer| customer.name.as_str())
        });
        let name = match facts.by {
            By::Payer => customer.to_owned(),
            By::Class | By::Nothing => {
                facts.class_name(&item.tariff.meter, item.class.as_deref().unwrap_or_default())
            }
        };
        let of_group = groups.entry(name).or_default().entry(item.month).or_default();
        *of_group = Quantity::from_micros(of_group.micros() + item.quantity.micros());
    }
    let rounded = |values: BTreeMap<Month, Quantity>| {
        values.into_iter().map(|(month, quantity)| (month, months::hundredths(quantity))).collect()
    };
    groups.into_iter().map(|(name, values)| (name, rounded(values))).collect()
}

fn of_hundredths(value: i64) -> Quantity {
    Quantity::from_micros(i128::from(value) * 10_000)
}

fn value(language: crate::language::Language, hundredths: Option<&i64>) -> String {
    hundredths.map_or_else(|| "–".to_owned(), |value| numbers::quantity(language, of_hundredths(*value)))
}
