use std::sync::Arc;

use billing::export::{Audience, Dialect, csv, xlsx};
use billing::{Accept, Bill, BlockerCode, Closing, MonthState, MonthSummary};
use domain::access::Viewer;
use domain::catalogue::Catalogue;
use domain::charge::{Charge, Totals};
use domain::{Instant, Money};
use eventlog::{Header, Kind, Record};
use store::charges::Outcome;
use store::usage::{Gap, GapKind};

use crate::catalogue::{day, month, owned};
use crate::world::{World, in_world};

/// `id quantity gross joint net + surcharge`
pub(crate) fn shown(charges: &[Charge]) -> Vec<String> {
    let line =
        |c: &Charge| format!("{} {} {} {} {} + {}", c.id(), c.quantity, c.gross, c.joint, c.net, c.surcharge);
    charges.iter().map(line).collect()
}

pub(crate) async fn close(world: &World, at: &str) -> MonthSummary {
    match world.biller.close(month(at), Accept::default()).await.unwrap() {
        Closing::Closed(summary) => summary,
        Closing::Blocked(blockers) => panic!("{at} is blocked: {blockers:?}"),
    }
}

async fn blockers(world: &World, at: &str, accept: Accept) -> Vec<(BlockerCode, String)> {
    match world.biller.close(month(at), accept).await.unwrap() {
        Closing::Closed(_) => Vec::new(),
        Closing::Blocked(blockers) => blockers
            .into_iter()
            .map(|b| (b.code, format!("{}/{}", b.service.unwrap_or_default(), b.meter.unwrap_or_default())))
            .collect(),
    }
}

fn files(bill: &Bill) -> Vec<Vec<u8>> {
    let mut files = vec![Vec::new(), Vec::new(), Vec::new()];
    csv(bill, Dialect::Rfc4180, &mut files[0], &mut |_, _| {}).unwrap();
    csv(bill, Dialect::ExcelSv, &mut files[1], &mut |_, _| {}).unwrap();
    xlsx(bill, &Catalogue::default(), Audience::Finance(&[]), &mut files[2], &mut |_, _| {}).unwrap();
    files
}

/// March 2021: 1000 h and 0.5 h of e-meetings, 10 accounts of staff on 30 of 31 days, 100 minutes of rpa.
pub(crate) async fn count_march(world: &World) {
    world
        .count(&[
            ("2021-03-05", "e-moten", "participant_hour", "110200", "", 1_000_000_000),
            ("2021-03-09", "e-moten", "participant_hour", "441002", "", 30_000_000),
            ("2021-03-11", "e-moten", "participant_hour", "441002", "", 20_000_000),
            ("2021-03-31", "konto", "account", "B0100", "staff", 300_000_000),
            ("2021-03-31", "rpa", "minute", "110200", "", 100_000_000),
        ])
        .await;
}

#[test]
fn a_month_is_previewed_then_closed_and_stays_as_it_was() {
    in_world("stays_as_it_was", |world| async move {
        count_march(&world).await;
        // KLF: 480.00 + 3500.00 + 9.60 bear the surcharge, rpa does not: P = öre(0.03 × 3989.60) = 119.69; claims 105.00,
        // 14.40 and 0.288: the öre that is left goes to the last. LEJON: 300/31 = 9.677419 × 105 = 1016.13; P = 30.48.
        let want = [
            "2021-03.KLF.110200.driftavtal.agreement.A 1 3500.00 0.00 3500.00 + 105.00",
            "2021-03.KLF.110200.e-moten.participant_hour.- 1000 480.00 0.00 480.00 + 14.40",
            "2021-03.KLF.110200.rpa.minute.- 100 250.00 62.50 187.50 + 0.00",
            "2021-03.KLF.441002.e-moten.participant_hour.- 20 9.60 0.00 9.60 + 0.29",
            "2021-03.LEJON.B0100.konto.account.staff 9.677419 1016.13 0.00 1016.13 + 30.48",
            "2021-03.UAF.441002.e-moten.participant_hour.- 30 14.40 0.00 14.40 + 0.43",
        ];
        let preview = world.biller.charges(month("2021-03")).await.unwrap();
        assert_eq!(
            (shown(&preview.charges), preview.state),
            (want.map(str::to_owned).to_vec(), MonthState::Open)
        );
        let announced = world.biller.preliminary(month("2021-03"), None).await.unwrap();
        assert_eq!((announced.state, announced.hash), (MonthState::Preliminary, None));

        let closed = close(&world, "2021-03").await;
        let frozen = world.biller.charges(month("2021-03")).await.unwrap();
        assert_eq!(frozen.charges, preview.charges, "closing changes no line, no term and no id");
        assert_eq!((closed.state, closed.totals), (MonthState::Closed, preview.totals));
        assert_eq!(closed.hash.as_deref().map(str::len), Some(64));
        assert_eq!(close(&world, "2021-03").await, closed, "closing a closed month answers the same");
        assert_eq!(world.biller.preliminary(month("2021-03"), None).await.unwrap(), closed);

        // Somebody who has nothing in memory reads the same, to the last byte of every file; so does one after new usage.
        world.count(&[("2021-03-06", "e-moten", "participant_hour", "441001", "", 7_000_000)]).await;
        let other = world.another_biller();
        let again = other.charges(month("2021-03")).await.unwrap();
        assert_eq!(*again, *frozen);
        assert_eq!(files(&again), files(&frozen));
        assert_eq!(other.months().await.unwrap(), [closed]);

        let payers: Vec<(String, Money)> =
            frozen.payers().iter().map(|p| (p.customer.code.clone(), p.totals.surcharge)).collect();
        assert_eq!(
            payers,
            [
                ("KLF".to_owned(), Money::from_ore(11_969)),
                ("LEJON".to_owned(), Money::from_ore(3_048)),
                ("UAF".to_owned(), Money::from_ore(43)),
            ]
        );
        let explained = other
            .explain("2021-03.KLF.441002.e-moten.participant_hour.-", &Viewer::admin(), 0, None)
            .await
            .unwrap();
        assert_eq!(explained.payer_base, Money::from_ore(398_960));
        assert_eq!(explained.payer_surcharge, Money::from_ore(11_969));
        assert_eq!(explained.surcharge_claim.unwrap().to_string(), "0.288");
        let made = explained.handout.unwrap();
        assert_eq!(
            (made.floor.ore(), made.left.ore(), made.rank, made.claims, made.part.ore()),
            (28, 1, 1, 3, 29),
            "the öre that is left goes to this line"
        );
        // Only the days on which KLF had the cost centre.
        let days: i128 = explained.days.iter().map(|(_, quantity)| quantity.micros()).sum();
        assert_eq!(days, explained.charge.quantity.micros());
        assert_eq!(explained.charge.tariff.price.as_ref().unwrap().decision, "KS 2020-01");
        assert!(other.explain("2021-03.KLF.x", &Viewer::admin(), 0, None).await.is_err());
        assert!(other.explain("åäö", &Viewer::admin(), 0, None).await.is_err());
        world
    });
}

#[test]
fn what_stands_in_the_way_is_listed_and_nothing_is_frozen() {
    in_world("in_the_way", |world| async move {
        world
            .count(&[
                ("2021-02-01", "e-moten", "participant_hour", "110200", "", 1_000_000),
                ("2021-03-01", "e-moten", "participant_hour", "999999", "", 1_000_000),
                ("2021-03-01", "e-moten", "user", "999998", "", 1_000_000),
                ("2021-03-01", "utan-pris", "sak", "110200", "", 1_000_000),
            ])
            .await;
        let gap = |kind, first: &str, last: &str| Gap {
            month: month("2021-03"),
            service: "konto".to_owned(),
            meter: "account".to_owned(),
            kind,
            source: "/ad".to_owned(),
            subject: String::new(),
            series: String::new(),
            first_day: day(first),
            last_day: day(last),
            count: 1,
        };
        world.miss(gap(GapKind::Missing, "2021-03-10", "2021-03-14")).await;
        world.miss(gap(GapKind::Estimated, "2021-03-07", "2021-03-09")).await;
        let found = |codes: &[(BlockerCode, &str)]| -> Vec<(BlockerCode, String)> {
            codes.iter().map(|(code, at)| (*code, (*at).to_owned())).collect()
        };
        let content = [
            (BlockerCode::Unattributed, "e-moten/participant_hour"),
            (BlockerCode::Unattributed, "e-moten/user"),
            (BlockerCode::Unpriced, "utan-pris/sak"),
        ];
        let in_order = [(BlockerCode::EarlierMonthOpen, "/"), (BlockerCode::Gaps, "konto/account")];
        let all: Vec<_> = in_order.into_iter().chain(content).collect();
        assert_eq!(blockers(&world, "2021-03", Accept::default()).await, found(&all));
        assert_eq!(world.biller.blockers(month("2021-03")).await.unwrap().len(), all.len());
        assert_eq!(
            world.biller.months().await.unwrap().iter().map(|m| m.state).collect::<Vec<_>>(),
            [MonthState::Open; 2]
        );

        close(&world, "2021-02").await;
        let accept = Accept { gaps: Some("beslut 17".to_owned()), by: None };
        assert_eq!(blockers(&world, "2021-03", accept.clone()).await, found(&content));

        // Somebody decides: the cost centres get payers, the meter a price.
        let mut catalogue = (**world.catalogue.load()).clone();
        catalogue.version = "v2".to_owned();
        for code in ["999998", "999999"] {
            catalogue.costcentres.insert(code.to_owned(), owned(code, &[("UAF", "2020-01-01", None)]));
        }
        let mut row = catalogue.prices.last().unwrap().clone();
        row.service = "utan-pris".to_owned();
        row.meter = "sak".to_owned();
        catalogue.prices.push(row);
        world.catalogue.store(Arc::new(catalogue));
        assert_eq!(blockers(&world, "2021-03", Accept::default()).await, found(&in_order[1..]));
        assert_eq!(blockers(&world, "2021-03", accept).await, []);
        let frozen = world.biller.charges(month("2021-03")).await.unwrap();
        assert_eq!(frozen.frozen.as_ref().unwrap().accepted_gaps, "beslut 17");
        assert_eq!(frozen.catalogue, "v2");
        world
    });
}

/// The price has steps for what a payer uses in all; what is frozen says so, and reads the same from the store.
#[test]
fn a_price_with_steps_is_spread_and_frozen_with_its_model() {
    in_world("steps", |world| async move {
        let mut catalogue = (**world.catalogue.load()).clone();
        catalogue.version = "v2".to_owned();
        catalogue.costcentres.insert("110300".to_owned(), owned("110300", &[("KLF", "2020-01-01", None)]));
        for row in catalogue.prices.iter_mut().filter(|row| row.meter == "participant_hour") {
            row.model = "trappa 100:0.4 fritt 10".parse().unwrap();
        }
        world.catalogue.store(Arc::new(catalogue));
        count_march(&world).await;
        let late = [("2021-03-05", "e-moten", "participant_hour", "110300", "", 90_000_000)];
        world.count(&late).await;
        close(&world, "2021-03").await;
        // KLF used 1000 + 90 + 20 hours: 100 × 0.48 + (1100 − 100) × 0.40 = 448.00, spread by hours: 403.6036…, 36.3243…,
        // 8.0720…
        let frozen = world.another_biller().charges(month("2021-03")).await.unwrap();
        let hours = frozen.charges.iter().filter(|line| line.tariff.meter == "participant_hour");
        let hours: Vec<_> = hours.filter(|line| line.customer.code == "KLF").collect();
        let gross: Vec<String> = hours.iter().map(|line| line.gross.to_string()).collect();
        assert_eq!(gross, ["403.60", "36.33", "8.07"]);
        assert!(hours.iter().all(|line| line.unit_price().is_none()));
        let model = &hours[0].tariff.price.as_ref().unwrap().model;
        assert_eq!(model.to_string(), "trappa 100:0.40 fritt 10");
        world
    });
}

#[test]
fn closing_at_once_from_many_sides_closes_once() {
    in_world("closes_once", |world| async move {
        count_march(&world).await;
        let mut attempts = Vec::new();
        for _ in 0..5 {
            let biller = world.another_biller();
            attempts.push(tokio::spawn(async move {
                biller.close(month("2021-03"), Accept::default()).await.unwrap()
            }));
        }
        let mut answers = Vec::new();
        for attempt in attempts {
            answers.push(attempt.await.unwrap());
        }
        assert!(
            answers.iter().all(|answer| *answer == answers[0] && matches!(answer, Closing::Closed(_))),
            "{answers:?}"
        );
        let outcomes: Vec<Outcome> =
            world.store.month_records().await.unwrap().iter().map(|r| r.outcome).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Closed).count(), 1);
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Closed | Outcome::Unchanged)), "{outcomes:?}");
        world
    });
}

#[test]
fn a_close_that_was_killed_is_carried_out_by_the_next_owner() {
    crate::shared::on_server(|url| async move {
        let world = World::new(url, "killed_close").await;
        count_march(&world).await;
        let preview = world.biller.charges(month("2021-03")).await.unwrap();
        // The decision is on the log; its owner froze half of the lines, among them one that is wrong, and died.
        let value = r#"{"v":1,"action":"month.close","month":"2021-03","catalogue":"v1"}"#;
        let at = Instant::parse_rfc3339("2021-06-01T08:00:00Z").unwrap();
        let header = Header {
            kind: Kind::Control,
            collector: "billing".to_owned(),
            epoch: 0,
            batch: 0,
            received: at.micros(),
            sources: Vec::new(),
            released: false,
        };
        let decision = Record { header, value: value.into() };
        let control = world.log.append("control", 0, vec![decision]).await.unwrap()[0];
        world.store.put_charges(month("2021-03"), control, &preview.charges[..3]).await.unwrap();
        assert_eq!(world.biller.charges(month("2021-03")).await.unwrap().state, MonthState::Open);

        world.start_owner();
        let closed = close(&world, "2021-03").await;
        let frozen = world.biller.charges(month("2021-03")).await.unwrap();
        assert_eq!(frozen.charges, preview.charges);
        assert_eq!(frozen.frozen.as_ref().unwrap().control, Some(control), "the first decision closed it");
        // Another owner goes on after it.
        world.count(&[("2021-04-01", "e-moten", "participant_hour", "110200", "", 1_000_000)]).await;
        close(&world, "2021-04").await;
        assert_eq!(world.another_biller().months().await.unwrap()[0], closed);
        world.finish().await;
    });
}

#[test]
fn months_before_the_first_close_are_closed_as_empty_and_owe_no_agreements() {
    in_world("closed_as_empty", |world| async move {
        count_march(&world).await;
        close(&world, "2021-03").await;
        let empty = close(&world, "2021-01").await;
        assert_eq!((empty.state, empty.totals), (MonthState::Closed, Totals::default()));
        assert_eq!(empty.hash.as_deref().map(str::len), Some(64));
        // What comes for them is a correction, of usage alone: the agreement ran in January too, but was never billed then.
        world.count(&[("2021-01-07", "e-moten", "participant_hour", "441001", "", 100_000_000)]).await;
        let april = world.biller.charges(month("2021-04")).await.unwrap();
        assert_eq!(
            shown(april.corrections()),
            ["2021-04.2021-01.UAF.441001.e-moten.participant_hour.- 100 48.00 0.00 48.00 + 1.44",]
        );
        world
    });
}
