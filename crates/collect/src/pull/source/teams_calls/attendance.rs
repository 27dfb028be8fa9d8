//! call record, sessions, participants → who was there from when to when
//!
//! Graph's answer to "How can I list all participants who attended a call?" is followed: in a meeting the caller of each
//! session is a participant, in a call between two also the callee.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::super::{Failure, Record, time};

type Interval = (DateTime<Utc>, DateTime<Utc>);

/// Somebody as Graph identifies them.
struct Identity {
    class: &'static str,
    unit: Option<String>,
}

/// What Graph calls the kinds of identities, and what we call them. The first that is given holds.
const CLASSES: [(&str, &str); 9] = [
    ("user", "user"),
    ("guest", "guest"),
    ("phone", "phone"),
    ("encrypted", "guest"),
    ("azureCommunicationServicesUser", "guest"),
    ("acsUser", "guest"),
    ("onPremises", "other"),
    ("applicationInstance", "application"),
    ("application", "application"),
];

/// The records of a call: one for the meeting, one for each participant.
pub(super) fn records(
    tenant: &str,
    call: &Value,
    sessions: &[Value],
    participants: &[Value],
) -> Result<Vec<Record>, Failure> {
    let organizer = identity(tenant, &call["organizer_v2"]);
    let common = common(call, &organizer)?;
    let (start, end) = (time(call, "/startDateTime")?, time(call, "/endDateTime")?);
    let mut known = BTreeMap::new();
    for participant in participants {
        let id = id(&participant["identity"]).or_else(|| participant["id"].as_str());
        let id = id.ok_or_else(|| Failure::Broken("a participant has no id".to_owned()))?;
        known.insert(id.to_owned(), identity(tenant, participant));
    }
    let present = presence(call["type"] == "groupCall", sessions)?;
    for id in present.keys().filter(|id| !known.contains_key(*id)).cloned().collect::<Vec<_>>() {
        known.insert(id, Identity { class: "other", unit: None });
    }

    let mut attended: Vec<(Vec<Interval>, String, Identity)> = Vec::new();
    for (id, identity) in known {
        attended.push((merged(present.get(&id).cloned().unwrap_or_default()), id, identity));
    }
    // Numbers go by who joined first, so that they stay the same when somebody comes later.
    attended.sort_by(|(one, id, _), (other, other_id, _)| {
        (one.is_empty(), one.first(), id).cmp(&(other.is_empty(), other.first(), other_id))
    });

    let mut meeting = common.clone();
    meeting.insert("kind".to_owned(), "meeting".to_owned());
    meeting.insert("participants".to_owned(), attended.len().to_string());
    meeting.insert("seconds".to_owned(), seconds(&[(start, end)]));
    for name in ["unit", "paying_unit"] {
        put(&mut meeting, name, organizer.unit.as_deref());
    }
    let mut records = vec![meeting];
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for (intervals, id, identity) in attended {
        let mut record = common.clone();
        record.insert("kind".to_owned(), "participation".to_owned());
        record.insert("class".to_owned(), identity.class.to_owned());
        let number = numbers.entry(identity.class).and_modify(|number| *number += 1).or_insert(1);
        let id = if has_id(identity.class) {
            id
        } else {
            format!("{}/{}-{number}", common["call"], identity.class)
        };
        record.insert("participant".to_owned(), id);
        // Who attended without that a session tells when yet has been there for no time so far.
        let (join, leave) = match (intervals.first(), intervals.last()) {
            (Some((join, _)), Some((_, leave))) => (*join, *leave),
            (None, _) | (_, None) => (start, start),
        };
        record.insert("join".to_owned(), text(join));
        record.insert("leave".to_owned(), text(leave));
        record.insert("seconds".to_owned(), seconds(&intervals));
        put(&mut record, "unit", identity.unit.as_deref());
        put(&mut record, "paying_unit", identity.unit.as_deref().or(organizer.unit.as_deref()));
        records.push(record);
    }
    Ok(records)
}

fn common(call: &Value, organizer: &Identity) -> Result<Record, Failure> {
    let lacks = |what: &str| Failure::Broken(format!("a call record has no {what}"));
    let version = call["version"].as_u64().ok_or_else(|| lacks("version"))?;
    let mut common = Record::new();
    common.insert("platform".to_owned(), "teams".to_owned());
    common.insert("call".to_owned(), call["id"].as_str().ok_or_else(|| lacks("id"))?.to_owned());
    common.insert("version".to_owned(), version.to_string());
    put(&mut common, "type", call["type"].as_str());
    common.insert("start".to_owned(), text(time(call, "/startDateTime")?));
    common.insert("end".to_owned(), text(time(call, "/endDateTime")?));
    common.insert("organizer_class".to_owned(), organizer.class.to_owned());
    if has_id(organizer.class) {
        put(&mut common, "organizer", id(&call["organizer_v2"]["identity"]));
    }
    Ok(common)
}

fn put(record: &mut Record, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        record.insert(name.to_owned(), value.to_owned());
    }
}

fn has_id(class: &str) -> bool {
    ["user", "external"].contains(&class)
}

/// The id in a set of identities.
fn id(identities: &Value) -> Option<&str> {
    CLASSES.iter().find_map(|(name, _)| identities[*name]["id"].as_str())
}

/// Who a participant or an organizer is.
fn identity(tenant: &str, participant: &Value) -> Identity {
    let identities = &participant["identity"];
    let known = CLASSES.iter().find(|(name, _)| identities[*name].is_object());
    let class = match known.map_or("other", |(_, class)| class) {
        "user" if identities["user"]["tenantId"].as_str().is_some_and(|other| other != tenant) => "external",
        class => class,
    };
    let units = participant["administrativeUnitInfos"].as_array();
    let units = units.into_iter().flatten().filter_map(|unit| unit["id"].as_str());
    Identity { class, unit: units.min().map(str::to_owned) }
}

/// When each participant was there, by their ids.
fn presence(is_meeting: bool, sessions: &[Value]) -> Result<BTreeMap<String, Vec<Interval>>, Failure> {
    let mut present: BTreeMap<String, Vec<Interval>> = BTreeMap::new();
    for session in sessions {
        let ends: &[&str] = if is_meeting { &["caller"] } else { &["caller", "callee"] };
        for end in ends {
            let endpoint = &session[*end];
            if endpoint["@odata.type"] != "#microsoft.graph.callRecords.participantEndpoint" {
                continue;
            }
            let Some(id) =
                endpoint["associatedIdentity"]["id"].as_str().or_else(|| id(&endpoint["identity"]))
            else {
                continue;
            };
            let intervals = present.entry(id.to_owned()).or_default();
            // What a client has not reported yet comes with a later version.
            if session["startDateTime"].is_string() && session["endDateTime"].is_string() {
                intervals.push((time(session, "/startDateTime")?, time(session, "/endDateTime")?));
            }
        }
    }
    Ok(present)
}

/// Intervals that do not overlap, in order: who takes part with two devices is there once.
fn merged(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|(from, to)| from < to);
    intervals.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for (from, to) in intervals {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            Some(_) | None => merged.push((from, to)),
        }
    }
    merged
}

fn seconds(intervals: &[Interval]) -> String {
    let micros = |(from, to): &Interval| (*to - *from).num_microseconds().unwrap_or(0).max(0);
    Decimal::new(intervals.iter().map(micros).sum(), 6).normalize().to_string()
}

fn text(time: DateTime<Utc>) -> String {
    super::super::utc(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_overlap_touch_or_repeat_count_once() {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        let given = [(5, 10), (0, 6), (5, 10), (10, 12), (20, 30), (22, 25), (40, 40), (50, 45)];
        let merged = merged(given.map(|(from, to)| (at(from), at(to))).to_vec());
        assert_eq!(merged, [(at(0), at(12)), (at(20), at(30))]);
        assert_eq!(seconds(&merged), "1320");
    }
}
