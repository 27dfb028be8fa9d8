//! `GET /lines/{id}`: why a line is what it is, step by step, down to each day.

mod steps;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use billing::{Explanation, MonthState};
use chrono::Datelike;
use domain::charge::Reason;
use domain::{Month, Quantity};

use super::frame::{Frame, Section};
use super::months::{self, Drawn};
use super::visit::Visit;
use super::words;
use crate::Shared;
use crate::chart::{Bars, Column, Look};
use crate::explain;
use crate::language::Language;
use crate::numbers;
use crate::problem::Problem;
use crate::session::Asker;
use crate::texts::{Texts, texts};

/// How many events are listed: enough to see what they are.
const EVENTS: u32 = 50;

texts! {
    /// The texts of a line's page.
    Words {
        title: "Hur beloppet räknats fram", "How the amount was reckoned";
        steps: "Steg för steg", "Step by step";
        step: "Steg", "Step";
        amount: "Belopp", "Amount";
        how: "Hur", "How";
        quantity: "Mängd", "Quantity";
        gross: "Brutto", "Gross";
        joint: "Gemensamt finansierat", "Jointly financed";
        net: "Netto", "Net";
        due: "Att betala, utan moms", "To pay, without VAT";
        days: "Dag för dag", "Day by day";
        day: "Dag", "Day";
        withheld: "Dagarna visas inte: färre än fem användare eller föremål ligger bakom raden, och en dag kunde då peka ut någon.", "The days are not shown: fewer than five users or things are behind the line, and a day could then point at somebody.";
        no_days: "Raden har ingen användning dag för dag: den är fast enligt avtal.", "The line has no usage by day: it is fixed by agreement.";
        events: "Händelser", "Events";
        events_first: "De första händelserna som räknas in", "The first events that count";
        all_events: "alla händelser som JSON", "all events as JSON";
        source: "Källa", "Source";
        received: "Mottagen", "Received";
        decision: "beslut", "decision";
        from: "från", "from";
        costcentre: "Kostnadsställe", "Cost centre";
        formula: "Samma räkning som formler", "The same reckoning as formulas";
        agreements: "Avtal", "Agreements";
    }
}

#[derive(Template)]
#[template(path = "line.html")]
struct LinePage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    what: String,
    service: String,
    service_href: String,
    payer: String,
    payer_href: String,
    costcentre: String,
    lead: String,
    steps: Vec<steps::Step>,
    formula: Vec<String>,
    state: &'static str,
    state_class: &'static str,
    agreements: Vec<String>,
    chart: Option<Drawn>,
    days: Vec<(String, String)>,
    is_withheld: bool,
    events: Vec<Event>,
    shows_events: bool,
    data: String,
}

struct Event {
    day: String,
    quantity: String,
    source: String,
    id: String,
    received: String,
}

/// `GET /lines/{id}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &[])?;
    match shared.biller.explain(&id, &visit.viewer, EVENTS, None).await {
        Ok(explanation) => {
            let page = page(&visit, &id, &explanation).map_err(|error| Problem::internal(&error))?;
            visit.respond(&page)
        }
        Err(billing::Error::UnknownCharge { .. }) => Err(explain::not_found(&id)),
        Err(error) => Err(crate::billing_problem(&error)),
    }
}

fn page(visit: &Visit, id: &str, explanation: &Explanation) -> Result<LinePage, askama::Error> {
    let (language, charge) = (visit.language, &explanation.charge);
    let tariff = &charge.tariff;
    let w = Words::of(language);
    let days = explanation.days.iter();
    let written = |quantity: &Quantity| words::amount(language, *quantity, &tariff.unit);
    let events = explanation.events.iter().map(|event| Event {
        day: event.day.to_string(),
        quantity: written(&event.quantity),
        source: event.source.clone(),
        id: event.id.clone(),
        received: numbers::instant(event.received),
    });
    let t = Texts::of(language);
    let (state, state_class) = match explanation.bill.state {
        MonthState::Open => (t.open, "info"),
        MonthState::Preliminary => (t.preliminary, "warn"),
        MonthState::Closed => (t.closed, "good"),
    };
    let centre = visit.catalogue.costcentres.get(&*charge.costcentre);
    Ok(LinePage {
        page: visit.frame(Section::Payers),
        t,
        w,
        what: visit.named().class(&tariff.service, &tariff.meter, &tariff.class),
        service: visit.named().service(&tariff.service).to_owned(),
        service_href: format!("/services/{}?month={}", tariff.service, charge.usage_month()),
        payer: charge.customer.name.clone(),
        payer_href: format!("/payers/{}?month={}", charge.customer.code, charge.month),
        costcentre: format!("{} {}", charge.costcentre, centre.map_or("", |centre| &centre.name)),
        lead: lead(visit, explanation),
        steps: steps::steps(language, explanation),
        formula: explain::formula(explanation),
        state,
        state_class,
        agreements: explanation.agreements.clone(),
        chart: chart(visit, explanation)?,
        days: days.map(|(day, quantity)| (day.to_string(), written(quantity))).collect(),
        is_withheld: explanation.is_withheld,
        events: events.collect(),
        shows_events: visit.viewer.sees_individuals(),
        data: format!("/v1/charges/{id}/explain"),
    })
}

/// What the line is, in a sentence or two.
fn lead(visit: &Visit, explanation: &Explanation) -> String {
    let (language, charge) = (visit.language, &explanation.charge);
    let month = numbers::long_month(language, charge.month);
    let due = numbers::exact_kronor(language, charge.net + charge.surcharge);
    let Some(corrected) = charge.corrects else {
        return match language {
            Language::Swedish => format!("{due} för {month}."),
            Language::English => format!("{due} for {month}."),
        };
    };
    let (name, why) = (numbers::long_month(language, corrected), reason(language, charge.reason));
    match language {
        Language::Swedish => format!(
            "{due} i {month}: en rättelse av {name}{why}. Alla tal är skillnader mot det som fakturerades då."
        ),
        Language::English => format!(
            "{due} in {month}: a correction of {name}{why}. All numbers are differences from what was billed then."
        ),
    }
}

/// Why something is corrected, as the end of a sentence.
fn reason(language: Language, reason: Option<Reason>) -> String {
    let why = match reason {
        None => return String::new(),
        Some(Reason::Usage) => words::of(
            language,
            "användningen kom sent, rättades eller togs tillbaka",
            "the usage came late, was corrected or taken back",
        ),
        Some(Reason::Payer) => {
            words::of(language, "kostnadsstället har en annan betalare", "the cost centre has another payer")
        }
        Some(Reason::Spread) => words::of(
            language,
            "betalarens pris har fördelats om på dess kostnadsställen",
            "the payer's price was spread anew over its cost centres",
        ),
        Some(Reason::Terms) => words::of(language, "villkoren har ändrats", "the terms have changed"),
    };
    format!(", {} {why}", words::of(language, "därför att", "because"))
}

/// The days as bars.
fn chart(visit: &Visit, explanation: &Explanation) -> Result<Option<Drawn>, askama::Error> {
    let (language, charge) = (visit.language, &explanation.charge);
    let Some((first, _)) = explanation.days.first() else { return Ok(None) };
    let w = Words::of(language);
    let month = Month::of(*first);
    let column = |day: chrono::NaiveDate| {
        let quantity =
            explanation.days.iter().find(|(known, _)| *known == day).map(|(_, quantity)| *quantity);
        let written = quantity.map_or_else(
            || "–".to_owned(),
            |quantity| words::amount(language, quantity, &charge.tariff.unit),
        );
        Column {
            label: day.day().to_string(),
            year: None,
            parts: vec![quantity.map_or(0, months::hundredths)],
            total: String::new(),
            tip: format!("{day}: {written}"),
            look: Look::Known,
            band: None,
        }
    };
    let columns: Vec<Column> = month.days().map(column).collect();
    let description = match language {
        Language::Swedish => "Staplar för månadens dagar. Samma värden finns i tabellen.",
        Language::English => "Bars for the month's days. The table has the same values.",
    };
    let bars = |class: &str, (width, height, margin), label_every| {
        Bars {
            id: &format!("days-{class}"),
            class,
            title: w.days,
            description,
            columns: &columns,
            width,
            height,
            margin,
            label_every,
            totals: false,
            tick: &|value| numbers::hundredths(language, value),
        }
        .svg()
    };
    Ok(Some(Drawn {
        wide: bars("chart-wide", (1140, 180, 70), 1)?,
        narrow: bars("chart-narrow", (330, 160, 52), 5)?,
    }))
}
