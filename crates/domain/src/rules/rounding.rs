//! §2.6 by hand: half away from zero, once for a line's quantity, once for G, once for J, once for a payer's P; what is
//! spread adds up. Corrections below zero mirror those above.

use super::{charged, month, shown};
use crate::catalogue::Catalogue;
use crate::charge::{Charge, corrections};
use crate::financing::{JointShare, Part, Payers, Phase};
use crate::money::Money;
use crate::rating::tests::{catalogue, owned, used};
use crate::usage::MonthlyUsage;

/// The catalogue with hours at this price, of this model.
fn priced(price: &str, model: &str) -> Catalogue {
    let mut catalogue = catalogue();
    let row = catalogue.prices.iter_mut().find(|row| row.meter == "participant_hour").unwrap();
    (row.price, row.model) = (price.parse().unwrap(), model.parse().unwrap());
    catalogue
        .costcentres
        .extend(["110300", "110400"].map(|code| owned(code, &[("KLF", "2020-01-01", None)])));
    catalogue
}

fn hours(costcentre: &str, micros: i128) -> MonthlyUsage {
    used("2021-03", "e-moten", "participant_hour", costcentre, "", micros)
}

fn corrected(catalogue: &Catalogue, usage: &[MonthlyUsage], booked: &[Charge]) -> Vec<Charge> {
    let rate = catalogue.rate(month("2021-03")).map(|row| row.rate);
    corrections(month("2021-04"), month("2021-03"), rate, &charged(catalogue, "2021-03", usage), booked)
}

fn parts(charges: &[Charge], of: fn(&Charge) -> Money) -> Vec<i64> {
    charges.iter().map(|charge| of(charge).ore()).collect()
}

#[test]
fn g_rounds_half_away_from_zero_above_and_below() {
    // 0.125 × 0.04 = 0.005 → 0.01; 0.124999 × 0.04 = 0.00499996 → 0.00.
    let catalogue = priced("0.04", "");
    for (micros, ore) in [(125_000, 1), (124_999, 0), (-125_000, -1), (-124_999, 0), (375_000, 2)] {
        let charges = charged(&catalogue, "2021-03", &[hours("110200", micros)]);
        assert_eq!(parts(&charges, |c| c.gross), [ore], "{micros}");
    }
}

#[test]
fn g_is_the_price_of_the_rounded_quantity() {
    // One object-day of 31 is 0.032258 (0.0322580645…). × 500 = 16.129 → 16.13; 16 of them 0.516129 × 500 = 258.0645 →
    // 258.06, where the exact quotient would have made 258.0645161…: the same öre. At 2,000,000 kr the quantity's
    // rounding shows: 0.032258 × 2,000,000 = 64516.00 instead of 64516.13.
    let mut catalogue = catalogue();
    let days = |n: i128| [used("2021-03", "e-moten", "room", "110200", "", n * 1_000_000)];
    let shown_of = |catalogue: &Catalogue, n| shown(&charged(catalogue, "2021-03", &days(n))).remove(0);
    assert_eq!(
        [1, 16, -1].map(|n| shown_of(&catalogue, n)),
        [
            "2021-03.KLF.110200.e-moten.room.- 0.032258: 16.13 − 0.00 = 16.13 + 0.48",
            "2021-03.KLF.110200.e-moten.room.- 0.516129: 258.06 − 0.00 = 258.06 + 7.74",
            "2021-03.KLF.110200.e-moten.room.- -0.032258: -16.13 − 0.00 = -16.13 + -0.48",
        ]
    );
    let row = catalogue.prices.iter_mut().find(|row| row.meter == "room").unwrap();
    row.price = "2000000".parse().unwrap();
    assert_eq!(
        shown_of(&catalogue, 1),
        "2021-03.KLF.110200.e-moten.room.- 0.032258: 64516.00 − 0.00 = 64516.00 + 1935.48"
    );
}

#[test]
fn j_rounds_the_rounded_gross_and_n_is_the_rest() {
    // G = öre(0.0149) = 0.01; J = öre(0.5 × 0.01) = öre(0.005) = 0.01, N = 0.00. Half of the exact 0.0149 would be 0.00745.
    // G = 0.03: J = öre(0.015) = 0.02, N = 0.01.
    let mut catalogue = priced("1", "");
    catalogue.joint_shares = vec![JointShare {
        service: "e-moten".to_owned(),
        part: Part::Service,
        payers: Payers::All,
        valid_from: month("2021-01"),
        valid_to: None,
        share: "0.5".parse().unwrap(),
        phase: Phase::Development,
        bearer: None,
        decision: "KS 2021-7".to_owned(),
    }];
    for (micros, gross, joint, net) in
        [(14_900, 1, 1, 0), (-14_900, -1, -1, 0), (30_000, 3, 2, 1), (-30_000, -3, -2, -1), (40_000, 4, 2, 2)]
    {
        let charge = charged(&catalogue, "2021-03", &[hours("110200", micros)]).remove(0);
        assert_eq!([charge.gross, charge.joint, charge.net].map(Money::ore), [gross, joint, net], "{micros}");
    }
}

#[test]
fn p_is_rounded_once_for_a_payer_and_its_parts_add_up() {
    // 3 % of 0.14 is 0.42 öre. Three lines of a payer: öre(1.26) = 1 öre, to the first cost centre as all claim alike; each
    // by itself would have given nothing. A company's single line gives öre(0.42) = 0. Below zero it is the same.
    let catalogue = priced("0.01", "");
    for sign in [1, -1] {
        let usage =
            ["110400", "110200", "110300", "B0100"].map(|costcentre| hours(costcentre, sign * 14_000_000));
        let charges = charged(&catalogue, "2021-03", &usage);
        let sign = i64::try_from(sign).unwrap();
        assert_eq!(parts(&charges, |c| c.net), [14, 14, 14, 14].map(|ore| sign * ore));
        assert_eq!(parts(&charges, |c| c.surcharge), [sign, 0, 0, 0]);
    }
}

#[test]
fn ties_go_by_the_services_slug_before_the_cost_centre() {
    // Claims of 0.42 öre each: rpa is established here. e-moten comes before rpa, whatever their cost centres.
    let mut catalogue = priced("0.01", "");
    catalogue.services.get_mut("rpa").unwrap().established_from = Some(month("2020-01"));
    catalogue.prices.iter_mut().find(|row| row.meter == "minute").unwrap().price = "0.01".parse().unwrap();
    let usage = [
        used("2021-03", "rpa", "minute", "110200", "", 14_000_000),
        used("2021-03", "rpa", "minute", "110300", "", 14_000_000),
        hours("110400", 14_000_000),
    ];
    let charges = charged(&catalogue, "2021-03", &usage);
    let surcharges: Vec<_> = charges.iter().map(|c| (&*c.costcentre, c.surcharge.ore())).collect();
    assert_eq!(surcharges, [("110200", 0), ("110300", 0), ("110400", 1)]);
}

#[test]
fn a_correction_of_p_is_a_difference_of_rounded_sums() {
    // N = 0.50: P = öre(1.5 öre) = 2. N = 0.49: öre(1.47) = 1. So −0.01 of N is −1 of P, where öre(−0.03) would be 0; and
    // back again. Wholly taken back, −0.50 brings −2. From −0.50 (−2) to −0.49 (−1) it is +1.
    let catalogue = priced("0.01", "");
    let of = |ore: i128| [hours("110200", ore * 1_000_000)];
    for (before, after, net, surcharge) in
        [(50, 49, -1, -1), (49, 50, 1, 1), (50, 0, -50, -2), (-50, -49, 1, 1), (-50, 50, 100, 4)]
    {
        let booked = charged(&catalogue, "2021-03", &of(before));
        let lines = corrected(&catalogue, &of(after), &booked);
        assert_eq!(parts(&lines, |c| c.net), [net], "{before} → {after}");
        assert_eq!(parts(&lines, |c| c.surcharge), [surcharge], "{before} → {after}");
    }
}

#[test]
fn a_correction_of_p_is_each_payers_own() {
    // N = 0.14: P = öre(0.42 öre) = 0 for each of two payers, 0.17: öre(0.51) = 1 for each. Together 0.06 more would bear
    // öre(0.18) = 0.
    let catalogue = priced("0.01", "");
    let of = |ore: i128| ["110200", "B0100"].map(|costcentre| hours(costcentre, ore * 1_000_000));
    let booked = charged(&catalogue, "2021-03", &of(14));
    let lines = corrected(&catalogue, &of(17), &booked);
    assert_eq!((parts(&lines, |c| c.net), parts(&lines, |c| c.surcharge)), (vec![3, 3], vec![1, 1]));
}

#[test]
fn a_payers_amount_is_spread_by_largest_remainder_and_a_credit_mirrors_it() {
    // 1 kr for the month over three equal cost centres: 0.34 to the first by code. A credit is spread the same way.
    let catalogue = priced("1", "fast");
    for sign in [1, -1] {
        let usage = ["110400", "110300", "110200"].map(|costcentre| hours(costcentre, sign * 7));
        let sign = i64::try_from(sign).unwrap();
        let charges = charged(&catalogue, "2021-03", &usage);
        assert_eq!(parts(&charges, |c| c.gross), [34, 33, 33].map(|ore| sign * ore));
    }
}

#[test]
fn a_correction_moves_what_other_cost_centres_bear_of_a_payers_amount() {
    // 1 kr for the month: 110200 alone bears it. Then 110300 used three times as much: 0.25 and 0.75. The first line's
    // quantity is as it was; P = öre(3 öre) stays, and the two lines claim −2.25 and 2.25 öre of nothing.
    let catalogue = priced("1", "fast");
    let booked = charged(&catalogue, "2021-03", &[hours("110200", 1_000_000)]);
    let lines = corrected(&catalogue, &[hours("110200", 1_000_000), hours("110300", 3_000_000)], &booked);
    assert_eq!(
        shown(&lines),
        [
            "2021-04.2021-03.KLF.110200.e-moten.participant_hour.- 0: -0.75 − 0.00 = -0.75 + -0.02",
            "2021-04.2021-03.KLF.110300.e-moten.participant_hour.- 3: 0.75 − 0.00 = 0.75 + 0.02",
        ]
    );
}
