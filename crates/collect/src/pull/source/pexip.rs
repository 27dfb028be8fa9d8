//! Pexip Infinity: conferences that have ended, and who took part for how long (Management API, "History API").

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::pages::{Pages, number, only};
use super::walk::Walk;
use super::{Clock, Failure, Nature, Read, Record, Source, utc};
use crate::pull::http::{Client, Connection};

/// What is asked of a Pexip Infinity.
///
/// `connection.url` is the management node; `connection.auth` is `basic` with a user that may read. Pexip keeps 10,000
/// conferences: gather so often that there are never as many between two turns.
///
/// A conference gives a record with `kind = "meeting"` (`call`, `room`, `service_type`, `tag`, `start`, `end`, `seconds`,
/// `participants`), and each participant one with `kind = "participation"` (`participant`, `call`, `room`, `join`, `leave`,
/// `seconds`, `call_direction`, `protocol`, `role`, `service_type`, `service_tag` and so on), both with
/// `platform = "pexip"`. `room` is the name of the conference. Display names, aliases and addresses are not kept; as nobody is
/// known, `participant` is the id of the participation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the management node is.
    pub connection: Connection,
    /// What ended earlier is not gathered: `"2021-01-01T00:00:00+01:00"`.
    pub from: DateTime<Utc>,
    /// How long an entry may take to appear after its end, in minutes: 720 unless said, because a participant may leave long
    /// before the conference ends. So much is read again by each turn.
    #[serde(default = "default_overlap")]
    pub overlap_minutes: u32,
}

fn default_overlap() -> u32 {
    720
}

/// What ended within so long a time is asked for at once.
const STEP: TimeDelta = TimeDelta::hours(1);
/// What ended later than that is left for the next turn.
const SETTLING: TimeDelta = TimeDelta::minutes(2);
/// How many are on a page; more than a thousand take Pexip long.
const PAGE: &str = "1000";

/// What is kept of a participant, beside what is worked out. Display names, aliases and addresses are not here.
const PARTICIPANT: [&str; 11] = [
    "call_direction",
    "call_quality",
    "encryption",
    "has_media",
    "is_streaming",
    "media_node",
    "protocol",
    "role",
    "service_tag",
    "service_type",
    "system_location",
];
const CONFERENCE: [&str; 2] = ["service_type", "tag"];

/// A Pexip Infinity.
#[derive(Debug)]
pub struct Pexip {
    client: Client,
    walk: Walk,
}

impl Pexip {
    /// A source that asks a Pexip Infinity.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let overlap = TimeDelta::minutes(config.overlap_minutes.into());
        let walk = Walk { from: config.from, step: STEP, settling: SETTLING, overlap };
        Ok(Self { client: Client::new(&config.connection, clock)?, walk })
    }

    /// What ended within a time.
    async fn ended(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Record>, Failure> {
        let conferences = self.list("conference", from, until).await?;
        let participants = self.list("participant", from, until).await?;
        let meetings = conferences.iter().map(meeting);
        meetings.chain(participants.iter().map(participation)).collect()
    }

    async fn list(
        &self,
        what: &'static str,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Value>, Failure> {
        let (from, until) = (naive(from), naive(until));
        let query = [("limit", PAGE), ("end_time__gte", from.as_str()), ("end_time__lt", until.as_str())];
        let mut pages = Pages::new("history entries", "/objects", &["/id"]);
        let mut page = self.client.get(&format!("api/admin/history/v1/{what}/"), &query).await?;
        loop {
            pages.say(number(&page, "/meta/total_count")?)?;
            if u64::try_from(pages.len()) != Ok(number(&page, "/meta/offset")?) {
                return Err(pages.broken(format!("a page is not the one after {} entries", pages.len())));
            }
            let link = page.pointer("/meta/next").and_then(Value::as_str).map(str::to_owned);
            pages.add(page)?;
            let Some(link) = link else { return pages.whole() };
            pages.follow(&link)?;
            page = self.client.get(&link, &[]).await?;
        }
    }
}

impl Source for Pexip {
    fn nature(&self) -> Nature {
        Nature::Stream
    }

    fn read<'a>(&'a self, at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        self.walk.read(at.to_utc(), cursor, |from, until| self.ended(from, until)).boxed()
    }
}

fn meeting(conference: &Value) -> Result<Record, Failure> {
    let mut record = only(conference, &CONFERENCE);
    let mut put =
        |name: &str, value: Option<String>| record.extend(value.map(|value| (name.to_owned(), value)));
    put("kind", Some("meeting".to_owned()));
    put("platform", Some("pexip".to_owned()));
    put("call", text(conference, "id")?);
    put("room", text(conference, "name")?);
    put("start", time(conference, "start_time")?);
    put("end", time(conference, "end_time")?);
    put("seconds", count(conference, "duration")?);
    put("participants", count(conference, "participant_count")?);
    Ok(record)
}

fn participation(participant: &Value) -> Result<Record, Failure> {
    let mut record = only(participant, &PARTICIPANT);
    // The conference is given by its address: /api/admin/history/v1/conference/ID/.
    let conference = text(participant, "conference")?;
    let call = conference.as_ref().and_then(|address| address.trim_end_matches('/').rsplit('/').next());
    let mut put =
        |name: &str, value: Option<String>| record.extend(value.map(|value| (name.to_owned(), value)));
    put("kind", Some("participation".to_owned()));
    put("platform", Some("pexip".to_owned()));
    put("call", call.map(str::to_owned));
    put("participant", text(participant, "id")?);
    put("room", text(participant, "conference_name")?);
    put("join", time(participant, "start_time")?);
    put("leave", time(participant, "end_time")?);
    put("seconds", count(participant, "duration")?);
    Ok(record)
}

/// A field of an entry. One that is null is left out: the intake then refuses the event of this entry, and the stream goes on.
fn field<'e>(entry: &'e Value, name: &str) -> Result<Option<&'e Value>, Failure> {
    let value = entry.get(name);
    let value =
        value.ok_or_else(|| Failure::Broken(format!("an entry of the history has no field {name}")))?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

fn text(entry: &Value, name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = field(entry, name)? else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| Failure::Broken(format!("{name} is {value}, no text")))?;
    Ok(Some(text.to_owned()))
}

fn count(entry: &Value, name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = field(entry, name)? else { return Ok(None) };
    let count = value.as_u64().ok_or_else(|| Failure::Broken(format!("{name} is {value}, no count")))?;
    Ok(Some(count.to_string()))
}

/// Pexip writes UTC without saying so.
fn time(entry: &Value, name: &str) -> Result<Option<String>, Failure> {
    let Some(text) = text(entry, name)? else { return Ok(None) };
    let naive = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f");
    let naive = naive.map_err(|error| Failure::Broken(format!("{name} is {text:?}, no time: {error}")))?;
    Ok(Some(utc(naive.and_utc())))
}

fn naive(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}
