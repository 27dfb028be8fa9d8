//! The bytes of a small package, for ever.

use domain::catalogue::{Catalogue, Customer};
use domain::event::CustomerKind;
use domain::financing::Payers;
use domain::posting::{DimensionValue, LineKind, PostingDimension, PostingMap, PostingRule};
use expect_test::expect;

use super::*;
use crate::export::fixtures::{address, seller};

/// All that vouchers and invoices need, and that no edit of a real catalogue changes.
fn catalogue() -> Catalogue {
    let lejon = Customer {
        code: "LEJON".to_owned(),
        name: "Lejonfastigheter AB".to_owned(),
        kind: CustomerKind::Bolag,
        number: Some("556477-7851".to_owned()),
        reference: None,
        address: address("Exempelgatan 1"),
    };
    let rule = |kind, debit: &str, credit: &str| PostingRule {
        kind,
        payers: Payers::All,
        service: None,
        debit_account: debit.to_owned(),
        credit_account: credit.to_owned(),
        debit: Default::default(),
        credit: Default::default(),
    };
    let responsible = PostingDimension {
        name: "Ansvar".to_owned(),
        debit: Some(DimensionValue::CostCentre),
        credit: Some(DimensionValue::Fixed("900100".to_owned())),
        codes: Default::default(),
    };
    Catalogue {
        customers: [(lejon.code.clone(), lejon)].into(),
        posting: PostingMap {
            series: "LK".to_owned(),
            dimensions: [(1, responsible)].into(),
            rules: vec![rule(LineKind::Service, "7510", "3910"), rule(LineKind::Surcharge, "7520", "3920")],
            ..PostingMap::default()
        },
        ..seller()
    }
}

/// A closed month must be packed to the same bytes for as long as it is kept, because that is what `export verify` holds an
/// old package to.
///
/// Whoever has to change this makes packages that were pulled before impossible to make again: then their format needs a
/// version, which the close records and the old one stays for. That goes for a changed writer, and for another version of
/// the libraries that make workbooks and zip files.
#[test]
fn the_package_of_a_closed_month_is_these_bytes() {
    let material = Material { catalogue: Arc::new(catalogue()), ..material(MonthState::Closed) };
    let package = packed(&material);
    let mut sums = String::new();
    for (name, bytes) in unpacked(&package).iter().chain([&("package.zip".to_owned(), package.clone())]) {
        sums += &format!("{} {name}\n", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)));
    }
    expect![[r#"
        5a50b3830d22a042948e006023d329fe9c8eaa700a3c4c01755aaf2c6ddf2b73 underlag-2021-03.xlsx
        c46c5fb85505973c5920de35f60523bf804faaf146035f60be98f7c12ab1593a rader-2021-03.csv
        a3b7b8f4ae0a290b7d0e6d5cb9d77089bb4b5cfc6582946226922481ed19597e rader-excel-2021-03.csv
        add121dc2c4050f56710e001cfe2c89d4353d2311c04e09976a94984b0402596 focus-2021-03.csv
        c07c39906336d4edc31686c9d104c163ac5f96ef9629ef94a953b5a316542337 kontering-2021-03.si
        f363632eb62aa0ba8125e0c2ead52d7f445ef9e7ab9d30458f4ca50fd2c0053d fakturor/17-LEJON.xml
        b130b6ebe6b48c6adb394b3c55e515aa4a7f25900ec0ba74a8fc1bc1ae1a3941 fakturor/ej-e-faktura.csv
        0a10673f18e85f9348f0cedc10469ba281bac341990a8f52a5e30c3a26aa00c6 specifikation/KLF-2021-03.xlsx
        aceb8e1d3a03865ffcb6a37578c9bbd967fd5da3134086e9db0d1bcb69f55042 specifikation/LEJON-2021-03.xlsx
        f4b95a545ee89072de5c999d47ebe1ff353c23d6e5088adc4ae2c998e346c220 specifikation/UAF-2021-03.xlsx
        333b655f9109f6d32faef077fe0bd3cbc2d7e369ee984d9968c8bb910a16b1c2 manifest.json
        a2364683f6a7eb6be25e8ff09428cd393eed8d65c8c9d35355f9b4bd8df823a6 package.zip
    "#]]
    .assert_eq(&sums);
    assert_eq!(manifest(&material, &mut |_, _| ()).unwrap().left_out, []);
}
