//! The whole way of an event, through the real program: HTTP in, a month's chargeback out.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data fails right there")]

mod oracle;

#[path = "e2e/fixtures.rs"]
mod fixtures;
#[path = "e2e/program.rs"]
mod program;
#[path = "faults/random.rs"]
mod random;

#[cfg(feature = "testkit")]
#[path = "e2e/document.rs"]
mod document;
#[path = "e2e/edges.rs"]
mod edges;
#[cfg(feature = "testkit")]
#[path = "e2e/exports.rs"]
mod exports;
#[cfg(feature = "testkit")]
#[path = "e2e/gathering.rs"]
mod gathering;
#[path = "e2e/generations.rs"]
mod generations;
#[cfg(feature = "testkit")]
#[path = "e2e/groups.rs"]
mod groups;
#[path = "e2e/hostile.rs"]
mod hostile;
#[path = "e2e/keys.rs"]
mod keys;
#[cfg(feature = "testkit")]
#[path = "e2e/login.rs"]
mod login;
#[cfg(feature = "testkit")]
#[path = "e2e/python.rs"]
mod python;
#[path = "e2e/quarantine.rs"]
mod quarantine;
#[path = "e2e/retention.rs"]
mod retention;
#[path = "e2e/roles.rs"]
mod roles;
#[path = "e2e/scenario.rs"]
mod scenario;
#[cfg(feature = "testkit")]
#[path = "e2e/spool.rs"]
mod spool;
#[path = "e2e/tls.rs"]
mod tls;
#[path = "e2e/totals.rs"]
mod totals;
#[path = "e2e/year.rs"]
mod year;
