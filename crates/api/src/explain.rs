//! `GET /v1/charges/{id}/explain`: why a charge is what it is, to the last öre.

mod events;
mod words;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::{Extension, Json};
use billing::Explanation;
use domain::access::Viewer;
use domain::charge::{Reason, Totals};
use domain::{Money, Quantity};
use serde::Serialize;

use crate::Shared;
use crate::charges::{self, Item};
use crate::language::Language;
use crate::list::{kronor, quantity};
use crate::problem::{Kind, Problem};
use crate::query::Params;
use events::Event;

/// How many events are listed unless told otherwise: enough to see what they are.
const EVENTS: u32 = 100;

#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    charge: Item,
    billed_before: String,
    correction: Option<Correction>,
    kind: &'static str,
    formula: Vec<String>,
    price: Option<Price>,
    joint: Option<Joint>,
    surcharge: Surcharge,
    catalogue: String,
    state: &'static str,
    closed: Option<Closed>,
    agreements: Vec<String>,
    days: Vec<Day>,
    days_withheld: bool,
    events: Vec<Event>,
    events_removed: Option<Removed>,
    events_more: bool,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct Correction {
    month: String,
    rate: Option<String>,
    reason: Option<&'static str>,
    text: Option<String>,
}

#[derive(Debug, Serialize)]
struct Price {
    price: String,
    model: String,
    cost_price: Option<String>,
    valid_from: String,
    decision: String,
}

#[derive(Debug, Serialize)]
struct Joint {
    share: String,
    valid_from: String,
    phase: &'static str,
    bearer: Option<String>,
    decision: String,
}

#[derive(Debug, Serialize)]
struct Surcharge {
    is_borne: bool,
    rate: Option<String>,
    payer_base: String,
    payer_surcharge: String,
    claim: Option<String>,
    handout: Option<Rounding>,
    amount: String,
}

#[derive(Debug, Serialize)]
struct Rounding {
    floor: String,
    left: String,
    rank: usize,
    lines: usize,
    text: String,
}

#[derive(Debug, Serialize)]
struct Closed {
    at: String,
    by: Option<String>,
    control: Option<u64>,
    hash: String,
    anchor: Option<String>,
}

/// The events of the month have no ids and subjects any more.
#[derive(Debug, Serialize)]
struct Removed {
    at: String,
    control: u64,
    before: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Day {
    day: String,
    quantity: String,
}

/// `GET /v1/charges/{id}/explain`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Explained>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = match params.get("limit") {
        Some(_) => u32::try_from(params.limit()?).unwrap_or(EVENTS),
        None => EVENTS,
    };
    let after = events::after(&uri, &params)?;
    // One more than is listed shows whether there are more.
    match shared.biller.explain(&id, &viewer, limit + 1, after).await {
        Ok(mut explanation) => {
            let more = explanation.events.len() > limit as usize;
            explanation.events.truncate(limit as usize);
            let last = explanation.events.last().filter(|_| more);
            let next = last.map(|last| events::next(&uri, &params, last));
            Ok(Json(explained(Language::accepted(&headers), explanation, next)))
        }
        Err(billing::Error::UnknownCharge { .. }) => Err(not_found(&id)),
        Err(error) => Err(crate::billing_problem(&error)),
    }
}

pub(crate) fn not_found(id: &str) -> Problem {
    let shown: String = id.chars().take(120).collect();
    Problem::new(Kind::NotFound)
        .detail(format!("ingen månad har raden {shown}"), format!("no month has a charge {shown}"))
}

/// `next` is the cursor of the events that are not listed.
fn explained(language: Language, explanation: Explanation, next: Option<String>) -> Explained {
    let (formula, correction) = (formula(&explanation), correction(language, &explanation));
    let handout = explanation.surcharge_claim.zip(explanation.handout).map(|(claim, made)| Rounding {
        floor: kronor(made.floor),
        left: kronor(made.left),
        rank: made.rank,
        lines: made.claims,
        text: words::handout(language, claim, &made),
    });
    let Explanation { charge, bill, events, .. } = explanation;
    let tariff = &charge.tariff;
    let days = explanation.days.into_iter();
    Explained {
        billed_before: quantity(charge.billed_before),
        correction,
        kind: tariff.kind.name(),
        formula,
        price: tariff.price.as_ref().map(|terms| Price {
            price: terms.price.kronor().normalize().to_string(),
            model: terms.model.to_string(),
            cost_price: terms.cost_price.map(|price| price.kronor().normalize().to_string()),
            valid_from: terms.valid_from.to_string(),
            decision: terms.decision.clone(),
        }),
        joint: tariff.joint.as_ref().map(|terms| Joint {
            share: terms.share.to_string(),
            valid_from: terms.valid_from.to_string(),
            phase: terms.phase.name(),
            bearer: terms.bearer.clone(),
            decision: terms.decision.clone(),
        }),
        surcharge: Surcharge {
            is_borne: tariff.bears_surcharge,
            rate: explanation.rate.map(|rate| rate.to_string()),
            payer_base: kronor(explanation.payer_base),
            payer_surcharge: kronor(explanation.payer_surcharge),
            claim: explanation.surcharge_claim.map(|claim| claim.to_string()),
            handout,
            amount: kronor(charge.surcharge),
        },
        catalogue: bill.catalogue.clone(),
        state: bill.state.name(),
        closed: bill.frozen.as_ref().map(|frozen| Closed {
            at: frozen.at.to_string(),
            by: (!frozen.by.is_empty()).then(|| frozen.by.clone()),
            control: frozen.control,
            hash: frozen.hash.clone(),
            anchor: frozen.anchor(),
        }),
        agreements: explanation.agreements,
        days: days.map(|(day, used)| Day { day: day.to_string(), quantity: quantity(used) }).collect(),
        days_withheld: explanation.is_withheld,
        events: events.into_iter().map(events::event).collect(),
        events_removed: explanation.details_removed.map(|removed| Removed {
            at: removed.at.to_string(),
            control: removed.control,
            before: removed.before.to_string(),
            text: words::removed(language, &removed),
        }),
        events_more: next.is_some(),
        next,
        charge: charges::item(&charge),
    }
}

/// Which month is corrected, at which rate, and why.
fn correction(language: Language, explanation: &Explanation) -> Option<Correction> {
    let corrected = explanation.charge.corrects?;
    let reason = explanation.charge.reason;
    Some(Correction {
        month: corrected.to_string(),
        rate: explanation.rate.map(|rate| rate.to_string()),
        reason: reason.map(Reason::name),
        text: reason.map(|reason| words::reason(language, reason, corrected)),
    })
}

/// The reckoning with its numbers, one step a line: the same in every language. Of a correction every step is a fresh
/// reckoning less what was booked, so products of differences could be an öre off and are not shown.
pub(crate) fn formula(explanation: &Explanation) -> Vec<String> {
    let charge = &explanation.charge;
    let Totals { gross, joint, net, surcharge } = charge.totals();
    let total = explanation.payer_surcharge;
    let mut lines = Vec::new();
    if charge.corrects.is_some() {
        let (unit, before) = (&charge.tariff.unit, charge.billed_before);
        let now = Quantity::from_micros(before.micros() + charge.quantity.micros());
        lines.push(format!("ΔG = G({now} {unit}) − G({before} {unit}) = {gross} kr"));
        lines.push(format!("ΔN = ΔG − ΔJ = {gross} kr − {joint} kr = {net} kr"));
        if let Some(rate) = explanation.rate {
            lines.push(format!("ΔP = {rate} × N − P = {total} kr → {surcharge} kr"));
        }
        return lines;
    }
    lines.extend(gross_formula(explanation));
    if let Some(terms) = &charge.tariff.joint {
        lines.push(format!("J = {} × {gross} kr = {joint} kr", terms.share));
    }
    lines.push(format!("N = {gross} kr − {joint} kr = {net} kr"));
    if let (Some(rate), Some(claim)) = (explanation.rate, explanation.surcharge_claim) {
        lines.push(format!("P = {rate} × {} kr = {total} kr", explanation.payer_base));
        lines.push(format!("p = {rate} × {net} kr = {claim} kr → {surcharge} kr"));
    }
    lines
}

/// How the price makes the gross. A price with a model makes it for all that the payer used of the class.
fn gross_formula(explanation: &Explanation) -> Option<String> {
    let charge = &explanation.charge;
    let terms = charge.tariff.price.as_ref()?;
    let (used, unit, price, gross) = (charge.quantity, &charge.tariff.unit, terms.price, charge.gross);
    if terms.model.is_plain() {
        return Some(format!("G = {used} {unit} × {price} kr = {gross} kr"));
    }
    let of_payer = explanation.bill.charges.iter().filter(|other| {
        (other.corrects, &other.customer.code, other.tariff.key())
            == (charge.corrects, &charge.customer.code, charge.tariff.key())
    });
    let (micros, sum) = of_payer
        .fold((0, Money::ZERO), |(micros, sum), other| (micros + other.quantity.micros(), sum + other.gross));
    let all = Quantity::from_micros(micros);
    let model = &terms.model;
    Some(format!("G = {all} {unit}, {price} kr ({model}) = {sum} kr; {used} / {all} → {gross} kr"))
}
