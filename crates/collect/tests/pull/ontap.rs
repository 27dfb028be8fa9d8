//! NetApp ONTAP, simulated from the documentation of its REST API: `/storage/volumes`, `/storage/quota/reports`, "Records and
//! pages" (`max_records`, `num_records`, `_links.next.href`).

use std::sync::Arc;

use axum::http::StatusCode;
use collect::pull::source::{Failure, Nature};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::simulator::{
    Ask, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, column, gather, waited,
};

/// A cluster with so many volumes, each with three qtrees, of which it gives 50 at a time.
struct Cluster {
    volumes: usize,
}

const PAGE: usize = 50;
const AUTH: &str = "kind = \"basic\"\nuser = \"taxameter\"\npassword_file = \"SECRET\"";

fn volume(number: usize) -> Value {
    json!({
        "uuid": format!("{number:08x}-502d-11e9-8771-005056a7f717"),
        "name": format!("vol{number}"),
        "comment": "520310",
        "type": "rw",
        "style": "flexvol",
        "state": "online",
        "svm": {"name": "svm1", "uuid": "b5087518-40b3-11ed-b3eb-005056bbe901"},
        "space": {"size": 2_500_000_000_000_u64, "used": 1_834_217_984_000_u64 + number as u64, "available": 1},
        "nas": {"export_policy": {"name": "anna"}},
        "_links": {"self": {"href": "/api/storage/volumes/x"}}
    })
}

fn quota(number: usize) -> Value {
    json!({
        "index": number % 3,
        "type": "tree",
        "svm": {"name": "svm1"},
        "volume": {"name": format!("vol{}", number / 3), "uuid": format!("{:08x}-502d-11e9", number / 3)},
        "qtree": {"name": format!("skola{number}"), "id": number % 3},
        "users": [{"name": "LKDATA\\anna", "id": "300008"}],
        "space": {"used": {"total": 8192 + number}, "hard_limit": 1_000_000}
    })
}

impl Vendor for Cluster {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        let all: Vec<Value> = match ask.path.as_str() {
            "/api/storage/volumes" => (0..self.volumes).map(volume).collect(),
            "/api/storage/quota/reports" if ask.query.get("type").is_some_and(|kind| kind == "tree") => {
                (0..3 * self.volumes).map(quota).collect()
            }
            _ => return Err(StatusCode::NOT_FOUND),
        };
        let fields = ask.query.get("fields").ok_or(StatusCode::BAD_REQUEST)?;
        assert!(fields.contains("space.used") && ask.number("max_records", 0) > 0, "{ask:?}");
        let from = ask.number("start.index", 0);
        let until = all.len().min(from + PAGE);
        let mut page = json!({
            "records": all[from..until],
            "num_records": until - from,
            "_links": {"self": {"href": format!("{}?{}", ask.path, ask.raw_query)}}
        });
        if until < all.len() {
            // A path, not a whole address.
            let kept = ask.raw_query.split('&').filter(|pair| !pair.starts_with("start."));
            let query = kept.collect::<Vec<_>>().join("&");
            page["_links"]["next"] = json!({"href": format!("{}?start.index={until}&{query}", ask.path)});
        }
        Ok(page)
    }

    fn items(&self) -> &'static str {
        "/records"
    }

    fn link(&self) -> Option<&'static str> {
        Some("/_links/next/href")
    }

    fn lets_in(&self, ask: &Ask) -> bool {
        ask.header("authorization") == format!("Basic {}", BASE64.encode(b"taxameter:hemligt"))
    }
}

async fn simulate(settings: &str, script: Script) -> (Gathered, Simulator) {
    let simulator = Simulator::start(Arc::new(Cluster { volumes: 120 }), script).await;
    let source = simulator.open(&format!("kind = \"ontap\"\n{settings}"), "/", AUTH);
    assert_eq!(source.nature(), Nature::Snapshot);
    (gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await, simulator)
}

#[tokio::test]
async fn every_volume_comes_once_over_all_pages() {
    let (gathered, simulator) = simulate("fields = [\"comment\"]", vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len(), simulator.asked().len()), (0, 120, 3));
    let expected = [
        ("comment", "520310"),
        ("name", "vol7"),
        ("space.available", "1"),
        ("space.size", "2500000000000"),
        ("space.used", "1834217984007"),
        ("state", "online"),
        ("style", "flexvol"),
        ("svm.name", "svm1"),
        ("svm.uuid", "b5087518-40b3-11ed-b3eb-005056bbe901"),
        ("type", "rw"),
        ("uuid", "00000007-502d-11e9-8771-005056a7f717"),
    ];
    let seventh: Vec<_> =
        gathered.records[7].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(seventh, expected);
}

#[tokio::test]
async fn qtrees_come_without_the_users_of_their_quotas() {
    let (gathered, _simulator) = simulate("report = \"qtrees\"", vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (0, 360));
    assert_eq!(column(&gathered.records, "qtree.name")[1], "skola1");
    assert!(column(&gathered.records, "space.used.total").contains(&"8199"));
    assert_free_of(&gathered.records, &["anna", "300008"]);
}

#[tokio::test]
async fn faults_delay_a_snapshot_and_take_nothing_from_it() {
    let script = vec![(1, Fault::Busy(3)), (3, Fault::Status(500)), (5, Fault::Cut), (6, Fault::Half)];
    let (gathered, _simulator) = simulate("", script).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (1, 120), "{:?}", gathered.failures);
    assert_eq!(waited(), [3, 1, 1]);
}

#[tokio::test]
async fn a_page_that_is_short_repeats_or_leads_elsewhere_is_a_failure() {
    for fault in [Fault::Fewer, Fault::Repeat, Fault::Elsewhere] {
        let (gathered, _simulator) = simulate("", vec![(2, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{fault:?}: {:?}", gathered.failures);
        assert_eq!(gathered.records.len(), 120);
    }
}
