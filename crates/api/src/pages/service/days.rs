//! The last three months of a service day by day: what stands out, and what is missing.

use std::collections::BTreeMap;

use billing::{MonthGap, MonthGapKind, View};
use chrono::{Datelike, NaiveDate};
use domain::catalogue::{Meter, Service};
use domain::trend::{Anomaly, Unusual};
use domain::{Month, Quantity};

use super::Words;
use crate::Shared;
use crate::chart::{Bars, Column, Look};
use crate::language::Language;
use crate::numbers;
use crate::pages::months::{self, Drawn};
use crate::pages::visit::Visit;
use crate::pages::words;
use crate::problem::Problem;
use crate::trends::days::Days;

/// How many months are shown day by day.
const MONTHS: i32 = 3;

/// The days of a service.
pub(super) struct DaysPart {
    pub(super) meters: Vec<DayMeter>,
    pub(super) odd: Vec<Odd>,
    pub(super) gaps: Vec<Gap>,
    /// The same as data: days, and those that stand out.
    pub(super) data: [String; 2],
}

/// A meter day by day.
pub(super) struct DayMeter {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) chart: Drawn,
}

/// A day, or days of silence, that stand out.
pub(super) struct Odd {
    pub(super) days: String,
    pub(super) meter: String,
    pub(super) verdict: &'static str,
    pub(super) finding: String,
}

/// Days without data.
pub(super) struct Gap {
    pub(super) days: String,
    pub(super) meter: String,
    pub(super) kind: &'static str,
    pub(super) source: String,
    pub(super) class: &'static str,
}

/// Asks for the days of the months up to one.
pub(super) async fn load(
    shared: &Shared,
    view: &View,
    visit: &Visit,
    service: &Service,
    shown: Month,
) -> Result<DaysPart, Problem> {
    let first = shown.plus(1 - MONTHS);
    let gaps = async {
        let found = view.gaps(first..=shown).await;
        found.map_err(|error| crate::billing_problem(&error))
    };
    let (found, mut gaps) = tokio::try_join!(Days::load(shared, service, first..=shown, visit.now), gaps)?;
    gaps.retain(|gap| gap.service == service.slug);
    let data = ["days", "anomalies"].map(|list| format!("/v1/{list}?service={}&month={shown}", service.slug));
    let (mut part, language) =
        (DaysPart { meters: Vec::new(), odd: Vec::new(), gaps: Vec::new(), data }, visit.language);
    for (slug, days) in &found.meters {
        let Some(meter) = service.meters.get(slug) else { continue };
        let name = visit.named().meter(&service.slug, slug).to_owned();
        let odd = found.odd(slug);
        let window: Vec<NaiveDate> =
            first.first_day().iter_days().take_while(|day| *day <= found.through).collect();
        let shown = Shown { language, meter, name: &name, days: &days.iter().copied().collect(), odd: &odd };
        let chart = shown.chart(&window).map_err(|error| Problem::internal(&error))?;
        part.odd.extend(odd.iter().rev().map(|odd| shown.told(odd)));
        part.meters.push(DayMeter { name, unit: words::unit_name(language, &meter.unit), chart });
    }
    part.gaps = gaps.iter().rev().map(|gap| told_gap(visit, &service.slug, gap)).collect();
    Ok(part)
}

/// A meter's days, and how they are shown.
struct Shown<'a> {
    language: Language,
    meter: &'a Meter,
    name: &'a str,
    days: &'a BTreeMap<NaiveDate, i128>,
    odd: &'a [Anomaly],
}

impl Shown<'_> {
    fn chart(&self, window: &[NaiveDate]) -> Result<Drawn, askama::Error> {
        let columns: Vec<Column> = window.iter().map(|day| self.column(*day)).collect();
        let w = Words::of(self.language);
        let (title, description) = (format!("{}: {}", w.days, self.name), self.description(window));
        let bars = |class: &str, (width, height, margin), label_every| {
            Bars {
                id: &format!("days-{}-{class}", self.meter.slug),
                class,
                title: &title,
                description: &description,
                columns: &columns,
                width,
                height,
                margin,
                label_every,
                totals: false,
                tick: &|value| numbers::hundredths(self.language, value),
            }
            .svg()
        };
        Ok(Drawn {
            wide: bars("chart-wide", (1140, 200, 70), 1)?,
            narrow: bars("chart-narrow", (330, 180, 52), 1)?,
        })
    }

    fn column(&self, day: NaiveDate) -> Column {
        let value = self.days.get(&day).copied();
        let odd = self.odd.iter().find(|odd| (odd.first..=odd.last).contains(&day));
        let look = match odd.map(|odd| odd.kind) {
            Some(Unusual::Silence) => Look::Missing,
            Some(Unusual::High | Unusual::Low) => Look::Odd,
            None => Look::Known,
        };
        let written = value.map_or_else(|| "–".to_owned(), |value| self.write(value));
        let hint = odd.map_or_else(String::new, |odd| format!(", {}", verdict(self.language, odd.kind)));
        let month = Month::of(day);
        Column {
            // Days are named by the first of each month.
            label: if day.day() == 1 {
                numbers::short_month(self.language, month).to_owned()
            } else {
                String::new()
            },
            year: None,
            parts: vec![months::hundredths(Quantity::from_micros(value.unwrap_or(0)))],
            total: String::new(),
            tip: format!("{day}: {written}{hint}"),
            look,
            band: None,
        }
    }

    fn write(&self, value: i128) -> String {
        words::amount(self.language, Quantity::from_micros(value), &self.meter.unit)
    }

    fn description(&self, window: &[NaiveDate]) -> String {
        let (Some(first), Some(last)) = (window.first(), window.last()) else { return String::new() };
        let count = self.odd.len();
        match self.language {
            Language::Swedish => {
                format!("Staplar för varje dag {first} – {last}. {count} avviker; de står i listan nedanför.")
            }
            Language::English => {
                format!("Bars for each day {first} – {last}. {count} stand out; they are listed below.")
            }
        }
    }

    fn told(&self, odd: &Anomaly) -> Odd {
        let days = if odd.first == odd.last {
            odd.first.to_string()
        } else {
            format!("{} – {}", odd.first, odd.last)
        };
        let usual = words::of(self.language, "mot väntat", "against an expected");
        let early = if odd.provisional {
            words::of(
                self.language,
                " Kan visa sig vara en ny nivå: för få dagar efteråt är kända.",
                " May turn out to be a new level: too few days after it are known.",
            )
        } else {
            ""
        };
        Odd {
            days,
            meter: self.name.to_owned(),
            verdict: verdict(self.language, odd.kind),
            finding: format!("{} {usual} {}.{early}", self.write(odd.value), self.write(odd.expected)),
        }
    }
}

const fn verdict(language: Language, kind: Unusual) -> &'static str {
    match kind {
        Unusual::High => words::of(language, "ovanligt mycket", "unusually much"),
        Unusual::Low => words::of(language, "ovanligt lite", "unusually little"),
        Unusual::Silence => words::of(language, "tyst", "silent"),
    }
}

fn told_gap(visit: &Visit, service: &str, gap: &MonthGap) -> Gap {
    let language = visit.language;
    let days = if gap.first_day == gap.last_day {
        gap.first_day.to_string()
    } else {
        format!("{} – {}", gap.first_day, gap.last_day)
    };
    let (kind, class) = match gap.kind {
        MonthGapKind::NoData => (words::of(language, "inget alls", "nothing at all"), "warn"),
        MonthGapKind::Missing => (words::of(language, "saknas", "missing"), "warn"),
        MonthGapKind::Estimated => (words::of(language, "uppskattat", "estimated"), "info"),
        MonthGapKind::Excess => (words::of(language, "för många", "too many"), "info"),
    };
    let meter = gap.meter.as_deref().map_or("–", |meter| visit.named().meter(service, meter));
    Gap { days, meter: meter.to_owned(), kind, source: gap.source.clone(), class }
}
