use std::collections::BTreeMap;
use std::sync::Arc;

use domain::catalogue::{CostCentre, Meter, Product, Service};
use domain::charge::Charge;
use domain::event::CustomerKind;
use domain::financing::Phase;
use domain::rating::JointTerms;
use domain::usage::MeterKind;
use domain::{Money, Quantity, Rate};
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::bill::MonthState;
use crate::export::fixtures::{bill, charge, seller, tariff};

/// A name that a spreadsheet would take for a formula, in a cost centre with leading zeros.
pub(super) fn catalogue() -> Catalogue {
    let meter = |slug: &str, event: &str| Meter {
        slug: slug.to_owned(),
        name: "Sidor".to_owned(),
        name_en: "Pages".to_owned(),
        kind: MeterKind::Sum,
        unit: "page".to_owned(),
        event_type: Some(format!("se.linkoping.lkdata.usage.{event}.v1")),
        dimensions: Vec::new(),
        billed: true,
        negative: true,
        hold_days: 31,
        cost_kind: domain::financing::CostKind::Running,
    };
    let service = Service {
        slug: "e-moten".to_owned(),
        name: "E-möten".to_owned(),
        name_en: "E-meetings".to_owned(),
        product: "U".to_owned(),
        start: "2020-01-01".parse().unwrap(),
        established_from: None,
        monthly_measured: true,
        meters: BTreeMap::from([(
            "participant_hour".to_owned(),
            meter("participant_hour", "meeting.participation"),
        )]),
    };
    let costcentre = |code: &str, name: &str| {
        (code.to_owned(), CostCentre { code: code.to_owned(), name: name.to_owned(), owners: Vec::new() })
    };
    Catalogue {
        products: BTreeMap::from([(
            "U".to_owned(),
            Product { name: "Användarnära tjänster".to_owned(), name_en: "User-near services".to_owned() },
        )]),
        services: BTreeMap::from([("e-moten".to_owned(), service)]),
        costcentres: BTreeMap::from([
            costcentre("0110200", "=Åsö \"café\""),
            costcentre("B0100", "Huvudkontor"),
        ]),
        ..seller()
    }
}

const KLF: (&str, &str, CustomerKind) = ("KLF", "Kommunledningsförvaltningen", CustomerKind::Forvaltning);
const LEJON: (&str, &str, CustomerKind) = ("LEJON", "Lejonfastigheter AB", CustomerKind::Bolag);

/// An administration with joint financing and a company whose price is in steps, with less than nothing; and a correction.
pub(super) fn charges() -> Vec<Charge> {
    let mut joint = charge(KLF, "0110200", tariff("små/=x", "0.0925", ""));
    let terms = JointTerms {
        share: "0.25".parse::<Rate>().unwrap(),
        valid_from: "2021-01".parse().unwrap(),
        phase: Phase::InitialMaintenance,
        bearer: None,
        decision: "KS 2020-7".to_owned(),
    };
    Arc::make_mut(&mut joint.tariff).joint = Some(terms);
    joint.quantity = Quantity::parse("1234.567").unwrap();
    (joint.gross, joint.joint) = (Money::from_ore(11_420), Money::from_ore(2_855));
    (joint.net, joint.surcharge) = (Money::from_ore(8_565), Money::from_ore(257));
    let mut steps = charge(LEJON, "B0100", tariff("", "1.20", "trappa 1000:0.9"));
    steps.quantity = Quantity::parse("-10").unwrap();
    (steps.gross, steps.net) = (Money::from_ore(-1_200), Money::from_ore(-1_200));
    let mut correction = charge(KLF, "999999", tariff("", "105", ""));
    correction.corrects = Some("2020-12".parse().unwrap());
    Arc::make_mut(&mut correction.tariff).price.as_mut().unwrap().cost_price = Some("110".parse().unwrap());
    correction.billed_before = Quantity::parse("3").unwrap();
    correction.quantity = Quantity::parse("-1").unwrap();
    (correction.gross, correction.net) = (Money::from_ore(-10_500), Money::from_ore(-10_500));
    correction.surcharge = Money::from_ore(-315);
    vec![joint, steps, correction]
}

fn written(bill: &Bill) -> String {
    let mut out = Vec::new();
    focus(bill, &catalogue(), &mut out, &mut |_, _| {}).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every row by the names of its columns, without those that have no value in any row; as it is written.
fn shown(csv: &str) -> String {
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<::csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let mut shown = String::new();
    for (at, name) in names.iter().enumerate() {
        let values: Vec<&str> = rows.iter().map(|row| &row[at]).collect();
        if values.iter().any(|value| !value.is_empty()) {
            shown.push_str(&format!("{name}: {}\n", values.join(" | ")));
        }
    }
    shown
}

#[test]
fn a_closed_month_has_a_row_of_each_net_and_of_each_surcharge() {
    let csv = written(&bill(MonthState::Closed, charges()));
    expect![[r#"
        BilledCost: 85.65 | 2.57 | -12.00 | -105.00 | -3.15
        BillingAccountId: KLF | KLF | LEJON | KLF | KLF
        BillingAccountName: Kommunledningsforvaltningen | Kommunledningsforvaltningen | Lejonfastigheter AB | Kommunledningsforvaltningen | Kommunledningsforvaltningen
        BillingAccountType: Administration | Administration | Municipal Company | Administration | Administration
        BillingCurrency: SEK | SEK | SEK | SEK | SEK
        BillingPeriodEnd: 2021-03-31T22:00:00Z | 2021-03-31T22:00:00Z | 2021-03-31T22:00:00Z | 2021-03-31T22:00:00Z | 2021-03-31T22:00:00Z
        BillingPeriodStart: 2021-02-28T23:00:00Z | 2021-02-28T23:00:00Z | 2021-02-28T23:00:00Z | 2021-02-28T23:00:00Z | 2021-02-28T23:00:00Z
        ChargeCategory: Usage | Adjustment | Usage | Usage | Adjustment
        ChargeClass:  |  |  | Correction | Correction
        ChargeDescription: E-moten: Deltagartimmar (sma/=x) | Surcharge of 3 % on E-moten: Deltagartimmar (sma/=x) | E-moten: Deltagartimmar | Correction of 2020-12: E-moten: Deltagartimmar | Correction of 2020-12: Surcharge on E-moten: Deltagartimmar
        ChargeFrequency: Usage-Based | Usage-Based | Usage-Based | Usage-Based | Usage-Based
        ChargePeriodEnd: 2021-03-31T22:00:00Z | 2021-03-31T22:00:00Z | 2021-03-31T22:00:00Z | 2020-12-31T23:00:00Z | 2020-12-31T23:00:00Z
        ChargePeriodStart: 2021-02-28T23:00:00Z | 2021-02-28T23:00:00Z | 2021-02-28T23:00:00Z | 2020-11-30T23:00:00Z | 2020-11-30T23:00:00Z
        ConsumedQuantity: 1234.567 |  | -10.00 | -1.00 | 
        ConsumedUnit: Hours |  | Hours | Hours | 
        ContractedCost: 114.1974475 | 2.57 | -12.00 | -105.00 | -3.15
        ContractedUnitPrice: 0.0925 |  | 12.00 | 105.00 | 
        EffectiveCost: 85.65 | 2.57 | -12.00 | -105.00 | -3.15
        InvoiceId: INTERN-2021-03-KLF | INTERN-2021-03-KLF | 17 | INTERN-2021-03-KLF | INTERN-2021-03-KLF
        InvoiceIssuerName: Linkopings kommun | Linkopings kommun | Linkopings kommun | Linkopings kommun | Linkopings kommun
        ListCost: 114.1974475 | 2.57 | -12.00 | -110.00 | -3.15
        ListUnitPrice: 0.0925 |  | 12.00 | 110.00 | 
        PricingCategory: Standard |  | Standard | Standard | 
        PricingCurrency: SEK | SEK | SEK | SEK | SEK
        PricingCurrencyContractedUnitPrice: 0.0925 |  | 12.00 | 105.00 | 
        PricingCurrencyEffectiveCost: 85.65 | 2.57 | -12.00 | -105.00 | -3.15
        PricingCurrencyListUnitPrice: 0.0925 |  | 12.00 | 110.00 | 
        PricingQuantity: 1234.567 |  | -1.00 | -1.00 | 
        PricingUnit: Hours |  | Months | Hours | 
        ProviderName: Linkopings kommun | Linkopings kommun | Linkopings kommun | Linkopings kommun | Linkopings kommun
        PublisherName: LKDATA | LKDATA | LKDATA | LKDATA | LKDATA
        ServiceCategory: Business Applications | Business Applications | Business Applications | Business Applications | Business Applications
        ServiceName: e-moten | e-moten | e-moten | e-moten | e-moten
        ServiceSubcategory: Productivity and Collaboration | Productivity and Collaboration | Productivity and Collaboration | Productivity and Collaboration | Productivity and Collaboration
        SkuId: e-moten |  | e-moten | e-moten | 
        SkuMeter: participant_hour |  | participant_hour | participant_hour | 
        SkuPriceDetails: {"x_Class":"sm\u00e5/=x","x_ValidFrom":"2021-01"} |  | {"x_Price":"1.20","x_PriceModel":"trappa 1000:0.90","x_ValidFrom":"2021-01"} | {"x_ValidFrom":"2021-01"} | 
        SkuPriceId: e-moten.participant_hour.sm~~C3~~A5~~~3Dx.2021-01 |  | e-moten.participant_hour.-.2021-01 | e-moten.participant_hour.-.2021-01 | 
        SubAccountId: KST-0110200 | KST-0110200 | KST-B0100 | KST-999999 | KST-999999
        SubAccountName: '=Aso "cafe" | '=Aso "cafe" | Huvudkontor | 999999 | 999999
        SubAccountType: Cost Centre | Cost Centre | Cost Centre | Cost Centre | Cost Centre
        x_BillingAccountName: Kommunledningsförvaltningen | Kommunledningsförvaltningen | Lejonfastigheter AB | Kommunledningsförvaltningen | Kommunledningsförvaltningen
        x_ChargeId: 2021-03.KLF.0110200.e-moten.participant_hour.sm~~C3~~A5~~~3Dx | 2021-03.KLF.0110200.e-moten.participant_hour.sm~~C3~~A5~~~3Dx | 2021-03.LEJON.B0100.e-moten.participant_hour.- | 2021-03.2020-12.KLF.999999.e-moten.participant_hour.- | 2021-03.2020-12.KLF.999999.e-moten.participant_hour.-
        x_CorrectedMonth:  |  |  | 2020-12 | 2020-12
        x_Decision: KS 2020-1 | KS 2020-123 | KS 2020-1 | KS 2020-1 | 
        x_GrossCost: 114.20 |  | -12.00 | -105.00 | 
        x_JointCost: 28.55 |  | 0.00 | 0.00 | 
        x_JointDecision: KS 2020-7 |  |  |  | 
        x_ObjectProduct: U | U | U | U | U
        x_ObjectProductName: Användarnära tjänster | Användarnära tjänster | Användarnära tjänster | Användarnära tjänster | Användarnära tjänster
        x_ServiceName: E-möten | E-möten | E-möten | E-möten | E-möten
        x_SkuMeterName: Deltagartimmar | Deltagartimmar | Deltagartimmar | Deltagartimmar | Deltagartimmar
        x_SubAccountName: '=Åsö "café" | '=Åsö "café" | Huvudkontor | 999999 | 999999
    "#]].assert_eq(&shown(&csv));
    assert_eq!(csv.matches("\r\n").count(), 6);
    assert_eq!(csv.matches('\n').count(), 6);
}

#[test]
fn texts_are_quoted_numbers_are_not_and_what_has_no_value_is_empty() {
    let csv = written(&bill(MonthState::Closed, charges()));
    let lines: Vec<&str> = csv.lines().collect();
    expect![[r#"
        AvailabilityZone,BilledCost,BillingAccountId,BillingAccountName,BillingAccountType,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,CapacityReservationId,CapacityReservationStatus,ChargeCategory,ChargeClass,ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,CommitmentDiscountCategory,CommitmentDiscountId,CommitmentDiscountName,CommitmentDiscountQuantity,CommitmentDiscountStatus,CommitmentDiscountType,CommitmentDiscountUnit,ConsumedQuantity,ConsumedUnit,ContractedCost,ContractedUnitPrice,EffectiveCost,InvoiceId,InvoiceIssuerName,ListCost,ListUnitPrice,PricingCategory,PricingCurrency,PricingCurrencyContractedUnitPrice,PricingCurrencyEffectiveCost,PricingCurrencyListUnitPrice,PricingQuantity,PricingUnit,ProviderName,PublisherName,RegionId,RegionName,ResourceId,ResourceName,ResourceType,ServiceCategory,ServiceName,ServiceSubcategory,SkuId,SkuMeter,SkuPriceDetails,SkuPriceId,SubAccountId,SubAccountName,SubAccountType,Tags,x_BillingAccountName,x_ChargeId,x_CorrectedMonth,x_Decision,x_GrossCost,x_JointCost,x_JointDecision,x_ObjectProduct,x_ObjectProductName,x_ServiceName,x_SkuMeterName,x_SubAccountName
        ,85.65,"KLF","Kommunledningsforvaltningen","Administration","SEK",2021-03-31T22:00:00Z,2021-02-28T23:00:00Z,,,"Usage",,"E-moten: Deltagartimmar (sma/=x)","Usage-Based",2021-03-31T22:00:00Z,2021-02-28T23:00:00Z,,,,,,,,1234.567,"Hours",114.1974475,0.0925,85.65,"INTERN-2021-03-KLF","Linkopings kommun",114.1974475,0.0925,"Standard","SEK",0.0925,85.65,0.0925,1234.567,"Hours","Linkopings kommun","LKDATA",,,,,,"Business Applications","e-moten","Productivity and Collaboration","e-moten","participant_hour","{""x_Class"":""sm\u00e5/=x"",""x_ValidFrom"":""2021-01""}","e-moten.participant_hour.sm~~C3~~A5~~~3Dx.2021-01","KST-0110200","'=Aso ""cafe""","Cost Centre",,"Kommunledningsförvaltningen","2021-03.KLF.0110200.e-moten.participant_hour.sm~~C3~~A5~~~3Dx",,"KS 2020-1",114.20,28.55,"KS 2020-7","U","Användarnära tjänster","E-möten","Deltagartimmar","'=Åsö ""café"""
    "#]].assert_eq(&format!("{}\n{}\n", lines[0], lines[1]));
}

#[test]
fn a_month_that_is_not_closed_says_so_and_has_no_invoices() {
    let csv = shown(&written(&bill(MonthState::Preliminary, charges())));
    assert!(csv.contains("\nx_State: preliminary | preliminary | preliminary | preliminary | preliminary\n"));
    assert!(!csv.contains("InvoiceId"), "{csv}");
    assert!(!shown(&written(&bill(MonthState::Closed, charges()))).contains("x_State"));
}

#[test]
fn a_closed_month_has_the_same_bytes_every_time_and_tells_its_progress() {
    let bill = bill(MonthState::Closed, charges());
    let (mut out, mut seen) = (Vec::new(), Vec::new());
    focus(&bill, &catalogue(), &mut out, &mut |done, total| seen.push((done, total))).unwrap();
    assert_eq!(seen, [(3, 3)]);
    assert_eq!(String::from_utf8(out).unwrap(), written(&bill));
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = focus(&bill(MonthState::Closed, charges()), &catalogue(), Full, &mut |_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), "writing the focus export failed");
}

/// Charges of any amounts, signs, customers, texts and models, own ones and corrections.
pub(super) fn any_charges() -> impl Strategy<Value = Vec<Charge>> {
    let amounts =
        (-9_000_000_000_000_i64..9_000_000_000_000, -1_000_000_000_i64..1_000_000_000, -1_000_i64..1_000);
    let quantity = -1_000_000_000_000_000_000_i128..1_000_000_000_000_000_000;
    let texts = ("[A-Z]{2,4}", "\\PC{0,12}", "[=+@0-9A-Zåäö\"\n\r,-]{0,12}");
    let prices = (0_u64..1_000_000_000_000_u64, prop::sample::select(vec!["", "", "fast", "volym 10:0.5"]));
    let one = (amounts, quantity, texts, prices, any::<bool>(), any::<bool>()).prop_map(
        |((net, joint, surcharge), quantity, (code, name, class), (price, model), company, corrects)| {
            let kind = if company { CustomerKind::Bolag } else { CustomerKind::Forvaltning };
            let price = Decimal::from_i128_with_scale(price.into(), 6).to_string();
            let mut charge = charge((&code, &name, kind), "0110200", tariff(&class, &price, model));
            charge.corrects = corrects.then(|| "2020-12".parse().unwrap());
            charge.quantity = Quantity::from_micros(quantity);
            (charge.net, charge.joint) = (Money::from_ore(net), Money::from_ore(joint));
            (charge.gross, charge.surcharge) = (charge.net + charge.joint, Money::from_ore(surcharge));
            charge
        },
    );
    prop::collection::vec(one, 0..20)
}

proptest! {
    #[test]
    fn what_is_billed_is_the_net_and_the_surcharge_of_every_charge(charges in any_charges(), closed in any::<bool>()) {
        let bill = bill(if closed { MonthState::Closed } else { MonthState::Open }, charges);
        let csv = written(&bill);
        let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
        let names = reader.headers().unwrap().clone();
        let rows: Vec<::csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        let at = |name: &str| names.iter().position(|other| other == name).unwrap();
        let value = |row: &::csv::StringRecord, name: &str| row[at(name)].parse::<Decimal>().unwrap();
        let billed = |category: &str| -> Decimal {
            let of = rows.iter().filter(|row| &row[at("ChargeCategory")] == category);
            of.map(|row| value(row, "BilledCost")).sum()
        };
        prop_assert_eq!(billed("Usage"), bill.totals.net.to_decimal());
        prop_assert_eq!(billed("Adjustment"), bill.totals.surcharge.to_decimal());
        let invoiced: Decimal = bill.documents.iter().map(|document| document.total().to_decimal()).sum();
        let numbered = rows.iter().filter(|row| row[at("InvoiceId")].parse::<u64>().is_ok());
        prop_assert_eq!(numbered.map(|row| value(row, "BilledCost")).sum::<Decimal>(), invoiced);
        for row in rows.iter().filter(|row| &row[at("ChargeCategory")] == "Usage") {
            prop_assert_eq!(value(row, "x_GrossCost") - value(row, "x_JointCost"), value(row, "BilledCost"));
            if row[at("ChargeClass")].is_empty() {
                let product = value(row, "ContractedUnitPrice") * value(row, "PricingQuantity");
                prop_assert_eq!(product, value(row, "ContractedCost"));
            }
        }
        for (name, text) in names.iter().zip(rows.iter().flat_map(|row| row.iter())) {
            prop_assert!(name.starts_with("x_") || text.is_ascii(), "{name}: {text}");
        }
    }
}
