//! Receives events, judges them against the catalogue, and puts the right ones on the log before it says so.
//!
//! bytes → slices of events → verdicts → records → the log (or the spool while it is away) → an answer
//!
//! [`Intake`] knows nothing of HTTP; [`router`] knows nothing of the catalogue or the log. Nothing is kept between two
//! requests but what waits for the log. An event is decoded once, borrowed from the body, and its own bytes go on.
//!
//! Invariants: an answer is given only when everything that it calls accepted is durable, and everything refused or
//! parked is in the quarantine. No personal data that V10 finds is ever stored. Every queue here has a limit with a name.
//! What was called durable reaches the log in the order in which its lane got it, whatever dies meanwhile.
//!
//! Reading order: [`intake`], [`http`], `outbox` (the spool), [`forward`] (events that come by the log itself), [`mark`];
//! [`pull`] for what is gathered.

mod draft;
pub mod forward;
pub mod http;
pub mod intake;
pub mod mark;
pub mod metrics;
mod outbox;
pub mod pull;
mod table;

pub use forward::Forwarder;
pub use http::{guard, router};
pub use intake::{Answer, Intake, Mode, Principal, Rejected, Unavailable};
pub use mark::Marker;
pub use metrics::Metrics;
pub use outbox::SpoolConfig;
