//! `POST /v1/catalogue`: files of a catalogue → the version in force, unless it would change a closed month.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use billing::Application;
use catalog::Files;
use serde::{Deserialize, Serialize};

use crate::body;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::Deciding;

/// The largest catalogue: Linköping's has about 200 kB.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The files of a catalogue, each in base64 under its path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    files: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct InForce {
    version: String,
    changes: Vec<String>,
}

/// `POST /v1/catalogue`
pub(crate) async fn apply(
    Deciding(biller): Deciding,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<InForce>, Problem> {
    Params::read(&uri, &[])?;
    let Proposal { files } = body::read(&headers, &body, BODY_BYTES_MAX)?;
    let mut decoded = Files::default();
    for (path, text) in files {
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).map_err(|_| {
            Problem::new(Kind::InvalidBody)
                .detail(format!("{path} är inte base64"), format!("{path} is not base64"))
        })?;
        decoded.insert(path, bytes);
    }
    let applied = biller.apply_catalogue(&decoded).await;
    match applied.map_err(|error| crate::billing_problem(&error))? {
        Application::InForce { version, changes } => Ok(Json(InForce { version, changes })),
        Application::Refused { code, findings } => {
            let kind = match code.as_str() {
                "changes_closed_month" => Kind::ChangesClosedMonth,
                _ => Kind::InvalidCatalogue,
            };
            // Findings are in the catalogue's language, whatever the caller's is.
            let lines = findings.join("\n");
            Err(Problem::new(kind).detail(lines.clone(), lines))
        }
    }
}
