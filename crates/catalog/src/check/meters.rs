//! The meters of a service, `[[tjanst.matare]]`.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::{Dimension, Meter, ValueName};
use domain::event::{SNAPSHOT_COMPLETED, TYPE_PREFIX, TYPE_SUFFIX};
use domain::financing::CostKind;
use domain::usage::MeterKind;

use super::Draft;
use crate::finding::{Code, Findings, say};
use crate::nearest::nearest;
use crate::rows::Object;
use crate::table::{Cell, Fields, Table};
use crate::units::{UNITS, unit};
use crate::values;

/// How long a reading holds when the meter does not say (counting §6).
const HOLD_DAYS_DEFAULT: u16 = 31;
/// A reading that held longer than a year would outlive the keys of its pseudonyms.
const HOLD_DAYS_MAX: u16 = 366;

const METER_CELLS: &[&str] = &[
    "slug",
    "namn",
    "namn_en",
    "slag",
    "enhet",
    "handelse",
    "debiteras",
    "negativa",
    "haller_dagar",
    "kostnadsslag",
];

/// Reads the meters of a service, by slug.
pub(super) fn read(draft: &mut Draft, table: &Table, service: &str) -> BTreeMap<String, Meter> {
    let mut meters = BTreeMap::new();
    let mut seen = BTreeSet::new();
    if table.tables("matare").is_empty() {
        draft.find(
            Code::ServiceWithoutMeter,
            &table.place,
            say("tjänsten har ingen mätare", "the service has no meter"),
            say("lägg till [[tjanst.matare]] under den", "add [[tjanst.matare]] below it"),
        );
    }
    for row in table.tables("matare") {
        row.expect(Fields { cells: METER_CELLS, lists: &[], tables: &["dimensioner"] }, &mut draft.findings);
        let cell = row.required("slug", &mut draft.findings).cloned();
        let slug = cell.as_ref().and_then(|cell| values::slug(cell, &mut draft.findings));
        let meter = meter_of(row, slug.as_deref().unwrap_or_default(), &mut draft.findings);
        for (value, name) in value_names_of(row, &mut draft.findings) {
            let key = (service.to_owned(), slug.clone().unwrap_or_default(), value);
            draft.catalogue.value_names.insert(key, name);
        }
        let Some(slug) = slug else {
            draft.declare(
                Object::Meter,
                format!("{service}/{}", cell.map(|cell| cell.text).unwrap_or_default()),
            );
            continue;
        };
        if !seen.insert(slug.clone()) {
            draft.find(
                Code::MeterTwice,
                &row.place,
                say(
                    format!("mätaren {slug} finns redan i tjänsten"),
                    format!("meter {slug} is already in the service"),
                ),
                say(
                    "ta bort den ena eller ge den en egen slug",
                    "remove one of them or give it a slug of its own",
                ),
            );
            continue;
        }
        let key = format!("{service}/{slug}");
        match meter {
            Some(meter) => {
                draft.places.insert((Object::Meter, key), row.place.clone());
                meters.insert(slug, meter);
            }
            None => draft.declare(Object::Meter, key),
        }
    }
    meters
}

fn meter_of(row: &Table, slug: &str, findings: &mut Findings) -> Option<Meter> {
    let name = row.required("namn", findings).map(|cell| cell.text.clone());
    let name_en = row.required("namn_en", findings).map(|cell| cell.text.clone());
    let kind = row.required("slag", findings).and_then(|cell| kind_of(cell, findings));
    let unit = row.required("enhet", findings).and_then(|cell| unit_of(cell, findings));
    let event_type = kind.and_then(|kind| event_type_of(row, kind, findings));
    let dimensions = dimensions_of(row, findings);
    let billed = row.cell("debiteras").map_or(Some(true), |cell| values::flag(cell, findings));
    let negative = row.cell("negativa").map_or(Some(false), |cell| values::flag(cell, findings));
    if let (Some(kind), Some(true), Some(cell)) = (kind, negative, row.cell("negativa"))
        && kind != MeterKind::Sum
    {
        let name = kind.name();
        findings.add(
            Code::NegativeNotAllowed,
            &cell.place,
            say(
                format!("en mätare av slaget {name} tar inte negativa mängder"),
                format!("a {name} meter takes no negative quantities"),
            ),
            say("ta bort raden: bara sum kan ta dem", "remove the line: only sum can take them"),
        );
    }
    let hold_days =
        row.cell("haller_dagar").map_or(Some(HOLD_DAYS_DEFAULT), |cell| hold_days_of(cell, findings));
    let cost_kind =
        row.cell("kostnadsslag").map_or(Some(CostKind::default()), |cell| values::cost_kind(cell, findings));
    Some(Meter {
        slug: slug.to_owned(),
        name: name?,
        name_en: name_en?,
        kind: kind?,
        unit: unit?,
        event_type: event_type?,
        dimensions: dimensions?,
        billed: billed?,
        negative: negative?,
        hold_days: hold_days?,
        cost_kind: cost_kind?,
    })
}

fn kind_of(cell: &Cell, findings: &mut Findings) -> Option<MeterKind> {
    let kind = MeterKind::from_name(&cell.text);
    if kind.is_none() {
        let all = MeterKind::ALL.map(MeterKind::name);
        let fix = nearest(&cell.text, all).map_or_else(|| all.join(", "), str::to_owned);
        let text = &cell.text;
        findings.add(
            Code::UnknownKind,
            &cell.place,
            say(format!("{text:?} är inget slag"), format!("{text:?} is not a kind of meter")),
            say(format!("skriv {fix}"), format!("write {fix}")),
        );
    }
    kind
}

fn unit_of(cell: &Cell, findings: &mut Findings) -> Option<String> {
    if unit(&cell.text).is_some() {
        return Some(cell.text.clone());
    }
    let all = || UNITS.iter().map(|unit| unit.code);
    let fix = nearest(&cell.text, all()).map_or_else(|| all().collect::<Vec<_>>().join(", "), str::to_owned);
    let text = &cell.text;
    findings.add(
        Code::UnknownUnit,
        &cell.place,
        say(format!("{text:?} är ingen enhet"), format!("{text:?} is not a unit")),
        say(format!("skriv {fix}"), format!("write {fix}")),
    );
    None
}

fn hold_days_of(cell: &Cell, findings: &mut Findings) -> Option<u16> {
    let days = cell.text.parse().ok().filter(|days| (1..=HOLD_DAYS_MAX).contains(days));
    if days.is_none() {
        let text = &cell.text;
        findings.add(
            Code::InvalidHoldDays,
            &cell.place,
            say(format!("{text:?} är inget antal dagar"), format!("{text:?} is not a number of days")),
            say(format!("skriv 1 till {HOLD_DAYS_MAX}"), format!("write 1 to {HOLD_DAYS_MAX}")),
        );
    }
    days
}

/// The whole event type, or none for a fixed meter; nothing at all when it is wrong.
fn event_type_of(row: &Table, kind: MeterKind, findings: &mut Findings) -> Option<Option<String>> {
    match (row.cell("handelse"), kind == MeterKind::Fixed) {
        (None, true) => Some(None),
        (None, false) => {
            findings.add(
                Code::MissingEventType,
                &row.place,
                say("mätaren har ingen händelsetyp", "the meter has no event type"),
                say("lägg till handelse = \"…\"", "add handelse = \"…\""),
            );
            None
        }
        (Some(cell), true) => {
            findings.add(
                Code::EventTypeOnFixed,
                &cell.place,
                say("en mätare av slaget fixed tar inga händelser", "a fixed meter takes no events"),
                say("ta bort raden, eller byt slag", "remove the line, or choose another kind"),
            );
            None
        }
        (Some(cell), false) => {
            let short = cell.text.strip_prefix(TYPE_PREFIX).unwrap_or(&cell.text);
            let short = short.strip_suffix(TYPE_SUFFIX).unwrap_or(short);
            let part = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            };
            let whole = format!("{TYPE_PREFIX}{short}{TYPE_SUFFIX}");
            if short.contains('.') && short.split('.').all(part) && whole != SNAPSHOT_COMPLETED {
                return Some(Some(whole));
            }
            let text = &cell.text;
            findings.add(
                Code::InvalidEventType,
                &cell.place,
                say(format!("{text:?} är ingen händelsetyp"), format!("{text:?} is not an event type")),
                say(
                    "skriv två eller fler ord av a-z och 0-9 med punkt emellan, som account.snapshot",
                    "write two or more words of a-z and 0-9 with dots between, such as account.snapshot",
                ),
            );
            None
        }
    }
}

fn dimensions_of(row: &Table, findings: &mut Findings) -> Option<Vec<Dimension>> {
    let mut dimensions: Vec<Dimension> = Vec::new();
    let mut right = true;
    for table in row.tables("dimensioner") {
        let lists = &["varden", "vardenamn", "vardenamn_en"];
        let fields = Fields { cells: &["namn", "prisklass", "serie"], lists, tables: &[] };
        table.expect(fields, findings);
        let name = table.required("namn", findings).cloned();
        let rating = table.cell("prisklass").map_or(Some(false), |cell| values::flag(cell, findings));
        let series = table.cell("serie").map_or(Some(false), |cell| values::flag(cell, findings));
        let values: Vec<String> = table.list("varden").iter().map(|cell| cell.text.clone()).collect();
        let (Some(name), Some(rating), Some(series)) = (name, rating, series) else {
            right = false;
            continue;
        };
        let shaped = |name: &str| {
            (1..=40).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let distinct = values.iter().collect::<BTreeSet<_>>().len() == values.len();
        let plain =
            values.iter().all(|value| !value.is_empty() && !value.contains('/') && value.len() <= 200);
        let twice = dimensions.iter().any(|dimension| dimension.name == name.text);
        if twice || !shaped(&name.text) || !distinct || !plain {
            right = false;
            let text = &name.text;
            findings.add(
                Code::InvalidDimension,
                &table.place,
                say(format!("dimensionen {text:?} är felaktig"), format!("the dimension {text:?} is wrong")),
                say(
                    "namnet är av a-z, 0-9 och _, värdena utan /, och inget finns två gånger",
                    "the name is of a-z, 0-9 and _, the values have no /, and nothing is there twice",
                ),
            );
        } else if rating && values.is_empty() {
            right = false;
            findings.add(
                Code::RatingWithoutValues,
                &table.place,
                say("en prisklass utan värden", "a rating dimension without values"),
                say("lägg till varden = [\"…\"]", "add varden = [\"…\"]"),
            );
        } else {
            dimensions.push(Dimension { name: name.text, rating, series, values });
        }
    }
    right.then_some(dimensions)
}

/// What the values of a meter's dimensions are called: a Swedish and an English name for each, or none at all.
fn value_names_of(row: &Table, findings: &mut Findings) -> Vec<(String, ValueName)> {
    let mut names = Vec::new();
    for table in row.tables("dimensioner") {
        let texts = |list: &str| -> Vec<String> {
            table.list(list).iter().map(|cell| cell.text.trim().to_owned()).collect()
        };
        let (values, swedish, english) = (texts("varden"), texts("vardenamn"), texts("vardenamn_en"));
        let is_named = swedish.len() == values.len() && english.len() == values.len();
        if is_named && !swedish.iter().chain(&english).any(String::is_empty) {
            let named = swedish.into_iter().zip(english);
            names.extend(values.into_iter().zip(named.map(|(name, name_en)| ValueName { name, name_en })));
        } else if !swedish.is_empty() || !english.is_empty() {
            findings.add(
                Code::InvalidValueNames,
                &table.place,
                say("alla värden har inte var sitt namn", "not every value has a name of its own"),
                say(
                    "ge vardenamn och vardenamn_en lika många namn som varden, i samma ordning",
                    "give vardenamn and vardenamn_en as many names as varden has values, in the same order",
                ),
            );
        }
    }
    names
}
