//! `GET /services/{slug}/sources`: where a service's events come from. A page of its own, as the month's events are read.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Words, known};
use crate::Shared;
use crate::numbers;
use crate::pages::frame::{Frame, Section};
use crate::pages::visit::Visit;
use crate::problem::{Kind, Problem};
use crate::session::Asker;
use crate::texts::Texts;

#[derive(Template)]
#[template(path = "sources.html")]
struct SourcesPage<'v> {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    name: &'v str,
    month_name: String,
    back: String,
    rows: Vec<Row>,
}

struct Row {
    source: String,
    name: String,
    rows: String,
    last: String,
}

/// `GET /services/{slug}/sources`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(slug): Path<String>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &["month"])?;
    known(&visit, &slug)?;
    if !visit.viewer.sees_service(&slug) {
        return Err(Problem::new(Kind::NotFound));
    }
    let month = visit.params.month("month")?.unwrap_or_else(|| visit.focus(visit.now.month()));
    let found = shared.store.sources_of(month, &slug).await.map_err(|error| crate::store_problem(&error))?;
    let language = visit.language;
    let row = |source: store::usage::SourceOf| Row {
        name: visit
            .catalogue
            .sources
            .get(&source.source)
            .map_or_else(String::new, |known| known.name.clone()),
        source: source.source,
        rows: numbers::whole(language, i64::try_from(source.rows).unwrap_or(i64::MAX)),
        last: numbers::instant(source.last),
    };
    visit.respond(&SourcesPage {
        page: visit.frame(Section::Services),
        t: Texts::of(language),
        w: Words::of(language),
        name: visit.named().service(&slug),
        month_name: numbers::long_month(language, month),
        back: format!("/services/{slug}?month={month}"),
        rows: found.into_iter().map(row).collect(),
    })
}
