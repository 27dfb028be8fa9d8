use super::*;
use crate::rating::tests::{catalogue, owned, used};
use crate::rating::{Rated, rate};

/// KLF's hours at a flat 450 kr, as millionths under two cost centres.
fn flat(first: i128, second: i128) -> Rated {
    let mut catalogue = catalogue();
    catalogue.costcentres.extend([owned("110300", &[("KLF", "2020-01-01", None)])]);
    let row = catalogue.prices.iter_mut().find(|row| row.meter == "participant_hour").unwrap();
    (row.price, row.model) = ("450".parse().unwrap(), "fast".parse().unwrap());
    let hours = |costcentre, micros| used("2021-03", "e-moten", "participant_hour", costcentre, "", micros);
    rate(&catalogue, "2021-03".parse().unwrap(), &[hours("110200", first), hours("110300", second)], &[])
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
    let grosses = |rated: &Rated| rated.lines.iter().map(|line| line.gross.ore()).collect::<Vec<_>>();
    let within = flat(most, 1 - most);
    assert_eq!(grosses(&within), [99_999_999_990_000, -99_999_999_945_000]);
    assert_eq!(within.findings, []);
    let beyond = flat(most + 1, -most);
    assert_eq!((grosses(&beyond), beyond.findings.len()), (vec![], 1));
    // What cancels out wholly costs nothing.
    assert_eq!(grosses(&flat(most, -most)), [0, 0]);
}
