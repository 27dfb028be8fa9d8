//! NetApp ONTAP: volumes, or quota reports of qtrees (ONTAP REST API, `/storage/volumes` and `/storage/quota/reports`).

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::pages::{Pages, number, only};
use super::{Clock, Failure, Nature, Read, Record, Source};
use crate::pull::http::{Client, Connection};

/// What is asked of an ONTAP cluster.
///
/// `connection.url` is the cluster's management address; a user with the role `readonly` is enough. Records have the names of
/// ONTAP: `uuid`, `name`, `svm.name`, `space.used` and so on, sizes in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the cluster is.
    pub connection: Connection,
    /// What is gathered: `volumes` unless said, or `qtrees`.
    #[serde(default)]
    pub report: Report,
    /// Further fields, such as `comment` or (from 9.13) `_tags`, where they say who pays.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// What is gathered from an ONTAP cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Volumes: `uuid`, `space.size`, `space.used`.
    #[default]
    Volumes,
    /// What qtrees use, by the quota reports of trees: `volume.uuid`, `index`, `qtree.name`, `space.used.total`. Quotas of
    /// users are left out.
    Qtrees,
}

impl Report {
    fn path(self) -> &'static str {
        match self {
            Report::Volumes => "api/storage/volumes",
            Report::Qtrees => "api/storage/quota/reports",
        }
    }

    /// What tells one from another.
    fn id(self) -> &'static [&'static str] {
        match self {
            Report::Volumes => &["/uuid"],
            Report::Qtrees => &["/volume/uuid", "/index"],
        }
    }

    fn fields(self) -> &'static [&'static str] {
        match self {
            Report::Volumes => &[
                "uuid",
                "name",
                "svm.name",
                "svm.uuid",
                "type",
                "style",
                "state",
                "space.size",
                "space.used",
                "space.available",
                "space.footprint",
                "create_time",
            ],
            Report::Qtrees => &[
                "index",
                "type",
                "svm.name",
                "svm.uuid",
                "volume.name",
                "volume.uuid",
                "qtree.name",
                "qtree.id",
                "space.used.total",
                "space.hard_limit",
                "files.used.total",
            ],
        }
    }
}

/// How many records ONTAP gives on a page at most; it gives fewer when they take long.
const PAGE: &str = "1000";

/// An ONTAP cluster.
#[derive(Debug)]
pub struct Ontap {
    client: Client,
    report: Report,
    fields: Vec<String>,
}

impl Ontap {
    /// A source that asks an ONTAP cluster.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let own = config.report.fields().iter().map(|field| (*field).to_owned());
        let fields = own.chain(config.fields.iter().cloned()).collect();
        Ok(Self { client: Client::new(&config.connection, clock)?, report: config.report, fields })
    }

    async fn read(&self) -> Result<Read, Failure> {
        let fields = self.fields.join(",");
        let mut query = vec![("fields", fields.as_str()), ("max_records", PAGE)];
        if self.report == Report::Qtrees {
            query.push(("type", "tree"));
        }
        let mut pages = Pages::new("records of ONTAP", "/records", self.report.id());
        let mut page = self.client.get(self.report.path(), &query).await?;
        loop {
            let said = number(&page, "/num_records")?;
            let link = page.pointer("/_links/next/href").and_then(Value::as_str).map(str::to_owned);
            let came = pages.add(page)?;
            if u64::try_from(came) != Ok(said) {
                return Err(pages.broken(format!("a page has {came} records and says {said}")));
            }
            let Some(link) = link else { break };
            pages.follow(&link)?;
            page = self.client.get(&link, &[]).await?;
        }
        Ok(Read { records: pages.all().iter().map(|item| self.record(item)).collect(), ..Read::default() })
    }

    fn record(&self, item: &Value) -> Record {
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        only(item, &fields)
    }
}

impl Source for Ontap {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        Ontap::read(self).boxed()
    }
}
