//! What a new catalogue may change, and how a change is told.

use catalog::{Checked, Code, Files, changes_closed_month, check};
use domain::Month;

use crate::cases::{COSTCENTRES, PRICES, SCOPES, SERVICES};
use crate::{edited, tiny};

fn ok(files: &Files) -> Checked {
    check(files)
        .unwrap_or_else(|f| panic!("{}", f.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// The findings about a change of the tiny catalogue when all months up to one are closed.
fn refused(file: &str, old: &str, new: &str, last_closed: Option<&str>) -> Vec<(Code, String, Option<u32>)> {
    let before = ok(&tiny()).catalogue;
    let after = ok(&edited(file, old, new));
    let last = last_closed.map(|month| month.parse::<Month>().unwrap());
    changes_closed_month(&before, &after, last).into_iter().map(|f| (f.code, f.file, f.line)).collect()
}

#[test]
fn what_is_valid_in_a_closed_month_cannot_change() {
    let cases: &[(&str, &str, &str, &str, u32)] = &[
        // (file, old, new, the last open month before it matters, line)
        (PRICES, "101,50", "102,50", "2021-06", 3),
        ("paslag.toml", "\"0.03\"", "\"0.04\"", "2020-12", 7),
        ("finansiering.toml", "andel = \"0.5\"", "andel = \"0.6\"", "2021-06", 9),
        (COSTCENTRES, "2021-09-01", "2021-10-01", "2021-08", 4),
        ("avtal.csv", "A1;drift;agreement;;B001;1", "A1;drift;agreement;;B001;2", "2021-02", 3),
        (
            SERVICES,
            "start = 2020-01-01\nmanadsmatt",
            "start = 2020-01-01\netablerad_fran = 2021-03-01\nmanadsmatt",
            "2021-02",
            19,
        ),
    ];
    for (file, old, new, open, line) in cases {
        assert_eq!(refused(file, old, new, Some(open)), [], "{file} {new}");
        let closed = open.parse::<Month>().unwrap().next().to_string();
        let want = (Code::ClosedMonthChanged, (*file).to_owned(), Some(*line));
        assert_eq!(refused(file, old, new, Some(&closed)), [want], "{file} {new}");
    }
}

#[test]
fn a_cost_centre_without_a_payer_may_get_one_in_a_closed_month() {
    let new = "B001;Bolaget;BOLAG;2018-01-01;\nNY1;Ny enhet;SKOLA;2020-01-01;\n";
    assert_eq!(refused(COSTCENTRES, "B001;Bolaget;BOLAG;2019-01-01;\n", new, Some("2021-12")), []);
}

#[test]
fn for_whom_a_service_is_mandatory_may_change_in_a_closed_month() {
    assert_eq!(refused(SCOPES, "[\"SKOLA\"]", "[\"BOLAG\"]", Some("2021-12")), []);
    let after = ok(&edited(SCOPES, "[\"SKOLA\"]", "[\"BOLAG\"]")).catalogue;
    let told: Vec<_> =
        catalog::diff(&ok(&tiny()).catalogue, &after).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["~ omfattning larare: kunder SKOLA → BOLAG"]);
}

#[test]
fn a_customer_stays_what_it_is_once_a_month_is_closed() {
    let (old, new) = ("BOLAG;Bolaget AB;bolag;556477-7851", "BOLAG;Bolaget AB;forvaltning;556477-7851");
    assert_eq!(refused("kunder.csv", old, new, None), []);
    let place = [(Code::ClosedMonthChanged, "kunder.csv".to_owned(), Some(3))];
    assert_eq!(refused("kunder.csv", old, new, Some("2021-01")), place);
}

#[test]
fn what_a_meter_is_never_changes() {
    let place = |line| [(Code::MeterChanged, SERVICES.to_owned(), Some(line))];
    assert_eq!(refused(SERVICES, "enhet = \"h\"", "enhet = \"min\"", None), place(27));
    assert_eq!(
        refused(
            SERVICES,
            "slag = \"sum\"\nenhet = \"h\"\nhandelse = \"meeting.participation\"\nnegativa = true",
            "slag = \"peak\"\nenhet = \"h\"\nhandelse = \"meeting.participation\"",
            None
        ),
        place(27)
    );
    assert_eq!(refused(SERVICES, "{ namn = \"site\" }", "{ namn = \"site\", serie = true }", None), place(9));
    assert_eq!(refused(SERVICES, "{ namn = \"site\" }", "{ namn = \"place\" }", Some("2021-12")), []);
    assert_eq!(refused(SERVICES, "haller_dagar = 31", "haller_dagar = 40", None), []);
    let closed = [(Code::ClosedMonthChanged, SERVICES.to_owned(), Some(9))];
    assert_eq!(refused(SERVICES, "haller_dagar = 31", "haller_dagar = 40", Some("2020-01")), closed);
}

#[test]
fn a_difference_is_told_row_by_row() {
    // It names a source of the file that goes.
    let without = |mut files: Files| {
        files.remove("csv.toml");
        files
    };
    let before = ok(&without(tiny())).catalogue;
    let mut files = without(edited(PRICES, "101,50", "102,50"));
    let customers = String::from_utf8(files.get("kunder.csv").unwrap().to_vec()).unwrap();
    files.insert("kunder.csv", format!("{customers}NY;Ny förvaltning;forvaltning;\n"));
    files.remove("kallor.toml");
    let told: Vec<_> =
        catalog::diff(&before, &ok(&files).catalogue).iter().map(ToString::to_string).collect();
    let want = [
        "+ kund NY: namn Ny förvaltning; slag forvaltning",
        "~ pris konto/account[staff] 2021-07: pris 101.50 → 102.50",
        "- källa /lkdata/collector/ad/test: namn Kataloger",
        "- källa /lkdata/collector/pexip/test: namn Möten",
    ];
    assert_eq!(told, want);
    assert_eq!(catalog::diff(&before, &before), []);
}
