//! Ceph's RADOS gateway: its buckets and what they use (Admin Operations API, "Get Bucket Info").

use std::collections::BTreeSet;

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pages::{Pages, only};
use super::{Clock, Failure, Nature, Read, Record, Source};
use crate::pull::http::{Client, Connection};

/// What is asked of a RADOS gateway.
///
/// `connection.url` is its address; `connection.auth` is `s3` with the keys of a user that has the capability `buckets=read`.
/// Records have the names of Ceph: `id`, `bucket`, `tenant`, `owner`, `usage.rgw.main.size_actual` (bytes, as they lie on
/// disks), `usage.rgw.main.size_utilized`, `usage.rgw.main.num_objects` and so on. Of an empty bucket the usage is 0.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the gateway is.
    pub connection: Connection,
}

/// What is kept of a bucket.
const FIELDS: [&str; 8] =
    ["id", "bucket", "tenant", "owner", "zonegroup", "placement_rule", "usage", "bucket_quota.max_size"];
/// What an empty bucket has none of; Ceph then leaves it out.
const USAGE: [&str; 5] = ["size", "size_actual", "size_utilized", "size_kb_actual", "num_objects"];

/// A RADOS gateway.
#[derive(Debug)]
pub struct Ceph {
    client: Client,
}

impl Ceph {
    /// A source that asks a RADOS gateway.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(&config.connection, clock)? })
    }

    /// All buckets come in one answer. Their names are asked for first, to notice when some are missing in it.
    async fn read(&self) -> Result<Read, Failure> {
        let names = self.client.get("admin/bucket", &[("format", "json")]).await?;
        let names: BTreeSet<String> = serde_json::from_value(names)
            .map_err(|error| Failure::Broken(format!("the answer is no list of buckets: {error}")))?;
        let buckets = self.client.get("admin/bucket", &[("format", "json"), ("stats", "true")]).await?;
        let mut pages = Pages::new("buckets", "/buckets", &["/id"]);
        pages.add(json!({ "buckets": buckets }))?;
        let mut missing = names;
        let mut records = Vec::new();
        for bucket in pages.all() {
            missing.remove(&listed_name(&bucket));
            records.push(record(&bucket)?);
        }
        match missing.first() {
            // One that was removed in between is not listed the next time.
            Some(name) => Err(Failure::Broken(format!("the bucket {name} is listed and has no statistics"))),
            None => Ok(Read { records, ..Read::default() }),
        }
    }
}

/// What a bucket is listed as: `tenant/name` if it belongs to a tenant, whose names are its own.
fn listed_name(bucket: &Value) -> String {
    let text = |field: &str| bucket[field].as_str().unwrap_or_default();
    match (text("tenant"), text("bucket")) {
        ("", name) => name.to_owned(),
        (tenant, name) => format!("{tenant}/{name}"),
    }
}

fn record(bucket: &Value) -> Result<Record, Failure> {
    if !bucket["usage"].is_object() {
        return Err(Failure::Broken(format!("the bucket {} has no usage", bucket["id"])));
    }
    let mut record = only(bucket, &FIELDS);
    for name in USAGE {
        record.entry(format!("usage.rgw.main.{name}")).or_insert_with(|| "0".to_owned());
    }
    Ok(record)
}

impl Source for Ceph {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        Ceph::read(self).boxed()
    }
}
