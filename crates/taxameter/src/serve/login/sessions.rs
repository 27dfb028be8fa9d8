//! Who has logged in, in the memory of this process: a restart logs everybody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use data_encoding::HEXLOWER;
use domain::Instant;
use domain::access::Viewer;
use sha2::{Digest, Sha256};

use crate::config::Login;
use crate::serve::random;

/// How many logins hold at once; then the one that was used least lately ends. More than the municipality has managers.
const SESSIONS_MAX: usize = 10_000;

/// Somebody who has logged in.
#[derive(Debug)]
pub(super) struct Person {
    /// What they may do and see.
    pub(super) viewer: Viewer,
    /// How pages greet them.
    pub(super) session: api::Session,
    /// The ID token, by which the provider knows at the end whom to log out.
    pub(super) id_token: Option<String>,
}

struct Kept {
    person: Arc<Person>,
    began: Instant,
    used: Instant,
}

/// The sessions, by the hash of their id: who reads this memory cannot show one.
pub(super) struct Sessions {
    whole_micros: i64,
    idle_micros: i64,
    sessions_max: usize,
    kept: Mutex<BTreeMap<[u8; 32], Kept>>,
}

impl Sessions {
    pub(super) fn new(login: &Login) -> Self {
        let micros = |minutes: u32| i64::from(minutes) * 60_000_000;
        Self {
            whole_micros: micros(login.session_minutes),
            idle_micros: micros(login.idle_minutes),
            sessions_max: SESSIONS_MAX,
            kept: Mutex::default(),
        }
    }

    /// Begins a session, and answers with its id: 256 bits that nobody had before.
    pub(super) fn begin(&self, person: Person, now: Instant) -> anyhow::Result<String> {
        let id = HEXLOWER.encode(&random()?);
        let mut kept = self.kept();
        if kept.len() >= self.sessions_max {
            kept.retain(|_, kept| self.holds(kept, now));
        }
        while kept.len() >= self.sessions_max {
            let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.used).map(|(hash, _)| *hash) else {
                break;
            };
            kept.remove(&oldest);
            tracing::warn!(
                sessions = self.sessions_max,
                "too many logins: the one that was used least lately has ended"
            );
        }
        kept.insert(hash(&id), Kept { person: Arc::new(person), began: now, used: now });
        Ok(id)
    }

    /// Whose session this is, while it holds.
    pub(super) fn of(&self, id: &str, now: Instant) -> Option<Arc<Person>> {
        let (hash, mut sessions) = (hash(id), self.kept());
        let kept = sessions.get_mut(&hash)?;
        if !self.holds(kept, now) {
            sessions.remove(&hash);
            return None;
        }
        kept.used = kept.used.max(now);
        Some(Arc::clone(&kept.person))
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        self.kept().remove(&hash(id));
    }

    fn holds(&self, kept: &Kept, now: Instant) -> bool {
        let since = |then: Instant| now.micros() - then.micros();
        since(kept.began) < self.whole_micros && since(kept.used) < self.idle_micros
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Kept>> {
        // Each change under the lock is one insertion or removal, so a panic left nothing half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(id: &str) -> [u8; 32] {
    Sha256::digest(id).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(sessions_max: usize) -> Sessions {
        let minutes = |minutes: i64| minutes * 60_000_000;
        Sessions {
            whole_micros: minutes(480),
            idle_micros: minutes(60),
            sessions_max,
            kept: Mutex::default(),
        }
    }

    fn person(pseudonym: &str) -> Person {
        let session = api::Session {
            name: "Ekonomichef".to_owned(),
            roles: Vec::new(),
            csrf: String::new(),
            pseudonym: pseudonym.to_owned(),
        };
        Person { viewer: Viewer::admin(), session, id_token: None }
    }

    fn minute(minute: i64) -> Instant {
        Instant::from_micros(1_616_000_000_000_000 + minute * 60_000_000)
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_at_the_end_of_the_day() {
        let sessions = sessions(10);
        let id = sessions.begin(person("a"), minute(0)).unwrap();
        assert_eq!(id.len(), 64);
        assert!(sessions.of(&id, minute(59)).is_some());
        assert!(sessions.of(&id, minute(118)).is_some(), "each use begins the hour anew");
        assert!(sessions.of(&id, minute(178)).is_none(), "an hour idle");
        assert!(sessions.of(&id, minute(119)).is_none(), "what has ended does not come back");
        let busy = sessions.begin(person("a"), minute(0)).unwrap();
        for at in (0..480).step_by(30) {
            assert!(sessions.of(&busy, minute(at)).is_some(), "{at}");
        }
        assert!(sessions.of(&busy, minute(480)).is_none(), "eight hours, however busy");
    }

    #[test]
    fn ids_are_never_the_same_and_unknown_ones_are_nobodys() {
        let sessions = sessions(10);
        let (one, two) = (
            sessions.begin(person("a"), minute(0)).unwrap(),
            sessions.begin(person("a"), minute(0)).unwrap(),
        );
        assert_ne!(one, two);
        assert!(sessions.of("", minute(0)).is_none() && sessions.of(&one[1..], minute(0)).is_none());
        assert!(!sessions.kept().keys().any(|hash| HEXLOWER.encode(hash) == one), "ids are kept as hashes");
        sessions.end(&one);
        assert!(sessions.of(&one, minute(0)).is_none() && sessions.of(&two, minute(0)).is_some());
    }

    #[test]
    fn of_too_many_the_one_used_least_lately_ends() {
        let sessions = sessions(2);
        let [first, second] = ["a", "b"].map(|who| sessions.begin(person(who), minute(0)).unwrap());
        assert!(sessions.of(&first, minute(1)).is_some());
        let third = sessions.begin(person("c"), minute(2)).unwrap();
        let holds = |id: &str| sessions.of(id, minute(3)).is_some();
        assert_eq!((holds(&first), holds(&second), holds(&third)), (true, false, true));
        assert_eq!(sessions.kept().len(), 2);
    }
}
