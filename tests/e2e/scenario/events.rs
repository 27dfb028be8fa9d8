//! What is sent: meters, events, and what is used in a usual month.

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};

/// How a meter's events become a month's quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Σ quantity.
    Quantities,
    /// How many.
    Events,
    /// The average over the days of the month of the objects in each day's snapshot.
    Objects,
}

/// A meter of Linköping's catalogue, as its README states it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) service: &'static str,
    pub(crate) slug: &'static str,
    unit: &'static str,
    event: &'static str,
    source: &'static str,
    pub(crate) counts: Counts,
}

pub(crate) const HOURS: Meter = Meter {
    service: "e-moten",
    slug: "participant_hour",
    unit: "h",
    event: "meeting.participation",
    source: "/lkdata/collector/pexip/mgr1",
    counts: Counts::Quantities,
};
pub(crate) const PAGES: Meter = Meter {
    service: "skrivare-mfp",
    slug: "page",
    unit: "page",
    event: "print.job",
    source: "/lkdata/collector/papercut/print01",
    counts: Counts::Quantities,
};
pub(crate) const ROBOT_MINUTES: Meter = Meter {
    service: "rpa-tjanst",
    slug: "robot_minute",
    unit: "min",
    event: "robot.run",
    source: "/lkdata/collector/rpa/orchestrator",
    counts: Counts::Quantities,
};
pub(crate) const CARDS_ISSUED: Meter = Meter {
    service: "e-tjanstekort",
    slug: "card_issued",
    unit: "card",
    event: "card.issued",
    source: "/lkdata/collector/register/lkdata",
    counts: Counts::Events,
};
pub(crate) const SIGNATURES: Meter = Meter {
    service: "digitala-underskrifter",
    slug: "signature",
    unit: "signature",
    event: "signature.completed",
    source: "/lkdata/collector/underskrift/tjanst",
    counts: Counts::Events,
};
pub(crate) const TABLETS: Meter = Meter {
    service: "pekplatta",
    slug: "device",
    unit: "device",
    event: "device.snapshot",
    source: "/lkdata/collector/jamf/jamf01",
    counts: Counts::Objects,
};
pub(crate) const MONITORED: Meter = Meter {
    service: "overvakning",
    slug: "object",
    unit: "object",
    event: "monitored.snapshot",
    source: "/lkdata/collector/zabbix/zabbix01",
    counts: Counts::Objects,
};

/// The tablets and the monitored objects, and the cost centres that they stand at all the year.
const TABLETS_AT: [(&str, &str); 4] =
    [("dev:t1", "441001"), ("dev:t2", "441004"), ("dev:t3", "520310"), ("dev:t4", "110300")];
const MONITORED_AT: [(&str, &str); 3] = [("host:o1", "110200"), ("host:o2", "B0100"), ("host:o3", "110300")];

/// The days of a month with a snapshot; each is carried over the three days that follow, so that no day is missing.
const SNAPSHOT_DAYS: [u32; 8] = [1, 5, 9, 13, 17, 21, 25, 29];

/// An event of usage. Its id tells it apart, so none is used for two meters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) id: String,
    pub(crate) seq: u32,
    pub(crate) retracted: bool,
    pub(crate) meter: &'static Meter,
    pub(crate) class: &'static str,
    pub(crate) costcentre: &'static str,
    pub(crate) subject: String,
    /// The Swedish day.
    pub(crate) day: NaiveDate,
    /// Millionths.
    pub(crate) quantity: i128,
    /// The instant, when it is not in the middle of the day.
    pub(crate) time: Option<&'static str>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    Usage(Usage),
    /// The snapshot of a day is complete.
    Completed {
        meter: &'static Meter,
        day: NaiveDate,
        count: usize,
    },
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The days of a month.
pub(crate) fn days(month: &str) -> Vec<NaiveDate> {
    let first = date(&format!("{month}-01"));
    first.iter_days().take_while(|day| month_of(*day) == month).collect()
}

/// `2021-03`
pub(crate) fn month_of(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}

/// Whole units of a meter, used by a cost centre.
pub(crate) fn used(
    id: &str,
    meter: &'static Meter,
    costcentre: &'static str,
    day: &str,
    quantity: i128,
) -> Usage {
    Usage {
        id: id.to_owned(),
        seq: 0,
        retracted: false,
        meter,
        class: "",
        costcentre,
        subject: "thing:one".to_owned(),
        day: date(day),
        quantity: quantity * 1_000_000,
        time: None,
    }
}

/// An object that a day's snapshot has at a cost centre.
pub(crate) fn observed(
    meter: &'static Meter,
    subject: &str,
    costcentre: &'static str,
    day: NaiveDate,
) -> Usage {
    let id = format!("{subject}:{day}");
    Usage { subject: subject.to_owned(), ..used(&id, meter, costcentre, &day.to_string(), 1) }
}

/// What is used in a usual month: something of every kind, by every payer, a little more each month.
pub(crate) fn usual(month: &str) -> Vec<Sent> {
    let days = days(month);
    // The first month is number 1.
    let n = i128::from(12 * (days[0].year() - 2021)) + i128::from(days[0].month());
    let mut usage = Vec::new();
    let at = |name: &str, meter, costcentre, day: u64, quantity: i128| {
        let day = days[0] + Days::new(day);
        let id = format!("{name}:{costcentre}:{day}");
        Usage { quantity, ..used(&id, meter, costcentre, &day.to_string(), 0) }
    };
    for (place, costcentre) in
        ["110200", "110300", "441001", "441004", "520310", "B0100"].into_iter().enumerate()
    {
        let more = i128::try_from(place).unwrap() + 1;
        for day in [2, 16, 24] {
            usage.push(at("meeting", &HOURS, costcentre, day, 954_167 * n + 137_501 * more));
        }
    }
    for (costcentre, class, pages) in
        [("441001", "mono", 211), ("520310", "mono", 87), ("B0100", "colour", 33)]
    {
        usage.push(Usage { class, ..at("print", &PAGES, costcentre, 9, (pages + n) * 1_000_000) });
    }
    for day in 0..u64::try_from(1 + n % 3).unwrap() {
        usage.push(at("card", &CARDS_ISSUED, "110200", 5 + day, 1_000_000));
        usage.push(at("card", &CARDS_ISSUED, "B0100", 5 + day, 1_000_000));
        usage.push(at("signature", &SIGNATURES, "520310", 5 + day, 1_000_000));
    }
    usage.push(at("robot", &ROBOT_MINUTES, "110300", 13, 95_500_000 + n * 333_333));
    let mut sent: Vec<Sent> = usage.into_iter().map(Sent::Usage).collect();
    for day in SNAPSHOT_DAYS.iter().filter_map(|day| days.get(*day as usize - 1)) {
        sent.extend(snapshot(&TABLETS, &TABLETS_AT, *day));
        sent.extend(snapshot(&MONITORED, &MONITORED_AT, *day));
    }
    sent
}

fn snapshot(meter: &'static Meter, objects: &[(&str, &'static str)], day: NaiveDate) -> Vec<Sent> {
    let observed =
        objects.iter().map(|(subject, costcentre)| Sent::Usage(observed(meter, subject, costcentre, day)));
    observed.chain([Sent::Completed { meter, day, count: objects.len() }]).collect()
}

impl Sent {
    pub(crate) fn is_of(&self, wanted: &Meter, on: NaiveDate) -> bool {
        match self {
            Sent::Usage(usage) => usage.meter == wanted && usage.day == on,
            Sent::Completed { meter, day, .. } => *meter == wanted && *day == on,
        }
    }

    /// As a CloudEvent.
    pub(crate) fn event(&self) -> Value {
        match self {
            Sent::Usage(usage) => usage.event(),
            Sent::Completed { meter, day, count } => json!({
                "specversion": "1.0", "id": format!("{}:completed:{day}", meter.service), "source": meter.source,
                "type": "se.linkoping.lkdata.usage.snapshot.completed.v1", "subject": "snapshot:all",
                "time": format!("{day}T10:30:00Z"), "dataschema": "urn:lkdata:schema:usage:1",
                "data": {"service": meter.service, "meter": meter.slug, "day": day.to_string(), "count": count},
            }),
        }
    }
}

impl Usage {
    fn event(&self) -> Value {
        // The sender's idea of who pays: that of the beginning of the year. The catalogue decides.
        let (kind, code) = match &self.costcentre[..2] {
            "11" => ("forvaltning", "KLF"),
            "44" => ("forvaltning", "UAF"),
            "52" => ("forvaltning", "SOF"),
            _ => ("bolag", "LEJON"),
        };
        let (whole, part) = (self.quantity / 1_000_000, self.quantity % 1_000_000);
        let mut data = json!({
            "service": self.meter.service, "meter": self.meter.slug, "unit": self.meter.unit,
            "quantity": format!("{whole}.{part:06}"), "seq": self.seq, "retracted": self.retracted,
            "customer": {"kind": kind, "code": code, "costcentre": self.costcentre}, "dims": {},
        });
        if !self.class.is_empty() {
            data["dims"] = json!({"colour": self.class});
        }
        if self.meter.counts == Counts::Objects {
            data["day"] = json!(self.day.to_string());
        }
        let noon = || format!("{}T10:00:00Z", self.day);
        json!({
            "specversion": "1.0", "id": self.id, "source": self.meter.source, "subject": self.subject,
            "type": format!("se.linkoping.lkdata.usage.{}.v1", self.meter.event),
            "time": self.time.map_or_else(noon, str::to_owned), "dataschema": "urn:lkdata:schema:usage:1",
            "data": data,
        })
    }
}
