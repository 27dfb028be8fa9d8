//! The calls of the month, and what Teams knows of each as time goes.

use chrono::{DateTime, TimeDelta, Utc};

use super::world::{NOBODY, at};
use crate::random::Random;

/// The tenant of the example.
pub(crate) const TENANT: &str = "00000000-0000-4000-8000-000000000001";
/// Administrative units of the example, with their cost centres, and one that it does not know.
pub(crate) const UNITS: [(&str, &str); 4] = [
    ("00000000-0000-4000-8000-0000000000a1", "110200"),
    ("00000000-0000-4000-8000-0000000000a2", "441001"),
    ("00000000-0000-4000-8000-0000000000a3", "520310"),
    ("00000000-0000-4000-8000-0000000000a9", NOBODY),
];

/// Who takes part.
#[derive(Clone)]
pub(crate) struct Participant {
    pub(crate) who: Who,
    pub(crate) id: String,
    /// Their administrative unit.
    pub(crate) unit: Option<&'static str>,
    /// From which second to which after the beginning, for each device and each time.
    pub(crate) sessions: Vec<(i64, i64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    User,
    UserElsewhere,
    Phone,
}

/// What is known of a call from some time on.
pub(crate) struct Version {
    pub(crate) known: DateTime<Utc>,
    pub(crate) participants: Vec<Participant>,
}

pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) organizer: String,
    pub(crate) unit: &'static str,
    pub(crate) start: DateTime<Utc>,
    pub(crate) versions: Vec<Version>,
}

impl Call {
    /// The number and the content of its latest version at a time, if it is known by then.
    pub(crate) fn version(&self, now: DateTime<Utc>) -> Option<(usize, &Version)> {
        self.versions.iter().enumerate().rev().find(|(_, version)| version.known <= now)
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let last = self.versions.last().unwrap();
        let participants = last.participants.iter().map(|participant| participant.id.as_str());
        participants.chain([self.id.as_str(), self.organizer.as_str()])
    }
}

/// Six calls on each day, some about midnight, and some on the last day of February and the first of April.
pub(crate) fn month(random: &mut Random) -> Vec<Call> {
    let mut calls = Vec::new();
    for day in 0..=32 {
        for _ in 0..6 {
            let start = at(day.max(1), 0, 0) - TimeDelta::days(i64::from(day == 0))
                + TimeDelta::seconds(random.between(7 * 3600, 17 * 3600) as i64);
            calls.push(call(calls.len(), start, random));
        }
        // On both sides of midnight.
        let midnight = at(day + 1, 0, 0);
        calls.push(call(calls.len(), midnight - TimeDelta::seconds(1), random));
        calls.push(call(calls.len(), midnight, random));
    }
    calls
}

fn call(number: usize, start: DateTime<Utc>, random: &mut Random) -> Call {
    let participants: Vec<Participant> =
        (0..random.between(2, 11)).map(|nth| participant(number * 100 + nth as usize, random)).collect();
    let mut versions = vec![Version { known: start + TimeDelta::minutes(100), participants }];
    // Clients report late, some more than a day: what they say makes a new version, with all of it.
    while versions.len() < 4 && random.below(3) == 0 {
        let last = &versions[versions.len() - 1];
        let mut participants = last.participants.clone();
        let late = random.below(participants.len());
        participants[late].sessions.push(session(random));
        participants.push(participant(number * 100 + 11 + versions.len(), random));
        if random.below(3) == 0 {
            participants[0].unit = Some(unit(random));
        }
        let known = last.known + TimeDelta::minutes(random.between(1, 900) as i64);
        versions.push(Version { known, participants });
    }
    Call {
        id: format!("{:08x}-2966-4b6b-925b-{:012x}", random.below(1 << 32), 0xca_0000_0000 + number),
        organizer: format!(
            "{:08x}-0000-0000-0000-{:012x}",
            random.below(1 << 32),
            0x0e_0000_0000_u64 + number as u64
        ),
        unit: unit(random),
        start,
        versions,
    }
}

fn participant(number: usize, random: &mut Random) -> Participant {
    let who = [Who::User, Who::User, Who::User, Who::UserElsewhere, Who::Phone][random.below(5)];
    let id = match who {
        Who::Phone => format!("+4613{:07}", 1_000_000 + number),
        Who::User | Who::UserElsewhere => {
            format!(
                "{:08x}-0000-0000-0000-{:012x}",
                random.below(1 << 32),
                0xab_0000_0000_u64 + number as u64
            )
        }
    };
    let unit = (who == Who::User && random.below(4) > 0).then(|| unit(random));
    let sessions = (0..random.between(1, 3)).map(|_| session(random)).collect();
    Participant { who, id, unit, sessions }
}

fn unit(random: &mut Random) -> &'static str {
    UNITS[random.below(UNITS.len())].0
}

/// Sessions of a participant overlap, follow each other or leave a pause.
fn session(random: &mut Random) -> (i64, i64) {
    let from = random.between(0, 3_000) as i64;
    (from, from + random.between(1, 2_400) as i64)
}
