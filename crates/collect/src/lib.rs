//! Receives events, judges them against the catalogue, and puts the right ones on the log before it says so.
//!
//! bytes → slices of events → verdicts → records → the log → an answer
//!
//! [`Intake`] knows nothing of HTTP; [`router`] knows nothing of the catalogue or the log. Nothing is kept between two
//! requests but what waits for the log. An event is decoded once, borrowed from the body, and its own bytes go on.
//!
//! Invariants: an answer is given only when everything that it calls accepted is durable, and everything refused or
//! parked is in the quarantine. No personal data that V10 finds is ever stored. Every queue here has a limit with a name.
//!
//! Reading order: [`intake`], then [`http`].

pub mod http;
pub mod intake;
pub mod metrics;

pub use http::{guard, router};
pub use intake::{Answer, Intake, Mode, Principal, Rejected, Unavailable};
pub use metrics::Metrics;
