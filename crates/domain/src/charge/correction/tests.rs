//! Terms of a closed month never change by themselves. Should they ever be changed by hand, its surcharge still comes out.

use super::*;
use crate::catalogue::Catalogue;
use crate::charge::charges;
use crate::rating::rate;
use crate::rating::tests::{catalogue, owned, used};
use crate::usage::MonthlyUsage;

const MARCH: &str = "2021-03";

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn three_per_cent() -> Option<Rate> {
    Some("0.03".parse().unwrap())
}

/// The catalogue with these services established, and no others.
fn established(services: &[&str]) -> Catalogue {
    let mut catalogue = catalogue();
    catalogue.costcentres.extend([owned("110300", &[("KLF", "2020-01-01", None)])]);
    for service in catalogue.services.values_mut() {
        service.established_from = services.contains(&service.slug.as_str()).then(|| month("2020-01"));
    }
    catalogue
}

fn charged(services: &[&str], usage: &[MonthlyUsage]) -> Vec<Charge> {
    charges(&rate(&established(services), month(MARCH), usage, &[]), three_per_cent())
}

/// Minutes of rpa at 2.50 kr.
fn minutes(costcentre: &str, minutes: i128) -> MonthlyUsage {
    used(MARCH, "rpa", "minute", costcentre, "", minutes * 1_000_000)
}

/// `costcentre service quantity net + surcharge`
fn corrected(fresh: &[Charge], booked: &[Charge]) -> Vec<String> {
    let lines = corrections(month("2021-04"), month(MARCH), three_per_cent(), fresh, booked);
    let shown = |c: &Charge| {
        format!("{} {} {} {} + {}", c.costcentre, c.tariff.service, c.quantity, c.net, c.surcharge)
    };
    lines.iter().map(shown).collect()
}

#[test]
fn where_no_line_differs_the_first_that_bears_the_surcharge_carries_it() {
    // e-moten's 1000 h × 0.48 = 480.00 bore 14.40; rpa's 100 min × 2.50 = 250.00 should have borne 7.50 instead: −6.90.
    let usage =
        [used(MARCH, "e-moten", "participant_hour", "110200", "", 1_000_000_000), minutes("110200", 100)];
    let (meetings, robots) = (charged(&["e-moten"], &usage), charged(&["rpa"], &usage));
    assert_eq!(corrected(&robots, &meetings), ["110200 rpa 0 0.00 + -6.90"]);
    // Where none bears it any more, the first line does.
    assert_eq!(corrected(&charged(&[], &usage), &robots), ["110200 e-moten 0 0.00 + -7.50"]);
}

#[test]
fn where_no_line_bears_the_surcharge_those_that_differ_carry_it() {
    // 7.50 was borne; nothing should be. Two lines of 250.00 more claim alike: −3.75 each.
    let booked = charged(&["rpa"], &[minutes("110200", 100)]);
    let fresh = charged(&[], &[minutes("110200", 200), minutes("110300", 100)]);
    assert_eq!(
        corrected(&fresh, &booked),
        ["110200 rpa 100 250.00 + -3.75", "110300 rpa 100 250.00 + -3.75"]
    );
}

#[test]
fn where_no_line_bears_the_surcharge_and_there_is_none_no_line_gets_any() {
    // Spread in proportion, nothing would be so many öre to one and from the other.
    let booked = charged(&[], &[minutes("110200", 1)]);
    let fresh = charged(&[], &[minutes("110200", 101), minutes("110300", 7)]);
    assert_eq!(corrected(&fresh, &booked), ["110200 rpa 100 250.00 + 0.00", "110300 rpa 7 17.50 + 0.00"]);
}
