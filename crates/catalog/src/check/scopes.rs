//! `omfattning.toml`: for whom services are mandatory (R14). Nothing in it changes what anybody pays.

use domain::coverage::{Comparison, CoverageScope, MeterClasses};
use domain::usage::MeterKind;

use super::customers::known_customer;
use super::{Draft, classes};
use crate::finding::{Code, Place, say};
use crate::rows::Object;
use crate::table::{Fields, Table};
use crate::values;

const FILE: &str = "omfattning.toml";
const CELLS: &[&str] = &[
    "kod",
    "namn",
    "tjanst",
    "matare",
    "befolkning_tjanst",
    "befolkning_matare",
    "fran",
    "till",
    "jamforelse",
    "beslut",
];
const LISTS: &[&str] = &["klasser", "befolkning_klasser", "kunder", "slag"];

pub(super) fn read(draft: &mut Draft) {
    let Some(root) = draft.document(FILE) else { return };
    root.expect(Fields { tables: &["omfattning"], ..Fields::default() }, &mut draft.findings);
    for row in root.tables("omfattning") {
        let Some(scope) = read_scope(draft, row) else { continue };
        let code = scope.code.clone();
        if let Some(first) = draft.places.get(&(Object::Scope, code.clone())) {
            let line = first.number();
            draft.find(
                Code::ScopeTwice,
                &row.place,
                say(
                    format!("omfattningen {code} finns redan på rad {line}"),
                    format!("scope {code} is already on line {line}"),
                ),
                say("ge den en egen kod", "give it a code of its own"),
            );
            continue;
        }
        draft.places.insert((Object::Scope, code.clone()), row.place.clone());
        draft.catalogue.scopes.insert(code, scope);
    }
}

fn read_scope(draft: &mut Draft, row: &Table) -> Option<CoverageScope> {
    row.expect(Fields { cells: CELLS, lists: LISTS, ..Fields::default() }, &mut draft.findings);
    let code = row.required("kod", &mut draft.findings).cloned();
    let code = code.and_then(|cell| values::slug(&cell, &mut draft.findings));
    let name = row.required("namn", &mut draft.findings).map(|cell| cell.text.clone());
    let validity = values::months(row, &mut draft.findings);
    let comparison = row.required("jamforelse", &mut draft.findings).cloned();
    let comparison = comparison.and_then(|cell| {
        let all = Comparison::ALL.map(Comparison::name);
        let known = (Code::UnknownComparison, ("ingen jämförelse", "not a comparison"), all.as_slice());
        values::one_of(&cell, known, Comparison::from_name, &mut draft.findings)
    });
    let decision = draft.decision(row);
    let customers: Vec<_> = row.list("kunder").iter().map(|cell| known_customer(draft, cell)).collect();
    let kinds: Vec<_> =
        row.list("slag").iter().map(|cell| values::customer_kind(cell, &mut draft.findings)).collect();
    let has = meter_of(draft, row, ["tjanst", "matare", "klasser"]);
    let population = meter_of(draft, row, ["befolkning_tjanst", "befolkning_matare", "befolkning_klasser"]);
    let ((has, has_kind), (population, population_kind)) = (has?, population?);
    let place = row.cell("jamforelse").map_or(&row.place, |cell| &cell.place).clone();
    let comparison = comparable(draft, &place, comparison?, [has_kind, population_kind])?;
    let validity = validity?;
    Some(CoverageScope {
        code: code?,
        name: name?,
        has,
        population,
        customers: customers.into_iter().collect::<Option<_>>()?,
        kinds: kinds.into_iter().collect::<Option<_>>()?,
        valid_from: validity.from,
        valid_to: validity.to,
        comparison,
        decision: decision?,
    })
}

/// People are known one by one only from meters of distinct subjects; and what is no number of somebody or something
/// (hours, minutes) is no number of people.
fn comparable(
    draft: &mut Draft,
    place: &Place,
    comparison: Comparison,
    kinds: [MeterKind; 2],
) -> Option<Comparison> {
    let fits = |kind: &MeterKind| match comparison {
        Comparison::People => *kind == MeterKind::Unique,
        Comparison::Quantities => match kind {
            MeterKind::AvgDaily
            | MeterKind::Unique
            | MeterKind::Fixed
            | MeterKind::Peak
            | MeterKind::Latest => true,
            MeterKind::Sum | MeterKind::Count | MeterKind::TimeWeighted => false,
        },
    };
    if kinds.iter().all(fits) {
        return Some(comparison);
    }
    let name = comparison.name();
    let fix = match comparison {
        Comparison::People => say(
            "välj mätare av slaget unique, eller skriv antal",
            "choose meters of kind unique, or write antal (numbers)",
        ),
        Comparison::Quantities => say(
            "välj mätare som räknar vilka som har tjänsten: avg_daily, unique, fixed, peak eller latest",
            "choose meters that count who has the service: avg_daily, unique, fixed, peak or latest",
        ),
    };
    draft.find(
        Code::MetersNotComparable,
        place,
        say(
            format!("mätarna kan inte jämföras med {name}"),
            format!("the meters cannot be compared by {name}"),
        ),
        fix,
    );
    None
}

/// The meter that three fields name, with its classes, and its kind.
fn meter_of(
    draft: &mut Draft,
    row: &Table,
    [service, meter, list]: [&'static str; 3],
) -> Option<(MeterClasses, MeterKind)> {
    let service = row.required(service, &mut draft.findings).cloned();
    let meter = row.required(meter, &mut draft.findings).cloned();
    let service = draft.service(&service?)?;
    let meter = draft.meter_of(&service, &meter?)?;
    let known = classes(&meter);
    let mut wanted = Vec::new();
    for cell in row.list(list) {
        if !known.contains(&cell.text) {
            let (class, slug, all) = (&cell.text, &meter.slug, known.join(", "));
            draft.find(
                Code::UnknownClass,
                &cell.place,
                say(
                    format!("{class:?} är ingen klass för {slug}"),
                    format!("{class:?} is not a class of {slug}"),
                ),
                say(
                    format!("skriv någon av {all}, eller utelämna {list} för alla"),
                    format!("write some of {all}, or leave {list} out for all"),
                ),
            );
            return None;
        }
        wanted.push(cell.text.clone());
    }
    let kind = meter.kind;
    Some((MeterClasses { service: service.slug, meter: meter.slug, classes: wanted }, kind))
}
