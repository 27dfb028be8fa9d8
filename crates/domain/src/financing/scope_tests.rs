//! What takes the place of what, when a share is simulated.

use super::*;

fn named(codes: &[&str]) -> Payers {
    Payers::Named(codes.iter().map(|code| (*code).to_owned()).collect())
}

fn kinds(kinds: &[CustomerKind]) -> Payers {
    Payers::Kinds(kinds.iter().copied().collect())
}

#[test]
fn a_part_includes_itself_and_what_is_narrower() {
    let meter = |slug: &str| Part::Meter(slug.to_owned());
    let class = |meter: &str, class: &str| Part::Class { meter: meter.to_owned(), class: class.to_owned() };
    // The meter `robot` costs by the running unit, `central` centrally, and nobody knows `x`.
    let cost_kind = |meter: &str| match meter {
        "robot" => Some(CostKind::Running),
        "central" => Some(CostKind::Central),
        _ => None,
    };
    let parts = [
        Part::Service,
        Part::CostKind(CostKind::Running),
        Part::CostKind(CostKind::Central),
        meter("robot"),
        meter("central"),
        meter("x"),
        class("robot", "a"),
        class("robot", "b"),
        class("x", "a"),
    ];
    let included =
        |part: &Part| (0..parts.len()).filter(|at| part.includes(&parts[*at], cost_kind)).collect::<Vec<_>>();
    let all: Vec<Vec<usize>> = parts.iter().map(included).collect();
    assert_eq!(
        all,
        [
            &[0, 1, 2, 3, 4, 5, 6, 7, 8][..],
            &[1, 3, 6, 7],
            &[2, 4],
            &[3, 6, 7],
            &[4],
            &[5, 8],
            &[6],
            &[7],
            &[8],
        ]
    );
}

#[test]
fn payers_include_themselves_and_some_of_them() {
    use CustomerKind::{Bolag, Forvaltning};
    let customer = |code: &str, kind| {
        (
            code.to_owned(),
            Customer {
                code: code.to_owned(),
                name: code.to_owned(),
                kind,
                number: None,
                reference: None,
                address: None,
            },
        )
    };
    let customers = [customer("KLF", Forvaltning), customer("LEJON", Bolag), customer("TEKV", Bolag)].into();
    let payers = [
        Payers::All,
        kinds(&[Bolag]),
        kinds(&[Bolag, Forvaltning]),
        named(&["LEJON"]),
        named(&["LEJON", "TEKV"]),
        named(&["LEJON", "KLF"]),
        named(&["X"]),
    ];
    let included = |those: &Payers| {
        (0..payers.len()).filter(|at| those.include(&payers[*at], &customers)).collect::<Vec<_>>()
    };
    let all: Vec<Vec<usize>> = payers.iter().map(included).collect();
    assert_eq!(all, [&[0, 1, 2, 3, 4, 5, 6][..], &[1, 3, 4], &[1, 2, 3, 4, 5], &[3], &[3, 4], &[3, 5], &[6]]);
}
