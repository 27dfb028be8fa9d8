use billing::{Accept, Closing, MonthState, YearGrouping, YearItem, YearReport};
use domain::charge::Totals;
use domain::year::YearTotals;
use domain::{Instant, Money, Month};
use store::usage::{Gap, GapKind};

use crate::catalogue::{day, month};
use crate::world::{World, in_world};

fn kronor(gross: &str, joint: &str, net: &str, surcharge: &str) -> Totals {
    let money = |text: &str| Money::rounded(text.parse().unwrap()).unwrap();
    Totals { gross: money(gross), joint: money(joint), net: money(net), surcharge: money(surcharge) }
}

/// Closes a month when all of the year is over.
async fn close(world: &World, at: &str) {
    let later = || Instant::parse_rfc3339("2022-02-03T08:00:00Z").unwrap();
    let closing = world.biller_at(later).close(month(at), Accept::default()).await.unwrap();
    assert!(matches!(closing, Closing::Closed(_)), "{at}: {closing:?}");
}

async fn report(world: &World, by: YearGrouping) -> YearReport {
    world.biller.year_report(2021, by).await.unwrap()
}

fn item<'r>(report: &'r YearReport, service: &str) -> &'r YearItem {
    report.items.iter().find(|item| item.service.as_deref() == Some(service)).unwrap()
}

/// `meter measure volume unit gross`
fn meters(item: &YearItem) -> Vec<String> {
    let meter = |m: &billing::YearMeter| {
        let volume = m.quantity.map_or("–".to_owned(), |quantity| quantity.to_string());
        format!("{} {} {volume} {} {}", m.meter, m.measure().name(), m.unit, m.totals.usage.gross)
    };
    item.meters.iter().map(meter).collect()
}

/// December 2020 is closed first, gets 10 hours late, which January 2021 bills; 2021 is closed month by month; then
/// December 2021 gets 100 hours late, which January 2022 bills.
async fn close_the_year(world: &World) {
    world.count(&[("2020-12-05", "e-moten", "participant_hour", "441001", "", 100_000_000)]).await;
    close(world, "2020-12").await;
    world
        .count(&[
            ("2020-12-06", "e-moten", "participant_hour", "441001", "", 10_000_000),
            ("2021-01-05", "e-moten", "participant_hour", "110200", "", 1_000_000_000),
            ("2021-01-31", "konto", "account", "B0100", "staff", 310_000_000),
            ("2021-01-31", "rpa", "minute", "110200", "", 100_000_000),
            ("2021-12-05", "e-moten", "participant_hour", "110200", "", 10_000_000),
        ])
        .await;
    world.count_users("2021-01", &[("110200", &[1, 2, 3])]).await;
    world.count_users("2021-03", &[("110200", &[3]), ("441001", &[3, 4])]).await;
    for at in month("2021-01").through(month("2021-12")) {
        close(world, &at.to_string()).await;
    }
    world.count(&[("2021-12-06", "e-moten", "participant_hour", "441001", "", 100_000_000)]).await;
}

/// Worked by hand. Agreements 12 × 3500; e-meetings 1000 h × 0.48, 10 h × 0.52 and 100 late ones × 0.52; 10 accounts ×
/// 105 in January; rpa 250, a quarter of it joint. Surcharge of KLF 119.40 + 10 × 105 + 105.16, of LEJON 31.50, and 1.56
/// for the late hours. December 2020's 10 late hours cost 4.80 and bore no surcharge then.
#[test]
fn a_year_ties_to_its_closes_with_corrections_over_both_turns() {
    in_world("year_ties", |world| async move {
        close_the_year(&world).await;
        let services = report(&world, YearGrouping::Service).await;
        let want = YearTotals {
            usage: kronor("43837.20", "62.50", "43774.70", "1307.62"),
            billed: kronor("43790.00", "62.50", "43727.50", "1306.06"),
            earlier: kronor("4.80", "0", "4.80", "0"),
            later: kronor("52.00", "0", "52.00", "1.56"),
        };
        assert_eq!(services.totals, want);
        assert_eq!(services.closes, want.billed);
        assert!(services.ties());
        assert!(services.months.iter().all(|month| month.state == MonthState::Closed));
        // The month that would bill the late hours is not closed: its part is a preview.
        let later: Vec<_> = services.later.iter().map(|m| (m.month, m.state, m.totals)).collect();
        assert_eq!(later, [(month("2022-01"), MonthState::Open, want.later)]);

        // The closes themselves, asked for one by one, say the same.
        let mut closed = Totals::default();
        for at in month("2021-01").through(month("2021-12")) {
            closed += world.biller.charges(at).await.unwrap().totals;
        }
        assert_eq!(closed, services.closes);

        for by in [YearGrouping::Product, YearGrouping::Customer] {
            let other = report(&world, by).await;
            assert_eq!((other.totals, other.closes), (services.totals, services.closes), "{by:?}");
            assert!(other.ties());
        }
        close(&world, "2022-01").await;
        let after = report(&world, YearGrouping::Service).await;
        assert_eq!((after.totals, after.later[0].state), (want, MonthState::Closed));
        world
    });
}

#[test]
fn a_year_has_each_meters_volume_as_its_kind_says() {
    in_world("year_volumes", |world| async move {
        close_the_year(&world).await;
        let services = report(&world, YearGrouping::Service).await;
        // 310 object-days / 365, never 10; the subjects 1, 2, 3 and 4, never 3 + 3.
        assert_eq!(meters(item(&services, "konto")), ["account mean 0.849315 account 1050.00"]);
        assert_eq!(
            meters(item(&services, "e-moten")),
            ["participant_hour total 1110 h 537.20", "user distinct 4 user 0.00"]
        );
        assert_eq!(meters(item(&services, "driftavtal")), ["agreement mean 1 avtal 42000.00"]);
        assert_eq!(meters(item(&services, "utan-pris")), Vec::<String>::new());

        let customers = report(&world, YearGrouping::Customer).await;
        let of: Vec<_> = customers
            .items
            .iter()
            .filter(|item| item.service.as_deref() == Some("e-moten"))
            .map(|item| (item.customer.as_ref().unwrap().code.as_str(), meters(item)))
            .collect();
        let text = |lines: [&str; 2]| lines.map(str::to_owned).to_vec();
        assert_eq!(
            of,
            [
                ("KLF", text(["participant_hour total 1010 h 485.20", "user distinct 3 user 0.00"])),
                ("UAF", text(["participant_hour total 100 h 52.00", "user distinct 2 user 0.00"])),
            ]
        );
        world
    });
}

#[test]
fn a_year_says_what_is_a_preview_and_which_months_lack_data() {
    in_world("year_quality", |world| async move {
        world
            .count(&[
                ("2021-01-05", "e-moten", "participant_hour", "110200", "", 1_000_000),
                ("2021-03-31", "konto", "account", "B0100", "staff", 30_000_000),
            ])
            .await;
        let gap = |kind, first: &str, last: &str, source: &str| Gap {
            month: month("2021-03"),
            service: "konto".to_owned(),
            meter: "account".to_owned(),
            kind,
            source: source.to_owned(),
            subject: String::new(),
            series: String::new(),
            first_day: day(first),
            last_day: day(last),
            count: 1,
        };
        for (kind, first, last, source) in [
            (GapKind::Estimated, "2021-03-07", "2021-03-09", "/a"),
            (GapKind::Estimated, "2021-03-09", "2021-03-09", "/b"),
            (GapKind::Missing, "2021-03-10", "2021-03-14", "/a"),
        ] {
            world.miss(gap(kind, first, last, source)).await;
        }
        close(&world, "2021-01").await;
        let year = report(&world, YearGrouping::Service).await;
        let states: Vec<_> = year.months.iter().map(|month| month.state).collect();
        assert_eq!((states[0], states.len()), (MonthState::Closed, 12));
        assert!(states[1..].iter().all(|state| *state == MonthState::Open));
        // February and March are previews with their agreement; months that are not there yet have nothing.
        let gross: Vec<String> =
            year.months[..4].iter().map(|month| month.totals.gross.to_string()).collect();
        assert_eq!(gross, ["3500.48", "3500.00", "3601.61", "0.00"]);
        assert!(year.ties());

        let missing = |service: &str| item(&year, service).missing.clone();
        let months = |texts: &[&str]| texts.iter().map(|text| month(text)).collect::<Vec<Month>>();
        assert_eq!(missing("e-moten"), months(&["2021-02", "2021-03"]));
        assert_eq!(missing("konto"), months(&["2021-01", "2021-02"]));
        assert_eq!(missing("utan-pris"), months(&["2021-01", "2021-02", "2021-03"]));
        assert_eq!(missing("driftavtal"), [], "an agreement is not measured");
        let account = &item(&year, "konto").meters[0];
        // 30 object-days of the 90 days up to March.
        assert_eq!(account.quantity.unwrap().to_string(), "0.333333");
        assert_eq!((account.estimated_days, account.missing_days), (3, 5));
        world
    });
}

#[test]
fn a_year_without_anything_is_empty_and_ties() {
    in_world("year_empty", |world| async move {
        for year in [-1, 1969, 2019, 10_000] {
            let report = world.biller.year_report(year, YearGrouping::Service).await.unwrap();
            assert_eq!((report.items, report.totals), (Vec::new(), YearTotals::default()), "{year}");
        }
        world
    });
}
