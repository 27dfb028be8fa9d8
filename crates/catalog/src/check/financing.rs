//! `paslag.toml` and `finansiering.toml`: the surcharge rates and the joint financing.

use std::collections::BTreeMap;

use domain::Month;
use domain::catalogue::{JointShare, SurchargeRate};

use super::Draft;
use crate::finding::{Code, Place, say};
use crate::rows::{Object, share_key};
use crate::table::{Fields, Table};
use crate::values::{self, Validity, overlaps};

const RATES: &str = "paslag.toml";
const SHARES: &str = "finansiering.toml";
/// The phases of a service's life (R13).
const PHASES: [&str; 4] = ["etablering", "utveckling", "initialt underhåll", "långsiktigt underhåll"];

pub(super) fn read(draft: &mut Draft) {
    if let Some(root) = draft.document(RATES) {
        read_rates(draft, &root);
    }
    if let Some(root) = draft.document(SHARES) {
        read_shares(draft, &root);
    }
}

fn read_rates(draft: &mut Draft, root: &Table) {
    root.expect(Fields { tables: &["paslag"], ..Fields::default() }, &mut draft.findings);
    let mut rates: BTreeMap<Month, SurchargeRate> = BTreeMap::new();
    let mut whole = true;
    for row in root.tables("paslag") {
        let Some(rate) = read_rate(draft, row) else {
            whole = false;
            continue;
        };
        let from = rate.valid_from;
        if rates.contains_key(&from) {
            draft.find(
                Code::RateTwice,
                &row.place,
                say(
                    format!("det finns redan en sats från {from}"),
                    format!("there is already a rate from {from}"),
                ),
                say("ta bort den ena", "remove one of them"),
            );
            continue;
        }
        draft.places.insert((Object::Rate, from.to_string()), row.place.clone());
        rates.insert(from, rate);
    }
    let established = draft.catalogue.services.values().filter_map(|service| service.established_from).min();
    if let Some(month) = established
        && whole
        && rates.keys().next().is_none_or(|first| *first > month)
    {
        let place =
            rates.keys().next().and_then(|first| draft.places.get(&(Object::Rate, first.to_string())));
        let place = place.cloned().unwrap_or_else(|| Place::file(RATES));
        draft.find(
            Code::RateGap,
            &place,
            say(
                format!("tjänster är etablerade från {month} men ingen sats gäller då"),
                format!("services are established from {month} but no rate is in force then"),
            ),
            say(
                "lägg till [[paslag]] från den månaden, om så med satsen \"0\"",
                "add [[paslag]] from that month, if only with the rate \"0\"",
            ),
        );
    }
    draft.catalogue.rates = rates.into_values().collect();
}

fn read_rate(draft: &mut Draft, row: &Table) -> Option<SurchargeRate> {
    let findings = &mut draft.findings;
    row.expect(Fields { cells: &["fran", "sats", "beslut", "beslutad_av"], ..Fields::default() }, findings);
    let from = row.required("fran", findings).and_then(|cell| values::first_month(cell, findings));
    let rate =
        row.required("sats", findings).and_then(|cell| values::fraction(Code::InvalidRate, cell, findings));
    let decided_by = row.required("beslutad_av", findings).map(|cell| cell.text.clone());
    let decision = draft.decision(row);
    Some(SurchargeRate { valid_from: from?, rate: rate?, decision: decision?, decided_by: decided_by? })
}

fn read_shares(draft: &mut Draft, root: &Table) {
    root.expect(Fields { tables: &["andel"], ..Fields::default() }, &mut draft.findings);
    let mut shares: Vec<(JointShare, Place)> = Vec::new();
    for row in root.tables("andel") {
        if let Some(share) = read_share(draft, row) {
            shares.push((share, row.place.clone()));
        }
    }
    let rows = shares.iter().map(|(share, place)| {
        let key = (share.service.as_str(), share.meter.as_deref());
        let validity = Validity { from: share.valid_from, to: share.valid_to };
        (key, validity.days(), place.clone())
    });
    for ((service, _), later, first) in overlaps(rows) {
        let line = first.number();
        draft.find(
            Code::SharesOverlap,
            &later,
            say(
                format!("{service} har redan en andel för samma månader på rad {line}"),
                format!("{service} already has a share for the same months on line {line}"),
            ),
            say(
                format!("låt andelen på rad {line} sluta månaden innan"),
                format!("let the share on line {line} end the month before"),
            ),
        );
    }
    shares.sort_by(|(a, _), (b, _)| {
        (&a.service, &a.meter, a.valid_from).cmp(&(&b.service, &b.meter, b.valid_from))
    });
    for (share, place) in shares {
        draft.places.insert((Object::JointShare, share_key(&share)), place);
        draft.catalogue.joint_shares.push(share);
    }
}

fn read_share(draft: &mut Draft, row: &Table) -> Option<JointShare> {
    let findings = &mut draft.findings;
    let cells = &["tjanst", "matare", "fran", "till", "andel", "fas", "beslut"];
    row.expect(Fields { cells, ..Fields::default() }, findings);
    let service = row.required("tjanst", findings).cloned();
    let validity = values::months(row, findings);
    let share = row.required("andel", findings);
    let share = share.and_then(|cell| values::fraction(Code::InvalidShare, cell, findings));
    let phase = row.required("fas", findings).cloned();
    let phase = phase.and_then(|cell| {
        let known = PHASES.contains(&cell.text.as_str());
        if !known {
            let (text, all) = (&cell.text, PHASES.join(", "));
            draft.find(
                Code::UnknownPhase,
                &cell.place,
                say(format!("{text:?} är ingen fas"), format!("{text:?} is not a phase")),
                say(format!("skriv en av {all}"), format!("write one of {all}")),
            );
        }
        known.then_some(cell.text)
    });
    let decision = draft.decision(row);
    let service = draft.service(&service?)?;
    let meter = match row.cell("matare") {
        Some(cell) => Some(draft.meter_of(&service, cell)?.slug),
        None => None,
    };
    let validity = validity?;
    Some(JointShare {
        service: service.slug,
        meter,
        valid_from: validity.from,
        valid_to: validity.to,
        share: share?,
        phase: phase?,
        decision: decision?,
    })
}
