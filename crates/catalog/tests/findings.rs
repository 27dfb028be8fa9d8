//! Every kind of mistake is found in the file and on the line where it stands, and nothing else with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

#[path = "findings/cases.rs"]
mod cases;
#[path = "findings/changes.rs"]
mod changes;

use std::collections::BTreeSet;
use std::path::PathBuf;

use catalog::{Code, Files, Finding, Language, Severity, check};
use domain::catalogue::{Address, Contact, Invoicing};

use cases::{COSTCENTRES, CSV_CASES, Case, PRICES, TOML_CASES};

fn tiny() -> Files {
    Files::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tiny")).unwrap()
}

fn edited(file: &str, old: &str, new: &str) -> Files {
    let mut files = tiny();
    let text = String::from_utf8(files.get(file).unwrap().to_vec()).unwrap();
    assert!(text.contains(old), "{file} has no {old:?}");
    files.insert(file, text.replacen(old, new, 1));
    files
}

fn all_findings(files: &Files) -> Vec<Finding> {
    match check(files) {
        Ok(checked) => checked.warnings,
        Err(findings) => findings,
    }
}

/// What is found besides that the tiny catalogue says nothing of the seller.
fn findings(files: &Files) -> Vec<Finding> {
    let mut found = all_findings(files);
    found.retain(|finding| finding.code != Code::SellerIncomplete);
    found
}

fn line_of(files: &Files, file: &str, needle: &str) -> Option<u32> {
    if needle.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(files.get(file).unwrap()).into_owned();
    let hits: Vec<u32> =
        (1..).zip(text.split('\n')).filter(|(_, l)| l.contains(needle)).map(|(n, _)| n).collect();
    assert_eq!(hits.len(), 1, "{needle:?} must stand on one line of {file}");
    hits.first().copied()
}

/// What the case gives instead, when that is not exactly its finding.
fn mismatch(case: &Case) -> Option<String> {
    let files = edited(case.file, case.old, case.new);
    let found = findings(&files);
    let rendered: Vec<String> = found.iter().map(ToString::to_string).collect();
    let places: Vec<_> = found.iter().map(|f| (f.code, f.file.as_str(), f.line)).collect();
    let want = (case.code, case.file, line_of(&files, case.file, case.line));
    (places != [want]).then(|| {
        format!(
            "{want:?}, but
  {}",
            rendered.join(
                "
  "
            )
        )
    })
}

#[test]
fn every_mistake_in_toml_is_found_on_its_line_and_alone() {
    let mismatches: Vec<_> = TOML_CASES.iter().filter_map(mismatch).collect();
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[test]
fn every_mistake_in_csv_is_found_on_its_line_and_alone() {
    let mismatches: Vec<_> = CSV_CASES.iter().filter_map(mismatch).collect();
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

/// The closing rules and the first number when these lines stand in the file of the organisation.
fn closes_with(lines: &str) -> (bool, u16, u16, u64) {
    let files = edited("organisation.toml", "[produkt.U]", &format!("{lines}\n[produkt.U]"));
    let catalogue = check(&files).unwrap().catalogue;
    let rules = catalogue.closing;
    (rules.four_eyes, rules.window_days, rules.window_days_december, catalogue.invoicing.first_number)
}

#[test]
fn what_closing_requires_is_read_and_nothing_is_required_without() {
    assert_eq!(closes_with(""), (false, 0, 0, 1));
    assert_eq!(closes_with("[stangning]\nvantetid_dagar = 5"), (false, 5, 5, 1));
    let all = "[stangning]\nfyra_ogon = true\nvantetid_dagar = 5\nvantetid_dagar_december = 20\n[faktura]\nforsta_nummer = 2021001";
    assert_eq!(closes_with(all), (true, 5, 20, 2_021_001));
}

#[test]
fn what_invoices_say_of_seller_and_buyer_is_read_and_nothing_is_required() {
    let plain = check(&tiny()).unwrap().catalogue;
    assert_eq!(plain.invoicing, Invoicing::default());
    assert_eq!((&plain.customers["BOLAG"].reference, &plain.customers["BOLAG"].address), (&None, &None));

    let lines = "[faktura]\nmomsnr = \"SE212000044901\"\nmomssats = 12\nbankgiro = \"991-2346\"\nplusgiro = \"4 12 41-1\"\n\
                 betalningsvillkor_dagar = 20\nfskatt = true\noresutjamning = true\n\
                 adress = { gata = \"Storgatan 1\", postnummer = \"58181\", ort = \"Provstad\" }\n\
                 kontakt = { funktion = \"Reskontra\", epost = \"r.k@prov.se\", telefon = \"+46 13-20 60 00\" }\n\n[produkt.U]";
    let mut files = edited("organisation.toml", "[produkt.U]", lines);
    let buyers = "kod;namn;slag;orgnr;referens;gata;postnummer;ort\nSKOLA;Skolan;forvaltning;;;;;\n\
                  BOLAG;Bolaget AB;bolag;556477-7851;REF 7;Box 2;582 00;Provstad\n";
    files.insert("kunder.csv", buyers);
    let catalogue = check(&files).unwrap().catalogue;
    let address = |street: &str, postcode: &str| {
        let (street, postcode) = (street.to_owned(), postcode.to_owned());
        Some(Address { street, postcode, city: "Provstad".to_owned(), country: "SE".to_owned() })
    };
    let contact = Contact {
        function: "Reskontra".to_owned(),
        email: "r.k@prov.se".to_owned(),
        telephone: "+46 13-20 60 00".to_owned(),
    };
    let invoicing = Invoicing {
        first_number: 1,
        vat_number: Some("SE212000044901".to_owned()),
        vat_percent: 12,
        bankgiro: Some("9912346".to_owned()),
        plusgiro: Some("412411".to_owned()),
        terms_days: 20,
        f_tax: true,
        rounds_to_kronor: true,
        address: address("Storgatan 1", "581 81"),
        contact: Some(contact),
    };
    assert_eq!(catalogue.invoicing, invoicing);
    let buyer = &catalogue.customers["BOLAG"];
    assert_eq!((buyer.reference.as_deref(), &buyer.address), (Some("REF 7"), &address("Box 2", "582 00")));

    let told: Vec<_> = catalog::diff(&plain, &catalogue).iter().map(ToString::to_string).collect();
    let want = ["~ faktura: momsnr – → SE212000044901; momssats, % 25 → 12; bankgiro – → 9912346; \
         plusgiro – → 412411; betalningsvillkor, dagar 30 → 20; F-skatt false → true; öresutjämning false → true; \
         adress – → Storgatan 1, 581 81 Provstad, SE; kontakt – → Reskontra, r.k@prov.se, +46 13-20 60 00"];
    assert_eq!(told[..1], want);
}

#[test]
fn what_invoices_and_vouchers_lack_is_told_before_a_month_is_closed_without_it() {
    let lacks = |files: &Files| -> Vec<String> {
        let found = all_findings(files).into_iter();
        let found = found.filter(|of| matches!(of.code, Code::SellerIncomplete | Code::NoPostings));
        found.map(|finding| finding.render(Language::English)).collect()
    };
    let advice = "before a month is closed: a closed month keeps its catalogue";
    let seller = format!(
        "organisation.toml: warning: companies cannot get electronic invoices: [faktura] momsnr, [faktura] \
         bankgiro/plusgiro, [faktura.adress], [faktura.kontakt] is missing — advice: fill it in {advice} \
         [seller_incomplete]"
    );
    let mut files = tiny();
    assert_eq!(lacks(&files), [seller.as_str()]);
    files.insert("kunder.csv", "kod;namn;slag;orgnr\nSKOLA;Skolförvaltningen;forvaltning;\n");
    assert_eq!(lacks(&files), [] as [&str; 0], "nobody is invoiced");
    files.remove("kontering.toml");
    let vouchers = format!(
        "kontering.toml: warning: the file is missing: months cannot be booked by SIE — advice: write it {advice} \
         [no_postings]"
    );
    assert_eq!(lacks(&files), [vouchers]);
    assert_eq!(lacks(&catalog::linkoping()), [] as [&str; 0]);
}

#[test]
fn files_that_are_missing_unknown_or_no_text_are_named() {
    let mut files = tiny();
    files.remove("paslag.toml");
    files.insert("prisr.csv", "x");
    let mut spoiled = files.get("kallor.toml").unwrap().to_vec();
    spoiled.extend(b"# rad 8\n# K\xE4lla\n");
    files.insert("kallor.toml", spoiled);
    files.insert("volymer.csv", b"\xFF\xFEt\0j\0".to_vec());
    let found = findings(&files);
    let places: Vec<_> = found.iter().map(|f| (f.code, f.file.as_str(), f.line)).collect();
    let want = [
        (Code::Undecodable, "kallor.toml", Some(9)),
        (Code::MissingFile, "paslag.toml", None),
        (Code::UnknownFile, "prisr.csv", None),
        (Code::Undecodable, "volymer.csv", Some(1)),
    ];
    assert_eq!(places, want);
    assert_eq!(found[2].fix.get(Language::Swedish), "menades priser.csv?");
}

#[test]
fn every_code_has_a_case() {
    let mut tested: BTreeSet<Code> = TOML_CASES.iter().chain(CSV_CASES).map(|case| case.code).collect();
    // These have tests of their own.
    tested.extend([Code::MissingFile, Code::UnknownFile, Code::Undecodable]);
    tested.extend([Code::MeterChanged, Code::ClosedMonthChanged, Code::SellerIncomplete, Code::NoPostings]);
    let untested: Vec<_> = Code::ALL.iter().filter(|code| !tested.contains(code)).collect();
    assert!(untested.is_empty(), "{untested:?}");
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
}

#[test]
fn all_findings_come_at_once_in_the_order_of_files_and_lines() {
    let mut files = tiny();
    for case in TOML_CASES.iter().chain(CSV_CASES) {
        let text = String::from_utf8(files.get(case.file).unwrap().to_vec()).unwrap();
        files.insert(case.file, text.replacen(case.old, case.new, 1));
    }
    let found = findings(&files);
    assert!(found.len() > 25, "{}", found.len());
    assert!(found.iter().any(|f| f.severity() == Severity::Error));
    let places: Vec<_> = found.iter().map(|f| (f.file.clone(), f.line)).collect();
    assert!(places.is_sorted());
}

#[test]
fn a_finding_reads_well_in_both_languages() {
    let files = edited(PRICES, "0,48", "-0,48");
    let found = findings(&files);
    assert_eq!(
        found[0].render(Language::Swedish),
        "priser.csv:5: pris: priset -0,48 är negativt — rätta: skriv ett pris från 0 och uppåt [negative_price]"
    );
    assert_eq!(
        found[0].render(Language::English),
        "priser.csv:5: pris: the price -0,48 is negative — fix: write a price of 0 or more [negative_price]"
    );
}

/// As Swedish Excel saves it: Windows-1252, CRLF, comments split into cells and quoted.
#[test]
fn what_excel_has_saved_reads_the_same() {
    let plain = check(&tiny()).unwrap();
    let mut files = tiny();
    for file in [PRICES, COSTCENTRES, "kunder.csv", "volymer.csv"] {
        let text = String::from_utf8(files.get(file).unwrap().to_vec()).unwrap();
        let text = format!("\"# rubrik \"\"så\"\"; här\";;;;;\n\n{text};;;;\n").replace('\n', "\r\n");
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        files.insert(file, bytes);
    }
    let saved = check(&files).unwrap();
    assert_eq!(saved.catalogue.prices, plain.catalogue.prices);
    assert_eq!(saved.catalogue.costcentres, plain.catalogue.costcentres);
    assert_eq!(saved.catalogue.customers, plain.catalogue.customers);
    assert_eq!(saved.catalogue.volumes, plain.catalogue.volumes);

    let comma =
        "kod,namn,slag,orgnr\nSKOLA,\"Skolor, alla\",Förvaltning,\nBOLAG,Bolaget AB,bolag,556477-7851\n";
    files.insert("kunder.csv", format!("\u{feff}{comma}"));
    assert_eq!(check(&files).unwrap().catalogue.customers["SKOLA"].name, "Skolor, alla");
}

/// Whatever people leave out by mistake, the check answers.
#[test]
fn a_catalogue_without_any_one_line_is_judged_without_a_panic() {
    for (file, bytes) in tiny().iter() {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        for left_out in 0..text.lines().count() {
            let mut files = tiny();
            let kept = text.lines().enumerate().filter(|(at, _)| *at != left_out).map(|(_, line)| line);
            files.insert(file, kept.collect::<Vec<_>>().join("\n"));
            let refused =
                check(&files).is_err_and(|found| found.iter().all(|f| f.severity() == Severity::Warning));
            assert!(!refused, "{file} without line {}: refused for warnings alone", left_out + 1);
        }
        for length in 0..bytes.len() {
            let mut files = tiny();
            files.insert(file, &bytes[..length]);
            _ = check(&files);
        }
    }
}
