//! `kontering.toml`: on which accounts and dimensions finance books what administrations and objects are charged.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::CustomerKind;
use domain::posting::{DimensionValue, LineKind, PostingDimension, PostingMap, PostingRule};

use super::Draft;
use super::financing::{each_payer, read_payers};
use crate::finding::{Code, Findings, Place, say};
use crate::rows::{Object, posting_key};
use crate::table::{Cell, Fields, Node, Table};
use crate::values;

const FILE: &str = "kontering.toml";

/// Employees: no export of ours has personal data.
const EMPLOYEE: u16 = 7;
/// The longest code that every ledger takes (domain §2.1).
const CODE_CHARS_MAX: usize = 20;

pub(super) fn read(draft: &mut Draft) {
    if !draft.texts.contains_key(FILE) {
        find_no_file(draft);
    }
    let Some(root) = draft.document(FILE) else { return };
    root.expect(
        Fields { tables: &["kontering", "konto", "dimension", "rad"], ..Fields::default() },
        &mut draft.findings,
    );
    let mut map = PostingMap { series: series(&root, &mut draft.findings), ..PostingMap::default() };
    read_accounts(draft, &root, &mut map);
    read_dimensions(draft, &root, &mut map);
    let mut seen: BTreeMap<_, Place> = BTreeMap::new();
    let mut broken = false;
    for row in root.tables("rad") {
        let Some(rule) = read_rule(draft, row, &map) else {
            broken = true;
            continue;
        };
        for payer in each_payer(&rule.payers) {
            let payer = (payer.0, payer.1.map(str::to_owned));
            if let Some(first) = seen.insert((rule.kind, rule.service.clone(), payer), row.place.clone()) {
                let line = first.number();
                draft.find(
                    Code::PostingTwice,
                    &row.place,
                    say(
                        format!("samma rader konteras redan på rad {line}"),
                        format!("the same lines are already booked by line {line}"),
                    ),
                    say("ta bort den ena raden", "remove one of the rows"),
                );
                break;
            }
        }
        draft.places.insert((Object::Posting, posting_key(&rule)), row.place.clone());
        map.rules.push(rule);
    }
    if !broken {
        find_missing(draft, &map);
    }
    draft.catalogue.posting = map;
}

/// A month keeps the catalogue that it is closed on: vouchers that it does not have then it never has.
fn find_no_file(draft: &mut Draft) {
    draft.find(
        Code::NoPostings,
        &Place::file(FILE),
        say(
            "filen saknas: månader kan inte bokföras med SIE",
            "the file is missing: months cannot be booked by SIE",
        ),
        say(
            "skriv den innan en månad stängs: en stängd månad behåller sin katalog",
            "write it before a month is closed: a closed month keeps its catalogue",
        ),
    );
}

fn series(root: &Table, findings: &mut Findings) -> String {
    let Some(Node::Table(table)) = root.nodes.get("kontering") else {
        root.required("kontering", findings);
        return String::new();
    };
    table.expect(Fields { cells: &["serie"], ..Fields::default() }, findings);
    let Some(cell) = table.required("serie", findings) else { return String::new() };
    code(cell, findings).unwrap_or_default()
}

fn read_accounts(draft: &mut Draft, root: &Table, map: &mut PostingMap) {
    let Some(Node::Table(accounts)) = root.nodes.get("konto") else {
        root.required("konto", &mut draft.findings);
        return;
    };
    for (number, node) in &accounts.nodes {
        if !is_account(number) {
            draft.find(
                Code::InvalidAccount,
                node.place(),
                say(format!("{number:?} är inget konto"), format!("{number:?} is no account")),
                say("skriv tre till åtta siffror", "write three to eight digits"),
            );
        }
        match accounts.required(number, &mut draft.findings) {
            Some(name) => map.accounts.insert(number.clone(), name.text.clone()),
            None => None,
        };
    }
}

fn is_account(number: &str) -> bool {
    (3..=8).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn read_dimensions(draft: &mut Draft, root: &Table, map: &mut PostingMap) {
    for row in root.tables("dimension") {
        let findings = &mut draft.findings;
        let cells = &["nummer", "namn", "debet", "kredit"];
        row.expect(Fields { cells, tables: &["objekt", "koder"], ..Fields::default() }, findings);
        let number = row.required("nummer", findings).and_then(|cell| dimension(cell, findings));
        let name = row.required("namn", findings).map(|cell| cell.text.clone());
        let mut side = |name| row.cell(name).map(|cell| value(cell, findings));
        let (debit, credit) = (side("debet"), side("kredit"));
        let (Some(number), Some(name)) = (number, name) else { continue };
        for object in row.tables("objekt") {
            object.expect(Fields { cells: &["kod", "namn"], ..Fields::default() }, findings);
            let of = object.required("kod", findings).and_then(|cell| code(cell, findings));
            let called = object.required("namn", findings).map(|cell| cell.text.clone());
            if let (Some(of), Some(called)) = (of, called) {
                map.objects.insert((number, of), called);
            }
        }
        let codes = codes(row, findings);
        let dimension = PostingDimension { name, debit: debit.flatten(), credit: credit.flatten(), codes };
        find_long_codes(draft, row, &dimension);
        if map.dimensions.insert(number, dimension).is_some() {
            draft.find(
                Code::InvalidPostingDimension,
                &row.place,
                say(
                    format!("dimension {number} finns redan"),
                    format!("dimension {number} is there already"),
                ),
                say("ta bort den ena", "remove one of them"),
            );
        }
    }
}

/// The ledger's codes for ours.
fn codes(row: &Table, findings: &mut Findings) -> BTreeMap<String, String> {
    let Some(Node::Table(table)) = row.nodes.get("koder") else { return BTreeMap::new() };
    let read = |ours: &String| Some((ours.clone(), code(table.required(ours, findings)?, findings)?));
    table.nodes.keys().filter_map(read).collect()
}

/// Finds services whose slug is longer than what every ledger takes, where slugs are codes.
fn find_long_codes(draft: &mut Draft, row: &Table, dimension: &PostingDimension) {
    let sides = [&dimension.debit, &dimension.credit];
    if !sides.contains(&&Some(DimensionValue::Service)) {
        return;
    }
    let is_long = |slug: &&String| slug.len() > CODE_CHARS_MAX && !dimension.codes.contains_key(*slug);
    let long: Vec<&str> = draft.catalogue.services.keys().filter(is_long).map(String::as_str).collect();
    if long.is_empty() {
        return;
    }
    let message = say(
        format!("tjänsten {} är längre än {CODE_CHARS_MAX} tecken", long.join(", ")),
        format!("service {} is longer than {CODE_CHARS_MAX} characters", long.join(", ")),
    );
    let fix = say("ge den en kortare kod under koder", "give it a shorter code under koder");
    draft.find(Code::InvalidPostingCode, &row.place, message, fix);
}

/// A dimension's number: one with a meaning that lines can have, or a free one (SIE 4B §8.2).
fn dimension(cell: &Cell, findings: &mut Findings) -> Option<u16> {
    let number = cell.text.parse().ok();
    if let Some(number @ (1 | 2 | 6 | 8 | 9 | 10 | 20..=999)) = number {
        return Some(number);
    }
    let message = if number == Some(EMPLOYEE) {
        say("dimension 7 är anställda: personuppgifter", "dimension 7 is employees: personal data")
    } else {
        let text = &cell.text;
        say(
            format!("{text:?} är ingen dimension som kan användas"),
            format!("{text:?} is no dimension to use"),
        )
    };
    findings.add(
        Code::InvalidPostingDimension,
        &cell.place,
        message,
        say("skriv 1, 2, 6, 8, 9, 10 eller ett tal från 20", "write 1, 2, 6, 8, 9, 10 or a number from 20"),
    );
    None
}

/// One of the words for what a line has, or a code of the ledger's own.
fn value(cell: &Cell, findings: &mut Findings) -> Option<DimensionValue> {
    let word = DimensionValue::WORDS.into_iter().find(|(word, _)| *word == cell.text);
    word.map(|(_, value)| value).or_else(|| code(cell, findings).map(DimensionValue::Fixed))
}

fn code(cell: &Cell, findings: &mut Findings) -> Option<String> {
    let is_code =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if (1..=CODE_CHARS_MAX).contains(&cell.text.len()) && cell.text.bytes().all(is_code) {
        return Some(cell.text.clone());
    }
    let (text, words) = (&cell.text, DimensionValue::WORDS.map(|(word, _)| word).join(", "));
    findings.add(
        Code::InvalidPostingCode,
        &cell.place,
        say(format!("{text:?} är ingen kod"), format!("{text:?} is no code")),
        say(
            format!("skriv högst 20 tecken A-Z, 0-9, - och _, eller i en dimension {words}"),
            format!("write at most 20 characters A-Z, 0-9, - and _, or in a dimension {words}"),
        ),
    );
    None
}

fn read_rule(draft: &mut Draft, row: &Table, map: &PostingMap) -> Option<PostingRule> {
    let cells = &["slag", "tjanst", "debetkonto", "kreditkonto"];
    let fields = Fields { cells, lists: &["kundslag", "kunder"], tables: &["debet", "kredit"] };
    row.expect(fields, &mut draft.findings);
    let kind = row.required("slag", &mut draft.findings).cloned();
    let kind = kind.and_then(|cell| {
        let all = LineKind::ALL.map(LineKind::name);
        let known = (Code::UnknownLineKind, ("inget slag av rad", "not a kind of line"), all.as_slice());
        values::one_of(&cell, known, LineKind::from_name, &mut draft.findings)
    });
    let debit_account = account(draft, row, "debetkonto", map);
    let credit_account = account(draft, row, "kreditkonto", map);
    let payers = read_payers(draft, row, Code::InvalidPostingPayers);
    let service = row.cell("tjanst").cloned().map(|cell| draft.service(&cell));
    let (debit, credit) = (overrides(draft, row, "debet", map), overrides(draft, row, "kredit", map));
    Some(PostingRule {
        kind: kind?,
        payers: payers?,
        service: match service {
            Some(service) => Some(service?.slug),
            None => None,
        },
        debit_account: debit_account?,
        credit_account: credit_account?,
        debit: debit?,
        credit: credit?,
    })
}

/// An account of a rule, which must have a name.
fn account(draft: &mut Draft, row: &Table, field: &str, map: &PostingMap) -> Option<String> {
    let cell = row.required(field, &mut draft.findings)?.clone();
    if map.accounts.contains_key(&cell.text) {
        return Some(cell.text);
    }
    let known: Vec<String> = map.accounts.keys().cloned().collect();
    let text = &cell.text;
    draft.find(
        Code::UnknownAccount,
        &cell.place,
        say(format!("kontot {text} finns inte"), format!("there is no account {text}")),
        say(
            format!("lägg till det under [konto]; där finns {}", known.join(", ")),
            format!("add it to [konto]; there are {}", known.join(", ")),
        ),
    );
    None
}

/// What a rule has in some dimensions instead of what they have elsewhere.
fn overrides(
    draft: &mut Draft,
    row: &Table,
    field: &str,
    map: &PostingMap,
) -> Option<BTreeMap<u16, DimensionValue>> {
    let mut values = BTreeMap::new();
    let Some(Node::Table(table)) = row.nodes.get(field) else { return Some(values) };
    for (name, node) in &table.nodes {
        let number = name.parse().ok().filter(|number| map.dimensions.contains_key(number));
        let Some(number) = number else {
            draft.find(
                Code::InvalidPostingDimension,
                node.place(),
                say(format!("dimension {name} finns inte"), format!("there is no dimension {name}")),
                say("lägg till den som [[dimension]]", "add it as [[dimension]]"),
            );
            return None;
        };
        let cell = table.required(name, &mut draft.findings)?;
        values.insert(number, value(cell, &mut draft.findings)?);
    }
    Some(values)
}

/// Finds who could be charged something that nothing says how to book. Companies get documents instead.
fn find_missing(draft: &mut Draft, map: &PostingMap) {
    let mut missing: BTreeMap<(LineKind, String), String> = BTreeMap::new();
    for customer in draft.catalogue.customers.values().filter(|c| c.kind != CustomerKind::Bolag) {
        for kind in LineKind::ALL {
            let booked = |service: &&String| map.rule(kind, &customer.code, customer.kind, service).is_some();
            if let Some(service) = draft.catalogue.services.keys().find(|service| !booked(service)) {
                missing.entry((kind, service.clone())).or_insert_with(|| customer.code.clone());
            }
        }
    }
    let mut told = BTreeSet::new();
    for ((kind, service), customer) in missing {
        if !told.insert(kind) {
            continue;
        }
        let kind = kind.name();
        draft.find(
            Code::PostingMissing,
            &Place::file(FILE),
            say(
                format!("inget säger hur {kind} för {customer} och {service} konteras"),
                format!("nothing says how {kind} of {customer} and {service} is booked"),
            ),
            say(
                format!("lägg till en [[rad]] med slag = \"{kind}\" som gäller dem"),
                format!("add a [[rad]] with slag = \"{kind}\" that holds for them"),
            ),
        );
    }
}
