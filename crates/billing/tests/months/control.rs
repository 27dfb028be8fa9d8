//! The control log: who writes it, what counts, and what the audit says about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use billing::{AuditState, Owner};
use bytes::Bytes;
use eventlog::topic::CONTROL;
use eventlog::{Header, Kind, Record};
use store::control::ControlOutcome;
use tokio::sync::watch;

use crate::catalogue::month;
use crate::world::{World, clock, in_world, until};

pub(crate) fn control_header() -> Header {
    Header {
        kind: Kind::Control,
        collector: "somebody".to_owned(),
        epoch: 0,
        batch: 0,
        received: clock().micros(),
        sources: Vec::new(),
        released: false,
    }
}

async fn append(world: &World, value: impl Into<Bytes>) -> u64 {
    let record = Record { header: control_header(), value: value.into() };
    world.log.append(CONTROL, 0, vec![record]).await.unwrap()[0]
}

/// `(offset, state, problem, outcome)` of every record.
async fn audited(world: &World) -> Vec<(u64, AuditState, Option<&'static str>, Option<String>)> {
    let page = world.biller.audit(0, 10_000).await.unwrap();
    assert!(!page.more);
    page.records.into_iter().map(|r| (r.control, r.state, r.problem, r.outcome)).collect()
}

#[test]
fn decisions_of_many_writers_count_once_each() {
    in_world("many_writers", |world| async move {
        let mut attempts = Vec::new();
        for n in 0..12 {
            // Each knows nothing of what the others have read.
            let biller = world.another_biller();
            let at = month(&format!("2021-{:02}", n + 1));
            attempts.push(tokio::spawn(async move { biller.preliminary(at, None).await.unwrap() }));
        }
        for attempt in attempts {
            attempt.await.unwrap();
        }
        let records = audited(&world).await;
        assert!(records.iter().all(|(_, _, problem, _)| problem.is_none()), "{records:?}");
        let valid: Vec<_> = records.iter().filter(|(_, state, ..)| *state == AuditState::Valid).collect();
        assert_eq!(valid.len(), 12, "whoever lost a race wrote again: {records:?}");
        assert!(valid.iter().all(|(.., outcome)| outcome.as_deref() == Some("preliminary")), "{valid:?}");
        let void = records.iter().filter(|(_, state, ..)| *state == AuditState::Void);
        assert!(void.clone().all(|(.., outcome)| outcome.is_none()), "nobody carries out what is void");
        let outcomes = world.store.control_outcomes(0..u64::MAX).await.unwrap();
        let carried_out: BTreeSet<u64> = outcomes.iter().map(|outcome| outcome.control).collect();
        assert_eq!(carried_out, valid.iter().map(|(control, ..)| *control).collect());

        // Page by page it is the same.
        let mut pages = Vec::new();
        let mut from = 0;
        loop {
            let page = world.biller.audit(from, 5).await.unwrap();
            pages.extend(page.records.iter().map(|record| record.control));
            from = pages.last().unwrap() + 1;
            if !page.more {
                break;
            }
        }
        assert_eq!(pages, records.iter().map(|(control, ..)| *control).collect::<Vec<_>>());
        world
    });
}

#[test]
fn a_chain_that_was_broken_by_hand_is_found_where_it_is() {
    in_world("broken_chain", |world| async move {
        for at in ["2021-03", "2021-04"] {
            world.biller.preliminary(month(at), None).await.unwrap();
        }
        let records = world.log.read(CONTROL, 0, 0, 1 << 20).await.unwrap();
        let first = String::from_utf8(records[0].value.to_vec()).unwrap();
        append(&world, first.replace("2021-03", "2021-05")).await;
        append(&world, &br#"{"v":1,"action":"month.close","month":"2021-03","catalogue":"v1"}"#[..]).await;
        append(&world, "not a decision").await;
        append(&world, first).await;
        // Nobody carries any of that out, and deciding goes on behind it.
        world.biller.preliminary(month("2021-06"), None).await.unwrap();
        assert_eq!(world.biller.months().await.unwrap(), [], "nothing was closed");
        // Somebody changes what was carried out first, cuts the log's end, and makes something void look done.
        let outcome = |control| ControlOutcome {
            control,
            action: "month.close".to_owned(),
            outcome: "closed".to_owned(),
            at: clock(),
            chain: "f".repeat(64),
            answer: "{}".to_owned(),
        };
        for control in [1, 2, 99] {
            world.store.put_control_outcome(&outcome(control)).await.unwrap();
        }
        let done = || Some("preliminary".to_owned());
        let closed = || Some("closed".to_owned());
        assert_eq!(
            audited(&world).await,
            [
                (0, AuditState::Valid, None, done()),
                (1, AuditState::Valid, Some("replaced"), closed()),
                (2, AuditState::Void, Some("carried_out"), closed()),
                (3, AuditState::Void, Some("unchained"), None),
                (4, AuditState::Void, Some("unreadable"), None),
                (5, AuditState::Void, None, None),
                (6, AuditState::Valid, None, done()),
                (99, AuditState::Missing, Some("missing"), closed()),
            ]
        );
        world
    });
}

#[test]
fn what_an_owner_does_not_know_waits_for_one_that_does() {
    crate::shared::on_server(|url| async move {
        let world = World::new(url, "unknown_action").await;
        let registry = prometheus::Registry::new();
        let metrics = billing::Metrics::register(&registry).unwrap();
        // An older program: it knows no action at all.
        let older = Owner::new(world.store.clone(), Arc::clone(&world.log)).measured(metrics);
        let (stop, stopped) = watch::channel(false);
        let older = tokio::spawn(older.run(stopped));
        let biller = world.another_biller();
        let deciding = tokio::spawn(async move { biller.preliminary(month("2021-03"), None).await.unwrap() });
        let failures = || {
            let families = registry.gather();
            let failures = families.iter().find(|f| f.name() == "taxameter_billing_decision_failures_total");
            failures.is_some_and(|family| family.get_metric()[0].get_counter().get_value() >= 2.0)
        };
        until("the older program tried", async || failures()).await;
        assert_eq!(world.store.control_outcomes(0..u64::MAX).await.unwrap(), []);
        stop.send_replace(true);
        older.await.unwrap().unwrap();
        world.start_owner();
        deciding.await.unwrap();
        assert_eq!(audited(&world).await, [(0, AuditState::Valid, None, Some("preliminary".to_owned()))]);
        world.finish().await;
    });
}
