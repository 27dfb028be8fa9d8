//! The first page: what the services cost, month by month, and whether the figures can be trusted.
//!
//! [`Overview::build`] is a function of figures that were reckoned elsewhere: it sums, sorts and words, and multiplies
//! no price.

mod findings;
mod load;
mod table;
mod words;

use std::collections::BTreeMap;

use askama::Template;
use billing::MonthState;
use domain::catalogue::Catalogue;
use domain::{Instant, Money, Month};

use crate::chart::{Bars, Column, Look};
use crate::language::Language;
use crate::numbers::{self, Scale};
use crate::pages::cube::MonthFigures;
use crate::pages::frame::Frame;
use crate::pages::words::Card;
use crate::texts::Texts;

pub(crate) use findings::Quality;
pub(crate) use load::get;

/// How many months the page shows: a year, and the same month the year before.
pub(crate) const MONTHS: i32 = 13;

/// What the page is built from.
pub(crate) struct Input<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) language: Language,
    /// The figures of the shown months and the years before them, as far as there are any.
    pub(crate) months: &'a [MonthFigures],
    /// The last month that the page shows.
    pub(crate) last: Month,
    /// The first and the last month that have usage.
    pub(crate) known: (Month, Month),
    pub(crate) quality: Quality,
    pub(crate) now: Instant,
    pub(crate) frame: Frame,
    /// What a service's change in the compared months is made of, in a few words.
    pub(crate) why: &'a dyn Fn(&str) -> String,
    /// Whether the viewer sees everything: else their part of the surcharge is no measure of the object's.
    pub(crate) sees_all: bool,
    /// Whether the viewer may see the quarantine.
    pub(crate) may_operate: bool,
    /// What the object is to collect in the year of the last shown month; none where the viewer does not see it.
    pub(crate) to_collect: Option<Money>,
    /// Whether the viewer may have the months' files.
    pub(crate) has_files: bool,
}

#[derive(Template)]
#[template(path = "overview.html")]
pub(crate) struct Overview {
    page: Frame,
    t: &'static Texts,
    month_name: String,
    lead: String,
    earlier: Option<String>,
    later: Option<String>,
    cards: Vec<Card>,
    unit: &'static str,
    series: Vec<String>,
    chart: String,
    chart_narrow: String,
    provisional: bool,
    data: String,
    moved: Vec<words::Moved>,
    moved_period: String,
    /// Why nothing moved.
    still: &'static str,
    quality: Vec<findings::Check>,
    heads: Vec<table::Head>,
    rows: Vec<table::Row>,
    sums: Vec<table::Row>,
    months: Vec<table::MonthRow>,
}

/// The figures, ordered and reachable by month, that every part of the page reads.
struct Figured<'a> {
    input: &'a Input<'a>,
    language: Language,
    t: &'static Texts,
    by_month: BTreeMap<Month, &'a MonthFigures>,
    window: Vec<Month>,
    scale: Scale,
    products: Vec<(&'a str, &'a str)>,
}

impl Overview {
    /// Builds the page.
    pub(crate) fn build(input: Input<'_>) -> Result<Self, askama::Error> {
        let figured = Figured::new(&input);
        let (first, last) = (figured.window[0], input.last);
        let language = input.language;
        let columns = figured.columns();
        let moved = figured.moved();
        Ok(Self {
            t: figured.t,
            month_name: format!(
                "{} – {}",
                numbers::long_month(language, first),
                numbers::long_month(language, last)
            ),
            lead: figured.lead(),
            earlier: (input.known.0 < first)
                .then(|| format!("/?month={}", last.plus(1 - MONTHS).max(input.known.0))),
            later: (last < input.known.1)
                .then(|| format!("/?month={}", last.plus(MONTHS - 1).min(input.known.1))),
            cards: figured.cards(),
            unit: figured.scale.unit(language),
            series: figured.products.iter().map(|(_, name)| (*name).to_owned()).collect(),
            chart: figured.chart("chart-wide", &columns, (1140, 300, 64), 1, true)?,
            chart_narrow: figured.chart("chart-narrow", &columns, (330, 240, 46), 3, false)?,
            provisional: columns.iter().any(|column| column.look == Look::Provisional),
            data: format!("/v1/costs?from={first}&to={last}"),
            moved_period: figured.moved_period(),
            still: figured.still(),
            moved,
            quality: input.quality.checks(figured.t, language, input.may_operate),
            heads: figured.heads(),
            rows: figured.rows(),
            sums: figured.sums(),
            months: figured.month_rows(),
            page: input.frame,
        })
    }
}

impl<'a> Figured<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        let window: Vec<Month> = input.last.plus(1 - MONTHS).through(input.last).collect();
        let by_month: BTreeMap<Month, &MonthFigures> =
            input.months.iter().map(|figures| (figures.month, figures)).collect();
        let totals =
            window.iter().filter_map(|month| by_month.get(month)).map(|figures| figures.total().gross);
        let language = input.language;
        let products = input.catalogue.products.iter().map(|(code, product)| {
            let name = match language {
                Language::Swedish => product.name.as_str(),
                Language::English => product.name_en.as_str(),
            };
            (code.as_str(), name)
        });
        // By their codes: a product has the same colour in every month.
        let products: Vec<(&str, &str)> = products.collect();
        let scale = match Scale::fitting(totals.max().unwrap_or(Money::ZERO)) {
            Scale::Kronor => Scale::Kronor,
            Scale::Thousands | Scale::Millions => Scale::Thousands,
        };
        Self { input, language, t: Texts::of(language), by_month, window, scale, products }
    }

    fn product_of(&self, service: &str) -> &str {
        product(self.input.catalogue, service)
    }

    /// The month's cost of one object product.
    fn product_cost(&self, figures: &MonthFigures, code: &str) -> Money {
        let of_product = figures.services.iter().filter(|(service, _)| self.product_of(service) == code);
        of_product.map(|(_, figures)| figures.gross).sum()
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::with_capacity(self.window.len());
        for (n, month) in self.window.iter().enumerate() {
            let figures = self.by_month.get(month);
            let parts: Vec<Money> = (self.products.iter())
                .map(|(code, _)| figures.map_or(Money::ZERO, |figures| self.product_cost(figures, code)))
                .collect();
            let total: Money = parts.iter().copied().sum();
            let named = self.products.iter().zip(&parts);
            let named =
                named.map(|((_, name), part)| format!("{name} {}", numbers::kronor(self.language, *part)));
            let name = numbers::long_month(self.language, *month);
            let tip = match figures {
                Some(_) => {
                    let named = named.collect::<Vec<_>>().join(", ");
                    format!("{name}: {} ({named})", numbers::kronor(self.language, total))
                }
                None => format!("{name}: –"),
            };
            columns.push(Column {
                label: numbers::short_month(self.language, *month).to_owned(),
                year: (n == 0 || month.number() == 1).then(|| month.year().to_string()),
                total: figures
                    .map_or_else(|| "–".to_owned(), |_| numbers::scaled(self.language, total, self.scale)),
                parts: parts.iter().map(|part| part.ore()).collect(),
                tip,
                look: match figures {
                    Some(figures) if figures.state != MonthState::Closed => Look::Provisional,
                    _ => Look::Known,
                },
                band: None,
            });
        }
        columns
    }

    fn chart(
        &self,
        id: &str,
        columns: &[Column],
        (width, height, margin): (i64, i64, i64),
        label_every: usize,
        totals: bool,
    ) -> Result<String, askama::Error> {
        let bars = Bars {
            id,
            class: id,
            title: self.t.chart_title,
            description: &self.description(),
            columns,
            width,
            height,
            margin,
            label_every,
            totals,
            tick: &|value| numbers::scaled(self.language, Money::from_ore(value), self.scale),
        };
        bars.svg()
    }
}

fn product<'c>(catalogue: &'c Catalogue, service: &str) -> &'c str {
    catalogue.services.get(service).map_or("", |service| service.product.as_str())
}

#[cfg(test)]
mod tests;
