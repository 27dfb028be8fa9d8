use std::collections::BTreeMap;

use domain::catalogue::Catalogue;
use domain::charge::Charge;
use domain::event::CustomerKind;
use domain::{Money, rating::Payer};
use expect_test::expect;
use proptest::prelude::*;

use super::sie;
use crate::bill::{Bill, MonthState};
use crate::error::Error;
use crate::export::fixtures::bill;
use crate::export::tests::charge;

/// Linköping's accounts and dimensions.
fn catalogue() -> Catalogue {
    catalog::check(&catalog::linkoping()).unwrap().catalogue
}

fn line(customer: &str, kind: CustomerKind, net: i64, surcharge: i64, corrects: Option<&str>) -> Charge {
    let mut made = charge(customer, "", corrects);
    made.customer =
        std::sync::Arc::new(Payer { code: customer.to_owned(), name: format!("{customer} Å"), kind });
    (made.net, made.surcharge) = (Money::from_ore(net), Money::from_ore(surcharge));
    made
}

/// A character of code page 437.
fn decoded(byte: u8) -> char {
    let high = |byte: u8| oem_cp::code_table::DECODING_TABLE_CP437[usize::from(byte - 128)];
    if byte.is_ascii() { char::from(byte) } else { high(byte) }
}

fn written(bill: &Bill) -> (Money, String) {
    let mut out = Vec::new();
    let booked = sie(bill, &catalogue(), &mut out, &mut |_, _| {}).unwrap();
    let text = out.iter().map(|byte| decoded(*byte)).collect();
    (booked, text)
}

#[test]
fn a_closed_month_is_one_balanced_voucher_a_payer_without_companies() {
    let bill = bill(
        MonthState::Closed,
        vec![
            line("KLF", CustomerKind::Forvaltning, 10_001, 300, None),
            line("LEJON", CustomerKind::Bolag, 99_900, 2_997, None),
            line("OBJ", CustomerKind::Objekt, 0, 0, None),
            line("UAF", CustomerKind::Forvaltning, 500, 0, None),
            line("UAF", CustomerKind::Forvaltning, -700, -21, Some("2021-02")),
        ],
    );
    let (booked, text) = written(&bill);
    // 100.01 + 3.00 + 5.00 − 7.00 − 0.21
    assert_eq!(booked, Money::from_ore(10_080));
    expect![[r##"
        #FLAGGA 0
        #PROGRAM "taxameter" "1"
        #FORMAT PC8
        #GEN 20210405 "taxameter"
        #SIETYP 4
        #PROSA "2021-03 abababababababababababababababababababababababababababababababab"
        #ORGNR 212000-0449
        #FNAMN "Linköpings kommun"
        #RAR 0 20210101 20211231
        #KONTO 3910 "Intäkter interna IT-tjänster"
        #KONTO 3920 "Intäkter IKT-objektets påslag"
        #KONTO 7510 "Köp av interna IT-tjänster"
        #KONTO 7520 "Påslag IKT-objektet"
        #DIM 1 "Ansvar"
        #DIM 20 "Tjänst"
        #DIM 21 "Motpart"
        #OBJEKT 1 "0110200" "0110200"
        #OBJEKT 1 "900100" "LKDATA"
        #OBJEKT 1 "900200" "IKT-objektet"
        #OBJEKT 20 "skrivare-mfp" "Skrivare; 'MFP'"
        #OBJEKT 21 "KLF" "KLF Å"
        #OBJEKT 21 "LKDATA" "LKDATA"
        #OBJEKT 21 "UAF" "UAF Å"
        #VER "LK" "" 20210331 "LKDATA internfakt 2021-03 KLF" 20210405 "taxameter"
        {
        #TRANS 7510 {1 "0110200" 20 "skrivare-mfp" 21 "LKDATA"} 100.01 20210331 "2021-03 Skrivare; 'MFP'"
        #TRANS 3910 {1 "900100" 20 "skrivare-mfp" 21 "KLF"} -100.01 20210331 "2021-03 Skrivare; 'MFP'"
        #TRANS 7520 {1 "0110200" 20 "skrivare-mfp" 21 "LKDATA"} 3.00 20210331 "2021-03 Påslag"
        #TRANS 3920 {1 "900200" 20 "skrivare-mfp" 21 "KLF"} -3.00 20210331 "2021-03 Påslag"
        }
        #VER "LK" "" 20210331 "LKDATA internfakt 2021-03 UAF" 20210405 "taxameter"
        {
        #TRANS 7510 {1 "0110200" 20 "skrivare-mfp" 21 "LKDATA"} 5.00 20210331 "2021-03 Skrivare; 'MFP'"
        #TRANS 3910 {1 "900100" 20 "skrivare-mfp" 21 "UAF"} -5.00 20210331 "2021-03 Skrivare; 'MFP'"
        #TRANS 7510 {1 "0110200" 20 "skrivare-mfp" 21 "LKDATA"} -7.00 20210331 "Rättelse 2021-02 Skrivare; 'MFP'"
        #TRANS 3910 {1 "900100" 20 "skrivare-mfp" 21 "UAF"} 7.00 20210331 "Rättelse 2021-02 Skrivare; 'MFP'"
        #TRANS 7520 {1 "0110200" 20 "skrivare-mfp" 21 "LKDATA"} -0.21 20210331 "Rättelse 2021-02 Påslag"
        #TRANS 3920 {1 "900200" 20 "skrivare-mfp" 21 "UAF"} 0.21 20210331 "Rättelse 2021-02 Påslag"
        }
    "##]].assert_eq(&text.replace("\r\n", "\n"));
    assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
}

#[test]
fn a_month_that_is_not_closed_says_so_in_every_voucher() {
    let bill = bill(MonthState::Open, vec![line("KLF", CustomerKind::Forvaltning, 10_000, 300, None)]);
    let (_, text) = written(&bill);
    assert!(text.contains("#PROSA \"2021-03 PRELIMINÄR: bokför inte\""), "{text}");
    assert!(
        text.contains("#VER \"LK\" \"\" 20210331 \"PRELIMINÄR LKDATA internfakt 2021-03 KLF\""),
        "{text}"
    );
}

#[test]
fn what_cannot_be_booked_is_said() {
    let told = |bill: &Bill, catalogue: &Catalogue| match sie(bill, catalogue, Vec::new(), &mut |_, _| {}) {
        Err(Error::NotExportable { english, .. }) => english,
        other => panic!("{other:?}"),
    };
    let of_klf = bill(MonthState::Closed, vec![line("KLF", CustomerKind::Forvaltning, 1, 0, None)]);
    assert_eq!(
        told(&of_klf, &Catalogue::default()),
        "2021-03 was closed on catalogue v1, which has no kontering.toml: book it by hand from its lines"
    );
    let open = bill(MonthState::Open, vec![line("KLF", CustomerKind::Forvaltning, 1, 0, None)]);
    assert_eq!(
        told(&open, &Catalogue::default()),
        "catalogue v1 does not say how lines are booked: add kontering.toml before the month is closed"
    );
    let mut lacking = catalogue();
    lacking.posting.rules.remove(0);
    assert_eq!(
        told(&of_klf, &lacking),
        "kontering.toml does not say how tjänst of KLF and skrivare-mfp is booked"
    );
    let nothing = bill(MonthState::Closed, vec![line("LEJON", CustomerKind::Bolag, 1, 0, None)]);
    for catalogue in [catalogue(), Catalogue::default()] {
        let none = sie(&nothing, &catalogue, Vec::new(), &mut |_, _| {});
        assert!(matches!(none, Err(Error::NothingToBook { .. })), "{none:?}");
    }
}

proptest! {
    /// Whatever the lines: every voucher sums to nothing, and the payers' accounts to what they are charged.
    #[test]
    fn every_voucher_balances(
        lines in prop::collection::vec(("[A-C]", -500_i64..500, -20_i64..20, any::<bool>()), 1..30),
    ) {
        let charges: Vec<Charge> = lines
            .iter()
            .map(|(code, net, surcharge, own)| {
                line(code, CustomerKind::Forvaltning, *net, *surcharge, own.then_some("2021-01"))
            })
            .collect();
        let bill = bill(MonthState::Closed, charges);
        let total = bill.totals.net + bill.totals.surcharge;
        let mut out = Vec::new();
        match sie(&bill, &catalogue(), &mut out, &mut |_, _| {}) {
            Err(Error::NothingToBook { .. }) => prop_assert_eq!(total, Money::ZERO),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
            Ok(booked) => {
                prop_assert_eq!(booked, total);
                let text = String::from_utf8_lossy(&out);
                let mut by_account: BTreeMap<&str, i64> = BTreeMap::new();
                for voucher in text.split("#VER").skip(1) {
                    let mut sum = 0;
                    for trans in voucher.lines().filter(|line| line.starts_with("#TRANS")) {
                        let account = trans.split(' ').nth(1).unwrap();
                        let amount = trans.split("} ").nth(1).unwrap().split(' ').next().unwrap();
                        let ore: i64 = amount.replace('.', "").parse().unwrap();
                        sum += ore;
                        *by_account.entry(account).or_default() += ore;
                    }
                    prop_assert_eq!(sum, 0);
                }
                let paid: i64 = by_account.iter().filter(|(a, _)| a.starts_with('7')).map(|(_, ore)| ore).sum();
                prop_assert_eq!(paid, total.ore());
            }
        }
    }
}
