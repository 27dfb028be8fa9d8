//! The hash of a frozen month: SHA-256 over a canonical text of everything that was frozen.
//!
//! The text is UTF-8, one record a line, fields separated by tabs, in this order: what was frozen on which terms, the
//! totals, then every charge with its terms, then every document. A price with a model has it behind it, after a space, an
//! adjusted one the cost price behind a slash, and so
//! has a phase who bears the joint part instead of the object; a correction with a reason has that last. It never changes:
//! another form would be another version in its first line.

use std::fmt::Write as _;

use domain::Money;
use domain::charge::{Charge, Totals};
use domain::document::Document;
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
    for document in &bill.documents {
        line.clear();
        write_document(&mut line, document);
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
            if let Some(cost_price) = terms.cost_price {
                let _ = write!(line, " / {cost_price}");
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
            let _ = write!(line, "\t{}", terms.decision);
        }
        None => line.push_str("\t-\t-\t-\t-"),
    }
    if let Some(reason) = charge.reason {
        let _ = write!(line, "\t{}", reason.name());
    }
    line.push('\n');
}

fn write_document(line: &mut String, document: &Document) {
    let Document { number, kind, customer, net, surcharge } = document;
    let _ = writeln!(line, "document\t{number}\t{}\t{}\t{net}\t{surcharge}", kind.code(), customer.code);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::charge::Reason;
    use domain::document::{DocumentType, documents};
    use domain::event::CustomerKind;
    use domain::rating::{Payer, Tariff};
    use domain::usage::MeterKind;
    use domain::{Month, Quantity};

    use super::*;
    use crate::bill::MonthState;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn charge(corrects: Option<&str>, reason: Option<Reason>) -> Charge {
        let tariff = Tariff {
            service: "e-moten".to_owned(),
            meter: "room".to_owned(),
            class: String::new(),
            unit: "room".to_owned(),
            kind: MeterKind::AvgDaily,
            service_name: "E-möten".to_owned(),
            meter_name: "Rum".to_owned(),
            product: "U".to_owned(),
            billed: true,
            bears_surcharge: true,
            price: None,
            joint: None,
        };
        let customer = Payer {
            code: "LEJON".to_owned(),
            name: "Lejonfastigheter".to_owned(),
            kind: CustomerKind::Bolag,
        };
        Charge {
            month: month("2021-04"),
            corrects: corrects.map(month),
            reason,
            customer: Arc::new(customer),
            costcentre: Arc::from("B0100"),
            tariff: Arc::new(tariff),
            quantity: Quantity::from_micros(10_000_000),
            billed_before: Quantity::ZERO,
            gross: Money::from_ore(500_000),
            joint: Money::ZERO,
            net: Money::from_ore(500_000),
            surcharge: Money::from_ore(15_000),
        }
    }

    fn bill(charges: Vec<Charge>) -> Bill {
        Bill {
            month: month("2021-04"),
            state: MonthState::Closed,
            catalogue: "77ad".to_owned(),
            rate: Some("0.03".parse().unwrap()),
            rate_decision: "KF 17".to_owned(),
            totals: charges.iter().collect(),
            charges,
            documents: Vec::new(),
            unattributed: Vec::new(),
            findings: Vec::new(),
            frozen: None,
        }
    }

    fn of_text(text: &str) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(text))
    }

    /// The form as it was before there were reasons and documents: months that were frozen then still match.
    const HEAD: &str =
        "taxameter month 1\t2021-04\t77ad\t17\t0.03\tKF 17\n1\n5000.00\t0.00\t5000.00\t150.00\n";
    const LINE: &str = "2021-04\t2021-03\tLEJON\tB0100\te-moten\troom\t\troom\t10\t0\t5000.00\t0.00\t5000.00\t150.00\t-\t-\t-\t-\t-\t-\t-";

    #[test]
    fn what_was_frozen_without_reason_and_documents_has_the_hash_that_it_had() {
        let own = LINE.replacen("2021-03", "2021-04", 1);
        assert_eq!(digest(&bill(vec![charge(None, None)]), Some(17)), of_text(&format!("{HEAD}{own}\n")));
        let corrected = bill(vec![charge(Some("2021-03"), None)]);
        assert_eq!(digest(&corrected, Some(17)), of_text(&format!("{HEAD}{LINE}\n")));
    }

    #[test]
    fn a_reason_and_a_document_are_part_of_what_was_frozen() {
        let mut frozen = bill(vec![charge(Some("2021-03"), Some(Reason::Payer))]);
        assert_eq!(digest(&frozen, Some(17)), of_text(&format!("{HEAD}{LINE}\tpayer\n")));
        frozen.documents = documents(&frozen.charges, 8);
        assert_eq!(frozen.documents[0].kind, DocumentType::Invoice);
        let document = "document\t8\t380\tLEJON\t5000.00\t150.00";
        assert_eq!(digest(&frozen, Some(17)), of_text(&format!("{HEAD}{LINE}\tpayer\n{document}\n")));
    }
}
