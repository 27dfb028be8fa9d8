//! What each file of a package comes to, read from its own bytes.

use std::io::Cursor;
use std::path::Path;

use calamine::{Data, Reader, Xlsx};
use rust_decimal::Decimal;

use super::sie;

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// Σ net + surcharge of a CSV file.
pub(super) fn csv(file: &[u8], delimiter: u8) -> Decimal {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|field| field == name).unwrap();
    let (net, surcharge) = (at("net"), at("surcharge"));
    let amount = |text: &str| decimal(&text.replace(',', "."));
    reader.records().map(Result::unwrap).map(|row| amount(&row[net]) + amount(&row[surcharge])).sum()
}

/// Σ BilledCost of a FOCUS file.
pub(super) fn focus(file: &[u8]) -> Decimal {
    let mut reader = ::csv::Reader::from_reader(file);
    let at = reader.headers().unwrap().iter().position(|field| field == "BilledCost").unwrap();
    reader.records().map(Result::unwrap).map(|row| decimal(&row[at])).sum()
}

/// Σ net + surcharge of the sheets of lines and corrections.
pub(super) fn xlsx(file: Vec<u8>) -> Decimal {
    let mut workbook = Xlsx::new(Cursor::new(file)).unwrap();
    let mut sum = Decimal::ZERO;
    for sheet in ["Rader", "Rättelser"] {
        let range = workbook.worksheet_range(sheet).unwrap();
        let mut rows = range.rows();
        let titles: Vec<String> = rows.next().unwrap().iter().map(ToString::to_string).collect();
        let of = |name: &str| titles.iter().position(|title| title == name).unwrap();
        let columns = [of("Netto, kr"), of("Påslag, kr")];
        for row in rows {
            for column in columns {
                let Data::Float(number) = row[column] else { panic!("{:?} is no number", row[column]) };
                sum += decimal(&format!("{number:.2}"));
            }
        }
    }
    sum
}

/// Σ of the payers' accounts, which begin with 7 in Linköping's catalogue; every voucher sums to nothing.
pub(super) fn vouchers(file: &[u8]) -> Decimal {
    let accounts = sie::read(file).unwrap();
    accounts.iter().filter(|(number, _)| number.to_string().starts_with('7')).map(|(_, sum)| *sum).sum()
}

/// Σ of all documents without VAT, credit notes negative, those to be invoiced by hand among them.
pub(super) fn documents(directory: &Path) -> Decimal {
    let mut sum = Decimal::ZERO;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let mut reader = ::csv::ReaderBuilder::new()
                .delimiter(b';')
                .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
            for row in reader.records().map(Result::unwrap).filter(|row| &row[13] == "nej") {
                sum += [7, 8].map(|column| decimal(&row[column].replace(',', "."))).iter().sum::<Decimal>();
            }
            continue;
        }
        let amount = text.split("<cbc:TaxExclusiveAmount currencyID=\"SEK\">").nth(1).unwrap();
        let amount = decimal(amount.split('<').next().unwrap());
        sum += if text.contains("<CreditNote") { -amount } else { amount };
    }
    sum
}
