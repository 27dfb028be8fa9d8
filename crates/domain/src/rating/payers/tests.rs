use super::*;
use crate::rating::tests::{catalogue, owned, used};
use crate::rating::{Rated, rate};

/// KLF's hours at a price of this model, as millionths under two cost centres.
fn priced(price: &str, model: &str, first: i128, second: i128) -> Rated {
    let mut catalogue = catalogue();
    catalogue.costcentres.extend([owned("110300", &[("KLF", "2020-01-01", None)])]);
    let row = catalogue.prices.iter_mut().find(|row| row.meter == "participant_hour").unwrap();
    (row.price, row.model) = (price.parse().unwrap(), model.parse().unwrap());
    let hours = |costcentre, micros| used("2021-03", "e-moten", "participant_hour", costcentre, "", micros);
    rate(&catalogue, "2021-03".parse().unwrap(), &[hours("110200", first), hours("110300", second)], &[])
}

fn flat(first: i128, second: i128) -> Rated {
    priced("450", "fast", first, second)
}

fn grosses_of(rated: &Rated) -> Vec<i64> {
    rated.lines.iter().map(|line| line.gross.ore()).collect()
}

/// The first two hours are free for each payer: 3 − 2 and 5 − 2 h at 0.48. Each of its agreements' levels has its own
/// minimum of 4000 kr; together the two of KLF would have paid 7000.
#[test]
fn steps_allowances_and_minima_are_each_payers_and_each_classes_own() {
    let mut catalogue = catalogue();
    let level = catalogue.prices.iter().find(|row| row.meter == "agreement").unwrap().clone();
    catalogue.prices.push(crate::catalogue::PriceRow { class: "B".to_owned(), ..level });
    for row in &mut catalogue.prices {
        match row.meter.as_str() {
            "participant_hour" => row.model = "fritt 2".parse().unwrap(),
            "agreement" => row.model = "minst 4000".parse().unwrap(),
            _ => {}
        }
    }
    catalogue.prices.sort_by(|a, b| (&a.service, &a.meter, &a.class).cmp(&(&b.service, &b.meter, &b.class)));
    let hours = |costcentre, hours| used("2021-03", "e-moten", "participant_hour", costcentre, "", hours);
    let level = |class| used("2021-03", "driftavtal", "agreement", "110200", class, 31_000_000);
    let usage = [hours("110200", 3_000_000), hours("441001", 5_000_000), level("A"), level("B")];
    let rated = rate(&catalogue, "2021-03".parse().unwrap(), &usage, &[]);
    assert_eq!(
        rated.lines.iter().map(crate::rating::tests::shown).collect::<Vec<_>>(),
        [
            "KLF 110200 driftavtal/agreement/A 1 × - = 4000.00 − 0.00 = 4000.00",
            "KLF 110200 driftavtal/agreement/B 1 × - = 4000.00 − 0.00 = 4000.00",
            "KLF 110200 e-moten/participant_hour/ 3 × - = 0.48 − 0.00 = 0.48",
            "UAF 441001 e-moten/participant_hour/ 5 × - = 1.44 − 0.00 = 1.44",
        ]
    );
}

/// An event's greatest quantity less a millionth under another cost centre: a part would be 4.5 × 10²³ kr.
#[test]
fn quantities_that_nearly_cancel_out_are_found_when_a_part_is_beyond_a_line() {
    let greatest = crate::quantity::QUANTITY_MAX;
    for (first, second) in [(greatest, 1 - greatest), (1 - greatest, greatest), (greatest, -1 - greatest)] {
        let rated = flat(first, second);
        let found = Finding::TooLarge {
            service: "e-moten".to_owned(),
            meter: "participant_hour".to_owned(),
            class: String::new(),
            costcentre: "110200".to_owned(),
        };
        assert_eq!((rated.lines, rated.findings), (vec![], vec![found]), "{first} and {second}");
    }
}

/// 450 kr × q over a used quantity of 0.000001: 10¹² kr is what a line may be, and a millionth more is not.
#[test]
fn a_part_may_be_as_large_as_a_line() {
    let most = 1_000_000_000_000 / 450;
    let within = flat(most, 1 - most);
    assert_eq!(grosses_of(&within), [99_999_999_990_000, -99_999_999_945_000]);
    assert_eq!(within.findings, []);
    let beyond = flat(most + 1, -most);
    assert_eq!((grosses_of(&beyond), beyond.findings.len()), (vec![], 1));
    assert_eq!(grosses_of(&flat(2 * most, 2 - 2 * most)), grosses_of(&within));
    // What cancels out wholly costs nothing.
    assert_eq!(grosses_of(&flat(most, -most)), [0, 0]);
}

#[test]
fn amounts_and_quantities_that_are_spread_have_limits() {
    // 10²⁴ millionths, of both cost centres.
    let greatest = 1_000_000_000_000_000_000_000_000;
    assert_eq!(grosses_of(&flat(greatest - 1, 1)), [45_000, 0]);
    assert_eq!(flat(greatest, 1).findings.len(), 1);
    // 1000 begun packages at 10⁹ kr are 10¹² kr; 1001 are beyond.
    let packages = |micros| priced("1000000000", "paket 1", micros, 0);
    assert_eq!(grosses_of(&packages(1_000_000_000)), [LINE_GROSS_MAX.ore()]);
    assert_eq!(packages(1_000_000_001).findings.len(), 1);
}
