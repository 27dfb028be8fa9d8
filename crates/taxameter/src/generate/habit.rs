//! What is known of each service beyond its volume: where its events come from, what they are about, how they vary.

use domain::usage::MeterKind;

use super::shape::{Growth, Season};

/// A source of events: its `source`, what its ids begin with, and its part of the use in hundredths.
pub(super) type From = (&'static str, &'static str, u32);

/// What the subject of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Somebody, or something of somebody's: a pseudonym.
    Person,
    /// An object of this kind.
    Thing(&'static str),
}

/// How the events of a meter are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habit {
    pub(super) from: &'static [From],
    pub(super) subject: Subject,
    /// Events: the mean quantity of one, in millionths. Sessions: how many a subject has in a month.
    pub(super) each: i64,
    /// Quantities are whole numbers.
    pub(super) whole: bool,
    /// Readings: how many objects there are at full scale.
    pub(super) objects: u32,
    pub(super) season: Season,
    pub(super) growth: Growth,
    /// Only schools use it.
    pub(super) schools: bool,
    /// Of every hundred devices, how many are replaced by new ones in August.
    pub(super) replaced: u32,
    /// The source reports a record again, with a higher `seq`, as it learns more.
    pub(super) revised: bool,
}

const AD: From = ("/lkdata/collector/ad/lkdata.test", "ad1", 100);
const ENTRA: From = ("/lkdata/collector/entra/lkdata.test", "entra", 100);
const ONTAP: From = ("/lkdata/collector/ontap/cl01", "ontap1", 100);
const PEXIP: From = ("/lkdata/collector/pexip/mgr1", "pexip", 100);
const TEAMS: From = ("/lkdata/collector/teams/lkdata.test", "teams", 100);
const PAPERCUT: From = ("/lkdata/collector/papercut/print01", "pc", 100);
const PBX: From = ("/lkdata/collector/cdr/pbx01", "cdr", 100);
const OPERATOR: From = ("/lkdata/collector/operator/mobil", "mobil", 100);
const INTUNE: From = ("/lkdata/collector/intune/linkoping", "intune", 100);
const JAMF: From = ("/lkdata/collector/jamf/jamf01", "jamf", 100);
const GOOGLE: From = ("/lkdata/collector/google/chrome", "google", 100);
const RADIUS: From = ("/lkdata/collector/radius/vpn01", "vpn", 100);
const WLC: From = ("/lkdata/collector/wlc/wlc01", "wlc", 100);
/// Its two days of outage in February are carried forward.
pub(super) const CMDB: From = ("/lkdata/collector/cmdb/cmdb01", "cmdb", 100);
const VCENTER: From = ("/lkdata/collector/vcenter/vc01", "vc", 100);
const BACULA: From = ("/lkdata/collector/bacula/bacula01", "bacula", 100);
const DATABASES: From = ("/lkdata/collector/postgresql/db01", "db", 100);
const ZABBIX: From = ("/lkdata/collector/zabbix/zabbix01", "zbx", 100);
const CAMERAS: From = ("/lkdata/collector/vms/vms01", "vms", 100);
const ESB: From = ("/lkdata/collector/esb/esb01", "esb", 100);
const ESERVICE: From = ("/lkdata/collector/eservice/plattform", "etj", 100);
/// Registers are read shortly after midnight, for the day before. The five days of outage in October are longer than
/// what is carried forward: a gap.
pub(super) const REGISTER: From = ("/lkdata/collector/register/lkdata", "reg", 100);
const ROBOTS: From = ("/lkdata/collector/rpa/orchestrator", "rpa", 100);
const SIGNING: From = ("/lkdata/collector/underskrift/tjanst", "sign", 100);
const IDP: From = ("/lkdata/collector/idp/idp01", "idp", 100);

/// A part of a source, in hundredths.
const fn part(from: From, hundredths: u32) -> From {
    (from.0, from.1, hundredths)
}

/// Who reports meetings, and who manages mobile devices.
const MEETINGS: &[From] = &[part(PEXIP, 40), part(TEAMS, 60)];
const DEVICES: &[From] = &[part(INTUNE, 60), part(JAMF, 40)];

/// The habit of a meter. What this table does not know behaves as its kind does.
pub(super) fn of(service: &str, kind: MeterKind, class: &str) -> Habit {
    use MeterKind::{AvgDaily, Count, Sum, TimeWeighted, Unique};
    use Subject::{Person, Thing};
    let base = Habit {
        from: &[CMDB],
        subject: Thing("object"),
        each: if kind == Unique { 6 } else { 1_000_000 },
        whole: false,
        objects: 400,
        season: Season::Flat,
        growth: if kind == TimeWeighted { Growth::Storage } else { Growth::Steady },
        schools: false,
        replaced: 0,
        revised: false,
    };
    let thing = |from: &'static [From], kind: &'static str| Habit { from, subject: Thing(kind), ..base };
    let person = |from: &'static [From]| Habit { from, subject: Person, ..base };
    match (service, kind) {
        ("it-bastjanst-konto", _) => match class {
            "pupil" => Habit { growth: Growth::Pupils, schools: true, ..person(&[AD]) },
            "staff" => Habit { growth: Growth::Staff, ..person(&[AD]) },
            _ => person(&[AD]),
        },
        ("e-tjanstekort", _) => person(&[REGISTER]),
        ("datakommunikation", _) => thing(&[CMDB], "link"),
        ("it-utbildningsplats", _) => Habit { each: 2_000_000, whole: true, ..thing(&[REGISTER], "room") },
        ("tradlost-natverk", AvgDaily) => thing(&[WLC], "ap"),
        ("tradlost-natverk", _) => {
            Habit { each: if kind == Unique { 1 } else { 20_000_000 }, ..person(&[WLC]) }
        }
        ("it-bastjanst-lagring", _) => Habit { objects: 500, ..thing(&[ONTAP], "vol") },
        ("telefoni", Sum) => Habit { each: 3_200_000, season: Season::Calls, ..thing(&[PBX], "ext") },
        ("telefoni", _) => thing(&[PBX], "ext"),
        ("it-bastjanst-skrivarko", _) => thing(&[PAPERCUT], "queue"),
        ("mobiltelefon", _) => person(&[OPERATOR]),
        ("pekplatta", _) => person(&[JAMF]),
        ("distanstjanster", _) => Habit {
            season: Season::MeetingsMild,
            each: if kind == Unique { 3 } else { 8_000_000 },
            ..person(&[RADIUS])
        },
        ("skrivare-mfp", Sum) => {
            Habit { each: 6_000_000, whole: true, season: Season::Print, ..thing(&[PAPERCUT], "printer") }
        }
        ("skrivare-mfp", _) => thing(&[PAPERCUT], "printer"),
        ("mdm", _) => person(DEVICES),
        ("videoprojektor" | "it-grupprum", _) => thing(&[REGISTER], "asset"),
        ("e-moten", AvgDaily) => thing(&[PEXIP], "room"),
        ("e-moten", Sum) => {
            Habit { each: 738_095, season: Season::Meetings, revised: true, ..thing(MEETINGS, "room") }
        }
        ("e-moten", Unique) => Habit { season: Season::Meetings, each: 2, ..person(MEETINGS) },
        ("e-moten", _) => Habit { season: Season::Meetings, ..thing(MEETINGS, "room") },
        ("chromebook", _) => Habit { schools: true, replaced: 33, ..person(&[GOOGLE]) },
        ("kameraovervakning-lagring", TimeWeighted) => Habit { objects: 150, ..thing(&[CAMERAS], "array") },
        ("kameraovervakning-lagring", _) => thing(&[CAMERAS], "camera"),
        ("it-arbetsplats", _) => person(&[INTUNE]),
        ("inpasseringssystem", _) => thing(&[REGISTER], "reader"),
        ("lagring-plus", _) => Habit { objects: 150, ..thing(&[ONTAP], "vol") },
        ("e-tjansteplattform-drift", _) => thing(&[ESERVICE], "case"),
        ("teknisk-serverdrift", _) => thing(&[CMDB], "server"),
        ("integrationsplattform", _) => thing(&[ESB], "integration"),
        ("virtuell-server", _) => Habit { objects: 300, ..thing(&[VCENTER], "vm") },
        ("sakerhetskopiering", Count) => thing(&[BACULA], "job"),
        ("sakerhetskopiering", _) => Habit { objects: 300, ..thing(&[BACULA], "client") },
        ("databastjanst", _) => Habit { objects: 150, ..thing(&[DATABASES], "db") },
        ("overvakning", _) => thing(&[ZABBIX], "host"),
        ("rpa-tjanst", Sum) => Habit { each: 14_000_000, ..thing(&[ROBOTS], "robot") },
        ("rpa-tjanst", _) => thing(&[ROBOTS], "robot"),
        ("samarbetsplattform", _) => person(&[ENTRA]),
        ("digitala-underskrifter", _) => thing(&[SIGNING], "signature"),
        ("idp-identifieringsmetoder", _) => {
            Habit { each: if kind == Unique { 1 } else { 1_000_000 }, ..person(&[IDP]) }
        }
        _ => base,
    }
}

/// Values of dimensions that the catalogue leaves open. What is not here is left out of the events.
pub(super) fn dimension_values(name: &str) -> &'static [&'static str] {
    match name {
        "duplex" => &["true", "false"],
        "destination" => &["internal", "mobile", "national", "abroad"],
        "method" => &["bankid", "freja", "card"],
        "status" => &["ok", "ok", "ok", "warning"],
        _ => &[],
    }
}

/// The monthly volume of a meter that is measured but not planned, because it only shows a trend.
pub(super) fn unplanned_volume(kind: MeterKind) -> i128 {
    let units: i128 = match kind {
        MeterKind::AvgDaily | MeterKind::Peak | MeterKind::Latest => 50,
        MeterKind::TimeWeighted => 10_000,
        MeterKind::Sum => 5_000,
        MeterKind::Count | MeterKind::Unique => 2_000,
        MeterKind::Fixed => 0,
    };
    units * 1_000_000
}
