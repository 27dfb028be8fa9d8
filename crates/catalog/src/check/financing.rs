//! `paslag.toml` and `finansiering.toml`: the surcharge rates and the joint financing.

use std::collections::{BTreeMap, BTreeSet};

use domain::Month;
use domain::catalogue::{Service, SurchargeRate};
use domain::event::CustomerKind;
use domain::financing::{JointShare, Part, Payers, Phase};

use super::Draft;
use super::customers::known_customer;
use crate::finding::{Code, Place, say};
use crate::rows::{Object, share_key};
use crate::table::{Fields, Table};
use crate::values::{self, Validity, overlaps};

const RATES: &str = "paslag.toml";
const SHARES: &str = "finansiering.toml";

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
    let rows = shares.iter().flat_map(|(share, place)| {
        let validity = Validity { from: share.valid_from, to: share.valid_to };
        each_payer(&share.payers)
            .into_iter()
            .map(move |payer| ((share.service.as_str(), &share.part, payer), validity.days(), place.clone()))
    });
    for ((service, ..), later, first) in overlaps(rows) {
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
        let key = |share: &JointShare| {
            (share.service.clone(), share.part.clone(), share.payers.clone(), share.valid_from)
        };
        key(a).cmp(&key(b))
    });
    for (share, place) in shares {
        draft.places.insert((Object::JointShare, share_key(&share)), place);
        draft.catalogue.joint_shares.push(share);
    }
}

/// What two rows about the same must not have in common: everybody, a kind, or a payer.
pub(super) fn each_payer(payers: &Payers) -> Vec<(Option<CustomerKind>, Option<&str>)> {
    match payers {
        Payers::All => vec![(None, None)],
        Payers::Kinds(kinds) => kinds.iter().map(|kind| (Some(*kind), None)).collect(),
        Payers::Named(codes) => codes.iter().map(|code| (None, Some(code.as_str()))).collect(),
    }
}

fn read_share(draft: &mut Draft, row: &Table) -> Option<JointShare> {
    let findings = &mut draft.findings;
    let cells =
        &["tjanst", "kostnadsslag", "matare", "klass", "fran", "till", "andel", "fas", "bars_av", "beslut"];
    row.expect(Fields { cells, lists: &["kundslag", "kunder"], tables: &[] }, findings);
    let service = row.required("tjanst", findings).cloned();
    let validity = values::months(row, findings);
    let share = row.required("andel", findings).cloned();
    let share = share.and_then(|cell| values::fraction(Code::InvalidShare, &cell, findings));
    let phase = row.required("fas", findings).cloned();
    let phase = phase.and_then(|cell| {
        let all = Phase::ALL.map(Phase::name);
        let known = (Code::UnknownPhase, ("ingen fas", "not a phase"), all.as_slice());
        values::one_of(&cell, known, Phase::from_name, findings)
    });
    if let (Some(Phase::Permanent), Some(part), Some(cell)) = (phase, share, row.cell("andel"))
        && part.fraction() != rust_decimal::Decimal::ONE
    {
        draft.find(
            Code::InvalidShare,
            &cell.place,
            say(
                "en permanent gemensam tjänst bärs helt gemensamt",
                "a service that is financed jointly for good is so wholly",
            ),
            say("skriv \"1\", eller en annan fas", "write \"1\", or another phase"),
        );
        return None;
    }
    let decision = draft.decision(row);
    let payers = read_payers(draft, row, Code::InvalidShare);
    let service = draft.service(&service?)?;
    let part = read_part(draft, row, &service)?;
    let validity = validity?;
    Some(JointShare {
        service: service.slug,
        part,
        payers: payers?,
        valid_from: validity.from,
        valid_to: validity.to,
        share: share?,
        phase: phase?,
        bearer: row.cell("bars_av").map(|cell| cell.text.clone()),
        decision: decision?,
    })
}

/// What of the service the share holds for: `klass` of `matare`, `matare`, `kostnadsslag`, or all of it.
fn read_part(draft: &mut Draft, row: &Table, service: &Service) -> Option<Part> {
    let (meter, kind, class) = (row.cell("matare"), row.cell("kostnadsslag"), row.cell("klass"));
    let too_much = kind.filter(|_| meter.is_some()).or(class.filter(|_| meter.is_none()));
    if let Some(cell) = too_much {
        draft.find(
            Code::InvalidShare,
            &cell.place,
            say(
                "andelen gäller antingen ett kostnadsslag, en mätare eller en klass av en mätare",
                "the share holds for a kind of cost, a meter, or a class of a meter",
            ),
            say(
                "ta bort det ena, eller ange klassens mätare",
                "remove one of them, or name the class's meter",
            ),
        );
        return None;
    }
    if let Some(cell) = kind {
        return values::cost_kind(cell, &mut draft.findings).map(Part::CostKind);
    }
    let Some(cell) = meter else { return Some(Part::Service) };
    let meter = draft.meter_of(service, cell)?;
    if class.is_none() {
        return Some(Part::Meter(meter.slug));
    }
    let class = draft.class(row, &meter)?;
    Some(Part::Class { meter: meter.slug, class })
}

/// For whom a row holds: `kunder`, `kundslag`, or everybody. `code` is found when it has both.
pub(super) fn read_payers(draft: &mut Draft, row: &Table, code: Code) -> Option<Payers> {
    let (kinds, codes) = (row.list("kundslag"), row.list("kunder"));
    if let (Some(cell), false) = (codes.first(), kinds.is_empty()) {
        draft.find(
            code,
            &cell.place,
            say(
                "raden gäller antingen kundslag eller kunder",
                "the row holds for kinds of customers or for customers",
            ),
            say("ta bort det ena", "remove one of them"),
        );
        return None;
    }
    if !kinds.is_empty() {
        let read: Vec<_> =
            kinds.iter().map(|cell| values::customer_kind(cell, &mut draft.findings)).collect();
        return read.into_iter().collect::<Option<BTreeSet<_>>>().map(Payers::Kinds);
    }
    if codes.is_empty() {
        return Some(Payers::All);
    }
    let read: Vec<_> = codes.iter().map(|cell| known_customer(draft, cell)).collect();
    read.into_iter().collect::<Option<BTreeSet<_>>>().map(Payers::Named)
}
