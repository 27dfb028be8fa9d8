//! Senders that repeat a batch until it is answered 202, and keep every event that was.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Address, until};
use crate::random::Random;

/// How many months the events are of: from 2021-01 on.
pub(crate) const MONTHS: u64 = 4;
/// Where the events come from.
pub(crate) const SOURCES: [&str; 2] = ["/lkdata/collector/ontap/cl01", "/lkdata/collector/pexip/mgr1"];
/// How many senders there are at once.
const SENDERS: u64 = 3;

/// After a batch a sender rests so long: what is shown does not need millions of events, and the oracle reckons them all.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Shared {
    acknowledged: Mutex<Vec<Vec<u8>>>,
    /// Answers other than 202, by their code.
    refused: AtomicU64,
    is_held: AtomicBool,
    ends: AtomicBool,
    resting: AtomicU64,
}

/// The senders.
pub(crate) struct Senders {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Senders {
    /// Starts them; `name` tells their events apart from those of others.
    pub(crate) fn start(address: &Address, seed: u64, name: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..SENDERS)
            .map(|sender| {
                let (shared, address) = (Arc::clone(&shared), address.clone());
                let maker = Maker {
                    random: Random::new(seed.wrapping_mul(100).wrapping_add(sender)),
                    name: format!("{name}-{sender}"),
                    next: 0,
                };
                std::thread::spawn(move || send(&shared, &address, maker))
            })
            .collect();
        Self { shared, threads }
    }

    /// Lets every sender finish its batch, and holds them until they are let go.
    pub(crate) fn hold(&self) {
        self.shared.is_held.store(true, Ordering::SeqCst);
        until("every sender's batch is accepted", || {
            (self.shared.resting.load(Ordering::SeqCst) == SENDERS).then_some(())
        });
    }

    pub(crate) fn let_go(&self) {
        self.shared.is_held.store(false, Ordering::SeqCst);
    }

    /// How many events were acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many batches were answered otherwise than by 202.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Every event that was acknowledged.
    pub(crate) fn acknowledged(&self) -> Vec<Vec<u8>> {
        self.shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn send(shared: &Shared, address: &Address, mut maker: Maker) {
    let http =
        reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    while !shared.ends.load(Ordering::SeqCst) {
        if shared.is_held.load(Ordering::SeqCst) {
            shared.resting.fetch_add(1, Ordering::SeqCst);
            while shared.is_held.load(Ordering::SeqCst) && !shared.ends.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            shared.resting.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let batch = maker.batch();
        let body = serde_json::to_vec(&batch).unwrap();
        while !shared.ends.load(Ordering::SeqCst) {
            let request = |url: String| {
                let request =
                    http.post(format!("{url}/v1/events")).header("content-type", "application/json");
                request.body(body.clone()).send().ok()
            };
            match address.get().and_then(request) {
                Some(answer) if answer.status().as_u16() == 202 => {
                    let answer: Value = answer.json().unwrap_or_default();
                    assert_eq!(answer["accepted"], batch.len(), "every event is right: {answer}");
                    let events = batch.iter().map(|event| serde_json::to_vec(event).unwrap());
                    shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
                    std::thread::sleep(PAUSE);
                    break;
                }
                Some(_) => {
                    shared.refused.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(50));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Makes events of several kinds; some of them revise an earlier one of the same sender.
struct Maker {
    random: Random,
    name: String,
    next: u64,
}

impl Maker {
    fn batch(&mut self) -> Vec<Value> {
        let count = self.random.of_any_size(60);
        let first = self.next;
        let mut batch: Vec<Value> = Vec::new();
        while self.next < first + count {
            let number = self.next;
            self.next += 1;
            batch.push(self.event(number, 0));
        }
        // A revision of what an earlier batch had: that one was acknowledged.
        if first > 0 && self.random.percent(30) {
            let number = self.random.below(first as usize) as u64;
            batch.push(self.event(number, 1 + first));
        }
        batch
    }

    /// The kind and the source are the same for all revisions; what it counts, and where, is not.
    fn event(&mut self, number: u64, seq: u64) -> Value {
        let random = &mut self.random;
        let place = random.pick(&[
            ("forvaltning", "KLF", "110200"),
            ("forvaltning", "KLF", "110300"),
            ("forvaltning", "UAF", "441001"),
            ("forvaltning", "SOF", "520310"),
        ]);
        let customer = json!({"kind": place.0, "code": place.1, "costcentre": place.2});
        let quantity = format!("{}.{:06}", random.below(50), random.below(1_000_000));
        let month = 1 + random.below(MONTHS as usize);
        let time = format!(
            "2021-{month:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            1 + random.below(28),
            random.below(24),
            random.below(60),
            random.below(60),
            random.below(1_000_000)
        );
        let (source, kind, subject, data) = if number.is_multiple_of(3) {
            let data = json!({"service": "it-bastjanst-lagring", "meter": "storage_gb", "quantity": quantity,
                "unit": "GB", "customer": customer, "dims": {"class": "group"}, "seq": seq});
            (SOURCES[0], "storage.snapshot", format!("vol:{}", number % 40), data)
        } else {
            let data = json!({"service": "e-moten", "meter": "participant_hour", "quantity": quantity, "unit": "h",
                "customer": customer, "dims": {"platform": "pexip"}, "seq": seq});
            (SOURCES[1], "meeting.participation", "room:kb-101".to_owned(), data)
        };
        json!({
            "specversion": "1.0", "id": format!("{}-{number}", self.name), "source": source,
            "type": format!("se.linkoping.lkdata.usage.{kind}.v1"), "subject": subject, "time": time,
            "dataschema": "urn:lkdata:schema:usage:1", "data": data
        })
    }
}

/// One right event of a source and a month that nothing is compared of.
pub(crate) fn probe() -> Value {
    json!([{
        "specversion": "1.0", "id": "probe", "source": "/lkdata/collector/pexip/probe",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-09-01T12:00:00Z", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    }])
}
