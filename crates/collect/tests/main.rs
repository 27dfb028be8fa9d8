//! The intake over the real embedded log.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod corpus;
mod flaky;
mod forward;
mod http;
mod intake;
mod limits;
mod mark;
mod pull;
mod rows;
mod schemas;
mod sdk;
mod spool;
mod support;
