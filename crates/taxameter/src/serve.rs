//! Puts the stages together: configuration → a running program.
//!
//! store (or a ClickHouse elsewhere) → catalogue → log → collect, aggregate, bill, api → one listener

mod access;
mod control_log;
mod counting;
pub(crate) mod generation;
mod intake;
#[cfg_attr(not(feature = "oidc"), path = "serve/login/absent.rs")]
mod login;
pub(crate) mod parts;
pub(crate) mod pull;

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use domain::Instant;
use eventlog::{EventLog, TopicSpec, topic};
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::catalogue::{of_directory, stored};
use crate::config::{Config, LogConfig, Role, cache_dir, read_secret};
use crate::listener::tls::{self, Tls};
use crate::listener::{Limits, Listener};

/// The file in a data directory that a running program holds locked and writes its address to.
const RUNNING: &str = "running";

/// A running program.
pub struct Program {
    url: String,
    stop: watch::Sender<bool>,
    tasks: JoinSet<anyhow::Result<()>>,
    engine: Option<Engine>,
    _lock: File,
}

/// The embedded ClickHouse of this process, and the password that keeps other users of the machine out of it: it is drawn
/// anew at each start and never leaves the process. Alone, it has the configured one, because others are to connect.
pub(crate) struct Engine {
    server: embedded::Server,
    password: Option<String>,
}

/// The clock that time enters by: what collectors stamp, and when months are closed.
#[expect(
    clippy::disallowed_methods,
    reason = "the one clock of the program; everybody else is told the time"
)]
pub fn now() -> Instant {
    Instant::from_utc(chrono::Utc::now())
}

/// Runs the program until it is told to stop or a part of it fails.
#[expect(clippy::print_stdout, reason = "the address is what who started the program waits for")]
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut program = start(config).await?;
    println!("taxameter lyssnar på {}", program.url());
    let ended = tokio::select! {
        () = told_to_stop() => Ok(()),
        ended = program.ended() => ended,
    };
    tracing::info!("stopping");
    program.stop().await.and(ended)
}

/// Starts every part that the configuration names. When this returns, the address answers.
pub async fn start(config: Config) -> anyhow::Result<Program> {
    fs::create_dir_all(&config.data)
        .with_context(|| format!("could not make the data directory {}", config.data.display()))?;
    let lock = lock(&config.data)?;
    let (stop, stopped) = watch::channel(false);
    if config.roles.len() == 1 && config.runs(Role::Store) {
        // Alone, the embedded ClickHouse itself is what others connect to; there is nothing to put in front of it.
        let engine = start_engine(&config).await?;
        let url = engine.as_ref().map(|engine| engine.server.url()).unwrap_or_default();
        return Ok(Program { url, stop, tasks: JoinSet::new(), engine, _lock: lock });
    }
    let tls = config.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    let listener = Listener::bind(config.listen, Limits::default(), tls).await?;
    let url = listener.url()?;
    let engine = start_engine(&config).await?;
    let mut program = Program { url, stop, tasks: JoinSet::new(), engine, _lock: lock };
    match parts::start(&config, program.engine.as_ref(), listener, &mut program.tasks, &stopped).await {
        Ok(()) => {
            write_address(&config.data, &program.url)?;
            Ok(program)
        }
        Err(error) => {
            program.stop().await?;
            Err(error)
        }
    }
}

impl Program {
    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until a part ends by itself, which none should.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        match self.tasks.join_next().await {
            None => std::future::pending().await,
            Some(result) => result.context("a part of the program panicked")?,
        }
    }

    /// Stops every part in order: intake first, then counting, then the store.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let mut outcome = Ok(());
        while let Some(result) = self.tasks.join_next().await {
            outcome = outcome.and(result.context("a part of the program panicked").flatten());
        }
        if let Some(engine) = self.engine.take() {
            engine.server.shutdown().await;
        }
        outcome
    }
}

/// Makes the tables, then stops.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    fs::create_dir_all(&config.data).with_context(|| format!("could not make {}", config.data.display()))?;
    let engine = start_engine(config).await?;
    let store = connect(config, engine.as_ref()).await;
    if let Some(engine) = engine {
        engine.server.shutdown().await;
    }
    store.map(|_| ())
}

/// What `taxameter check` finds: a line for each thing that is as it should be, an error for each that is not.
pub async fn check(config: &Config) -> anyhow::Result<Vec<anyhow::Result<String>>> {
    let mut findings = Vec::from_iter(config.tls.as_ref().map(tls::check));
    if let Some(url) = running_on(&config.data) {
        findings.push(Ok(format!("a program runs on {} and answers at {url}", config.data.display())));
        return Ok(findings);
    }
    // What the program will make there when it starts is not made to be checked.
    let is_new = !config.data.is_dir();
    if is_new {
        findings.push(Ok(format!("{} is not there yet: `taxameter serve` makes it", config.data.display())));
    }
    if !(is_new && config.runs(Role::Store)) {
        let engine = start_engine(config).await?;
        match connect(config, engine.as_ref()).await {
            Ok(store) => {
                findings.push(Ok("ClickHouse answers and has its tables".to_owned()));
                findings.extend(grants(config, &store).await);
            }
            Err(error) => findings.push(Err(error)),
        }
        if let Some(engine) = engine {
            engine.server.shutdown().await;
        }
    }
    findings.extend(pull::check(config).await?);
    findings.extend(login::People::check(config).await);
    if is_new && matches!(config.log, LogConfig::Embedded { .. }) {
        return Ok(findings);
    }
    match open_log(config) {
        Err(error) => findings.push(Err(error)),
        Ok(log) => {
            let specs = topics(&*log, config).await.context("could not look at the usage topic")?;
            match log.check_topics(&specs).await {
                Ok(found) if found.is_empty() => {
                    findings.push(Ok("the log's topics keep what they must".to_owned()))
                }
                Ok(found) => findings.extend(found.into_iter().map(|finding| Err(anyhow!("{finding}")))),
                Err(eventlog::Error::UnknownTopic { topic }) => {
                    findings
                        .push(Ok(format!("topic {topic} is missing; the program makes it when it starts")));
                }
                Err(error) => findings
                    .push(Err(anyhow::Error::new(error).context("could not look at the log's topics"))),
            }
        }
    }
    Ok(findings)
}

/// What the grants of `[login]` name that the catalogue in force lacks; before the first start, that of the directory.
async fn grants(config: &Config, store: &Store) -> Vec<anyhow::Result<String>> {
    let Some(login) = &config.login else { return Vec::new() };
    let catalogue = match stored(store).await {
        Ok(Some(catalogue)) => Ok(catalogue),
        Ok(None) => of_directory(config.catalog.as_deref()),
        Err(error) => Err(error),
    };
    match catalogue {
        Ok(catalogue) => login.unknown(&catalogue).into_iter().map(|unknown| Err(anyhow!(unknown))).collect(),
        Err(error) => vec![Err(error.context("could not compare the grants of [login] with the catalogue"))],
    }
}

/// The address of the program that runs on a data directory, if one does.
pub fn running_on(data: &Path) -> Option<String> {
    let path = data.join(RUNNING);
    let file = File::open(&path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => fs::read_to_string(&path).ok().filter(|url| !url.is_empty()),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join(RUNNING);
    let open = || File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let file = open().with_context(|| format!("could not open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).with_context(|| format!("could not write {}", path.display()))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let at = fs::read_to_string(&path).unwrap_or_default();
            bail!("another taxameter runs on {} ({at}): one process at a time can have it", data.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("could not lock {}", path.display()))
        }
    }
}

fn write_address(data: &Path, url: &str) -> anyhow::Result<()> {
    let path = data.join(RUNNING);
    fs::write(&path, url).with_context(|| format!("could not write {}", path.display()))
}

/// The embedded ClickHouse, when this process is to run it. Alone, it listens where it was told to.
async fn start_engine(config: &Config) -> anyhow::Result<Option<Engine>> {
    if !config.runs(Role::Store) {
        return Ok(None);
    }
    let (cache, named) = (cache_dir()?.join("engine"), config.engine.clone());
    let locate = move || {
        let progress = embedded::engine::on_stderr(embedded::engine::Language::default());
        embedded::locate_or_fetch(&cache, named.as_deref(), &progress)
    };
    let engine = tokio::task::spawn_blocking(locate).await?.context("could not get the ClickHouse engine")?;
    let mut settings = embedded::Config::new(engine, config.data.join("store"));
    if config.roles.len() == 1 {
        settings.listen = config.listen;
        settings.password = config.store_password_file.as_deref().map(read_secret).transpose()?;
        if settings.password.as_deref() == Some("") {
            bail!("the password file under [store] is empty");
        }
    } else {
        settings.password = Some(data_encoding::HEXLOWER.encode(&random()?));
    }
    let password = settings.password.clone();
    let server =
        embedded::Server::start(settings).await.context("could not start the embedded ClickHouse")?;
    Ok(Some(Engine { server, password }))
}

/// 256 bits that nobody can guess.
pub(crate) fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(bytes)
}

async fn connect(config: &Config, engine: Option<&Engine>) -> anyhow::Result<Store> {
    let settings = match (&config.clickhouse, engine) {
        (Some(section), _) => {
            let password = section.password_file.as_deref().map(read_secret).transpose()?;
            let mut settings = store::Config::embedded(&section.url);
            settings.database.clone_from(&section.database);
            settings.user.clone_from(&section.user);
            settings.password = password.map(store::Secret);
            settings
        }
        (None, Some(engine)) => store::Config {
            password: engine.password.clone().map(store::Secret),
            ..store::Config::embedded(engine.server.url())
        },
        (None, None) => bail!("neither [clickhouse] nor the role store says where ClickHouse is"),
    };
    let store = Store::connect(settings).await.context("ClickHouse does not answer")?;
    let applied = store.migrate().await.context("could not bring the tables up to date")?;
    if !applied.is_empty() {
        tracing::info!(migrations = applied.len(), "the tables are up to date");
    }
    Ok(store)
}

fn partitions(config: &Config) -> u32 {
    match &config.log {
        LogConfig::Embedded { partitions } => *partitions,
        LogConfig::Kafka(section) => section.partitions.unwrap_or(crate::config::DEFAULT_KAFKA_PARTITIONS),
    }
}

/// The topics that should be there. A usage topic that is there keeps its partitions: the configuration is for a new one, and
/// `taxameter generation begin` changes them.
async fn topics(log: &dyn EventLog, config: &Config) -> eventlog::Result<Vec<TopicSpec>> {
    let usage = match log.topic(topic::USAGE).await {
        Ok(topic) => topic.partitions,
        Err(eventlog::Error::UnknownTopic { .. }) => partitions(config),
        Err(error) => return Err(error),
    };
    Ok(TopicSpec::standard(usage))
}

fn open_log(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    match &config.log {
        LogConfig::Embedded { .. } => {
            let settings = eventlog::embedded::Config::new(config.data.join("log"));
            let log =
                eventlog::embedded::EmbeddedLog::open(settings).context("could not open the embedded log")?;
            Ok(Arc::new(log))
        }
        #[cfg(feature = "kafka")]
        LogConfig::Kafka(section) => {
            let mut settings = eventlog::kafka::Config::new(&section.brokers);
            if let Some(name) = &config.collector {
                settings.client_id.clone_from(name);
            }
            settings.properties.clone_from(&section.properties);
            if let Some(file) = &section.password_file {
                settings.properties.insert("sasl.password".to_owned(), read_secret(file)?);
            }
            if let Some(replication) = section.replication {
                settings.replication_factor = replication.into();
                settings.min_insync_replicas = u32::from(replication).saturating_sub(1).max(1);
            }
            let log = eventlog::kafka::KafkaLog::open(settings).context("could not reach Kafka")?;
            Ok(Arc::new(eventlog::prefixed::Prefixed::new(Arc::new(log), &section.topic_prefix)))
        }
        #[cfg(not(feature = "kafka"))]
        LogConfig::Kafka(_) => bail!("this build has no Kafka: build it with `--features kafka`"),
    }
}

pub(crate) async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
