//! How many requests a key may make: so many a second for long, and a burst of more (GCRA, one number for each key).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

use crate::config::LimitsSection;

/// The requests of every key.
pub(super) struct Limiter {
    limits: LimitsSection,
    began: Instant,
    /// When each key will have made up for all of its requests, since the start. At most one for each key that ever was.
    made_up: Mutex<BTreeMap<String, Duration>>,
}

/// What a request leaves of its key's allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// How many requests may be made at once now.
    remaining: u32,
    /// How long until all of the burst is there again; of a request that is refused how long until the next one is taken.
    reset: Duration,
    is_taken: bool,
}

impl Limiter {
    pub(super) fn new(limits: LimitsSection) -> Self {
        Self { limits, began: Instant::now(), made_up: Mutex::default() }
    }

    /// Counts a request of a key.
    pub(super) fn take(&self, key: &str) -> Allowance {
        let now = self.began.elapsed();
        // A panic while the lock was held left a number that is right or a moment old.
        let mut made_up = self.made_up.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (allowance, next) = judge(self.limits, now, made_up.get(key).copied().unwrap_or_default());
        made_up.insert(key.to_owned(), next);
        allowance
    }

    /// Says what is left (draft-ietf-httpapi-ratelimit-headers-10), and when to come again.
    pub(super) fn tell(&self, allowance: Allowance, headers: &mut HeaderMap) {
        let LimitsSection { requests_per_second: rate, requests_burst: burst } = self.limits;
        let window = burst.div_ceil(rate.max(1));
        let seconds = allowance.reset.as_secs_f64().ceil();
        let mut put = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        };
        put(HeaderName::from_static("ratelimit-policy"), format!("\"key\";q={burst};w={window}"));
        put(HeaderName::from_static("ratelimit"), format!("\"key\";r={};t={seconds}", allowance.remaining));
        if !allowance.is_taken {
            put(header::RETRY_AFTER, format!("{}", seconds.max(1.0)));
        }
    }
}

impl Allowance {
    pub(super) fn is_taken(self) -> bool {
        self.is_taken
    }
}

/// What a request at an instant leaves of an allowance that is made up for at another, and when it is then.
fn judge(limits: LimitsSection, now: Duration, made_up: Duration) -> (Allowance, Duration) {
    let each = Duration::from_secs(1) / limits.requests_per_second.max(1);
    let burst = each * limits.requests_burst.max(1);
    let next = made_up.max(now) + each;
    if next > now + burst {
        return (Allowance { remaining: 0, reset: next - (now + burst), is_taken: false }, made_up);
    }
    let left = (now + burst) - next;
    let remaining = u32::try_from(left.as_nanos() / each.as_nanos()).unwrap_or(u32::MAX);
    (Allowance { remaining, reset: next - now, is_taken: true }, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LimitsSection = LimitsSection { requests_per_second: 10, requests_burst: 3 };

    #[test]
    fn a_burst_is_taken_and_then_so_many_a_second() {
        let ms = Duration::from_millis;
        let mut made_up = Duration::ZERO;
        let mut take = |at: u64| {
            let (allowance, next) = judge(LIMITS, ms(at), made_up);
            made_up = next;
            (allowance.is_taken, allowance.remaining, allowance.reset.as_millis())
        };
        assert_eq!([take(1_000), take(1_000), take(1_000)], [(true, 2, 100), (true, 1, 200), (true, 0, 300)]);
        assert_eq!(take(1_000), (false, 0, 100), "what is refused costs nothing");
        assert_eq!(take(1_099), (false, 0, 1));
        assert_eq!(take(1_100), (true, 0, 300));
        assert_eq!(take(9_000), (true, 2, 100), "no more than the burst is saved up");
    }

    #[test]
    fn each_key_has_its_own_allowance_and_is_told_of_it() {
        let limiter = Limiter::new(LimitsSection { requests_per_second: 1, requests_burst: 1 });
        assert!(limiter.take("a").is_taken() && limiter.take("b").is_taken());
        let refused = limiter.take("a");
        assert!(!refused.is_taken());
        let mut headers = HeaderMap::new();
        limiter.tell(refused, &mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"key\";q=1;w=1");
        assert_eq!(
            (&headers["ratelimit"], &headers[header::RETRY_AFTER]),
            (&HeaderValue::from_static("\"key\";r=0;t=1"), &HeaderValue::from_static("1"))
        );
    }
}
