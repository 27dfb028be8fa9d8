use proptest::prelude::*;

use super::*;
use crate::charge::charges;
use crate::rating::rate;
use crate::rating::tests::{catalogue, used};

/// One line of a company's, of so many öre net and surcharge.
fn line(code: &str, kind: CustomerKind, net: i64, surcharge: i64) -> Charge {
    let usage = [used("2021-03", "e-moten", "room", "B0100", "", 31_000_000)];
    let march = "2021-03".parse().unwrap();
    let mut made = charges(&rate(&catalogue(), march, &usage, &[]), None).remove(0);
    made.customer = Arc::new(Payer { code: code.to_owned(), name: code.to_owned(), kind });
    made.net = Money::from_ore(net);
    made.surcharge = Money::from_ore(surcharge);
    made
}

fn bolag(code: &str, net: i64, surcharge: i64) -> Charge {
    line(code, CustomerKind::Bolag, net, surcharge)
}

/// `number code customer net surcharge`
fn shown(documents: &[Document]) -> Vec<String> {
    let text = |d: &Document| {
        format!("{} {} {} {} {}", d.number, d.kind.code(), d.customer.code, d.net, d.surcharge)
    };
    documents.iter().map(text).collect()
}

#[test]
fn every_company_with_money_on_a_line_gets_one_document_by_code() {
    let charges = [
        bolag("TEKNISKA", 10_000, 300),
        line("KLF", CustomerKind::Forvaltning, 99_900, 2_997),
        bolag("LEJON", 5_000, 150),
        // A correction outweighs the month: 50.00 + 1.50 − 60.00 − 1.80 = −10.30.
        bolag("LEJON", -6_000, -180),
        // Put against each other, and a net of nothing with a surcharge of nothing.
        bolag("STANGASTADEN", 100, 3),
        bolag("STANGASTADEN", -100, -3),
        bolag("VISIT", 0, 0),
    ];
    assert_eq!(
        shown(&documents(&charges, 17)),
        ["17 381 LEJON -10.00 -0.30", "18 380 STANGASTADEN 0.00 0.00", "19 380 TEKNISKA 100.00 3.00"]
    );
    assert_eq!(documents(&charges[..1], 1)[0].total(), Money::from_ore(10_300));
    assert_eq!(documents(&charges[6..], 17), []);
}

#[test]
fn a_net_of_one_ore_less_than_the_surcharge_is_credited() {
    let kind = |net, surcharge| documents(&[bolag("LEJON", net, surcharge)], 1)[0].kind;
    assert_eq!(kind(-3, 3), DocumentType::Invoice);
    assert_eq!(kind(-4, 3), DocumentType::CreditNote);
    for kind in [DocumentType::Invoice, DocumentType::CreditNote] {
        assert_eq!(DocumentType::from_code(kind.code()), Some(kind));
    }
    assert_eq!(DocumentType::from_code(325), None);
}

#[test]
fn vat_is_rounded_once_half_away_from_zero() {
    // (total, per cent, VAT) in öre. 25 % of 0.02 is half an öre, of 0.01 a quarter, of 0.03 three quarters.
    let cases = [
        (100, 25, 25),
        (2, 25, 1),
        (-2, 25, -1),
        (1, 25, 0),
        (3, 25, 1),
        (6, 25, 2),
        (-6, 25, -2),
        (1_442, 25, 361),
        (50, 6, 3),
        (25, 6, 2),
        (-25, 6, -2),
        (0, 25, 0),
    ];
    for (total, percent, expected) in cases {
        assert_eq!(vat(Money::from_ore(total), percent), Money::from_ore(expected), "{percent} % of {total}");
    }
}

proptest! {
    /// Months of companies that come and go: one unbroken series, in the order of months and codes.
    #[test]
    fn no_number_is_skipped_or_used_twice(
        first in 1_u64..1_000_000,
        months in prop::collection::vec(
            prop::collection::vec(("[A-D]", -2_i64..3, -1_i64..2, any::<bool>()), 0..8),
            0..12,
        ),
    ) {
        let mut next = first;
        let mut numbers = Vec::new();
        for month in &months {
            let charges: Vec<Charge> = month
                .iter()
                .map(|(code, net, surcharge, company)| match company {
                    true => bolag(code, *net, *surcharge),
                    false => line(&format!("F{code}"), CustomerKind::Forvaltning, *net, *surcharge),
                })
                .collect();
            let made = documents(&charges, next);
            prop_assert!(made.windows(2).all(|pair| pair[0].customer.code < pair[1].customer.code));
            prop_assert_eq!(&documents(&charges, next), &made, "the same again");
            let of_companies = charges.iter().filter(|charge| charge.customer.kind == CustomerKind::Bolag);
            let billed: Money = of_companies.map(|charge| charge.net + charge.surcharge).sum();
            prop_assert_eq!(made.iter().map(Document::total).sum::<Money>(), billed);
            next = made.last().map_or(next, |last| last.number + 1);
            numbers.extend(made.iter().map(|document| document.number));
        }
        prop_assert_eq!(numbers, (first..next).collect::<Vec<_>>());
    }
}
