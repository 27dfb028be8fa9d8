//! Real surroundings for tests and benchmarks, of this crate and of others: never part of the product.

pub mod kafka;
pub mod keeper;
pub mod network;
pub mod port;
