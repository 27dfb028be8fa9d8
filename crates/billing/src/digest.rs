//! The hash of a frozen month: SHA-256 over a canonical text of everything that was frozen.
//!
//! The text is UTF-8, one record a line, fields separated by tabs, in this order: what was frozen on which terms, the
//! totals, then every charge with its terms; a price with a model has it behind it, after a space, and so has a phase who
//! bears the joint part instead of the object. It never changes: another form would be another version in its first line.

use std::fmt::Write as _;

use domain::Money;
use domain::charge::{Charge, Totals};
use sha2::{Digest as _, Sha256};

use crate::bill::Bill;

/// The first line's version.
const FORM: &str = "taxameter month 1";

/// The hash of a month that was frozen at a cut: 64 hexadecimal digits. Only what is frozen enters it.
pub(crate) fn digest(bill: &Bill, cut: Option<u64>) -> String {
    let mut hasher = Sha256::new();
    let mut line = String::new();
    let rate = bill.rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
    let cut = cut.map_or_else(|| "-".to_owned(), |cut| cut.to_string());
    let head = [FORM, &bill.month.to_string(), &bill.catalogue, &cut, &rate, &bill.rate_decision];
    push(&mut line, head.map(str::to_owned));
    let Totals { gross, joint, net, surcharge } = bill.totals;
    push(&mut line, [bill.charges.len().to_string()]);
    push(&mut line, [gross, joint, net, surcharge].map(|amount: Money| amount.to_string()));
    hasher.update(line.as_bytes());
    for charge in &bill.charges {
        line.clear();
        write_charge(&mut line, charge);
        hasher.update(line.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&hasher.finalize())
}

fn push<const N: usize>(line: &mut String, fields: [String; N]) {
    line.push_str(&fields.join("\t"));
    line.push('\n');
}

fn write_charge(line: &mut String, charge: &Charge) {
    let (customer, costcentre, service, meter, class) = charge.key();
    // Writing to a string never fails.
    let _ = write!(
        line,
        "{}\t{}\t{customer}\t{costcentre}\t{service}\t{meter}\t{class}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        charge.month,
        charge.usage_month(),
        charge.tariff.unit,
        charge.quantity,
        charge.billed_before,
        charge.gross,
        charge.joint,
        charge.net,
        charge.surcharge,
    );
    match &charge.tariff.price {
        Some(terms) => {
            let _ = write!(line, "\t{}", terms.price);
            if !terms.model.is_plain() {
                let _ = write!(line, " {}", terms.model);
            }
            let _ = write!(line, "\t{}\t{}", terms.valid_from, terms.decision);
        }
        None => line.push_str("\t-\t-\t-"),
    }
    match &charge.tariff.joint {
        Some(terms) => {
            let _ = write!(line, "\t{}\t{}\t{}", terms.share, terms.valid_from, terms.phase.name());
            if let Some(bearer) = &terms.bearer {
                let _ = write!(line, " {bearer}");
            }
            let _ = writeln!(line, "\t{}", terms.decision);
        }
        None => line.push_str("\t-\t-\t-\t-\n"),
    }
}
