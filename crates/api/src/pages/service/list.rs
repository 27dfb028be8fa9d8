//! `GET /services`: every service, by object product, with what it costs and where that is heading.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::{Money, Month};

use crate::Shared;
use crate::chart;
use crate::numbers;
use crate::pages::cube;
use crate::pages::frame::{Frame, Section};
use crate::pages::months;
use crate::pages::visit::Visit;
use crate::pages::words;
use crate::problem::Problem;
use crate::session::Asker;
use crate::texts::{Texts, texts};

texts! {
    /// The texts of the list of services.
    Words {
        lead: "Varje tjänst med vad den kostade, hur det ändrades och vad som väntas. Välj en för att se varför.", "Every service with what it cost, how that changed and what is expected. Choose one to see why.";
        cost: "Kostnad", "Cost";
        change: "Mot månaden före", "Against the month before";
        year: "Mot i fjol", "Against last year";
        expected: "Väntat", "Expected";
        nothing: "Ingen användning än.", "No usage yet.";
    }
}

#[derive(Template)]
#[template(path = "services.html")]
struct ServicesPage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    month_name: String,
    next_name: String,
    data: String,
    products: Vec<ProductPart>,
}

struct ProductPart {
    name: String,
    rows: Vec<Row>,
}

struct Row {
    href: String,
    name: String,
    spark: String,
    cost: String,
    change: String,
    year: String,
    expected: String,
    order: std::cmp::Reverse<i64>,
}

/// `GET /services`
pub(crate) async fn get(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &["month"])?;
    let view = shared.view().await?;
    let (first, last) = view.known_months().unwrap_or((visit.now.month(), visit.now.month()));
    let shown = visit.shown(visit.focus(last), (first, last))?;
    let cubes = cube::cubes(&shared, &view, &visit.viewer, shown.plus(1 - months::KNOWN), shown).await?;
    let mut costs: BTreeMap<&str, BTreeMap<Month, i64>> = BTreeMap::new();
    for cube in &cubes {
        for (service, figures) in cube.services() {
            costs.entry(service).or_default().insert(cube.month, figures.gross.ore());
        }
    }
    let mut products: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for (slug, service) in &visit.catalogue.services {
        let of_service = costs.get(slug.as_str());
        // Who sees but a part sees the services that this part has.
        if of_service.is_none() && !visit.viewer.sees_service(slug) {
            continue;
        }
        let row = row(&visit, slug, of_service.unwrap_or(&BTreeMap::new()), shown);
        products.entry(&service.product).or_default().push(row);
    }
    let part = |(code, mut rows): (&str, Vec<Row>)| {
        rows.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        let product = visit.catalogue.products.get(code);
        let name = product.map_or(code, |product| words::of(visit.language, &product.name, &product.name_en));
        ProductPart { name: name.to_owned(), rows }
    };
    visit.respond(&ServicesPage {
        page: visit.frame_of(Section::Services, shown),
        t: Texts::of(visit.language),
        w: Words::of(visit.language),
        month_name: numbers::long_month(visit.language, shown),
        next_name: numbers::long_month(visit.language, shown.next()),
        data: format!("/v1/costs?from={}&to={shown}", shown.plus(1 - months::SHOWN)),
        products: products.into_iter().map(part).collect(),
    })
}

fn row(visit: &Visit, slug: &str, costs: &BTreeMap<Month, i64>, shown: Month) -> Row {
    let language = visit.language;
    let cost = |month: Month| costs.get(&month).copied().map(Money::from_ore);
    let now = cost(shown);
    let change = |before: Option<Money>| {
        let both = before.zip(now).and_then(|(before, now)| numbers::change(language, before, now));
        both.unwrap_or_else(|| "–".to_owned())
    };
    let forecast = months::expect(costs, visit.now.month());
    let next =
        forecast.as_ref().and_then(|forecast| forecast.months.iter().find(|e| e.month == shown.next()));
    let kronor = |amount: Option<Money>| {
        amount.map_or_else(
            || "–".to_owned(),
            |amount| numbers::scaled(language, amount, numbers::Scale::Kronor),
        )
    };
    let window = months::window(shown);
    let values: Vec<Option<i64>> = window.iter().map(|month| costs.get(month).copied()).collect();
    Row {
        href: format!("/services/{slug}?month={shown}"),
        name: visit.named().service(slug).to_owned(),
        spark: chart::sparkline(&values),
        cost: kronor(now),
        change: change(cost(shown.previous())),
        year: change(cost(shown.plus(-12))),
        expected: kronor(next.and_then(|e| i64::try_from(e.mid).ok()).map(Money::from_ore)),
        order: std::cmp::Reverse(now.unwrap_or_default().ore()),
    }
}
