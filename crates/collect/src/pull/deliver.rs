//! Whom a collector hands its events to: the intake of its own process, or a program elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::intake::{Intake, Mode, Principal};

/// What became of events that were handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// How many were taken.
    pub accepted: usize,
    /// The others.
    pub refused: Vec<Refused>,
}

/// An event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place among those that were handed over, from 0.
    pub index: usize,
    /// The code of the reason.
    pub code: String,
    /// The reason in words.
    pub detail: String,
}

/// Takes events and answers when they are durable.
pub trait Deliver: Send + Sync {
    /// Hands events over.
    ///
    /// # Errors
    /// In words, when none of them may be called taken; handing them over again counts nothing twice.
    fn deliver<'a>(&'a self, events: &'a [Vec<u8>]) -> BoxFuture<'a, Result<Delivered, String>>;
}

/// The intake of this process, on behalf of one source.
pub struct ToIntake {
    intake: Arc<Intake>,
    clock: fn() -> Instant,
    principal: Principal,
}

impl ToIntake {
    /// Hands over what a source may send.
    pub fn new(intake: Arc<Intake>, clock: fn() -> Instant, source: &str) -> Self {
        let principal = Principal::Sender(Arc::new(BTreeSet::from([source.to_owned()])));
        Self { intake, clock, principal }
    }
}

impl Deliver for ToIntake {
    fn deliver<'a>(&'a self, events: &'a [Vec<u8>]) -> BoxFuture<'a, Result<Delivered, String>> {
        async move {
            let events: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
            let arrival = self.intake.arrive(self.clock);
            let answer = self.intake.accept(&events, arrival.received(), &self.principal, Mode::Each).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let refused = answer.rejected.into_iter().map(|rejected| Refused {
                index: rejected.index,
                code: rejected.rejection.code.name().to_owned(),
                detail: rejected.rejection.detail,
            });
            Ok(Delivered { accepted: answer.accepted, refused: refused.collect() })
        }
        .boxed()
    }
}
