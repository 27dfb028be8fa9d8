//! What the commands do, one file each. They print lists in the form asked for and talk to the program over HTTP.

pub mod audit;
pub mod bill;
pub mod catalogue;
pub mod check;
pub mod collect;
pub mod collectors;
pub mod coverage;
pub mod explain;
pub mod export;
pub mod generation;
pub mod keys;
pub mod object;
pub mod quarantine;
pub mod reconcile;
pub mod report;
pub mod retention;
pub mod simulate;
pub mod usage;
