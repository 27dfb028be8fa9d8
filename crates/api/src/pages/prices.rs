//! `GET /prices`: the price list by object product and service, with the decisions behind it, and the surcharge rates.

mod rows;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::Month;
use domain::access::Viewer;
use domain::catalogue::{Catalogue, PriceState};

use super::frame::{Frame, Section};
use super::named::Named;
use super::visit::Visit;
use super::words;
use crate::Shared;
use crate::language::Language;
use crate::numbers;
use crate::problem::{Kind, Problem};
use crate::session::Asker;
use crate::texts::{Texts, texts};

use rows::{ProductPart, RateRow};

texts! {
    /// The texts of the price list.
    Words {
        lead: "Vad tjänsterna kostar i månaden, utan moms och påslag, och vad som är beslutat om kommande priser.", "What the services cost in the month, without VAT and surcharge, and what is decided about coming prices.";
        filter: "Urval", "Selection";
        month: "Månad (som 2021-03)", "Month (like 2021-03)";
        state: "Läge", "State";
        service: "Tjänst", "Service";
        all_states: "Alla lägen", "All states";
        all_services: "Alla tjänster", "All services";
        show: "Visa", "Show";
        nothing: "Inga priser i urvalet.", "No prices in the selection.";
        what: "Mätare och klass", "Meter and class";
        price: "Pris, kr", "Price, SEK";
        validity: "Gäller", "Valid";
        decision: "Beslut", "Decision";
        cost_price: "Självkostnad, kr", "Cost price, SEK";
        joint: "Gemensam andel", "Joint share";
        try_it: "Pröva", "Try";
        try_price: "Pröva ett annat pris", "Try another price";
        per: "per", "per";
        until_further: "tills vidare", "until further notice";
        coming: "kommande", "coming";
        changes: "ändras", "changes";
        ends: "upphör", "ends";
        after: "efter", "after";
        no_surcharge: "inget påslag", "no surcharge";
        no_surcharge_note: "Tjänsten är under utveckling i månaden och bär inget påslag.", "The service is under development in the month and bears no surcharge.";
        rates: "Påslagets sats", "The surcharge rate";
        rate: "Sats", "Rate";
        from: "Gäller från", "Valid from";
        by: "Beslutad av", "Decided by";
        in_force: "gäller", "in force";
        earlier: "tidigare", "earlier";
        no_rates: "Ingen påslagssats är beslutad.", "No surcharge rate was decided.";
        try_rate: "Pröva en annan sats", "Try another rate";
        joint_note: "Andelen gäller alla betalare; andelar för vissa betalare står på tjänstens sida.", "The share holds for all payers; shares for some payers are on the service's page.";
    }
}

#[derive(Template)]
#[template(path = "prices.html")]
struct PricesPage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    month: Month,
    month_name: String,
    earlier: Option<String>,
    later: Option<String>,
    states: Vec<Choice>,
    services: Vec<Choice>,
    products: Vec<ProductPart>,
    rates: Vec<RateRow>,
    /// Whether what is not decided, cost prices and the form that tries prices are shown.
    sees_object: bool,
}

/// A choice of a list.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

/// What the page is built from.
struct Input<'a> {
    catalogue: &'a Catalogue,
    language: Language,
    month: Month,
    /// Only rows in this state.
    state: Option<PriceState>,
    /// Only this service.
    service: Option<&'a str>,
    viewer: &'a Viewer,
    frame: Frame,
}

/// The states, as the query names them.
const STATES: [(&str, PriceState); 3] =
    [("draft", PriceState::Draft), ("proposed", PriceState::Proposed), ("decided", PriceState::Decided)];

/// `GET /prices`
pub(crate) async fn get(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read_form(&shared, asker, &uri, &headers, &["month", "state", "service"])?;
    let asked = visit.params.one_of("state", &STATES.map(|(name, _)| name))?;
    let state = STATES.into_iter().find(|(name, _)| Some(*name) == asked).map(|(_, state)| state);
    let service = visit.params.get("service");
    if let Some(slug) = service
        && !visit.catalogue.services.contains_key(slug)
    {
        let shown: String = slug.chars().take(60).collect();
        return Err(Problem::new(Kind::NotFound).detail(
            format!("katalogen har ingen tjänst {shown}"),
            format!("the catalogue has no service {shown}"),
        ));
    }
    let page = PricesPage::build(Input {
        catalogue: &visit.catalogue,
        language: visit.language,
        month: visit.params.month("month")?.unwrap_or_else(|| visit.now.month()),
        state,
        service,
        viewer: &visit.viewer,
        frame: visit.frame(Section::Prices),
    });
    visit.respond(&page)
}

impl PricesPage {
    fn build(input: Input<'_>) -> Self {
        let language = input.language;
        let w = Words::of(language);
        let listed = rows::Listed {
            named: Named { catalogue: input.catalogue, language },
            w,
            month: input.month,
            viewer: input.viewer,
        };
        let state = |(name, state): (&str, PriceState)| Choice {
            value: name.to_owned(),
            label: words::price_state(language, state).to_owned(),
            is_chosen: input.state == Some(state),
        };
        let products = listed.products(|row| {
            input.state.is_none_or(|state| state == row.state)
                && input.service.is_none_or(|service| service == row.service)
        });
        Self {
            t: Texts::of(language),
            w,
            month: input.month,
            month_name: numbers::long_month(language, input.month),
            earlier: input.at(-1),
            later: input.at(1),
            states: STATES.into_iter().map(state).collect(),
            services: services(listed.named, input.service),
            products,
            rates: listed.rates(),
            sees_object: listed.sees_object(),
            page: input.frame,
        }
    }
}

impl Input<'_> {
    /// The same selection some months later.
    fn at(&self, months: i32) -> Option<String> {
        let month = Month::from_index(self.month.index() + months)?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("month", &month.to_string());
        let state = STATES.into_iter().find(|(_, state)| self.state == Some(*state)).map(|(name, _)| name);
        for (name, value) in [("state", state), ("service", self.service)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        Some(format!("/prices?{}", query.finish()))
    }
}

/// The services that have a price, by name.
fn services(named: Named<'_>, chosen: Option<&str>) -> Vec<Choice> {
    let priced = named.catalogue.services.keys().filter(|slug| {
        let mut prices = named.catalogue.prices.iter();
        prices.any(|row| row.service == **slug)
    });
    let mut choices: Vec<Choice> = priced
        .map(|slug| Choice {
            value: slug.clone(),
            label: named.service(slug).to_owned(),
            is_chosen: chosen == Some(slug.as_str()),
        })
        .collect();
    choices.sort_by_key(|choice| choice.label.to_lowercase());
    choices
}

#[cfg(test)]
mod tests;
