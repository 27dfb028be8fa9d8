//! Sources of collectors, each through its whole configuration.

mod ceph;
mod chrome;
mod client;
mod files;
mod intune;
mod jamf;
#[cfg(feature = "testkit")]
mod ldap;
mod ontap;
mod pexip;
#[cfg(feature = "testkit")]
mod prometheus;
#[cfg(feature = "testkit")]
mod server;
mod simulator;
#[cfg(feature = "postgres")]
mod sql;
mod teams_calls;
mod zoom;
