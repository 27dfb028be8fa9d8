//! Teams call records, simulated from the documentation of Microsoft Graph v1.0: "List callRecords", "Get callRecord", "List
//! sessions", "List participants_v2", and the "call records API FAQ" (late versions, at most 30 days).

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use collect::pull::source::{Failure, Nature, Record, Source};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::simulator::{
    Ask, CLIENT, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, column, gather,
};

const TENANT: &str = "dc368399-474c-4d40-900c-6265431fd81f";
const SETTINGS: &str = "kind = \"teams-calls\"\ntenant = \"dc368399-474c-4d40-900c-6265431fd81f\"\n\
                        from = \"2021-03-10T00:00:00Z\"";
/// What Graph documents are 60, 60 and 130, made smaller.
const CALLS_PAGE: usize = 4;
const SESSIONS_PAGE: usize = 6;
const PARTICIPANTS_PAGE: usize = 7;

fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn minutes(from: &str, minutes: i64) -> String {
    (time(from) + TimeDelta::minutes(minutes)).to_rfc3339()
}

/// A call that begins, with sessions (who, from which minute, to which) and who else took part.
#[derive(Clone)]
struct Call {
    id: String,
    version: u64,
    kind: &'static str,
    start: String,
    modified: String,
    sessions: Vec<(Value, i64, i64)>,
    participants: Vec<Value>,
}

/// A user of a tenant: with their name, as Graph gives it.
fn user(number: usize, tenant: &str) -> Value {
    let id = format!("{number:08x}-0000-0000-0000-3b5136c0e777");
    json!({"user": {"id": id, "displayName": "Anna Andersson", "tenantId": tenant, "userPrincipalName": "anna@example.org"}})
}

fn phone(number: &str) -> Value {
    json!({"user": null, "phone": {"id": number, "displayName": null, "tenantId": null}})
}

/// A meeting of so many users, each there for 30 minutes from the second on.
fn meeting(number: usize, start: &str, users: usize) -> Call {
    let users: Vec<Value> = (0..users).map(|user_number| user(100 * number + user_number, TENANT)).collect();
    Call {
        id: format!("{number:08x}-2966-4b6b-925b-754a88034cc5"),
        version: 1,
        kind: "groupCall",
        start: start.to_owned(),
        modified: minutes(start, 75),
        sessions: users.iter().map(|user| (user.clone(), 1, 31)).collect(),
        participants: users,
    }
}

impl Call {
    fn record(&self) -> Value {
        json!({
            "id": self.id,
            "version": self.version,
            "type": self.kind,
            "modalities": ["audio"],
            "lastModifiedDateTime": self.modified,
            "startDateTime": self.start,
            "endDateTime": minutes(&self.start, 60),
            "joinWebUrl": "https://teams.microsoft.com/l/meetup-join/19%3ameeting_anna",
            "organizer": null,
            "organizer_v2": {
                "id": "821809f5-0000-0000-0000-3b5136c0e777",
                "identity": user(0x821809, TENANT),
                "administrativeUnitInfos": [{"id": "unit-klf", "displayName": "KLF"}]
            },
        })
    }

    fn session(&self, number: usize) -> Value {
        let (who, from, to) = &self.sessions[number];
        let identity =
            |who: &Value| who.as_object().unwrap().values().find(|one| one.is_object()).unwrap().clone();
        let participant = |who: &Value| {
            json!({
                "@odata.type": "#microsoft.graph.callRecords.participantEndpoint",
                "name": "ANNAS-PC",
                "associatedIdentity": identity(who),
            })
        };
        let callee = match self.kind {
            "peerToPeer" => participant(&self.participants[1]),
            _ => json!({"@odata.type": "#microsoft.graph.callRecords.serviceEndpoint"}),
        };
        json!({
            "id": format!("{}-{number}", self.id),
            "startDateTime": minutes(&self.start, *from),
            "endDateTime": minutes(&self.start, *to),
            "caller": participant(who),
            "callee": callee,
        })
    }

    fn participant(&self, number: usize) -> Value {
        let identity = &self.participants[number];
        let is_of_uaf = identity["user"]["tenantId"] == TENANT && number == 0;
        let units = if is_of_uaf { json!([{"id": "unit-uaf", "displayName": "UAF"}]) } else { json!([]) };
        json!({"id": "821809f5-0000-0000-0000-3b5136c0e777", "identity": identity, "administrativeUnitInfos": units})
    }
}

#[derive(Default)]
struct Graph {
    calls: Mutex<Vec<Call>>,
}

/// A page of a list, with the link to the next.
fn page(ask: &Ask, size: usize, all: &[Value]) -> Value {
    let from = ask.number("$skiptoken", 0);
    let until = all.len().min(from + size);
    let mut page =
        json!({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata", "value": all[from..until]});
    if until < all.len() {
        let kept = ask.raw_query.split('&').filter(|pair| !pair.is_empty() && !pair.contains("skiptoken"));
        let query: Vec<String> = kept.map(str::to_owned).chain([format!("$skiptoken={until}")]).collect();
        page["@odata.nextLink"] = format!("{}{}?{}", ask.server, ask.path, query.join("&")).into();
    }
    page
}

impl Graph {
    fn list(&self, ask: &Ask) -> Result<Value, StatusCode> {
        // `startDateTime ge … and startDateTime lt …`: nothing else can be filtered by.
        let filter = ask.query.get("$filter").ok_or(StatusCode::BAD_REQUEST)?;
        let words: Vec<&str> = filter.split(' ').collect();
        let ["startDateTime", "ge", from, "and", "startDateTime", "lt", until] = words[..] else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let calls = self.calls.lock();
        let listed = calls.iter().filter(|call| (time(from)..time(until)).contains(&time(&call.start)));
        let listed: Vec<Value> = listed.map(Call::record).collect();
        Ok(page(ask, CALLS_PAGE, &listed))
    }
}

impl Vendor for Graph {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        let path = ask.path.strip_prefix("/v1.0/communications/callRecords").ok_or(StatusCode::NOT_FOUND)?;
        let Some(path) = path.strip_prefix('/') else { return self.list(ask) };
        let (id, part) = path.split_once('/').unwrap_or((path, ""));
        let calls = self.calls.lock();
        let call = calls.iter().find(|call| call.id == id).ok_or(StatusCode::NOT_FOUND)?;
        let sessions: Vec<Value> = (0..call.sessions.len()).map(|number| call.session(number)).collect();
        let participants: Vec<Value> =
            (0..call.participants.len()).map(|number| call.participant(number)).collect();
        match part {
            "sessions" => Ok(page(ask, SESSIONS_PAGE, &sessions)),
            "participants_v2" => Ok(page(ask, PARTICIPANTS_PAGE, &participants)),
            "" => {
                let mut record = call.record();
                if ask.query.get("$expand").is_some_and(|expand| expand == "sessions") {
                    record["sessions"] = sessions[..sessions.len().min(SESSIONS_PAGE)].into();
                    if sessions.len() > SESSIONS_PAGE {
                        // As in the documentation's example: an address that leads to no list.
                        let link = format!(
                            "{}/v1.0/$metadata#communications/callRecords('{id}')/sessions",
                            ask.server
                        );
                        record["sessions@odata.nextLink"] = format!("{link}?$skiptoken=abc").into();
                    }
                }
                Ok(record)
            }
            _ => Err(StatusCode::NOT_FOUND),
        }
    }

    fn items(&self) -> &'static str {
        "/value"
    }

    fn link(&self) -> Option<&'static str> {
        Some("/@odata.nextLink")
    }

    fn token(&self, ask: &Ask) -> Option<bool> {
        Some(ask.form().get("client_secret").is_some_and(|secret| secret == "hemligt"))
    }
}

async fn simulate(calls: Vec<Call>, script: Script) -> (Arc<Graph>, Simulator, Box<dyn Source>) {
    let graph = Arc::new(Graph { calls: Mutex::new(calls) });
    let simulator = Simulator::start(Arc::<Graph>::clone(&graph), script).await;
    let source = simulator.open(SETTINGS, "/v1.0/", CLIENT);
    assert_eq!(source.nature(), Nature::Stream);
    (graph, simulator, source)
}

/// Kind, participant, class, seconds and version of each record.
fn outline(gathered: &Gathered) -> Vec<String> {
    let field = |record: &Record, name: &str| record.get(name).cloned().unwrap_or_default();
    let line = |record: &Record| {
        ["kind", "participant", "class", "seconds", "version"].map(|name| field(record, name)).join(" ")
    };
    let mut lines: Vec<String> = gathered.records.iter().map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn who_takes_part_is_there_once_whatever_the_sessions() {
    let (anna, other) = (user(1, TENANT), user(2, "aaaaaaaa-0000-4000-8000-000000000000"));
    let call = Call {
        // Two devices at once, a pause, and a session of no time.
        sessions: vec![
            (anna.clone(), 0, 20),
            (anna.clone(), 10, 25),
            (anna.clone(), 40, 50),
            (anna.clone(), 55, 55),
            (phone("+46131234567"), 5, 15),
            (other.clone(), 2, 3),
            (phone("+46701234567"), 1, 2),
        ],
        participants: vec![
            anna,
            other,
            phone("+46131234567"),
            phone("+46701234567"),
            json!({"application": {"id": "bot"}}),
        ],
        ..meeting(7, "2021-03-12T09:00:00.1234567Z", 0)
    };
    let (_graph, _simulator, source) = simulate(vec![call], vec![]).await;
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(gathered.failures, []);
    let id = "00000007-2966-4b6b-925b-754a88034cc5";
    assert_eq!(
        outline(&gathered),
        [
            "meeting   3600 1".to_owned(),
            "participation 00000001-0000-0000-0000-3b5136c0e777 user 2100 1".to_owned(),
            "participation 00000002-0000-0000-0000-3b5136c0e777 external 60 1".to_owned(),
            format!("participation {id}/application-1 application 0 1"),
            // Numbered by who joined first.
            format!("participation {id}/phone-1 phone 60 1"),
            format!("participation {id}/phone-2 phone 600 1"),
        ]
    );
    let anna = gathered
        .records
        .iter()
        .find(|record| record.get("class").is_some_and(|class| class == "user"))
        .unwrap();
    let expected = [
        ("call", id),
        ("class", "user"),
        ("end", "2021-03-12T10:00:00.123456Z"),
        ("join", "2021-03-12T09:00:00.123456Z"),
        ("kind", "participation"),
        ("leave", "2021-03-12T09:50:00.123456Z"),
        ("organizer", "00821809-0000-0000-0000-3b5136c0e777"),
        ("organizer_class", "user"),
        ("participant", "00000001-0000-0000-0000-3b5136c0e777"),
        ("paying_unit", "unit-uaf"),
        ("platform", "teams"),
        ("seconds", "2100"),
        ("start", "2021-03-12T09:00:00.123456Z"),
        ("type", "groupCall"),
        ("unit", "unit-uaf"),
        ("version", "1"),
    ];
    let fields: Vec<_> = anna.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, expected);
    // Who has no unit is paid for by the organizer's.
    assert_eq!(column(&gathered.records, "paying_unit")[1..5], ["unit-klf"; 4]);
    assert_free_of(&gathered.records, &["nna", "NNA", "@", "4613", "4670", "meetup"]);
}

#[tokio::test]
async fn in_a_call_between_two_both_take_part() {
    let (one, two) = (user(1, TENANT), user(2, TENANT));
    let call = Call {
        kind: "peerToPeer",
        sessions: vec![(one.clone(), 0, 4)],
        participants: vec![one, two],
        ..meeting(7, "2021-03-12T09:00:00Z", 0)
    };
    let (_graph, _simulator, source) = simulate(vec![call], vec![]).await;
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(column(&gathered.records, "seconds"), ["240", "240", "3600"]);
}

fn week() -> Vec<Call> {
    // 30 calls within three hours, of 3 to 20 people: more than a page of each.
    (0..30)
        .map(|number| meeting(number, &minutes("2021-03-12T07:00:00Z", 6 * number as i64), 3 + number % 18))
        .collect()
}

#[tokio::test]
async fn every_call_and_everybody_comes_over_all_pages_whatever_fails() {
    let (_graph, _simulator, source) = simulate(week(), vec![]).await;
    let calm = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(calm.failures, []);
    let people: usize = (0..30).map(|number| 3 + number % 18).sum();
    assert_eq!(calm.records.len(), 30 + people);

    let script = vec![
        (3, Fault::Busy(9)),
        (150, Fault::Status(502)),
        (300, Fault::Cut),
        (420, Fault::Expired),
        (440, Fault::Half),
    ];
    let (_graph, simulator, source) = simulate(week(), script).await;
    let troubled = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(outline(&troubled), outline(&calm));
    assert_eq!(troubled.failures.len(), 4, "{:?}", troubled.failures);
    assert!(matches!(troubled.failures[0], Failure::Later { .. }));
    assert_eq!(simulator.tokens(), 3);
}

#[tokio::test]
async fn a_version_that_rises_comes_again_and_what_did_not_change_does_not() {
    let (graph, simulator, source) = simulate(week(), vec![]).await;
    let first = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    let asked = simulator.asked().len();

    // Two days later one record changes, and somebody is there whose client was late.
    let late = user(5, TENANT);
    {
        let mut calls = graph.calls.lock();
        calls[4].version = 2;
        calls[4].modified = "2021-03-15T13:30:00Z".to_owned();
        calls[4].sessions.push((late.clone(), 0, 60));
        calls[4].participants.push(late);
    }
    let second = gather(source.as_ref(), "2021-03-15T14:00:00Z", first.cursor).await;
    assert_eq!(second.records.len(), 1 + 7 + 1);
    assert_eq!(column(&second.records, "version"), ["2"; 9]);
    assert_eq!(column(&second.records, "call"), ["00000004-2966-4b6b-925b-754a88034cc5"; 9]);
    // The call, two pages of sessions, two of participants.
    let details = simulator.asked()[asked..].iter().filter(|line| !line.contains("callRecords?")).count();
    assert_eq!(details, 5);

    // Half an hour later it may be that a change was listed late, so the same comes again; in the evening it does not.
    let third = gather(source.as_ref(), "2021-03-15T14:30:00Z", second.cursor.clone()).await;
    assert_eq!(outline(&third), outline(&second));
    let fourth = gather(source.as_ref(), "2021-03-15T20:00:00Z", third.cursor).await;
    let fifth = gather(source.as_ref(), "2021-03-15T20:30:00Z", fourth.cursor).await;
    assert_eq!(fifth.records, Vec::<Record>::new());
}

#[tokio::test]
async fn a_long_stream_is_read_in_parts() {
    let calls = (0..60)
        .map(|number| meeting(number, &minutes("2021-03-12T07:00:00Z", 10 * number as i64), 200))
        .collect();
    let (_graph, _simulator, source) = simulate(calls, vec![]).await;
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(gathered.records.len(), 60 * 201);
    assert!(gathered.reads > 2, "{} reads", gathered.reads);
}

#[tokio::test]
async fn half_a_list_and_calls_that_graph_has_forgotten_are_failures() {
    // The first list with more than a page: that of the 56th hour.
    let (_graph, _simulator, source) = simulate(week(), vec![(56, Fault::Elsewhere)]).await;
    let read = source.read(super::simulator::at("2021-03-12T08:00:00Z"), None).await;
    assert!(matches!(read, Err(Failure::Broken(ref why)) if why.contains("127.0.0.2")), "{read:?}");

    let read = source.read(super::simulator::at("2021-05-01T00:00:00Z"), None).await;
    assert!(matches!(read, Err(Failure::Refused(ref why)) if why.contains("`from`")), "{read:?}");
}
