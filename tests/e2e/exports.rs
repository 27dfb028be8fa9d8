//! Exports of months, put to what others read them with.

#[path = "exports/focus.rs"]
pub(crate) mod focus;
#[path = "exports/ledger.rs"]
mod ledger;
#[path = "exports/month_end.rs"]
mod month_end;
#[path = "exports/open.rs"]
mod open;
#[cfg(feature = "pdf")]
#[path = "exports/pdf.rs"]
mod pdf;
#[path = "exports/peppol.rs"]
pub(crate) mod peppol;
#[cfg(feature = "pdf")]
#[path = "exports/reports.rs"]
mod reports;
#[path = "exports/sheets.rs"]
mod sheets;
#[path = "exports/sie.rs"]
mod sie;
#[path = "exports/sums.rs"]
mod sums;
