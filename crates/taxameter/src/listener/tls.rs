//! TLS: the certificate that is served, and how another takes its place while connections are open.

mod hangup;
mod metrics;
mod pair;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::config::TlsSection;
use crate::serve::now;
use hangup::Hangup;
use pair::{Pair, Ready};

pub(crate) use metrics::Metrics;

/// How often the files are looked at. A pair is taken when it was the same at two looks, so that one of which half is
/// written is not.
const LOOK: Duration = Duration::from_secs(2);

/// The certificate that new connections get.
pub(crate) struct Tls {
    files: TlsSection,
    serving: ArcSwap<Ready>,
}

/// What a look at the files found: a pair, or why there is none.
type Seen = Result<Pair, String>;

impl Tls {
    /// Reads the pair.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, or the key is not the certificate's.
    pub(crate) fn load(files: &TlsSection) -> anyhow::Result<Self> {
        let ready = read(files)?;
        if ready.has_ended() {
            tracing::error!(
                file = %files.certificate_file.display(),
                "the certificate has ended: callers will refuse it"
            );
        }
        Ok(Self { files: files.clone(), serving: ArcSwap::from_pointee(ready) })
    }

    /// What shakes hands with the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.serving.load().config))
    }

    /// Follows the files until told to stop: every few seconds, and at once on SIGHUP. While the pair is wrong, the one that
    /// was right is served on.
    pub(crate) async fn follow(self: Arc<Self>, metrics: Metrics, mut stop: watch::Receiver<bool>) {
        let mut hangup = Hangup::new();
        metrics.not_after.set(self.serving.load().not_after);
        let mut judged = self.look();
        let mut before = judged.clone();
        loop {
            let is_asked = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = hangup.received() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let seen = self.look();
            if is_asked || (seen != judged && seen == before) {
                self.judge(&seen, &metrics);
                judged = seen.clone();
            }
            before = seen;
        }
    }

    fn look(&self) -> Seen {
        Pair::read(&self.files).map_err(|error| format!("{error:#}"))
    }

    /// Serves a pair from now on if it is right, and says so if it is not.
    fn judge(&self, seen: &Seen, metrics: &Metrics) {
        let ready = match seen {
            Ok(pair) => usable(pair).map_err(|error| format!("{error:#}")),
            Err(error) => Err(error.clone()),
        };
        match ready {
            Ok(ready) => {
                metrics.not_after.set(ready.not_after);
                self.serving.store(Arc::new(ready));
                tracing::info!("new connections get the certificate that was put in place");
            }
            Err(error) => {
                metrics.reload_failed.inc();
                tracing::error!(error, "the certificate was not replaced: the one before is served on");
            }
        }
    }
}

/// What `taxameter check` says of the pair.
pub(crate) fn check(files: &TlsSection) -> anyhow::Result<String> {
    let ready = usable(&Pair::read(files)?).with_context(|| named(files))?;
    Ok(format!("the certificate under [tls] and its key fit; it ends {}", ready.ends()))
}

fn read(files: &TlsSection) -> anyhow::Result<Ready> {
    Pair::read(files)?.ready().with_context(|| named(files))
}

fn named(files: &TlsSection) -> String {
    let (certificate, key) = (files.certificate_file.display(), files.key_file.display());
    format!("{certificate} and {key} under [tls] cannot be used")
}

/// A pair that callers will take.
fn usable(pair: &Pair) -> anyhow::Result<Ready> {
    let ready = pair.ready()?;
    if ready.has_ended() {
        anyhow::bail!("the certificate ended {}: have a new one issued", ready.ends());
    }
    Ok(ready)
}

/// The time in seconds since 1970.
fn seconds() -> i64 {
    now().micros().div_euclid(1_000_000)
}
