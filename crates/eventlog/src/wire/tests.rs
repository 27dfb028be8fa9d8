use domain::{Body, Code};

use super::*;

const MEETING: &str = r#"{"specversion":"1.0","id":"pexip:e9883f1d-88ca-495d-8366-b6eb772dfe57","source":"/lkdata/collector/pexip/mgr1",
 "type":"se.linkoping.lkdata.usage.meeting.participation.v1","subject":"room:kb-101","time":"2021-01-15T09:00:12+01:00",
 "dataschema":"urn:lkdata:schema:usage:1","partitionkey":"e-moten|room","data":{"service":"e-moten","meter":"participant_hour",
 "quantity":"0.954167","unit":"h","seq":1,"customer":{"kind":"forvaltning","code":"KLF","costcentre":"110200"},
 "dims":{"platform":"pexip","meeting":"ps_m3"},"measured_from":"2021-01-15T09:00:12+01:00","measured_to":"2021-01-15T09:57:27+01:00"}}"#;

fn code_after(from: &str, to: &str) -> Code {
    assert!(MEETING.contains(from), "{from}");
    let changed = MEETING.replacen(from, to, 1);
    let Err(rejection) = decode(changed.as_bytes()) else { panic!("{changed} was taken") };
    rejection.code
}

#[test]
fn an_event_is_read_whole_and_in_place() {
    let event = decode(MEETING.as_bytes()).unwrap();
    assert!(matches!(event.id, Cow::Borrowed("pexip:e9883f1d-88ca-495d-8366-b6eb772dfe57")));
    assert_eq!(event.time.to_string(), "2021-01-15T08:00:12Z");
    let Body::Usage(usage) = event.body else { panic!("a usage") };
    assert_eq!((usage.quantity.to_string().as_str(), usage.seq, usage.retracted), ("0.954167", 1, false));
    assert_eq!(usage.dims, [("meeting".into(), "ps_m3".into()), ("platform".into(), "pexip".into())]);
    assert_eq!(usage.day.to_string(), "2021-01-15");
    assert!(usage.measured.is_some());
}

#[test]
fn how_it_is_written_does_not_change_what_it_says() {
    let one = decode(MEETING.as_bytes()).unwrap().fingerprint();
    for (from, to) in [
        ("\"partitionkey\":\"e-moten|room\",", ""),
        ("\"0.954167\"", "0.954167"),
        ("\"0.954167\"", "954.167e-3"),
        ("2021-01-15T09:00:12+01:00", "2021-01-15T08:00:12.000Z"),
        (
            "\"platform\":\"pexip\",\"meeting\":\"ps_m3\"",
            "\"meeting\":\"ps\\u005fm3\",\"platform\":\"pexip\"",
        ),
        ("\"seq\":1", "\"seq\":1,\"retracted\":false,\"day\":\"2021-01-15\""),
    ] {
        let text = MEETING.replacen(from, to, 1);
        assert_eq!(decode(text.as_bytes()).map(|e| e.fingerprint()), Ok(one), "{to}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_code() {
    let cases = [
        ("{\"specversion\"", "[\"specversion\"", Code::InvalidJson),
        ("\"1.0\"", "\"0.3\"", Code::UnsupportedSpecversion),
        ("\"id\":\"pexip:e9883f1d-88ca-495d-8366-b6eb772dfe57\",", "", Code::MissingField),
        ("\"subject\":\"room:kb-101\",", "", Code::MissingField),
        ("\"subject\":\"room:kb-101\"", "\"subject\":null", Code::MissingField),
        ("\"time\":\"2021-01-15T09:00:12+01:00\",", "", Code::MissingField),
        ("2021-01-15T09:00:12+01:00", "2021-01-15T09:00:12", Code::InvalidTime),
        ("schema:usage:1", "schema:usage:2", Code::UnsupportedDataschema),
        ("\"partitionkey\"", "\"datacontenttype\":\"text/xml\",\"x\"", Code::UnsupportedContentType),
        ("\"partitionkey\"", "\"Partition_Key\"", Code::UnknownField),
        ("\"e-moten|room\"", "{\"a\":1}", Code::WrongType),
        ("\"e-moten|room\"", "\"someone@example.org\"", Code::PersonalData),
        ("\"e-moten|room\"", "189001019802", Code::PersonalData),
        ("\"partitionkey\"", "\"189001019802\"", Code::PersonalData),
        ("\"seq\":1", "\"seq\":1,\"period\":\"2021-01\"", Code::UnknownField),
        ("\"seq\":1", "\"seq\":1,\"seq\":2", Code::DuplicateKey),
        ("\"seq\":1", "\"seq\":1.5", Code::InvalidSeq),
        ("\"seq\":1", "\"retracted\":true", Code::RetractedFirst),
        ("\"seq\":1", "\"seq\":1,\"day\":\"15/1\"", Code::InvalidDay),
        ("\"0.954167\"", "\"1e3\"", Code::InvalidQuantity),
        ("\"0.954167\"", "\"0.9541670\"", Code::InvalidQuantity),
        ("\"0.954167\"", "0.9541671234", Code::InvalidQuantity),
        ("\"0.954167\"", "true", Code::WrongType),
        ("\"forvaltning\"", "\"region\"", Code::InvalidCustomer),
        ("\"customer\":{", "\"customer\":[{", Code::InvalidJson),
        ("\"pexip\",", "7,", Code::WrongType),
        ("\"measured_to\":\"2021-01-15T09:57:27+01:00\"", "\"dims2\":1", Code::UnknownField),
        (",\"measured_to\":\"2021-01-15T09:57:27+01:00\"", "", Code::InvalidInterval),
        ("room:kb-101", "room:\\ud800", Code::InvalidJson),
    ];
    for (from, to, want) in cases {
        assert_eq!(code_after(from, to), want, "{from} -> {to}");
    }
    assert_eq!(decode(b"{\"id\":\"\xff\"}").map_err(|r| r.code), Err(Code::InvalidJson));
    let deep = format!("{}{}", "{\"a\":".repeat(40), "1".to_owned() + &"}".repeat(40));
    assert_eq!(decode(deep.as_bytes()).map_err(|r| r.code), Err(Code::TooDeep));
    let large = MEETING.replacen("e-moten|room", &"x".repeat(EVENT_BYTES_MAX), 1);
    assert_eq!(decode(large.as_bytes()).map_err(|r| r.code), Err(Code::EventTooLarge));
}

#[test]
fn a_marker_has_its_own_data() {
    let marker = r#"{"specversion":"1.0","id":"m1","source":"/lkdata/a","type":"se.linkoping.lkdata.usage.snapshot.completed.v1",
        "time":"2021-01-15T03:00:00+01:00","dataschema":"urn:lkdata:schema:usage:1",
        "data":{"service":"mdm","meter":"device","day":"2021-01-14","count":12,"refused":1}}"#;
    let Body::SnapshotCompleted(data) = decode(marker.as_bytes()).unwrap().body else { panic!("a marker") };
    assert_eq!((data.count, data.refused, data.day.to_string().as_str()), (12, 1, "2021-01-14"));
    for (from, to, want) in [
        ("\"count\":12,", "", Code::MissingField),
        ("\"count\":12", "\"count\":-1", Code::InvalidCount),
        ("\"refused\":1", "\"refused\":13", Code::InvalidCount),
        ("\"refused\":1", "\"seq\":1", Code::UnknownField),
    ] {
        let changed = marker.replacen(from, to, 1);
        assert_eq!(decode(changed.as_bytes()).map_err(|r| r.code), Err(want), "{to}");
    }
}

#[test]
fn a_body_is_one_event_or_an_array_of_them() {
    let texts = |value: &'static str| -> Vec<String> {
        split(value.as_bytes()).unwrap().into_iter().map(|s| String::from_utf8(s.to_vec()).unwrap()).collect()
    };
    assert_eq!(texts(r#" {"a": [1]} "#), [r#"{"a": [1]}"#]);
    assert_eq!(texts(r#"[{"a":"]"} , {"b":2},7]"#), [r#"{"a":"]"}"#, r#"{"b":2}"#, "7"]);
    assert!(texts("[]").is_empty());
    for wrong in ["", "[{}", "{} {}", "[{},]"] {
        assert!(split(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_hint_names_a_wrong_event_without_repeating_personal_data() {
    let hint = |text: &str| identity_hint(text.as_bytes());
    assert_eq!(
        hint(r#"{"id":"a","source":"/s","data":7}"#),
        Hint { source: Some("/s".into()), id: Some("a".into()) }
    );
    assert_eq!(hint(r#"{"id":"kort:189001019802"}"#).id.as_deref(), Some(MASKED));
    assert_eq!(hint("{"), Hint::default());
    assert_eq!(hint(r#"{"id":7}"#), Hint::default());
}
