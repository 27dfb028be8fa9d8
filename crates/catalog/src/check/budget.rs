//! `budget.toml`: what the object was given, year by year, and its projects (R1, R2, R16, R20, R21).

use domain::money::Rate;
use domain::object::{Budget, BudgetPart, Project, Role, RoleFinancing, Transfer};

use super::Draft;
use super::customers::known_customer;
use crate::finding::{Code, say};
use crate::rows::Object;
use crate::table::{Cell, Fields, Table};
use crate::values;

const FILE: &str = "budget.toml";
const BUDGET: Fields = Fields {
    cells: &[
        "ar",
        "forvaltning",
        "planerad_utveckling",
        "oplanerad_utveckling",
        "gemensamma_tjanster",
        "overfort",
        "heltid",
        "beslut",
    ],
    lists: &[],
    tables: &["roll", "overforing"],
};
const PROJECT: Fields = Fields {
    cells: &["id", "namn", "fran", "till", "medel", "finansiar", "beslut"],
    lists: &[],
    tables: &[],
};

pub(super) fn read(draft: &mut Draft) {
    let Some(root) = draft.document(FILE) else { return };
    root.expect(Fields { tables: &["budget", "projekt"], ..Fields::default() }, &mut draft.findings);
    for row in root.tables("budget") {
        let Some((year, budget)) = read_budget(draft, row) else { continue };
        if draft.catalogue.object.budgets.contains_key(&year) {
            draft.find(
                Code::BudgetTwice,
                &row.place,
                say(
                    format!("det finns redan en budget för {year}"),
                    format!("there is already a budget for {year}"),
                ),
                say("ta bort den ena", "remove one of them"),
            );
            continue;
        }
        draft.places.insert((Object::Budget, year.to_string()), row.place.clone());
        draft.catalogue.object.budgets.insert(year, budget);
    }
    for row in root.tables("projekt") {
        let id = row.cell("id").map(|cell| cell.text.clone()).unwrap_or_default();
        let Some(project) = read_project(draft, row) else {
            draft.declare(Object::Project, id);
            continue;
        };
        if draft.catalogue.object.projects.contains_key(&id) {
            draft.find(
                Code::ProjectTwice,
                &row.place,
                say(format!("projektet {id} finns redan"), format!("project {id} is already there")),
                say(
                    "ta bort det ena, eller ge det ett eget id",
                    "remove one of them, or give it an id of its own",
                ),
            );
            continue;
        }
        draft.places.insert((Object::Project, id.clone()), row.place.clone());
        draft.catalogue.object.projects.insert(id, project);
    }
}

fn read_budget(draft: &mut Draft, row: &Table) -> Option<(i32, Budget)> {
    row.expect(BUDGET, &mut draft.findings);
    let year = row.required("ar", &mut draft.findings).cloned();
    let year = year.and_then(|cell| year_of(draft, &cell));
    let parts = BudgetPart::ALL.map(|part| {
        let amount = row.required(part.name(), &mut draft.findings).cloned();
        Some((part, amount.and_then(|cell| values::money(&cell, &mut draft.findings))?))
    });
    let carried_over = row.cell("overfort").map(|cell| values::money(cell, &mut draft.findings));
    let full_time_cost = row.cell("heltid").map(|cell| values::money(cell, &mut draft.findings));
    let roles: Vec<_> = row.tables("roll").iter().map(|row| read_role(draft, row)).collect();
    let transfers: Vec<_> = row.tables("overforing").iter().map(|row| read_transfer(draft, row)).collect();
    let decision = draft.decision(row);
    let budget = Budget {
        parts: parts.into_iter().collect::<Option<_>>()?,
        carried_over: match carried_over {
            Some(amount) => amount?,
            None => domain::Money::ZERO,
        },
        full_time_cost: match full_time_cost {
            Some(amount) => Some(amount?),
            None => None,
        },
        roles: roles.into_iter().collect::<Option<_>>()?,
        transfers: transfers.into_iter().collect::<Option<_>>()?,
        decision: decision?,
    };
    Some((year?, budget))
}

fn year_of(draft: &mut Draft, cell: &Cell) -> Option<i32> {
    let year = cell.text.parse().ok().filter(|year| (2000..=9999).contains(year));
    if year.is_none() {
        let text = &cell.text;
        draft.find(
            Code::InvalidYear,
            &cell.place,
            say(format!("{text:?} är inget år"), format!("{text:?} is not a year")),
            say("skriv till exempel 2021", "write a year such as 2021"),
        );
    }
    year
}

fn read_role(draft: &mut Draft, row: &Table) -> Option<Role> {
    let findings = &mut draft.findings;
    row.expect(Fields { cells: &["namn", "andel", "betalas_av"], ..Fields::default() }, findings);
    let name = row.required("namn", findings).map(|cell| cell.text.clone());
    let share = row.required("andel", findings).cloned();
    let share: Option<Rate> = share.and_then(|cell| values::fraction(Code::InvalidShare, &cell, findings));
    let financing = row.required("betalas_av", findings).cloned();
    let financing = financing.and_then(|cell| {
        let all = RoleFinancing::ALL.map(RoleFinancing::name);
        let known = (
            Code::UnknownRoleFinancing,
            ("ingen som betalar för roller", "nobody who pays for roles"),
            all.as_slice(),
        );
        values::one_of(&cell, known, RoleFinancing::from_name, findings)
    });
    Some(Role { name: name?, share: share?, financing: financing? })
}

fn read_transfer(draft: &mut Draft, row: &Table) -> Option<Transfer> {
    row.expect(
        Fields { cells: &["kund", "tjanst", "belopp", "beslut"], ..Fields::default() },
        &mut draft.findings,
    );
    let customer = row.required("kund", &mut draft.findings).cloned();
    let service = row.required("tjanst", &mut draft.findings).cloned();
    let amount = row.required("belopp", &mut draft.findings).cloned();
    let amount = amount.and_then(|cell| values::money(&cell, &mut draft.findings));
    let decision = draft.decision(row);
    let customer = known_customer(draft, &customer?);
    let service = draft.service(&service?);
    Some(Transfer { customer: customer?, service: service?.slug, amount: amount?, decision: decision? })
}

fn read_project(draft: &mut Draft, row: &Table) -> Option<Project> {
    row.expect(PROJECT, &mut draft.findings);
    let id = row.required("id", &mut draft.findings).map(|cell| cell.text.clone());
    let name = row.required("namn", &mut draft.findings).map(|cell| cell.text.clone());
    let validity = values::days(row, &mut draft.findings);
    let funds = row.required("medel", &mut draft.findings).cloned();
    let funds = funds.and_then(|cell| values::money(&cell, &mut draft.findings));
    let financier = row.required("finansiar", &mut draft.findings).map(|cell| cell.text.clone());
    let decision = draft.decision(row);
    let validity = validity?;
    Some(Project {
        id: id?,
        name: name?,
        from: validity.from,
        to: validity.to,
        funds: funds?,
        financier: financier?,
        decision: decision?,
    })
}
