//! Intune, simulated from the documentation of Microsoft Graph v1.0: "List managedDevices", "Paging Microsoft Graph data in
//! your app", "Microsoft Graph throttling guidance".

use std::sync::Arc;

use axum::http::StatusCode;
use collect::pull::source::{Failure, Nature};
use serde_json::{Value, json};

use super::simulator::{
    Ask, CLIENT, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, column, gather, waited,
};

/// A tenant with so many devices, 100 on a page.
struct Graph {
    devices: usize,
}

const PAGE: usize = 100;

fn device(number: usize) -> Value {
    json!({
        "id": format!("{number:08x}-0000-4000-8000-00000000d001"),
        "userId": format!("{number:08x}-0000-4000-8000-00000000a001"),
        "deviceName": "ANNAS-IPHONE",
        "managedDeviceOwnerType": if number.is_multiple_of(3) { "personal" } else { "company" },
        "enrolledDateTime": "2020-08-17T07:12:09Z",
        "lastSyncDateTime": "2021-03-14T21:40:51Z",
        "operatingSystem": "iOS",
        "osVersion": "14.4",
        "complianceState": "compliant",
        "azureADRegistered": true,
        "deviceCategoryDisplayName": "441001",
        "emailAddress": "anna.andersson@example.org",
        "userPrincipalName": "anna.andersson@example.org",
        "userDisplayName": "Anna Andersson",
        "phoneNumber": "********89",
        "imei": "",
        "model": "iPhone SE",
        "manufacturer": "Apple",
        "serialNumber": format!("SN{number}"),
        "totalStorageSpaceInBytes": 64_000_000_000_u64
    })
}

impl Vendor for Graph {
    /// Answers `$select` with what it names. The server decides how many a page has, whatever `$top` wishes.
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        if ask.path != "/v1.0/deviceManagement/managedDevices" {
            return Err(StatusCode::NOT_FOUND);
        }
        let select = ask.query.get("$select").ok_or(StatusCode::BAD_REQUEST)?;
        let selected: Vec<&str> = select.split(',').collect();
        let from = ask.number("$skiptoken", 0);
        let until = self.devices.min(from + PAGE);
        let devices = (from..until).map(|number| {
            let Value::Object(mut fields) = device(number) else { unreachable!() };
            fields.retain(|name, _| selected.contains(&name.as_str()));
            Value::Object(fields)
        });
        let mut page = json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/managedDevices",
            "@odata.count": until - from,
            "value": devices.collect::<Vec<_>>(),
        });
        if until < self.devices {
            let next = format!("{}{}?$select={select}&$skiptoken={until}", ask.server, ask.path);
            page["@odata.nextLink"] = next.into();
        }
        Ok(page)
    }

    fn items(&self) -> &'static str {
        "/value"
    }

    fn link(&self) -> Option<&'static str> {
        Some("/@odata.nextLink")
    }

    /// Entra's token endpoint (OAuth 2.0 client credentials, "first case: access token request with a shared secret").
    fn token(&self, ask: &Ask) -> Option<bool> {
        let wanted = [
            ("client_id", "taxameter"),
            ("client_secret", "hemligt"),
            ("grant_type", "client_credentials"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let form = ask.form();
        Some(wanted.iter().all(|(name, value)| form.get(*name).is_some_and(|field| field == value)))
    }
}

const SCOPE: &str = "[connection.auth.parameters]\nscope = \"https://graph.microsoft.com/.default\"";

async fn simulate(devices: usize, script: Script) -> (Gathered, Simulator) {
    let simulator = Simulator::start(Arc::new(Graph { devices }), script).await;
    let source = simulator.open("kind = \"intune\"", "/v1.0/", &format!("{CLIENT}{SCOPE}"));
    assert_eq!(source.nature(), Nature::Snapshot);
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    (gathered, simulator)
}

#[tokio::test]
async fn every_device_comes_once_over_all_pages() {
    let (gathered, simulator) = simulate(250, vec![]).await;
    assert_eq!(gathered.failures, []);
    let devices: std::collections::BTreeSet<_> = column(&gathered.records, "id").into_iter().collect();
    assert_eq!((gathered.records.len(), devices.len()), (250, 250));
    let expected = [
        ("azureADRegistered", "true"),
        ("complianceState", "compliant"),
        ("deviceCategoryDisplayName", "441001"),
        ("enrolledDateTime", "2020-08-17T07:12:09Z"),
        ("id", "00000007-0000-4000-8000-00000000d001"),
        ("lastSyncDateTime", "2021-03-14T21:40:51Z"),
        ("managedDeviceOwnerType", "company"),
        ("manufacturer", "Apple"),
        ("model", "iPhone SE"),
        ("operatingSystem", "iOS"),
        ("osVersion", "14.4"),
        ("serialNumber", "SN7"),
        ("totalStorageSpaceInBytes", "64000000000"),
        ("userId", "00000007-0000-4000-8000-00000000a001"),
    ];
    let seventh: Vec<_> =
        gathered.records[7].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(seventh, expected);
    let asked = simulator.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[2].contains("$skiptoken=200"), "{}", asked[2]);
    // Persons are not even asked for.
    assert_free_of(&gathered.records, &["anna", "Anna", "ANNA", "*"]);
    assert!(!asked[0].contains("userDisplayName") && !asked[0].contains("emailAddress"), "{}", asked[0]);
}

#[tokio::test]
async fn faults_delay_a_snapshot_and_take_nothing_from_it() {
    let script = vec![
        (1, Fault::Busy(7)),
        (3, Fault::Status(503)),
        (5, Fault::Cut),
        (6, Fault::Half),
        (8, Fault::Expired),
    ];
    let (gathered, simulator) = simulate(250, script).await;
    assert_eq!(gathered.records.len(), 250);
    assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{:?}", gathered.failures);
    assert_eq!((waited(), simulator.asked().len()), (vec![7, 1, 1], 10));
    assert_eq!(simulator.tokens(), 3);
}

#[tokio::test]
async fn a_page_that_repeats_or_leads_elsewhere_is_a_failure() {
    for fault in [Fault::Repeat, Fault::Elsewhere] {
        let (gathered, _simulator) = simulate(250, vec![(2, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{fault:?}: {:?}", gathered.failures);
        assert_eq!(gathered.records.len(), 250);
    }
}

#[tokio::test]
async fn a_tenant_without_devices_gives_none() {
    let (gathered, _simulator) = simulate(0, vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (0, 0));
}
