//! HTTP: what people and programs ask about usage, cost and months, and the pages that show it.
//!
//! This crate turns questions into calls of `billing` and `store`, and answers into JSON, CSV and HTML. It reckons no
//! money and knows no SQL. Whatever goes wrong leaves as problem details with a stable code, never as an internal
//! message. The OpenAPI document `schemas/openapi/taxameter.json` describes all of it, and a test holds it to the routes.
//!
//! Start with [`routes`], then [`query`] (how questions are read), [`list`] and [`cursor`] (how lists are answered), one
//! file for each noun, and [`pages`] (what people read) with [`chart`].

mod assets;
mod audit;
mod body;
mod catalogue;
mod charges;
mod chart;
mod collectors;
mod costs;
mod coverage;
mod cursor;
mod documents;
mod explain;
mod exports;
mod form;
mod gaps;
mod gathering;
mod health;
mod keys;
mod language;
mod list;
pub mod login;
mod metrics;
mod months;
mod numbers;
mod object;
mod pages;
#[cfg(feature = "pdf")]
mod pdf;
mod problem;
mod quarantine;
mod query;
mod reconciliation;
mod report;
mod retention;
mod routes;
mod services;
mod session;
mod simulations;
mod texts;
mod trends;
mod usage;

use std::sync::Arc;

use arc_swap::ArcSwap;
use billing::Biller;
use domain::Instant;
use domain::catalogue::Catalogue;
use prometheus::Registry;
use store::Store;

pub use gathering::Gathering;
pub use health::{Check, Ready};
pub use metrics::Metrics;
pub use pages::cube::Cubes;
pub use routes::{health_router, router};
pub use session::Session;

use problem::{Kind, Problem};

/// What the routes answer from.
#[derive(Clone)]
pub struct Shared {
    /// What months cost, and what closes them.
    pub biller: Biller,
    /// The tables, for what is counted.
    pub store: Store,
    /// The catalogue in force.
    pub catalogue: Arc<ArcSwap<Catalogue>>,
    /// What `/metrics` shows.
    pub registry: Registry,
    /// Where this crate counts.
    pub metrics: Metrics,
    /// Asks whether the program is ready.
    pub ready: Ready,
    /// What is gathered by this process, if anything is.
    pub gathering: Option<Gathering>,
    /// The sums that pages are made of.
    pub cubes: Cubes,
    /// Reads the clock.
    pub now: fn() -> Instant,
}

impl Shared {
    /// What there is now, for the questions of one request.
    async fn view(&self) -> Result<billing::View, Problem> {
        self.biller.view().await.map_err(|error| billing_problem(&error))
    }
}

/// What the caller learns when the store does not answer: that it is away, or that something of ours is broken.
fn store_problem(error: &store::Error) -> Problem {
    if error.is_connection() { Problem::unavailable(error) } else { Problem::internal(error) }
}

/// What the caller learns when billing fails: that a month cannot be had so, that something is away or
/// late, or that something of ours is broken.
fn billing_problem(error: &billing::Error) -> Problem {
    if let billing::Error::NotExportable { swedish, english, .. } = error {
        return Problem::new(Kind::NotExportable).detail(swedish, english);
    }
    if let billing::Error::NothingToBook { month } = error {
        return Problem::new(Kind::NotExportable)
            .detail(format!("{month} har inget att bokföra internt"), error.to_string());
    }
    if error.is_temporary() { Problem::unavailable(error) } else { Problem::internal(error) }
}
