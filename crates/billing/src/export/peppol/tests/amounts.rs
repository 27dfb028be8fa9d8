//! What documents come to: worked by hand, and whatever is charged.

use proptest::prelude::*;

use super::super::document::Amounts;
use super::super::line::lines;
use super::*;

#[test]
fn vat_is_reckoned_once_and_only_what_is_paid_is_rounded_to_kronor() {
    // (without VAT, kronor, VAT, rounding, payable) in öre. 25 % of 0.02 is half an öre: up, away from zero, and for what
    // is given back down. 1.20 + 0.30 = 1.50 is two kronor.
    let cases = [
        (2, false, 1, 0, 3),
        (-2, false, -1, 0, -3),
        (1, false, 0, 0, 1),
        (17_387, false, 4_347, 0, 21_734),
        (17_387, true, 4_347, -34, 21_700),
        (120, true, 30, 50, 200),
        (-120, true, -30, -50, -200),
        (80, true, 20, 0, 100),
        (0, true, 0, 0, 0),
    ];
    for (without_vat, kronor, vat, rounding, payable) in cases {
        let [without_vat, vat, rounding, payable] =
            [without_vat, vat, rounding, payable].map(Money::from_ore);
        let amounts = Amounts::of(without_vat, 25, kronor);
        assert_eq!(amounts, Amounts { without_vat, vat, rounding });
        assert_eq!(amounts.payable(), payable, "{without_vat}");
    }
}

/// What stands between the tags of a name, as amounts, in the document's order.
fn amounts(xml: &str, name: &str) -> Vec<Money> {
    let begin = format!("<cbc:{name} currencyID=\"SEK\">");
    let texts = xml.split(&begin).skip(1).filter_map(|rest| rest.split('<').next());
    texts.map(kronor).collect()
}

fn one(xml: &str, name: &str) -> Money {
    let found = amounts(xml, name);
    assert_eq!(found.len(), 1, "{name}");
    found[0]
}

prop_compose! {
    /// Charges of any sign: quantity × price or another amount, with a part that is financed jointly or without.
    fn any_charge()(
        customer in prop_oneof![Just("LEJON"), Just("STANGA"), Just("VISIT"), Just("KLF")],
        micros in -2_000_000_000_i128..2_000_000_000,
        off in prop_oneof![4 => Just(0_i64), 1 => -3_i64..4],
        model in prop_oneof![3 => Just(""), 1 => Just("paket 100")],
        joint_percent in prop_oneof![2 => Just(0_i64), 1 => 0_i64..101],
        surcharge in prop_oneof![1 => Just(0_i64), 3 => -500_i64..500],
        corrected in prop_oneof![3 => Just(None), 1 => Just(Some("2021-01")), 1 => Just(Some("2021-02"))],
    ) -> Charge {
        let plain = of(charge(customer, "0", "0", "0"), ["s", "m", "", "GB"], ("0.0925", model));
        let quantity = Quantity::from_micros(micros);
        let exact = "0.0925".parse::<domain::UnitPrice>().unwrap().times(quantity).unwrap();
        let gross = exact + Money::from_ore(off);
        let joint = Money::from_ore(gross.ore() * joint_percent / 100);
        Charge {
            quantity, gross, joint,
            net: gross - joint,
            surcharge: Money::from_ore(surcharge),
            corrects: corrected.map(month),
            ..plain
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn lines_add_up_and_every_one_is_quantity_times_price(
        charges in prop::collection::vec(any_charge(), 1..12),
        turns in any::<bool>(),
    ) {
        let kind = if turns { DocumentType::CreditNote } else { DocumentType::Invoice };
        let all: Vec<&Charge> = charges.iter().collect();
        let made = lines(kind, &all, |_| None);
        let total: Money = charges.iter().map(|charge| charge.net + charge.surcharge).sum();
        let sum: Money = made.iter().map(|line| line.amount).sum();
        prop_assert_eq!(sum, if turns { -total } else { total });
        for line in &made {
            prop_assert!(line.price >= rust_decimal::Decimal::ZERO, "{:?}", line);
            let gross = Money::rounded(line.quantity.to_decimal() * line.price).unwrap();
            prop_assert_eq!(gross - line.allowance, line.amount, "{:?}", line);
        }
    }

    #[test]
    fn documents_tie_out_and_none_is_lost(
        mut charges in prop::collection::vec(any_charge(), 0..16),
        closed in any::<bool>(),
        rounds_to_kronor in any::<bool>(),
    ) {
        charges.sort_by_key(|charge| charge.corrects);
        let bill = bill(if closed { MonthState::Closed } else { MonthState::Open }, charges);
        let mut catalogue = catalogue();
        catalogue.invoicing.rounds_to_kronor = rounds_to_kronor;
        let files = files(&bill, &catalogue);
        prop_assert_eq!(&files, &super::files(&bill, &catalogue));
        let mut sum = Money::ZERO;
        for (name, xml) in files.iter().filter(|(name, _)| name != JOURNAL) {
            let total = one(xml, "TaxExclusiveAmount");
            let vat = amounts(xml, "TaxAmount")[0];
            let rounding: Money = amounts(xml, "PayableRoundingAmount").into_iter().sum();
            // The first is the document's own.
            let extensions = amounts(xml, "LineExtensionAmount");
            prop_assert_eq!(extensions[0], total);
            prop_assert_eq!(extensions[1..].iter().copied().sum::<Money>(), total);
            prop_assert!(extensions.len() > 1, "a document has a line");
            prop_assert!((4 * vat.ore() - total.ore()).abs() <= 2, "a quarter, to half an öre");
            prop_assert_eq!(one(xml, "TaxInclusiveAmount"), total + vat);
            let payable = one(xml, "PayableAmount");
            prop_assert_eq!(payable, total + vat + rounding);
            prop_assert!(!rounds_to_kronor || (payable.ore() % 100 == 0 && rounding.ore().abs() <= 50));
            let credits = xml.contains("<CreditNote ");
            prop_assert!(total >= Money::ZERO, "{} of {}", total, name);
            if credits { sum -= total } else { sum += total }
        }
        let (_, journal) = files.last().unwrap();
        let mut listed = Money::ZERO;
        for row in journal.lines().skip(1) {
            let fields: Vec<_> = row.split(';').collect();
            let amount = kronor(&fields[7].replace(',', ".")) + kronor(&fields[8].replace(',', "."));
            listed += amount;
            if fields[13] == "nej" {
                sum += amount;
            }
        }
        prop_assert_eq!(sum, listed, "each is electronic or listed as to be made by hand");
        let of_companies = bill.charges.iter().filter(|charge| charge.customer.kind == CustomerKind::Bolag);
        prop_assert_eq!(sum, of_companies.map(|charge| charge.net + charge.surcharge).sum::<Money>());
    }
}
