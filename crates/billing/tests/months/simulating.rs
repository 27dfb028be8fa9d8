//! What would be billed with other decisions is what they would bill.

use domain::access::{Grant, Role, Scope, Viewer};
use domain::charge::Totals;
use domain::financing::{JointShare, Part, Payers, Phase};
use domain::object::Account;
use domain::simulation::{Change, Percent, Price, Selection, What, changed};

use crate::catalogue::month;
use crate::closing::{close, count_march};
use crate::world::in_world;

fn all(service: &str) -> Selection {
    Selection { service: service.to_owned(), meter: None, class: None }
}

fn changes() -> Vec<Change> {
    let share = JointShare {
        service: "rpa".to_owned(),
        part: Part::Service,
        payers: Payers::All,
        valid_from: month("2021-03"),
        valid_to: None,
        share: "0.75".parse().unwrap(),
        phase: Phase::Development,
        bearer: None,
        decision: String::new(),
    };
    let ten = Percent::new("10".parse().unwrap()).unwrap();
    let whats = [
        What::Rate("0.0348".parse().unwrap()),
        What::Price(all("e-moten"), Price::Percent(ten)),
        What::Joint(share),
    ];
    whats.map(|what| Change { from: month("2021-03"), to: Some(month("2021-03")), what }).into()
}

#[test]
fn a_simulated_month_is_what_the_changed_catalogue_would_bill() {
    in_world("simulated", |world| async move {
        count_march(&world).await;
        let simulation = world.biller.simulate(month("2021-03"), month("2021-03"), changes()).await.unwrap();
        let bill = world.biller.charges(month("2021-03")).await.unwrap();
        let mut other = changed(&world.catalogue.load_full(), &changes());
        other.version = "v2".to_owned();
        let would_be = world.biller_with(other).charges(month("2021-03")).await.unwrap();
        assert_eq!((simulation.totals.before, simulation.totals.after), (bill.totals, would_be.totals));
        assert_ne!(bill.totals, would_be.totals);
        let sums = |of: fn(&billing::simulate::Effect) -> Totals| {
            let mut sum = Totals::default();
            simulation.effects.values().for_each(|effect| sum += of(effect));
            sum
        };
        assert_eq!(
            (sums(|effect| effect.before), sums(|effect| effect.after)),
            (bill.totals, would_be.totals)
        );
        let accounts = (Account::of(&bill.charges), Account::of(&would_be.charges));
        assert_eq!(simulation.object[&2021], accounts);
        let scope = Scope { services: ["e-moten".to_owned()].into(), ..Scope::default() };
        let leader = Viewer::new([Grant { role: Role::ObjectLeader, scope }]);
        let seen = simulation.clone().seen_by(&leader);
        let own = |bill: &billing::Bill| {
            bill.charges.iter().filter(|charge| charge.tariff.service == "e-moten").collect::<Totals>()
        };
        assert_eq!((seen.totals.before, seen.totals.after), (own(&bill), own(&would_be)));
        assert!(seen.effects.keys().all(|(_, service)| service == "e-moten") && !seen.effects.is_empty());
        assert_eq!(seen.object, simulation.object);
        // Closed or not, a simulation is reckoned from the usage, and the frozen month stays.
        close(&world, "2021-03").await;
        let again = world.biller.simulate(month("2021-03"), month("2021-03"), changes()).await.unwrap();
        assert_eq!(again.totals, simulation.totals);
        assert_eq!(world.biller.charges(month("2021-03")).await.unwrap().totals, bill.totals);
        world
    });
}

#[test]
fn a_month_to_come_has_the_usage_of_the_same_month_before_it() {
    in_world("simulated_plan", |world| async move {
        let nothing = world.biller.simulate(month("2021-03"), month("2021-03"), changes()).await;
        assert!(matches!(nothing, Err(billing::Error::NothingToSimulate)), "{nothing:?}");
        count_march(&world).await;
        let planned = world.biller.simulate(month("2022-03"), month("2022-04"), changes()).await.unwrap();
        let usage_of: Vec<String> = planned.months.iter().map(|m| m.usage_of.to_string()).collect();
        assert_eq!(usage_of, ["2021-03", "2021-03"]);
        // The changes held a year before: nothing differs. 2022 has a rate of its own (3.48 %) and another price.
        assert_eq!(planned.totals.before, planned.totals.after);
        let march = world.biller.simulate(month("2022-03"), month("2022-03"), changes()).await.unwrap();
        // Agreement 3500 + 1000 h × 0.52 + 50 h × 0.52 + 300/31 accounts × 105 (300 object-days, as in March 2021); rpa
        // 250.00, of which a quarter is joint.
        let totals = march.totals.before;
        assert_eq!(
            (totals.gross.to_string(), totals.joint.to_string()),
            ("5312.13".to_owned(), "62.50".to_owned())
        );
        world
    });
}
