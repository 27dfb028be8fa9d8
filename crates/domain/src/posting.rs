//! How finance books a line: a table from (kind of line × payer × service) to accounts and dimensions.
//!
//! Which accounts a municipality uses is its own affair, so none of it is code. Every line is booked twice: on the payer's
//! side (debit) and on the deliverer's side (credit), so a voucher always sums to nothing. Companies are no part of it: they
//! get documents, which the ledger of receivables books.

use std::collections::BTreeMap;

use crate::event::CustomerKind;
use crate::financing::Payers;

/// What of a charge is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// The service's net.
    Service,
    /// The object's surcharge (R4).
    Surcharge,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [LineKind; 2] = [LineKind::Service, LineKind::Surcharge];

    /// As the catalogue writes it.
    pub const fn name(self) -> &'static str {
        match self {
            LineKind::Service => "tjänst",
            LineKind::Surcharge => "påslag",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What stands in a dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DimensionValue {
    /// The code of the cost centre that used the service.
    CostCentre,
    /// The service's slug.
    Service,
    /// The payer's code.
    Customer,
    /// The code of the service's object product.
    Product,
    /// Always this code.
    Fixed(String),
}

impl DimensionValue {
    /// The words of the catalogue; every other value is a code.
    pub const WORDS: [(&'static str, DimensionValue); 4] = [
        ("kostnadsställe", DimensionValue::CostCentre),
        ("tjänst", DimensionValue::Service),
        ("kund", DimensionValue::Customer),
        ("produkt", DimensionValue::Product),
    ];

    /// What it is for a line.
    pub fn of<'a>(&'a self, line: &PostedLine<'a>) -> &'a str {
        match self {
            DimensionValue::CostCentre => line.costcentre,
            DimensionValue::Service => line.service,
            DimensionValue::Customer => line.customer,
            DimensionValue::Product => line.product,
            DimensionValue::Fixed(code) => code,
        }
    }
}

/// A dimension of the ledger (SIE 4B §8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingDimension {
    /// Its name.
    pub name: String,
    /// What stands in it on the payer's side; none when it is left out there.
    pub debit: Option<DimensionValue>,
    /// What stands in it on the deliverer's side; none when it is left out there.
    pub credit: Option<DimensionValue>,
    /// The ledger's own codes for ours, where they are others.
    pub codes: BTreeMap<String, String>,
}

/// On which accounts lines are booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingRule {
    /// Of which kind they are.
    pub kind: LineKind,
    /// Whose they are.
    pub payers: Payers,
    /// Of which service; none for all.
    pub service: Option<String>,
    /// The payer's account.
    pub debit_account: String,
    /// The deliverer's account.
    pub credit_account: String,
    /// Dimensions of the payer's side that have another value here.
    pub debit: BTreeMap<u16, DimensionValue>,
    /// Dimensions of the deliverer's side that have another value here.
    pub credit: BTreeMap<u16, DimensionValue>,
}

impl PostingRule {
    fn narrowness(&self) -> (bool, u8) {
        (self.service.is_some(), self.payers.narrowness())
    }
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostingMap {
    /// The series of the vouchers.
    pub series: String,
    /// The accounts' names, by number.
    pub accounts: BTreeMap<String, String>,
    /// The dimensions, by number.
    pub dimensions: BTreeMap<u16, PostingDimension>,
    /// The names of codes that are not the catalogue's own, by dimension and code.
    pub objects: BTreeMap<(u16, String), String>,
    /// The rules, in the file's order.
    pub rules: Vec<PostingRule>,
}

/// A line to book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostedLine<'a> {
    /// Of which kind it is.
    pub kind: LineKind,
    /// The payer's code.
    pub customer: &'a str,
    /// The payer's kind.
    pub customer_kind: CustomerKind,
    /// The cost centre's code.
    pub costcentre: &'a str,
    /// The service's slug.
    pub service: &'a str,
    /// The code of the service's object product.
    pub product: &'a str,
}

/// One side of a booking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side<'a> {
    /// The account's number.
    pub account: &'a str,
    /// What stands in the dimensions, by their number.
    pub objects: Vec<PostedObject<'a>>,
}

/// What stands in a dimension of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostedObject<'a> {
    /// The dimension's number.
    pub dimension: u16,
    /// The ledger's code.
    pub code: &'a str,
    /// What it is of.
    pub value: &'a DimensionValue,
    /// Our code of it.
    pub ours: &'a str,
}

/// A booking: the same amount on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting<'a> {
    /// The payer's side.
    pub debit: Side<'a>,
    /// The deliverer's side.
    pub credit: Side<'a>,
}

impl PostingMap {
    /// Whether there is a table at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The narrowest rule for lines of a kind, a payer and a service: first by service, then by payer.
    pub fn rule(
        &self,
        kind: LineKind,
        customer: &str,
        customer_kind: CustomerKind,
        service: &str,
    ) -> Option<&PostingRule> {
        let holds = |rule: &&PostingRule| {
            rule.kind == kind
                && rule.service.as_deref().is_none_or(|of| of == service)
                && rule.payers.have(customer, customer_kind)
        };
        self.rules.iter().filter(holds).max_by_key(|rule| rule.narrowness())
    }

    /// How a line is booked; none when no rule says so.
    pub fn posting<'a>(&'a self, line: &PostedLine<'a>) -> Option<Posting<'a>> {
        let rule = self.rule(line.kind, line.customer, line.customer_kind, line.service)?;
        let side = |account: &'a str,
                    of: &dyn Fn(u16, &'a PostingDimension) -> Option<&'a DimensionValue>| {
            let objects = self.dimensions.iter().filter_map(|(number, dimension)| {
                let value = of(*number, dimension)?;
                let ours = value.of(line);
                let code = dimension.codes.get(ours).map_or(ours, String::as_str);
                Some(PostedObject { dimension: *number, code, value, ours })
            });
            Side { account, objects: objects.collect() }
        };
        Some(Posting {
            debit: side(&rule.debit_account, &|number, dimension| {
                rule.debit.get(&number).or(dimension.debit.as_ref())
            }),
            credit: side(&rule.credit_account, &|number, dimension| {
                rule.credit.get(&number).or(dimension.credit.as_ref())
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn rule(kind: LineKind, payers: Payers, service: Option<&str>, debit: &str, credit: &str) -> PostingRule {
        PostingRule {
            kind,
            payers,
            service: service.map(str::to_owned),
            debit_account: debit.to_owned(),
            credit_account: credit.to_owned(),
            debit: BTreeMap::new(),
            credit: BTreeMap::new(),
        }
    }

    fn map() -> PostingMap {
        let fixed = |code: &str| Some(DimensionValue::Fixed(code.to_owned()));
        let named = |code: &str| Payers::Named(BTreeSet::from([code.to_owned()]));
        let mut surcharge = rule(LineKind::Surcharge, Payers::All, None, "7520", "3920");
        surcharge.credit.insert(1, DimensionValue::Fixed("900200".to_owned()));
        PostingMap {
            series: "LK".to_owned(),
            accounts: BTreeMap::new(),
            dimensions: BTreeMap::from([
                (
                    1,
                    PostingDimension {
                        name: "Ansvar".to_owned(),
                        debit: Some(DimensionValue::CostCentre),
                        credit: fixed("900100"),
                        codes: BTreeMap::new(),
                    },
                ),
                (
                    20,
                    PostingDimension {
                        name: "Motpart".to_owned(),
                        debit: None,
                        credit: Some(DimensionValue::Customer),
                        codes: BTreeMap::from([("UAF".to_owned(), "U01".to_owned())]),
                    },
                ),
            ]),
            objects: BTreeMap::new(),
            rules: vec![
                rule(LineKind::Service, Payers::All, None, "7510", "3910"),
                rule(LineKind::Service, named("KLF"), None, "7511", "3911"),
                rule(LineKind::Service, Payers::All, Some("e-moten"), "7512", "3912"),
                surcharge,
            ],
        }
    }

    fn line(kind: LineKind, customer: &'static str, service: &'static str) -> PostedLine<'static> {
        let customer_kind = CustomerKind::Forvaltning;
        PostedLine { kind, customer, customer_kind, costcentre: "0441001", service, product: "U" }
    }

    /// `account {dimension code …} / account {…}`
    fn shown(posting: &Posting<'_>) -> String {
        let side = |side: &Side<'_>| {
            let objects: Vec<_> =
                side.objects.iter().map(|object| format!("{} {}", object.dimension, object.code)).collect();
            format!("{} {{{}}}", side.account, objects.join(" "))
        };
        format!("{} / {}", side(&posting.debit), side(&posting.credit))
    }

    #[test]
    fn the_narrowest_rule_decides_first_by_service_then_by_payer() {
        let map = map();
        let booked = |kind, customer, service| shown(&map.posting(&line(kind, customer, service)).unwrap());
        assert_eq!(booked(LineKind::Service, "UAF", "mdm"), "7510 {1 0441001} / 3910 {1 900100 20 U01}");
        assert_eq!(booked(LineKind::Service, "KLF", "mdm"), "7511 {1 0441001} / 3911 {1 900100 20 KLF}");
        assert_eq!(booked(LineKind::Service, "KLF", "e-moten"), "7512 {1 0441001} / 3912 {1 900100 20 KLF}");
    }

    #[test]
    fn a_rule_may_have_another_value_in_a_dimension() {
        let map = map();
        let posting = map.posting(&line(LineKind::Surcharge, "KLF", "mdm")).unwrap();
        assert_eq!(shown(&posting), "7520 {1 0441001} / 3920 {1 900200 20 KLF}");
    }

    #[test]
    fn without_a_rule_nothing_is_booked() {
        let kinds = BTreeSet::from([CustomerKind::Objekt]);
        let rules = vec![rule(LineKind::Service, Payers::Kinds(kinds), None, "7510", "3910")];
        let map = PostingMap { rules, ..map() };
        assert_eq!(map.posting(&line(LineKind::Service, "KLF", "mdm")), None);
        assert!(PostingMap::default().is_empty() && !map.is_empty());
    }

    #[test]
    fn names_are_those_of_the_catalogue() {
        for kind in LineKind::ALL {
            assert_eq!(LineKind::from_name(kind.name()), Some(kind));
        }
        let words = DimensionValue::WORDS
            .map(|(_, value)| value.of(&line(LineKind::Service, "KLF", "mdm")).to_owned());
        assert_eq!(words, ["0441001", "mdm", "KLF", "U"]);
    }
}
