//! The intake over the real embedded log.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what fails ends the test")]

mod http;
mod intake;
mod schemas;
mod sdk;
mod support;
