//! The configuration: one TOML file, overridden by `TAXAMETER_…` variables, overridden by flags.
//!
//! What was typed ([`File`]) becomes what the program needs ([`Config`]) once, here; nothing else reads either.

mod file;
mod login;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use billing::retention::{InvalidRules, Rules};
use clap::{Args, ValueEnum};
use serde::Deserialize;

pub use file::{
    ClickHouseSection, File, KafkaSection, LimitsSection, RetentionSection, SpoolSection, SpoolSetting,
    StoreSection, TlsSection,
};
#[cfg(feature = "oidc")]
pub(crate) use login::is_loopback;
pub use login::{Login, LoginSection};

/// Where the program listens unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8321";
/// How many partitions a new usage log gets. Four keep two cores busy; more can come later as a new generation.
const DEFAULT_PARTITIONS: u32 = 4;
/// How many partitions a new usage topic gets in Kafka, so that several aggregators can share it.
pub const DEFAULT_KAFKA_PARTITIONS: u32 = 12;
/// How far back events are taken unless told otherwise: ten years, so that a year of the past can be sent today. A shop
/// that only takes what is fresh sets 25, and its index of identities stays that much smaller.
const DEFAULT_HORIZON_MONTHS: u32 = 120;
/// How many days records of the usage log are kept after they were counted, unless told otherwise: a week to look at them.
const DEFAULT_LOG_KEEP_DAYS: u16 = 7;
/// How long counting may stand still while something waits, unless told otherwise, until the program is not ready: longer
/// than a restart or a rebalance takes.
const DEFAULT_STANDSTILL_SECONDS: u32 = 60;
/// A smaller spool would be full within seconds, and is probably meant in other units: what is under way already comes to
/// 128 MiB at most.
const SPOOL_BYTES_MIN: u64 = 1 << 20;
/// Where the data lies unless told otherwise.
pub const DEFAULT_DATA: &str = "taxameter-data";

/// A part of the program that can run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes events over HTTP and puts them on the log.
    Collect,
    /// Counts the log into ClickHouse and rolls months up.
    Aggregate,
    /// Carries out closes.
    Bill,
    /// Answers queries and shows the dashboard.
    Api,
    /// Runs the embedded ClickHouse for others.
    Store,
}

impl Role {
    const ALL: [Role; 5] = [Role::Collect, Role::Aggregate, Role::Bill, Role::Api, Role::Store];
}

/// The flags that say what to run and where.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// Directory of the embedded log and store [default: taxameter-data].
    #[arg(long, env = "TAXAMETER_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8321].
    #[arg(long, env = "TAXAMETER_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Catalogue directory that seeds an empty store [default: Linköping's, built in].
    #[arg(long, env = "TAXAMETER_CATALOG", value_name = "DIR")]
    pub catalog: Option<PathBuf>,
    /// Configuration file (TOML).
    #[arg(long, env = "TAXAMETER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What this process does; may be given several times [default: everything].
    #[arg(long, value_enum, value_name = "ROLE", value_delimiter = ',')]
    pub role: Vec<Role>,
    /// The ClickHouse engine (libchdb.so) to use instead of fetching it.
    #[arg(long, env = "TAXAMETER_ENGINE", value_name = "FILE", hide = true)]
    pub engine: Option<PathBuf>,
}

/// Where the events go.
#[derive(Debug, Clone)]
pub enum LogConfig {
    /// The log in the data directory.
    Embedded {
        /// How many partitions a new usage log gets.
        partitions: u32,
    },
    /// Apache Kafka.
    Kafka(KafkaSection),
}

/// What the program needs to know to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory of the embedded log and store.
    pub data: PathBuf,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Catalogue directory; none is Linköping's.
    pub catalog: Option<PathBuf>,
    /// What this process does.
    pub roles: BTreeSet<Role>,
    /// This collector's name in the log, if it was given one.
    pub collector: Option<String>,
    /// Where the events go.
    pub log: LogConfig,
    /// What happens to events while Kafka is away.
    pub spool: SpoolSetting,
    /// Systems that are gathered from, by the collector's name.
    pub pull: BTreeMap<String, collect::pull::Config>,
    /// The directory with the keys of pseudonyms and event ids.
    pub pseudonym_keys: PathBuf,
    /// A ClickHouse server; none is the embedded one.
    pub clickhouse: Option<ClickHouseSection>,
    /// The file with the password of the embedded ClickHouse when it runs alone.
    pub store_password_file: Option<PathBuf>,
    /// The ClickHouse engine to use instead of fetching it.
    pub engine: Option<PathBuf>,
    /// The certificate of the listener; none is HTTP in the clear.
    pub tls: Option<TlsSection>,
    /// How many requests each key may make.
    pub limits: LimitsSection,
    /// How people log in; none where keys alone are asked for.
    pub login: Option<Login>,
    /// A key that holds for this run alone, for the one who started the program; none for everybody.
    pub own_key: Option<String>,
    /// How far back events are taken and told apart, in months before they are received.
    pub horizon_months: u32,
    /// How long what is kept.
    pub retention: Rules,
    /// How many days records of the usage log are kept after they were counted.
    pub log_keep_days: u16,
    /// How long counting may stand still while something waits, until the program is not ready.
    pub standstill: std::time::Duration,
}

impl Config {
    /// Reads the file that the flags name, if any, and lets the flags override it.
    pub fn load(flags: &Flags) -> anyhow::Result<Self> {
        let file = match &flags.config {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("could not read the configuration file {}", path.display()))?;
                parse(&text).with_context(|| format!("in the configuration file {}", path.display()))?
            }
        };
        Self::of(flags, file)
    }

    fn of(flags: &Flags, file: File) -> anyhow::Result<Self> {
        let default_listen = || DEFAULT_LISTEN.parse().context("the default address");
        let listen = flags.listen.or(file.listen).map_or_else(default_listen, Ok)?;
        let roles: BTreeSet<Role> = if !flags.role.is_empty() {
            flags.role.iter().copied().collect()
        } else if !file.roles.is_empty() {
            file.roles.into_iter().collect()
        } else if file.clickhouse.is_some() {
            Role::ALL.into_iter().filter(|role| *role != Role::Store).collect()
        } else {
            Role::ALL.into_iter().collect()
        };
        check_listen(listen, &roles, file.store.is_some())?;
        if file.tls.is_some() && roles.iter().eq([&Role::Store]) {
            bail!(
                "[tls] is for what the other roles answer; the role store alone speaks ClickHouse's own HTTP, so leave it out"
            );
        }
        if let SpoolSetting::On(SpoolSection { bytes_max }) = &file.spool
            && *bytes_max < SPOOL_BYTES_MIN
        {
            bail!(
                "spool.bytes_max is {bytes_max}; it must be at least {SPOOL_BYTES_MIN} bytes, or switch the spool off with \
                 `spool = false`"
            );
        }
        let partitions = file.partitions.unwrap_or(DEFAULT_PARTITIONS);
        if !(1..=256).contains(&partitions) {
            bail!("partitions is {partitions}; it must be from 1 to 256");
        }
        if file.clickhouse.is_some() && roles.contains(&Role::Store) {
            bail!(
                "role store runs the embedded ClickHouse, but [clickhouse] names a server: leave out one of them"
            );
        }
        if !roles.contains(&Role::Store) && file.clickhouse.is_none() {
            bail!("without the role store, [clickhouse] must say where ClickHouse is");
        }
        if file.kafka.is_none() && file.clickhouse.is_some() && roles.len() < Role::ALL.len() - 1 {
            bail!(
                "the embedded log belongs to one process: run all roles in it, or name brokers under [kafka]"
            );
        }
        if let Some(name) = file.pull.keys().find(|name| !is_pull_name(name)) {
            bail!("[pull.{name}]: a collector's name is 1 to 40 of a-z, 0-9 and -");
        }
        let horizon_months = file.horizon_months.unwrap_or(DEFAULT_HORIZON_MONTHS);
        let retention = rules(horizon_months, file.retention).context("in [retention]")?;
        let login = file.login.map(Login::of).transpose()?;
        let data = flags.data.clone().or(file.data).unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
        Ok(Self {
            pull: file.pull,
            pseudonym_keys: file.pseudonym_keys.unwrap_or_else(|| data.join("pseudonyms")),
            data,
            listen,
            catalog: flags.catalog.clone().or(file.catalog),
            roles,
            collector: file.collector,
            spool: file.spool,
            log: file.kafka.map_or(LogConfig::Embedded { partitions }, LogConfig::Kafka),
            clickhouse: file.clickhouse,
            store_password_file: file.store.map(|store| store.password_file),
            engine: flags.engine.clone(),
            tls: file.tls,
            limits: file.limits,
            login,
            own_key: None,
            horizon_months,
            retention,
            log_keep_days: file.log_keep_days.unwrap_or(DEFAULT_LOG_KEEP_DAYS),
            standstill: std::time::Duration::from_secs(
                file.standstill_seconds.unwrap_or(DEFAULT_STANDSTILL_SECONDS).into(),
            ),
        })
    }

    /// Whether this process has a role.
    pub fn runs(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

fn rules(horizon_months: u32, section: RetentionSection) -> Result<Rules, InvalidRules> {
    let RetentionSection { event_details_months, quarantine_months, accounting_years } = section;
    Rules::configured(horizon_months, event_details_months, quarantine_months, accounting_years)
}

/// A name that is a directory's, too.
fn is_pull_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether a store alone may listen there: on this machine, or with a password. Others ask for keys, which stand in the store.
fn check_listen(listen: SocketAddr, roles: &BTreeSet<Role>, has_password: bool) -> anyhow::Result<()> {
    let is_store_alone = roles.iter().eq([&Role::Store]);
    if is_store_alone && !listen.ip().is_loopback() && !has_password {
        bail!(
            "refusing to listen on {listen} without a password: name its file as `password_file` under [store], or \
             listen on 127.0.0.1"
        );
    }
    Ok(())
}

/// The content of a secret's file, without the line end. Never printed.
pub fn read_secret(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read the secret file {}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Where the engine is kept between runs: `$XDG_CACHE_HOME/taxameter` or `~/.cache/taxameter`.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary's configuration is the one reader of the environment"
)]
pub fn cache_dir() -> anyhow::Result<PathBuf> {
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        return Ok(PathBuf::from(cache).join("taxameter"));
    }
    let home =
        std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME says where a cache may be")?;
    Ok(PathBuf::from(home).join(".cache/taxameter"))
}

fn parse(text: &str) -> anyhow::Result<File> {
    toml::from_str(text).map_err(|error| match suggestion(error.message()) {
        Some(nearest) => anyhow::anyhow!("{error}did you mean `{nearest}`?"),
        None => anyhow::anyhow!("{error}"),
    })
}

/// The known field nearest to an unknown one, from serde's "unknown field `a`, expected one of `b`, `c`".
fn suggestion(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted)
}

/// The known word nearest to an unknown one, if it is near.
fn nearest<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let measured = known.into_iter().map(|known| (distance(unknown, known), known));
    measured.min().filter(|(d, known)| *d <= known.len() / 2).map(|(_, known)| known)
}

/// How many letters must be put in, left out or changed to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_configuration_runs_everything_on_loopback() {
        let config = Config::of(&Flags::default(), File::default()).unwrap();
        assert_eq!(config.roles.len(), Role::ALL.len());
        assert_eq!(config.listen.to_string(), DEFAULT_LISTEN);
        assert!(matches!(config.log, LogConfig::Embedded { partitions: 4 }));
    }

    #[test]
    fn the_example_of_collectors_fits_the_catalogue() {
        let file = parse(include_str!("../../../deploy/pull/linkoping.toml")).unwrap();
        let config = Config::of(&Flags::default(), file).unwrap();
        let catalogue = catalog::check(&catalog::linkoping()).unwrap().catalogue;
        assert_eq!(config.pull.keys().collect::<Vec<_>>(), ["e-moten", "konton", "lagring", "mdm"]);
        for (name, collector) in &config.pull {
            assert_eq!(collector.check(&catalogue), [] as [String; 0], "{name}");
        }
    }

    #[test]
    fn a_collector_is_told_what_is_wrong_with_it() {
        let named = |name: &str| {
            let text = include_str!("../../../deploy/pull/linkoping.toml")
                .replace("pull.mdm", &format!("pull.{name}"));
            Config::of(&Flags::default(), parse(&text).unwrap()).map(drop)
        };
        named("mdm-2").unwrap();
        assert!(named("MDM").unwrap_err().to_string().contains("[pull.MDM]"));
        let wrong = include_str!("../../../deploy/pull/linkoping.toml").replace("daily 02:00", "at night");
        assert!(format!("{:#}", parse(&wrong).unwrap_err()).contains("daily 02:00"));
    }

    #[test]
    fn an_unknown_field_is_an_error_that_suggests_the_nearest() {
        for (text, nearest) in [
            ("lisen = \"127.0.0.1:1\"", "`listen`"),
            ("[kafka]\nbroker = \"a:1\"", "`brokers`"),
            ("[spool]\nbyte_max = 1", "`bytes_max`"),
            ("spol = false", "`spool`"),
            ("[retention]\naccounting_year = 7", "`accounting_years`"),
            ("[tls]\ncertificate = \"c\"", "`certificate_file`"),
            ("[login]\nissue = \"i\"", "`issuer`"),
            ("[[login.grant]]\ngroups = \"g\"", "`group`"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(nearest), "{error}");
        }
        assert!(parse("colour = 1").unwrap_err().to_string().contains("unknown field"));
    }

    #[test]
    fn what_is_kept_for_too_short_is_refused_with_the_reason() {
        let of = |text: &str| Config::of(&Flags::default(), parse(text).unwrap());
        assert_eq!(of("horizon_months = 25").unwrap().retention, Rules::usual(25));
        let long = of("[retention]\nevent_details_months = 24\naccounting_years = 10").unwrap().retention;
        assert_eq!((long.event_details_months, long.accounting_years, long.quarantine_months), (24, 10, 120));
        for (text, why) in [
            ("event_details_months = 2", "in [retention]: event_details_months is 2; it must be at least 3"),
            ("quarantine_months = 13", "must be at least horizon_months (120)"),
            ("accounting_years = 5", "must be at least 7 (LKBR 2018:597"),
        ] {
            let error = format!("{:#}", of(&format!("[retention]\n{text}")).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_spool_is_on_unless_it_is_switched_off() {
        let bytes_max = |text: &str| match Config::of(&Flags::default(), parse(text).unwrap()).unwrap().spool
        {
            SpoolSetting::On(section) => Some(section.bytes_max),
            SpoolSetting::Off => None,
        };
        for (text, want) in [
            ("", Some(4 << 30)),
            ("spool = true", Some(4 << 30)),
            ("[spool]", Some(4 << 30)),
            ("[spool]\nbytes_max = 1048576", Some(1 << 20)),
            ("spool = false", None),
        ] {
            assert_eq!(bytes_max(text), want, "{text}");
        }
        assert!(parse("spool = 7").unwrap_err().to_string().contains("a table with bytes_max"));
    }

    #[test]
    fn flags_override_the_file() {
        let file = parse("listen = \"127.0.0.1:9\"\ndata = \"a\"\n[kafka]\nbrokers = \"k:9092\"").unwrap();
        let flags = Flags { data: Some("b".into()), ..Flags::default() };
        let config = Config::of(&flags, file).unwrap();
        assert_eq!((config.data, config.listen.port()), (PathBuf::from("b"), 9));
        assert!(matches!(config.log, LogConfig::Kafka(_)));
    }

    #[test]
    fn a_store_alone_listens_to_others_behind_a_password() {
        let text = "listen = \"0.0.0.0:8123\"\nroles = [\"store\"]\n[store]\npassword_file = \"p\"";
        let config = Config::of(&Flags::default(), parse(text).unwrap()).unwrap();
        assert_eq!((config.listen.port(), config.store_password_file), (8123, Some("p".into())));
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        let cases = [
            ("listen = \"0.0.0.0:8321\"\nroles = [\"store\"]", "without a password"),
            ("partitions = 0", "from 1 to 256"),
            ("[spool]\nbytes_max = 4096", "at least 1048576 bytes"),
            (
                "roles = [\"store\"]\n[tls]\ncertificate_file = \"c\"\nkey_file = \"k\"",
                "[tls] is for what the other roles answer",
            ),
            ("roles = [\"collect\"]", "[clickhouse] must say"),
            ("roles = [\"collect\"]\n[clickhouse]\nurl = \"http://c:8123\"", "belongs to one process"),
            ("roles = [\"store\", \"api\"]\n[clickhouse]\nurl = \"http://c:8123\"", "leave out one"),
        ];
        for (text, want) in cases {
            let error = Config::of(&Flags::default(), parse(text).unwrap()).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
