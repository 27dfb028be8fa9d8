//! `GET /object/{year}`: the object's own economy in a year: the rate it would take, what it collects, what it spends.

mod chart;
mod progress;
mod rate;
mod tables;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use billing::object::ObjectYear;
use domain::access::Permission;
use domain::object::Account;
use domain::{Instant, Money, Month};

use super::frame::{Frame, Section};
use super::months::{self, Drawn};
use super::named::{DecisionText, Named};
use super::visit::Visit;
use super::words::Card;
use crate::Shared;
use crate::language::Language;
use crate::numbers;
use crate::problem::Problem;
use crate::query;
use crate::session::Asker;
use crate::texts::{Texts, texts};

use progress::Progress;

texts! {
    /// The texts of the object's page.
    Words {
        title: "IKT-objektet", "The ICT object";
        lead: "Objektets egen ekonomi: vad som samlas in med påslaget, vad det går till, och vilken påslagssats det kräver. Tjänsternas egna intäkter och kostnader ingår inte.", "The object's own economy: what the surcharge collects, what it is spent on, and which rate that takes. What services earn and cost themselves is not part of it.";
        budget_decision: "Budgetens beslut", "The budget's decision";
        no_budget: "Ingen budget är beslutad för året, så det finns inget att jämföra med.", "No budget was decided for the year, so there is nothing to compare with.";
        in_force: "Påslagssats som gäller", "Surcharge rate in force";
        from: "från", "from";
        by: "av", "by";
        none_in_force: "ingen", "none";
        required_plan: "Sats som krävs enligt planen (r*)", "Rate required by the plan (r*)";
        required_outcome: "Sats som krävs med utfallet (r*)", "Rate required by the outcome (r*)";
        planned_volumes: "budgeten mot de planerade volymerna till månadernas priser", "the budget against the planned volumes at the months' prices";
        no_turnover: "ingen omsättning att räkna på", "no turnover to reckon on";
        collected: "Samlat in", "Collected";
        through: "till och med", "up to and including";
        of_it: "påslag", "surcharge";
        and_contributions: "prisjusteringar", "price adjustments";
        expected_so_far: "planen för samma månader är", "the plan for the same months is";
        running: "Hittills i", "So far in";
        whole_year: "Att samla in hela året", "To collect in the whole year";
        whole_year_note: "budget och gemensamma tjänster, minus det som kommer från annat håll", "the budget and jointly financed services, less what comes from elsewhere";
        left: "Kvar att samla in", "Left to collect";
        left_of: "av årets", "of the year's";
        over: "mer än vad som ska samlas in", "more than what is to be collected";
        try_rate: "Pröva en annan sats", "Try another rate";
        chart: "Samlat in sedan årets början", "Collected since the year began";
        missing: "Saknas mot planen", "Short of the plan";
        chart_note: "Planen är en tolftedel av årets belopp för varje månad: stapelns hela höjd, så länge inte mer är insamlat. Streckade staplar är prognos.", "The plan is a twelfth of the year's amount for each month: the whole height of a bar, unless more is collected. Dashed bars are a forecast.";
        month_table: "Månad för månad", "Month by month";
        contributions_short: "Prisjusteringar", "Price adjustments";
        cumulative: "Samlat in hittills", "Collected so far";
        plan: "Plan", "Plan";
        forecast: "Prognos för årets slut", "Forecast of the year's end";
        rate_title: "Så räknas satsen som krävs", "How the required rate is reckoned";
        rate_formula: "Det som ska samlas in delat med det som påslaget räknas på: r* = (B + J − A − C) / T.", "What is to be collected divided by what the surcharge is reckoned on: r* = (B + J − A − C) / T.";
        outcome: "Utfall hittills", "Outcome so far";
        b: "Budget för förvaltning och utveckling", "Budget for management and development";
        j: "Kostnad för permanent gemensamma tjänster som objektet bär", "Cost of permanently joint services that the object bears";
        a: "Bidrag från justerade priser", "Contribution of adjusted prices";
        c: "Överfört från tidigare år och omfördelat från förvaltningar", "Carried over from earlier years and transferred by administrations";
        need: "Att samla in med påslaget: B + J − A − C", "To collect with the surcharge: B + J − A − C";
        turnover: "Nettofakturerat för tjänster som bär påslaget", "Invoiced net of the services that bear the surcharge";
        r: "Sats som krävs", "Required rate";
        outcome_note: "Utfallet ställer hela årets budget mot omsättningen i de månader som finns, så satsen är hög tills året är slut.", "The outcome sets the whole year's budget against the turnover of the months that there are, so the rate is high until the year is over.";
        quantity: "Post", "Item";
        parts: "Budgetens delar", "The budget's parts";
        part: "Del", "Part";
        budget: "Budget", "Budget";
        booked: "Bokfört", "Booked";
        joint_borne: "Gemensamt", "Joint";
        remaining: "Kvar", "Left";
        used: "Förbrukat", "Used";
        contributions: "Bidrag från justerade priser", "Contributions of adjusted prices";
        no_contributions: "Inget pris är justerat från självkostnaden.", "No price is adjusted from what it costs to deliver.";
        joint: "Gemensam finansiering", "Joint financing";
        no_joint: "Inget är gemensamt finansierat i årets månader.", "Nothing is financed jointly in the year's months.";
        phase: "Fas", "Phase";
        bearer: "Bärs av", "Borne by";
        the_object: "objektet", "the object";
        amount: "Belopp, kr", "Amount, SEK";
        transfers: "Omfördelad budget", "Transferred budgets";
        no_transfers: "Ingen budget är omfördelad till objektet.", "No budget was transferred to the object.";
        giver: "Från", "From";
        roles: "Roller", "Roles";
        no_roles: "Inga roller är budgeterade.", "No roles are budgeted.";
        role: "Roll", "Role";
        share: "Del av heltid", "Share of full time";
        financing: "Finansiering", "Financing";
        initiatives: "Satsningar med centrala medel", "Initiatives with central funds";
        initiatives_note: "Satsningar redovisas för sig, över hela sin tid, och ingår inte i påslaget.", "Initiatives are accounted for by themselves, over their whole life, and are no part of the surcharge.";
        no_initiatives: "Inga satsningar under året.", "No initiatives in the year.";
        initiative: "Satsning", "Initiative";
        period: "Tid", "Time";
        financier: "Finansiär", "Financier";
        funds: "Medel, kr", "Funds, SEK";
        booked_in_year: "Bokfört i år, kr", "Booked in the year, SEK";
        decision: "Beslut", "Decision";
        report: "Årsredovisning", "Year report";
        report_note: "Volym och kostnad för varje tjänst under året:", "Volume and cost of every service in the year:";
    }
}

#[derive(Template)]
#[template(path = "object.html")]
struct ObjectPage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    year: i32,
    earlier: Option<i32>,
    later: Option<i32>,
    budget: Option<DecisionText>,
    cards: Vec<Card>,
    try_rate: String,
    unit: &'static str,
    has_plan: bool,
    chart: Drawn,
    months: Vec<chart::MonthRow>,
    forecast: Option<String>,
    rate_rows: Vec<rate::RateRow>,
    rate_sentences: Vec<String>,
    parts: Vec<tables::PartRow>,
    parts_total: tables::PartRow,
    contributions: Vec<(String, String)>,
    joint: Vec<tables::JointRow>,
    transfers: Vec<tables::TransferRow>,
    roles: Vec<tables::RoleRow>,
    role_costs: Vec<(&'static str, String)>,
    initiatives: Vec<tables::InitiativeRow>,
    sees_books: bool,
    has_pdf: bool,
}

/// What the page is built from.
struct Input<'a> {
    year: &'a ObjectYear,
    /// What each month of the two years before collected, in öre.
    history: &'a BTreeMap<Month, i64>,
    now: Instant,
    language: Language,
    sees_books: bool,
    frame: Frame,
}

/// `GET /object`
pub(crate) async fn newest(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &[])?;
    let known = shared.view().await?.known_months().map(|(_, last)| last.year());
    let budgets = visit.catalogue.object.budgets.keys().copied();
    let year = newest_of(known.into_iter().chain(budgets), visit.now.month().year());
    let to = visit.params.path(&format!("/object/{year}"), "");
    Ok(Redirect::to(&to).into_response())
}

/// The newest of the years that there is something to say of, but none that is still to come; this one where there is none.
fn newest_of(years: impl Iterator<Item = i32>, now: i32) -> i32 {
    years.filter(|year| *year <= now).max().unwrap_or(now)
}

/// `GET /object/{year}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(year): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &[])?;
    let number = query::year(&year)?;
    let year = shared.biller.object_year(number).await.map_err(|error| crate::billing_problem(&error))?;
    let history = history(&shared, number).await?;
    let page = ObjectPage::build(Input {
        year: &year,
        history: &history,
        now: visit.now,
        language: visit.language,
        sees_books: visit.viewer.may(Permission::Books),
        frame: visit.frame(Section::Object),
    });
    visit.respond(&page.map_err(|error| Problem::internal(&error))?)
}

/// What the months of the two years before collected.
async fn history(shared: &Shared, year: i32) -> Result<BTreeMap<Month, i64>, Problem> {
    let first = first_month(year);
    let from = first.plus(12 - months::KNOWN);
    let bills = shared.biller.bills(from..first).await.map_err(|error| crate::billing_problem(&error))?;
    // Adding up a large month takes some milliseconds, which others would wait for.
    let summed = tokio::task::spawn_blocking(move || {
        let of = |bill: &std::sync::Arc<billing::Bill>| {
            (bill.month, progress::collected(&Account::of(&bill.charges)).ore())
        };
        bills.iter().map(of).collect()
    });
    summed.await.map_err(|error| Problem::internal(&error))
}

fn first_month(year: i32) -> Month {
    Month::new(year, 1).unwrap_or_else(|| unreachable!("the year was checked"))
}

/// A year that there is a page of.
fn neighbour(year: i32) -> Option<i32> {
    Month::new(year, 1).map(Month::year)
}

/// Everything that the parts of the page read.
struct Facts<'a> {
    year: &'a ObjectYear,
    named: Named<'a>,
    language: Language,
    w: &'static Words,
    progress: Progress,
    now: Month,
}

impl ObjectPage {
    fn build(input: Input<'_>) -> Result<Self, askama::Error> {
        let Input { year, history, now, language, sees_books, frame } = input;
        let catalogue = year.catalogue.as_ref();
        let budget = catalogue.object.budgets.get(&year.year);
        let facts = Facts {
            year,
            named: Named { catalogue, language },
            language,
            w: Words::of(language),
            progress: Progress::of(year, history, now.month()),
            now: now.month(),
        };
        let scale = facts.progress.scale();
        Ok(Self {
            t: Texts::of(language),
            w: facts.w,
            year: year.year,
            earlier: neighbour(year.year - 1),
            later: neighbour(year.year + 1),
            budget: budget.map(|budget| facts.named.decision(&budget.decision)),
            cards: facts.cards(),
            try_rate: facts.try_rate(),
            unit: scale.unit(language),
            has_plan: facts.progress.need.is_some(),
            chart: facts.chart(scale)?,
            months: facts.month_rows(),
            forecast: facts.forecast_sentence(),
            rate_rows: facts.rate_rows(),
            rate_sentences: facts.rate_sentences(),
            parts: facts.parts(),
            parts_total: facts.parts_total(),
            contributions: facts.contributions(),
            joint: facts.joint(),
            transfers: facts.transfers(),
            roles: facts.roles(),
            role_costs: facts.role_costs(),
            initiatives: facts.initiatives(),
            sees_books,
            has_pdf: cfg!(feature = "pdf"),
            page: frame,
        })
    }
}

impl Facts<'_> {
    fn kronor(&self, amount: Money) -> String {
        numbers::kronor(self.language, amount)
    }

    fn exact(&self, amount: Money) -> String {
        numbers::exact(self.language, amount)
    }

    /// The form that tries a rate in the months of this year.
    fn try_rate(&self) -> String {
        let first = first_month(self.year.year);
        format!("/simulate?from={first}&to={}", first.plus(11))
    }
}

#[cfg(test)]
mod tests;
