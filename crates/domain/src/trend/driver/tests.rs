use proptest::prelude::*;

use super::*;

fn kronor(text: &str) -> Money {
    Money::rounded(text.parse().unwrap()).unwrap()
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

/// A priced line of a customer's cost centre.
fn line<'a>(
    (payer, costcentre, service): (&'a str, &'a str, &'a str),
    used: &str,
    price: &str,
) -> LineOf<'a> {
    let (quantity, price) = (quantity(used), price.parse::<UnitPrice>().unwrap());
    LineOf {
        payer,
        costcentre,
        service,
        meter: "units",
        class: "",
        quantity,
        amount: price.times(quantity).unwrap(),
        unit_price: Some(price),
        corrects: false,
    }
}

/// A line whose amount is no quantity × price.
fn lump<'a>(key: (&'a str, &'a str, &'a str), used: &str, amount: &str) -> LineOf<'a> {
    LineOf { amount: kronor(amount), unit_price: None, ..line(key, used, "0") }
}

const UBF: (&str, &str, &str) = ("UBF", "20012", "chromebook");
const VOF: (&str, &str, &str) = ("VOF", "30011", "chromebook");

#[test]
fn a_change_is_told_by_its_parts() {
    let correction = |amount: &str| LineOf { corrects: true, ..lump(UBF, "0", amount) };
    let none = Parts::default();
    type Case<'a> = (&'a str, Vec<LineOf<'a>>, Vec<LineOf<'a>>, Parts);
    let cases: [Case<'_>; 12] = [
        ("the same", vec![line(UBF, "5", "61")], vec![line(UBF, "5", "61")], none),
        (
            "4,900 more at 61.00, and 14,800 at 2.50 more",
            vec![line(UBF, "9900", "61.00")],
            vec![line(UBF, "14800", "63.50")],
            Parts { volume: kronor("298900"), price: kronor("37000"), ..none },
        ),
        (
            "fewer and cheaper",
            vec![line(UBF, "10", "3")],
            vec![line(UBF, "4", "2")],
            Parts { volume: kronor("-18"), price: kronor("-4"), ..none },
        ),
        ("new", vec![], vec![line(UBF, "2", "61")], Parts { new: kronor("122"), ..none }),
        ("ended", vec![line(UBF, "2", "61")], vec![], Parts { ended: kronor("-122"), ..none }),
        (
            "from nothing",
            vec![line(UBF, "0", "61")],
            vec![line(UBF, "2", "61")],
            Parts { new: kronor("122"), ..none },
        ),
        (
            "two rounded halves: 0.005 + 0.005 kr are 0.02 kr in two lines, 0.01 kr in one",
            vec![line(UBF, "0.1", "0.05"), line(("UBF", "20013", "chromebook"), "0.1", "0.05")],
            vec![line(UBF, "0.2", "0.05")],
            Parts { rounding: kronor("-0.01"), ..none },
        ),
        (
            "steps: 100 for 10, then 150 for 20: 10 more at 10.00, and 20 at 2.50 less",
            vec![lump(UBF, "10", "100")],
            vec![lump(UBF, "20", "150")],
            Parts { volume: kronor("100"), price: kronor("-50"), ..none },
        ),
        (
            "two prices in one key count by their mean",
            vec![line(UBF, "1", "10"), line(UBF, "1", "20")],
            vec![line(UBF, "3", "20")],
            Parts { volume: kronor("15"), price: kronor("15"), ..none },
        ),
        (
            "a least amount where nothing was used",
            vec![lump(UBF, "0", "500")],
            vec![lump(UBF, "2", "700")],
            Parts { price: kronor("200"), ..none },
        ),
        (
            "an amount that is not its quantity × price",
            vec![line(UBF, "2", "10")],
            vec![LineOf { amount: kronor("50"), ..line(UBF, "4", "10") }],
            Parts { volume: kronor("20"), price: kronor("10"), ..none },
        ),
        (
            "corrections of either month",
            vec![line(UBF, "1", "10"), correction("-3")],
            vec![line(UBF, "1", "10"), correction("4"), correction("1")],
            Parts { corrections: kronor("8"), ..none },
        ),
    ];
    for (what, before, after, parts) in cases {
        assert_eq!(drivers(&before, &after, Grain::Payer, 9).parts, parts, "{what}");
    }
}

#[test]
fn what_moves_within_a_grain_is_no_change() {
    let before = [line(UBF, "5", "10"), line(VOF, "1", "10")];
    let after = [line(("UBF", "20099", "chromebook"), "4", "10"), line(VOF, "2", "10")];
    let count = |grain: Grain| drivers(&before, &after, grain, 9).top.len();
    assert_eq!([Grain::Class, Grain::Payer, Grain::Costcentre].map(count), [0, 2, 3]);
}

#[test]
fn the_greatest_change_comes_first_and_the_rest_is_summed() {
    let key = |service: &'static str| ("UBF", "20012", service);
    let before = [
        line(key("a"), "10", "1"),
        line(key("b"), "10", "1"),
        line(key("c"), "10", "1"),
        line(key("d"), "9", "1"),
    ];
    let after = [
        line(key("a"), "12", "1"),
        line(key("b"), "3", "1"),
        line(key("c"), "20", "0.5"),
        line(key("d"), "9", "1"),
    ];
    let found = drivers(&before, &after, Grain::Payer, 2);
    let top: Vec<_> = found.top.iter().map(|driver| (driver.key.service, driver.parts.total())).collect();
    assert_eq!(top, [("b", kronor("-7")), ("a", kronor("2"))]);
    assert_eq!((found.before, found.after), (kronor("39"), kronor("34")));
    // Ten more at half the price: nothing in all, but something happened.
    let rest = Parts { volume: kronor("10"), price: kronor("-10"), ..Parts::default() };
    assert_eq!((found.rest, found.rest_count), (rest, 1));
    let b = &found.top[0];
    let side = |used: &str, amount: &str| Side {
        quantity: quantity(used),
        amount: kronor(amount),
        unit_price: Some("1".parse().unwrap()),
        lines: 1,
    };
    assert_eq!((b.before, b.after), (Some(side("10", "10")), Some(side("3", "3"))));
    assert_eq!(drivers(&before, &after, Grain::Payer, 0).rest_count, 3);
}

#[test]
fn the_largest_quantities_do_not_overflow() {
    let lump = |micros: i128, ore: i64| LineOf {
        quantity: Quantity::from_micros(micros),
        amount: Money::from_ore(ore),
        ..lump(UBF, "0", "0")
    };
    let most = crate::quantity::QUANTITY_MAX;
    for (before, after) in [
        (lump(most, 1_000_000_000), lump(-most, -1_000_000_000)),
        (lump(1, 1_000_000_000_000), lump(most, 7)),
        (lump(-1, 5), lump(most, i64::MAX / 4)),
    ] {
        let found = drivers(&[before], &[after], Grain::Class, 1);
        assert_eq!(found.parts.total(), after.amount - before.amount, "{found:?}");
    }
}

#[test]
fn a_charge_is_a_line_of_its_gross() {
    use crate::rating::tests::{catalogue, used};
    let of = |quantity: i128| {
        let usage = [used("2021-03", "e-moten", "participant_hour", "110200", "", quantity)];
        let rated = crate::rating::rate(&catalogue(), "2021-03".parse().unwrap(), &usage, &[]);
        crate::charge::charges(&rated, None).remove(0)
    };
    let (before, after) = (of(2_000_000), of(7_000_000));
    let line = LineOf::from(&before);
    assert_eq!(line.unit_price.and_then(|price| price.times(line.quantity)), Some(before.gross));
    assert_eq!((line.payer, line.costcentre, line.service), (&*before.customer.code, "110200", "e-moten"));
    let mut correction = of(1_000_000);
    correction.corrects = Some("2021-02".parse().unwrap());
    let found = drivers(&[line], &[(&after).into(), (&correction).into()], Grain::Costcentre, 1);
    let parts =
        Parts { volume: after.gross - before.gross, corrections: correction.gross, ..Parts::default() };
    assert_eq!(found.parts, parts);
}

/// Lines of a few keys, most of them priced by unit.
fn lines() -> impl Strategy<Value = Vec<LineOf<'static>>> {
    let key = (0_usize..2, 0_usize..2, 0_usize..3);
    let line = (key, -5_000_000_i128..50_000_000, 0_i64..3, any::<bool>(), 0_u8..10);
    let line = line.prop_map(|((payer, costcentre, service), micros, price, priced, corrects)| {
        let key = (["UBF", "VOF"][payer], ["1", "2"][costcentre], ["a", "b", "c"][service]);
        let quantity = Quantity::from_micros(micros);
        let price: UnitPrice = ["0.05", "0.0925", "61"][price as usize].parse().unwrap();
        let amount = price.times(quantity).unwrap();
        let base = lump(key, "0", "0");
        LineOf { quantity, amount, unit_price: priced.then_some(price), corrects: corrects == 0, ..base }
    });
    prop::collection::vec(line, 0..20)
}

proptest! {
    #[test]
    fn the_parts_are_the_change_to_the_ore(before in lines(), after in lines(), top in 0_usize..5) {
        let cost = |lines: &[LineOf<'_>]| lines.iter().map(|line| line.amount).sum::<Money>();
        for grain in [Grain::Class, Grain::Payer, Grain::Costcentre] {
            let found = drivers(&before, &after, grain, top);
            prop_assert_eq!(found.parts.total(), cost(&after) - cost(&before));
            prop_assert_eq!((found.before, found.after), (cost(&before), cost(&after)));
            let mut sum = found.rest;
            found.top.iter().for_each(|driver| sum += driver.parts);
            prop_assert_eq!(sum, found.parts);
            let sizes: Vec<u64> =
                found.top.iter().map(|driver| driver.parts.total().ore().unsigned_abs()).collect();
            prop_assert!(sizes.is_sorted_by(|a, b| a >= b));
            let most = (before.len() + after.len()) as u64;
            prop_assert!(found.parts.rounding.ore().unsigned_abs() <= most * 2);
        }
    }

    #[test]
    fn an_unchanged_price_changes_nothing_by_price(used in prop::collection::vec(1_i128..50_000_000, 2..9)) {
        let price: UnitPrice = "0.0925".parse().unwrap();
        let line = |micros: &i128| {
            let quantity = Quantity::from_micros(*micros);
            LineOf { quantity, amount: price.times(quantity).unwrap(), ..line(UBF, "0", "0.0925") }
        };
        let lines: Vec<_> = used.iter().map(line).collect();
        let found = drivers(&lines[..1], &lines[1..], Grain::Payer, 1);
        prop_assert_eq!(found.parts.price, Money::ZERO);
    }
}
