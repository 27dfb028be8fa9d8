//! Every correction says what it corrects, from what to what, at which price and by whose decision.

use std::collections::BTreeMap;

use serde_json::Value;

use super::books::{decimal, kronor, line_of, millionths, ore, text};
use super::reckoning::{Reckoned, gross, price, rate, rounded, share};
use crate::program::Program;

/// Checks the explanation of a correction line. `booked` is what was booked for the month before this bill.
pub(crate) fn is_explained(
    program: &Program,
    charge: &Value,
    booked: &Reckoned,
    billed: &BTreeMap<String, Reckoned>,
) {
    let id = text(charge, "id");
    let explained = program.get(&format!("/v1/charges/{id}/explain"));
    assert_eq!(&explained["charge"], charge, "the charge, with the month that it corrects");
    let corrected = text(charge, "corrects");
    let [service, meter, class] = ["service", "meter", "class"].map(|name| text(charge, name));

    let before = line_of(booked, charge).quantity;
    let after = before + millionths(charge, "quantity");
    assert_eq!(millionths(&explained, "billed_before"), before, "{id}");

    let (price, decision) = price(&service, &meter, &class, &corrected);
    let terms = &explained["price"];
    assert_eq!((ore(terms, "price"), text(terms, "decision").as_str()), (price, decision), "{id}");
    let share = share(&service, &meter, &corrected);
    let terms = &explained["joint"];
    assert_eq!(terms.is_null(), share.is_none(), "{id}: {terms}");
    let hundredths = share.map_or(0, |(hundredths, decision)| {
        assert_eq!((ore(terms, "share"), text(terms, "decision").as_str()), (hundredths, decision), "{id}");
        hundredths
    });

    // The line's result from its two quantities, and the same said in words.
    let (now, then) = (gross(after, price), gross(before, price));
    let joint = rounded(now * hundredths, 100) - rounded(then * hundredths, 100);
    let gross = now - then;
    assert_eq!(
        [gross, joint, gross - joint],
        ["gross", "joint", "net"].map(|name| ore(charge, name)),
        "{id}"
    );
    let unit = text(charge, "unit");
    let payer = billed[&corrected].surcharges.get(&text(charge, "customer")).copied().unwrap_or_default();
    let [gross, joint, net, surcharge] =
        ["gross", "joint", "net", "surcharge"].map(|name| kronor(charge, name));
    let (before, after) = (decimal(before, 6).normalize(), decimal(after, 6).normalize());
    let (rate, payer) = (decimal(rate(&corrected), 4).normalize(), decimal(payer, 2));
    let formula = [
        format!("ΔG = G({after} {unit}) − G({before} {unit}) = {gross} kr"),
        format!("ΔN = ΔG − ΔJ = {gross} kr − {joint} kr = {net} kr"),
        format!("ΔP = {rate} × N − P = {payer} kr → {surcharge} kr"),
    ];
    assert_eq!(explained["formula"], Value::from(formula.to_vec()), "{id}");
}
