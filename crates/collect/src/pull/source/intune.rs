//! Microsoft Intune: the devices that it manages (Microsoft Graph v1.0, "List managedDevices").

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;

use super::pages::{Pages, only};
use super::{Clock, Failure, Nature, Read, Source};
use crate::pull::http::{Client, Connection};

/// What is asked of an Intune.
///
/// The application needs the permission `DeviceManagementManagedDevices.Read.All`. `connection.url` is
/// `https://graph.microsoft.com/v1.0/`, with the slash; `connection.auth` is `client_credentials` with
/// `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token` and the parameter
/// `scope = "https://graph.microsoft.com/.default"`.
///
/// Records have the names of Graph: `id`, `userId`, `managedDeviceOwnerType`, `operatingSystem`, `lastSyncDateTime` and so
/// on. Names, addresses and numbers of users are never asked for, nor names of devices, which often are those of users.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Graph is.
    pub connection: Connection,
}

/// What is known of a device. What is not here is neither asked for nor kept.
const FIELDS: [&str; 19] = [
    "id",
    "userId",
    "azureADDeviceId",
    "managedDeviceOwnerType",
    "enrolledDateTime",
    "lastSyncDateTime",
    "operatingSystem",
    "osVersion",
    "complianceState",
    "managementAgent",
    "deviceEnrollmentType",
    "deviceRegistrationState",
    "deviceCategoryDisplayName",
    "azureADRegistered",
    "isSupervised",
    "manufacturer",
    "model",
    "serialNumber",
    "totalStorageSpaceInBytes",
];

/// An Intune.
#[derive(Debug)]
pub struct Intune {
    client: Client,
}

impl Intune {
    /// A source that asks an Intune.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(&config.connection, clock)? })
    }

    async fn read(&self) -> Result<Read, Failure> {
        let pages = Pages::new("managed devices", "/value", &["/id"]);
        let fields = FIELDS.join(",");
        let query = [("$select", fields.as_str()), ("$top", "1000")];
        let path = "deviceManagement/managedDevices";
        let devices = pages.by_links(&self.client, path, &query, "/@odata.nextLink").await?;
        let records = devices.iter().map(|device| only(device, &FIELDS)).collect();
        Ok(Read { records, ..Read::default() })
    }
}

impl Source for Intune {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        Intune::read(self).boxed()
    }
}
