//! When a month may be closed, and who may close it.

use std::sync::Arc;

use billing::{Accept, BlockerCode, Closing, MonthState, Signature};
use domain::Instant;
use domain::catalogue::ClosingRules;
use serde_json::{Map, Value};

use crate::catalogue::month;
use crate::world::{World, in_world};

fn signed(text: &str) -> Option<Signature> {
    Some(Signature::try_from(text.to_owned()).unwrap())
}

/// Puts closing rules in force.
fn rule(world: &World, closing: ClosingRules) {
    let mut catalogue = (**world.catalogue.load()).clone();
    catalogue.version.push('+');
    catalogue.closing = closing;
    world.catalogue.store(Arc::new(catalogue));
}

async fn count(world: &World, days: &[&str]) {
    for day in days {
        world.count(&[(day, "e-moten", "participant_hour", "110200", "", 1_000_000)]).await;
    }
}

/// The codes of what a close is answered; empty when the month is closed.
async fn closed_by(world: &World, at: &str, by: Option<Signature>) -> Vec<BlockerCode> {
    match world.biller.close(month(at), Accept { gaps: None, by }).await.unwrap() {
        Closing::Closed(summary) => {
            assert_eq!(summary.state, MonthState::Closed);
            Vec::new()
        }
        Closing::Blocked(blockers) => blockers.into_iter().map(|blocker| blocker.code).collect(),
    }
}

/// What stands in the way as far as it is known before anybody decides.
async fn ahead(world: &World, at: &str) -> Vec<BlockerCode> {
    let blockers = world.biller.blockers(month(at)).await.unwrap();
    blockers.into_iter().map(|blocker| blocker.code).collect()
}

#[test]
fn a_month_closes_when_it_is_over_in_sweden() {
    in_world("not_over", |world| async move {
        count(&world, &["2021-05-03", "2021-06-01"]).await;
        let close_at = async |clock: fn() -> Instant| {
            let closing = world.biller_at(clock).close(month("2021-05"), Accept::default()).await.unwrap();
            match closing {
                Closing::Closed(summary) => (summary.state, Vec::new()),
                Closing::Blocked(blockers) => (MonthState::Open, blockers.iter().map(|b| b.code).collect()),
            }
        };
        let last_second = || Instant::parse_rfc3339("2021-05-31T21:59:59Z").unwrap();
        assert_eq!(close_at(last_second).await, (MonthState::Open, vec![BlockerCode::MonthNotOver]));
        let midnight = || Instant::parse_rfc3339("2021-05-31T22:00:00Z").unwrap();
        assert_eq!(close_at(midnight).await, (MonthState::Closed, Vec::new()));
        // The world's clock stands in June.
        assert_eq!(ahead(&world, "2021-06").await, [BlockerCode::MonthNotOver]);
        assert_eq!(closed_by(&world, "2021-06", None).await, [BlockerCode::MonthNotOver]);
        world
    });
}

#[test]
fn late_usage_is_waited_for_and_longer_after_december() {
    in_world("windows", |world| async move {
        count(&world, &["2020-12-03", "2021-05-03"]).await;
        // It is 1 June, 151 days after December and none after May.
        let window = |window_days, window_days_december| ClosingRules {
            window_days,
            window_days_december,
            ..ClosingRules::default()
        };
        rule(&world, window(0, 152));
        assert_eq!(ahead(&world, "2020-12").await, [BlockerCode::WindowOpen]);
        assert_eq!(closed_by(&world, "2020-12", None).await, [BlockerCode::WindowOpen]);
        rule(&world, window(1, 151));
        assert_eq!(ahead(&world, "2020-12").await, []);
        for at in ["2020-12", "2021-01", "2021-02", "2021-03", "2021-04"] {
            assert_eq!(closed_by(&world, at, None).await, [], "{at}");
        }
        assert_eq!(closed_by(&world, "2021-05", None).await, [BlockerCode::WindowOpen]);
        rule(&world, window(0, 400));
        assert_eq!(closed_by(&world, "2021-05", None).await, []);
        world
    });
}

#[test]
fn two_persons_close_a_month_where_four_eyes_are_required() {
    in_world("four_eyes", |world| async move {
        count(&world, &["2021-03-03"]).await;
        rule(&world, ClosingRules { four_eyes: true, ..ClosingRules::default() });
        let four_eyes = [BlockerCode::FourEyes];
        assert_eq!(ahead(&world, "2021-03").await, four_eyes);
        assert_eq!(closed_by(&world, "2021-03", signed("ekonom 2")).await, four_eyes, "nobody announced it");
        world.biller.preliminary(month("2021-03"), None).await.unwrap();
        assert_eq!(ahead(&world, "2021-03").await, [], "who closes is not known yet");
        assert_eq!(closed_by(&world, "2021-03", signed("ekonom 2")).await, four_eyes, "nobody signed it");
        world.biller.preliminary(month("2021-03"), signed("ekonom 1")).await.unwrap();
        assert_eq!(closed_by(&world, "2021-03", None).await, four_eyes, "nobody signs the close");
        assert_eq!(closed_by(&world, "2021-03", signed("Ekonom 1")).await, four_eyes, "the same person");
        assert_eq!(closed_by(&world, "2021-03", signed("ekonom 2")).await, []);
        // Who decided is in the month, in the log of decisions, and in what somebody else reads.
        let frozen = world.another_biller().charges(month("2021-03")).await.unwrap();
        assert_eq!(frozen.frozen.as_ref().unwrap().by, "ekonom 2");
        let audit = world.biller.audit(0, 100).await.unwrap();
        let by = |content: &Map<String, Value>| content.get("by").and_then(Value::as_str).map(str::to_owned);
        let signatures: Vec<String> =
            audit.records.iter().map(|record| by(&record.content).unwrap_or_default()).collect();
        assert_eq!(signatures, ["ekonom 2", "", "ekonom 2", "ekonom 1", "", "Ekonom 1", "ekonom 2"]);
        world
    });
}
