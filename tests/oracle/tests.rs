//! The oracle on tiny months worked out by hand, and the generator against its own account and plan.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data fails right there")]

#[path = "../oracle.rs"]
mod oracle;

mod by_hand;
mod generated;
mod money;
