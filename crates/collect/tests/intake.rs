//! What is accepted is on the log, what is not is in the quarantine, and the answer says which.

use std::collections::BTreeSet;
use std::sync::Arc;

use collect::{Mode, Principal, Unavailable};
use domain::{Code, EventKey, Instant};
use eventlog::{Kind, topic};

use crate::support::{PARTITIONS, Stand, event, event_with, now};

async fn accept(stand: &Stand, events: &[String]) -> collect::Answer {
    let slices: Vec<&[u8]> = events.iter().map(|event| event.as_bytes()).collect();
    stand.intake.accept(&slices, now(), &Principal::Anyone, Mode::Each).await.unwrap()
}

async fn code_of(stand: &Stand, event: String) -> Option<Code> {
    let answer = accept(stand, &[event]).await;
    answer.rejected.first().map(|rejected| rejected.rejection.code)
}

#[tokio::test]
async fn accepted_events_are_on_the_log_as_they_were_sent_in_the_partition_of_their_identity() {
    let stand = Stand::new().await;
    let mut events: Vec<String> =
        (0..100).map(|n| event_with(&n.to_string(), "\"data\":", "\"x\" : 1, \"data\":")).collect();
    let answer = accept(&stand, &events).await;
    assert_eq!((answer.accepted, answer.parked, answer.rejected.len()), (100, 0, 0));
    for (partition, record) in stand.records(topic::USAGE).await {
        let header = record.header.as_ref().unwrap();
        assert_eq!((header.kind, header.collector.as_str(), header.epoch), (Kind::Events, "c1", 7));
        assert_eq!(header.received, now().micros());
        let slices = eventlog::wire::split(&record.value).unwrap();
        assert_eq!(
            header.sources,
            [("/lkdata/collector/pexip/mgr1".to_owned(), u32::try_from(slices.len()).unwrap())]
        );
        for slice in slices {
            let event = eventlog::wire::decode(slice).unwrap();
            assert_eq!(EventKey::of(&event.source, &event.id).partition(PARTITIONS), partition);
        }
    }
    events.sort();
    assert_eq!(stand.logged().await, events);
}

#[tokio::test]
async fn requests_at_the_same_time_share_records() {
    let stand = Arc::new(Stand::new().await);
    let requests = (0..400).map(|n| {
        let stand = Arc::clone(&stand);
        tokio::spawn(async move { accept(&stand, &[event(&n.to_string())]).await.accepted })
    });
    let answers = futures::future::join_all(requests).await;
    assert_eq!(answers.into_iter().map(Result::unwrap).sum::<usize>(), 400);
    let records = stand.records(topic::USAGE).await;
    assert!(records.len() < 200, "{} records for 400 events", records.len());
    let batches: BTreeSet<u64> =
        records.iter().map(|(_, record)| record.header.as_ref().unwrap().batch).collect();
    assert_eq!(batches.len(), records.len());
    assert_eq!(stand.logged().await.len(), 400);
}

#[tokio::test]
async fn a_batch_larger_than_a_record_becomes_several() {
    let stand = Stand::new().await;
    let events: Vec<String> = (0..2_000).map(|n| event(&n.to_string())).collect();
    assert_eq!(accept(&stand, &events).await.accepted, 2_000);
    let records = stand.records(topic::USAGE).await;
    assert!(records.iter().all(|(_, record)| record.value.len() <= 65 * 1024));
    assert!(records.len() > 8);
    assert_eq!(stand.logged().await.len(), 2_000);
}

#[tokio::test]
async fn a_source_for_every_event_stays_within_the_headers_limit() {
    let stand = Stand::new().await;
    let source = |n: usize| format!("/{n:0>198}");
    let events: Vec<String> =
        (0..3_000).map(|n| event_with("a", "/lkdata/collector/pexip/mgr1", &source(n))).collect();
    assert_eq!(accept(&stand, &events).await.accepted, 3_000);
}

#[tokio::test]
async fn a_wrong_event_is_named_and_kept_and_stops_nobody() {
    let stand = Stand::new().await;
    let wrong = event_with("b", "\"unit\":\"h\"", "\"unit\":\"kWh\"");
    let answer = accept(&stand, &[event("a"), wrong.clone(), event("c"), "7".to_owned()]).await;
    assert_eq!(answer.accepted, 2);
    let named: Vec<_> =
        answer.rejected.iter().map(|r| (r.index, r.id.as_deref(), r.rejection.code)).collect();
    assert_eq!(named, [(1, Some("b"), Code::WrongUnit), (3, None, Code::InvalidJson)]);
    let kept = stand.quarantined().await;
    assert_eq!(kept[0]["code"], "wrong_unit");
    assert_eq!(kept[0]["id"], "b");
    assert_eq!(kept[0]["source"], "/lkdata/collector/pexip/mgr1");
    let bytes = data_encoding::BASE64.decode(kept[0]["event"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(bytes, wrong.as_bytes());
    assert_eq!(stand.counted("taxameter_collect_events_accepted_total", None), 2);
    assert_eq!(stand.counted("taxameter_collect_events_rejected_total", Some("wrong_unit")), 1);
}

#[tokio::test]
async fn an_event_of_an_unknown_meter_is_accepted_and_parked() {
    let stand = Stand::new().await;
    let events =
        [event_with("a", "\"e-moten\"", "\"e-posten\""), event_with("b", "\"participant_hour\"", "\"room\"")];
    let answer = accept(&stand, &events).await;
    assert_eq!((answer.accepted, answer.parked, answer.rejected.len()), (2, 2, 0));
    let codes: Vec<_> = stand.quarantined().await.iter().map(|entry| entry["code"].clone()).collect();
    assert_eq!(codes, ["unknown_service", "unknown_meter"]);
    assert!(stand.logged().await.is_empty());
}

#[tokio::test]
async fn an_unknown_cost_centre_counts_and_is_counted() {
    let stand = Stand::new().await;
    let answer = accept(&stand, &[event_with("a", "110200", "999999"), event("b")]).await;
    assert_eq!(answer.accepted, 2);
    assert_eq!(stand.logged().await.len(), 2);
    assert_eq!(stand.counted("taxameter_collect_events_unattributed_total", None), 1);
}

const ACCOUNT: &str = r#"{"specversion":"1.0","id":"a","source":"/lkdata/collector/ad/x","type":"se.linkoping.lkdata.usage.account.snapshot.v1","subject":"ps_5kq2mmmmmmmmmmmmmmmmmmmmmm","time":"2021-03-15T02:00:00+01:00","dataschema":"urn:lkdata:schema:usage:1","data":{"service":"it-bastjanst-konto","meter":"account","quantity":"1","unit":"account","customer":{"kind":"forvaltning","code":"KLF","costcentre":"110200"},"dims":{"class":"staff"}}}"#;

const MARKER: &str = r#"{"specversion":"1.0","id":"m","source":"/lkdata/collector/ad/x","type":"se.linkoping.lkdata.usage.snapshot.completed.v1","time":"2021-03-15T02:05:00+01:00","dataschema":"urn:lkdata:schema:usage:1","data":{"service":"it-bastjanst-konto","meter":"account","day":"2021-03-15","count":1}}"#;

#[tokio::test]
async fn the_catalogue_and_the_clock_decide_what_an_event_may_say() {
    let stand = Stand::new().await;
    let of_messages = |quantity: &str| {
        event_with("n", "meeting.participation", "integration.messages")
            .replace("e-moten", "integrationsplattform")
            .replace("participant_hour", "messages")
            .replace("\"h\"", "\"1000\"")
            .replace("0.954167", quantity)
    };
    let of_storage = |quantity: &str| {
        event_with("s", "meeting.participation", "storage.snapshot")
            .replace("e-moten", "it-bastjanst-lagring")
            .replace("participant_hour", "storage_gb")
            .replace("\"h\"", "\"GB\"")
            .replace("0.954167", quantity)
    };
    let at = |time: &str| event_with("t", "2021-03-15T09:00:12+01:00", time);
    let cases = [
        ("right", event("a"), None),
        (
            "another meter's type",
            event_with("a", "meeting.participation", "meeting.held"),
            Some(Code::TypeNotOfMeter),
        ),
        ("negative", event_with("a", "0.954167", "-0.000001"), Some(Code::NegativeQuantity)),
        ("zero", event_with("a", "0.954167", "0"), None),
        ("negative where it is taken", of_messages("-1"), None),
        ("a negative reading, whatever the catalogue says", of_storage("-1"), Some(Code::NegativeQuantity)),
        ("a reading", of_storage("1834.217984"), None),
        ("ten minutes ahead", at("2021-03-15T12:10:00+01:00"), None),
        ("a microsecond more", at("2021-03-15T12:10:00.000001+01:00"), Some(Code::TimeInFuture)),
        ("the service's first instant", at("2021-01-01T00:00:00+01:00"), None),
        ("the instant before", at("2020-12-31T23:59:59.999999+01:00"), Some(Code::BeforeServiceStart)),
        (
            "its first night, of the day before",
            at("2021-01-01T02:00:00+01:00").replace("\"unit\"", "\"day\":\"2020-12-31\",\"unit\""),
            None,
        ),
        (
            "an agreement",
            event_with("a", "e-moten", "driftavtal").replace("participant_hour", "agreement"),
            Some(Code::MeterTakesNoEvents),
        ),
        ("a known class", ACCOUNT.to_owned(), None),
        ("no class", ACCOUNT.replace("\"class\"", "\"other\""), Some(Code::MissingDimension)),
        ("an unknown class", ACCOUNT.replace("\"staff\"", "\"guest\""), Some(Code::UnknownDimensionValue)),
        ("a marker", MARKER.to_owned(), None),
        (
            "a marker of sums",
            MARKER.replace("it-bastjanst-konto", "e-moten").replace("account", "participant_hour"),
            Some(Code::TypeNotOfMeter),
        ),
    ];
    for (what, event, want) in cases {
        assert_eq!(code_of(&stand, event).await, want, "{what}");
    }
}

#[tokio::test]
async fn a_sender_with_a_key_sends_for_its_own_sources_only() {
    let stand = Stand::new().await;
    let own = Principal::Sender(Arc::new(BTreeSet::from(["/lkdata/own".to_owned()])));
    let events = [event("a"), event_with("b", "/lkdata/collector/pexip/mgr1", "/lkdata/own")];
    let slices = events.each_ref().map(|event| event.as_bytes());
    let answer = stand.intake.accept(&slices, now(), &own, Mode::Each).await.unwrap();
    let named: Vec<_> = answer.rejected.iter().map(|r| (r.index, r.rejection.code)).collect();
    assert_eq!((answer.accepted, named), (1, vec![(0, Code::SourceNotAllowed)]));
}

#[tokio::test]
async fn personal_data_is_refused_and_nowhere_stored() {
    // Test numbers of the tax agency's published series, a reserved domain, a documentation address.
    let stand = Stand::new().await;
    let events = [
        event_with("kort:189001019802", "", ""),
        event_with("b", "room:kb-101", "18900101-9802"),
        event_with("c", "room:kb-101", "namn\\u0040example.org"),
        event_with("d", "\"unit\":\"h\"", "\"unit\":\"192.0.2.17\""),
        event_with("e", "\"unit\":\"h\"", "\"unit\":\"h\",\"person\":189001019802"),
        event_with("f", "\"data\"", "\"x\":\"namn@example.org\",\"data\"").replace("}}}", "}}"),
        event_with("g", "\"specversion\":\"1.0\"", "\"specversion\":\"namn@example.org\""),
    ];
    let answer = accept(&stand, &events).await;
    assert_eq!(answer.accepted, 0);
    for rejected in &answer.rejected {
        assert_eq!(rejected.rejection.code, Code::PersonalData, "{rejected:?}");
        assert_eq!(rejected.id.as_deref(), Some("[masked]"));
    }
    let said = format!("{answer:?} {:?}", stand.quarantined().await);
    for secret in ["9802", "example.org", "192.0.2.17", "ZXhhbXBsZS5vcmc"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    let hashes: BTreeSet<String> =
        stand.quarantined().await.iter().map(|entry| entry["hash"].to_string()).collect();
    assert_eq!(hashes.len(), events.len());
}

#[tokio::test]
async fn all_or_nothing_leaves_nothing_of_a_batch_with_a_wrong_event() {
    let stand = Stand::new().await;
    let events = [event("a"), event_with("b", "\"h\"", "\"kWh\"")];
    let slices = events.each_ref().map(|event| event.as_bytes());
    let answer = stand.intake.accept(&slices, now(), &Principal::Anyone, Mode::Atomic).await.unwrap();
    assert_eq!((answer.accepted, answer.rejected.len()), (0, 1));
    assert!(stand.logged().await.is_empty() && stand.quarantined().await.is_empty());
    let answer = stand.intake.accept(&slices[..1], now(), &Principal::Anyone, Mode::Atomic).await.unwrap();
    assert_eq!((answer.accepted, answer.rejected.len()), (1, 0));
}

#[tokio::test]
async fn nothing_is_accepted_that_the_log_did_not_take() {
    let stand = Stand::with_full_disk().await;
    for events in [
        vec![event("a")],
        vec![event_with("b", "\"h\"", "\"kWh\"")],
        vec![event_with("c", "e-moten", "e-posten")],
    ] {
        let slices: Vec<&[u8]> = events.iter().map(|event| event.as_bytes()).collect();
        let answer = stand.intake.accept(&slices, now(), &Principal::Anyone, Mode::Each).await;
        assert_eq!(answer, Err(Unavailable::LogFull));
    }
    assert_eq!(stand.counted("taxameter_collect_events_accepted_total", None), 0);
    assert_eq!(stand.counted("taxameter_collect_events_rejected_total", None), 0);
    assert_eq!(stand.counted("taxameter_collect_unavailable_total", None), 3);
}

#[tokio::test]
async fn the_clock_is_an_argument() {
    let stand = Stand::new().await;
    let event = event("a");
    let earlier = Instant::parse_rfc3339("2021-03-15T08:00:00+01:00").unwrap();
    let answer =
        stand.intake.accept(&[event.as_bytes()], earlier, &Principal::Anyone, Mode::Each).await.unwrap();
    assert_eq!(answer.rejected.first().map(|r| r.rejection.code), Some(Code::TimeInFuture));
}
