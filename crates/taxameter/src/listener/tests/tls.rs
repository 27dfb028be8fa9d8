//! Handshakes: how long they may take, and which protocol they agree on.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::place::{Place, until};
use crate::config::TlsSection;
use crate::listener::tls::Tls;
use crate::listener::{Limit, Limits};

/// A listener with a certificate of its own, and that certificate.
async fn place(limits: Limits) -> (Place, CertificateDer<'static>) {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsSection {
        certificate_file: directory.path().join("tls.crt"),
        key_file: directory.path().join("tls.key"),
    };
    std::fs::write(&files.certificate_file, made.cert.pem()).unwrap();
    std::fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
    let tls = Arc::new(Tls::load(&files).unwrap());
    (Place::with(limits, Some(tls)).await, made.cert.der().clone())
}

async fn connect(
    place: &Place,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let socket = TcpStream::connect(place.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

#[tokio::test]
async fn a_handshake_that_does_not_end_gives_its_place_back() {
    let (place, _) = place(Limits { header_time: Duration::from_millis(50), ..Limits::default() }).await;
    let _silent = place.send("").await;
    let _half = place.send("\u{16}\u{3}\u{1}").await;
    until("both handshakes are given up", || place.reached(Limit::HandshakeTime) == 2).await;
    until("their places are free", || place.connections() == 0).await;
}

#[tokio::test]
async fn the_better_protocol_of_both_sides_is_spoken() {
    let (place, trusted) = place(Limits::default()).await;
    let stream = connect(&place, &trusted, &["http/1.1", "h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = axum::http::Request::get("https://localhost/").body(()).unwrap();
    let answer = sender.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");

    let mut stream = connect(&place, &trusted, &["http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("here") && answer.contains("strict-transport-security: max-age="), "{answer}");
}
