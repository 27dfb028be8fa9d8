//! `kunder.csv` and `kostnadsstallen.csv`: who pays, and for which cost centres since when.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::calendar::next_day;
use domain::catalogue::{CostCentre, Customer, Ownership};
use domain::event::{CustomerKind, is_costcentre};
use domain::personal_data;

use super::Draft;
use super::invoicing::address;
use crate::finding::{Code, Place, say};
use crate::rows::Object;
use crate::sheet::{Column, needed, optional};
use crate::table::{Cell, Table};
use crate::values::{self, Validity, overlaps};

const CUSTOMERS: &str = "kunder.csv";
const COSTCENTRES: &str = "kostnadsstallen.csv";
const CUSTOMER_COLUMNS: &[Column] = &[
    needed("kod"),
    needed("namn"),
    needed("slag"),
    optional("orgnr"),
    optional("referens"),
    optional("gata"),
    optional("postnummer"),
    optional("ort"),
];
const COSTCENTRE_COLUMNS: &[Column] =
    &[needed("kod"), needed("namn"), needed("kund"), needed("från"), needed("till")];

pub(super) fn read(draft: &mut Draft) {
    if let Some(rows) = draft.sheet(CUSTOMERS, CUSTOMER_COLUMNS) {
        for row in &rows {
            read_customer(draft, row);
        }
    }
    let Some(rows) = draft.sheet(COSTCENTRES, COSTCENTRE_COLUMNS) else { return };
    let owners: Vec<Owned> = rows.iter().filter_map(|row| read_owner(draft, row)).collect();
    find_overlaps(draft, &owners);
    take_costcentres(draft, owners);
    find_idle_customers(draft);
}

fn read_customer(draft: &mut Draft, row: &Table) {
    let findings = &mut draft.findings;
    let code = row.required("kod", findings).cloned();
    let name = row.required("namn", findings).map(|cell| cell.text.clone());
    let kind = row.required("slag", findings).cloned();
    let number = row.cell("orgnr").map(|cell| values::organisation_number(cell, findings));
    let reference = row.cell("referens").map(|cell| cell.text.clone());
    let has_address = ["gata", "postnummer", "ort"].iter().any(|column| row.cell(column).is_some());
    let address = if has_address { address(row, findings) } else { None };
    let kind = kind.and_then(|cell| values::customer_kind(&cell, &mut draft.findings));
    let Some(code) = code.and_then(|cell| code_of(draft, Code::InvalidCustomer, &cell)) else { return };
    if let Some(first) = draft.places.get(&(Object::Customer, code.clone())) {
        let line = first.number();
        draft.find(
            Code::CustomerTwice,
            &row.place,
            say(
                format!("kunden {code} finns redan på rad {line}"),
                format!("customer {code} is already on line {line}"),
            ),
            say("ta bort den ena raden", "remove one of the rows"),
        );
        return;
    }
    draft.places.insert((Object::Customer, code.clone()), row.place.clone());
    if kind == Some(CustomerKind::Bolag) && number.is_none() {
        draft.find(
            Code::CompanyWithoutNumber,
            &row.place.field("orgnr"),
            say(
                format!("bolaget {code} saknar organisationsnummer"),
                format!("company {code} has no organisation number"),
            ),
            say(
                "fyll i orgnr: utan det kan ingen e-faktura skickas",
                "fill in orgnr: without it no electronic invoice can be sent",
            ),
        );
    }
    match (name, kind, number.map_or(Some(None), |number| number.map(Some))) {
        (Some(name), Some(kind), Some(number)) => {
            draft
                .catalogue
                .customers
                .insert(code.clone(), Customer { code, name, kind, number, reference, address });
        }
        (None, _, _) | (_, None, _) | (_, _, None) => draft.declare(Object::Customer, code),
    }
}

fn code_of(draft: &mut Draft, code: Code, cell: &Cell) -> Option<String> {
    // A code that looks like personal data would have every event that carries it refused.
    if is_costcentre(&cell.text) && personal_data::find(&cell.text).is_none() {
        return Some(cell.text.clone());
    }
    let text = &cell.text;
    draft.find(
        code,
        &cell.place,
        say(format!("{text:?} är ingen kod"), format!("{text:?} is not a code")),
        say(
            "1 till 20 tecken av A-Z och 0-9 som inte liknar ett personnummer",
            "1 to 20 characters of A-Z and 0-9 that do not look like an identity number",
        ),
    );
    None
}

/// A row of the cost centres.
struct Owned {
    code: String,
    name: String,
    customer: String,
    validity: Validity<NaiveDate>,
    place: Place,
}

fn read_owner(draft: &mut Draft, row: &Table) -> Option<Owned> {
    let findings = &mut draft.findings;
    let code = row.required("kod", findings).cloned();
    let name = row.required("namn", findings).map(|cell| cell.text.clone());
    let customer = row.required("kund", findings).cloned();
    let validity = values::days(row, findings);
    let code = code.and_then(|cell| code_of(draft, Code::InvalidCostcentre, &cell))?;
    let customer = customer.and_then(|cell| known_customer(draft, &cell));
    let (Some(name), Some(customer), Some(validity)) = (name, customer, validity) else {
        draft.declare(Object::CostCentre, code);
        return None;
    };
    Some(Owned { code, name, customer, validity, place: row.place.clone() })
}

/// The code of the customer that a cell names.
pub(super) fn known_customer(draft: &mut Draft, cell: &Cell) -> Option<String> {
    let code = &cell.text;
    if draft.catalogue.customers.contains_key(code) || draft.is_broken(Object::Customer, code) {
        return Some(code.clone());
    }
    let known: Vec<String> = draft.catalogue.customers.keys().cloned().collect();
    draft.unknown(Code::UnknownCustomer, cell, ("kunden", "customer"), CUSTOMERS, &known);
    None
}

fn find_overlaps(draft: &mut Draft, owners: &[Owned]) {
    let owner_at = |place: &Place| owners.iter().find(|o| o.place == *place).map(|o| o.customer.as_str());
    let rows = owners.iter().map(|o| (o.code.as_str(), o.validity, o.place.clone()));
    for (code, later, first) in overlaps(rows) {
        let line = first.number();
        if owner_at(&later) == owner_at(&first) {
            draft.find(
                Code::CostcentreTwice,
                &later,
                say(
                    format!("kostnadsstället {code} finns redan på rad {line}"),
                    format!("cost centre {code} is already on line {line}"),
                ),
                say("ta bort den ena raden", "remove one of the rows"),
            );
        } else {
            draft.find(
                Code::OwnersOverlap,
                &later,
                say(
                    format!("kostnadsstället {code} har redan en annan kund på rad {line} under samma tid"),
                    format!(
                        "cost centre {code} already has another customer on line {line} at the same time"
                    ),
                ),
                say(
                    "låt den gamla raden sluta dagen innan den nya börjar",
                    "let the old row end the day before the new one begins",
                ),
            );
        }
    }
}

fn take_costcentres(draft: &mut Draft, mut owners: Vec<Owned>) {
    owners.sort_by(|a, b| (&a.code, a.validity.from).cmp(&(&b.code, b.validity.from)));
    let mut costcentres: BTreeMap<String, CostCentre> = BTreeMap::new();
    for Owned { code, name, customer, validity, place } in owners {
        let entry = costcentres.entry(code.clone());
        let costcentre = entry.or_insert_with(|| CostCentre {
            code: code.clone(),
            name: String::new(),
            owners: Vec::new(),
        });
        if let Some(Some(ended)) = costcentre.owners.last().map(|owner| owner.to)
            && next_day(ended) < validity.from
        {
            let from = validity.from;
            draft.findings.add(
                Code::OwnerGap,
                &place,
                say(
                    format!("kostnadsstället {code} har ingen kund mellan {ended} och {from}"),
                    format!("cost centre {code} has no customer between {ended} and {from}"),
                ),
                say(
                    "förläng den förra raden om det inte är meningen",
                    "extend the row before, unless it is meant so",
                ),
            );
        }
        // The newest name stands.
        costcentre.name = name;
        costcentre.owners.push(Ownership { customer, from: validity.from, to: validity.to });
        draft.places.insert((Object::CostCentre, code), place);
    }
    draft.catalogue.costcentres = costcentres;
}

fn find_idle_customers(draft: &mut Draft) {
    if draft.is_damaged(COSTCENTRES) {
        return;
    }
    let owns = |code: &str| {
        draft.catalogue.costcentres.values().any(|c| c.owners.iter().any(|owner| owner.customer == code))
    };
    let idle: Vec<String> = draft.catalogue.customers.keys().filter(|code| !owns(code)).cloned().collect();
    for code in idle {
        let place = draft.places.get(&(Object::Customer, code.clone())).cloned().unwrap_or_default();
        draft.find(
            Code::CustomerWithoutCostcentre,
            &place,
            say(
                format!("kunden {code} betalar inte för något kostnadsställe"),
                format!("customer {code} pays for no cost centre"),
            ),
            say(
                "lägg till dess kostnadsställen eller ta bort kunden",
                "add its cost centres or remove the customer",
            ),
        );
    }
}
