//! The catalogue as a directory of files: reads, checks, compares and versions it.
//!
//! People edit these files in a text editor or in Excel and review them in git, so [`check`] collects everything that
//! is wrong, and every [`Finding`] names the file, the line and the fix. What passes is a
//! [`domain::catalogue::Catalogue`] whose references resolve and whose validities do not overlap. This crate knows
//! nothing of stores, prices of a line or who reads the catalogue.
//!
//! Start with [`Files`] (a directory in memory), then [`check`], [`diff`] and [`changes_closed_month`].

mod check;
mod closed;
mod diff;
mod document;
mod files;
mod finding;
mod linkoping;
mod nearest;
mod rows;
mod sheet;
mod table;
mod text;
mod units;
mod values;

pub use check::{Checked, check, recall};
pub use closed::{changes_closed_month, removes_used_meters};
pub use diff::{Change, diff};
pub use files::{Error, Files};
pub use finding::{Code, Finding, Language, Severity, Text};
pub use linkoping::linkoping;
pub use rows::{Field, Object, Row, rows};
pub use units::{UNITS, Unit, unit};
