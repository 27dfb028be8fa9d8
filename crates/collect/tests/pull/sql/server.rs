//! A real PostgreSQL in a directory of its own, on a free port of this machine.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// `nobody`: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;
/// How long the server may take to answer at first.
const START_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) const PASSWORD: &str = "räksmörgås 1";

pub(super) struct Server {
    pub(super) port: u16,
    /// The password file, the authority's certificate `ca.pem`, and `data`.
    directory: Option<TempDir>,
    process: Child,
}

impl Server {
    /// A server with TLS whose certificate for `localhost` is from an authority of its own. Its user is `taxameter`, and so is
    /// its database.
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::write(directory.path().join("password"), PASSWORD).unwrap();
        own(directory.path());
        own(&directory.path().join("password"));
        let made = command("initdb")
            .args([
                "--username=taxameter",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(directory.path().join("password"))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap_or_else(|error| panic!("initdb: {error}: install PostgreSQL (Debian: postgresql)"));
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        certificates(directory.path(), &data);
        let (process, port) = run(&data).await;
        let server = Self { port, directory: Some(directory), process };
        let client = server.client("postgres").await;
        client.batch_execute("create database taxameter").await.unwrap();
        server
    }

    /// A connection that may write.
    pub(super) async fn client(&self, database: &str) -> Client {
        connect(self.port, database).await.unwrap()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.as_ref().unwrap().path().join(name)
    }

    /// Ends the server and leaves its directory.
    pub(super) fn stop(mut self) -> TempDir {
        self.directory.take().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // As fast as a crash: nothing of it is needed again.
        let sent = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        if !sent.is_ok_and(|sent| sent.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Starts the server on a port that is free; another one if somebody took it meanwhile.
async fn run(data: &Path) -> (Child, u16) {
    for _ in 0..5 {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut process = command("postgres")
            .arg("-D")
            .arg(data)
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F"])
            .args([
                "-c",
                "unix_socket_directories=",
                "-c",
                "ssl=on",
                "-c",
                "password_encryption=scram-sha-256",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + START_TIMEOUT;
        while process.try_wait().unwrap().is_none() {
            if connect(port, "postgres").await.is_ok() {
                return (process, port);
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not answer within {START_TIMEOUT:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    panic!("PostgreSQL does not start on any port");
}

async fn connect(port: u16, database: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("taxameter").password(PASSWORD).dbname(database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A program of PostgreSQL's: on the path, or where Debian has it.
fn command(name: &str) -> Command {
    let versions = Path::new("/usr/lib/postgresql").read_dir();
    let mut debian: Vec<PathBuf> = match versions {
        Ok(versions) => versions.map(|version| version.unwrap().path().join("bin").join(name)).collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("/usr/lib/postgresql: {error}"),
    };
    debian.retain(|path| path.exists());
    debian.sort();
    let mut command = Command::new(debian.pop().unwrap_or_else(|| PathBuf::from(name)));
    command.current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// What we make has our owner.
fn is_root() -> bool {
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}

fn own(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn certificates(directory: &Path, data: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &authority).unwrap();
    std::fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
    let files = [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())];
    for (name, pem) in files {
        let path = data.join(name);
        std::fs::write(&path, pem).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        own(&path);
    }
}
