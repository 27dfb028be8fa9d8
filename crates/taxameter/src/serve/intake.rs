//! The collector's parts: requests, the spool's drain, the forwarder of the intake topic, the marks.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use collect::{Forwarder, Intake, Marker, SpoolConfig};
use tokio::sync::{oneshot, watch};

use super::parts::{Shared, Stop, Tasks};
use super::{now, random};
use crate::config::{Config, LogConfig, Role, SpoolSetting};

/// A collector that runs.
pub(super) struct Collector {
    intake: Arc<Intake>,
    marker: Marker,
    /// Tells when the forwarder has stopped, so that nothing comes any more.
    forwarded: oneshot::Receiver<()>,
    /// Stops the drain, last of all.
    drain: watch::Sender<bool>,
}

impl Collector {
    /// Opens the intake and starts what moves events without being asked over HTTP.
    pub(super) async fn start(
        config: &Config,
        shared: &Shared,
        tasks: &mut Tasks,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let metrics = collect::Metrics::register(&shared.registry)?;
        let settings = collect::intake::Config {
            collector: name(config)?,
            // The clock grows from start to start, so batch numbers may begin anew with each.
            epoch: u64::try_from(now().micros()).unwrap_or_default(),
            hash_key: hash_key(config)?,
            spool: spool(config),
        };
        let (log, catalogue) = (Arc::clone(&shared.log), Arc::clone(&shared.catalogue));
        let intake = Intake::start(settings, log, catalogue, metrics).await;
        let intake = Arc::new(intake.context("the intake cannot reach the log or open its spool")?);
        let forwarder = Forwarder::new(Arc::clone(&intake), Arc::clone(&shared.log), now);
        let (stopped, forwarded) = oneshot::channel();
        tasks.spawn({
            let stop = stop.clone();
            async move {
                forwarder.run(stop).await;
                // Nobody listens when the program ends for another reason.
                let _ = stopped.send(());
                Ok(())
            }
        });
        let marker = Marker::new(Arc::clone(&intake), Arc::clone(&shared.log), now);
        tasks.spawn({
            let marker = Marker::new(Arc::clone(&intake), Arc::clone(&shared.log), now);
            let stop = stop.clone();
            async move {
                marker.run(stop).await;
                Ok(())
            }
        });
        let (drain, stopped) = watch::channel(false);
        tasks.spawn({
            let intake = Arc::clone(&intake);
            async move {
                intake.drain(stopped).await;
                Ok(())
            }
        });
        Ok(Self { intake, marker, forwarded, drain })
    }

    /// What takes events over HTTP.
    pub(super) fn router(&self) -> Router {
        collect::router(Arc::clone(&self.intake), now)
    }

    /// What takes events, for those who ask whether it can.
    pub(super) fn intake(&self) -> Arc<Intake> {
        Arc::clone(&self.intake)
    }

    /// Ends in order, when no more requests can come: with an empty spool nobody has to wait for this collector.
    pub(super) async fn leave(self) {
        // An error means that the forwarder has ended in another way.
        let _ = self.forwarded.await;
        self.marker.leave().await;
        self.drain.send_replace(true);
    }
}

/// Whether this process can do its part while Kafka is away, so that it need not wait for it to start.
pub(super) fn starts_without_log(config: &Config) -> bool {
    spool(config).is_some() && config.roles.iter().all(|role| matches!(role, Role::Collect | Role::Api))
}

/// Only Kafka can be away while this machine's disk is there.
fn spool(config: &Config) -> Option<SpoolConfig> {
    match (&config.log, &config.spool) {
        (LogConfig::Kafka(_), SpoolSetting::On(section)) => {
            let spool = SpoolConfig::new(config.data.join("spool"));
            Some(SpoolConfig { bytes_max: section.bytes_max, ..spool })
        }
        (LogConfig::Kafka(_), SpoolSetting::Off) | (LogConfig::Embedded { .. }, _) => None,
    }
}

/// The collector's name. Several collectors of one Kafka must not share one, or the mark of one would vouch for the spool of
/// another; so where there can be several, a name is made once and kept beside the spool.
fn name(config: &Config) -> anyhow::Result<String> {
    match (&config.collector, &config.log) {
        (Some(name), _) => Ok(name.clone()),
        (None, LogConfig::Embedded { .. }) => Ok("collector-1".to_owned()),
        (None, LogConfig::Kafka(_)) => {
            let made = || Ok(format!("collector-{}", data_encoding::HEXLOWER.encode(&random()?[..4])).into());
            let name = kept(&config.data.join("collector.name"), made)?;
            String::from_utf8(name).context("collector.name in the data directory must be text")
        }
    }
}

/// The key of the hashes that stand for refused personal data: made once, kept in the data directory for its owner only.
fn hash_key(config: &Config) -> anyhow::Result<[u8; 32]> {
    let path = config.data.join("hash.key");
    let bytes = kept(&path, || Ok(random()?.to_vec()))?;
    <[u8; 32]>::try_from(bytes).map_err(|_| anyhow::anyhow!("{} must hold 32 bytes", path.display()))
}

/// A small file's content, which is made when it is missing.
fn kept(path: &Path, make: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    match std::fs::read(path) {
        Ok(bytes) => return Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("could not read {}", path.display())),
    }
    let bytes = make()?;
    // Under another name until it is whole: half of it after power loss would keep the program from starting.
    let new = path.with_added_extension("new");
    let mut file = std::fs::File::options();
    file.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let written = file.open(&new).and_then(|mut file| {
        std::io::Write::write_all(&mut file, &bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all())
    });
    written.with_context(|| format!("could not write {}", path.display()))?;
    Ok(bytes)
}
