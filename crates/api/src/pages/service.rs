//! `GET /services/{slug}`: what a service costs and is used, where that is heading, and why it changed.

mod days;
mod list;
mod meters;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use billing::{Bill, UsageItem, UsageQuery};
use domain::catalogue::{PriceState, Service};
use domain::charge::Charge;
use domain::trend::Key;
use domain::{Money, Month};

use super::causes::{self, Causes, Naming};
use super::cube::{self, Cube};
use super::frame::{Frame, Section};
use super::months::{self, Drawn, MonthChart, Parts, Series};
use super::visit::Visit;
use super::words::{self, Card};
use crate::Shared;
use crate::numbers::{self, Scale};
use crate::problem::{Kind, Problem};
use crate::session::Asker;
use crate::texts::{Texts, texts};

pub(crate) use list::get as list;
pub(crate) use sources::get as sources;

texts! {
    /// The texts of a service's page.
    Words {
        cost: "Kostnad per månad", "Cost by month";
        by: "Dela på", "Split by";
        payer: "Betalare", "Payer";
        class: "Klass", "Class";
        others: "Övriga", "Others";
        all: "Hela tjänsten", "The whole service";
        why: "Varför ändrades kostnaden?", "Why did the cost change?";
        nothing: "Det finns ingen månad före att jämföra med.", "There is no month before to compare with.";
        unchanged: "Kostnaden är densamma.", "The cost is the same.";
        rest: "övriga", "others";
        volume: "Volym per månad", "Volume by month";
        expected: "väntat", "expected";
        table: "Månad för månad", "Month by month";
        prices: "Pris och gemensam finansiering", "Price and joint financing";
        from: "Gäller från", "Valid from";
        price: "Pris", "Price";
        state: "Läge", "State";
        decision: "Beslut", "Decision";
        share: "Gemensam andel", "Joint share";
        no_price: "Inget pris: mätaren visar bara användning.", "No price: the meter only shows usage.";
        days: "Dag för dag", "Day by day";
        odd: "Dagar som avviker", "Days that stand out";
        no_odd: "Ingen dag de senaste tre månaderna avviker från hur sådana dagar brukar vara.", "No day of the last three months stands out from what such days are like.";
        odd_how: "En dag avviker när den ligger långt från medianen av samma slags dagar fyra veckor före och efter (modifierat z-värde över 3,5). Helgdagar räknas som söndagar.", "A day stands out when it lies far from the median of the same kind of days four weeks before and after (a modified z-score above 3.5). Holidays count as Sundays.";
        gaps: "Luckor i mätningen", "Gaps in the measuring";
        no_gaps: "Inga luckor de senaste tre månaderna.", "No gaps in the last three months.";
        sources: "Var händelserna kommer ifrån", "Where the events come from";
        source: "Källa", "Source";
        rows: "Rader", "Rows";
        last: "Senast mottagen", "Last received";
        no_sources: "Inga händelser i månaden.", "No events in the month.";
        show_sources: "Visa händelsernas källor", "Show the sources of the events";
        forecast: "Väntat", "Expected";
        month_before: "Månaden före", "The month before";
        year_before: "Samma månad i fjol", "The same month last year";
        no_usage: "Tjänsten har ingen användning i de här månaderna.", "The service has no usage in these months.";
    }
}

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage<'v> {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    name: &'v str,
    product: &'v str,
    month: Month,
    month_name: String,
    earlier: Option<String>,
    later: Option<String>,
    cards: Vec<Card>,
    splits: Vec<Split>,
    unit: &'static str,
    series: Vec<String>,
    chart: Drawn,
    method: Option<String>,
    data: String,
    /// The same forecast as data; none where the page's is an older one.
    forecasts: Option<String>,
    causes: Option<Causes>,
    meters: Vec<meters::MeterPart>,
    prices: Vec<PriceLine>,
    shares: Vec<ShareLine>,
    days: Option<days::DaysPart>,
    sources: Option<String>,
}

/// A way to split the chart.
struct Split {
    label: &'static str,
    href: String,
    is_current: bool,
}

struct PriceLine {
    what: String,
    from: String,
    price: String,
    model: String,
    state: &'static str,
    class: &'static str,
    decision: String,
}

struct ShareLine {
    from: String,
    share: String,
    phase: &'static str,
    decision: String,
}

/// How the chart is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Nothing,
    Payer,
    Class,
}

/// `GET /services/{slug}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &["month", "by"])?;
    let service = known(&visit, &slug)?;
    let by = match visit.params.one_of("by", &["payer", "class"])? {
        Some("payer") => By::Payer,
        Some(_) => By::Class,
        None => By::Nothing,
    };
    let view = shared.view().await?;
    let (first, last) = view.known_months().unwrap_or((visit.now.month(), visit.now.month()));
    let shown = visit.shown(visit.focus(last), (first, last))?;
    let asking = |error: billing::Error| crate::billing_problem(&error);
    let query = UsageQuery {
        service: Some(slug.clone()),
        viewer: visit.viewer.clone(),
        ..UsageQuery::of(shown.plus(1 - months::KNOWN), last)
    };
    let split = UsageQuery { by_customer: by == By::Payer, by_class: by == By::Class, ..query.clone() };
    let split = async {
        match by {
            By::Nothing => Ok(Vec::new()),
            By::Payer | By::Class => view.usage_items(&split).await.map_err(asking),
        }
    };
    let days = async {
        match visit.viewer.sees_service(&slug) {
            true => days::load(&shared, &view, &visit, service, shown).await.map(Some),
            false => Ok(None),
        }
    };
    let (cubes, bills, usage, split, days) = tokio::try_join!(
        cube::cubes(&shared, &view, &visit.viewer, query.from, last),
        async { view.bills(shown.previous()..=shown).await.map_err(asking) },
        async { view.usage_items(&query).await.map_err(asking) },
        split,
        days,
    )?;
    let facts = Facts { visit: &visit, service, shown, known: (first, last), by, cubes: &cubes };
    let page = facts.page(&bills, (&usage, &split), days).map_err(|error| Problem::internal(&error))?;
    visit.respond(&page)
}

/// The service with this slug, or a page that says that there is none.
fn known<'v>(visit: &'v Visit, slug: &str) -> Result<&'v Service, Problem> {
    visit.catalogue.services.get(slug).ok_or_else(|| {
        let shown: String = slug.chars().take(60).collect();
        Problem::new(Kind::NotFound).detail(
            format!("katalogen har ingen tjänst {shown}"),
            format!("the catalogue has no service {shown}"),
        )
    })
}

/// What the page is made from.
struct Facts<'v> {
    visit: &'v Visit,
    service: &'v Service,
    shown: Month,
    known: (Month, Month),
    by: By,
    cubes: &'v [Arc<Cube>],
}

impl<'v> Facts<'v> {
    fn page(
        &self,
        bills: &[Arc<Bill>],
        usage: (&[UsageItem], &[UsageItem]),
        days: Option<days::DaysPart>,
    ) -> Result<ServicePage<'v>, askama::Error> {
        let (visit, language) = (self.visit, self.visit.language);
        let (w, slug) = (Words::of(language), self.service.slug.as_str());
        let costs = months::costs(self.cubes, |cube| cube.services().get(slug).copied());
        let window = months::window(self.shown);
        let running = visit.now.month();
        let before: BTreeMap<Month, i64> =
            costs.range(..=self.shown).map(|(month, cost)| (*month, *cost)).collect();
        let forecast = months::expect(&before, running);
        let series = self.series(w, &costs);
        let greatest = window.iter().filter_map(|month| costs.get(month)).max().copied().unwrap_or(0);
        let scale = match Scale::fitting(Money::from_ore(greatest)) {
            Scale::Kronor => Scale::Kronor,
            Scale::Thousands | Scale::Millions => Scale::Thousands,
        };
        let expected = forecast.as_ref().map_or(&[][..], |forecast| &forecast.months);
        let expected: Vec<_> =
            expected.iter().filter(|expected| expected.month > self.shown).copied().collect();
        let chart = MonthChart {
            id: "cost",
            title: w.cost,
            language,
            window: &window,
            series: &series,
            totals: &costs,
            provisional: &|month| self.is_provisional(month),
            expected: &expected,
            write: &|value| numbers::kronor(language, Money::from_ore(value)),
            tick: &|value| numbers::scaled(language, Money::from_ore(value), scale),
        };
        let at = |month: Month| format!("/services/{slug}?month={month}");
        let causes = match bills {
            [before, after] => {
                let picks = |charge: &Charge| charge.tariff.service == slug;
                let used = |key: &Key<'_>| cube::used(self.cubes, before.month, key.payer, key);
                Some(causes::causes(visit, before, after, Naming::Payer, picks, used))
            }
            _ => None,
        };
        let product = visit.catalogue.products.get(&self.service.product);
        Ok(ServicePage {
            page: visit.frame_of(Section::Services, self.shown),
            t: Texts::of(language),
            w,
            name: visit.named().service(slug),
            product: product.map_or("", |product| words::of(language, &product.name, &product.name_en)),
            month: self.shown,
            month_name: numbers::long_month(language, self.shown),
            earlier: (self.known.0 < self.shown).then(|| at(self.shown.previous())),
            later: (self.shown < self.known.1).then(|| at(self.shown.next())),
            cards: self.cards(w, &costs, expected.first().copied()),
            splits: self.splits(w),
            unit: scale.unit(language),
            series: series.iter().map(|series| series.name.clone()).collect(),
            chart: chart.draw()?,
            method: forecast
                .filter(|_| !expected.is_empty())
                .map(|forecast| words::method(language, &forecast)),
            data: format!("/v1/costs?service={slug}&from={}&to={}", window[0], self.shown),
            forecasts: (!expected.is_empty() && self.shown >= visit.focus(self.known.1))
                .then(|| format!("/v1/forecasts?service={slug}")),
            causes,
            meters: meters::parts(self, &window, usage, &series)?,
            prices: self.prices(),
            shares: self.shares(),
            days,
            sources: visit
                .viewer
                .sees_service(slug)
                .then(|| format!("/services/{slug}/sources?month={}", self.shown)),
        })
    }

    fn is_provisional(&self, month: Month) -> bool {
        self.cubes.iter().any(|cube| cube.month == month && cube.is_provisional())
    }

    /// The cost of each month, split as it was asked for.
    fn series(&self, w: &'static Words, costs: &BTreeMap<Month, i64>) -> Vec<Series> {
        let mut parts = Parts::new();
        for cube in self.cubes.iter().filter(|cube| cube.month <= self.shown) {
            for cell in cube.cells.iter().filter(|cell| cell.tariff.service == self.service.slug) {
                let name = match self.by {
                    By::Nothing => w.all.to_owned(),
                    By::Payer => cell.customer.name.clone(),
                    By::Class => self.class_name(&cell.tariff.meter, &cell.tariff.class),
                };
                *parts.entry(name).or_default().entry(cube.month).or_default() += cell.totals.gross.ore();
            }
        }
        months::greatest(parts, w.others, costs, &[])
    }

    /// A class by its values, and its meter where the service has more than one.
    fn class_name(&self, meter: &str, class: &str) -> String {
        let (named, slug) = (self.visit.named(), self.service.slug.as_str());
        match (class.is_empty(), self.service.meters.len()) {
            (false, 1) => named.values(slug, meter, class),
            _ => named.class(slug, meter, class),
        }
    }

    fn splits(&self, w: &'static Words) -> Vec<Split> {
        let all = [(By::Nothing, w.all, ""), (By::Payer, w.payer, "payer"), (By::Class, w.class, "class")];
        let has_classes = self.service.meters.len() > 1
            || self
                .service
                .meters
                .values()
                .any(|meter| meter.dimensions.iter().any(|dimension| dimension.rating));
        let split = |(by, label, value): (By, &'static str, &str)| {
            let mut href = format!("/services/{}?month={}", self.service.slug, self.shown);
            if !value.is_empty() {
                href.push_str(&format!("&by={value}"));
            }
            Split { label, href: format!("{href}#cost"), is_current: by == self.by }
        };
        all.into_iter().filter(|(by, _, _)| *by != By::Class || has_classes).map(split).collect()
    }

    fn cards(
        &self,
        w: &'static Words,
        costs: &BTreeMap<Month, i64>,
        expected: Option<domain::trend::Expected>,
    ) -> Vec<Card> {
        let language = self.visit.language;
        let cost = |month: Month| costs.get(&month).copied().map(Money::from_ore);
        let now = cost(self.shown).unwrap_or(Money::ZERO);
        let mut notes = Vec::new();
        if self.is_provisional(self.shown) {
            notes.push(Texts::of(language).not_closed.to_owned());
        }
        let mut cards = vec![Card {
            label: numbers::long_month(language, self.shown),
            value: numbers::kronor(language, now),
            notes,
        }];
        for (label, month) in [(w.month_before, self.shown.previous()), (w.year_before, self.shown.plus(-12))]
        {
            let Some(before) = cost(month) else { continue };
            let change = numbers::change(language, before, now);
            let difference = numbers::signed(language, now - before);
            cards.push(Card {
                label: label.to_owned(),
                value: numbers::kronor(language, before),
                notes: vec![
                    change.map_or_else(|| difference.clone(), |change| format!("{difference} ({change})")),
                ],
            });
        }
        cards.extend(expected.map(|expected| words::expected_card(language, w.forecast, &expected)));
        cards
    }

    /// The versions of the price, the newest first.
    fn prices(&self) -> Vec<PriceLine> {
        let language = self.visit.language;
        let of_service = self.visit.catalogue.prices.iter().filter(|row| row.service == self.service.slug);
        let mut rows: Vec<_> = of_service.collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.valid_from), &row.meter, &row.class));
        let line = |row: &&domain::catalogue::PriceRow| PriceLine {
            what: self.class_name(&row.meter, &row.class),
            from: row.valid_from.to_string(),
            price: numbers::price(language, row.price),
            model: row.model.to_string(),
            state: words::price_state(language, row.state),
            class: if row.state == PriceState::Decided { "good" } else { "info" },
            decision: row.decision.clone(),
        };
        rows.iter().map(line).collect()
    }

    /// The versions of the jointly financed share, the newest first.
    fn shares(&self) -> Vec<ShareLine> {
        let language = self.visit.language;
        let of_service =
            self.visit.catalogue.joint_shares.iter().filter(|row| row.service == self.service.slug);
        let mut rows: Vec<_> = of_service.collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.valid_from));
        let line = |row: &&domain::financing::JointShare| ShareLine {
            from: row.valid_from.to_string(),
            share: numbers::percent(language, row.share),
            phase: words::phase(language, row.phase),
            decision: row.decision.clone(),
        };
        rows.iter().map(line).collect()
    }
}
