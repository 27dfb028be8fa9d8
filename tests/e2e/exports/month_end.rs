//! Finance's year: every month is closed and pulled as a package, late usage becomes corrections, and every file of every
//! package comes to what the month comes to.

use std::path::{Path, PathBuf};

use domain::catalogue::Catalogue;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{focus, ledger, peppol, sheets, sie, sums};
use crate::fixtures::{self, decimal, generate_small};
use crate::program::Program;

const MONTHS: [&str; 12] = [
    "2021-01", "2021-02", "2021-03", "2021-04", "2021-05", "2021-06", "2021-07", "2021-08", "2021-09",
    "2021-10", "2021-11", "2021-12",
];

/// One event of so many comes when its month is closed.
const LATE_EVERY: usize = 50;

/// The year's events by month, as `taxameter generate` writes them.
pub(super) fn generated(directory: &Path) -> Vec<(Vec<Value>, Vec<Value>)> {
    let file = directory.join("year.ndjson");
    generate_small(&file, "2021-01", "2021-12");
    let text = std::fs::read_to_string(file).unwrap();
    let mut months = vec![(Vec::new(), Vec::new()); MONTHS.len()];
    for (number, line) in text.lines().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        let day = event["data"]["day"].as_str().map(str::to_owned);
        let day = day.unwrap_or_else(|| {
            let time = domain::Instant::parse_rfc3339(event["time"].as_str().unwrap()).unwrap();
            time.day().to_string()
        });
        let Some(month) = MONTHS.iter().position(|month| day.starts_with(month)) else { continue };
        let is_sum = event["type"].as_str().is_some_and(|kind| !kind.contains("snapshot"));
        let (timely, late) = &mut months[month];
        if is_sum && number % LATE_EVERY == 0 { late.push(event) } else { timely.push(event) }
    }
    months
}

fn closed_year(program: &Program) {
    let mut late: Vec<Value> = Vec::new();
    for (month, (timely, held_back)) in MONTHS.into_iter().zip(generated(program.directory())) {
        program.accept(&timely);
        program.accept(&late);
        late = held_back;
        let (status, answer) =
            program.post(&format!("/v1/months/{month}/close"), &json!({"accept": {"gaps": "övning"}}));
        assert_eq!(status, 200, "{month}: {answer}");
    }
}

/// Pulls a month's package.
fn pulled(program: &Program, month: &str) -> PathBuf {
    let directory = program.directory().join(month);
    let out = directory.to_str().unwrap();
    let said = program.command(&["export", month, "--out", out]);
    assert!(said.contains("kr utan moms"), "{said}");
    let found = program.command(&["export", "verify", out, "--output", "csv"]);
    assert!(found.lines().skip(1).all(|line| line.ends_with(",ok")), "{found}");
    directory
}

/// Σ CSV = Σ XLSX = Σ charges = Σ SIE + Σ documents = Σ FOCUS, each read from its own file.
fn ties_out(program: &Program, month: &str, package: &Path) {
    let totals = program.get(&format!("/v1/charges?month={month}&limit=1"))["totals"].clone();
    let billed = decimal(&totals["net"]) + decimal(&totals["surcharge"]);
    let file = |name: String| std::fs::read(package.join(name)).unwrap();
    let found = [
        ("rader", sums::csv(&file(format!("rader-{month}.csv")), b',')),
        ("rader-excel", sums::csv(&file(format!("rader-excel-{month}.csv")), b';')),
        ("underlag", sums::xlsx(file(format!("underlag-{month}.xlsx")))),
        ("focus", sums::focus(&file(format!("focus-{month}.csv")))),
        (
            "kontering + fakturor",
            sums::vouchers(&file(format!("kontering-{month}.si")))
                + sums::documents(&package.join("fakturor")),
        ),
    ];
    for (name, sum) in found {
        assert_eq!(sum, billed, "{month} {name}");
    }
    let specified: Decimal = std::fs::read_dir(package.join("specifikation"))
        .unwrap()
        .map(|entry| sums::xlsx(std::fs::read(entry.unwrap().path()).unwrap()))
        .sum();
    assert_eq!(specified, billed, "{month}: all payers' specifications");
}

/// The files of a month, put to what others judge them with.
fn others_accept(program: &Program, month: &str, package: &Path, catalogue: &Catalogue) {
    focus::check(&package.join(format!("focus-{month}.csv"))).unwrap();
    peppol::check(&package.join("fakturor")).unwrap();
    let mut ledger = ledger::of(program, month, catalogue);
    sheets::check(package, &ledger).unwrap();
    let models = ledger["prices"].as_array().unwrap().iter().filter(|price| price["model"] != "").count();
    assert!(models >= 4, "{models} prices have a model");
    // An öre more on one line of the ledger, and the workbooks are no longer what it says.
    let net = decimal(&ledger["charges"][0]["net"]) + Decimal::new(1, 2);
    ledger["charges"][0]["net"] = json!(net.to_string());
    let differs = sheets::check(package, &ledger).unwrap_err();
    for kind in ["workbook: ", "opened: ", "specification: ", "lines: "] {
        assert!(differs.contains(kind), "{kind}{differs}");
    }
}

/// An öre more on one booking, and the vouchers do not hold.
fn a_spoiled_voucher_is_refused(file: &[u8]) {
    let text: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let first = text.iter().position(|line| line.starts_with(b"#TRANS ")).unwrap();
    let line = String::from_utf8_lossy(text[first]).into_owned();
    let booked = line.split("} ").nth(1).unwrap().split(' ').next().unwrap();
    let more = (Decimal::from_str_exact(booked).unwrap() + Decimal::new(1, 2)).to_string();
    let at = text[..first].iter().map(|line| line.len()).sum::<usize>();
    let (head, tail) = file.split_at(at);
    let (spoiled, rest) = tail.split_at(text[first].len());
    let spoiled =
        sie::replaced(spoiled, format!("}} {booked} ").as_bytes(), format!("}} {more} ").as_bytes());
    let error = sie::read(&[head, &spoiled, rest].concat()).unwrap_err();
    assert!(error.contains("sums to 0.01"), "{error}");
}

/// Linköping's catalogue, in which prices of several meters have a model.
fn catalogue_with_models() -> catalog::Files {
    let mut files = catalog::linkoping();
    let prices = String::from_utf8(files.remove("priser.csv").unwrap()).unwrap();
    let models = [
        ("tjänst;", "modell"),
        ("telefoni;call_minute;", "trappa 100:0,05 1000:0,0333 fritt 10"),
        ("e-moten;participant_hour;", "volym 5:0,4 minst 25"),
        ("skrivare-mfp;page;mono;", "paket 1000"),
        ("e-tjanstekort;card;", "fast"),
    ];
    let mut with_models = String::new();
    for line in prices.lines() {
        let model = models.iter().find(|(row, _)| line.starts_with(row)).map_or("", |(_, model)| model);
        with_models += &if line.contains('#') { format!("{line}\n") } else { format!("{line};{model}\n") };
    }
    files.insert("priser.csv".to_owned(), with_models.into_bytes());
    files
}

#[test]
fn every_file_of_every_month_ties_out_and_others_accept_them() {
    let directory = tempfile::tempdir().unwrap();
    let files = catalogue_with_models();
    fixtures::write_catalogue(&files, directory.path());
    let catalogue = catalog::check(&files).unwrap().catalogue;
    let program = Program::start(&format!("catalog = {:?}\n", directory.path().to_str().unwrap()));
    closed_year(&program);
    let mut corrections = 0;
    for month in MONTHS {
        let package = pulled(&program, month);
        ties_out(&program, month, &package);
        let charges = program.list(&format!("/v1/charges?month={month}"));
        corrections += charges.iter().filter(|charge| !charge["corrects"].is_null()).count();
        // A month without corrections and one with them.
        if ["2021-01", "2021-03"].contains(&month) {
            others_accept(&program, month, &package, &catalogue);
            a_spoiled_voucher_is_refused(
                &std::fs::read(package.join(format!("kontering-{month}.si"))).unwrap(),
            );
        }
    }
    assert!(corrections > 100, "{corrections} corrections");
}

#[test]
fn a_package_that_was_changed_is_found_out_and_an_open_month_says_so() {
    let program = Program::embedded();
    let (timely, late) = generated(program.directory()).swap_remove(0);
    program.accept(&timely);
    let out = program.directory().join("open");
    program.refused(&["export", "2021-01", "--out", out.to_str().unwrap()], "month_open");
    program.command(&["export", "2021-01", "--preliminary", "--out", out.to_str().unwrap()]);
    program.refused(&["export", "verify", out.to_str().unwrap()], "only a closed month stays as it is");
    let (status, answer) = program.post("/v1/months/2021-01/close", &json!({"accept": {"gaps": "övning"}}));
    assert_eq!(status, 200, "{answer}");
    let package = pulled(&program, "2021-01");
    // What comes later changes nothing of it, though it is counted.
    let before = program.bytes("/v1/exports/2021-01/package.zip");
    let counted =
        || program.get("/v1/usage?from=2021-01&to=2021-01&group_by=month,service,meter")["items"].clone();
    let usage = counted();
    program.accept(&late);
    program.until("late usage is counted", || (counted() != usage).then_some(()));
    assert_eq!(program.bytes("/v1/exports/2021-01/package.zip"), before);
    let lines = package.join("rader-2021-01.csv");
    std::fs::write(&lines, std::fs::read_to_string(&lines).unwrap().replacen(".00", ".01", 1)).unwrap();
    let verify = ["export", "verify", package.to_str().unwrap()];
    program.refused(&verify, "taxameter: 1 of ");
}
