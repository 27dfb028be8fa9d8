//! FOCUS exports, put to the validator of FinOps.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python;

/// What focus-validator 2.2.1 runs on.
const PYTHON: python::Version = (3, 12);

/// How many rules held of a month with all kinds of rows; far fewer mean that the validator left most of them out.
const RULES_MIN: usize = 260;

/// The two rules that contradict each other, of which one fails whatever a file has: the first wants every InvoiceId to be
/// null (those of charges that are on no invoice, which it cannot tell), the second wants none to be.
const CONTRADICTORY: [&str; 2] = ["InvoiceId-C-004-C", "InvoiceId-C-005-C"];

/// Whether a file in CSV is FOCUS 1.2, without network but for fetching the validator once. What is not, if it is not, rule
/// by rule.
///
/// # Panics
/// When the validator cannot be run; on continuous integration also when there is no Python that is new enough. Elsewhere
/// it says then that nothing was checked.
#[expect(clippy::print_stderr, reason = "whoever runs the tests should see what was not checked")]
pub(crate) fn check(csv: &Path) -> Result<(), String> {
    let python = match python::interpreter(PYTHON) {
        Ok(python) => python,
        Err(missing) => {
            let wanted = format!(
                "the FOCUS export cannot be validated: {missing}; install one (tests/validators/focus)"
            );
            assert!(!is_continuous_integration(), "{wanted}");
            eprintln!("SKIPPED: {wanted}");
            return Ok(());
        }
    };
    let directory = validator();
    let commands = python::environment("focus-validator", &python, &directory.join("requirements.txt"));
    let verdict = python::run(Command::new(commands.join("python")).arg(directory.join("check.py")).arg(csv));
    judge(&verdict)
}

fn validator() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/validators/focus")
}

#[expect(clippy::disallowed_methods, reason = "continuous integration says so in the environment")]
fn is_continuous_integration() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// `passed N`, and a line `failed RULE why` for each rule that fails.
fn judge(verdict: &str) -> Result<(), String> {
    let passed = verdict.lines().find_map(|line| line.strip_prefix("passed ")?.parse::<usize>().ok());
    if passed.is_none_or(|passed| passed < RULES_MIN) {
        return Err(format!("at least {RULES_MIN} rules should have held: {verdict}"));
    }
    let failed: Vec<&str> = verdict.lines().filter_map(|line| line.strip_prefix("failed ")).collect();
    let rule = |failure: &str| failure.split(' ').next().unwrap_or_default().to_owned();
    let contradictory = failed.iter().filter(|failure| CONTRADICTORY.contains(&rule(failure).as_str()));
    // Both fail when some rows have an InvoiceId and others have none.
    let allowed = if contradictory.count() == 1 { &CONTRADICTORY[..] } else { &[] };
    let wrong: Vec<&str> =
        failed.into_iter().filter(|failure| !allowed.contains(&rule(failure).as_str())).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

#[cfg(test)]
#[path = "focus/tests.rs"]
mod tests;
