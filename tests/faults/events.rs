//! A seed → the events that a run sends: every kind of meter, revisions, retractions, snapshots, duplicates, out of order.
//!
//! Two different events never share identity and `seq`: which of them would count depends on which comes first, and that is
//! not known while they are sent again and again by two ways.

use std::collections::VecDeque;

use chrono::{DateTime, Days, NaiveDate};

use crate::event::{AVG_DAILY, COSTCENTRES, METERS, Usage, marker};
use crate::random::Random;

/// The first of the months that events are of; there are three.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2021, 1, 1).expect("a day");
const DAYS: usize = 31 + 28 + 31;
/// How many usages are remembered for revisions and duplicates: enough to reach over some seconds of load.
const RECENT_MAX: usize = 400;
/// How many usages of each source are kept for revisions long after.
const KEPT_PER_SOURCE: usize = 60;

/// An event that is ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// Its source's number.
    pub(crate) source: usize,
    /// Whether it was never made before; else it is a duplicate.
    pub(crate) is_new: bool,
    pub(crate) json: Vec<u8>,
}

pub(crate) struct Events {
    random: Random,
    source: usize,
    ids: u64,
    snapshots: usize,
    /// The newest revision of usages that may be revised, the latest ones of this source.
    recent: VecDeque<Usage>,
    /// Some of every source, for revisions at the end.
    kept: Vec<Usage>,
    kept_of_source: usize,
    revises_all: bool,
    /// Made, and to be sent later than others that were made after it.
    waiting: VecDeque<Made>,
    /// Of those, how many belong to an earlier source: they go first.
    overdue: usize,
}

impl Events {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            source: 0,
            ids: 0,
            snapshots: 0,
            recent: VecDeque::new(),
            kept: Vec::new(),
            kept_of_source: 0,
            revises_all: false,
            waiting: VecDeque::new(),
            overdue: 0,
        }
    }

    /// From now on events are another source's. What waits of this one is sent first. Answers with this one's number.
    pub(crate) fn next_source(&mut self) -> usize {
        self.recent.clear();
        (self.kept_of_source, self.overdue) = (0, self.waiting.len());
        self.source += 1;
        self.source - 1
    }

    /// From now on usages of all sources are revised, also those of a month that is closed.
    pub(crate) fn revise_all(&mut self) {
        self.revises_all = true;
    }

    /// The next events to send.
    pub(crate) fn batch(&mut self) -> Vec<Made> {
        let size = self.random.between(1, 24) as usize;
        let mut batch = Vec::with_capacity(size);
        while batch.len() < size {
            if self.overdue > 0 || (!self.waiting.is_empty() && self.random.below(3) == 0) {
                batch.extend(self.waiting.pop_front());
                self.overdue = self.overdue.saturating_sub(1);
            } else {
                let made = self.make();
                batch.extend(made);
            }
        }
        batch
    }

    /// All that waits, so that nothing is missing at the end.
    pub(crate) fn rest(&mut self) -> Vec<Made> {
        self.overdue = 0;
        self.waiting.drain(..).collect()
    }

    /// How many were made and not yet given out.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Made> {
        self.waiting.iter()
    }

    fn make(&mut self) -> Vec<Made> {
        match self.random.below(100) {
            0..8 => self.duplicate(),
            8..16 => self.revision(false),
            16..20 => self.revision(true),
            20..24 => self.revisions_in_the_wrong_order(),
            24..26 => self.snapshot(),
            _ => vec![self.usage()],
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn usage(&mut self) -> Made {
        let random = &mut self.random;
        let meter = random.below(AVG_DAILY);
        let time = any_time(random);
        let usage = Usage {
            source: self.source,
            id: 0,
            seq: 0,
            meter,
            class: random.below(2),
            subject: random.below(METERS[meter].subjects),
            costcentre: random.below(COSTCENTRES.len()),
            time,
            quantity: random.between(0, 200_000_000),
            retracted: false,
        };
        let usage = Usage { id: self.next_id(), ..usage };
        self.remember(usage.clone());
        new_made(&usage)
    }

    fn remember(&mut self, usage: Usage) {
        if self.kept_of_source < KEPT_PER_SOURCE && self.random.below(8) == 0 {
            self.kept_of_source += 1;
            self.kept.push(usage);
            return;
        }
        self.recent.push_back(usage);
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    /// Revises some usage so many times; answers with each revision.
    fn revised(&mut self, times: usize, retracted: bool) -> Vec<Usage> {
        let Self { random, recent, kept, .. } = self;
        let among_kept = self.revises_all && random.below(4) > 0;
        let count = if among_kept { kept.len() } else { recent.len() };
        if count == 0 {
            return Vec::new();
        }
        let index = random.below(count);
        let usage = if among_kept { &mut kept[index] } else { &mut recent[index] };
        let mut revisions = Vec::new();
        for _ in 0..times {
            revise(usage, random, retracted);
            revisions.push(usage.clone());
        }
        revisions
    }

    fn revision(&mut self, retracted: bool) -> Vec<Made> {
        self.revised(1, retracted).iter().map(new_made).collect()
    }

    /// Two revisions of which the second is sent first.
    fn revisions_in_the_wrong_order(&mut self) -> Vec<Made> {
        let mut made: VecDeque<Made> = self.revised(2, false).iter().map(new_made).collect();
        self.waiting.extend(made.pop_front());
        made.into()
    }

    fn duplicate(&mut self) -> Vec<Made> {
        let count = self.recent.len();
        if count == 0 {
            return vec![self.usage()];
        }
        let usage = &self.recent[self.random.below(count)];
        vec![Made { source: usage.source, is_new: false, json: usage.json() }]
    }

    /// A day's snapshot: its observations and its marker, mixed, and spread over the batches to come.
    fn snapshot(&mut self) -> Vec<Made> {
        let day = FIRST_DAY + Days::new((self.snapshots % DAYS) as u64);
        self.snapshots += 1;
        let noon = start_of(day) + 12 * 3_600_000_000;
        let count = self.random.between(3, METERS[AVG_DAILY].subjects as u64) as usize;
        let mut made = Vec::new();
        for subject in 0..count {
            let usage = Usage {
                source: self.source,
                id: self.next_id(),
                seq: 0,
                meter: AVG_DAILY,
                class: subject % 2,
                subject,
                costcentre: self.random.below(COSTCENTRES.len()),
                time: noon + subject as i64,
                quantity: 1_000_000,
                retracted: false,
            };
            made.push(new_made(&usage));
            self.remember(usage);
        }
        let id = self.next_id();
        let json = marker(self.source, id, &day.to_string(), noon + 3_600_000_000, count);
        made.push(Made { source: self.source, is_new: true, json });
        self.random.shuffle(&mut made);
        self.waiting.extend(made);
        Vec::new()
    }
}

fn new_made(usage: &Usage) -> Made {
    Made { source: usage.source, is_new: true, json: usage.json() }
}

/// Counts a usage's `seq` up and changes what it says: how much, whose, when.
fn revise(usage: &mut Usage, random: &mut Random, retracted: bool) {
    usage.seq += 1;
    usage.retracted = retracted;
    usage.costcentre = random.below(COSTCENTRES.len());
    // A snapshot's observation stays on its day, and is one.
    if usage.meter != AVG_DAILY {
        usage.quantity = random.between(0, 200_000_000);
        usage.time = any_time(random);
    }
}

/// An instant of the months, the first and last hours of the quarter left out: they are of other months in Sweden.
fn any_time(random: &mut Random) -> i64 {
    start_of(FIRST_DAY) + random.below((DAYS * 24 - 3) * 3_600_000_000) as i64
}

/// Midnight in Greenwich, which is the same day in Sweden all winter; March's last days have another hour and the same date.
fn start_of(day: NaiveDate) -> i64 {
    let midnight: DateTime<chrono::Utc> = day.and_hms_opt(0, 0, 0).expect("midnight").and_utc();
    midnight.timestamp_micros()
}
