//! The rules of the object plan that are not worked by hand beside what computes them.

use super::{charged, month, shown};
use crate::catalogue::{Catalogue, PriceState, SurchargeRate};
use crate::charge::{Charge, corrections};
use crate::event::CustomerKind;
use crate::financing::{JointShare, Part, Payers, Phase};
use crate::money::Money;
use crate::object::Account;
use crate::quantity::Quantity;
use crate::rating::tests::{catalogue, used};
use crate::rating::{Finding, rate};
use crate::usage::MonthlyUsage;

fn kronor(text: &str) -> Money {
    Money::rounded(text.parse().unwrap()).unwrap()
}

/// Hours of meetings, at 0.48 kr until June 2021.
fn hours(at: &str, costcentre: &str, hours: i128) -> MonthlyUsage {
    used(at, "e-moten", "participant_hour", costcentre, "", hours * 1_000_000)
}

fn joint(months: (&str, Option<&str>), share: &str, phase: Phase, bearer: Option<&str>) -> JointShare {
    JointShare {
        service: "e-moten".to_owned(),
        part: Part::Service,
        payers: Payers::All,
        valid_from: month(months.0),
        valid_to: months.1.map(month),
        share: share.parse().unwrap(),
        phase,
        bearer: bearer.map(str::to_owned),
        decision: "KS 2021-7".to_owned(),
    }
}

fn surcharge_rate(from: &str, rate: &str) -> SurchargeRate {
    SurchargeRate {
        valid_from: month(from),
        rate: rate.parse().unwrap(),
        decision: "KS 2021-9".to_owned(),
        decided_by: "objektägare".to_owned(),
    }
}

/// The corrections of March that are billed in `at`.
fn corrected(catalogue: &Catalogue, at: &str, usage: &[MonthlyUsage], booked: &[Charge]) -> Vec<Charge> {
    let rate = catalogue.rate(month("2021-03")).map(|row| row.rate);
    corrections(month(at), month("2021-03"), rate, &charged(catalogue, "2021-03", usage), booked)
}

#[test]
fn r3_the_turnover_is_what_established_services_invoice_without_the_surcharge() {
    // 1000 h × 0.48 = 480.00; 100 GB × 1.15 = 115.00, of which half is joint: 57.50; a company's 10 rooms × 500 = 5000.00.
    // 100 min of rpa, under development, are none of it, nor what nobody pays for. T = 5537.50, and P = 14.40 + 1.73 + 150.
    let mut catalogue = catalogue();
    let share = joint(("2021-01", None), "0.5", Phase::LongTermMaintenance, None);
    catalogue.joint_shares = vec![JointShare { service: "lagring".to_owned(), ..share }];
    let hundred_gigabytes = 100_000_000 * i128::from(month("2021-03").micros());
    let usage = [
        hours("2021-03", "110200", 1000),
        used("2021-03", "lagring", "storage_gb", "441001", "", hundred_gigabytes),
        used("2021-03", "e-moten", "room", "B0100", "", 310_000_000),
        used("2021-03", "rpa", "minute", "110200", "", 100_000_000),
        hours("2021-03", "999999", 5),
    ];
    let account = Account::of(&charged(&catalogue, "2021-03", &usage));
    assert_eq!((account.turnover, account.surcharge), (kronor("5537.50"), kronor("166.13")));
}

#[test]
fn r4_a_service_bears_the_surcharge_from_the_month_that_it_is_established_in() {
    // 100 min × 2.50 = 250.00; 3 % = 7.50.
    let mut catalogue = catalogue();
    catalogue.services.get_mut("rpa").unwrap().established_from = Some(month("2021-04"));
    let surcharge = |at: &str| {
        let usage = [used(at, "rpa", "minute", "110200", "", 100_000_000)];
        charged(&catalogue, at, &usage)[0].surcharge
    };
    assert_eq!(["2021-03", "2021-04"].map(surcharge), [Money::ZERO, kronor("7.50")]);
}

#[test]
fn r6_a_company_pays_the_same_surcharge_as_an_administration() {
    let usage = [hours("2021-03", "110200", 1000), hours("2021-03", "B0100", 1000)];
    let charges = charged(&catalogue(), "2021-03", &usage);
    let paid = |c: &Charge| (c.customer.kind, c.net, c.surcharge);
    assert_eq!(
        charges.iter().map(paid).collect::<Vec<_>>(),
        [
            (CustomerKind::Forvaltning, kronor("480"), kronor("14.40")),
            (CustomerKind::Bolag, kronor("480"), kronor("14.40")),
        ]
    );
}

#[test]
fn r7_and_d5_a_new_rate_changes_neither_a_closed_month_nor_its_corrections() {
    // March at 3 %: 1000 h × 0.48 = 480.00, P = 14.40. From April it is 5 %, and 100 h of March come late:
    // 1100 h = 528.00, P = 15.84: 48.00 and 1.44, not 2.40. April's own 480.00 bear 24.00.
    let mut catalogue = catalogue();
    let march = [hours("2021-03", "110200", 1000)];
    let booked = charged(&catalogue, "2021-03", &march);
    catalogue.rates.push(surcharge_rate("2021-04", "0.05"));
    assert_eq!(charged(&catalogue, "2021-03", &march), booked);
    let late = [hours("2021-03", "110200", 1000), hours("2021-03", "110200", 100)];
    assert_eq!(
        shown(&corrected(&catalogue, "2021-04", &late, &booked)),
        ["2021-04.2021-03.KLF.110200.e-moten.participant_hour.- 100: 48.00 − 0.00 = 48.00 + 1.44"]
    );
    assert_eq!(
        shown(&charged(&catalogue, "2021-04", &[hours("2021-04", "110200", 1000)])),
        ["2021-04.KLF.110200.e-moten.participant_hour.- 1000: 480.00 − 0.00 = 480.00 + 24.00"]
    );
    // Nor does a new price: the correction of March in July is at March's 0.48, not at 0.52.
    assert_eq!(
        shown(&corrected(&catalogue, "2021-07", &[hours("2021-03", "110200", 900)], &booked)),
        ["2021-07.2021-03.KLF.110200.e-moten.participant_hour.- -100: -48.00 − 0.00 = -48.00 + -1.44"]
    );
}

#[test]
fn r9_usage_gives_its_lines_and_no_others() {
    // Upkeep and development are in the price: 1000 h × 0.48 and 2 rooms × 500, and nothing beside them.
    let usage =
        [hours("2021-03", "110200", 1000), used("2021-03", "e-moten", "room", "110200", "", 62_000_000)];
    assert_eq!(
        shown(&charged(&catalogue(), "2021-03", &usage)),
        [
            "2021-03.KLF.110200.e-moten.participant_hour.- 1000: 480.00 − 0.00 = 480.00 + 14.40",
            "2021-03.KLF.110200.e-moten.room.- 2: 1000.00 − 0.00 = 1000.00 + 30.00",
        ]
    );
    assert_eq!(charged(&catalogue(), "2021-03", &[]), []);
}

#[test]
fn r10_contributions_of_a_month_and_its_corrections_are_those_of_a_fresh_reckoning() {
    // An hour costs 0.48 and is delivered for 0.50: 3 h bring öre(1.44) − öre(1.50) = −0.06. Then there are 10 h:
    // 4.80 − 5.00 = −0.20, a correction of −0.14. Then 1 h: 0.48 − 0.50 = −0.02, a correction of 0.18. Then none.
    let mut catalogue = catalogue();
    let row = catalogue.prices.iter_mut().find(|row| row.meter == "participant_hour").unwrap();
    row.cost_price = Some("0.5".parse().unwrap());
    let mut booked = charged(&catalogue, "2021-03", &[hours("2021-03", "110200", 3)]);
    let mut contributions = vec![booked[0].contribution().unwrap()];
    for (at, used) in [("2021-04", 10), ("2021-05", 1), ("2021-06", 0)] {
        let lines = corrected(&catalogue, at, &[hours("2021-03", "110200", used)], &booked);
        contributions.push(lines[0].contribution().unwrap());
        booked.extend(lines);
    }
    assert_eq!(contributions, ["-0.06", "-0.14", "0.18", "0.02"].map(kronor));
    assert_eq!(Account::of(&booked).contributed(), Money::ZERO);
}

#[test]
fn r12_a_share_holds_from_its_first_month_to_its_last() {
    // 100 h × 0.48 = 48.00, a quarter of which is 12.00.
    let mut catalogue = catalogue();
    catalogue.joint_shares = vec![joint(("2021-03", Some("2021-04")), "0.25", Phase::Development, None)];
    let parts = |at: &str| {
        let charge = charged(&catalogue, at, &[hours(at, "110200", 100)]).remove(0);
        (charge.joint.to_string(), charge.net.to_string())
    };
    let text = |joint: &str, net: &str| (joint.to_owned(), net.to_owned());
    assert_eq!(
        ["2021-02", "2021-03", "2021-04", "2021-05"].map(parts),
        [text("0.00", "48.00"), text("12.00", "36.00"), text("12.00", "36.00"), text("0.00", "48.00")]
    );
}

#[test]
fn r15_what_is_financed_jointly_for_good_is_shown_with_its_volume_and_costs_its_users_nothing() {
    // 1000 h × 0.48 = 480.00: J = G, N = 0, no surcharge; the object bears it, and r* has it in. 100 h less: −48.00.
    let mut catalogue = catalogue();
    catalogue.joint_shares = vec![joint(("2021-01", None), "1", Phase::Permanent, None)];
    let mut booked = charged(&catalogue, "2021-03", &[hours("2021-03", "110200", 1000)]);
    assert_eq!(
        shown(&booked),
        ["2021-03.KLF.110200.e-moten.participant_hour.- 1000: 480.00 − 480.00 = 0.00 + 0.00"]
    );
    let lines = corrected(&catalogue, "2021-04", &[hours("2021-03", "110200", 900)], &booked);
    assert_eq!(
        shown(&lines),
        ["2021-04.2021-03.KLF.110200.e-moten.participant_hour.- -100: -48.00 − -48.00 = 0.00 + 0.00"]
    );
    booked.extend(lines);
    let basis = Account::of(&booked).rate_basis(None);
    assert_eq!((basis.joint, basis.turnover, basis.required()), (kronor("432"), Money::ZERO, kronor("432")));
}

#[test]
fn r19_only_a_decided_price_bills() {
    let mut catalogue = catalogue();
    let mut of_state = |state| {
        let row = catalogue.prices.iter_mut().find(|row| row.meter == "participant_hour").unwrap();
        row.state = state;
        rate(&catalogue, month("2021-03"), &[hours("2021-03", "110200", 1000)], &[])
    };
    let missing = Finding::Unpriced {
        service: "e-moten".to_owned(),
        meter: "participant_hour".to_owned(),
        class: String::new(),
        quantity: Quantity::from_micros(1_000_000_000),
    };
    for state in [PriceState::Draft, PriceState::Proposed] {
        let rated = of_state(state);
        assert_eq!((rated.lines, rated.findings), (vec![], vec![missing.clone()]), "{state:?}");
    }
    let rated = of_state(PriceState::Decided);
    assert_eq!((rated.lines[0].gross, rated.findings), (kronor("480"), vec![]));
}

#[test]
fn r22_the_bearer_changes_by_the_month_and_the_past_stays_with_the_one_before() {
    // Digitaliseringsstaben bears 1000 h × 0.48 of March, the object bears April; what comes late for March is still the
    // staff unit's, and only what the object bears is in r*.
    let mut catalogue = catalogue();
    let unit = "Digitaliseringsstaben";
    catalogue.joint_shares = vec![
        joint(("2021-01", Some("2021-03")), "1", Phase::Permanent, Some(unit)),
        joint(("2021-04", None), "1", Phase::Permanent, None),
    ];
    let mut booked = charged(&catalogue, "2021-03", &[hours("2021-03", "110200", 1000)]);
    booked.extend(charged(&catalogue, "2021-04", &[hours("2021-04", "110200", 100)]));
    let late = corrected(&catalogue, "2021-04", &[hours("2021-03", "110200", 1100)], &booked[..1]);
    booked.extend(late);
    let account = Account::of(&booked);
    let borne: Vec<_> = account.joint.iter().map(|(key, j)| (key.bearer.as_deref(), *j)).collect();
    assert_eq!(borne, [(None, kronor("48")), (Some(unit), kronor("528"))]);
    assert_eq!(account.rate_basis(None).joint, kronor("48"));
}

#[test]
fn d1_the_surcharge_is_reckoned_on_what_is_invoiced_not_on_the_gross() {
    // G = 480.00, J = 40 % = 192.00, N = 288.00: P = 8.64, not 14.40.
    let mut catalogue = catalogue();
    catalogue.joint_shares = vec![joint(("2021-01", None), "0.4", Phase::Development, None)];
    assert_eq!(
        shown(&charged(&catalogue, "2021-03", &[hours("2021-03", "110200", 1000)])),
        ["2021-03.KLF.110200.e-moten.participant_hour.- 1000: 480.00 − 192.00 = 288.00 + 8.64"]
    );
}

#[test]
fn d2_the_surcharge_is_in_no_price_and_in_no_net() {
    let of_rate = |rate: &str| {
        let catalogue = Catalogue { rates: vec![surcharge_rate("2021-01", rate)], ..catalogue() };
        charged(&catalogue, "2021-03", &[hours("2021-03", "110200", 1000)]).remove(0)
    };
    let (with, without) = (of_rate("0.03"), of_rate("0"));
    assert_eq!((with.surcharge, without.surcharge), (kronor("14.40"), Money::ZERO));
    assert_eq!(with.unit_price(), Some("0.48".parse().unwrap()));
    assert_eq!(Charge { surcharge: Money::ZERO, ..with }, without);
}
