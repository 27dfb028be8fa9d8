//! An event as its system could have sent it itself, made from what a file or a collector knows. It is judged like any other.

use chrono::{NaiveDate, NaiveDateTime};
use domain::Instant;
use domain::calendar::{from_local, parse_day, start_of_day};
use domain::catalogue::{Catalogue, Meter};
use domain::event::DATASCHEMA;
use serde_json::{Map, Value, json};

/// What an event claims as its customer when nobody owns the cost centre: the owner pays, whatever is claimed.
const NOBODY: &str = "OKAND";

/// The forms of a wall-clock time.
const TIMES: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];

/// What an event says, before anybody has judged it.
pub(crate) struct Draft<'d> {
    pub(crate) id: String,
    pub(crate) source: &'d str,
    pub(crate) service: &'d str,
    pub(crate) meter: &'d Meter,
    pub(crate) subject: &'d str,
    pub(crate) time: String,
    pub(crate) costcentre: &'d str,
    pub(crate) object: Option<&'d str>,
    pub(crate) quantity: String,
    pub(crate) dims: Vec<(&'d str, String)>,
    pub(crate) day: Option<NaiveDate>,
    pub(crate) seq: Option<&'d str>,
    pub(crate) measured: Option<[&'d str; 2]>,
}

impl Draft<'_> {
    /// The event; the claimed customer is who owns the cost centre on a day, as far as anybody knows.
    pub(crate) fn json(self, catalogue: &Catalogue, day: Option<NaiveDate>) -> Value {
        let owner = day.and_then(|day| catalogue.payer(self.costcentre, day));
        let known = owner.and_then(|code| catalogue.customers.get(code));
        let kind = known.map_or("forvaltning", |customer| customer.kind.name());
        let mut customer =
            json!({ "kind": kind, "code": owner.unwrap_or(NOBODY), "costcentre": self.costcentre });
        if let Some(object) = self.object {
            customer["object"] = object.into();
        }
        let mut data = json!({
            "service": self.service,
            "meter": self.meter.slug,
            "quantity": self.quantity,
            "unit": self.meter.unit,
            "customer": customer,
        });
        if !self.dims.is_empty() {
            let dims: Map<String, Value> =
                self.dims.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            data["dims"] = dims.into();
        }
        if let Some(day) = self.day {
            data["day"] = day.to_string().into();
        }
        if let Some(seq) = self.seq {
            data["seq"] = seq.parse().map_or_else(|_| Value::from(seq), |seq: u32| seq.into());
        }
        if let Some([from, to]) = self.measured {
            data["measured_from"] = from.into();
            data["measured_to"] = to.into();
        }
        json!({
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.meter.event_type,
            "subject": self.subject,
            "time": self.time,
            "dataschema": DATASCHEMA,
            "data": data,
        })
    }
}

/// The instant of a text: RFC 3339, a Swedish wall-clock time, or the beginning of a Swedish day. None for what is no time, and
/// for one that clocks skip or show twice: that needs its offset.
pub(crate) fn instant_of(text: &str) -> Option<Instant> {
    let wall = || {
        let time = TIMES.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        time.and_then(from_local)
    };
    Instant::parse_rfc3339(text).or_else(|| parse_day(text).map(start_of_day)).or_else(wall)
}
