//! Which requests are under way, so that a mark can say up to when everything is settled (counting §7).

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Instant;
use parking_lot::Mutex;

/// The `received` instants of what is being taken. Bounded by how many requests are (the listener's connections).
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    under_way: Mutex<BTreeMap<Instant, usize>>,
}

/// Events that are being taken. While it lives, no mark reaches its instant.
#[derive(Debug)]
pub struct Arrival {
    received: Instant,
    arrivals: Arc<Arrivals>,
}

impl Arrivals {
    /// Stamps what has come.
    pub(crate) fn arrive(self: &Arc<Self>, clock: fn() -> Instant) -> Arrival {
        let mut under_way = self.under_way.lock();
        // Read under the lock: a mark that is computed after this sees it.
        let received = clock();
        *under_way.entry(received).or_insert(0) += 1;
        Arrival { received, arrivals: Arc::clone(self) }
    }

    /// The last instant of which nothing is under way and nothing will come any more.
    pub(crate) fn settled_until(&self, clock: fn() -> Instant) -> Instant {
        let under_way = self.under_way.lock();
        let now = clock();
        let first = under_way.first_key_value().map_or(now, |(received, _)| (*received).min(now));
        Instant::from_micros(first.micros() - 1)
    }
}

impl Arrival {
    /// When it came.
    pub fn received(&self) -> Instant {
        self.received
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut under_way = self.arrivals.under_way.lock();
        if let Some(count) = under_way.get_mut(&self.received) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.received);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_settled_that_is_still_under_way() {
        let arrivals = Arc::new(Arrivals::default());
        let settled = |clock| arrivals.settled_until(clock).micros();
        assert_eq!(settled(|| Instant::from_micros(100)), 99);
        let first = arrivals.arrive(|| Instant::from_micros(110));
        let others = [120, 120].map(|_| arrivals.arrive(|| Instant::from_micros(120)));
        assert_eq!(first.received().micros(), 110);
        assert_eq!(settled(|| Instant::from_micros(200)), 109);
        drop(first);
        assert_eq!(settled(|| Instant::from_micros(200)), 119);
        let [one, other] = others;
        drop(one);
        assert_eq!(settled(|| Instant::from_micros(200)), 119);
        drop(other);
        assert_eq!(settled(|| Instant::from_micros(200)), 199);
    }
}
