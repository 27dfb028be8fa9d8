//! Servers of others, run by a test in a directory of its own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it does what is awaited.
const DEADLINE: Duration = Duration::from_secs(120);

/// A server. It is killed when it is dropped, and when the test's thread ends without that.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a program, which writes into `log`.
    pub(crate) fn start<'a>(
        program: &str,
        arguments: impl IntoIterator<Item = &'a str>,
        directory: &Path,
        log: &str,
    ) -> Self {
        let log = directory.join(log);
        let output = File::create(&log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", program])
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Waits until a server does what is awaited.
    pub(crate) async fn until(&mut self, awaited: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let begin = Instant::now();
        while !is_so().await {
            let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("awaiting {awaited}: the server ended with {status}:\n{}", log());
            }
            assert!(begin.elapsed() < DEADLINE, "awaiting {awaited}:\n{}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it without a chance to say goodbye.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a command of these servers writes. It must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!("{program} is missing: ./tests/run installs what the tests need")
        }
        other => other.unwrap(),
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {out}\n{err}");
    out.into_owned()
}
