//! An authority of one's own, and a certificate of a server from it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Files of a server's certificate and of whom it is from.
pub(super) struct Files {
    pub(super) authority: String,
    /// An authority that has the same name and another key.
    pub(super) other_authority: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Makes a certificate for a name or address.
pub(super) fn certify(directory: &Path, name: &str) -> Files {
    let write = |file: &str, text: String| {
        let path = directory.join(file);
        std::fs::write(&path, text).unwrap();
        // Samba takes no key that others could read.
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let authority = authority();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    Files {
        certificate: write("server.pem", params.signed_by(&key, &authority).unwrap().pem()),
        key: write("server.key", key.serialize_pem()),
        authority: write("ca.pem", authority.pem()),
        other_authority: write("other-ca.pem", self::authority().pem()),
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "LKDATA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
