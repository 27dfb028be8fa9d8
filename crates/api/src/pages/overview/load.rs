//! `GET /`: gathers what the first page is built from.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use domain::access::Permission;
use domain::catalogue::{Catalogue, Meter};
use domain::object::planned;
use domain::usage::MeterKind;
use domain::{Instant, Month};
use store::AsOf;
use store::usage::GapKind;

use super::{Input, Overview, Quality};
use crate::Shared;
use crate::pages::causes;
use crate::pages::cube::{self, MonthFigures};
use crate::pages::frame::{Frame, Section};
use crate::pages::months;
use crate::pages::visit::Visit;
use crate::problem::Problem;
use crate::session::Asker;
use crate::texts::Texts;

/// `GET /`
pub(crate) async fn get(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read(&shared, asker, &uri, &headers, &["month"])?;
    let view = shared.view().await?;
    let Some((first, last)) = view.known_months() else {
        return visit.respond(&Start::new(&visit, &headers));
    };
    let shown = visit.shown(last, (first, last))?;
    // As many as a forecast is made from; the last whole month is compared with the same one of the year before.
    let months = cube::cubes(&shared, &view, &visit.viewer, shown.plus(1 - months::KNOWN), shown).await?;
    let months: Vec<MonthFigures> = months.iter().map(|cube| MonthFigures::of(cube)).collect();
    let quality = quality(&shared, &visit, shown).await?;
    let focus = visit.focus(last).min(shown);
    let bills = view.bills(focus.previous()..=focus).await;
    let bills = bills.map_err(|error| crate::billing_problem(&error))?;
    let why = |slug: &str| match bills.as_slice() {
        [before, after] => causes::of_service(&visit, before, after, slug),
        _ => String::new(),
    };
    let has_budget = visit.catalogue.object.budgets.contains_key(&shown.year());
    let to_collect = (has_budget && visit.viewer.may(Permission::Object))
        .then(|| planned(&visit.catalogue, shown.year()).required())
        .filter(|required| required.ore() > 0);
    let input = Input {
        why: &why,
        sees_all: visit.viewer.sees_all(),
        may_operate: visit.viewer.may(Permission::Operations),
        to_collect,
        has_files: visit.viewer.may(Permission::Books),
        catalogue: &visit.catalogue,
        language: visit.language,
        months: &months,
        last: shown,
        known: (first, last),
        quality,
        now: visit.now,
        frame: visit.frame_of(Section::Overview, shown),
    };
    let overview = Overview::build(input).map_err(|error| Problem::internal(&error))?;
    visit.respond(&overview)
}

async fn quality(shared: &Shared, visit: &Visit, month: Month) -> Result<Quality, Problem> {
    let now = visit.now;
    let bill = shared.biller.charges(month).await.map_err(|error| crate::billing_problem(&error))?;
    let bill = bill.seen_by(&visit.viewer);
    let failed = |error: store::Error| crate::store_problem(&error);
    let gaps = shared.store.gaps(month, AsOf::Newest).await.map_err(failed)?;
    let quarantined = shared.store.quarantine_counts().await.map_err(failed)?;
    let unattributed = &bill.unattributed;
    let checks = (shared.ready)().await;
    Ok(Quality {
        not_ready: checks.iter().filter(|check| !check.ok).map(|check| check.name).collect(),
        unattributed: unattributed.iter().map(|line| line.costcentre.to_string()).collect(),
        unattributed_cost: unattributed.iter().map(|line| line.gross).sum(),
        gaps: gaps.iter().filter(|gap| gap.kind == GapKind::Missing).count(),
        estimated: gaps.iter().filter(|gap| gap.kind == GapKind::Estimated).count(),
        quarantined: quarantined.iter().map(|(_, entries)| entries).sum(),
        // An open month runs to the last whole day.
        complete_to: (month == now.month()).then(|| now.day().pred_opt()).flatten(),
    })
}

/// What a program shows that has not counted anything: how to begin.
#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    page: Frame,
    t: &'static Texts,
    host: String,
    month: Month,
    event: String,
}

impl Start {
    fn new(visit: &Visit, headers: &HeaderMap) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8321");
        Self {
            page: visit.frame(Section::Overview),
            t: Texts::of(visit.language),
            host: host.to_owned(),
            month: visit.now.month(),
            event: example(&visit.catalogue, visit.now),
        }
    }
}

/// An event that the catalogue takes as it stands: one unit of the first meter that sums and needs no dimension.
fn example(catalogue: &Catalogue, now: Instant) -> String {
    let simple = |meter: &&Meter| {
        meter.kind == MeterKind::Sum
            && meter.event_type.is_some()
            && meter.dimensions.iter().all(|d| !d.rating)
    };
    let meters = catalogue
        .services
        .values()
        .flat_map(|service| service.meters.values().map(move |meter| (service, meter)));
    let found = meters
        .filter(|(_, meter)| simple(meter))
        .min_by_key(|(service, _)| (service.slug != "e-moten", &service.slug));
    let payer = catalogue.costcentres.values().find_map(|centre| {
        Some((centre, catalogue.customers.get(catalogue.payer(&centre.code, now.day())?)?))
    });
    let (Some((service, meter)), Some((centre, customer))) = (found, payer) else { return String::new() };
    let event_type = meter.event_type.as_deref().unwrap_or_default();
    format!(
        r#"{{"specversion":"1.0","id":"test-1","source":"/lkdata/test","subject":"room:test-1",
       "type":"{event_type}",
       "time":"{now}","dataschema":"urn:lkdata:schema:usage:1",
       "data":{{"service":"{}","meter":"{}","quantity":"1.5","unit":"{}",
               "customer":{{"kind":"{}","code":"{}","costcentre":"{}"}}}}}}"#,
        service.slug,
        meter.slug,
        meter.unit,
        customer.kind.name(),
        customer.code,
        centre.code
    )
}
