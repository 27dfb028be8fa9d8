//! Jamf Pro: the computers or the mobile devices that it manages (Jamf Pro API, "Return paginated Computer Inventory records"
//! and "Return paginated Mobile Device Inventory records").

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::pages::{Pages, number, only};
use super::{Clock, Failure, Nature, Read, Record, Source};
use crate::pull::http::{Client, Connection};

/// What is asked of a Jamf Pro.
///
/// `connection.url` is its address; `connection.auth` is `client_credentials` with `https://…/api/oauth/token` of an API
/// client whose role has "Read Computers" or "Read Mobile Devices". Records have the names of Jamf, `general.platform`,
/// `hardware.serialNumber` and so on; users, their addresses and the names of devices are not kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Jamf Pro is.
    pub connection: Connection,
    /// What is gathered.
    pub devices: Devices,
    /// The version of the interface: 1 for computers and 2 for mobile devices unless said. Later ones must have the same
    /// fields.
    #[serde(default)]
    pub version: Option<u8>,
    /// Extension attributes that are kept, by their names: `extension.Ansvar` is the first value of "Ansvar".
    #[serde(default)]
    pub extension_attributes: Vec<String>,
}

/// Which devices are gathered from a Jamf Pro.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Devices {
    /// Computers; their id is `id`.
    Computers,
    /// Tablets and phones; their id is `mobileDeviceId`.
    MobileDevices,
}

/// Where a kind of devices is found and what is kept of it.
struct Inventory {
    path: &'static str,
    version: u8,
    id: &'static [&'static str],
    /// An order that does not change while pages are read.
    sort: &'static str,
    fields: &'static [&'static str],
}

const COMPUTERS: Inventory = Inventory {
    path: "computers-inventory",
    version: 1,
    id: &["/id"],
    sort: "id:asc",
    fields: &[
        "id",
        "udid",
        "general.assetTag",
        "general.lastContactTime",
        "general.lastEnrolledDate",
        "general.managementId",
        "general.platform",
        "general.remoteManagement.managed",
        "general.reportDate",
        "general.site.id",
        "general.site.name",
        "general.supervised",
        "hardware.make",
        "hardware.model",
        "hardware.modelIdentifier",
        "hardware.serialNumber",
        "userAndLocation.buildingId",
        "userAndLocation.departmentId",
    ],
};

const MOBILE_DEVICES: Inventory = Inventory {
    path: "mobile-devices/detail",
    version: 2,
    id: &["/mobileDeviceId"],
    sort: "mobileDeviceId:asc",
    fields: &[
        "mobileDeviceId",
        "deviceType",
        "general.assetTag",
        "general.deviceOwnershipType",
        "general.lastEnrolledDate",
        "general.lastInventoryUpdateDate",
        "general.managed",
        "general.managementId",
        "general.osVersion",
        "general.siteId",
        "general.supervised",
        "general.udid",
        "hardware.model",
        "hardware.modelIdentifier",
        "hardware.serialNumber",
        "userAndLocation.buildingId",
        "userAndLocation.departmentId",
    ],
};

/// How many devices are on a page.
const PAGE: usize = 200;

/// A Jamf Pro.
#[derive(Debug)]
pub struct Jamf {
    client: Client,
    devices: Devices,
    version: Option<u8>,
    extension_attributes: Vec<String>,
}

impl Jamf {
    /// A source that asks a Jamf Pro.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let Config { connection, devices, version, extension_attributes } = config;
        let client = Client::new(connection, clock)?;
        let extension_attributes = extension_attributes.clone();
        Ok(Self { client, devices: *devices, version: *version, extension_attributes })
    }

    async fn read(&self) -> Result<Read, Failure> {
        let inventory = match self.devices {
            Devices::Computers => &COMPUTERS,
            Devices::MobileDevices => &MOBILE_DEVICES,
        };
        let path = format!("api/v{}/{}", self.version.unwrap_or(inventory.version), inventory.path);
        let mut pages = Pages::new("devices of Jamf", "/results", inventory.id);
        for page_number in 0_usize.. {
            let (page_number, size) = (page_number.to_string(), PAGE.to_string());
            let mut query =
                vec![("page", page_number.as_str()), ("page-size", size.as_str()), ("sort", inventory.sort)];
            query.extend(self.sections().map(|section| ("section", section)));
            let page = self.client.get(&path, &query).await?;
            let total = number(&page, "/totalCount")?;
            pages.say(total)?;
            let came = pages.add(page)?;
            let is_last = u64::try_from(pages.len()).is_ok_and(|len| len >= total);
            if is_last || came == 0 {
                let devices = pages.whole()?;
                let records = devices.iter().map(|device| self.record(device, inventory)).collect();
                return Ok(Read { records, ..Read::default() });
            }
        }
        Err(pages.broken("its pages do not end".to_owned()))
    }

    /// The parts of the inventory that are asked for. Extension attributes are a part of their own; those of computers that
    /// are shown in another part stand in that one.
    fn sections(&self) -> impl Iterator<Item = &'static str> {
        let further = (!self.extension_attributes.is_empty()).then_some("EXTENSION_ATTRIBUTES");
        ["GENERAL", "HARDWARE", "USER_AND_LOCATION"].into_iter().chain(further)
    }

    fn record(&self, device: &Value, inventory: &Inventory) -> Record {
        let mut record = only(device, inventory.fields);
        let places = [
            "/extensionAttributes",
            "/general/extensionAttributes",
            "/hardware/extensionAttributes",
            "/userAndLocation/extensionAttributes",
        ];
        let attributes = places.iter().filter_map(|place| device.pointer(place)?.as_array()).flatten();
        for attribute in attributes {
            // Computers have `values`, mobile devices `value`; both are lists.
            let value = attribute["values"][0].as_str().or_else(|| attribute["value"][0].as_str());
            let (Some(name), Some(value)) = (attribute["name"].as_str(), value) else { continue };
            if self.extension_attributes.iter().any(|kept| kept == name) {
                record.insert(format!("extension.{name}"), value.to_owned());
            }
        }
        record
    }
}

impl Source for Jamf {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        Jamf::read(self).boxed()
    }
}
