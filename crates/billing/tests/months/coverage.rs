use billing::ScopeCoverage;
use domain::coverage::{Comparison, Coverage, CoverageScope, MeterClasses};
use domain::event::CustomerKind;
use domain::usage::MeterKind;

use crate::catalogue::{month, owned};
use crate::world::{World, in_world};

fn meter(service: &str, meter: &str, classes: &[&str]) -> MeterClasses {
    let classes = classes.iter().map(|class| (*class).to_owned()).collect();
    MeterClasses { service: service.to_owned(), meter: meter.to_owned(), classes }
}

fn scope(code: &str, has: MeterClasses, population: MeterClasses, comparison: Comparison) -> CoverageScope {
    CoverageScope {
        code: code.to_owned(),
        name: code.to_owned(),
        has,
        population,
        customers: Vec::new(),
        kinds: vec![CustomerKind::Forvaltning],
        valid_from: month("2021-02"),
        valid_to: Some(month("2021-04")),
        comparison,
        decision: "B6".to_owned(),
    }
}

/// Puts scopes into the catalogue, and a second cost centre under LEJON.
fn put(world: &World, scopes: impl IntoIterator<Item = CoverageScope>) {
    let mut catalogue = (**world.catalogue.load()).clone();
    catalogue.version = "v2".to_owned();
    catalogue.costcentres.insert("B0200".to_owned(), owned("B0200", &[("LEJON", "2020-01-01", None)]));
    let (mut wifi, kind) = (catalogue.services["e-moten"].clone(), MeterKind::Unique);
    wifi.slug = "wifi".to_owned();
    wifi.meters.retain(|_, meter| meter.kind == kind);
    catalogue.services.insert(wifi.slug.clone(), wifi);
    catalogue.scopes = scopes.into_iter().map(|scope| (scope.code.clone(), scope)).collect();
    world.catalogue.store(std::sync::Arc::new(catalogue));
}

fn text(coverage: &Coverage) -> String {
    let percent = coverage.percent().map_or("–".to_owned(), |percent| percent.to_string());
    format!("{} of {} ({percent} %), {} outside", coverage.covered, coverage.in_scope, coverage.outside)
}

/// The total, the groups, and the others.
fn shown(coverage: &ScopeCoverage) -> Vec<String> {
    let total = coverage.total.as_ref().map_or("–".to_owned(), text);
    let groups = coverage
        .groups
        .iter()
        .map(|(customer, group)| format!("{} {}", customer.as_deref().unwrap_or("nobody"), text(group)));
    let others = coverage.others.iter().map(|others| format!("others {}", text(others)));
    std::iter::once(total).chain(groups).chain(others).collect()
}

async fn coverage(world: &World, at: &str) -> Vec<Vec<String>> {
    world.biller.coverage(month(at)).await.unwrap().iter().map(shown).collect()
}

/// Staff accounts of a month with 31 days under each cost centre, against distinct users of e-meetings.
#[test]
fn a_scope_by_quantities_compares_cost_centre_by_cost_centre() {
    in_world("coverage_quantities", |world| async move {
        let users = meter("e-moten", "user", &[]);
        put(
            &world,
            [
                scope("alla", users.clone(), meter("konto", "account", &["staff"]), Comparison::Quantities),
                scope("elever", users, meter("konto", "account", &["pupil"]), Comparison::Quantities),
            ],
        );
        for (costcentre, class, accounts) in
            [("110200", "staff", 20), ("441001", "staff", 6), ("B0100", "staff", 9), ("110200", "pupil", 2)]
        {
            let amount = accounts * 31 * 1_000_000;
            world.count(&[("2021-03-31", "konto", "account", costcentre, class, amount)]).await;
        }
        world
            .count_users(
                "2021-03",
                &[
                    ("110200", &[1, 2, 3, 4, 5]),
                    ("441001", &[1, 2, 3, 4, 5, 6, 7]),
                    ("B0200", &[8, 9]),
                    ("999999", &[1]),
                ],
            )
            .await;
        // LEJON is a company, so its accounts are not in scope and its two users are outside; 441001 has one too many.
        // LEJON and nobody are three together, so the smallest of the others joins them: UAF's 7, and KLF's 5 of the pupils.
        let want = [
            [
                "11 of 26 (42.31 %), 4 outside",
                "KLF 5 of 20 (25 %), 0 outside",
                "others 6 of 6 (100 %), 4 outside",
            ],
            ["2 of 2 (100 %), 13 outside", "UAF 0 of 0 (– %), 7 outside", "others 2 of 2 (100 %), 6 outside"],
        ];
        assert_eq!(coverage(&world, "2021-03").await, want);
        assert_eq!(coverage(&world, "2021-05").await, Vec::<Vec<String>>::new(), "it ends in April");
        world
    });
}

#[test]
fn a_scope_by_people_counts_each_person_once() {
    in_world("coverage_people", |world| async move {
        let (users, wifi) = (meter("e-moten", "user", &[]), meter("wifi", "user", &[]));
        put(&world, [scope("natet", wifi, users, Comparison::People)]);
        // 1 to 6 meet under KLF, 6 to 12 under UAF: twelve people. Of them 1, 2, 6 and 7 have wifi; 90 to 95 are others.
        world
            .count_users(
                "2021-03",
                &[("110200", &[1, 2, 3, 4, 5, 6]), ("441001", &[6, 7, 8, 9, 10, 11, 12]), ("B0100", &[90])],
            )
            .await;
        let mut usage = world.usage.lock().clone();
        let rows: [(&str, &[u128]); 3] =
            [("110200", &[1, 2, 6]), ("441001", &[7]), ("B0200", &[90, 91, 92, 93, 94, 95])];
        for (costcentre, subjects) in rows {
            let template = usage.subjects[0].clone();
            usage.subjects.extend(subjects.iter().map(|subject| store::rollup::SubjectRow {
                service: "wifi".to_owned(),
                costcentre: costcentre.to_owned(),
                subject: *subject,
                ..template.clone()
            }));
        }
        *world.usage.lock() = usage;
        world.count(&[("2021-03-01", "wifi", "user", "110200", "", 3_000_000)]).await;
        let want = [
            "4 of 12 (33.33 %), 6 outside",
            "KLF 3 of 6 (50 %), 0 outside",
            "LEJON 0 of 0 (– %), 6 outside",
            "UAF 2 of 7 (28.57 %), 0 outside",
        ];
        assert_eq!(coverage(&world, "2021-03").await, [want]);
        world
    });
}

#[test]
fn a_scope_of_a_handful_shows_nothing() {
    in_world("coverage_handful", |world| async move {
        let accounts = meter("konto", "account", &[]);
        put(&world, [scope("alla", meter("e-moten", "user", &[]), accounts, Comparison::Quantities)]);
        world.count(&[("2021-03-31", "konto", "account", "110200", "staff", 3 * 31_000_000)]).await;
        world.count_users("2021-03", &[("110200", &[1])]).await;
        assert_eq!(coverage(&world, "2021-03").await, [["–"]]);
        world
    });
}
