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
        785f16a0e0f0d4341a044dac7ed3e455fc9be199baa04f89e41a7aef91aa544e underlag-2021-03.xlsx
        c46c5fb85505973c5920de35f60523bf804faaf146035f60be98f7c12ab1593a rader-2021-03.csv
        a3b7b8f4ae0a290b7d0e6d5cb9d77089bb4b5cfc6582946226922481ed19597e rader-excel-2021-03.csv
        add121dc2c4050f56710e001cfe2c89d4353d2311c04e09976a94984b0402596 focus-2021-03.csv
        c07c39906336d4edc31686c9d104c163ac5f96ef9629ef94a953b5a316542337 kontering-2021-03.si
        f363632eb62aa0ba8125e0c2ead52d7f445ef9e7ab9d30458f4ca50fd2c0053d fakturor/17-LEJON.xml
        078f799f82cd755291e7f51f3a62f30935c88b8740e04afb6a19e20e2481ebdd fakturor/fakturajournal.csv
        77b565d50141a78c417854d4ed71e049e95aee4470ad781bf7c85205e199d1cf specifikation/KLF-2021-03.xlsx
        912c506a576bfc056c4d9a0ec00d1b39eb60c6a1a4abcd22b4e9511f88b1a8ba specifikation/LEJON-2021-03.xlsx
        6a2a8b8330256de3a687c0b7ba59f6b95a62898847931a0c744bbfb0ff46b58a specifikation/UAF-2021-03.xlsx
        c022a6ff3b47d0c236774d1505a74c29c7c02e9a13d2c79172041dfc637ff45a manifest.json
        2d9d50b9db4228542217a442c5194d8d023e54760e1e58b03584bc2708108fea package.zip
    "#]]
    .assert_eq(&sums);
    assert_eq!(manifest(&material, &mut |_, _| ()).unwrap().left_out, []);
}
