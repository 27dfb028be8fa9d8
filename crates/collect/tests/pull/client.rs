//! What holds of every system that is asked over HTTP: when a request is tried again, when a token is renewed, and where secrets
//! are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use axum::http::StatusCode;
use collect::pull::source::{Failure, System};
use domain::Instant;
use serde_json::{Value, json};

use super::simulator::{Ask, CLIENT, Fault, Gathered, Script, Simulator, Vendor, at, gather, waited};

/// Devices in three pages, for tokens that are good for so long.
struct Devices {
    token_life: u64,
}

impl Vendor for Devices {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        let page = ask.number("page", 0);
        let mut answer = json!({"value": [{"id": page.to_string()}]});
        if page < 2 {
            answer["@odata.nextLink"] = format!("{}{}?page={}", ask.server, ask.path, page + 1).into();
        }
        Ok(answer)
    }

    fn items(&self) -> &'static str {
        "/value"
    }

    fn token(&self, ask: &Ask) -> Option<bool> {
        Some(ask.form().get("client_secret").is_some_and(|secret| secret == "hemligt"))
    }

    fn token_life(&self) -> u64 {
        self.token_life
    }
}

async fn simulate(script: Script) -> (Gathered, Simulator) {
    let simulator = Simulator::start(Arc::new(Devices { token_life: 3599 }), script).await;
    let source = simulator.open("kind = \"intune\"", "/v1.0/", CLIENT);
    (gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await, simulator)
}

#[tokio::test]
async fn a_request_is_tried_three_times_and_no_page_before_it_is_asked_for_again() {
    let (gathered, simulator) = simulate(vec![(2, Fault::Status(502)), (3, Fault::Cut)]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len(), simulator.asked().len()), (0, 3, 5));
    assert_eq!(waited(), [1, 2]);

    let script = vec![(2, Fault::Status(502)), (3, Fault::Cut), (4, Fault::Status(500))];
    let (gathered, simulator) = simulate(script).await;
    assert!(matches!(gathered.failures[..], [Failure::Away(_)]), "{:?}", gathered.failures);
    assert_eq!((gathered.records.len(), simulator.asked().len()), (3, 4 + 3));

    // Once more changes nothing of these.
    for fault in [Fault::Half, Fault::Status(403), Fault::Status(404)] {
        let (gathered, simulator) = simulate(vec![(2, fault)]).await;
        assert!(!matches!(gathered.failures[..], [Failure::Away(_) | Failure::Later { .. }]), "{fault:?}");
        assert_eq!((gathered.failures.len(), simulator.asked().len(), waited().len()), (1, 2 + 3, 0));
    }
}

#[tokio::test]
async fn patience_of_at_most_a_minute_is_had_within_a_turn_and_is_a_second_at_least() {
    for (seconds, want) in [(0, 1), (60, 60)] {
        let (gathered, _simulator) = simulate(vec![(2, Fault::Busy(seconds))]).await;
        assert_eq!((gathered.failures.len(), waited()), (0, vec![want]), "{seconds}");
    }
    let (gathered, _simulator) = simulate(vec![(2, Fault::Busy(61))]).await;
    let [Failure::Later { after, .. }] = &gathered.failures[..] else { panic!("{:?}", gathered.failures) };
    assert_eq!((after.as_secs(), waited()), (61, vec![]));
}

#[tokio::test]
async fn whoever_is_over_a_quota_of_google_waits_and_is_let_in_again() {
    let (gathered, _simulator) = simulate(vec![(2, Fault::OverQuota)]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len(), waited()), (0, 3, vec![30]));
}

static SECONDS: AtomicI64 = AtomicI64::new(0);

fn now() -> Instant {
    Instant::from_micros(SECONDS.load(Relaxed) * 1_000_000)
}

#[tokio::test]
async fn a_token_is_renewed_two_minutes_before_its_end_or_after_half_of_a_short_life() {
    for (token_life, last) in [(3599, 3478), (180, 89), (60, 29)] {
        let simulator = Simulator::start(Arc::new(Devices { token_life }), vec![]).await;
        SECONDS.store(0, Relaxed);
        let source = simulator.open_at("kind = \"intune\"", "/v1.0/", CLIENT, now);
        for (seconds, tokens) in [(0, 1), (last, 1), (last + 1, 2)] {
            SECONDS.store(seconds, Relaxed);
            source.read(at("2021-03-15T12:00:00Z"), None).await.unwrap();
            assert_eq!(simulator.tokens(), tokens, "{token_life} {seconds}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_sent_nowhere_without_encryption_or_with_a_password_in_the_address() {
    let simulator = Simulator::start(Arc::new(Devices { token_life: 3599 }), vec![]).await;
    let secret = simulator.directory.path().join("secret");
    let plain = format!("{}/token", simulator.url());
    for (token_url, why) in
        [(plain.as_str(), "nothing would be encrypted"), ("https://a:lösen@127.0.0.1:1/token", "`auth`")]
    {
        let text = format!(
            "kind = \"intune\"\n[connection]\nurl = \"https://127.0.0.1:1/\"\nnetworks = [\"127.0.0.0/8\"]\n\
             [connection.auth]\nkind = \"client_credentials\"\ntoken_url = \"{token_url}\"\nclient_id = \"t\"\n\
             client_secret_file = {secret:?}"
        );
        let system: System = toml::from_str(&text).unwrap();
        let read = system.open(|| at("2021-03-15T12:00:00Z")).unwrap().read(Instant::default(), None).await;
        let Err(Failure::Refused(said)) = read else { panic!("{read:?}") };
        assert!(said.contains(why) && said.contains("/token") && !said.contains("l%C3%B6sen"), "{said}");
        assert_eq!(simulator.tokens(), 0);
    }
}
