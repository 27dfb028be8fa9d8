//! The year's books beside the program's: what was sent, what is booked, and every check of a close.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::events::Sent;
use super::explained::is_explained;
use super::reckoning::{Line, Reckoned, bears_surcharge, price, rate, reckon, rounded};
use crate::program::Program;

const FILES: [&str; 3] = ["csv", "csv?dialect=excel-sv", "xlsx"];
const COLUMNS: [&str; 15] = [
    "id",
    "month",
    "corrects",
    "customer",
    "costcentre",
    "service",
    "meter",
    "class",
    "unit",
    "quantity",
    "unit_price",
    "gross",
    "joint",
    "net",
    "surcharge",
];
/// Those of them that are numbers.
const NUMBERS: [&str; 6] = ["quantity", "unit_price", "gross", "joint", "net", "surcharge"];

pub(crate) struct Books<'p> {
    program: &'p Program,
    sent: Vec<Sent>,
    /// What is booked for each closed month: its own lines and all corrections of it.
    booked: BTreeMap<String, Reckoned>,
    /// How the program showed each month when it was closed.
    closed: BTreeMap<String, Shown>,
}

/// All that is to be seen of a closed month.
#[derive(PartialEq, Eq)]
struct Shown {
    month: Value,
    charges: Vec<Value>,
    totals: Value,
    files: Vec<Vec<u8>>,
}

impl<'p> Books<'p> {
    pub(crate) fn new(program: &'p Program) -> Self {
        Self { program, sent: Vec::new(), booked: BTreeMap::new(), closed: BTreeMap::new() }
    }

    /// Sends it to the program, which takes all of it.
    pub(crate) fn send(&mut self, sent: impl IntoIterator<Item = Sent>) {
        let sent: Vec<Sent> = sent.into_iter().collect();
        self.program.accept(&sent.iter().map(Sent::event).collect::<Vec<_>>());
        self.sent.extend(sent);
    }

    /// What a month that cannot be closed as it is answers: the codes of its blockers and what they are about.
    pub(crate) fn refused(&self, month: &str) -> Vec<String> {
        let (status, answer) = self.program.post(&format!("/v1/months/{month}/close"), &json!({}));
        assert_eq!(status, 409, "{month}: {answer}");
        let about = |blocker: &Value| ["code", "service", "meter"].map(|name| text(blocker, name)).join(" ");
        answer["blockers"].as_array().unwrap().iter().map(about).collect()
    }

    /// Closes a month, and checks it against a reckoning of everything that was sent before.
    pub(crate) fn close(&mut self, month: &str, request: &Value) {
        let (status, answer) = self.program.post(&format!("/v1/months/{month}/close"), request);
        assert_eq!((status, text(&answer, "state").as_str()), (200, "closed"), "{month}: {answer}");
        let shown = self.shown(month);
        let billed = billed(&shown.charges);
        assert_eq!(billed, self.expected(month), "{month}: what is billed is what was reckoned");
        adds_up(month, &shown);
        csv_says_the_same(&shown);
        let corrections = shown.charges.iter().filter(|charge| !charge["corrects"].is_null());
        for charge in corrections {
            is_explained(self.program, charge, &self.booked[&text(charge, "corrects")], &billed);
        }
        for (corrected, billed) in billed {
            let of = if corrected.is_empty() { month.to_owned() } else { corrected };
            let booked = self.booked.entry(of).or_default();
            *booked = booked.and(&billed);
        }
        self.booked.entry(month.to_owned()).or_default();
        self.closed.insert(month.to_owned(), shown);
    }

    /// What a month is to bill, by the month that it corrects; its own lines under "".
    fn expected(&self, month: &str) -> BTreeMap<String, Reckoned> {
        let corrections = self.booked.iter().map(|(closed, booked)| {
            let fresh = reckon(&self.sent, closed);
            (closed.clone(), fresh.less(booked))
        });
        let own = (String::new(), reckon(&self.sent, month).without_zeros());
        corrections.chain([own]).filter(|(_, bill)| *bill != Reckoned::default()).collect()
    }

    fn shown(&self, month: &str) -> Shown {
        let months = self.program.list("/v1/months");
        let file = |name: &&str| self.program.bytes(&format!("/v1/exports/{month}/{name}"));
        Shown {
            month: months.into_iter().find(|item| item["month"] == month).unwrap(),
            charges: self.program.list(&format!("/v1/charges?month={month}")),
            totals: self.program.get(&format!("/v1/charges?month={month}&limit=1"))["totals"].clone(),
            files: FILES.iter().map(file).collect(),
        }
    }

    /// Quantity, unit price, gross, joint, net and surcharge of a charge of a closed month.
    pub(crate) fn line(&self, id: &str) -> [String; 6] {
        let charges = &self.closed[&id[..7]].charges;
        let charge = charges.iter().find(|charge| charge["id"] == id);
        let charge = charge.unwrap_or_else(|| panic!("no charge {id}"));
        NUMBERS.map(|name| if name == "quantity" { text(charge, name) } else { kronor(charge, name) })
    }

    /// The ids of a closed month's corrections.
    pub(crate) fn corrections(&self, month: &str) -> Vec<String> {
        let charges = self.closed[month].charges.iter();
        charges.filter(|charge| !charge["corrects"].is_null()).map(|charge| text(charge, "id")).collect()
    }

    /// No closed month looks otherwise than when it was closed: charges, hash, and every byte of its files.
    pub(crate) fn no_closed_month_changed(&self) {
        for (month, then) in &self.closed {
            let now = self.shown(month);
            assert_eq!((&now.month, &now.totals), (&then.month, &then.totals));
            assert_eq!(now.charges, then.charges, "{month}");
            for (name, (now, then)) in FILES.iter().zip(now.files.iter().zip(&then.files)) {
                assert!(now == then, "{name} of {month} is another one");
            }
        }
    }

    /// Of every month the lines and all corrections of it, as the program shows them, are a reckoning of it afresh.
    pub(crate) fn every_month_is_a_fresh_reckoning(&self) {
        let mut billed_for: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for month in self.closed.keys() {
            for mut charge in self.program.list(&format!("/v1/charges?month={month}")) {
                let of = charge["corrects"].as_str().unwrap_or(month).to_owned();
                charge["corrects"] = Value::Null;
                billed_for.entry(of).or_default().push(charge);
            }
        }
        for (month, charges) in billed_for {
            let booked = billed(&charges).remove("").unwrap_or_default();
            assert_eq!(booked, reckon(&self.sent, &month).without_zeros(), "{month}");
        }
    }
}

/// Charges by the month that they correct ("" for none), summed by what they are for.
fn billed(charges: &[Value]) -> BTreeMap<String, Reckoned> {
    let mut bills: BTreeMap<String, Reckoned> = BTreeMap::new();
    for charge in charges {
        let bill = bills.entry(text(charge, "corrects")).or_default();
        let key = ["customer", "costcentre", "service", "meter", "class"].map(|name| text(charge, name));
        *bill.surcharges.entry(key[0].clone()).or_default() += ore(charge, "surcharge");
        let line = bill.lines.entry(key).or_default();
        line.quantity += millionths(charge, "quantity");
        line.gross += ore(charge, "gross");
        line.joint += ore(charge, "joint");
        line.net += ore(charge, "net");
    }
    bills.into_iter().map(|(corrected, bill)| (corrected, bill.without_zeros())).collect()
}

/// Σ lines = Σ payers = the month; each payer's surcharge is öre(rate × net), also spread over its lines.
fn adds_up(month: &str, shown: &Shown) {
    let mut payers: BTreeMap<String, [i128; 4]> = BTreeMap::new();
    let mut bases: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    for charge in &shown.charges {
        let amounts = ["gross", "joint", "net", "surcharge"].map(|name| ore(charge, name));
        assert_eq!(amounts[0], amounts[1] + amounts[2], "gross is joint and net: {charge}");
        let sums = payers.entry(text(charge, "customer")).or_default();
        for (sum, amount) in sums.iter_mut().zip(amounts) {
            *sum += amount;
        }
        let of = charge["corrects"].as_str().unwrap_or(month);
        let [service, meter, class] = ["service", "meter", "class"].map(|name| text(charge, name));
        assert_eq!(ore(charge, "unit_price"), price(&service, &meter, &class, of).0, "{charge}");
        if charge["corrects"].is_null() {
            let (base, surcharge) = bases.entry(text(charge, "customer")).or_default();
            *base += if bears_surcharge(&service) { amounts[2] } else { 0 };
            *surcharge += amounts[3];
        }
    }
    for (name, n) in [("gross", 0), ("joint", 1), ("net", 2), ("surcharge", 3)] {
        assert_eq!(
            payers.values().map(|sums| sums[n]).sum::<i128>(),
            ore(&shown.totals, name),
            "{month} {name}"
        );
    }
    for name in ["net", "surcharge"] {
        assert_eq!(shown.month[name], shown.totals[name], "{month}: the list of months says the same");
    }
    for (payer, (base, surcharge)) in bases {
        assert_eq!(surcharge, rounded(rate(month) * base, 10_000), "{month} {payer}: the rate × {base} öre");
    }
}

/// The CSV has a row for each charge with the same fields in the same order.
fn csv_says_the_same(shown: &Shown) {
    let mut reader = csv::Reader::from_reader(shown.files[0].as_slice());
    assert_eq!(reader.headers().unwrap(), &COLUMNS[..]);
    // Money has two decimals in the file, and none that are zero in JSON.
    let same = |name: &str, cell: &str, said: &str| match (cell.parse::<Decimal>(), said.parse::<Decimal>()) {
        (Ok(cell), Ok(said)) if NUMBERS.contains(&name) => cell == said,
        _ => cell == said,
    };
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), shown.charges.len());
    for (row, charge) in rows.iter().zip(&shown.charges) {
        for (name, cell) in COLUMNS.iter().zip(row) {
            assert!(same(name, cell, &text(charge, name)), "{name}: {row:?} in the file, {charge}");
        }
    }
}

/// A field; empty when it is null.
pub(crate) fn text(item: &Value, name: &str) -> String {
    item[name].as_str().unwrap_or_default().to_owned()
}

fn scaled(item: &Value, name: &str, one: i64) -> i128 {
    let text = item[name].as_str().unwrap_or_else(|| panic!("{name} of {item} is no decimal string"));
    let scaled = Decimal::from_str_exact(text).unwrap() * Decimal::from(one);
    assert!(scaled.is_integer(), "{name} of {item} is more exact than it may be");
    scaled.normalize().mantissa()
}

/// An amount of kronor, in öre.
pub(crate) fn ore(item: &Value, name: &str) -> i128 {
    scaled(item, name, 100)
}

/// An amount of kronor with its two decimals.
pub(crate) fn kronor(item: &Value, name: &str) -> String {
    decimal(ore(item, name), 2).to_string()
}

pub(crate) fn decimal(number: i128, decimals: u32) -> Decimal {
    Decimal::from_i128_with_scale(number, decimals)
}

/// A quantity, in millionths.
pub(crate) fn millionths(item: &Value, name: &str) -> i128 {
    scaled(item, name, 1_000_000)
}

/// What a payer's line is booked as.
pub(crate) fn line_of(bill: &Reckoned, charge: &Value) -> Line {
    let key = ["customer", "costcentre", "service", "meter", "class"].map(|name| text(charge, name));
    bill.lines.get(&key).copied().unwrap_or_default()
}
