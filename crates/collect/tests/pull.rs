//! Sources of collectors, each through its whole configuration.

mod ceph;
mod chrome;
mod files;
mod intune;
mod jamf;
mod ontap;
mod pexip;
mod simulator;
#[cfg(feature = "postgres")]
mod sql;
mod teams_calls;
mod zoom;
