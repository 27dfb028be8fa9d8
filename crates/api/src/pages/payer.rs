//! `GET /payers/{code}`: what a manager or a customer contact needs: what is charged, what changed, and every line of it.

mod list;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use billing::Bill;
use domain::charge::Charge;
use domain::trend::Key;
use domain::{Money, Month};

use super::causes::{self, Causes, Naming};
use super::cube;
use super::frame::{Frame, Section};
use super::months::{self, Drawn, MonthChart, Parts};
use super::visit::Visit;
use super::words::{self, Card};
use crate::Shared;
use crate::numbers::{self, Scale};
use crate::problem::{Kind, Problem};
use crate::session::Asker;
use crate::texts::{Texts, texts};

pub(crate) use list::get as list;

texts! {
    /// The texts of a payer's page.
    Words {
        cost: "Kostnad per månad", "Cost by month";
        others: "Övriga", "Others";
        why: "Vad har ändrats?", "What has changed?";
        nothing: "Det finns ingen månad före att jämföra med.", "There is no month before to compare with.";
        unchanged: "Ingenting har ändrats.", "Nothing has changed.";
        rest: "övriga", "others";
        net: "Att betala", "To pay";
        net_note: "netto och påslag, exklusive moms", "net and surcharge, without VAT";
        month_before: "Månaden före", "The month before";
        year_before: "Samma månad i fjol", "The same month last year";
        forecast: "Väntat", "Expected";
        lines: "Rader", "Lines";
        lines_note: "Välj en rad för att se hur beloppet har räknats fram.", "Choose a line to see how its amount was reckoned.";
        costcentre: "Kostnadsställe", "Cost centre";
        all_costcentres: "Alla kostnadsställen", "All cost centres";
        all_services: "Alla tjänster", "All services";
        show: "Visa", "Show";
        filter: "Välj rader", "Choose lines";
        quantity: "Mängd", "Quantity";
        price: "Pris", "Price";
        gross: "Brutto", "Gross";
        joint: "Gemensamt", "Joint";
        corrects: "rättar", "corrects";
        no_lines: "Inga rader.", "No lines.";
        page: "Sida", "Page";
        of: "av", "of";
        previous: "Föregående", "Previous";
        next: "Nästa", "Next";
        sum: "Summa av valda rader", "Sum of the chosen lines";
    }
}

#[derive(Template)]
#[template(path = "payer.html")]
struct PayerPage<'v> {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    code: &'v str,
    name: String,
    month: Month,
    month_name: String,
    earlier: Option<String>,
    later: Option<String>,
    cards: Vec<Card>,
    causes: Option<Causes>,
    unit: &'static str,
    series: Vec<String>,
    chart: Drawn,
    method: Option<String>,
    data: String,
    lines: table::Lines,
}

/// `GET /payers/{code}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(code): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["month", "service", "costcentre", "page"];
    // A form sends what was not chosen as well.
    let visit = Visit::read_form(&shared, asker, &uri, &headers, &known)?;
    if !visit.sees_payer(&code) {
        return Err(unknown(&code));
    }
    let view = shared.view().await?;
    let (first, last) = view.known_months().unwrap_or((visit.now.month(), visit.now.month()));
    let shown = visit.shown(visit.focus(last), (first, last))?;
    let cubes = cube::cubes(&shared, &view, &visit.viewer, shown.plus(1 - months::KNOWN), last).await?;
    // A customer that the catalogue has no more may still have been billed.
    let is_billed = |cube: &Arc<cube::Cube>| cube.cells.iter().any(|cell| cell.customer.code == code);
    if !visit.catalogue.customers.contains_key(&code) && !cubes.iter().any(is_billed) {
        return Err(unknown(&code));
    }
    let bills = view.bills(shown.previous()..=shown).await;
    let bills = bills.map_err(|error| crate::billing_problem(&error))?;
    let facts = Facts { visit: &visit, code: &code, shown, known: (first, last), cubes: &cubes };
    let page = facts.page(&bills)?;
    visit.respond(&page)
}

fn unknown(code: &str) -> Problem {
    let shown: String = code.chars().take(40).collect();
    Problem::new(Kind::NotFound)
        .detail(format!("det finns ingen betalare {shown}"), format!("there is no payer {shown}"))
}

/// What the page is made from.
struct Facts<'v> {
    visit: &'v Visit,
    code: &'v str,
    shown: Month,
    known: (Month, Month),
    cubes: &'v [Arc<cube::Cube>],
}

impl<'v> Facts<'v> {
    fn page(&self, bills: &[Arc<Bill>]) -> Result<PayerPage<'v>, Problem> {
        let (visit, language, code) = (self.visit, self.visit.language, self.code);
        let w = Words::of(language);
        let window = months::window(self.shown);
        let costs: BTreeMap<Month, i64> = self.sums(|totals| totals.gross);
        let series = months::greatest(self.services(), w.others, &costs, &[]);
        let forecast = months::expect(&costs, visit.now.month());
        let expected = forecast.as_ref().map_or(&[][..], |forecast| &forecast.months);
        let expected: Vec<_> = expected.iter().filter(|e| e.month > self.shown).copied().collect();
        let greatest = window.iter().filter_map(|month| costs.get(month)).max().copied().unwrap_or(0);
        let scale = match Scale::fitting(Money::from_ore(greatest)) {
            Scale::Kronor => Scale::Kronor,
            Scale::Thousands | Scale::Millions => Scale::Thousands,
        };
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
        let is_payers = |charge: &Charge| charge.customer.code == code;
        let causes = match bills {
            [before, after] => {
                let used = |key: &Key<'_>| cube::used(self.cubes, before.month, code, key);
                Some(causes::causes(visit, before, after, Naming::Service, is_payers, used))
            }
            _ => None,
        };
        let bill = bills.iter().find(|bill| bill.month == self.shown);
        let at = |month: Month| format!("/payers/{code}?month={month}");
        let name = visit.catalogue.customers.get(code).map_or(code, |customer| customer.name.as_str());
        Ok(PayerPage {
            page: visit.frame_of(Section::Payers, self.shown),
            t: Texts::of(language),
            w,
            code,
            name: name.to_owned(),
            month: self.shown,
            month_name: numbers::long_month(language, self.shown),
            earlier: (self.known.0 < self.shown).then(|| at(self.shown.previous())),
            later: (self.shown < self.known.1).then(|| at(self.shown.next())),
            cards: self.cards(w),
            causes,
            unit: scale.unit(language),
            series: series.iter().map(|series| series.name.clone()).collect(),
            chart: chart.draw().map_err(|error| Problem::internal(&error))?,
            method: forecast
                .filter(|_| !expected.is_empty())
                .map(|forecast| words::method(language, &forecast)),
            data: format!("/v1/charges?month={}&customer={code}", self.shown),
            lines: table::lines(visit, code, self.shown, bill.map(AsRef::as_ref))?,
        })
    }

    fn is_provisional(&self, month: Month) -> bool {
        self.cubes.iter().any(|cube| cube.month == month && cube.is_provisional())
    }

    /// What the payer is charged in each month: a sum of its choice, in öre.
    fn sums(&self, of: impl Fn(domain::charge::Totals) -> Money) -> BTreeMap<Month, i64> {
        let cubes = self.cubes.iter().filter(|cube| cube.month <= self.shown);
        let sum = |cube: &Arc<cube::Cube>| {
            let own = cube.cells.iter().filter(|cell| cell.customer.code == self.code);
            (cube.month, own.map(|cell| of(cell.totals).ore()).sum())
        };
        cubes.map(sum).collect()
    }

    /// The cost of each service and month.
    fn services(&self) -> Parts {
        let mut services = Parts::new();
        for cube in self.cubes.iter().filter(|cube| cube.month <= self.shown) {
            for cell in cube.cells.iter().filter(|cell| cell.customer.code == self.code) {
                let name = self.visit.named().service(&cell.tariff.service).to_owned();
                let month = services.entry(name).or_default().entry(cube.month).or_default();
                *month += cell.totals.gross.ore();
            }
        }
        services
    }

    /// What is to be paid, what was, and what is expected to be: with the surcharge, which the chart is without.
    fn cards(&self, w: &'static Words) -> Vec<Card> {
        let language = self.visit.language;
        let due = self.sums(|totals| totals.net + totals.surcharge);
        let to_pay = |month: Month| due.get(&month).copied().map(Money::from_ore);
        let now = to_pay(self.shown).unwrap_or_default();
        let mut notes = vec![w.net_note.to_owned()];
        if self.is_provisional(self.shown) {
            notes.push(Texts::of(language).not_closed.to_owned());
        }
        let mut cards = vec![Card {
            label: format!("{} {}", w.net, numbers::long_month(language, self.shown)),
            value: numbers::kronor(language, now),
            notes,
        }];
        for (label, month) in [(w.month_before, self.shown.previous()), (w.year_before, self.shown.plus(-12))]
        {
            let Some(before) = to_pay(month) else { continue };
            let difference = numbers::signed(language, now - before);
            let note = match numbers::change(language, before, now) {
                Some(change) => format!("{difference} ({change})"),
                None => difference,
            };
            cards.push(Card {
                label: label.to_owned(),
                value: numbers::kronor(language, before),
                notes: vec![note],
            });
        }
        let forecast = months::expect(&due, self.visit.now.month());
        let coming = forecast.and_then(|forecast| forecast.months.into_iter().find(|e| e.month > self.shown));
        cards.extend(coming.map(|expected| words::expected_card(language, w.forecast, &expected)));
        cards
    }
}
