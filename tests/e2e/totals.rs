//! Every total ties out: lines, payers, the month, the surcharge; CSV, workbook and API; before and after a close.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::fixtures::{self, decimal, generate_small};
use crate::program::Program;

const MONTHS: [&str; 3] = ["2021-01", "2021-02", "2021-03"];
const AMOUNTS: [&str; 4] = ["gross", "joint", "net", "surcharge"];

/// Sends a small first quarter without what blocks a close, and waits until it is counted.
fn quarter(program: &Program) {
    let file = program.data().join("quarter.ndjson");
    generate_small(&file, "2021-01", "2021-03");
    program.command(&["send", file.to_str().unwrap()]);
}

fn charges(program: &Program, month: &str) -> (Vec<Value>, Value) {
    let items = program.list(&format!("/v1/charges?month={month}"));
    let totals = program.get(&format!("/v1/charges?month={month}&limit=1"))["totals"].clone();
    (items, totals)
}

/// Σ lines = Σ payers = the month; Σ distributed surcharge = Σ of each payer's öre(rate × net).
fn lines_add_up(program: &Program, month: &str, catalogue: &domain::catalogue::Catalogue) {
    let (items, totals) = charges(program, month);
    assert!(!items.is_empty(), "{month} has charges");
    let mut payers: BTreeMap<&str, [Decimal; 4]> = BTreeMap::new();
    let mut bearing: BTreeMap<&str, Decimal> = BTreeMap::new();
    for item in &items {
        let amounts = AMOUNTS.map(|name| decimal(&item[name]));
        assert_eq!(amounts[0], amounts[1] + amounts[2], "gross is joint and net: {item}");
        let customer = item["customer"].as_str().unwrap();
        let sums = payers.entry(customer).or_default();
        for (sum, amount) in sums.iter_mut().zip(amounts) {
            *sum += amount;
        }
        if catalogue.bears_surcharge(item["service"].as_str().unwrap(), month.parse().unwrap()) {
            *bearing.entry(customer).or_default() += amounts[2];
        }
    }
    let sum = |n: usize| payers.values().map(|sums| sums[n]).sum::<Decimal>();
    for (n, name) in AMOUNTS.iter().enumerate() {
        assert_eq!(sum(n), decimal(&totals[*name]), "{month} {name}");
    }
    for (customer, sums) in &payers {
        let base = bearing.get(customer).copied().unwrap_or_default();
        let want = (base * Decimal::new(3, 2))
            .round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        assert_eq!(sums[3], want, "{month} {customer}: 3 % of {base}");
    }
}

/// Every cell of the CSV and of the workbook's lines is what the API says.
fn files_say_the_same(program: &Program, month: &str, query: &str) {
    let (items, _) = charges(program, month);
    let bytes = program.bytes(&format!("/v1/exports/{month}/csv{query}"));
    let mut reader = csv::ReaderBuilder::new().comment(None).from_reader(bytes.as_slice());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), items.len(), "{month}: a row for each charge");
    for (row, item) in rows.iter().zip(&items) {
        // A preliminary file says so in a last column of its own.
        for (name, cell) in header.iter().zip(row).filter(|(name, _)| *name != "state") {
            let said = item[name].as_str().unwrap_or("");
            let same = match (cell.parse::<Decimal>(), said.parse::<Decimal>()) {
                (Ok(cell), Ok(said)) => cell == said,
                _ => cell == said,
            };
            assert!(same, "{month} {name} of {}: file {cell:?}, API {said:?}", item["id"]);
        }
    }
    let mut workbook: Xlsx<_> =
        Xlsx::new(Cursor::new(program.bytes(&format!("/v1/exports/{month}/xlsx{query}")))).unwrap();
    let sheet = workbook.worksheet_range("Rader").unwrap();
    let net_cells = |column: usize| {
        sheet.rows().filter_map(move |row| match row.get(column) {
            Some(Data::Float(number)) => Some(Decimal::from_str_exact(&format!("{number:.2}")).unwrap()),
            _ => None,
        })
    };
    let titles: Vec<String> = sheet
        .rows()
        .find(|row| row.iter().any(|cell| *cell == "Netto, kr"))
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    for (title, name) in [("Brutto, kr", "gross"), ("Netto, kr", "net"), ("Påslag, kr", "surcharge")] {
        let column = titles
            .iter()
            .position(|t| t == title)
            .unwrap_or_else(|| panic!("no column {title} in {titles:?}"));
        let got: Vec<Decimal> = net_cells(column).take(items.len()).collect();
        let want: Vec<Decimal> = items.iter().map(|item| decimal(&item[name])).collect();
        assert_eq!(got, want, "{month} {title}");
    }
}

/// One charge of each meter: its days make its quantity, its events or agreements are named.
fn charges_are_explained(program: &Program, month: &str) {
    let mut meters = BTreeMap::new();
    for charge in charges(program, month).0.into_iter().filter(|charge| charge["corrects"].is_null()) {
        meters.entry((charge["service"].to_string(), charge["meter"].to_string())).or_insert(charge);
    }
    for charge in meters.values() {
        let id = charge["id"].as_str().unwrap();
        let explained = program.get(&format!("/v1/charges/{id}/explain?limit=5"));
        assert_eq!(&explained["charge"], charge);
        let days = explained["days"].as_array().unwrap();
        let sum: Decimal = days.iter().map(|day| decimal(&day["quantity"])).sum();
        // A day's part of an average is rounded, to a millionth.
        let rounding = Decimal::new(i64::try_from(days.len()).unwrap(), 6);
        if explained["kind"] == "fixed" {
            assert_ne!(explained["agreements"], json!([]), "{id}");
        } else {
            assert!((sum - decimal(&charge["quantity"])).abs() <= rounding, "{id}: {explained}");
            assert_ne!(explained["events"], json!([]), "{id}");
        }
    }
}

#[test]
fn every_total_ties_out_before_and_after_a_close() {
    let catalogue = fixtures::catalogue();
    let mut program = Program::embedded();
    quarter(&program);
    let (status, _) = program.post("/v1/months/2021-02/close", &json!({}));
    assert_eq!(status, 409, "months close in order");
    let (status, january) = program.post("/v1/months/2021-01/close", &json!({}));
    assert_eq!((status, january["state"].as_str()), (200, Some("closed")), "{january}");
    for month in MONTHS {
        lines_add_up(&program, month, &catalogue);
        files_say_the_same(&program, month, if month == "2021-01" { "" } else { "?preliminary=true" });
    }
    charges_are_explained(&program, "2021-01");
    charges_are_explained(&program, "2021-02");
    let frozen = (charges(&program, "2021-01"), program.bytes("/v1/exports/2021-01/xlsx"));

    // What comes late for a closed month changes the next one, never the closed one; not even over a power cut.
    let line = |program: &Program| {
        program.list("/v1/charges?month=2021-02").into_iter().find(|c| c["corrects"] == "2021-01")
    };
    assert!(line(&program).is_none(), "nothing was late so far");
    program.accept(&[json!({
        "specversion": "1.0", "id": "late", "source": "/lkdata/collector/pexip/mgr1", "subject": "room:late",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "time": "2021-01-20T10:00:00+01:00",
        "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1000", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })]);
    program.kill_and_restart();
    let correction = program.until("the late event became a correction", || line(&program));
    assert_eq!(
        (decimal(&correction["quantity"]), decimal(&correction["gross"])),
        (1000.into(), 480.into()),
        "{correction}"
    );
    let explained = program.get(&format!("/v1/charges/{}/explain", correction["id"].as_str().unwrap()));
    let steps: Vec<&str> =
        explained["formula"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert!(steps[0].starts_with("ΔG = G(") && steps[0].ends_with(" = 480.00 kr"), "{steps:?}");
    assert_eq!(steps[1], "ΔN = ΔG − ΔJ = 480.00 kr − 0.00 kr = 480.00 kr");
    // Late usage is among the events that count now.
    assert!(explained["events"].as_array().unwrap().iter().any(|event| event["id"] == "late"), "{explained}");
    let again = (charges(&program, "2021-01"), program.bytes("/v1/exports/2021-01/xlsx"));
    assert_eq!(again, frozen, "a closed month never changes");
    let (status, same) = program.post("/v1/months/2021-01/close", &json!({}));
    assert_eq!((status, same), (200, january), "closing a closed month answers the same");
    let audit = program.command(&["audit", "verify"]);
    assert!(audit.contains(" 0 wrong;"), "{audit}");
}
