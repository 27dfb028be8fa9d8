//! A program with its senders and its closed months, and the comparison with what they must come to.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::catalogue::Catalogue;
use serde_json::json;

use crate::oracle::Reckoning;
use crate::oracle::compare::Difference;
use crate::program::{Asker, Program, Site, until};
use crate::sender::{MONTHS, SOURCES, Senders};

/// When nothing moves for so long, nothing will.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a closed month was when it closed: its hash and its file.
type Frozen = (String, String);

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) asker: Asker,
    pub(crate) senders: Senders,
    catalogue: Catalogue,
    frozen: BTreeMap<String, Frozen>,
}

/// What was found wrong.
pub(crate) struct Wrong {
    pub(crate) differences: Vec<Difference>,
    /// Events that were acknowledged and judged by nobody.
    pub(crate) lost: i64,
}

impl World {
    pub(crate) fn new(data: &Path, log: &Path, seed: u64) -> Self {
        let site = Site::new(data, log);
        let asker = Asker::new(&site.address);
        let senders = Senders::start(&site.address, seed, &format!("s{seed}"));
        let catalogue = catalog::check(&catalog::linkoping()).map(|checked| checked.catalogue).unwrap();
        Self { site, asker, senders, catalogue, frozen: BTreeMap::new() }
    }

    /// Starts the program and waits until it is ready.
    pub(crate) fn start(&self) -> Program {
        let mut program = self.site.start();
        program.await_ready(&self.asker.http);
        program
    }

    /// The month to close next; none when only the last is left, which stays open.
    pub(crate) fn next_month(&self) -> Option<String> {
        let next = self.frozen.len() as u64 + 1;
        (next < MONTHS).then(|| format!("2021-{next:02}"))
    }

    /// Asks for a month's close as soon as somebody answers, and does not wait for what is said.
    pub(crate) fn begin_close(&self, month: &str) {
        let (address, month) = (self.site.address.clone(), month.to_owned());
        std::thread::spawn(move || {
            let accept = json!({"accept": {"gaps": "a test of power loss"}});
            let (asker, began) = (Asker::new(&address), Instant::now());
            while asker.post(&format!("/v1/months/{month}/close"), &accept).is_none()
                && began.elapsed() < PATIENCE
            {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
    }

    /// Closes a month, however often that was begun, and keeps what it is from then on.
    pub(crate) fn close(&mut self, month: &str) {
        let accept = json!({"accept": {"gaps": "a test of power loss"}});
        let path = format!("/v1/months/{month}/close");
        let closed = until(&format!("{month} is closed"), || {
            let (status, answer) = self.asker.post(&path, &accept)?;
            assert!(status == 200 || status >= 500, "closing {month}: {status} {answer}");
            (status == 200).then_some(answer)
        });
        assert_eq!(closed["state"], "closed", "{closed}");
        let frozen = self.read_frozen(month);
        assert_eq!(closed["hash"], frozen.0.as_str());
        self.frozen.insert(month.to_owned(), frozen);
    }

    fn read_frozen(&self, month: &str) -> Frozen {
        until(&format!("{month} is answered"), || {
            let months = self.asker.list("/v1/months")?;
            let found: Vec<_> = months.iter().filter(|item| item["month"] == month).collect();
            assert_eq!(found.len(), 1, "{month} is there once: {months:?}");
            let file = self.asker.text(&format!("/v1/exports/{month}/csv"))?;
            Some((found[0]["hash"].as_str()?.to_owned(), file))
        })
    }

    /// Lets the senders finish what they have under way, and compares all that was acknowledged with what is counted.
    pub(crate) fn check(&self) {
        if let Err(wrong) = self.find_wrong(PATIENCE) {
            let shown: Vec<String> = wrong.differences.iter().take(20).map(ToString::to_string).collect();
            panic!(
                "{} events acknowledged, {} of them lost (twice, if negative); {} differences:\n{}",
                self.senders.count(),
                wrong.lost,
                wrong.differences.len(),
                shown.join("\n")
            );
        }
    }

    /// [`World::check`], with what is wrong as its answer.
    pub(crate) fn find_wrong(&self, patience: Duration) -> Result<(), Wrong> {
        self.senders.hold();
        let last = format!("2021-{MONTHS:02}");
        let reckoning = Reckoning::of(self.senders.acknowledged(), &self.catalogue, "2021-01", &last);
        // The last time that anything new was counted or rolled up.
        let (mut moved, mut last_seen) = (Instant::now(), None);
        let coarse = format!("/v1/usage?from=2021-01&to={last}&group_by=month,service,meter");
        let differences = loop {
            let items = until("usage is answered", || self.asker.list(&coarse));
            let differences = reckoning.compare_usage(&items);
            if differences.is_empty() || moved.elapsed() > patience {
                break differences;
            }
            let seen = Some((self.judged(), items));
            if seen != last_seen {
                (moved, last_seen) = (Instant::now(), seen);
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let wanted = &reckoning.outcomes;
        let judged = self.judged();
        let lost = (wanted.metered + wanted.revised + wanted.superseded) as i64 - judged;
        if !differences.is_empty() || lost != 0 {
            return Err(Wrong { differences, lost });
        }
        let fine = format!(
            "/v1/usage?from=2021-01&to={last}&group_by=month,service,meter,class,customer,costcentre"
        );
        let items = until("usage is answered", || self.asker.list(&fine));
        assert_eq!(reckoning.compare_usage(&items), []);
        for (month, frozen) in &self.frozen {
            assert!(*frozen == self.read_frozen(month), "{month} was closed and has changed");
        }
        self.senders.let_go();
        Ok(())
    }

    /// How many events changed something, by the books.
    fn judged(&self) -> i64 {
        let today = domain::calendar::next_day(taxameter::serve::now().day());
        let from = today.pred_opt().unwrap().pred_opt().unwrap();
        let rows = until("the books are answered", || {
            self.asker.list(&format!("/v1/reconciliation?from={from}&to={today}"))
        });
        let of = |row: &serde_json::Value, name: &str| row[name].as_i64().unwrap_or(0);
        let ours = rows.iter().filter(|row| SOURCES.iter().any(|source| row["source"] == *source));
        ours.map(|row| of(row, "metered") + of(row, "revised") + of(row, "superseded")).sum()
    }
}
