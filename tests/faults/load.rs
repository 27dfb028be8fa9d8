//! Events → two collectors: small batches, each sent again and again, to either, until it is accepted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::api::{Api, Sent};
use crate::events::{Events, Made};

/// How many batches are under way at once.
const SENDERS: usize = 4;
/// How long a sender waits before it tries the other collector.
const RETRY: Duration = Duration::from_millis(100);

/// What was sent of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Different events: identity and `seq`.
    pub(crate) new: u64,
    /// Events that are not accepted yet.
    pub(crate) open: u64,
}

struct State {
    events: Events,
    accounts: Vec<Account>,
    acknowledged: Vec<Vec<u8>>,
    retries: u64,
    /// Why the run has failed already.
    failure: Option<String>,
}

/// The senders at work.
pub(crate) struct Load {
    state: Mutex<State>,
    is_over: AtomicBool,
    /// Events per second, of all senders.
    rate: u64,
}

impl Load {
    /// Starts to send to the collectors.
    pub(crate) fn start(seed: u64, rate: u64, collectors: &[Api]) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let state = State {
            events: Events::new(seed),
            accounts: Vec::new(),
            acknowledged: Vec::new(),
            retries: 0,
            failure: None,
        };
        let load = Arc::new(Self { state: Mutex::new(state), is_over: AtomicBool::new(false), rate });
        let sender = |number: usize| {
            let (load, collectors) = (Arc::clone(&load), collectors.to_vec());
            std::thread::spawn(move || load.send_all(&collectors, number))
        };
        let senders = (0..SENDERS).map(sender).collect();
        (load, senders)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no sender panics")
    }

    /// From now on events are of another source. Answers with the number of the one before.
    pub(crate) fn next_source(&self) -> usize {
        self.state().events.next_source()
    }

    /// From now on usages of all sources are revised.
    pub(crate) fn revise_all(&self) {
        self.state().events.revise_all();
    }

    /// The account of a source that no new events are made of; none while some are not accepted yet.
    pub(crate) fn settled(&self, source: usize) -> Option<Account> {
        let state = self.state();
        let waits = state.events.waiting().any(|made| made.source == source);
        let account = state.accounts.get(source).copied().unwrap_or_default();
        (!waits && account.open == 0).then_some(account)
    }

    /// Lets the senders end as soon as everything is accepted.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Every event that was accepted.
    pub(crate) fn acknowledged(&self) -> Vec<Vec<u8>> {
        self.state().acknowledged.clone()
    }

    /// The account of each source.
    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.state().accounts.clone()
    }

    /// How many events were accepted, and how many batches were sent again.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let state = self.state();
        (state.acknowledged.len(), state.retries)
    }

    /// What a collector refused that it must not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    fn take(&self) -> Option<Vec<Made>> {
        let mut state = self.state();
        let is_over = self.is_over.load(Ordering::Acquire);
        let batch = if is_over { state.events.rest() } else { state.events.batch() };
        for made in &batch {
            let accounts = &mut state.accounts;
            accounts.resize((made.source + 1).max(accounts.len()), Account::default());
            accounts[made.source].open += 1;
            accounts[made.source].new += u64::from(made.is_new);
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn send_all(&self, collectors: &[Api], number: usize) {
        while let Some(batch) = self.take() {
            let events: Vec<&[u8]> = batch.iter().map(|made| made.json.as_slice()).collect();
            let body = [b"[".to_vec(), events.join(&b','), b"]".to_vec()].concat();
            let mut collector = number;
            loop {
                match collectors[collector % collectors.len()].send(&body, batch.len()) {
                    Sent::Accepted => break,
                    Sent::NotNow => {
                        self.state().retries += 1;
                        collector += 1;
                        std::thread::sleep(RETRY);
                    }
                    Sent::Refused(why) => {
                        self.state().failure.get_or_insert(why);
                        return;
                    }
                }
            }
            let size = batch.len() as u64;
            let mut state = self.state();
            for made in batch {
                state.accounts[made.source].open -= 1;
                state.acknowledged.push(made.json);
            }
            drop(state);
            // A pace, so that the machine has time for what is tried here.
            std::thread::sleep(Duration::from_millis(1_000 * size * SENDERS as u64 / self.rate));
        }
    }
}
