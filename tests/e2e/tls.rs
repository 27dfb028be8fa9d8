//! TLS: callers who trust the certificate's authority are answered, and a certificate changes while the program runs.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::blocking::Client;
use serde_json::json;

use crate::program::{DEADLINE, Program};

const CONFIGURATION: &str = "[tls]\ncertificate_file = \"tls.crt\"\nkey_file = \"tls.key\"\n";

/// An authority of one's own, as a municipality has one.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key of a program on this machine.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Puts a new pair in place, and the authority's own certificate beside it.
    fn put(&self, directory: &Path) {
        let (certificate, key) = self.issue();
        std::fs::write(directory.join("ca.pem"), self.0.pem()).unwrap();
        std::fs::write(directory.join("tls.crt"), certificate).unwrap();
        std::fs::write(directory.join("tls.key"), key).unwrap();
    }

    /// A caller that trusts this authority and keeps its connection.
    fn caller(&self) -> Client {
        let trusted = reqwest::Certificate::from_pem(self.0.pem().as_bytes()).unwrap();
        Client::builder()
            .no_proxy()
            .timeout(DEADLINE)
            .tls_certs_only([trusted])
            // Longer than the test: the one connection is used again.
            .pool_idle_timeout(Duration::from_secs(3_600))
            .build()
            .unwrap()
    }
}

fn start(authority: &Authority) -> Program {
    Program::start_in(CONFIGURATION, |directory| authority.put(directory), authority.caller())
}

fn command(program: &Program, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_taxameter"))
        .args(arguments)
        .current_dir(program.directory())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A metric's value.
fn metric(program: &Program, name: &str) -> f64 {
    let text = String::from_utf8(program.bytes("/metrics")).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("{name} is missing")).split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn who_trusts_the_authority_sends_and_reads_and_others_are_told_why_not() {
    let authority = Authority::new();
    let program = start(&authority);
    let server = program.url().to_owned();
    assert!(server.starts_with("https://127.0.0.1:"), "{server}");
    let event = json!({
        "specversion": "1.0", "id": "tls-1", "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1.5", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    });
    std::fs::write(program.directory().join("events.ndjson"), event.to_string()).unwrap();

    let (send, usage) =
        (["send", "events.ndjson", "--server", &server], ["usage", "--from", "2021-03", "--server", &server]);
    for arguments in [&send[..], &usage[..]] {
        let output = command(&program, arguments);
        assert!(!output.status.success() && said(&output).contains("with --ca"), "{}", said(&output));
    }
    let with_ca = |arguments: &[&str]| {
        let output = command(&program, &[arguments, &["--ca", "ca.pem"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    with_ca(&send);
    program.until("the event is counted", || with_ca(&usage).contains("1,5").then_some(()));
    with_ca(&["check", "--server", &server]);
    let checked = command(&program, &["check", "--config", "taxameter.toml", "--data", "data"]);
    assert!(String::from_utf8_lossy(&checked.stdout).contains("under [tls] and its key fit"), "{checked:?}");
    // A data directory leads to the program that runs on it, over TLS too.
    with_ca(&["usage", "--from", "2021-03", "--data", "data"]);

    let answer = authority.caller().get(format!("{server}/v1/services")).send().unwrap();
    assert!(answer.headers()["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
    let plain = Client::builder().no_proxy().build().unwrap();
    assert!(plain.get(server.replacen("https", "http", 1)).send().is_err(), "nothing is said in the clear");
    let not_after = metric(&program, "taxameter_tls_not_after_seconds");
    assert!(not_after > 1_700_000_000.0, "{not_after}");
}

#[test]
fn a_certificate_is_replaced_while_a_connection_is_open() {
    let (first, second) = (Authority::new(), Authority::new());
    let mut program = start(&first);
    let (held, url) = (first.caller(), format!("{}/livez", program.url()));
    assert!(held.get(&url).send().unwrap().status().is_success());
    second.put(program.directory());
    program.until("new connections get the new certificate", || second.caller().get(&url).send().ok());
    assert!(first.caller().get(&url).send().is_err(), "the first certificate is served no more");
    // An open connection is not asked for a certificate again.
    assert!(held.get(&url).send().unwrap().status().is_success());
    program.use_caller(second.caller());
    assert_eq!(metric(&program, "taxameter_tls_reload_failed_total"), 0.0);
}

#[test]
fn a_broken_pair_keeps_the_certificate_that_was_there() {
    let authority = Authority::new();
    let program = start(&authority);
    let key = program.directory().join("tls.key");
    let right = std::fs::read(&key).unwrap();
    let failures = || metric(&program, "taxameter_tls_reload_failed_total");
    for (count, wrong) in [(1.0, authority.issue().1), (2.0, "no key".to_owned())] {
        std::fs::write(&key, wrong).unwrap();
        program.until("the pair is refused", || (failures() == count).then_some(()));
        let answer = authority.caller().get(format!("{}/livez", program.url())).send().unwrap();
        assert!(answer.status().is_success());
        let checked = command(&program, &["check", "--config", "taxameter.toml", "--data", "data"]);
        assert!(!checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("NO  "));
    }
    let log = std::fs::read_to_string(program.directory().join("log")).unwrap();
    assert!(log.contains("is not that of the certificate") && log.contains("ERROR"), "{log}");
    std::fs::write(&key, right).unwrap();
    // A signal asks at once.
    assert!(Command::new("kill").args(["-HUP", &program.pid()]).status().unwrap().success());
    program.until("the pair is taken again", || {
        let log = std::fs::read_to_string(program.directory().join("log")).unwrap();
        log.contains("new connections get").then_some(())
    });
}

#[test]
fn a_pair_that_cannot_be_used_keeps_the_program_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("taxameter.toml"), CONFIGURATION).unwrap();
    let serve = || {
        let output = Command::new(env!("CARGO_BIN_EXE_taxameter"))
            .args(["serve", "--config", "taxameter.toml", "--data", "data", "--listen", "127.0.0.1:0"])
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(!output.status.success());
        said(&output)
    };
    assert!(serve().contains("could not read tls.crt"));
    Authority::new().put(directory.path());
    std::fs::write(directory.path().join("tls.key"), Authority::new().issue().1).unwrap();
    assert!(serve().contains("is not that of the certificate"));
}
