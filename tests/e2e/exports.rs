//! Exports of months, put to what others read them with.

#[path = "exports/focus.rs"]
pub(crate) mod focus;
