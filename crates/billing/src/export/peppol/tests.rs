mod amounts;

use std::io::Read as _;
use std::sync::Arc;

use domain::catalogue::{Catalogue, Customer, Invoicing, SurchargeRate};
use domain::charge::Reason;
use domain::document::DocumentType;
use domain::financing::Phase;
use domain::rating::{JointTerms, Payer, Tariff};
use domain::{Instant, Quantity};
use expect_test::{expect, expect_file};

use super::*;
use crate::export::fixtures::{self, address, seller, tariff};

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn kronor(text: &str) -> Money {
    Money::rounded(text.parse().unwrap()).unwrap()
}

/// A seller with all that is needed, two companies with and one without a number, and an administration.
fn catalogue() -> Catalogue {
    let customer = |code: &str, name: &str, kind, number: Option<&str>| Customer {
        code: code.to_owned(),
        name: name.to_owned(),
        kind,
        number: number.map(str::to_owned),
        reference: (code == "STANGA").then(|| "Ref 4711".to_owned()),
        address: number.and_then(|_| address("Exempelgatan 10")),
    };
    let customers = [
        customer("KLF", "Kommunledningsförvaltningen", CustomerKind::Forvaltning, None),
        customer("LEJON", "Lejonfastigheter AB", CustomerKind::Bolag, Some("556477-7851")),
        customer("STANGA", "AB Stångåstaden", CustomerKind::Bolag, Some("556041-6850")),
        customer("VISIT", "Visit Linköping & Co AB", CustomerKind::Bolag, None),
    ];
    Catalogue {
        customers: customers.into_iter().map(|customer| (customer.code.clone(), customer)).collect(),
        rates: vec![SurchargeRate {
            valid_from: month("2021-01"),
            rate: "0.03".parse().unwrap(),
            decision: "KS 2020-1".to_owned(),
            decided_by: "objektägare".to_owned(),
        }],
        ..seller()
    }
}

/// Meetings for a company, 0.48 kr per hour.
fn charge(customer: &str, quantity: &str, net: &str, surcharge: &str) -> Charge {
    let tariff = Tariff { service_name: "E-möten <video> & ljud".to_owned(), ..tariff("", "0.48", "") };
    let payer = Payer::of(&catalogue(), customer);
    Charge {
        quantity: Quantity::parse(quantity).unwrap(),
        gross: kronor(net),
        net: kronor(net),
        surcharge: kronor(surcharge),
        ..fixtures::charge((&payer.code, &payer.name, payer.kind), "B0100", tariff)
    }
}

/// The same usage of something else.
fn of(charge: Charge, [service, meter, class, unit]: [&str; 4], (price, model): (&str, &str)) -> Charge {
    let mut tariff = (*charge.tariff).clone();
    [tariff.service, tariff.meter, tariff.class, tariff.unit] =
        [service, meter, class, unit].map(str::to_owned);
    (tariff.service_name, tariff.meter_name) = ("Tjänsten".to_owned(), "Mätaren".to_owned());
    if let Some(terms) = &mut tariff.price {
        (terms.price, terms.model) = (price.parse().unwrap(), model.parse().unwrap());
    }
    Charge { tariff: Arc::new(tariff), ..charge }
}

/// The same, of which a part is financed jointly: `charge` has the net.
fn jointly(charge: Charge, joint: &str) -> Charge {
    let mut tariff = (*charge.tariff).clone();
    tariff.joint = Some(JointTerms {
        share: "0.5".parse().unwrap(),
        valid_from: month("2021-01"),
        phase: Phase::LongTermMaintenance,
        bearer: None,
        decision: "KS 2020-2".to_owned(),
    });
    let joint = kronor(joint);
    Charge { tariff: Arc::new(tariff), gross: charge.net + joint, joint, ..charge }
}

/// The same as a correction of a month in which so much was billed before.
fn correcting(charge: Charge, corrected: &str, before: &str, reason: Reason) -> Charge {
    let billed_before = Quantity::parse(before).unwrap();
    Charge { corrects: Some(month(corrected)), reason: Some(reason), billed_before, ..charge }
}

/// March 2021, closed on 6 April in Sweden although it is still 5 April in UTC.
fn bill(state: MonthState, charges: Vec<Charge>) -> Bill {
    let mut bill = Bill { rate_decision: "KS 2020-1".to_owned(), ..fixtures::bill(state, charges) };
    if let Some(frozen) = &mut bill.frozen {
        frozen.at = Instant::parse_rfc3339("2021-04-05T22:30:00Z").unwrap();
        bill.documents = documents(&bill.charges, 2_021_007);
    }
    bill
}

/// An invoice with all sorts of lines, a credit note, a company without a number, and an administration.
fn march(state: MonthState) -> Bill {
    let storage = ["lagring", "storage_gb", "", "GB"];
    let pages = ["skrivare", "page", "färg", "page"];
    let charges = vec![
        charge("KLF", "100", "48.00", "1.44"),
        // 100.5 h × 0.48 = 48.24; 50 GB × 1.15 = 57.50, half of it joint; a part of what packages cost together.
        charge("LEJON", "100.5", "48.24", "1.45"),
        jointly(of(charge("LEJON", "50", "28.75", "0.86"), storage, ("1.15", "")), "28.75"),
        of(charge("LEJON", "1234", "117.00", "3.51"), pages, ("9", "paket 100")),
        charge("STANGA", "10", "4.80", "0.14"),
        charge("VISIT", "10", "4.80", "0.14"),
        correcting(charge("LEJON", "1", "0.48", "0.01"), "2020-12", "0", Reason::Usage),
        correcting(charge("LEJON", "-40", "-19.20", "-0.58"), "2021-02", "100", Reason::Usage),
        correcting(
            jointly(of(charge("LEJON", "-10", "-5.75", "-0.17"), storage, ("1.15", "")), "-5.75"),
            "2021-02",
            "50",
            Reason::Payer,
        ),
        // 0.48 × 0.01 is 0.00; the difference of the rounded amounts is an öre.
        correcting(charge("LEJON", "0.01", "0.01", "0.00"), "2021-02", "7.5", Reason::Usage),
        correcting(charge("STANGA", "-100", "-48.00", "-1.44"), "2021-02", "250", Reason::Usage),
        correcting(
            of(charge("STANGA", "0", "9.00", "0.27"), pages, ("9", "paket 100")),
            "2021-02",
            "80",
            Reason::Spread,
        ),
    ];
    bill(state, charges)
}

fn earlier() -> EarlierDocuments {
    let issued = |number, on: &str| BTreeSet::from([Issued { number, on: on.parse().unwrap() }]);
    EarlierDocuments::from([
        ((month("2021-01"), "LEJON".to_owned()), issued(2_021_001, "2021-02-03")),
        ((month("2021-02"), "LEJON".to_owned()), issued(2_021_004, "2021-03-03")),
        ((month("2021-02"), "STANGA".to_owned()), issued(2_021_005, "2021-03-03")),
    ])
}

fn xml(bill: &Bill, catalogue: &Catalogue, document: &Document) -> String {
    String::from_utf8(peppol_document(bill, catalogue, &earlier(), document).unwrap()).unwrap()
}

/// The files of the zip file, in its order.
fn files(bill: &Bill, catalogue: &Catalogue) -> Vec<(String, String)> {
    let mut bytes = Vec::new();
    peppol(bill, catalogue, &earlier(), &mut bytes, &mut |_, _| {}).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let count = archive.len();
    let read = |at| {
        let mut file = archive.by_index(at).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        (file.name().unwrap().into_owned(), text)
    };
    (0..count).map(read).collect()
}

#[test]
fn an_invoice_and_a_credit_note_are_as_they_were_checked_by_the_validators() {
    let bill = march(MonthState::Closed);
    let catalogue = catalogue();
    let [invoice, credit_note, _] = &bill.documents[..] else { panic!("{:?}", bill.documents) };
    expect_file!["golden/invoice.xml"].assert_eq(&xml(&bill, &catalogue, invoice));
    expect_file!["golden/credit-note.xml"].assert_eq(&xml(&bill, &catalogue, credit_note));
}

#[test]
fn an_open_month_has_documents_that_say_that_they_are_none() {
    let bill = march(MonthState::Open);
    let files = files(&bill, &catalogue());
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["PRELIMINARY-LEJON.xml", "PRELIMINARY-STANGA.xml", JOURNAL]);
    expect_file!["golden/preliminary.xml"].assert_eq(&files[0].1);
    assert!(!files[0].1.contains("PaymentMeans"), "nobody pays what is preliminary");
}

#[test]
fn kronor_two_giros_and_f_tax_are_written_where_the_catalogue_says_so() {
    let mut catalogue = catalogue();
    catalogue.invoicing.plusgiro = Some("412411".to_owned());
    catalogue.invoicing.f_tax = true;
    catalogue.invoicing.rounds_to_kronor = true;
    let bill = march(MonthState::Closed);
    expect_file!["golden/kronor.xml"].assert_eq(&xml(&bill, &catalogue, &bill.documents[0]));
}

#[test]
fn whoever_cannot_get_one_stands_in_the_list() {
    let files = files(&march(MonthState::Closed), &catalogue());
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["2021007-LEJON.xml", "2021008-STANGA.xml", JOURNAL]);
    expect![[r#"
        nummer;typ;fakturadatum;förfallodatum;kund;namn;orgnr;netto;påslag;momssats;moms;öresutjämning;att betala;e-faktura;skäl
        2021007;faktura;2021-04-06;2021-05-06;LEJON;Lejonfastigheter AB;556477-7851;169,53;5,08;25 %;43,65;0,00;218,26;ja;
        2021008;kreditfaktura;2021-04-06;;STANGA;AB Stångåstaden;556041-6850;-34,20;-1,03;25 %;-8,81;0,00;-44,04;ja;
        2021009;faktura;2021-04-06;2021-05-06;VISIT;Visit Linköping & Co AB;;4,80;0,14;25 %;1,24;0,00;6,18;nej;"saknas i kunder.csv: orgnr; gata, postnummer, ort"
    "#]]
    .assert_eq(&files[2].1.replace("\r\n", "\n").replace('\u{feff}', ""));
    assert_eq!(files[2].1.matches("\r\n").count(), 4);
    let mut rounding = catalogue();
    rounding.invoicing.rounds_to_kronor = true;
    let list = &self::files(&march(MonthState::Closed), &rounding)[2].1;
    assert!(
        list.contains(";4,80;0,14;25 %;1,24;-0,18;6,00;nej;"),
        "what is paid ties out with its parts: {list}"
    );
}

#[test]
fn what_the_catalogue_lacks_is_named_with_its_file() {
    let bill = march(MonthState::Closed);
    let empty = Catalogue { invoicing: Invoicing::default(), ..catalogue() };
    let mut out = Vec::new();
    let error = peppol(&bill, &empty, &earlier(), &mut out, &mut |_, _| {}).unwrap_err();
    let wanted = "the catalogue lacks what invoices need: organisation.toml [faktura] momsnr; \
                  organisation.toml [faktura] bankgiro/plusgiro; organisation.toml [faktura.adress]; \
                  organisation.toml [faktura.kontakt]";
    assert_eq!((error.to_string().as_str(), out.len()), (wanted, 0));
    let error = peppol_document(&bill, &catalogue(), &earlier(), &bill.documents[2]).unwrap_err();
    let wanted = "the catalogue lacks what invoices need: kunder.csv VISIT: orgnr; \
                  kunder.csv VISIT: gata, postnummer, ort";
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn the_catalogue_of_linkoping_says_enough_of_the_seller_and_of_three_companies() {
    let catalogue = catalog::check(&catalog::linkoping()).unwrap().catalogue;
    assert!(Seller::of(&catalogue).is_ok());
    let companies = catalogue.customers.values().filter(|customer| customer.kind == CustomerKind::Bolag);
    let payers: Vec<_> = companies.map(|customer| Payer::of(&catalogue, &customer.code)).collect();
    let known = payers.iter().filter(|payer| Buyer::of(&catalogue, payer).is_ok());
    assert_eq!(known.map(|payer| payer.code.as_str()).collect::<Vec<_>>(), ["LEJON", "STADSH", "STANGA"]);
}

#[test]
fn documents_refer_to_those_of_the_months_that_they_correct() {
    let march = march(MonthState::Closed);
    assert_eq!(corrected_months(&march), BTreeSet::from([month("2020-12"), month("2021-02")]));
    let found: Vec<_> = earlier_documents([&march]).into_iter().collect();
    let on = "2021-04-06".parse().unwrap();
    let wanted = [
        ("2020-12", "LEJON", 2_021_007),
        ("2021-02", "LEJON", 2_021_007),
        ("2021-02", "STANGA", 2_021_008),
        ("2021-03", "LEJON", 2_021_007),
        ("2021-03", "STANGA", 2_021_008),
        ("2021-03", "VISIT", 2_021_009),
    ];
    let wanted = wanted.map(|(usage, code, number)| {
        ((month(usage), code.to_owned()), BTreeSet::from([Issued { number, on }]))
    });
    assert_eq!(found, wanted);
}

#[test]
fn what_was_corrected_before_is_corrected_with_its_correction() {
    let usage = charge("LEJON", "100", "48.00", "1.44");
    let mut february = bill(MonthState::Closed, vec![Charge { month: month("2021-02"), ..usage }]);
    february.month = month("2021-02");
    february.documents[0].number = 2_021_001;
    let correction = correcting(charge("LEJON", "-10", "-4.80", "-0.14"), "2021-02", "100", Reason::Usage);
    let march = bill(MonthState::Closed, vec![correction.clone()]);
    let mut april = bill(MonthState::Closed, vec![Charge { month: month("2021-04"), ..correction }]);
    april.month = month("2021-04");
    let earlier = earlier_documents([&february, &march]);
    let note = peppol_document(&april, &catalogue(), &earlier, &april.documents[0]).unwrap();
    let note = String::from_utf8(note).unwrap();
    let referred: Vec<&str> = note.split("<cac:InvoiceDocumentReference>").skip(1).collect();
    assert_eq!(referred.len(), 2, "{note}");
    assert!(
        referred[0].contains("<cbc:ID>2021001</cbc:ID>") && referred[1].contains("<cbc:ID>2021007</cbc:ID>")
    );
}

#[test]
fn progress_is_told_and_the_bytes_are_the_same_every_time() {
    let bill = march(MonthState::Closed);
    let made = || {
        let (mut out, mut seen) = (Vec::new(), Vec::new());
        peppol(&bill, &catalogue(), &earlier(), &mut out, &mut |done, total| seen.push((done, total)))
            .unwrap();
        assert_eq!(seen, [(7, 12), (10, 12), (11, 12)]);
        out
    };
    let first = made();
    assert_eq!(made(), first);
    // No clock is read for it: the zip file's own times are its format's zero, 1980-01-01.
    assert_eq!(first[..4], *b"PK\x03\x04");
    assert_eq!(first[10..14], [0, 0, 0x21, 0]);
}
