//! Who uses what: objects, their subjects, and the cost centres that they belong to from day to day.

use std::fmt::Write as _;

use chrono::NaiveDate;
use domain::catalogue::Catalogue;

use super::random::{below, mix, purpose};

/// Customers' shares of the turnover in thousandths (domain §5). What the catalogue has beside these gets one each.
const SHARES: [(&str, u64); 14] = [
    ("UAF", 520),
    ("LEAN", 210),
    ("SOF", 65),
    ("VSS", 45),
    ("KLF", 40),
    ("MSF", 40),
    ("KFF", 35),
    ("LEJON", 12),
    ("STANGA", 10),
    ("TEKV", 6),
    ("SKORS", 6),
    ("VISIT", 5),
    ("LCA", 4),
    ("STADSH", 2),
];
/// Whose schools are.
const SCHOOLS: &str = "UAF";
/// How many objects in a million change cost centre in a month, and how many of those also change customer.
const MOVES: u64 = 4_000;
const LEAVES: u64 = 250_000;
const MILLION: u64 = 1_000_000;
/// The codes that no catalogue knows.
const UNKNOWN: [&str; 5] = ["OKAND1", "OKAND2", "OKAND3", "OKAND4", "OKAND5"];

/// Cost centres by customer, with how often each customer is drawn.
#[derive(Debug)]
pub(super) struct Population {
    /// The JSON of each cost centre's `customer`, open at its end; the unknown ones come last.
    pub(super) fragments: Vec<String>,
    customers: Vec<CustomerRange>,
    schools: Option<usize>,
    /// The first company: who gets the credit.
    pub(super) company: Option<u16>,
    unknown: u16,
}

#[derive(Debug)]
struct CustomerRange {
    /// The sum of shares up to and with this one, in millionths.
    upto: u64,
    first: u16,
    count: u16,
}

impl Population {
    /// `school_share` is the part of the turnover, in millionths, that only schools use: it is taken off their
    /// administration's share of everything else, so that the year's shares come out as they should.
    pub(super) fn new(catalogue: &Catalogue, day: NaiveDate, school_share: u64) -> Self {
        let (mut fragments, mut customers, mut schools, mut company) = (Vec::new(), Vec::new(), None, None);
        let mut upto = 0;
        for customer in catalogue.customers.values() {
            let codes: Vec<&str> = catalogue
                .costcentres
                .keys()
                .filter(|code| catalogue.payer(code, day) == Some(customer.code.as_str()))
                .map(String::as_str)
                .collect();
            if codes.is_empty() {
                continue;
            }
            let first = fragments.len() as u16;
            let share =
                SHARES.iter().find(|(code, _)| *code == customer.code).map_or(1, |(_, share)| *share) * 1_000;
            let is_schools = customer.code == SCHOOLS;
            upto += if is_schools { share.saturating_sub(school_share) } else { share };
            if is_schools {
                schools = Some(customers.len());
            }
            if customer.kind == domain::event::CustomerKind::Bolag {
                company = company.or(Some(first));
            }
            for code in &codes {
                fragments.push(fragment(customer.kind.name(), &customer.code, code));
            }
            customers.push(CustomerRange { upto, first, count: codes.len() as u16 });
        }
        let unknown = fragments.len() as u16;
        fragments.extend(UNKNOWN.map(|code| fragment("forvaltning", SCHOOLS, code)));
        Self { fragments, customers, schools, company, unknown }
    }

    /// One of the cost centres that no catalogue knows.
    pub(super) fn unknown(&self, hash: u64) -> u16 {
        self.unknown + below(hash, UNKNOWN.len() as u64) as u16
    }

    /// The cost centre that an object belongs to on a day of a month (both from 0): drawn once, and drawn anew by the
    /// 0.4 % of objects that move in each month, on a day in the middle of it.
    pub(super) fn costcentre(&self, object: u64, month: usize, day_of_month: usize, schools: bool) -> u16 {
        let (mut moved, mut left) = (0, 0);
        for at in 0..=month {
            let hash = mix(mix(object, purpose::MOVE), at as u64);
            if below(hash, MILLION) >= MOVES {
                continue;
            }
            let day = 2 + (hash & 0xffff) as usize % 24;
            if at < month || day_of_month >= day {
                moved = at as u64 + 1;
                if below(mix(hash, 1), MILLION) < LEAVES {
                    left = moved;
                }
            }
        }
        let Some(last) = self.customers.last() else { return self.unknown };
        let customer = match self.schools {
            Some(at) if schools => &self.customers[at],
            _ => {
                let drawn = below(mix(mix(object, purpose::CUSTOMER), left), last.upto);
                let at = self.customers.partition_point(|customer| customer.upto <= drawn);
                &self.customers[at]
            }
        };
        customer.first + below(mix(mix(object, purpose::COSTCENTRE), moved), u64::from(customer.count)) as u16
    }
}

fn fragment(kind: &str, code: &str, costcentre: &str) -> String {
    format!("\"customer\":{{\"kind\":\"{kind}\",\"code\":\"{code}\",\"costcentre\":\"{costcentre}\"")
}

/// A pseudonym as collectors make them: `ps_` and 26 characters of base32.
pub(super) fn write_pseudonym(identity: u64, out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    out.extend_from_slice(b"ps_");
    for part in 0..2 {
        let mut bits = mix(mix(identity, purpose::SUBJECT), part);
        for _ in 0..13 {
            out.push(ALPHABET[(bits & 31) as usize]);
            bits >>= 5;
        }
    }
}

/// Sixteen hexadecimal digits.
pub(super) fn write_hex(number: u64, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..16).rev().map(|at| DIGITS[(number >> (at * 4) & 15) as usize]));
}

/// Text that JSON takes as it is, in quotes. Everything that is generated is plain ASCII without quotes.
pub(super) fn push_json(out: &mut String, name: &str, value: &str) {
    // Writing to a String never fails.
    let _ = write!(out, "\"{name}\":\"{value}\"");
}
