//! The configuration file as it is written, section by section.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::{LoginSection, Role};

/// The configuration file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// Directory of the embedded log and store.
    pub data: Option<PathBuf>,
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// Catalogue directory that seeds an empty store.
    pub catalog: Option<PathBuf>,
    /// What this process does.
    pub roles: Vec<Role>,
    /// This collector's name in the log; unique among collectors, and the same after each start, because a close waits for
    /// every collector that was ever seen [default: collector-1; on Kafka one that is made once and kept in the data
    /// directory].
    pub collector: Option<String>,
    /// What happens to events while Kafka is away: `[spool]` with `bytes_max`, or `spool = false`.
    pub spool: SpoolSetting,
    /// Kafka instead of the embedded log.
    pub kafka: Option<KafkaSection>,
    /// A ClickHouse server instead of the embedded one.
    pub clickhouse: Option<ClickHouseSection>,
    /// The embedded ClickHouse when other processes use it.
    pub store: Option<StoreSection>,
    /// The certificate that callers over HTTP get; without one the program speaks HTTP in the clear.
    pub tls: Option<TlsSection>,
    /// How many requests each key may make.
    pub limits: LimitsSection,
    /// How long what is kept.
    pub retention: RetentionSection,
    /// How people log in; without it keys alone are asked for.
    pub login: Option<LoginSection>,
    /// Systems that are gathered from: a `[pull.NAME]` for each.
    pub pull: BTreeMap<String, collect::pull::Config>,
    /// The directory with the keys of pseudonyms and event ids [default: `<data>/pseudonyms`]. A copy of it belongs where
    /// neither log nor store are.
    pub pseudonym_keys: Option<PathBuf>,
    /// How many partitions a new embedded usage log gets.
    pub partitions: Option<u32>,
    /// How far back events are taken and told apart, in months before they are received.
    pub horizon_months: Option<u32>,
    /// How many days records of the usage log are kept after they were counted.
    pub log_keep_days: Option<u16>,
    /// How many seconds counting may stand still while something waits, until `/readyz` says so.
    pub standstill_seconds: Option<u32>,
}

/// `[kafka]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSection {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// What the topics' names begin with: `taxameter.` gives `taxameter.usage`.
    #[serde(default)]
    pub topic_prefix: String,
    /// How many partitions a new usage topic gets.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// How many copies a new topic gets. Below 3 an acknowledged event can be lost with a broker.
    #[serde(default)]
    pub replication: Option<u16>,
    /// Further properties of librdkafka, for TLS and SASL (`security.protocol`, `ssl.ca.location`, …).
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// The file that holds the SASL password (`sasl.password`).
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// Where accepted events are kept while Kafka is away. With the embedded log there is nothing to spool: it stands on the
/// same disk.
#[derive(Debug, Clone)]
pub enum SpoolSetting {
    /// `[spool]`, which is also what holds when nothing is said: `<data>/spool` takes them and is drained when Kafka is back.
    On(SpoolSection),
    /// `spool = false`: senders are answered 503 at once and keep their events themselves.
    Off,
}

/// `[spool]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolSection {
    /// The most bytes that lie in the spool; then senders are answered 503 with Retry-After until Kafka has taken some.
    pub bytes_max: u64,
}

impl Default for SpoolSection {
    fn default() -> Self {
        Self { bytes_max: collect::SpoolConfig::BYTES_MAX }
    }
}

impl Default for SpoolSetting {
    fn default() -> Self {
        Self::On(SpoolSection::default())
    }
}

impl<'de> Deserialize<'de> for SpoolSetting {
    /// Written by hand: an untagged enum would hide which field is unknown.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Setting;

        impl<'de> serde::de::Visitor<'de> for Setting {
            type Value = SpoolSetting;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("true, false or a table with bytes_max")
            }

            fn visit_bool<E>(self, is_on: bool) -> Result<SpoolSetting, E> {
                Ok(if is_on { SpoolSetting::default() } else { SpoolSetting::Off })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<SpoolSetting, A::Error> {
                let section = serde::de::value::MapAccessDeserializer::new(map);
                SpoolSection::deserialize(section).map(SpoolSetting::On)
            }
        }

        deserializer.deserialize_any(Setting)
    }
}

/// `[limits]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// How many requests a second each key may make for long. A request has up to 10,000 events.
    pub requests_per_second: u32,
    /// How many it may make at once, when it has made none for a while.
    pub requests_burst: u32,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { requests_per_second: 100, requests_burst: 1_000 }
    }
}

/// `[retention]`: how long what is kept, before `taxameter retention` finds it due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSection {
    /// Ids, subjects and dimensions of events: whole months before the one under way, at least 3 [default: 13].
    pub event_details_months: Option<u32>,
    /// Events in the quarantine: months after they came, at least `horizon_months` [default: `horizon_months`].
    pub quarantine_months: Option<u32>,
    /// Accounting material: years after the end of the financial year, at least 7 [default: 7].
    pub accounting_years: Option<u32>,
}

/// `[tls]`: the certificate of the program's own listener. Both files are looked at every two seconds and on SIGHUP, and
/// connections that are opened after a change get the new certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// The certificate and those above it (PEM), the program's own first.
    pub certificate_file: PathBuf,
    /// Its private key (PEM: PKCS #8, PKCS #1 or SEC 1), without a password.
    pub key_file: PathBuf,
}

/// `[clickhouse]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickHouseSection {
    /// `http://host:8123`
    pub url: String,
    /// The database; it is made when it is missing.
    #[serde(default = "default_database")]
    pub database: String,
    /// The user.
    #[serde(default)]
    pub user: Option<String>,
    /// The file that holds the user's password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// `[store]`: the embedded ClickHouse of `--role store`, which other processes name under `[clickhouse]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// The file that holds the password which others must bring. With one, the store alone may listen on any address;
    /// what goes over the network is not encrypted.
    pub password_file: PathBuf,
}

fn default_database() -> String {
    "taxameter".to_owned()
}
