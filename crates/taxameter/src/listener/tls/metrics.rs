//! What is counted of the certificate.

use prometheus::{IntCounter, IntGauge, Registry};

/// The certificate's metrics; cheap to clone. They are there only where there is a certificate.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(super) reload_failed: IntCounter,
    pub(super) not_after: IntGauge,
}

impl Metrics {
    /// Makes the metrics and registers them, once in a registry.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let reload_failed = IntCounter::new(
            "taxameter_tls_reload_failed_total",
            "Times that a new certificate or key could not be used, so that the ones before are served on",
        )?;
        registry.register(Box::new(reload_failed.clone()))?;
        let not_after = IntGauge::new(
            "taxameter_tls_not_after_seconds",
            "When the certificate that is served ends, in seconds since 1970",
        )?;
        registry.register(Box::new(not_after.clone()))?;
        Ok(Self { reload_failed, not_after })
    }
}
