//! Accessibility, judged by axe-core: WCAG 2.2 AA and its best practices.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::chromium::{Chromium, Look, NARROW, NARROW_DARK, WIDE, WIDE_DARK};
use crate::pages;
use crate::town::Town;

const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const RUN: &str = "const done = arguments[1];
axe.run(document, {runOnly: arguments[0], resultTypes: ['violations']}).then(found => done({
  violations: found.violations.map(v => ({rule: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => [n.html.slice(0, 160), n.failureSummary])})),
  passes: found.passes.length,
}), error => done({error: String(error)}))";

/// A directory of the sources with the pinned version.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/axe")
}

/// The script, which npm fetches once into the target directory.
fn script() -> String {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe");
    std::fs::create_dir_all(&copy).unwrap();
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        std::fs::copy(sources().join(file), copy.join(file)).unwrap();
    }
    let (lock, installed) = (std::fs::read(copy.join("package-lock.json")).unwrap(), copy.join("installed"));
    if std::fs::read(&installed).ok().as_ref() != Some(&lock) {
        let arguments = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        let output = Command::new("npm").args(arguments).current_dir(&copy).output();
        let output = output.unwrap_or_else(|error| panic!("npm is needed to fetch axe-core: {error}"));
        assert!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(installed, lock).unwrap();
    }
    std::fs::read_to_string(copy.join("node_modules/axe-core/axe.min.js")).unwrap()
}

/// Every page, in both languages, wide and narrow, light and dark.
pub(crate) fn no_page_shuts_anybody_out(town: &Town, chromium: &Chromium, all: &[String]) {
    let script = script();
    let mut wrong = BTreeSet::new();
    for page in all {
        for language in ["sv", "en"] {
            let page = pages::in_language(page, language);
            chromium.open(&town.at(&page));
            chromium.run(&script, vec![]);
            for look in [WIDE, WIDE_DARK, NARROW_DARK, NARROW] {
                wrong.extend(
                    judge(chromium, look)
                        .into_iter()
                        .map(|violation| format!("{page} {look:?}: {violation}")),
                );
            }
        }
    }
    chromium.look(WIDE);
    assert!(
        wrong.is_empty(),
        "{} violations:\n{}",
        wrong.len(),
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
    it_finds_what_is_wrong(town, chromium, &script);
}

/// The page that is open.
fn judge(chromium: &Chromium, look: Look) -> Vec<Value> {
    chromium.look(look);
    let found = chromium.run_async(RUN, vec![json!(RULES)]);
    assert!(found["passes"].as_u64() > Some(10), "axe did not run: {found}");
    found["violations"].as_array().cloned().unwrap_or_default()
}

/// A page that is spoilt on purpose is found out.
fn it_finds_what_is_wrong(town: &Town, chromium: &Chromium, script: &str) {
    chromium.open(&town.at("/payers"));
    chromium.run(script, vec![]);
    chromium.run(
        "document.documentElement.removeAttribute('lang'); document.querySelector('h1').style.color = '#ccc'",
        vec![],
    );
    let found = judge(chromium, WIDE);
    let rules: BTreeSet<&str> = found.iter().filter_map(|violation| violation["rule"].as_str()).collect();
    assert!(rules.contains("html-has-lang") && rules.contains("color-contrast"), "{rules:?}");
}
