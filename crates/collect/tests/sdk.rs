//! The public CloudEvents SDKs, and OpenMeter's, as clients of a live intake. They are fetched by pip and npm into the target directory;
//! without these the tests fail.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::support::Stand;

/// A live intake on a free port.
async fn serve(stand: &Stand) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = stand.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1/events")
}

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sdk").join(language)
}

/// A working copy of a client in the target directory, and whether its dependencies are the ones of its lock file.
fn copy(language: &str, files: &[&str], lock: &str) -> (PathBuf, bool) {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk").join(language);
    std::fs::create_dir_all(&copy).unwrap();
    for file in files {
        std::fs::copy(sources(language).join(file), copy.join(file)).unwrap();
    }
    let is_installed =
        std::fs::read(copy.join("installed")).ok() == Some(std::fs::read(copy.join(lock)).unwrap());
    (copy, is_installed)
}

async fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let output =
        command.output().await.unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_sends_structured_binary_and_batched_events() {
    let (copy, is_installed) = copy("python", &["requirements.txt", "send.py"], "requirements.txt");
    if !is_installed {
        run(&copy, "python3", &["-m", "venv", "--clear", "venv"]).await;
        let arguments =
            ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"];
        run(&copy, "venv/bin/pip", &arguments).await;
        std::fs::copy(copy.join("requirements.txt"), copy.join("installed")).unwrap();
    }
    let stand = Stand::new().await;
    let url = serve(&stand).await;
    run(&copy, "venv/bin/python", &["send.py", &url]).await;
    assert_eq!(stand.logged().await.len(), 4);
    assert_eq!(stand.quarantined().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_sdk_and_openmeters_send_structured_binary_and_batched_events() {
    let files = ["package.json", "package-lock.json", ".npmrc", "send.js"];
    let (copy, is_installed) = copy("javascript", &files, "package-lock.json");
    if !is_installed {
        run(&copy, "npm", &["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).await;
        std::fs::copy(copy.join("package-lock.json"), copy.join("installed")).unwrap();
    }
    let stand = Stand::new().await;
    let url = serve(&stand).await;
    run(&copy, "node", &["send.js", &url]).await;
    assert_eq!(stand.logged().await.len(), 5 + 3);
    assert_eq!(stand.quarantined().await.len(), 2);
}
