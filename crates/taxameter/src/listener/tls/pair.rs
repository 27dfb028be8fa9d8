//! A certificate with its key: bytes of two files → what rustls serves.

use std::sync::Arc;

use anyhow::{Context, bail};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::seconds;
use crate::config::TlsSection;

/// The protocols that are offered in the handshake (RFC 7301), the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The content of the two files. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A pair that can be served.
pub(super) struct Ready {
    pub(super) config: Arc<ServerConfig>,
    /// When the certificate ends, in seconds since 1970.
    pub(super) not_after: i64,
}

impl Pair {
    pub(super) fn read(files: &TlsSection) -> anyhow::Result<Self> {
        let read = |path: &std::path::Path| {
            std::fs::read(path).with_context(|| format!("could not read {} under [tls]", path.display()))
        };
        Ok(Self { certificate: read(&files.certificate_file)?, key: read(&files.key_file)? })
    }

    /// Reads what the files hold.
    ///
    /// # Errors
    /// When one of them is not PEM of its kind, or the key is not the certificate's.
    pub(super) fn ready(&self) -> anyhow::Result<Ready> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .context("certificate_file is not PEM")?;
        let Some(own) = chain.first() else {
            bail!(
                "certificate_file holds no certificate: it must have the program's own first, then those above it"
            )
        };
        let not_after = not_after(own)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .context("key_file holds no private key that can be read (PEM, without a password)")?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .context("could not set up TLS")?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the key in key_file is not that of the certificate in certificate_file")?;
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Ok(Ready { config: Arc::new(config), not_after })
    }
}

impl Ready {
    /// Whether callers refuse it by now.
    pub(super) fn has_ended(&self) -> bool {
        self.not_after <= seconds()
    }

    /// When it ends, for people.
    pub(super) fn ends(&self) -> String {
        chrono::DateTime::from_timestamp(self.not_after, 0)
            .map_or_else(|| "never".to_owned(), |time| time.format("%Y-%m-%d %H:%M UTC").to_string())
    }
}

fn not_after(certificate: &CertificateDer<'_>) -> anyhow::Result<i64> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .context("certificate_file holds something else than X.509")?;
    Ok(parsed.validity().not_after.timestamp())
}
