//! Microsoft Teams: calls and meetings that have ended, and who took part for how long (Microsoft Graph v1.0, "List
//! callRecords", "Get callRecord", "List participants_v2").
//!
//! Graph filters calls by when they began (`startDateTime`), not by when their record changed. A record changes for days, when
//! clients report late, and comes with a higher version then. So each turn lists the calls of some days, and reads those
//! whose `lastModifiedDateTime` is later than where the last turn began.

mod attendance;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pages::Pages;
use super::{Clock, Failure, Nature, READ_RECORDS, Read, Record, Source, time};
use crate::pull::http::{Client, Connection};

/// What is asked of Teams.
///
/// The application needs the permission `CallRecords.Read.All`. `connection` is as for `intune`.
///
/// A call gives a record with `kind = "meeting"` and one with `kind = "participation"` for each participant: `platform`
/// ("teams"), `call`, `version`, `type`, `start`, `end`, `organizer`, `organizer_class`; and `participant`, `class`,
/// `join`, `leave`, `seconds`, or for the meeting `participants` and `seconds`. `unit` is the administrative unit of
/// the participant (of the organizer, in the meeting), and `paying_unit` is the same, or that of the organizer when the
/// participant has none. `seq` of an event is `version`: the highest holds, and each version is given with all its
/// participants.
///
/// `class` is `user` of this tenant, `external` of another, `guest`, `phone`, `application` or `other`. Only the first two have
/// an id of their own; others are numbered within their call, and no name and no telephone number is kept.
///
/// Graph documents that a higher version has more than a lower one. Should a participant be missing in it all the same, what
/// the lower version said of this participant stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Graph is.
    pub connection: Connection,
    /// The tenant's id.
    pub tenant: String,
    /// Calls that began earlier are not gathered: `"2021-01-01T00:00:00+01:00"`. The first turn goes 29 days back,
    /// because Graph keeps 30. To go on after more than 30 days without gathering, whose calls Graph has forgotten, set
    /// it to a time within the last 30 days.
    pub from: DateTime<Utc>,
    /// How many days after it began a call may still change: 7 unless said. Each turn lists so many days.
    #[serde(default = "default_days")]
    pub days: u32,
    /// How long a record may take from its `lastModifiedDateTime` until it is listed, in minutes: 120 unless said; Graph
    /// documents 60. What changed in that time is read twice.
    #[serde(default = "default_overlap")]
    pub overlap_minutes: u32,
}

fn default_days() -> u32 {
    7
}

fn default_overlap() -> u32 {
    120
}

/// How long Graph keeps calls.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How far the first turn goes back: its first calls must not be forgotten while they are read.
const FIRST: TimeDelta = TimeDelta::days(29);
/// The calls of so long a time are listed at once.
const STEP: TimeDelta = TimeDelta::hours(1);
/// A read ends when it has read so many calls, each with two requests or more: what fails is read again from its beginning.
const READ_CALLS: usize = 200;
const LINK: &str = "/@odata.nextLink";

/// Teams.
#[derive(Debug)]
pub struct TeamsCalls {
    client: Client,
    tenant: String,
    from: DateTime<Utc>,
    days: TimeDelta,
    overlap: TimeDelta,
}

/// Where a stream goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// Calls that changed before are given.
    since: DateTime<Utc>,
    /// The turn that is not at its end, if one is under way.
    turn: Option<Turn>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    /// When it was begun: what changes afterwards is for the next.
    begun: DateTime<Utc>,
    /// Calls that began before are looked at.
    position: DateTime<Utc>,
}

impl TeamsCalls {
    /// A source that asks Teams.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::new(&config.connection, clock)?,
            tenant: config.tenant.clone(),
            from: config.from,
            days: TimeDelta::days(config.days.into()),
            overlap: TimeDelta::minutes(config.overlap_minutes.into()),
        })
    }

    async fn read(&self, at: DateTime<Utc>, cursor: Option<&str>) -> Result<Read, Failure> {
        let cursor = match cursor {
            None => Cursor { since: at - FIRST, turn: None },
            Some(text) => serde_json::from_str(text)
                .map_err(|error| Failure::Refused(format!("{text} is no cursor of Teams calls: {error}")))?,
        };
        let since = cursor.since.max(self.from);
        self.check_kept(since, at)?;
        let mut turn = cursor.turn.unwrap_or_else(|| {
            let position = self.from.max(since - self.days).max(at - KEPT);
            Turn { begun: at, position }
        });
        let (mut records, mut calls) = (Vec::new(), 0);
        while turn.position < at && calls < READ_CALLS && records.len() < READ_RECORDS {
            let until = at.min(turn.position + STEP);
            for listed in self.list(turn.position, until).await? {
                if time(&listed, "/lastModifiedDateTime")? >= since {
                    records.extend(self.call(&listed["id"]).await?);
                    calls += 1;
                }
            }
            turn.position = until;
        }
        let more = turn.position < at;
        let next = if more {
            Cursor { since, turn: Some(turn) }
        } else {
            Cursor { since: since.max(turn.begun - self.overlap), turn: None }
        };
        let cursor = serde_json::to_string(&next).map_err(|error| Failure::Broken(error.to_string()))?;
        Ok(Read { records, cursor: Some(cursor), more })
    }

    fn check_kept(&self, since: DateTime<Utc>, at: DateTime<Utc>) -> Result<(), Failure> {
        if at - since <= KEPT {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "calls are gathered until {since}, and Graph has forgotten what ended before {}: set `from` to a later time to go \
             on without them",
            at - KEPT
        )))
    }

    /// The calls that began in a time.
    async fn list(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Value>, Failure> {
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let filter = format!("startDateTime ge {} and startDateTime lt {}", text(from), text(until));
        let query = [("$filter", filter.as_str()), ("$select", "id,lastModifiedDateTime")];
        let pages = Pages::new("call records", "/value", &["/id"]);
        pages.by_links(&self.client, "communications/callRecords", &query, LINK).await
    }

    /// The records of a call as it is now.
    async fn call(&self, id: &Value) -> Result<Vec<Record>, Failure> {
        let Some(id) =
            id.as_str().filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        else {
            return Err(Failure::Broken(format!("{id} is no id of a call")));
        };
        let path = format!("communications/callRecords/{id}");
        let mut call = self.client.get(&path, &[("$expand", "sessions")]).await?;
        // What is expanded ends after 60 sessions; then the list has all.
        let sessions = match (call["sessions"].take(), &call["sessions@odata.nextLink"]) {
            (Value::Array(sessions), Value::Null) => sessions,
            _ => {
                let pages = Pages::new("sessions", "/value", &["/id"]).may_repeat();
                pages.by_links(&self.client, &format!("{path}/sessions"), &[], LINK).await?
            }
        };
        let pages = Pages::new("participants", "/value", &[""]).may_repeat();
        let participants =
            pages.by_links(&self.client, &format!("{path}/participants_v2"), &[], LINK).await?;
        attendance::records(&self.tenant, &call, &sessions, &participants)
    }
}

impl Source for TeamsCalls {
    fn nature(&self) -> Nature {
        Nature::Stream
    }

    fn read<'a>(&'a self, at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        TeamsCalls::read(self, at.to_utc(), cursor).boxed()
    }
}
