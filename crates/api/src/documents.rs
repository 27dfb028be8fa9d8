//! `GET /v1/months/{month}/documents`: what each company is invoiced or credited for a closed month.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use domain::Month;
use domain::document::Document;
use serde::Serialize;

use crate::Shared;
use crate::cursor;
use crate::list::{Page, kronor};
use crate::problem::Problem;
use crate::query::{self, Params};

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    number: u64,
    #[serde(rename = "type")]
    kind: u16,
    month: String,
    customer: String,
    customer_name: String,
    net: String,
    surcharge: String,
    total: String,
}

/// `GET /v1/months/{month}/documents`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(month): Path<String>,
    uri: Uri,
) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let month = query::month("month", &month)?;
    let bill = shared.biller.charges(month).await.map_err(|error| crate::billing_problem(&error))?;
    let documents: Vec<&Document> = bill.documents.iter().collect();
    // Keys are compared as text: with their zeros numbers are in order.
    let key = |document: &&Document| vec![Some(format!("{:020}", document.number))];
    let (documents, next) = cursor::page(uri.path(), &params, documents, key)?;
    Ok(Json(Page { items: documents.into_iter().map(|document| item(month, document)).collect(), next }))
}

fn item(month: Month, document: &Document) -> Item {
    Item {
        number: document.number,
        kind: document.kind.code(),
        month: month.to_string(),
        customer: document.customer.code.clone(),
        customer_name: document.customer.name.clone(),
        net: kronor(document.net),
        surcharge: kronor(document.surcharge),
        total: kronor(document.total()),
    }
}
