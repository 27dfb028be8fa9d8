//! TLS for what is not HTTP. It trusts what requests over HTTP trust: the machine's authorities and the one that is
//! configured.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// How to speak TLS, with the certificate of a further authority if there is one (PEM).
///
/// # Errors
/// A file that cannot be read or has no certificate.
pub(super) fn client(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut authorities = Vec::new();
    if let Some(path) = ca_file {
        let pem =
            std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        authorities = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("{} has no certificate: {error}", path.display()))?;
        if authorities.is_empty() {
            return Err(format!("{} has no certificate", path.display()));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let failed = |error: rustls::Error| format!("TLS cannot be set up: {error}");
    let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider)).map_err(failed)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}
