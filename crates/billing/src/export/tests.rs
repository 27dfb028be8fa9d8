use domain::catalogue::Catalogue;
use domain::charge::Charge;
use domain::event::CustomerKind;
use domain::rating::Tariff;
use domain::{Money, Quantity};
use expect_test::expect;
use proptest::prelude::*;

use super::fixtures::{bill, tariff};
use super::*;
use crate::bill::{Bill, MonthState};

/// Pages that a company gets money back for.
pub(super) fn charge(customer: &str, class: &str, corrects: Option<&str>) -> Charge {
    let tariff = Tariff {
        service: "skrivare-mfp".to_owned(),
        meter: "page".to_owned(),
        unit: "sida".to_owned(),
        service_name: "Skrivare; \"MFP\"".to_owned(),
        meter_name: "Sidor".to_owned(),
        ..tariff(class, "0.0925", "")
    };
    let amount = Money::from_ore(-11_419);
    Charge {
        corrects: corrects.map(|month| month.parse().unwrap()),
        quantity: Quantity::from_micros(-1_234_500_000),
        gross: amount,
        net: amount,
        surcharge: Money::from_ore(-343),
        ..fixtures::charge((customer, "Å\tB", CustomerKind::Bolag), "0110200", tariff)
    }
}

fn written(bill: &Bill, dialect: Dialect) -> String {
    let mut out = Vec::new();
    csv(bill, dialect, &mut out, &mut |_, _| {}).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_closed_month_is_rfc_4180_with_the_fields_of_the_api() {
    let bill =
        bill(MonthState::Closed, vec![charge("KLF", "svart,vit", None), charge("=X", "", Some("2021-02"))]);
    expect![[r#"
        id,month,corrects,customer,costcentre,service,meter,class,unit,quantity,unit_price,gross,joint,net,surcharge
        2021-03.KLF.0110200.skrivare-mfp.page.svart~~2Cvit,2021-03,,KLF,0110200,skrivare-mfp,page,"svart,vit",sida,-1234.5,0.0925,-114.19,0.00,-114.19,-3.43
        2021-03.2021-02.~~3DX.0110200.skrivare-mfp.page.-,2021-03,2021-02,'=X,0110200,skrivare-mfp,page,,sida,-1234.5,0.0925,-114.19,0.00,-114.19,-3.43
    "#]]
    .assert_eq(&written(&bill, Dialect::Rfc4180).replace("\r\n", "\n"));
    assert_eq!(written(&bill, Dialect::Rfc4180).matches("\r\n").count(), 3);
}

#[test]
fn a_month_for_excel_has_its_marks_and_a_preliminary_one_says_so() {
    let bill = bill(MonthState::Preliminary, vec![charge("KLF", "svart;vit", None)]);
    expect![[r#"
        id;month;corrects;customer;costcentre;service;meter;class;unit;quantity;unit_price;gross;joint;net;surcharge;state
        2021-03.KLF.0110200.skrivare-mfp.page.svart~~3Bvit;2021-03;;KLF;0110200;skrivare-mfp;page;"svart;vit";sida;-1234,5;0,0925;-114,19;0,00;-114,19;-3,43;preliminary
    "#]]
    .assert_eq(written(&bill, Dialect::ExcelSv).replace("\r\n", "\n").strip_prefix('\u{feff}').unwrap());
}

#[test]
fn a_workbook_of_a_closed_month_has_the_same_bytes_every_time() {
    let bill = bill(MonthState::Closed, vec![charge("KLF", "a", None), charge("KLF", "a", Some("2021-02"))]);
    let made = || {
        let mut out = Vec::new();
        let mut seen = Vec::new();
        xlsx(&bill, &Catalogue::default(), Audience::Finance(&[]), &mut out, &mut |done, total| {
            seen.push((done, total))
        })
        .unwrap();
        assert_eq!(seen, [(2, 2)]);
        out
    };
    let first = made();
    assert_eq!(made(), first);
    // No clock is read for it: the zip file's own times are its format's zero, 1980-01-01.
    assert_eq!(first[..4], *b"PK\x03\x04");
    assert_eq!(first[10..14], [0, 0, 0x21, 0]);
}

proptest! {
    #[test]
    fn no_text_cell_begins_like_a_formula(value in "[=+@\\-\t\r\n\0a-z;,\"']{0,8}") {
        let cell = super::csv::text(value.as_str());
        prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']));
        let guarded = format!("'{value}");
        prop_assert!(cell == value || cell == guarded);
    }
}
