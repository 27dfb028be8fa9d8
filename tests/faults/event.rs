//! One event, and how it is written.

use chrono::{DateTime, SecondsFormat};
use serde_json::json;

/// A meter of the harness's own catalogue, with a class where its price has one.
pub(crate) struct Meter {
    pub(crate) slug: &'static str,
    unit: &'static str,
    classes: &'static [&'static str],
    /// How many different subjects its events have.
    pub(crate) subjects: usize,
}

const fn meter(
    slug: &'static str,
    unit: &'static str,
    classes: &'static [&'static str],
    subjects: usize,
) -> Meter {
    Meter { slug, unit, classes, subjects }
}

/// Every kind of meter that events feed.
pub(crate) const METERS: [Meter; 7] = [
    meter("sum", "h", &["bas", "full"], 50),
    meter("count", "meeting", &[], 50),
    meter("unique", "user", &[], 200),
    meter("peak", "device", &[], 4),
    meter("latest", "licence", &[], 4),
    meter("time_weighted", "GB", &[], 4),
    meter("avg_daily", "account", &["staff", "pupil"], 12),
];
/// The place of the meter whose events come as snapshots.
pub(crate) const AVG_DAILY: usize = METERS.len() - 1;
/// C1 changes hands in the middle of February.
pub(crate) const COSTCENTRES: [&str; 4] = ["A1", "A2", "B1", "C1"];

/// A usage as its source knows it. A revision changes what it says and counts `seq` up.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    /// The source's number: a source for each fault, so that its books can be told apart.
    pub(crate) source: usize,
    pub(crate) id: u64,
    pub(crate) seq: u32,
    pub(crate) meter: usize,
    pub(crate) class: usize,
    pub(crate) subject: usize,
    pub(crate) costcentre: usize,
    /// Unix microseconds.
    pub(crate) time: i64,
    /// Millionths.
    pub(crate) quantity: u64,
    pub(crate) retracted: bool,
}

/// The source of a number.
pub(crate) fn source(number: usize) -> String {
    format!("/lkdata/collector/faults/{number}")
}

fn instant(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).expect("an instant of these years");
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Usage {
    pub(crate) fn json(&self) -> Vec<u8> {
        let meter = &METERS[self.meter];
        let dims = match meter.classes {
            [] => json!({}),
            classes => json!({ "class": classes[self.class % classes.len()] }),
        };
        let mut data = json!({
            "service": "prov", "meter": meter.slug, "unit": meter.unit,
            "quantity": format!("{}.{:06}", self.quantity / 1_000_000, self.quantity % 1_000_000),
            "customer": {"kind": "forvaltning", "code": "NORR", "costcentre": COSTCENTRES[self.costcentre]},
            "dims": dims, "seq": self.seq,
        });
        if self.retracted {
            data["retracted"] = true.into();
        }
        let event = json!({
            "specversion": "1.0", "dataschema": "urn:lkdata:schema:usage:1", "id": format!("e{}", self.id),
            "source": source(self.source), "subject": format!("thing:{}-{}", meter.slug, self.subject),
            "type": format!("se.linkoping.lkdata.usage.faults.{}.v1", meter.slug.replace('_', "")),
            "time": instant(self.time), "data": data,
        });
        event.to_string().into_bytes()
    }
}

/// The marker of a source's snapshot of a day.
pub(crate) fn marker(number: usize, id: u64, day: &str, time: i64, count: usize) -> Vec<u8> {
    let event = json!({
        "specversion": "1.0", "dataschema": "urn:lkdata:schema:usage:1", "id": format!("e{id}"),
        "source": source(number), "subject": "snapshot:accounts",
        "type": "se.linkoping.lkdata.usage.snapshot.completed.v1", "time": instant(time),
        "data": {"service": "prov", "meter": METERS[AVG_DAILY].slug, "day": day, "count": count},
    });
    event.to_string().into_bytes()
}
