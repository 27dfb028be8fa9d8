use billing::{Accept, Closing, MonthGap, UsageQuery};
use store::usage::{Gap, GapKind};

use crate::catalogue::{day, month};
use crate::closing::count_march;
use crate::world::{World, in_world};

/// `service[/meter] kind first..last count decision`
async fn listed(world: &World, at: &str) -> Vec<String> {
    let line = |gap: &MonthGap| {
        let meter = gap.meter.as_ref().map(|meter| format!("/{meter}")).unwrap_or_default();
        let days = format!("{}..{}", gap.first_day.format("%d"), gap.last_day.format("%d"));
        format!("{}{meter} {} {days} {} {}", gap.service, gap.kind.name(), gap.count, gap.decision.name())
    };
    world.biller.view().await.unwrap().gaps(month(at)..=month(at)).await.unwrap().iter().map(line).collect()
}

fn gap(service: &str, kind: GapKind, first: &str, last: &str, count: u64) -> Gap {
    Gap {
        month: month("2021-03"),
        service: service.to_owned(),
        meter: if service == "konto" { "account" } else { "minute" }.to_owned(),
        kind,
        source: "/ad".to_owned(),
        subject: String::new(),
        series: String::new(),
        first_day: day(first),
        last_day: day(last),
        count,
    }
}

#[test]
fn gaps_are_listed_without_closing_with_what_was_decided_about_them() {
    in_world("gaps_listed", |world| async move {
        count_march(&world).await;
        let mut catalogue = (**world.catalogue.load()).clone();
        catalogue.services.get_mut("rpa").unwrap().monthly_measured = false;
        world.catalogue.store(std::sync::Arc::new(catalogue));
        for missed in [
            gap("konto", GapKind::Estimated, "2021-03-07", "2021-03-09", 3),
            gap("konto", GapKind::Missing, "2021-03-10", "2021-03-14", 5),
            gap("konto", GapKind::Excess, "2021-03-20", "2021-03-20", 7),
            gap("rpa", GapKind::Missing, "2021-03-02", "2021-03-02", 1),
        ] {
            world.miss(missed).await;
        }
        let open = [
            "konto/account estimated 07..09 3 not_needed",
            "konto/account missing 10..14 5 needed",
            "konto/account excess 20..20 7 not_needed",
            // Not measured monthly: shown, and nobody has to decide.
            "rpa/minute missing 02..02 1 not_needed",
            "utan-pris no_data 01..31 31 not_needed",
        ];
        assert_eq!(listed(&world, "2021-03").await, open);
        assert_eq!(listed(&world, "2021-04").await, Vec::<String>::new(), "a month that is not there");

        let accept = Accept { gaps: Some("beslut 17".to_owned()), by: None };
        let closing = world.biller.close(month("2021-03"), accept).await.unwrap();
        assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
        let closed = listed(&world, "2021-03").await;
        assert_eq!(closed[1], "konto/account missing 10..14 5 accepted");
        assert_eq!((&closed[0], &closed[2..]), (&open[0].to_owned(), &open.map(str::to_owned)[2..]));
        world
    });
}

#[test]
fn usage_says_on_how_many_days_it_is_estimated() {
    in_world("usage_estimated", |world| async move {
        count_march(&world).await;
        world.miss(gap("konto", GapKind::Estimated, "2021-03-07", "2021-03-09", 3)).await;
        let query = UsageQuery::of(month("2021-03"), month("2021-03"));
        world.biller.usage_items(&query).await.unwrap();
        world.miss(gap("rpa", GapKind::Estimated, "2021-03-02", "2021-03-02", 1)).await;
        let items = world.biller.usage_items(&query).await.unwrap();
        let days: Vec<_> =
            items.iter().map(|item| (item.tariff.service.as_str(), item.estimated_days)).collect();
        assert_eq!(days, [("driftavtal", 0), ("e-moten", 0), ("konto", 3), ("rpa", 1)]);
        world
    });
}
