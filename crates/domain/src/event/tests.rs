use super::*;

fn event() -> Event<'static> {
    Event {
        source: "/lkdata/collector/pexip/mgr1".into(),
        id: "pexip:e9883f1d-88ca-495d-8366-b6eb772dfe57".into(),
        event_type: "se.linkoping.lkdata.usage.meeting.participation.v1".into(),
        subject: "room:kb-101".into(),
        time: Instant::parse_rfc3339("2021-01-15T09:00:12+01:00").unwrap(),
        body: Body::Usage(Usage {
            service: "e-moten".into(),
            meter: "participant_hour".into(),
            quantity: Quantity::parse("0.954167").unwrap(),
            unit: "h".into(),
            customer: CustomerClaim {
                kind: CustomerKind::Forvaltning,
                code: "KLF".into(),
                costcentre: "110200".into(),
                object: None,
            },
            dims: vec![("platform".into(), "pexip".into())],
            day: NaiveDate::from_ymd_opt(2021, 1, 15).unwrap(),
            measured: None,
            seq: 1,
            retracted: false,
        }),
    }
}

fn usage(change: impl FnOnce(&mut Usage<'static>)) -> Event<'static> {
    let mut event = event();
    if let Body::Usage(usage) = &mut event.body {
        change(usage);
    }
    event
}

fn code(event: Event<'_>) -> Option<Code> {
    event.check().err().map(|rejection| rejection.code)
}

#[test]
fn a_right_event_is_taken_as_it_is() {
    assert_eq!(event().check(), Ok(event()));
}

#[test]
fn what_is_wrong_is_refused_with_its_code() {
    let cases = [
        (Event { id: "".into(), ..event() }, Code::InvalidId),
        (Event { id: "å".into(), ..event() }, Code::InvalidId),
        (Event { id: "x".repeat(201).into(), ..event() }, Code::InvalidId),
        (Event { source: "/a b".into(), ..event() }, Code::InvalidSource),
        (Event { event_type: "com.example.usage.v1".into(), ..event() }, Code::UnknownType),
        (Event { event_type: SNAPSHOT_COMPLETED.into(), ..event() }, Code::UnknownType),
        (Event { subject: "kb-101".into(), ..event() }, Code::InvalidSubject),
        (Event { subject: "ps_SHOUT".into(), ..event() }, Code::InvalidSubject),
        (Event { id: "call:0701234567".into(), ..event() }, Code::PersonalData),
        (usage(|u| u.service = "E-möten".into()), Code::InvalidSlug),
        (usage(|u| u.customer.costcentre = "11-02".into()), Code::InvalidCostcentre),
        (usage(|u| u.customer.code = "".into()), Code::InvalidCustomer),
        (usage(|u| u.dims = vec![("Platform".into(), "x".into())]), Code::InvalidDims),
        (usage(|u| u.dims = vec![("platform".into(), "a@b".into())]), Code::PersonalData),
        (usage(|u| u.day = NaiveDate::from_ymd_opt(2021, 1, 16).unwrap()), Code::InvalidDay),
        (usage(|u| u.day = NaiveDate::from_ymd_opt(2021, 1, 13).unwrap()), Code::InvalidDay),
        (usage(|u| (u.seq, u.retracted) = (0, true)), Code::RetractedFirst),
        (
            usage(|u| u.measured = Some((Instant::from_micros(1), Instant::from_micros(0)))),
            Code::InvalidInterval,
        ),
        (
            usage(|u| {
                u.measured = Some((Instant::from_micros(0), Instant::from_micros(INTERVAL_MICROS_MAX + 1)))
            }),
            Code::InvalidInterval,
        ),
    ];
    for (event, want) in cases {
        assert_eq!(code(event.clone()), Some(want), "{event:?}");
    }
}

#[test]
fn the_day_before_is_a_day_of_usage() {
    assert_eq!(code(usage(|u| u.day = NaiveDate::from_ymd_opt(2021, 1, 14).unwrap())), None);
}

#[test]
fn content_is_what_was_decoded_and_nothing_else() {
    let same = event().fingerprint();
    assert_eq!(Event { id: "another".into(), ..event() }.fingerprint(), same, "the identity is no content");
    let others = [
        Event { subject: "room:kb-102".into(), ..event() },
        Event { time: Instant::from_micros(event().time.micros() + 1), ..event() },
        usage(|u| u.quantity = Quantity::parse("0.954168").unwrap()),
        usage(|u| u.customer.costcentre = "110300".into()),
        usage(|u| u.customer.kind = CustomerKind::Bolag),
        usage(|u| u.dims.clear()),
        usage(|u| u.dims = vec![("platformp".into(), "exip".into())]),
        usage(|u| u.day = NaiveDate::from_ymd_opt(2021, 1, 14).unwrap()),
        usage(|u| u.measured = Some((event().time, event().time))),
        usage(|u| u.seq = 2),
        usage(|u| u.retracted = true),
    ];
    for other in others {
        assert_ne!(other.fingerprint(), same, "{other:?}");
    }
}
