//! The shape of the workspace, held as a table: who may depend on whom, and what stands at the top.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data fails right there")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every edge that is allowed between our crates. Stages meet at a log or a table, never in code; `api` may use
/// `billing`, because both speak of charges.
const EDGES: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("catalog", &["domain"]),
    ("eventlog", &["domain"]),
    ("store", &["domain"]),
    ("embedded", &[]),
    ("collect", &["domain", "catalog", "eventlog"]),
    ("aggregate", &["domain", "catalog", "eventlog", "store"]),
    ("billing", &["domain", "catalog", "eventlog", "store"]),
    ("api", &["domain", "catalog", "store", "billing"]),
    (
        "taxameter",
        &["domain", "catalog", "eventlog", "store", "embedded", "collect", "aggregate", "billing", "api"],
    ),
];

/// What the root of the repository may hold besides dot-files.
const TOP_LEVEL: &[&str] =
    &["Cargo.lock", "Cargo.toml", "README.md", "crates", "deploy", "docker-compose.yml", "schemas", "tests"];

/// Packages that only one crate may name, so that one crate changes with them.
const OWNED: &[(&str, &[&str])] = &[
    ("rdkafka", &["eventlog"]),
    ("fjall", &["eventlog"]),
    ("clickhouse", &["store"]),
    ("libloading", &["embedded"]),
    ("rust_xlsxwriter", &["billing"]),
    ("parquet", &["billing"]),
    ("typst", &["billing"]),
    ("askama", &["api"]),
    ("tokio-postgres", &["collect"]),
    ("clap", &["taxameter"]),
    ("anyhow", &["taxameter"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The dependencies that our crates name for their ordinary build (what tests use may differ).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut manifests = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let directory = entry.unwrap().path();
        let text = std::fs::read_to_string(directory.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        assert_eq!(Some(name.as_str()), directory.file_name().unwrap().to_str(), "a crate has one name");
        let table = manifest.get("dependencies").and_then(|d| d.as_table());
        manifests.insert(name, table.map(|t| t.keys().cloned().collect()).unwrap_or_default());
    }
    manifests
}

#[test]
fn crates_depend_only_along_the_allowed_edges() {
    let manifests = dependencies();
    let ours: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        manifests.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ours,
        "the crates of the workspace"
    );
    for (name, allowed) in EDGES {
        let named: BTreeSet<&str> =
            manifests[*name].iter().map(String::as_str).filter(|d| ours.contains(d)).collect();
        let forbidden: Vec<_> = named.iter().filter(|d| !allowed.contains(d)).collect();
        assert!(forbidden.is_empty(), "{name} must not know {forbidden:?}");
    }
}

#[test]
fn each_foreign_system_is_known_to_one_crate() {
    let manifests = dependencies();
    for (package, owners) in OWNED {
        let users: Vec<&str> = manifests
            .iter()
            .filter(|(_, named)| named.contains(*package))
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(
            users.iter().all(|user| owners.contains(user)),
            "{package} is used by {users:?}, allowed are {owners:?}"
        );
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for (name, _) in EDGES {
        let text = std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
    }
}

#[test]
fn the_top_level_holds_what_it_should_and_nothing_else() {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    assert!(listed.status.success(), "git ls-files failed");
    let text = String::from_utf8(listed.stdout).unwrap();
    let visible: BTreeSet<&str> = text
        .lines()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let unexpected: Vec<_> = visible.iter().filter(|name| !TOP_LEVEL.contains(name)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?} should live elsewhere");
}
