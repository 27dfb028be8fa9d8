//! Jamf Pro, simulated from the documentation of its API: `/api/v1/computers-inventory`, `/api/v2/mobile-devices/detail`
//! (`page`, `page-size`, `section`, `sort`, `totalCount`, `results`), and `/api/oauth/token` for API clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::http::StatusCode;
use collect::pull::source::{Failure, Nature};
use serde_json::{Value, json};

use super::simulator::{
    Ask, CLIENT, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, column, gather, waited,
};

/// How many devices of each kind there are at first.
const DEVICES: usize = 450;

/// A server, some of whose devices were removed.
#[derive(Default)]
struct Jamf {
    removed: AtomicUsize,
}

fn computer(number: usize) -> Value {
    json!({
        "id": number.to_string(),
        "udid": format!("{number:08X}-0000-1000-8000-0025B3F0A001"),
        "general": {
            "name": "Annas MacBook",
            "lastIpAddress": "10.1.2.3",
            "platform": "Mac",
            "assetTag": format!("LK{number}"),
            "reportDate": "2021-03-14T18:02:11.114Z",
            "lastContactTime": "2021-03-14T20:11:00.2Z",
            "remoteManagement": {"managed": true, "managementUsername": "admin"},
            "site": {"id": "7", "name": "UAF"},
            "supervised": false,
            // Those that are shown here; the others are a part of their own.
            "extensionAttributes": [{"definitionId": "2", "name": "Kontakt", "values": ["Anna"]}]
        },
        "extensionAttributes": [{"definitionId": "1", "name": "Ansvar", "values": ["441001"]}],
        "hardware": {"make": "Apple", "model": "MacBook Air", "modelIdentifier": "MacBookAir10,1", "serialNumber": format!("C{number}")},
        "userAndLocation": {
            "username": "anna01", "realname": "Anna Andersson", "email": "anna@example.org", "phone": "013-20 60 00",
            "departmentId": "3", "buildingId": "9", "room": "Annas rum"
        }
    })
}

fn mobile(number: usize) -> Value {
    json!({
        "mobileDeviceId": number.to_string(),
        "deviceType": "iOS",
        "general": {
            "udid": format!("0d8c{number}"), "displayName": "Annas iPad", "ipAddress": "10.1.2.3", "managed": true,
            "deviceOwnershipType": "Institutional", "siteId": "7", "lastInventoryUpdateDate": "2021-03-14T18:02:11Z"
        },
        "hardware": {"model": "iPad", "serialNumber": format!("D{number}"), "deviceId": "x"},
        "userAndLocation": {"username": "anna01", "realName": "Anna", "departmentId": "3"},
        "extensionAttributes": [{"id": "1", "name": "Ansvar", "value": ["441002"]}]
    })
}

impl Vendor for Jamf {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        let (make, id): (fn(usize) -> Value, _) = match ask.path.as_str() {
            "/api/v1/computers-inventory" => (computer, "id"),
            "/api/v2/mobile-devices/detail" => (mobile, "mobileDeviceId"),
            _ => return Err(StatusCode::NOT_FOUND),
        };
        if ask.query.get("sort") != Some(&format!("{id}:asc")) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let sections: Vec<&str> =
            ask.raw_query.split('&').filter_map(|pair| pair.strip_prefix("section=")).collect();
        let (size, page) = (ask.number("page-size", 100), ask.number("page", 0));
        let there = self.removed.load(Relaxed)..DEVICES;
        let total = there.len();
        let results = there.skip(page * size).take(size).map(|number| only(make(number), &sections));
        Ok(json!({"totalCount": total, "results": results.collect::<Vec<_>>()}))
    }

    fn remove(&self) {
        self.removed.fetch_add(1, Relaxed);
    }

    fn items(&self) -> &'static str {
        "/results"
    }

    fn token(&self, ask: &Ask) -> Option<bool> {
        let form = ask.form();
        let has = |name: &str, value: &str| form.get(name).is_some_and(|field| field == value);
        Some(has("grant_type", "client_credentials") && has("client_secret", "hemligt"))
    }
}

/// The sections that were asked for; others are null.
fn only(mut device: Value, sections: &[&str]) -> Value {
    let parts = [
        ("general", "GENERAL"),
        ("hardware", "HARDWARE"),
        ("userAndLocation", "USER_AND_LOCATION"),
        ("extensionAttributes", "EXTENSION_ATTRIBUTES"),
    ];
    for (part, section) in parts {
        if !sections.contains(&section) {
            device[part] = Value::Null;
        }
    }
    device
}

async fn simulate(settings: &str, script: Script) -> (Gathered, Simulator) {
    let simulator = Simulator::start(Arc::new(Jamf::default()), script).await;
    let source = simulator.open(&format!("kind = \"jamf\"\n{settings}"), "/", CLIENT);
    assert_eq!(source.nature(), Nature::Snapshot);
    (gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await, simulator)
}

const COMPUTERS: &str = "devices = \"computers\"\nextension_attributes = [\"Ansvar\"]";

#[tokio::test]
async fn every_computer_comes_once_without_its_user() {
    let (gathered, simulator) = simulate(COMPUTERS, vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len(), simulator.asked().len()), (0, 450, 3));
    let expected = [
        ("extension.Ansvar", "441001"),
        ("general.assetTag", "LK7"),
        ("general.lastContactTime", "2021-03-14T20:11:00.2Z"),
        ("general.platform", "Mac"),
        ("general.remoteManagement.managed", "true"),
        ("general.reportDate", "2021-03-14T18:02:11.114Z"),
        ("general.site.id", "7"),
        ("general.site.name", "UAF"),
        ("general.supervised", "false"),
        ("hardware.make", "Apple"),
        ("hardware.model", "MacBook Air"),
        ("hardware.modelIdentifier", "MacBookAir10,1"),
        ("hardware.serialNumber", "C7"),
        ("id", "7"),
        ("udid", "00000007-0000-1000-8000-0025B3F0A001"),
        ("userAndLocation.buildingId", "9"),
        ("userAndLocation.departmentId", "3"),
    ];
    let seventh: Vec<_> =
        gathered.records[7].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(seventh, expected);
    assert_free_of(&gathered.records, &["nna", "admin", "@", "10.1.", "13-20"]);
}

#[tokio::test]
async fn every_mobile_device_comes_once_without_its_user() {
    let settings = "devices = \"mobile-devices\"\nextension_attributes = [\"Ansvar\"]";
    let (gathered, _simulator) = simulate(settings, vec![]).await;
    let devices: std::collections::BTreeSet<_> =
        column(&gathered.records, "mobileDeviceId").into_iter().collect();
    assert_eq!((gathered.failures.len(), devices.len()), (0, 450));
    assert_eq!(column(&gathered.records, "extension.Ansvar")[0], "441002");
    assert_free_of(&gathered.records, &["nna", "10.1."]);
}

#[tokio::test]
async fn faults_delay_a_snapshot_and_take_nothing_from_it() {
    let script = vec![
        (1, Fault::Busy(3)),
        (3, Fault::Status(500)),
        (5, Fault::Cut),
        (6, Fault::Half),
        (8, Fault::Expired),
    ];
    let (gathered, simulator) = simulate(COMPUTERS, script).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (1, 450), "{:?}", gathered.failures);
    assert_eq!((waited(), simulator.asked().len()), (vec![3, 1, 1], 10));
    assert_eq!(simulator.tokens(), 3);
}

#[tokio::test]
async fn a_page_that_is_short_or_repeats_is_a_failure() {
    for (number, fault) in [(2, Fault::Repeat), (3, Fault::Repeat), (1, Fault::Fewer), (3, Fault::Fewer)] {
        let (gathered, _simulator) = simulate(COMPUTERS, vec![(number, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{fault:?}: {:?}", gathered.failures);
        assert_eq!(gathered.records.len(), 450);
    }
}

#[tokio::test]
async fn what_is_removed_between_pages_leaves_no_other_out() {
    // The first of the second page moves to the first page, which was read.
    let (gathered, simulator) = simulate(COMPUTERS, vec![(2, Fault::Removed)]).await;
    let [Failure::Broken(why)] = &gathered.failures[..] else { panic!("{:?}", gathered.failures) };
    assert!(why.contains("449") && why.contains("450"), "{why}");
    let mut numbers: Vec<usize> =
        gathered.records.iter().map(|record| record["id"].parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..450).collect::<Vec<_>>());
    assert_eq!(simulator.asked().len(), 2 + 3);
}
