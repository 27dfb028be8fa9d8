//! The documents of companies: numbered at the close, in one unbroken series.

use std::sync::Arc;

use billing::{Accept, Closing, Error};
use domain::catalogue::{Customer, Invoicing};
use domain::document::{Document, documents};
use domain::event::CustomerKind;
use eventlog::{Header, Kind, Record};
use store::charges::Outcome;

use crate::catalogue::{month, owned};
use crate::closing::close;
use crate::world::{World, clock, in_world};

/// Puts a catalogue with a second company in force, whose first document has this number.
fn begin_with(world: &World, first_number: u64) {
    let mut catalogue = (**world.catalogue.load()).clone();
    catalogue.version = format!("first {first_number}");
    catalogue.invoicing = Invoicing { first_number, ..Invoicing::default() };
    let company = Customer {
        code: "TVAB".to_owned(),
        name: "Tekniska verken".to_owned(),
        kind: CustomerKind::Bolag,
        number: None,
        reference: None,
        address: None,
    };
    catalogue.customers.insert(company.code.clone(), company);
    catalogue.costcentres.insert("B0200".to_owned(), owned("B0200", &[("TVAB", "2020-01-01", None)]));
    world.catalogue.store(Arc::new(catalogue));
}

/// Counts so many hours of a cost centre's on the first of a month.
async fn hours(world: &World, at: &str, costcentre: &str, hours: i128) {
    let day = format!("{at}-01");
    world.count(&[(&day, "e-moten", "participant_hour", costcentre, "", hours * 1_000_000)]).await;
}

/// `number type customer net surcharge`
fn shown(documents: &[Document]) -> Vec<String> {
    let text = |d: &Document| {
        format!("{} {} {} {} {}", d.number, d.kind.code(), d.customer.code, d.net, d.surcharge)
    };
    documents.iter().map(text).collect()
}

async fn documents_of(world: &World, at: &str) -> Vec<String> {
    shown(&world.another_biller().charges(month(at)).await.unwrap().documents)
}

#[test]
fn numbers_follow_each_other_over_months_whatever_comes_between() {
    in_world("documents", |world| async move {
        // February has no company; what the catalogue says first then is not used.
        begin_with(&world, 7);
        hours(&world, "2021-02", "110200", 10).await;
        close(&world, "2021-02").await;
        assert_eq!(documents_of(&world, "2021-02").await, [""; 0]);
        // March: 100 h × 0.48 = 48.00 + 3 %, and 50 h = 24.00 + 0.72.
        begin_with(&world, 2_021_001);
        hours(&world, "2021-03", "B0200", 50).await;
        hours(&world, "2021-03", "B0100", 100).await;
        hours(&world, "2021-03", "110200", 1).await;
        let march = month("2021-03");
        assert_eq!(world.biller.charges(march).await.unwrap().documents, [], "no number before the close");
        close(&world, "2021-03").await;
        let of_march = ["2021001 380 LEJON 48.00 1.44", "2021002 380 TVAB 24.00 0.72"];
        assert_eq!(documents_of(&world, "2021-03").await, of_march);
        // April: 10 h × 0.52 = 5.20 + öre(0.156), and 40 of March's hours are taken back: −19.20 − öre(0.576) of 0.58.
        begin_with(&world, 9);
        hours(&world, "2021-03", "B0100", -40).await;
        hours(&world, "2021-04", "B0100", 10).await;
        hours(&world, "2021-04", "B0200", 10).await;
        close(&world, "2021-04").await;
        assert_eq!(
            documents_of(&world, "2021-04").await,
            ["2021003 381 LEJON -14.00 -0.42", "2021004 380 TVAB 5.20 0.16"]
        );
        // May again has no company, and a first month that is closed again changes nothing.
        hours(&world, "2021-05", "110200", 1).await;
        close(&world, "2021-05").await;
        close(&world, "2021-03").await;
        assert_eq!(documents_of(&world, "2021-05").await, [""; 0]);
        assert_eq!(documents_of(&world, "2021-03").await, of_march);
        let records = world.store.month_records().await.unwrap();
        for record in records.iter().filter(|record| record.outcome == Outcome::Closed) {
            let frozen = world.biller.charges(record.month).await.unwrap();
            assert_eq!(record.lines, frozen.charges.len() as u64);
        }
        let last: Vec<_> = records.iter().map(|r| (r.documents, r.document_last)).collect();
        assert_eq!(last, [(0, None), (2, Some(2_021_002)), (2, Some(2_021_004)), (0, Some(2_021_004))]);
        world
    });
}

#[test]
fn a_close_that_was_killed_gives_the_same_numbers() {
    crate::shared::on_server(|url| async move {
        let world = World::new(url, "documents_killed").await;
        begin_with(&world, 5);
        hours(&world, "2021-03", "B0100", 100).await;
        hours(&world, "2021-03", "B0200", 50).await;
        // The decision is on the log; its owner wrote one of two documents and died. Somebody else's was never decided.
        let value =
            format!(r#"{{"v":1,"action":"month.close","month":"2021-03","catalogue":"{}"}}"#, "first 5");
        let header = Header {
            kind: Kind::Control,
            collector: "billing".to_owned(),
            epoch: 0,
            batch: 0,
            received: clock().micros(),
            sources: Vec::new(),
            released: false,
        };
        let decision = Record { header, value: value.into() };
        let control = world.log.append("control", 0, vec![decision]).await.unwrap()[0];
        let preview = world.biller.charges(month("2021-03")).await.unwrap();
        let made = documents(&preview.charges, 5);
        world.store.put_documents(month("2021-03"), control, &made[..1]).await.unwrap();
        world
            .store
            .put_documents(month("2021-03"), control + 9, &documents(&preview.charges, 70))
            .await
            .unwrap();

        world.start_owner();
        close(&world, "2021-03").await;
        let frozen = world.another_biller().charges(month("2021-03")).await.unwrap();
        assert_eq!(frozen.documents, made);
        assert_eq!(frozen.frozen.as_ref().unwrap().control, Some(control), "the first decision closed it");
        hours(&world, "2021-04", "B0100", 1).await;
        let Closing::Closed(_) =
            world.another_biller().close(month("2021-04"), Accept::default()).await.unwrap()
        else {
            panic!("April closes");
        };
        assert_eq!(documents_of(&world, "2021-04").await, ["7 380 LEJON 0.52 0.02"]);
        world.finish().await;
    });
}

#[test]
fn a_document_that_is_not_as_it_was_frozen_is_found() {
    in_world("documents_changed", |world| async move {
        begin_with(&world, 5);
        hours(&world, "2021-03", "B0100", 100).await;
        close(&world, "2021-03").await;
        let control = world.store.month_records().await.unwrap()[0].control;
        let mut changed = world.biller.charges(month("2021-03")).await.unwrap().documents.clone();
        changed[0].net = domain::Money::from_ore(4_801);
        world.store.put_documents(month("2021-03"), control, &changed).await.unwrap();
        let found = world.another_biller().charges(month("2021-03")).await;
        assert!(matches!(found, Err(Error::NotAsFrozen { .. })), "{found:?}");
        world
    });
}
