//! `GET /`: gathers what the first page is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use billing::Bill;
use domain::catalogue::{Catalogue, Meter};
use domain::usage::MeterKind;
use domain::{Instant, Month};
use futures::{StreamExt, TryStreamExt, stream};
use store::AsOf;
use store::usage::GapKind;

use super::{Input, MONTHS, Overview, Quality};
use crate::Shared;
use crate::figures::MonthFigures;
use crate::page::{self, Page};
use crate::problem::Problem;
use crate::query::Params;
use crate::texts::{Texts, texts};

/// How many months are asked for at the same time: most of them wait for short questions to the store.
const BILLS_AT_ONCE: usize = 6;

/// `GET /`
pub(crate) async fn get(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["month", "lang"])?;
    let language = page::language(&params, &headers)?;
    let asked = params.get("lang").is_some();
    let catalogue = shared.catalogue.load_full();
    let now = (shared.now)();
    let known =
        shared.store.months_with_usage(AsOf::Newest).await.map_err(|error| crate::store_problem(&error))?;
    let (Some(first), Some(last)) = (known.first().copied(), known.last().copied()) else {
        let start = Start::new(Page::new(language, "/", &catalogue, now), &headers, &catalogue, now);
        return page::respond(&start, language, asked);
    };
    let shown = params.month("month")?.unwrap_or(last).clamp(first, last);
    // One month more than is shown, so that the last whole month can be compared with the same one of the year before.
    let bills =
        bills(&shared, known.into_iter().filter(|month| (shown.plus(-MONTHS)..=shown).contains(month)))
            .await?;
    let quality = quality(&shared, shown, bills.get(&shown).map(AsRef::as_ref), now).await?;
    let months: Vec<MonthFigures> = bills.values().map(|bill| MonthFigures::of(bill)).collect();
    let input = Input {
        catalogue: &catalogue,
        language,
        months: &months,
        last: shown,
        known: (first, last),
        quality,
        now,
    };
    let overview = Overview::build(&input).map_err(|error| Problem::internal(&error))?;
    page::respond(&overview, language, asked)
}

async fn bills(
    shared: &Shared,
    months: impl Iterator<Item = Month>,
) -> Result<BTreeMap<Month, Arc<Bill>>, Problem> {
    let biller = &shared.biller;
    let bills = stream::iter(months)
        .map(|month| async move { biller.charges(month).await.map(|bill| (month, bill)) });
    let bills = bills.buffer_unordered(BILLS_AT_ONCE).try_collect().await;
    bills.map_err(|error| crate::billing_problem(&error))
}

async fn quality(
    shared: &Shared,
    month: Month,
    bill: Option<&Bill>,
    now: Instant,
) -> Result<Quality, Problem> {
    let failed = |error: store::Error| crate::store_problem(&error);
    let gaps = shared.store.gaps(month, AsOf::Newest).await.map_err(failed)?;
    let quarantined = shared.store.quarantine_counts().await.map_err(failed)?;
    let unattributed = bill.map_or(&[][..], |bill| &bill.unattributed);
    let costcentres: BTreeSet<&str> = unattributed.iter().map(|line| &*line.costcentre).collect();
    Ok(Quality {
        unattributed_costcentres: costcentres.len(),
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
    page: Page,
    t: &'static Texts,
    host: String,
    month: Month,
    event: String,
}

impl Start {
    fn new(page: Page, headers: &HeaderMap, catalogue: &Catalogue, now: Instant) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8321");
        let t = texts(page.language);
        Self { page, t, host: host.to_owned(), month: now.month(), event: example(catalogue, now) }
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
