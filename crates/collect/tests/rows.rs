//! Files of CSV as a print server's people send them.

use serde_json::{Value, json};

use crate::http::{Answer, refusal, send};
use crate::support::Stand;

/// As Excel saves it in Sweden.
const SWEDISH: &str = "\u{feff}Tid;Skrivare;Jobb;Ansvar;Sidor;Gråskala;Användare\r\n\
    2021-03-15 09:00;prt01;17;110200;12;GRAYSCALE;kb\r\n\
    2021-03-15 09:05;prt01;18;999999;3;NOT GRAYSCALE;\"a;b\"\r\n";

/// The same rows from elsewhere.
const ENGLISH: &str = "jobb,TID,skrivare,sidor,ansvar,gråskala\n\
    17,2021-03-15 09:00,prt01,12,110200,GRAYSCALE\n\
    18,2021-03-15T09:05,prt01,3,999999,NOT GRAYSCALE\n";

async fn stand() -> Stand {
    Stand::with(catalog::check(&catalog::linkoping()).unwrap().catalogue).await
}

async fn post(stand: &Stand, query: &str, body: impl Into<Vec<u8>>) -> Answer {
    send(stand, &format!("/v1/events{query}"), &[("content-type", "text/csv")], body.into()).await
}

async fn logged(stand: &Stand) -> Vec<Value> {
    stand.logged().await.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

#[tokio::test]
async fn a_row_becomes_the_event_that_its_system_would_have_sent() {
    let stand = stand().await;
    let answer = post(&stand, "?mapping=papercut", SWEDISH).await;
    assert_eq!((answer.status.as_u16(), answer.body), (202, json!({"accepted": 2, "rejected": []})));
    let events = logged(&stand).await;
    let want = json!({
        "specversion": "1.0",
        "id": "2021-03-15 09:00|prt01|17",
        "source": "/lkdata/collector/papercut/print01",
        "type": "se.linkoping.lkdata.usage.print.job.v1",
        "subject": "printer:prt01",
        "time": "2021-03-15T08:00:00Z",
        "dataschema": "urn:lkdata:schema:usage:1",
        "data": {
            "service": "skrivare-mfp",
            "meter": "page",
            "quantity": "12",
            "unit": "page",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"},
            "dims": {"colour": "mono"},
        },
    });
    assert_eq!(events[0], want);
    // Nobody owns the cost centre: counted all the same, and shown as unattributed.
    assert_eq!(
        events[1]["data"]["customer"],
        json!({"kind": "forvaltning", "code": "OKAND", "costcentre": "999999"})
    );
    assert_eq!(events[1]["data"]["dims"], json!({"colour": "colour"}));
}

#[tokio::test]
async fn both_dialects_are_the_same_rows() {
    let (swedish, english) = (stand().await, stand().await);
    post(&swedish, "?mapping=papercut", SWEDISH).await;
    post(&english, "?atomic=true&mapping=papercut", ENGLISH).await;
    let (mut swedish, english) = (logged(&swedish).await, logged(&english).await);
    // A time is written in another way in the second file, and makes another id.
    assert_eq!((swedish.len(), english[1]["id"].as_str()), (2, Some("2021-03-15T09:05|prt01|18")));
    swedish[1]["id"] = english[1]["id"].clone();
    assert_eq!(swedish, english);
}

#[tokio::test]
async fn what_is_wrong_with_a_row_is_said_of_that_row() {
    let stand = stand().await;
    let rows = [
        "Tid;Skrivare;Jobb;Ansvar;Sidor;Gråskala",
        "2021-03-15 09:00;prt01;1;110200;1;GRAYSCALE",
        "15/3 2021;prt01;2;110200;1;GRAYSCALE",
        "2021-03-15 09:00;prt01;3;110200;1.234,5;GRAYSCALE",
        "2021-03-15 09:00;prt01;4;110200;1;BLÅ",
        "2021-03-15 09:00;prt01;5;110200;1;",
        "2021-03-28 02:30;prt01;6;110200;1;GRAYSCALE",
        "2021-03-15 09:00;prt01;7;110200;-1;GRAYSCALE",
    ];
    let answer = post(&stand, "?mapping=papercut", rows.join("\n")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["accepted"]), (202, &json!(2)), "{}", answer.body);
    let rejected = answer.body["rejected"].as_array().unwrap();
    let named: Vec<_> =
        rejected.iter().map(|r| (r["index"].as_u64().unwrap(), r["code"].as_str().unwrap())).collect();
    let want = [
        (1, "invalid_time"),
        (2, "invalid_quantity"),
        (3, "unknown_dimension_value"),
        (4, "missing_dimension"),
        (5, "invalid_time"),
    ];
    assert_eq!(named, want);
}

/// The file with a quote that is opened before a text, and never closed.
fn quoted_from(text: &str) -> Vec<u8> {
    SWEDISH.replace('"', "").replacen(text, &format!("\"{text}"), 1).into()
}

#[tokio::test]
async fn what_is_wrong_with_the_file_refuses_all_of_it() {
    let stand = stand().await;
    let header = SWEDISH.lines().next().unwrap();
    let cases = [
        ("", SWEDISH.as_bytes().to_vec(), (400, "invalid_query"), "papercut"),
        ("?mapping=print", SWEDISH.into(), (400, "invalid_query"), "papercut"),
        (
            "?mapping=papercut",
            SWEDISH.replacen("Ansvar", "Konto", 1).into(),
            (400, "invalid_body"),
            "\"Ansvar\"",
        ),
        ("?mapping=papercut", format!("{SWEDISH}2021-03-15;prt01").into(), (400, "invalid_body"), "row 3 "),
        ("?mapping=papercut", b"Tid;\xe5".to_vec(), (400, "invalid_body"), "UTF-8"),
        ("?mapping=papercut", SWEDISH.replacen("17", "17\0", 1).into(), (400, "invalid_body"), "NUL"),
        // It would take the second row, or all rows, for one cell.
        ("?mapping=papercut", quoted_from("prt01"), (400, "invalid_body"), "quote that is opened in row 1 "),
        (
            "?mapping=papercut",
            quoted_from("Användare"),
            (400, "invalid_body"),
            "quote that is opened in the heading",
        ),
        ("?mapping=papercut", Vec::new(), (400, "invalid_body"), "no column"),
    ];
    for (query, body, want, word) in cases {
        let answer = post(&stand, query, body).await;
        assert_eq!(refusal(&answer), want);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{detail}");
    }
    let rows = "2021-03-15;prt01;1;110200;1;GRAYSCALE;\n".repeat(10_001);
    let answer = post(&stand, "?mapping=papercut", format!("{header}\n{rows}")).await;
    assert_eq!(refusal(&answer), (413, "too_many_events"));
    assert!(stand.logged().await.is_empty());
}
