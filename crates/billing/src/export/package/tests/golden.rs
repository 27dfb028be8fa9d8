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
/// the libraries that make workbooks and zip files. As long as no version was released, nobody keeps such a package.
#[test]
fn the_package_of_a_closed_month_is_these_bytes() {
    let material = Material { catalogue: Arc::new(catalogue()), ..material(MonthState::Closed) };
    let package = packed(&material);
    let mut sums = String::new();
    for (name, bytes) in unpacked(&package).iter().chain([&("package.zip".to_owned(), package.clone())]) {
        sums += &format!("{} {name}\n", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)));
    }
    expect![[r#"
        1fe52f92b646a6b1b0f354095df7330a68844ad108897668eb560a830206888e underlag-2021-03.xlsx
        c46c5fb85505973c5920de35f60523bf804faaf146035f60be98f7c12ab1593a rader-2021-03.csv
        a3b7b8f4ae0a290b7d0e6d5cb9d77089bb4b5cfc6582946226922481ed19597e rader-excel-2021-03.csv
        add121dc2c4050f56710e001cfe2c89d4353d2311c04e09976a94984b0402596 focus-2021-03.csv
        c07c39906336d4edc31686c9d104c163ac5f96ef9629ef94a953b5a316542337 kontering-2021-03.si
        f363632eb62aa0ba8125e0c2ead52d7f445ef9e7ab9d30458f4ca50fd2c0053d fakturor/17-LEJON.xml
        078f799f82cd755291e7f51f3a62f30935c88b8740e04afb6a19e20e2481ebdd fakturor/fakturajournal.csv
        0329a17015eb84ab84fa0bae3d31d97ae57654add9966680fc1c0565558ef75c specifikation/KLF-2021-03.xlsx
        d8e44877aa5f3dab7de22c8245f49bfdb3bce3fb168e3c85398de8708316851a specifikation/LEJON-2021-03.xlsx
        a40b806b0dec4db05bdbf73e5df6dddd8d0ac35e60132e4b9d55f6f0f2f4292a specifikation/UAF-2021-03.xlsx
        e8a8617c6f91f73701a7229c2716e3ecc61dc38a55ca036a2740dfc19d678a92 manifest.json
        2ffd512d0d3e3bc3cf03b9f59c785aa641675c5b10cddf6ed3387e2c70664a2a package.zip
    "#]]
    .assert_eq(&sums);
    assert_eq!(manifest(&material, &mut |_, _| ()).unwrap().left_out, []);
}
