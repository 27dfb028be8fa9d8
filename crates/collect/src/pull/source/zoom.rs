//! Zoom: meetings that have ended, and who took part for how long (Zoom API v2, Reports: "Get active or inactive host
//! reports", "Get meeting reports", "Get meeting participant reports", "Get webinar participant reports").

use chrono::{DateTime, TimeDelta, Utc};
use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::pages::{Pages, number};
use super::walk::Walk;
use super::{Clock, Failure, Nature, Read, Record, Source, time, utc};
use crate::pull::http::{Client, Connection};

/// What is asked of a Zoom account.
///
/// `connection.url` is `https://api.zoom.us/v2/`, with the slash; `connection.auth` is `client_credentials` of a
/// server-to-server app with `https://zoom.us/oauth/token`, `basic = true`, and the parameters
/// `grant_type = "account_credentials"` and `account_id`. The app needs the scopes `report:read:list_users:admin`,
/// `report:read:user:admin` and `report:read:list_meeting_participants:admin`, and `report:read:list_webinar_participants:admin`
/// where webinars are held, which are meetings here. Zoom knows meetings of the last six months, and lists those with two
/// participants or more.
///
/// A meeting gives a record with `kind = "meeting"` and one with `kind = "participation"` each time that somebody joins:
/// `platform` ("zoom"), `call` (the meeting's UUID), `start`, `end`, `organizer`, `organizer_department`; and `participation`,
/// `participant`, `class`, `status`, `join`, `leave`, `seconds`, or for the meeting `participants` and `seconds`. `class` is
/// `user` of somebody who is signed in, otherwise `guest`, who has no id and is known by the participation only. Names, addresses
/// and topics are not kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Zoom's interface is.
    pub connection: Connection,
    /// What ended earlier is not gathered: `"2021-01-01T00:00:00+01:00"`.
    pub from: DateTime<Utc>,
    /// How long Zoom's reports may take after the end of a meeting, in minutes: 360 unless said. What is younger is left for the
    /// next turn.
    #[serde(default = "default_settling")]
    pub settling_minutes: u32,
}

fn default_settling() -> u32 {
    360
}

/// Meetings that ended within so long a time are asked for at once.
const STEP: TimeDelta = TimeDelta::days(1);
/// Reports are by day, of an account's time zone, and by the day on which a meeting began. So days before and after are asked
/// for, too, and what ended at another time is left out.
const DAYS_BEFORE: TimeDelta = TimeDelta::days(2);
const DAYS_AFTER: TimeDelta = TimeDelta::days(1);
/// Zoom gives no more on a page.
const PAGE: &str = "300";

/// A Zoom account.
#[derive(Debug)]
pub struct Zoom {
    client: Client,
    walk: Walk,
}

impl Zoom {
    /// A source that asks a Zoom account.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        let settling = TimeDelta::minutes(config.settling_minutes.into());
        let walk = Walk { from: config.from, step: STEP, settling, overlap: TimeDelta::zero() };
        Ok(Self { client: Client::new(&config.connection, clock)?, walk })
    }

    /// What ended within a time.
    async fn ended(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Record>, Failure> {
        let day = |time: DateTime<Utc>| time.format("%Y-%m-%d").to_string();
        let (first, last) = (day(from - DAYS_BEFORE), day(until + DAYS_AFTER));
        let range = [("from", first.as_str()), ("to", last.as_str())];
        let query = [range[0], range[1], ("type", "active")];
        let hosts = self.list("report/users", &query, Pages::new("hosts", "/users", &["/id"])).await?;
        let mut records = Vec::new();
        for host in hosts {
            let path = format!("report/users/{}/meetings", segment(&text(&host, "id")?));
            let pages = Pages::new("meetings", "/meetings", &["/uuid"]);
            for meeting in self.list(&path, &range, pages).await? {
                if (from..until).contains(&time(&meeting, "/end_time")?) {
                    records.extend(self.meeting(&host, &meeting).await?);
                }
            }
        }
        Ok(records)
    }

    async fn meeting(&self, host: &Value, meeting: &Value) -> Result<Vec<Record>, Failure> {
        let uuid = text(meeting, "uuid")?;
        let of = if is_webinar(meeting) { "webinars" } else { "meetings" };
        let path = format!("report/{of}/{}/participants", meeting_segment(&uuid));
        // Somebody who joins again, or comes back from a breakout room, is another row.
        let pages = Pages::new("participants", "/participants", &["/user_id", "/join_time"]);
        let rows = self.list(&path, &[], pages).await?;
        let (start, end) = (time(meeting, "/start_time")?, time(meeting, "/end_time")?);
        let mut common = Record::from([
            ("platform".to_owned(), "zoom".to_owned()),
            ("call".to_owned(), uuid),
            ("start".to_owned(), utc(start)),
            ("end".to_owned(), utc(end)),
            ("organizer".to_owned(), text(host, "id")?),
        ]);
        if let Some(department) = host["dept"].as_str().filter(|department| !department.is_empty()) {
            common.insert("organizer_department".to_owned(), department.to_owned());
        }
        let mut whole = common.clone();
        whole.insert("kind".to_owned(), "meeting".to_owned());
        whole.insert("seconds".to_owned(), (end - start).num_seconds().max(0).to_string());
        whole.insert("participants".to_owned(), number(meeting, "/participants_count")?.to_string());
        let participations = rows.iter().map(|row| participation(&common, row));
        std::iter::once(Ok(whole)).chain(participations).collect()
    }

    /// A list whose pages give a token for the next; an empty one ends it.
    async fn list(
        &self,
        path: &str,
        query: &[(&str, &str)],
        mut pages: Pages,
    ) -> Result<Vec<Value>, Failure> {
        let mut token = String::new();
        loop {
            let mut query = query.to_vec();
            query.push(("page_size", PAGE));
            if !token.is_empty() {
                query.push(("next_page_token", &token));
            }
            let page = self.client.get(path, &query).await?;
            pages.say(number(&page, "/total_records")?)?;
            token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
            pages.add(page)?;
            if token.is_empty() {
                return pages.whole();
            }
            pages.follow(&token)?;
        }
    }
}

impl Source for Zoom {
    fn nature(&self) -> Nature {
        Nature::Stream
    }

    fn read<'a>(&'a self, at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        self.walk.read(at.to_utc(), cursor, |from, until| self.ended(from, until)).boxed()
    }
}

fn participation(common: &Record, row: &Value) -> Result<Record, Failure> {
    let (join, leave) = (time(row, "/join_time")?, time(row, "/leave_time")?);
    // Given as a text or as a number.
    let user = row["user_id"].as_str().map_or_else(|| row["user_id"].to_string(), str::to_owned);
    let participation = format!("{user}/{}", utc(join));
    let id = row["id"].as_str().filter(|id| !id.is_empty());
    let mut record = common.clone();
    let mut put = |name: &str, value: String| record.insert(name.to_owned(), value);
    put("kind", "participation".to_owned());
    put("class", if id.is_some() { "user" } else { "guest" }.to_owned());
    put("participant", id.map_or_else(|| format!("{}/{participation}", common["call"]), str::to_owned));
    put("participation", participation);
    put("join", utc(join));
    put("leave", utc(leave));
    put("seconds", number(row, "/duration")?.to_string());
    if let Some(status) = row["status"].as_str() {
        put("status", status.to_owned());
    }
    Ok(record)
}

/// The list of a host's meetings has webinars, too: types 5, 6 and 9. Each kind has a report of its own.
fn is_webinar(meeting: &Value) -> bool {
    matches!(meeting["type"].as_u64(), Some(5 | 6 | 9))
}

fn text(item: &Value, field: &str) -> Result<String, Failure> {
    let text = item[field].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| Failure::Broken(format!("an answer of Zoom has no {field}")))
}

/// The UUID of a meeting in a path. Zoom wants it encoded twice if it begins with `/` or has `//` in it.
fn meeting_segment(uuid: &str) -> String {
    let once = segment(uuid);
    if uuid.starts_with('/') || uuid.contains("//") { segment(&once) } else { once }
}

fn segment(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}
