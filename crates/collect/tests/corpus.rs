//! The seeds of the fuzz targets and the examples of the schema: what must hold of any bytes holds of them, and a live
//! intake answers for each of their events.

#[path = "../../../tests/fuzz/src/csv.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets call it from outside their crate")]
mod csv;
#[path = "../../../tests/fuzz/src/event.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets call it from outside their crate")]
mod event;

use std::path::Path;

use collect::http::media::Form;

use crate::http::send;
use crate::support::Stand;

/// The bytes of every file of a folder, with its name.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> =
        paths.map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect();
    assert!(files.len() > 1, "{}", folder.display());
    files
}

async fn stand() -> Stand {
    Stand::with(catalog::check(&catalog::linkoping()).unwrap().catalogue).await
}

/// Sends a body and returns how many events the answer speaks of; none when it was refused whole.
async fn answered(stand: &Stand, target: &str, content_type: &str, body: Vec<u8>) -> Option<usize> {
    let answer = send(stand, target, &[("content-type", content_type)], body).await;
    match answer.status.as_u16() {
        202 => {
            let rejected = answer.body["rejected"].as_array().unwrap().len();
            Some(usize::try_from(answer.body["accepted"].as_u64().unwrap()).unwrap() + rejected)
        }
        400 => None,
        status => panic!("{status}: {}", answer.body),
    }
}

#[tokio::test]
async fn every_event_of_a_body_is_answered_for_whatever_the_body_holds() {
    let stand = stand().await;
    let forms = [
        ("application/json", Form::Either),
        ("application/cloudevents+json", Form::One),
        ("application/cloudevents-batch+json", Form::Batch),
        ("application/x-ndjson", Form::Lines),
    ];
    let folders =
        ["tests/fuzz/seeds/event", "schemas/events/valid", "schemas/events/invalid", "schemas/events/parked"];
    for (name, body) in folders.into_iter().flat_map(files) {
        event::check(&body);
        for (content_type, form) in forms {
            let count = form.events(&body, 10_000).ok().map(|events| events.len());
            let answered = answered(&stand, "/v1/events", content_type, body.clone()).await;
            assert_eq!(answered, count, "{name} as {content_type}");
        }
    }
}

#[tokio::test]
async fn every_row_of_a_file_is_answered_for_whatever_the_file_holds() {
    let stand = stand().await;
    let catalogue = catalog::check(&catalog::linkoping()).unwrap().catalogue;
    let mut taken = 0;
    for (name, body) in files("tests/fuzz/seeds/csv") {
        csv::check(&body);
        let rows = collect::http::rows::events(&body, Some("papercut"), &catalogue, 10_000).ok();
        let answered = answered(&stand, "/v1/events?mapping=papercut", "text/csv", body).await;
        assert_eq!(answered, rows.map(|rows| rows.len()), "{name}");
        taken += answered.unwrap_or(0);
    }
    assert!(taken > 50, "{taken}");
}
