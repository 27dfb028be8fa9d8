//! Months: what they cost, how they close, and what finance gets of them.
//!
//! Monthly usage + catalogue → `domain` (lines, surcharge, corrections) → charges → frozen months and exports. Two
//! invariants: a closed month never changes (what comes later is a correction line of the next one), and every charge
//! names the price, the decisions, the catalogue's version and the revision of the usage that it came from. An open month
//! is reckoned whenever it is asked for and never stored. The crate knows no SQL and no HTTP, and reckons no money itself:
//! that is `domain`'s.
//!
//! Start with [`Biller`] (what others ask), then [`bill`] (what they get), [`control`] (how it is decided, and by whom
//! carried out), and [`export`]. [`books`] holds what was accepted beside what was counted, [`object`]
//! is the object's own economy, and [`simulate`] what it would be with other decisions.

pub mod bill;
mod biller;
mod blocker;
pub mod books;
mod catalogue;
mod closer;
mod collectors;
pub mod control;
mod coverage;
mod cut;
mod digest;
mod error;
mod explain;
pub mod export;
mod gaps;
pub mod keys;
mod ledger;
mod metrics;
mod month;
pub mod object;
mod pseudonyms;
mod quarantine;
mod reckoning;
mod requester;
pub mod retention;
mod signature;
pub mod simulate;
mod slots;
mod sums;
mod usage;
mod view;
mod waiting;
mod year;

pub use bill::{Bill, MonthState, MonthSummary, PayerTotal, ServiceTotal};
pub use biller::{Accept, Biller, Closing, Config};
pub use blocker::{Blocker, BlockerCode};
pub use books::{BooksLine, BooksMetrics};
pub use catalogue::Application;
pub use collectors::CollectorState;
pub use control::{AuditPage, AuditRecord, AuditState, Owner};
pub use coverage::ScopeCoverage;
pub use error::Error;
pub use explain::Explanation;
pub use gaps::{GapDecision, MonthGap, MonthGapKind};
pub use metrics::Metrics;
pub use month::MonthReport;
pub use quarantine::Replay;
pub use requester::Requester;
pub use signature::{InvalidSignature, Signature};
pub use usage::{UsageItem, UsageQuery};
pub use view::View;
pub use waiting::Waiting;
pub use year::{YearCustomer, YearGrouping, YearItem, YearMeter, YearMonth, YearReport};

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;
