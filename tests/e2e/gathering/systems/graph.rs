//! Microsoft Graph: managed devices and call records.

use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Ask;
use crate::gathering::calls::{Call, Participant, TENANT, Version, Who};
use crate::gathering::world::{Device, World, date, day_of, on};

/// What Graph documents are 1000, 60, 60 and 130, made smaller.
const DEVICES_PAGE: usize = 100;
const CALLS_PAGE: usize = 4;
const SESSIONS_PAGE: usize = 9;
const PARTICIPANTS_PAGE: usize = 7;

pub(super) fn answer(world: &World, now: DateTime<Utc>, ask: &Ask) -> Result<Value, StatusCode> {
    let path = ask.path.strip_prefix("/v1.0/").ok_or(StatusCode::NOT_FOUND)?;
    if path == "deviceManagement/managedDevices" {
        return devices(world, day_of(now), ask);
    }
    let path = path.strip_prefix("communications/callRecords").ok_or(StatusCode::NOT_FOUND)?;
    match path.strip_prefix('/') {
        None => calls(world, now, ask),
        Some(path) => {
            let (id, part) = path.split_once('/').unwrap_or((path, ""));
            let call = world.calls.iter().find(|call| call.id == id).ok_or(StatusCode::NOT_FOUND)?;
            let (number, version) = call.version(now).ok_or(StatusCode::NOT_FOUND)?;
            one_call(call, number, version, part, ask)
        }
    }
}

fn page(ask: &Ask, size: usize, all: &[Value]) -> Value {
    let from = ask.number("$skiptoken");
    let until = all.len().min(from + size);
    let mut page = json!({"value": all[from..until]});
    if until < all.len() {
        page["@odata.nextLink"] = ask.next("$skiptoken", until).into();
    }
    page
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn devices(world: &World, day: u32, ask: &Ask) -> Result<Value, StatusCode> {
    let select: Vec<&str> = ask.value("$select").ok_or(StatusCode::BAD_REQUEST)?.split(',').collect();
    let there = world.devices.iter().filter(|device| device.days.contains(&day));
    let there: Vec<Value> = there
        .map(|device| {
            let Value::Object(mut fields) = self::device(device, day) else { unreachable!() };
            fields.retain(|name, _| select.contains(&name.as_str()));
            Value::Object(fields)
        })
        .collect();
    Ok(page(ask, DEVICES_PAGE, &there))
}

fn device(device: &Device, day: u32) -> Value {
    // In the evening before, or on the day that it was heard of last.
    let heard = device.silent_since.unwrap_or(date(day).pred_opt().unwrap());
    json!({
        "id": device.id,
        "userId": device.id,
        "deviceName": format!("{}-IPAD", device.user),
        "userDisplayName": device.user,
        "emailAddress": format!("{}@lkdata.test", device.user),
        "managedDeviceOwnerType": if device.is_own { "company" } else { "personal" },
        "lastSyncDateTime": format!("{heard}T20:40:51Z"),
        "deviceCategoryDisplayName": on(&device.costcentre, day).unwrap_or("Unknown"),
        "operatingSystem": "iOS",
        "serialNumber": device.user,
    })
}

fn calls(world: &World, now: DateTime<Utc>, ask: &Ask) -> Result<Value, StatusCode> {
    // `startDateTime ge … and startDateTime lt …`: nothing else can be filtered by.
    let filter = ask.value("$filter").ok_or(StatusCode::BAD_REQUEST)?;
    let words: Vec<&str> = filter.split(' ').collect();
    let ["startDateTime", "ge", from, "and", "startDateTime", "lt", until] = words[..] else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let [from, until] = [from, until].map(|text| DateTime::parse_from_rfc3339(text).unwrap().to_utc());
    if from < now - TimeDelta::days(30) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let listed = world.calls.iter().filter(|call| (from..until).contains(&call.start));
    let listed: Vec<Value> = listed
        .filter_map(|call| call.version(now).map(|(number, version)| record(call, number, version)))
        .collect();
    Ok(page(ask, CALLS_PAGE, &listed))
}

fn record(call: &Call, number: usize, version: &Version) -> Value {
    json!({
        "id": call.id,
        "version": number + 1,
        "type": "groupCall",
        "lastModifiedDateTime": text(version.known),
        "startDateTime": text(call.start),
        "endDateTime": text(call.start + TimeDelta::seconds(5_400)),
        "joinWebUrl": format!("https://teams.microsoft.com/l/meetup-join/{}", call.organizer),
        "organizer_v2": {
            "identity": {"user": {"id": call.organizer, "displayName": call.organizer, "tenantId": TENANT}},
            "administrativeUnitInfos": [{"id": call.unit}],
        },
    })
}

fn one_call(
    call: &Call,
    number: usize,
    version: &Version,
    part: &str,
    ask: &Ask,
) -> Result<Value, StatusCode> {
    let sessions: Vec<Value> =
        version.participants.iter().flat_map(|participant| sessions(call, participant)).collect();
    match part {
        "sessions" => Ok(page(ask, SESSIONS_PAGE, &sessions)),
        "participants_v2" => {
            let participants: Vec<Value> = version.participants.iter().map(participant).collect();
            Ok(page(ask, PARTICIPANTS_PAGE, &participants))
        }
        "" => {
            let mut record = record(call, number, version);
            record["sessions"] = sessions[..sessions.len().min(SESSIONS_PAGE)].into();
            if sessions.len() > SESSIONS_PAGE {
                record["sessions@odata.nextLink"] = "https://graph.microsoft.com/v1.0/$metadata".into();
            }
            Ok(record)
        }
        _ => Err(StatusCode::NOT_FOUND),
    }
}

fn sessions(call: &Call, participant: &Participant) -> impl Iterator<Item = Value> {
    let after = |seconds: i64| text(call.start + TimeDelta::seconds(seconds));
    let identity = json!({"id": participant.id, "displayName": participant.id});
    participant.sessions.iter().enumerate().map(move |(number, (from, until))| {
        json!({
            "id": format!("{}-{}-{number}", call.id, participant.id),
            "startDateTime": after(*from),
            "endDateTime": after(*until),
            "caller": {
                "@odata.type": "#microsoft.graph.callRecords.participantEndpoint",
                "associatedIdentity": identity,
            },
            "callee": {"@odata.type": "#microsoft.graph.callRecords.serviceEndpoint"},
        })
    })
}

fn participant(participant: &Participant) -> Value {
    let id = &participant.id;
    let identity = match participant.who {
        Who::User => json!({"user": {"id": id, "displayName": id, "tenantId": TENANT}}),
        Who::UserElsewhere => json!({"user": {"id": id, "tenantId": "00000000-0000-4000-8000-0000000000ff"}}),
        Who::Phone => json!({"phone": {"id": id}}),
    };
    let units: Vec<Value> = participant.unit.iter().map(|unit| json!({"id": unit})).collect();
    json!({"id": id, "identity": identity, "administrativeUnitInfos": units})
}
