//! Google Workspace: its Chrome OS devices (Admin SDK, Directory API, "chromeosdevices.list").

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::pages::{Pages, only};
use super::{Clock, Failure, Nature, Read, Source};
use crate::pull::http::{Client, Connection};

/// What is asked of a Google Workspace.
///
/// `connection.url` is `https://admin.googleapis.com/`; `connection.auth` is `service_account` with the scope
/// `https://www.googleapis.com/auth/admin.directory.device.chromeos.readonly` and as `subject` an administrator on whose
/// behalf it asks (domain-wide delegation). Records have the names of Google: `deviceId`, `status`, `orgUnitPath`,
/// `annotatedAssetId`, `lastSync` and so on. Users of devices are never asked for, nor annotated locations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Google's interface is.
    pub connection: Connection,
    /// The customer's id, or `my_customer` unless said.
    #[serde(default = "default_customer")]
    pub customer: String,
    /// The path of the organizational unit whose devices are gathered, with those of units below: all unless said.
    #[serde(default)]
    pub unit: Option<String>,
}

fn default_customer() -> String {
    "my_customer".to_owned()
}

/// What is known of a device. What is not here is neither asked for nor kept.
const FIELDS: [&str; 14] = [
    "deviceId",
    "serialNumber",
    "status",
    "orgUnitPath",
    "orgUnitId",
    "annotatedAssetId",
    "lastSync",
    "firstEnrollmentTime",
    "lastEnrollmentTime",
    "lastDeprovisionTimestamp",
    "supportEndDate",
    "model",
    "osVersion",
    "deviceLicenseType",
];
/// What Google calls its answer: one without it is none.
const KIND: &str = "admin#directory#chromeosdevices";
/// Google gives no more on a page.
const PAGE: &str = "300";

/// The Chrome OS devices of a Google Workspace.
#[derive(Debug)]
pub struct Chrome {
    client: Client,
    customer: String,
    unit: Option<String>,
}

impl Chrome {
    /// A source that asks a Google Workspace.
    ///
    /// # Errors
    /// See [`Client::new`]; and a customer's id that cannot be.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let Config { connection, customer, unit } = config;
        if !customer.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || customer.is_empty() {
            return Err(Failure::Refused(format!("{customer:?} is no customer's id such as C01ab2cd3")));
        }
        let client = Client::new(connection, clock)?;
        Ok(Self { client, customer: customer.clone(), unit: unit.clone() })
    }

    async fn read(&self) -> Result<Read, Failure> {
        let path = format!("admin/directory/v1/customer/{}/devices/chromeos", self.customer);
        // Partial responses: what is not asked for does not leave Google.
        let fields = format!("kind,nextPageToken,chromeosdevices({})", FIELDS.join(","));
        let mut pages = Pages::new("Chrome OS devices", "/chromeosdevices", &["/deviceId"]);
        let mut token = None::<String>;
        loop {
            let mut query = vec![("projection", "FULL"), ("maxResults", PAGE), ("fields", fields.as_str())];
            if let Some(unit) = &self.unit {
                query.extend([("orgUnitPath", unit.as_str()), ("includeChildOrgunits", "true")]);
            }
            query.extend(token.as_deref().map(|token| ("pageToken", token)));
            let mut page = self.client.get(&path, &query).await?;
            token = page["nextPageToken"].as_str().map(str::to_owned);
            if page["kind"] != KIND {
                return Err(pages.broken(format!("a page is of the kind {}, not {KIND}", page["kind"])));
            }
            // Google leaves out a list that is empty.
            if page["chromeosdevices"].is_null() {
                page["chromeosdevices"] = Value::Array(Vec::new());
            }
            pages.add(page)?;
            let Some(token) = &token else { break };
            pages.follow(token)?;
        }
        let records = pages.all().iter().map(|device| only(device, &FIELDS)).collect();
        Ok(Read { records, ..Read::default() })
    }
}

impl Source for Chrome {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        Chrome::read(self).boxed()
    }
}
