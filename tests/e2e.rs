//! The whole way of an event, through the real program: HTTP in, a month's chargeback out.

mod oracle;

#[path = "e2e/program.rs"]
mod program;

#[path = "e2e/edges.rs"]
mod edges;
#[path = "e2e/totals.rs"]
mod totals;
#[path = "e2e/year.rs"]
mod year;
