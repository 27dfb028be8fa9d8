//! Whose certificates a command takes when the program is reached over `https`.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use reqwest::{Certificate, ClientBuilder};
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

/// Whose certificates are taken: those that the system trusts, or those of one authority.
#[derive(Debug, Clone, Default, Args)]
pub struct Trust {
    /// A file (PEM) with the certificate of the authority that issued the program's [default: those that the system trusts].
    #[arg(long, env = "TAXAMETER_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// Why the certificates of an authority cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file is not there, or not for us.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its content is something else.
    #[error("{} is not PEM of certificates", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: reqwest::Error,
    },
    /// Its content has no certificate.
    #[error("{} holds no certificate: it must be the authority's, in PEM", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Trust {
    /// A client for the program at a URL.
    pub(crate) fn client(&self, url: &str) -> Result<ClientBuilder, Unreadable> {
        // No proxy from the environment: the program is addressed by name, and is usually on this machine.
        let client = reqwest::Client::builder().no_proxy();
        match &self.ca {
            Some(_) => Ok(client.tls_certs_only(self.certificates()?)),
            None if url.starts_with("https:") => Ok(client),
            // Without TLS nobody is trusted, and a system that trusts nobody (a small container) is no error.
            None => Ok(client.tls_certs_only([])),
        }
    }

    fn certificates(&self) -> Result<Vec<Certificate>, Unreadable> {
        let Some(path) = &self.ca else { return Ok(Vec::new()) };
        let pem = std::fs::read(path).map_err(|source| Unreadable::Read { path: path.clone(), source })?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|source| Unreadable::Content { path: path.clone(), source })?;
        if certificates.is_empty() {
            return Err(Unreadable::Empty { path: path.clone() });
        }
        Ok(certificates)
    }
}

/// What to do when a request failed because of the certificate that was shown; none if it failed for another reason.
pub(crate) fn refused(url: &str, error: &reqwest::Error) -> Option<String> {
    use CertificateError as Wrong;
    let wrong = certificate_error(error)?;
    let advice = if matches!(wrong, Wrong::UnknownIssuer | Wrong::BadSignature) {
        "comes from an authority that is not trusted here: name its file with --ca".to_owned()
    } else if matches!(wrong, Wrong::Expired | Wrong::ExpiredContext { .. }) {
        "has ended: put a new one in place there".to_owned()
    } else if matches!(wrong, Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) {
        "is for another name: use one that it is for with --server".to_owned()
    } else {
        format!("is not taken: {wrong}")
    };
    Some(format!("the certificate of {url} {advice}"))
}

/// What rustls says of a certificate, wherever in the chain of causes it stands.
fn certificate_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CertificateError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(TlsError::InvalidCertificate(wrong)) = error.downcast_ref() {
            return Some(wrong);
        }
        // An I/O error hides what it was made of from the chain.
        let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match hidden {
            Some(hidden) => Some(hidden),
            None => error.source(),
        };
    }
    None
}
