//! The quarantine through the control log.

use billing::Replay;
use eventlog::Kind;
use eventlog::topic::INTAKE;
use store::quarantine::QuarantineFilter;
use store::rows::{Batch, Position, QuarantineRow};

use crate::world::{clock, in_world};

#[test]
fn an_entry_is_replayed_as_it_was_sent_however_often_it_is_asked_for() {
    in_world("replayed", |world| async move {
        let row = |offset: u64, code: &str, event: Option<&[u8]>| QuarantineRow {
            position: Position::new(offset, 0),
            code: code.to_owned(),
            detail: "why".to_owned(),
            source: "/s".to_owned(),
            id: offset.to_string(),
            hash: offset.to_string(),
            received: clock(),
            event: event.map(<[u8]>::to_vec),
            record: ("c1".to_owned(), 1, offset),
            released: false,
        };
        let quarantine = vec![
            row(1, "wrong_unit", Some(b"{\"a\":\"\xff\"}")),
            row(2, "unknown_service", Some(b"{}")),
            row(3, "personal_data", None),
            row(4, "event_too_large", Some(b"{")),
        ];
        let batch = Batch { generation: 1, quarantine, ..Batch::default() };
        world.store.write_quarantine(&batch).await.unwrap();
        let filter = QuarantineFilter { limit: 10, ..QuarantineFilter::default() };
        let entries = world.store.quarantine(&filter).await.unwrap();
        let id = |code: &str| entries.iter().find(|entry| entry.code == code).unwrap().id.clone();

        let (one, other) = (world.another_biller(), world.another_biller());
        let refused = id("wrong_unit");
        let both = tokio::join!(one.replay(&refused), other.replay(&refused));
        let again = world.biller.replay(&refused).await.unwrap();
        let parked = world.biller.replay(&id("unknown_service")).await.unwrap();
        for replay in [both.0.unwrap(), both.1.unwrap(), again, parked] {
            assert!(matches!(replay, Replay::Replayed { .. }), "{replay:?}");
        }
        for code in ["personal_data", "event_too_large"] {
            assert_eq!(world.biller.replay(&id(code)).await.unwrap(), Replay::NotKept);
        }
        for unknown in ["", "x", &"0".repeat(32)] {
            assert_eq!(world.biller.replay(unknown).await.unwrap(), Replay::NotFound);
        }
        let records = world.log.read(INTAKE, 0, 0, 1 << 20).await.unwrap();
        let shown: Vec<(&[u8], Kind, bool)> = records
            .iter()
            .map(|record| {
                let header = record.header.as_ref().unwrap();
                (record.value.as_ref(), header.kind, header.released)
            })
            .collect();
        let wrong = (b"{\"a\":\"\xff\"}".as_slice(), Kind::Events, false);
        // The clock stands still here, so two that decided at once may have decided the same at the same instant.
        let (last, before) = shown.split_last().unwrap();
        assert!(before.len() >= 2 && before.iter().all(|record| *record == wrong), "{shown:?}");
        assert_eq!(*last, (b"{}".as_slice(), Kind::Events, true));
        let numbers: Vec<(u64, u64)> =
            records.iter().map(|r| r.header.as_ref().map(|h| (h.epoch, h.batch)).unwrap()).collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] != pair[1]),
            "each decision has its number: {numbers:?}"
        );
        world
    });
}
