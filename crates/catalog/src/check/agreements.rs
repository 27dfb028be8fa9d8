//! `avtal.csv`: what is billed every month without events.

use domain::Quantity;
use domain::catalogue::Agreement;
use domain::usage::MeterKind;

use super::Draft;
use crate::finding::{Code, Place, say};
use crate::rows::{Object, agreement_key};
use crate::sheet::{Column, needed};
use crate::table::{Cell, Table};
use crate::values::{self, Validity, overlaps};

const FILE: &str = "avtal.csv";
const COLUMNS: &[Column] = &[
    needed("id"),
    needed("tjänst"),
    needed("mätare"),
    needed("klass"),
    needed("kostnadsställe"),
    needed("antal"),
    needed("från"),
    needed("till"),
];

pub(super) fn read(draft: &mut Draft) {
    let Some(rows) = draft.sheet(FILE, COLUMNS) else { return };
    let mut agreements: Vec<(Agreement, Place)> = Vec::new();
    for row in &rows {
        if let Some(agreement) = read_agreement(draft, row) {
            agreements.push((agreement, row.place.clone()));
        }
    }
    let rows = agreements.iter().map(|(agreement, place)| {
        let validity = Validity { from: agreement.from, to: agreement.to };
        (agreement.id.as_str(), validity, place.clone())
    });
    for (id, later, first) in overlaps(rows) {
        let line = first.number();
        draft.find(
            Code::AgreementsOverlap,
            &later,
            say(
                format!("avtalet {id} gäller redan under samma tid på rad {line}"),
                format!("agreement {id} is already in force at the same time on line {line}"),
            ),
            say(
                "ge det ett eget id, eller låt den gamla raden sluta dagen innan",
                "give it an id of its own, or let the old row end the day before",
            ),
        );
    }
    agreements.sort_by(|(a, _), (b, _)| (&a.id, a.from).cmp(&(&b.id, b.from)));
    for (agreement, place) in agreements {
        draft.places.insert((Object::Agreement, agreement_key(&agreement)), place);
        draft.catalogue.agreements.push(agreement);
    }
}

fn read_agreement(draft: &mut Draft, row: &Table) -> Option<Agreement> {
    let findings = &mut draft.findings;
    let id = row.required("id", findings).map(|cell| cell.text.clone());
    let quantity = row.required("antal", findings).and_then(|cell| values::quantity(cell, findings));
    let validity = values::days(row, findings);
    let costcentre = row.required("kostnadsstalle", findings).cloned();
    let costcentre = costcentre.and_then(|cell| known_costcentre(draft, &cell));
    let (service, meter) = draft.meter(row)?;
    if meter.kind != MeterKind::Fixed {
        let (name, kind) = (&meter.slug, meter.kind.name());
        draft.find(
            Code::AgreementNotFixed,
            &row.place,
            say(
                format!("mätaren {name} är av slaget {kind} och debiteras på händelser"),
                format!("meter {name} is of kind {kind} and is billed on events"),
            ),
            say("välj en mätare av slaget fixed", "choose a meter of kind fixed"),
        );
        return None;
    }
    let class = draft.class(row, &meter);
    let (validity, costcentre) = (validity?, costcentre?);
    if draft.catalogue.costcentres.contains_key(&costcentre)
        && draft.catalogue.payer(&costcentre, validity.from).is_none()
    {
        let from = validity.from;
        draft.find(
            Code::AgreementWithoutPayer,
            &row.place,
            say(
                format!("kostnadsstället {costcentre} har ingen kund {from}"),
                format!("cost centre {costcentre} has no customer on {from}"),
            ),
            say(
                "byt kostnadsställe eller förläng dess giltighet",
                "choose another cost centre or extend its validity",
            ),
        );
    }
    Some(Agreement {
        id: id?,
        service,
        meter: meter.slug,
        class: class?,
        costcentre,
        quantity: quantity.filter(|q| *q >= Quantity::ZERO)?,
        from: validity.from,
        to: validity.to,
    })
}

fn known_costcentre(draft: &mut Draft, cell: &Cell) -> Option<String> {
    let code = &cell.text;
    if draft.catalogue.costcentres.contains_key(code) || draft.is_broken(Object::CostCentre, code) {
        return Some(code.clone());
    }
    let known: Vec<String> = draft.catalogue.costcentres.keys().cloned().collect();
    let names = ("kostnadsstället", "cost centre");
    draft.unknown(Code::UnknownCostcentre, cell, names, "kostnadsstallen.csv", &known);
    None
}
