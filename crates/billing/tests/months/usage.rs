use billing::{UsageItem, UsageQuery};
use domain::access::{Grant, Role, Scope, Viewer};
use domain::event::CustomerKind;

use crate::catalogue::month;
use crate::closing::{close, count_march};
use crate::world::in_world;

/// `month service/meter[/class] [customer] [cost centre] quantity cost`
fn shown(items: &[UsageItem]) -> Vec<String> {
    let line = |item: &UsageItem| {
        let mut text = format!("{} {}/{}", item.month, item.tariff.service, item.tariff.meter);
        for part in [&item.class, &item.customer, &item.costcentre].into_iter().flatten() {
            text.push(' ');
            text.push_str(part);
        }
        format!("{text} {} {}", item.quantity, item.cost)
    };
    items.iter().map(line).collect()
}

#[test]
fn usage_is_grouped_as_asked_and_sets_are_counted_anew() {
    in_world("grouped_usage", |world| async move {
        count_march(&world).await;
        world
            .count(&[
                ("2021-03-31", "konto", "account", "110200", "pupil", 10_000_000),
                ("2021-03-31", "konto", "account", "110200", "staff", 10_000_000),
                ("2021-03-31", "e-moten", "participant_hour", "999999", "", 1_000_000),
            ])
            .await;
        world
            .count_users(
                "2021-03",
                &[("110200", &[1, 2, 3]), ("441001", &[3, 4]), ("441002", &[1, 4]), ("999999", &[4])],
            )
            .await;
        let all = UsageQuery::of(month("2021-01"), month("2021-12"));
        // Accounts: (300 + 10 + 10)/31 divided once. Cost is the sum of rounded lines: 1016.13 + 2.90 + 33.87.
        assert_eq!(
            shown(&world.biller.usage_items(&all).await.unwrap()),
            [
                "2021-03 driftavtal/agreement 1 3500.00",
                "2021-03 e-moten/participant_hour 1051 504.48",
                "2021-03 e-moten/user 4 0.00",
                "2021-03 konto/account 10.322581 1052.90",
                "2021-03 rpa/minute 100 250.00",
            ]
        );
        // UAF orders as another object would: it alone is told from the others.
        let mut catalogue = (*world.catalogue.load_full()).clone();
        catalogue.version = "object".to_owned();
        catalogue.customers.get_mut("UAF").unwrap().kind = CustomerKind::Objekt;
        let by_object = UsageQuery { service: Some("e-moten".to_owned()), by_object: true, ..all.clone() };
        assert_eq!(
            shown(&world.biller_with(catalogue).usage_items(&by_object).await.unwrap()),
            [
                "2021-03 e-moten/participant_hour 1021 490.08",
                "2021-03 e-moten/participant_hour UAF 30 14.40",
                "2021-03 e-moten/user 4 0.00",
                "2021-03 e-moten/user UAF 2 0.00",
            ]
        );
        let moten = UsageQuery { service: Some("e-moten".to_owned()), by_customer: true, ..all.clone() };
        assert_eq!(
            shown(&world.biller.usage_items(&moten).await.unwrap()),
            [
                "2021-03 e-moten/participant_hour 1 0.48",
                "2021-03 e-moten/participant_hour KLF 1020 489.60",
                "2021-03 e-moten/participant_hour UAF 30 14.40",
                "2021-03 e-moten/user 1 0.00",
                "2021-03 e-moten/user KLF 4 0.00",
                "2021-03 e-moten/user UAF 2 0.00",
            ]
        );
        let of_one = UsageQuery { customer: Some("UAF".to_owned()), by_costcentre: true, ..all.clone() };
        assert_eq!(
            shown(&world.biller.usage_items(&of_one).await.unwrap()),
            [
                "2021-03 e-moten/participant_hour 441002 30 14.40",
                "2021-03 e-moten/user 441001 2 0.00",
                "2021-03 e-moten/user 441002 2 0.00",
            ]
        );
        let classes = UsageQuery { by_class: true, service: Some("konto".to_owned()), ..all.clone() };
        assert_eq!(
            shown(&world.biller.usage_items(&classes).await.unwrap()),
            ["2021-03 konto/account pupil 0.322581 2.90", "2021-03 konto/account staff 10 1050.00",]
        );
        let none = UsageQuery { product: Some("P".to_owned()), ..all };
        assert_eq!(world.biller.usage_items(&none).await.unwrap(), []);
        world
    });
}

#[test]
fn usage_of_a_closed_month_has_what_came_later() {
    in_world("usage_of_closed", |world| async move {
        count_march(&world).await;
        close(&world, "2021-03").await;
        world.count(&[("2021-02-01", "e-moten", "participant_hour", "441001", "", 1_000_000)]).await;
        world.count(&[("2021-03-01", "e-moten", "participant_hour", "441001", "", 1_000_000)]).await;
        let query = UsageQuery {
            service: Some("e-moten".to_owned()),
            ..UsageQuery::of(month("2021-01"), month("2021-04"))
        };
        assert_eq!(
            shown(&world.biller.usage_items(&query).await.unwrap()),
            ["2021-02 e-moten/participant_hour 1 0.48", "2021-03 e-moten/participant_hour 1051 504.48",]
        );
        world
    });
}

/// Who sees the cost centres of a customer.
fn of_customer(code: &str) -> Viewer {
    let scope = Scope { customers: [code.to_owned()].into(), ..Scope::default() };
    Viewer::new([Grant { role: Role::Payer, scope }])
}

#[test]
fn what_is_counted_later_is_in_the_next_answer() {
    in_world("usage_asked_again", |world| async move {
        count_march(&world).await;
        world.count_users("2021-03", &[("110200", &[1, 2]), ("441001", &[2, 3])]).await;
        let all = UsageQuery {
            service: Some("e-moten".to_owned()),
            ..UsageQuery::of(month("2021-03"), month("2021-03"))
        };
        let klf = UsageQuery { customer: Some("KLF".to_owned()), ..all.clone() };
        let own = UsageQuery { viewer: of_customer("KLF"), ..all.clone() };
        let asked = async |query: &UsageQuery| shown(&world.biller.usage_items(query).await.unwrap());
        assert_eq!(asked(&all).await[1], "2021-03 e-moten/user 3 0.00");
        let before = asked(&own).await;
        assert_eq!(before, asked(&klf).await);
        world.count_users("2021-03", &[("110200", &[4]), ("441002", &[5])]).await;
        world.count(&[("2021-03-02", "e-moten", "participant_hour", "110200", "", 5_000_000)]).await;
        assert_eq!(asked(&all).await[1], "2021-03 e-moten/user 5 0.00");
        let after = asked(&own).await;
        assert_eq!(after, asked(&klf).await);
        assert!(after[0] != before[0] && after[1] != before[1], "{before:?} {after:?}");
        world
    });
}
