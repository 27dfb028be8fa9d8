//! The closed table of units that meters may count in.

/// A unit: how events and the catalogue write it, and what people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// As it is written in events and the catalogue.
    pub code: &'static str,
    /// Its name in Swedish, in the singular.
    pub name: &'static str,
    /// Its name in English, in the singular.
    pub name_en: &'static str,
}

const fn of(code: &'static str, name: &'static str, name_en: &'static str) -> Unit {
    Unit { code, name, name_en }
}

/// Every unit, ordered by code. GB is 10⁹ bytes.
pub const UNITS: &[Unit] = &[
    of("GB", "gigabyte", "gigabyte"),
    of("account", "konto", "account"),
    of("agreement", "avtal", "agreement"),
    of("ap", "accesspunkt", "access point"),
    of("camera", "kamera", "camera"),
    of("card", "kort", "card"),
    of("case", "ärende", "case"),
    of("connection", "anslutning", "connection"),
    of("database", "databas", "database"),
    of("device", "enhet", "device"),
    of("extension", "anknytning", "extension"),
    of("h", "timme", "hour"),
    of("integration", "integration", "integration"),
    of("job", "jobb", "job"),
    of("kmsg", "tusental meddelanden", "thousand messages"),
    of("licence", "licens", "licence"),
    of("login", "inloggning", "login"),
    of("meeting", "möte", "meeting"),
    of("min", "minut", "minute"),
    of("object", "objekt", "object"),
    of("page", "sida", "page"),
    of("projector", "projektor", "projector"),
    of("queue", "skrivarkö", "print queue"),
    of("reader", "kortläsare", "card reader"),
    of("robot", "robot", "robot"),
    of("room", "rum", "room"),
    of("seat_hour", "platstimme", "seat hour"),
    of("server", "server", "server"),
    of("session_hour", "sessionstimme", "session hour"),
    of("signature", "underskrift", "signature"),
    of("subscription", "abonnemang", "subscription"),
    of("user", "användare", "user"),
    of("vcpu", "virtuell processor", "virtual processor"),
];

/// The unit with this code.
pub fn unit(code: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.code == code)
}
