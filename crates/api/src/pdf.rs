//! Reports to read: `GET /v1/exports/{month}/report.pdf` and `GET /v1/reports/{year}?format=pdf`.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use billing::{YearGrouping, export};
use domain::Month;

use crate::Shared;
use crate::problem::Problem;

/// What a month's report is called among its exports.
pub(crate) const REPORT: &str = "report.pdf";

/// A month's report.
pub(crate) async fn month(shared: &Shared, month: Month, file_name: String) -> Result<Response, Problem> {
    let report = shared.biller.month_report(month).await.map_err(|error| crate::billing_problem(&error))?;
    typeset(file_name, move |out| export::month_pdf(&report, out)).await
}

/// A year's report, by service.
pub(crate) async fn year(shared: &Shared, year: i32) -> Result<Response, Problem> {
    let biller = &shared.biller;
    let asking = |error: billing::Error| crate::billing_problem(&error);
    let report = biller.year_report(year, YearGrouping::Service).await.map_err(asking)?;
    let mut bills = Vec::new();
    for month in &report.months {
        bills.push(biller.charges(month.month).await.map_err(asking)?);
    }
    let catalogue = shared.catalogue.load_full();
    typeset(format!("taxameter-{year}.pdf"), move |out| export::year_pdf(&report, &bills, &catalogue, out))
        .await
}

/// Typesetting takes a second or so of a processor, so it is done beside what answers others.
async fn typeset(
    file_name: String,
    write: impl FnOnce(&mut Vec<u8>) -> billing::Result<()> + Send + 'static,
) -> Result<Response, Problem> {
    let written = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        write(&mut bytes).map(|()| bytes)
    });
    let bytes = match written.await {
        Ok(written) => written.map_err(|error| crate::billing_problem(&error))?,
        Err(error) => return Err(Problem::internal(&error)),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")),
    ];
    Ok((headers, bytes).into_response())
}
