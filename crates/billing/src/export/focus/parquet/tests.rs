use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use bytes::Bytes;
use proptest::prelude::*;

use super::super::tests::{any_charges, catalogue, charges};
use super::*;
use crate::bill::MonthState;
use crate::export::fixtures::bill;

fn written(bill: &Bill) -> Bytes {
    let mut out = Vec::new();
    focus_parquet(bill, &catalogue(), &mut out, &mut |_, _| {}).unwrap();
    Bytes::from(out)
}

/// Every cell as the CSV has it: texts with its guard against formulas, as what was guarded cannot be told from the guarded
/// text alone.
fn cells(file: Bytes) -> Vec<Vec<(String, String)>> {
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let cell = |(name, field): (&String, &Field)| (name.clone(), shown(field));
    rows.map(|row| row.unwrap().get_column_iter().map(cell).collect()).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the schema has four types")]
fn shown(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => crate::export::csv::text(text.as_str()).into_owned(),
        Field::TimestampMicros(micros) => domain::Instant::from_micros(*micros).to_string(),
        Field::Decimal(decimal) => {
            let mut unscaled = i128::from_be_bytes(decimal.data().try_into().unwrap());
            let mut scale = decimal.scale().unsigned_abs();
            // Trailing zeros could take more digits than the type of the test holds.
            while scale > 0 && unscaled % 10 == 0 {
                (unscaled, scale) = (unscaled / 10, scale - 1);
            }
            super::super::number(Decimal::try_from_i128_with_scale(unscaled, scale).unwrap())
        }
        other => panic!("{other:?} is no type of this export"),
    }
}

fn csv_cells(bill: &Bill) -> Vec<Vec<(String, String)>> {
    let mut out = Vec::new();
    super::super::focus(bill, &catalogue(), &mut out, &mut |_, _| {}).unwrap();
    let mut reader = ::csv::Reader::from_reader(out.as_slice());
    let names = reader.headers().unwrap().clone();
    let cells = |row: ::csv::StringRecord| {
        names.iter().zip(row.iter()).map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    };
    reader.records().map(|row| cells(row.unwrap())).collect()
}

#[test]
fn it_has_the_cells_of_the_csv_and_the_same_bytes_every_time() {
    for state in [MonthState::Closed, MonthState::Open] {
        let bill = bill(state, charges());
        let file = written(&bill);
        assert_eq!(cells(file.clone()), csv_cells(&bill));
        assert_eq!(file, written(&bill));
    }
}

#[test]
fn a_text_like_a_formula_stands_as_it_is() {
    let reader = SerializedFileReader::new(written(&bill(MonthState::Closed, charges()))).unwrap();
    let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    let name = row.get_column_iter().find(|(name, _)| *name == "x_SubAccountName").map(|(_, field)| field);
    assert_eq!(name, Some(&Field::Str("=Åsö \"café\"".to_owned())));
}

#[test]
fn nothing_in_the_file_depends_on_the_version_of_the_library() {
    let reader = SerializedFileReader::new(written(&bill(MonthState::Closed, charges()))).unwrap();
    assert_eq!(reader.metadata().file_metadata().created_by(), Some("taxameter"));
    for column in reader.metadata().row_group(0).columns() {
        assert_eq!(column.compression(), Compression::UNCOMPRESSED);
    }
}

#[test]
fn a_number_that_its_type_cannot_hold_is_none() {
    for (value, scale, wanted) in
        [("1.50", 2, Some(150)), ("-0.01", 2, Some(-1)), ("0.001", 2, None), ("0", 12, Some(0))]
    {
        assert_eq!(unscaled(value.parse().unwrap(), scale), wanted, "{value}");
    }
    assert_eq!(unscaled(Decimal::MAX, 12), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_random_month_has_the_cells_of_its_csv(charges in any_charges()) {
        let bill = bill(MonthState::Closed, charges);
        prop_assert_eq!(cells(written(&bill)), csv_cells(&bill));
    }
}
