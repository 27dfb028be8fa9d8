//! What the listener counts.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

/// A limit that was reached. The names are the only values of the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Every connection was taken, and the next had to wait.
    Connections,
    /// A TLS handshake did not end in time.
    HandshakeTime,
    /// Headers did not come in time.
    HeaderTime,
    /// Headers were too large.
    HeaderBytes,
    /// A connection had as many requests under way as it may.
    Streams,
    /// A body did not come in time.
    BodyTime,
    /// A body came too slowly.
    BodyRate,
    /// An answer was not ready in time.
    HandlerTime,
    /// A connection stood still for too long.
    IdleTime,
}

impl Limit {
    pub(crate) const ALL: [Limit; 9] = [
        Limit::Connections,
        Limit::HandshakeTime,
        Limit::HeaderTime,
        Limit::HeaderBytes,
        Limit::Streams,
        Limit::BodyTime,
        Limit::BodyRate,
        Limit::HandlerTime,
        Limit::IdleTime,
    ];

    /// As it stands in the label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Limit::Connections => "connections",
            Limit::HandshakeTime => "handshake_time",
            Limit::HeaderTime => "header_time",
            Limit::HeaderBytes => "header_bytes",
            Limit::Streams => "streams",
            Limit::BodyTime => "body_time",
            Limit::BodyRate => "body_rate",
            Limit::HandlerTime => "handler_time",
            Limit::IdleTime => "idle_time",
        }
    }
}

/// The listener's metrics; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(super) connections: IntGauge,
    reached: IntCounterVec,
}

impl Metrics {
    /// Makes the metrics and registers them, once in a registry.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let connections = IntGauge::new("taxameter_connections", "Connections that are open")?;
        registry.register(Box::new(connections.clone()))?;
        let options = Opts::new(
            "taxameter_limit_reached_total",
            "Times that a connection or a request was refused, made to wait or ended by a limit of the listener",
        );
        let reached = IntCounterVec::new(options, &["limit"])?;
        registry.register(Box::new(reached.clone()))?;
        // All are there from the start, so that the first time shows as an increase.
        for limit in Limit::ALL {
            reached.with_label_values(&[limit.name()]);
        }
        Ok(Self { connections, reached })
    }

    /// Counts that a limit was reached.
    pub(super) fn reach(&self, limit: Limit) {
        self.reached.with_label_values(&[limit.name()]).inc();
    }
}
