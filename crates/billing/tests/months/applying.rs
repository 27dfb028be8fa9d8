//! The catalogue through the control log.

use billing::{Accept, Application, BlockerCode, Closing};
use catalog::Files;
use domain::Instant;
use domain::access::Viewer;
use eventlog::Kind;
use eventlog::topic::{CONTROL, INTAKE, USAGE};
use store::catalogue::CatalogueVersion;
use store::rows::{Batch, Position, QuarantineRow};

use crate::catalogue::month;
use crate::world::{World, clock, until};

const PARKED: &str = include_str!("../../../../schemas/events/parked/unknown_meter.json");
const METERS: &str = "tjanster/anvandarnara.toml";

fn with(path: &str, old: &str, new: &str) -> Files {
    let mut files = catalog::linkoping();
    let text = String::from_utf8(files.get(path).unwrap().to_vec()).unwrap();
    assert!(text.contains(old), "{path} has no {old}");
    files.insert(path, text.replace(old, new).into_bytes());
    files
}

/// With the meter that the parked example names.
fn with_broadcasts() -> Files {
    let before = "[[tjanst]]\nslug = \"it-grupprum\"";
    let meter = "[[tjanst.matare]]\nslug = \"broadcast_hour\"\nnamn = \"Sändningstimmar\"\nnamn_en = \"Broadcast hours\"\nslag = \"sum\"\nenhet = \"h\"\nhandelse = \"meeting.participation\"\ndebiteras = false\n\n";
    with(METERS, before, &format!("{meter}{before}"))
}

fn renamed() -> Files {
    with(METERS, "namn = \"Deltagartimmar\"", "namn = \"Timmar i möten\"")
}

/// The meter has another name, in its prices too: the one that there was is gone.
fn without_participant_hours() -> Files {
    let mut files = with(METERS, "slug = \"participant_hour\"", "slug = \"person_hour\"");
    for path in ["priser.csv", "volymer.csv"] {
        let text = String::from_utf8(files.get(path).unwrap().to_vec()).unwrap();
        files.insert(path, text.replace(";participant_hour;", ";person_hour;").into_bytes());
    }
    files
}

fn with_broadcasts_renamed() -> Vec<u8> {
    let text = String::from_utf8(with_broadcasts().get(METERS).unwrap().to_vec()).unwrap();
    text.replace("Sändningstimmar", "Timmar i sändning").into_bytes()
}

fn list(files: &Files) -> Vec<(String, Vec<u8>)> {
    files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect()
}

/// A world whose store was seeded with Linköping's catalogue; nobody carries decisions out yet.
async fn seeded(url: String, database: &str) -> std::sync::Arc<World> {
    let world = World::new(url, database).await;
    let files = catalog::linkoping();
    let before = Instant::from_micros(clock().micros() - 1_000_000);
    world.store.catalogue_put(&files.version(), &list(&files), before).await.unwrap();
    world
}

async fn apply(world: &World, files: &Files) -> (String, Vec<String>) {
    match world.biller.apply_catalogue(files).await.unwrap() {
        Application::InForce { version, changes } => (version, changes),
        Application::Refused { code, findings } => panic!("{code}: {findings:?}"),
    }
}

async fn refused(world: &World, files: &Files) -> (String, String) {
    match world.biller.apply_catalogue(files).await.unwrap() {
        Application::InForce { version, .. } => panic!("{version} is in force"),
        Application::Refused { code, findings } => (code, findings.join("\n")),
    }
}

/// The control offsets of the barriers of a partition.
async fn barriers(world: &World, partition: u32) -> Vec<Option<u64>> {
    let records = world.log.read(USAGE, partition, 0, 1 << 20).await.unwrap();
    let control = |header: eventlog::Header| match header.kind {
        Kind::Barrier { control } => Some(control),
        Kind::Events | Kind::Mark { .. } | Kind::Control | Kind::Quarantine => None,
    };
    records.into_iter().filter_map(|record| control(record.header.unwrap())).collect()
}

#[test]
fn a_catalogue_is_applied_once_with_a_barrier_and_never_against_a_closed_month() {
    crate::shared::on_server(|url| async move {
        let world = seeded(url, "applied").await;
        world.start_owner();
        let (version, changes) = apply(&world, &renamed()).await;
        assert_eq!((version, changes.len()), (renamed().version(), 1), "{changes:?}");
        assert_eq!(world.catalogue.load().version, renamed().version(), "it is in force here at once");
        assert_eq!(apply(&world, &renamed()).await, (renamed().version(), Vec::new()));
        for partition in 0..2 {
            assert_eq!(barriers(&world, partition).await, [Some(0)], "the second changed nothing");
        }
        // An older catalogue may come back; the instants of versions only grow, though the clock here stands still.
        assert_eq!(apply(&world, &catalog::linkoping()).await.1.len(), 1);
        let versions = world.store.catalogue_versions().await.unwrap();
        let controls: Vec<Option<u64>> = versions.iter().map(|version| version.control).collect();
        assert_eq!(controls, [None, Some(0), Some(2)]);
        assert!(versions.windows(2).all(|pair| pair[0].applied < pair[1].applied), "{versions:?}");

        world.count(&[("2021-03-05", "e-moten", "participant_hour", "110200", "", 1_000_000_000)]).await;
        // Nothing is closed, but a meter that has usage stays.
        let (code, findings) = refused(&world, &without_participant_hours()).await;
        assert_eq!(code, "changes_closed_month");
        assert!(findings.contains("e-moten/participant_hour är borta, men har användning"), "{findings}");
        let closing = world.biller.close(month("2021-03"), Accept::default()).await.unwrap();
        assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
        let dearer =
            with("priser.csv", "participant_hour;;2020-01-01;;0,48", "participant_hour;;2020-01-01;;0,50");
        let (code, findings) = refused(&world, &dearer).await;
        assert_eq!(code, "changes_closed_month");
        assert!(findings.contains("priser.csv"), "{findings}");
        let mut broken = catalog::linkoping();
        broken.insert("priser.csv", b"x".to_vec());
        assert_eq!(refused(&world, &broken).await.0, "invalid_catalogue");
        assert_eq!(
            world.store.catalogue_current_version().await.unwrap(),
            Some(catalog::linkoping().version())
        );
        world.finish().await;
    });
}

#[test]
fn an_application_that_was_killed_ends_as_if_it_had_not_been() {
    crate::shared::on_server(|url| async move {
        let world = seeded(url, "killed_apply").await;
        let biller = world.another_biller();
        let applying = tokio::spawn(async move { biller.apply_catalogue(&renamed()).await.unwrap() });
        until("the decision", async || world.log.end_offset(CONTROL, 0).await.unwrap() == 1).await;
        // Its owner put the version in force, and died before the barriers.
        let version = CatalogueVersion { version: renamed().version(), applied: clock(), control: Some(0) };
        world.store.catalogue_apply(&version, &list(&renamed())).await.unwrap();
        world.start_owner();
        let Application::InForce { version, changes } = applying.await.unwrap() else { panic!("refused") };
        assert_eq!((version, changes.len()), (renamed().version(), 1));
        assert_eq!(barriers(&world, 1).await, [Some(0)]);
        assert_eq!(world.store.catalogue_versions().await.unwrap().len(), 2);
        world.finish().await;
    });
}

#[test]
fn of_a_catalogue_and_a_close_that_exclude_each_other_the_first_wins() {
    crate::shared::on_server(|url| async move {
        let world = seeded(url, "first_wins").await;
        world.count(&[("2021-03-05", "e-moten", "participant_hour", "110200", "", 1_000_000_000)]).await;
        let (one, other) = (world.another_biller(), world.another_biller());
        let applying = tokio::spawn(async move { one.apply_catalogue(&renamed()).await.unwrap() });
        until("the application", async || world.log.end_offset(CONTROL, 0).await.unwrap() == 1).await;
        let closing =
            tokio::spawn(async move { other.close(month("2021-03"), Accept::default()).await.unwrap() });
        until("the close", async || world.log.end_offset(CONTROL, 0).await.unwrap() == 2).await;
        world.start_owner();
        assert!(matches!(applying.await.unwrap(), Application::InForce { .. }));
        let Closing::Blocked(blockers) = closing.await.unwrap() else {
            panic!("it was decided on another catalogue")
        };
        let codes: Vec<BlockerCode> = blockers.iter().map(|blocker| blocker.code).collect();
        assert_eq!(codes, [BlockerCode::CatalogueChanged]);
        let again = world.biller.close(month("2021-03"), Accept::default()).await.unwrap();
        assert!(matches!(again, Closing::Closed(_)), "{again:?}");
        world.finish().await;
    });
}

#[test]
fn what_waited_for_a_meter_is_released_when_the_catalogue_has_it() {
    crate::shared::on_server(|url| async move {
        let world = seeded(url, "released").await;
        let row = |offset: u64, event: &str| QuarantineRow {
            position: Position::new(offset, 0),
            code: "unknown_meter".to_owned(),
            detail: "why".to_owned(),
            source: "/lkdata/collector/pexip/mgr1".to_owned(),
            id: "1".to_owned(),
            hash: event.len().to_string(),
            received: clock(),
            event: Some(event.as_bytes().to_vec()),
            record: ("c1".to_owned(), 1, offset),
            released: false,
        };
        let other = PARKED.replace("broadcast_hour", "something_else");
        let park = async |rows: Vec<QuarantineRow>| {
            let batch = Batch { generation: 1, quarantine: rows, ..Batch::default() };
            world.store.write_quarantine(&batch).await.unwrap();
        };
        park(vec![row(7, PARKED), row(8, &other), row(9, PARKED)]).await;
        world.start_owner();
        apply(&world, &renamed()).await;
        assert_eq!(world.log.end_offset(INTAKE, 0).await.unwrap(), 0, "nothing has its meter");
        apply(&world, &with_broadcasts()).await;
        let released = world.log.read(INTAKE, 0, 0, 1 << 20).await.unwrap();
        assert_eq!(released.len(), 1, "the same event was parked twice and is released once");
        let header = released[0].header.as_ref().unwrap();
        assert_eq!(released[0].value, PARKED.as_bytes());
        assert_eq!(
            (header.kind, header.released, header.epoch, header.batch),
            (Kind::Events, true, 1, 10),
            "by the decision, for the place where it was parked last"
        );
        assert_eq!(header.sources, [("/lkdata/collector/pexip/mgr1".to_owned(), 1)]);
        // A collector that had not seen the catalogue yet parks it once more: the owner looks again by itself.
        park(vec![row(12, PARKED)]).await;
        until("another release", async || world.log.end_offset(INTAKE, 0).await.unwrap() == 2).await;
        let mut both = with_broadcasts();
        both.insert(METERS, with_broadcasts_renamed());
        apply(&world, &both).await;
        assert_eq!(world.log.end_offset(INTAKE, 0).await.unwrap(), 2, "what was released stays so");
        world.finish().await;
    });
}

/// The process that is asked has another catalogue by now, without the agreements and the owners of the close.
#[test]
fn a_charge_is_explained_by_the_catalogue_that_it_was_closed_on() {
    crate::shared::on_server(|url| async move {
        let world = seeded(url, "explained_by_its_catalogue").await;
        world.start_owner();
        world.count(&[("2021-03-05", "e-moten", "participant_hour", "110300", "", 1_000_000)]).await;
        let closing = world.biller.close(month("2021-03"), Accept::default()).await.unwrap();
        assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
        let now = world.catalogue.load();
        assert!(
            !now.costcentres.contains_key("110300"),
            "the catalogue of now does not know the cost centre"
        );
        let frozen = world.biller.charges(month("2021-03")).await.unwrap();
        assert_ne!(frozen.catalogue, now.version);
        let line = |service: &str, meter: &str| {
            let found = |line: &&domain::charge::Charge| {
                (line.tariff.service.as_str(), line.tariff.meter.as_str()) == (service, meter)
            };
            frozen.charges.iter().find(found).unwrap().id()
        };
        let agreement =
            world.biller.explain(&line("driftavtal", "agreement"), &Viewer::admin(), 0, None).await.unwrap();
        assert!(!agreement.agreements.is_empty());
        let hours = world
            .biller
            .explain(&line("e-moten", "participant_hour"), &Viewer::admin(), 0, None)
            .await
            .unwrap();
        assert_eq!(hours.days.len(), 1, "{:?}", hours.days);
        world.finish().await;
    });
}
