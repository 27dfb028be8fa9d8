//! Google's Directory API, simulated from its documentation: "chromeosdevices.list" (`pageToken`, `nextPageToken`, `fields`),
//! and "Using OAuth 2.0 for server to server applications", whose signed claim is verified.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::http::StatusCode;
use collect::pull::source::{Failure, Nature};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

use super::simulator::{
    Ask, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, at, column, gather, waited,
};

const SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.device.chromeos.readonly";
const ACCOUNT: &str = "taxameter@lkdata.iam.gserviceaccount.com";
const PAGE: usize = 100;

/// A Google Workspace with so many devices, in units by turns, and the public key of a service account.
struct Google {
    devices: usize,
    public_key: Vec<u8>,
}

fn device(number: usize) -> Value {
    json!({
        "kind": "admin#directory#chromeosdevice",
        "deviceId": format!("{number:08x}-ffd8-4b58-b9ca-5a1d3b1c0001"),
        "serialNumber": format!("5CD{number}"),
        "status": if number.is_multiple_of(9) { "DEPROVISIONED" } else { "ACTIVE" },
        "orgUnitPath": if number.is_multiple_of(2) { "/UAF/Skola A" } else { "/UAF/Skola B" },
        "annotatedAssetId": "441001",
        "annotatedUser": "anna@example.org",
        "annotatedLocation": "Annas rum",
        "recentUsers": [{"type": "USER_TYPE_MANAGED", "email": "anna@example.org"}],
        "lastSync": "2021-03-14T21:40:51.432Z",
        "lastEnrollmentTime": "2020-08-17T07:12:09.000Z",
        "model": "HP Chromebook 11 G8 EE",
        "osVersion": "89.0.4389.95",
        "ethernetMacAddress": "",
        "lastKnownNetwork": [{"ipAddress": "10.1.2.3"}]
    })
}

impl Vendor for Google {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        if ask.path != "/admin/directory/v1/customer/my_customer/devices/chromeos"
            || ask.number("maxResults", 0) > 300
        {
            return Err(StatusCode::BAD_REQUEST);
        }
        // A partial response: "kind,nextPageToken,chromeosdevices(deviceId,status)".
        let fields = ask.query.get("fields").ok_or(StatusCode::BAD_REQUEST)?;
        let fields = fields
            .strip_prefix("kind,nextPageToken,chromeosdevices(")
            .and_then(|rest| rest.strip_suffix(')'));
        let fields: Vec<&str> = fields.ok_or(StatusCode::BAD_REQUEST)?.split(',').collect();
        let unit = ask.query.get("orgUnitPath").cloned().unwrap_or_default();
        let all = (0..self.devices).map(device);
        let all: Vec<Value> =
            all.filter(|one| one["orgUnitPath"].as_str().unwrap().starts_with(&unit)).collect();
        let from =
            ask.query.get("pageToken").map_or(0, |token| token.strip_prefix("t=").unwrap().parse().unwrap());
        let until = all.len().min(from + PAGE);
        let devices = all[from..until].iter().map(|one| {
            let mut one = one.as_object().unwrap().clone();
            one.retain(|name, _| fields.contains(&name.as_str()));
            Value::Object(one)
        });
        let devices: Vec<Value> = devices.collect();
        let mut page = json!({"kind": "admin#directory#chromeosdevices"});
        if !devices.is_empty() {
            page["chromeosdevices"] = devices.into();
        }
        if until < all.len() {
            page["nextPageToken"] = format!("t={until}").into();
        }
        Ok(page)
    }

    fn items(&self) -> &'static str {
        "/chromeosdevices"
    }

    fn token(&self, ask: &Ask) -> Option<bool> {
        let form = ask.form();
        let is_grant = form
            .get("grant_type")
            .is_some_and(|grant| grant == "urn:ietf:params:oauth:grant-type:jwt-bearer");
        Some(is_grant && form.get("assertion").is_some_and(|assertion| self.verify(assertion, &ask.server)))
    }
}

impl Google {
    /// Whether a claim is signed by the service account and claims what Google wants.
    fn verify(&self, assertion: &str, server: &str) -> bool {
        let Some((signed, signature)) = assertion.rsplit_once('.') else { return false };
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        if key.verify(signed.as_bytes(), &signature).is_err() {
            return false;
        }
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part: &str| -> Value {
            serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        let now = at("2021-03-15T12:00:00Z").to_utc().timestamp();
        let expected = json!({
            "iss": ACCOUNT, "scope": SCOPE, "aud": format!("{server}/token"), "sub": "admin@example.org",
            "iat": now, "exp": now + 3600
        });
        json(header) == json!({"alg": "RS256", "typ": "JWT"}) && json(claims) == expected
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

/// `signed_by` is the key in the service account's file; it is the one that Google knows unless said.
async fn simulate(
    devices: usize,
    settings: &str,
    script: Script,
    signed_by: Option<KeyPair>,
) -> (Simulator, Box<dyn collect::pull::source::Source>) {
    let known = new_key();
    let public_key = known.public_key().as_ref().to_vec();
    let simulator = Simulator::start(Arc::new(Google { devices, public_key }), script).await;
    let key: Pkcs8V1Der<'_> = signed_by.as_ref().unwrap_or(&known).as_der().unwrap();
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(key.as_ref()));
    let file = json!({
        "type": "service_account", "client_email": ACCOUNT, "private_key": pem,
        "token_uri": format!("{}/token", simulator.url())
    });
    std::fs::write(simulator.directory.path().join("secret"), file.to_string()).unwrap();
    let auth = format!(
        "kind = \"service_account\"\nkey_file = \"SECRET\"\nscope = \"{SCOPE}\"\nsubject = \"admin@example.org\""
    );
    let source = simulator.open(&format!("kind = \"chrome\"\n{settings}"), "/", &auth);
    assert_eq!(source.nature(), Nature::Snapshot);
    (simulator, source)
}

async fn gathered(devices: usize, settings: &str, script: Script) -> (Gathered, Simulator) {
    let (simulator, source) = simulate(devices, settings, script, None).await;
    (gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await, simulator)
}

#[tokio::test]
async fn every_device_comes_once_over_all_pages_and_no_user() {
    let (gathered, simulator) = gathered(250, "", vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len(), simulator.asked().len()), (0, 250, 3));
    let expected = [
        ("annotatedAssetId", "441001"),
        ("deviceId", "00000007-ffd8-4b58-b9ca-5a1d3b1c0001"),
        ("lastEnrollmentTime", "2020-08-17T07:12:09.000Z"),
        ("lastSync", "2021-03-14T21:40:51.432Z"),
        ("model", "HP Chromebook 11 G8 EE"),
        ("orgUnitPath", "/UAF/Skola B"),
        ("osVersion", "89.0.4389.95"),
        ("serialNumber", "5CD7"),
        ("status", "ACTIVE"),
    ];
    let seventh: Vec<_> =
        gathered.records[7].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(seventh, expected);
    assert_free_of(&gathered.records, &["nna", "@", "10.1."]);
    // They are not even asked for.
    assert!(!simulator.asked()[0].contains("User"));
}

#[tokio::test]
async fn a_unit_gives_its_devices_and_one_without_gives_none() {
    let (one, simulator) = gathered(250, "unit = \"/UAF/Skola A\"", vec![]).await;
    assert_eq!(column(&one.records, "orgUnitPath"), ["/UAF/Skola A"; 125]);
    assert!(simulator.asked()[0].contains("includeChildOrgunits=true"));
    let (none, _simulator) = gathered(250, "unit = \"/KLF\"", vec![]).await;
    assert_eq!((none.failures.len(), none.records.len()), (0, 0));
}

#[tokio::test]
async fn faults_delay_a_snapshot_and_take_nothing_from_it() {
    let script = vec![
        (1, Fault::OverQuota),
        (3, Fault::Status(503)),
        (5, Fault::Cut),
        (6, Fault::Half),
        (8, Fault::Expired),
    ];
    let (gathered, simulator) = gathered(250, "", script).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (1, 250), "{:?}", gathered.failures);
    assert_eq!(waited(), [30, 1, 1]);
    assert_eq!(simulator.tokens(), 3);
}

#[tokio::test]
async fn a_page_that_repeats_or_is_empty_is_a_failure() {
    for (number, fault) in [(2, Fault::Repeat), (3, Fault::Repeat), (1, Fault::Empty), (3, Fault::Empty)] {
        let (gathered, _simulator) = gathered(250, "", vec![(number, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{:?}", gathered.failures);
        assert_eq!(gathered.records.len(), 250);
    }
}

#[tokio::test]
async fn a_claim_that_another_key_signed_gets_no_token() {
    let (_simulator, source) = simulate(10, "", vec![], Some(new_key())).await;
    let read = source.read(at("2021-03-15T12:00:00Z"), None).await;
    assert!(matches!(read, Err(Failure::Refused(ref why)) if why.contains("/token")), "{read:?}");
}
