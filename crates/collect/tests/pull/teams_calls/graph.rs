//! Teams call records, simulated from the documentation of Microsoft Graph v1.0: "List callRecords", "Get callRecord", "List
//! sessions", "List participants_v2", and the "call records API FAQ" (late versions, at most 30 days).

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::super::simulator::{Ask, Vendor};

pub(super) const TENANT: &str = "dc368399-474c-4d40-900c-6265431fd81f";
/// What Graph documents are 60, 60 and 130, made smaller.
const CALLS_PAGE: usize = 4;
const SESSIONS_PAGE: usize = 6;
const PARTICIPANTS_PAGE: usize = 7;

fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

pub(super) fn minutes(from: &str, minutes: i64) -> String {
    (time(from) + TimeDelta::minutes(minutes)).to_rfc3339()
}

/// A call that begins, with sessions (who, from which minute, to which) and who else took part.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) kind: &'static str,
    pub(super) start: String,
    pub(super) modified: String,
    pub(super) sessions: Vec<(Value, i64, i64)>,
    pub(super) participants: Vec<Value>,
}

/// A user of a tenant: with their name, as Graph gives it.
pub(super) fn user(number: usize, tenant: &str) -> Value {
    let id = format!("{number:08x}-0000-0000-0000-3b5136c0e777");
    json!({"user": {"id": id, "displayName": "Anna Andersson", "tenantId": tenant, "userPrincipalName": "anna@example.org"}})
}

pub(super) fn phone(number: &str) -> Value {
    json!({"user": null, "phone": {"id": number, "displayName": null, "tenantId": null}})
}

/// A meeting of so many users, each there for 30 minutes from the second on.
pub(super) fn meeting(number: usize, start: &str, users: usize) -> Call {
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
pub(super) struct Graph {
    pub(super) calls: Mutex<Vec<Call>>,
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
    pub(super) fn change(&self, number: usize, how: impl FnOnce(&mut Call)) {
        how(&mut self.calls.lock()[number]);
    }

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
