//! `GET /payers`: everybody who pays, with what and how it changed.

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
use crate::problem::Problem;
use crate::session::Asker;
use crate::texts::{Texts, texts};

texts! {
    /// The texts of the list of payers.
    Words {
        lead: "Vad varje förvaltning, bolag och objekt betalar. Välj en för att se dess rader.", "What each administration, company and object pays. Choose one to see its lines.";
        payer: "Betalare", "Payer";
        due: "Att betala", "To pay";
        change: "Mot månaden före", "Against the month before";
        year: "Mot i fjol", "Against last year";
        nothing: "Ingen har något att betala.", "Nobody has anything to pay.";
    }
}

#[derive(Template)]
#[template(path = "payers.html")]
struct PayersPage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    month_name: String,
    rows: Vec<Row>,
    sum: String,
}

struct Row {
    href: String,
    name: String,
    code: String,
    spark: String,
    due: String,
    change: String,
    year: String,
}

/// `GET /payers`
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
    let cubes = cube::cubes(&shared, &view, &visit.viewer, shown.plus(1 - months::SHOWN), shown).await?;
    let mut payers: BTreeMap<&str, (&str, BTreeMap<Month, Money>)> = BTreeMap::new();
    for cube in &cubes {
        for cell in &cube.cells {
            let payer = payers.entry(&cell.customer.code).or_default();
            payer.0 = &cell.customer.name;
            *payer.1.entry(cube.month).or_default() += cell.totals.net + cell.totals.surcharge;
        }
    }
    let language = visit.language;
    let window = months::window(shown);
    let row = |(code, (name, due)): (&&str, &(&str, BTreeMap<Month, Money>))| {
        let of = |month: Month| due.get(&month).copied();
        let change = |before: Option<Money>| {
            let both = before.zip(of(shown)).and_then(|(before, now)| numbers::change(language, before, now));
            both.unwrap_or_else(|| "–".to_owned())
        };
        let values: Vec<Option<i64>> = window.iter().map(|month| of(*month).map(Money::ore)).collect();
        Row {
            href: format!("/payers/{code}?month={shown}"),
            name: (*name).to_owned(),
            code: (*code).to_owned(),
            spark: chart::sparkline(&values),
            due: numbers::exact(language, of(shown).unwrap_or_default()),
            change: change(of(shown.previous())),
            year: change(of(shown.plus(-12))),
        }
    };
    let sum: Money = payers.values().filter_map(|(_, due)| due.get(&shown)).copied().sum();
    visit.respond(&PayersPage {
        page: visit.frame_of(Section::Payers, shown),
        t: Texts::of(language),
        w: Words::of(language),
        month_name: numbers::long_month(language, shown),
        rows: payers.iter().map(row).collect(),
        sum: numbers::exact(language, sum),
    })
}
