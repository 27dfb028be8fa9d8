mod golden;

use std::io::{Cursor, Read};
use std::sync::Arc;

use domain::event::CustomerKind;
use domain::rating::Payer;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::*;
use crate::export::fixtures::bill;
use crate::export::tests::charge;

/// A month of two administrations and a company, with a correction.
fn material(state: MonthState) -> Material {
    let of = |code: &str, kind, corrects| {
        let mut made = charge(code, "", corrects);
        made.customer = Arc::new(Payer { code: code.to_owned(), name: code.to_owned(), kind });
        made
    };
    let charges = vec![
        of("KLF", CustomerKind::Forvaltning, None),
        of("LEJON", CustomerKind::Bolag, None),
        of("UAF", CustomerKind::Forvaltning, None),
        of("KLF", CustomerKind::Forvaltning, Some("2021-02")),
    ];
    Material {
        bill: Arc::new(bill(state, charges)),
        catalogue: Arc::new(catalog::check(&catalog::linkoping()).unwrap().catalogue),
        earlier: Default::default(),
        blockers: Vec::new(),
    }
}

fn packed(material: &Material) -> Vec<u8> {
    let mut out = Vec::new();
    let mut seen = Vec::new();
    package(material, &mut out, &mut |made, total| seen.push((made, total))).unwrap();
    let total = seen.len();
    assert_eq!(seen, (1..=total).map(|made| (made, total)).collect::<Vec<_>>());
    out
}

fn unpacked(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

#[test]
fn the_manifest_names_every_file_with_its_hash_and_what_it_comes_to() {
    let material = material(MonthState::Closed);
    let files = unpacked(&packed(&material));
    let (last, json) = files.last().unwrap();
    assert_eq!(last, MANIFEST);
    let told: Manifest = serde_json::from_slice(json).unwrap();
    assert_eq!(told, manifest(&material, &mut |_, _| ()).unwrap());
    assert_eq!(told.files.len(), files.len() - 1);
    for (file, (name, bytes)) in told.files.iter().zip(&files) {
        assert_eq!((&file.name, file.bytes), (name, bytes.len()));
        assert_eq!(file.sha256, data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)));
    }
    let billed = |name: &str| &told.files.iter().find(|file| file.name == name).unwrap().billed;
    // Four lines of −114.19 − 3.43; three of them are booked internally.
    assert_eq!(billed("rader-2021-03.csv"), "-470.48");
    assert_eq!(billed("kontering-2021-03.si"), "-352.86");
    assert_eq!(billed("specifikation/KLF-2021-03.xlsx"), "-235.24");
    assert_eq!(told.totals.billed, "-470.48");
    assert_eq!((told.state.as_str(), told.lines), ("closed", 4));
    assert_eq!(told.anchor.as_deref(), Some(format!("7:{}", "cd".repeat(32)).as_str()));
}

#[test]
fn a_closed_month_is_packed_to_the_same_bytes_every_time() {
    let material = material(MonthState::Closed);
    assert_eq!(packed(&material), packed(&material));
}

#[test]
fn what_is_not_closed_says_so_in_its_names_and_its_manifest() {
    let told = manifest(&material(MonthState::Preliminary), &mut |_, _| ()).unwrap();
    assert_eq!((told.state.as_str(), &told.hash), ("preliminary", &None));
    assert!(told.files.iter().all(|file| file.name.contains("-preliminary")), "{:?}", told.files);
}

#[test]
fn what_a_month_cannot_be_had_as_is_left_out_with_the_reason() {
    let mut material = material(MonthState::Closed);
    material.catalogue = Arc::default();
    let told = manifest(&material, &mut |_, _| ()).unwrap();
    let left: Vec<_> = told.left_out.iter().map(|left| left.name.as_str()).collect();
    assert_eq!(left, ["kontering-2021-03.si", "fakturor-2021-03"]);
    assert!(told.files.iter().any(|file| file.name == "fakturor/fakturajournal.csv"), "{:?}", told.files);
    assert!(told.left_out[0].reason.contains("kontering.toml"), "{:?}", told.left_out);
}

/// What `schemas/exports/manifest.schema.json` finds wrong with a manifest.
fn faults(told: &Manifest) -> Vec<String> {
    let schema = include_str!("../../../../../schemas/exports/manifest.schema.json");
    let schema = serde_json::from_str(schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let told = serde_json::from_slice(&told.to_json()).unwrap();
    validator.iter_errors(&told).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

#[test]
fn every_manifest_is_as_its_schema_says() {
    for state in [MonthState::Open, MonthState::Preliminary, MonthState::Closed] {
        let mut material = material(state);
        let whole = manifest(&material, &mut |_, _| ()).unwrap();
        material.catalogue = Arc::default();
        let lacking = manifest(&material, &mut |_, _| ()).unwrap();
        assert!(!lacking.left_out.is_empty());
        for told in [&whole, &lacking] {
            assert_eq!(faults(told), [] as [&str; 0]);
        }
        let wrong = [
            Manifest { hash: None, state: "closed".to_owned(), ..whole.clone() },
            Manifest { hash: Some("ab".repeat(32)), state: "open".to_owned(), ..whole.clone() },
            Manifest { month: "2021-13".to_owned(), ..whole.clone() },
            Manifest { anchor: Some("7".to_owned()), ..whole },
        ];
        for told in &wrong {
            assert!(!faults(told).is_empty(), "{told:?}");
        }
    }
}

#[test]
fn a_file_that_does_not_tie_out_is_no_file() {
    let money = domain::Money::from_ore;
    assert_eq!(tied_out("sie", money(5), money(5)).unwrap(), money(5));
    let error = tied_out("sie", money(5), money(6)).unwrap_err();
    assert_eq!(error.to_string(), "the sie export comes to 0.05 instead of 0.06");
}
