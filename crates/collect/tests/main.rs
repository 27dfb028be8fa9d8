//! The intake over the real embedded log.

mod http;
mod intake;
mod schemas;
mod sdk;
mod support;
