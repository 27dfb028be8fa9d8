//! Login of people: with a real provider of identities, each role does what it is for; and what an impostor sends is refused.

#[path = "login/browser.rs"]
mod browser;
#[path = "login/impostor.rs"]
mod impostor;
#[path = "login/provider.rs"]
mod provider;

use eventlog::testkit::port::Port;
use reqwest::Url;
use serde_json::{Value, json};

use self::browser::{Answer, Browser};
use self::impostor::{Impostor, Wrong};
use self::provider::Provider;
use crate::program::{DEADLINE, Program};

const SECRET: &str = "hemlig+/%:ord";

/// What the groups of the provider's accounts may do.
const GRANTS: &str = r#"
[[login.grant]]
group = "5b0e3c1e-0000-4000-8000-000000000001"
role = "payer"
customers = ["UAF"]
[[login.grant]]
group = "5b0e3c1e-0000-4000-8000-000000000002"
role = "object-leader"
services = ["e-moten"]
[[login.grant]]
group = "5b0e3c1e-0000-4000-8000-000000000003"
role = "operator"
[[login.grant]]
group = "5b0e3c1e-0000-4000-8000-000000000004"
role = "finance"
[[login.grant]]
group = "5b0e3c1e-0000-4000-8000-000000000005"
role = "auditor"
[[login.grant]]
group = "5b0e3c1e-0000-4000-8000-000000000006"
role = "admin"
"#;

/// The names and ids of the provider's accounts, none of which may be written down.
const PERSONS: [&str; 7] = [
    "Förvaltningschef",
    "forvaltningschef-uaf",
    "Driftledare",
    "driftledare",
    "Ekonom",
    "utomstaende",
    "Revisor",
];

/// An address of this machine that nobody uses, and that nobody else is given soon.
fn free() -> String {
    format!("127.0.0.1:{}", Port::lease().unwrap().number())
}

fn start(listen: &str, issuer: &str, secret: &str, grants: &str) -> Program {
    let http = reqwest::blocking::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
    let configuration = format!(
        "[login]\nissuer = \"{issuer}\"\nclient_id = \"taxameter\"\nclient_secret_file = \"secret\"\n\
         public_url = \"http://{listen}\"\nscopes = [\"profile\", \"groups\"]\n{grants}"
    );
    let put = |directory: &std::path::Path| std::fs::write(directory.join("secret"), secret).unwrap();
    Program::start_at(listen, &configuration, put, http)
}

/// A program, and the real provider that its people log in at.
fn world() -> (Program, Provider) {
    let listen = free();
    let provider = Provider::start(&format!("http://{listen}"));
    let program = start(&listen, &provider.issuer, SECRET, GRANTS);
    (program, provider)
}

/// Somebody who has logged in, at the program.
struct Person<'p> {
    program: &'p Program,
    browser: Browser,
}

impl<'p> Person<'p> {
    fn new(program: &'p Program, account: &str) -> (Self, Answer) {
        let mut browser = Browser::new();
        let answer = browser.log_in(&format!("{}/login", program.url()), account);
        (Self { program, browser }, answer)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.program.url())
    }

    fn fetch(&mut self, path: &str) -> u16 {
        self.browser.fetch(&self.at(path)).status
    }

    /// The token that the person's pages have.
    fn csrf(&mut self) -> String {
        self.browser.get(&self.at("/")).field("csrf")
    }

    /// The charges of the month that the person sees, by id.
    fn charges(&mut self) -> Vec<String> {
        let page = self.browser.fetch(&self.at("/v1/charges?month=2021-03"));
        let list: Value = serde_json::from_str(&page.text).unwrap();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{page:?}"));
        items.iter().map(|charge| charge["id"].as_str().unwrap().to_owned()).collect()
    }

    fn post(&mut self, path: &str, csrf: Option<&str>, body: &Value) -> (u16, String, String) {
        let answer = self.browser.post(&self.at(path), csrf, body);
        (answer.status, answer.code(), answer.text)
    }
}

fn meeting(id: &str, code: &str, costcentre: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1", "unit": "h",
            "customer": {"kind": "forvaltning", "code": code, "costcentre": costcentre}, "dims": {"platform": "pexip"}}
    })
}

/// What the program has written into its log, in which nobody's name may stand.
fn log(program: &Program) -> String {
    let log = std::fs::read_to_string(program.directory().join("log")).unwrap();
    let person = PERSONS.iter().find(|person| log.contains(**person));
    assert_eq!(person, None, "a person stands in the log");
    log
}

#[test]
fn each_role_logs_in_and_may_do_what_it_is_for() {
    let (program, _provider) = world();
    // Whoever has not logged in: a page leads to the login, a program is told.
    let mut nobody = Browser::new();
    let page = nobody.get(&format!("{}/?month=2021-03&lang=sv", program.url()));
    let login = format!("{}/login?to=%2F%3Fmonth%3D2021-03%26lang%3Dsv", program.url());
    assert_eq!((page.status, page.next.unwrap().as_str()), (303, login.as_str()));
    let told = nobody.fetch(&format!("{}/v1/months", program.url()));
    assert_eq!((told.status, told.code().as_str()), (401, "not_authenticated"));
    assert_eq!(nobody.post(&format!("{}/v1/keys", program.url()), None, &json!({})).status, 401);

    // The first key is made by an administrator who has logged in; keys need no token.
    let (mut admin, page) = Person::new(&program, "administrator");
    assert_eq!(page.at(), (200, "/"), "{page:?}");
    assert!(
        page.text.contains("Administratör · administratör") && page.text.contains("Logga ut"),
        "{page:?}"
    );
    let csrf = admin.csrf();
    let drift = json!({"name": "Drift", "role": "admin"});
    assert_eq!(admin.post("/v1/keys", None, &drift).1, "csrf_refused");
    let (status, _, made) = admin.post("/v1/keys", Some(&csrf), &drift);
    assert_eq!(status, 200, "{made}");
    let key = serde_json::from_str::<Value>(&made).unwrap()["key"].as_str().unwrap().to_owned();
    let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let meetings = json!([meeting("login-1", "KLF", "110200"), meeting("login-2", "UAF", "440001")]);
    let sent = http.post(admin.at("/v1/events")).bearer_auth(&key).json(&meetings).send().unwrap();
    assert_eq!(sent.status(), 202);
    program.until("both are counted", || {
        let page = admin.browser.fetch(&admin.at("/v1/charges?month=2021-03"));
        (page.text.contains("110200") && page.text.contains("440001")).then_some(())
    });

    // What each may read, and may not.
    let reads = [
        (
            "forvaltningschef-uaf",
            &["/v1/charges?month=2021-03"][..],
            &["/v1/exports/2021-03/csv", "/v1/quarantine", "/v1/keys"][..],
        ),
        (
            "objektledare",
            &["/v1/object/2021", "/v1/coverage?month=2021-03"],
            &["/v1/exports/2021-03/csv", "/v1/audit"],
        ),
        (
            "driftledare",
            &["/v1/quarantine", "/v1/collectors", "/metrics"],
            &["/v1/charges?month=2021-03", "/v1/months"],
        ),
        ("ekonom", &["/v1/months", "/v1/audit", "/v1/exports/2021-03/csv?preliminary=true"], &["/v1/keys"]),
        ("revisor", &["/v1/months", "/v1/audit", "/v1/quarantine"], &["/v1/keys"]),
    ];
    for (account, may, may_not) in reads {
        let (mut person, _) = Person::new(&program, account);
        let answers = |person: &mut Person<'_>, paths: &[&str]| -> Vec<u16> {
            paths.iter().map(|path| person.fetch(path)).collect()
        };
        assert!(!answers(&mut person, may).iter().any(|status| [401, 403].contains(status)), "{account}");
        assert!(answers(&mut person, may_not).iter().all(|status| *status == 403), "{account}");
    }

    // Of the figures each sees their own.
    let charges = |account: &str| Person::new(&program, account).0.charges();
    let (own, all) = (charges("forvaltningschef-uaf"), charges("ekonom"));
    assert!(own.contains(&"2021-03.UAF.440001.e-moten.participant_hour.-".to_owned()), "{own:?}");
    assert!(own.iter().all(|charge| charge.starts_with("2021-03.UAF.")), "{own:?}");
    assert!(all.contains(&"2021-03.KLF.110200.e-moten.participant_hour.-".to_owned()), "{all:?}");

    // Finance announces with the token of its pages, and not without; it is signed by a pseudonym.
    let (mut finance, _) = Person::new(&program, "ekonom");
    let csrf = finance.csrf();
    let path = "/v1/months/2021-03/preliminary";
    for (token, want) in [(None, "csrf_refused"), (Some("0"), "csrf_refused"), (Some(&*csrf), "")] {
        let (status, code, text) = finance.post(path, token, &json!({}));
        assert_eq!((code.as_str(), status == 200), (want, want.is_empty()), "{text}");
    }
    let (status, code, text) = finance.post("/v1/months/2021-03/close", Some(&csrf), &json!({}));
    assert!(status == 200 || code == "close_blocked", "{status} {text}");
    let (mut auditor, _) = Person::new(&program, "revisor");
    let csrf = auditor.csrf();
    assert_eq!(auditor.post(path, Some(&csrf), &json!({})).1, "not_allowed");
    let audit = auditor.browser.fetch(&auditor.at("/v1/audit")).text;
    assert!(audit.contains("month.preliminary") && audit.contains("finance "), "{audit}");
    let decisions: Value = serde_json::from_str(&audit).unwrap();
    let pseudonym = |of: &Value| of["decision"]["by"].as_str()?.strip_prefix("finance ").map(str::to_owned);
    let signed = decisions["items"].as_array().unwrap().iter().find_map(|of| Some((of, pseudonym(of)?)));
    let (signed, pseudonym) = signed.unwrap();
    assert_eq!(signed["asked_by"], format!("login {pseudonym}"));
    assert!(PERSONS.iter().all(|person| !audit.contains(person)), "{audit}");
    // A page of another site has the cookie, and not the token.
    let foreign = finance.browser.submit(&finance.at("/logout"), "https://evil.example", &[("csrf", "x")]);
    assert_eq!((foreign.status, foreign.code().as_str()), (403, "origin_not_allowed"));

    // A page that a role does not cover says so, with a way out; who has no role reads which groups give one.
    let (mut operator, page) = Person::new(&program, "driftledare");
    assert_eq!(page.at(), (403, "/"));
    assert!(
        page.kind.starts_with("text/html")
            && page.text.contains("räcker inte")
            && !page.field("csrf").is_empty()
    );
    assert_eq!(operator.fetch("/v1/quarantine"), 200);
    let (mut outsider, page) = Person::new(&program, "utomstaende");
    assert_eq!(page.at(), (403, "/login/callback"));
    assert!(
        page.text.contains("5b0e3c1e-0000-4000-8000-000000000004") && page.text.contains("ekonom"),
        "{page:?}"
    );
    assert!(!outsider.browser.cookies.contains_key("taxameter_session"));
    assert_eq!(outsider.fetch("/v1/months"), 401);
    let log = log(&program);
    assert!(log.contains("logged in") && log.contains("\"roles\":\"finance\""), "{log}");
}

#[test]
fn a_login_goes_back_to_this_site_only_and_its_cookies_are_its_own() {
    let (program, _provider) = world();
    let at = |path: &str| format!("{}{path}", program.url());
    for (to, want) in [
        ("%2Fv1%2Fmonths%3Flimit%3D5", "/v1/months?limit=5"),
        ("https%3A%2F%2Fevil.example%2F", "/"),
        ("%2F%2Fevil.example", "/"),
        ("%2F.%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("%2Flogout", "/"),
    ] {
        let mut browser = Browser::new();
        let page = browser.log_in(&at(&format!("/login?to={to}")), "ekonom");
        assert_eq!(page.url.as_str(), at(want), "{to}");
    }
    // A session that somebody else has laid there is not the one that begins.
    let mut browser = Browser::new();
    browser.cookies.insert("taxameter_session".to_owned(), "0".repeat(64));
    let back = browser.identify(&at("/login"), "ekonom");
    assert!(back.set.iter().all(|set| !set.starts_with("taxameter_session=")), "{back:?}");
    let entered = browser.get(back.next.unwrap().as_str());
    let session = entered.set.iter().find(|set| set.starts_with("taxameter_session=")).unwrap();
    let (value, flags) = session.split_once(';').unwrap();
    assert_eq!(flags, " Path=/; HttpOnly; SameSite=Lax");
    let first = value.split_once('=').unwrap().1.to_owned();
    assert!(first.len() == 64 && first != "0".repeat(64), "{first}");
    assert!(entered.set.iter().any(|set| set.starts_with("taxameter_login=;") && set.contains("Max-Age=0")));
    let begun = browser.get(&at("/login"));
    let login = begun.set.iter().find(|set| set.starts_with("taxameter_login=")).unwrap();
    assert!(login.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{login}");
    // Another login takes the place of the first, whose id holds no more.
    browser.follow(begun);
    let second = browser.cookies["taxameter_session"].clone();
    assert_ne!(first, second);
    assert_eq!(browser.fetch(&at("/v1/months")).status, 200);
    browser.cookies.insert("taxameter_session".to_owned(), first);
    assert_eq!(browser.fetch(&at("/v1/months")).status, 401);
}

#[test]
fn an_answer_that_is_not_to_this_login_is_refused() {
    let (program, mut provider) = world();
    let at = |path: &str| format!("{}{path}", program.url());
    let refused = |browser: &mut Browser, url: &str, status: u16, says: &str| {
        let page = browser.get(url);
        assert!(page.status == status && page.text.contains(says), "{page:?}");
        assert!(!page.set.iter().any(|set| set.starts_with("taxameter_session=")), "{page:?}");
        assert_eq!(browser.fetch(&at("/v1/months")).status, 401);
    };
    let mut browser = Browser::new();
    refused(&mut browser, &at("/login/callback?code=a&state=b"), 400, "gäller inte längre");
    // Another state, the state twice, another issuer; then the right answer, which is still to come.
    let back = browser.identify(&at("/login"), "ekonom").next.unwrap();
    let changed = |name: &str, value: &str| {
        let mut url = back.clone();
        let pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
        let pairs = pairs
            .into_iter()
            .map(|(key, old)| if key == name { (key, value.to_owned()) } else { (key, old) });
        url.query_pairs_mut().clear().extend_pairs(pairs);
        String::from(url)
    };
    refused(&mut browser, &changed("state", "x"), 400, "gäller inte längre");
    refused(&mut browser, &format!("{back}&state=x"), 400, "gäller inte längre");
    refused(&mut browser, &changed("iss", "https://evil.example"), 400, "gäller inte längre");
    // The answer in another browser.
    refused(&mut Browser::new(), back.as_str(), 400, "gäller inte längre");
    let sealed = browser.cookies["taxameter_login"].clone();
    let page = browser.get(back.as_str());
    assert_eq!(page.status, 303, "{page:?}");
    // Again, with everything that went with it: the provider takes a code once.
    let mut thief = Browser::new();
    thief.cookies.insert("taxameter_login".to_owned(), sealed);
    refused(&mut thief, back.as_str(), 400, "invalid_grant");
    // Who is in already is not thrown out by an answer that comes twice.
    let again = browser.get(back.as_str());
    assert_eq!((again.status, again.next.unwrap().path()), (303, "/"));

    // A code that was stolen and put into the thief's own login: it was asked for with another secret (PKCE).
    let mut victim = Browser::new();
    let stolen = victim.identify(&at("/login"), "administrator").next.unwrap();
    let mut thief = Browser::new();
    let own = thief.identify(&at("/login"), "revisor").next.unwrap();
    let code = |url: &Url| url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    refused(&mut thief, &own.as_str().replace(&code(&own), &code(&stolen)), 400, "invalid_grant");

    // Whoever gives up, and who comes too late.
    let mut browser = Browser::new();
    let begun = browser.get(&at("/login"));
    let form = browser.follow(begun);
    let away = browser.get(form.url.join(&format!("{}/abort", form.url.path())).unwrap().as_str());
    let away = browser.follow_to(away, "/login/callback").next.unwrap();
    refused(&mut browser, away.as_str(), 400, "access_denied");
    let mut browser = Browser::new();
    let late = browser.identify(&at("/login"), "ekonom").next.unwrap();
    provider.an_hour_later();
    refused(&mut browser, late.as_str(), 400, "invalid_grant");

    // The provider changes its keys, and how it tells the groups, while the program runs.
    provider.restart(program.url(), &["userinfo"]);
    let page = Browser::new().log_in(&at("/login"), "ekonom");
    assert_eq!(page.at(), (200, "/"), "{page:?}");
    log(&program);
}

#[test]
fn a_logout_ends_the_session_here_and_at_the_provider_and_a_restart_ends_all() {
    let (mut program, _provider) = world();
    let (mut person, _) = Person::new(&program, "ekonom");
    let own = program.url().to_owned();
    let out = format!("{own}/logout");
    for (origin, csrf, code) in [
        (own.as_str(), "x", "csrf_refused"),
        ("null", &*person.csrf(), "origin_not_allowed"),
        ("https://evil.example", &*person.csrf(), "origin_not_allowed"),
    ] {
        let answer = person.browser.submit(&out, origin, &[("csrf", csrf)]);
        assert_eq!((answer.status, answer.code().as_str()), (403, code));
    }
    // Only seeing the page ends nothing.
    assert_eq!((person.browser.get(&out).status, person.fetch("/v1/months")), (200, 200));
    // Until then, the provider lets the browser in again without asking.
    let begun = person.browser.get(&format!("{own}/login"));
    assert_eq!(person.browser.follow(begun).at(), (200, "/"));

    let session = person.browser.cookies["taxameter_session"].clone();
    let csrf = person.csrf();
    let page = person.browser.submit(&out, &own, &[("csrf", &csrf)]);
    assert_eq!(page.at(), (200, "/logout"), "{page:?}");
    assert!(page.text.contains("Du är utloggad") && !page.text.contains("Ekonom"));
    person.browser.cookies.insert("taxameter_session".to_owned(), session);
    assert_eq!(person.fetch("/v1/months"), 401, "the old cookie is worth nothing");
    let asks = person.browser.follow(page);
    assert_eq!(asks.url.path(), "/session/end", "{asks:?}");
    let issuer = asks.url.origin().ascii_serialization();
    let confirm = format!("{issuer}/session/end/confirm");
    let ended = person.browser.submit(&confirm, &issuer, &[("xsrf", &asks.field("xsrf")), ("logout", "yes")]);
    let ended = person.browser.follow(ended);
    assert_eq!(ended.url.as_str(), out, "{ended:?}");
    assert!(ended.text.contains("href=\"/login\""));
    let begun = person.browser.get(&format!("{own}/login"));
    let form = person.browser.follow(begun);
    assert!(form.url.as_str().starts_with(&issuer) && form.text.contains("name=\"password\""), "{form:?}");

    let mut browser = Browser::new();
    assert_eq!(browser.log_in(&format!("{own}/login"), "revisor").at(), (200, "/"));
    program.kill_and_restart();
    let again = browser.get(&format!("{own}/v1/months"));
    assert_eq!((again.status, again.next.unwrap().path()), (303, "/login"));
}

#[test]
fn what_an_impostor_sends_is_refused() {
    let (impostor, listen) = (Impostor::start(), free());
    let grants = "[[login.grant]]\ngroup = \"ekonomi\"\nrole = \"finance\"\n\
        [[login.grant]]\ngroup = \"administratörer\"\nrole = \"admin\"\n";
    let program = start(&listen, impostor.issuer(), impostor::SECRET, grants);
    let attempt = |wrong: Wrong| {
        let mut browser = Browser::new();
        let begun = browser.get(&format!("{}/login", program.url())).next.unwrap();
        let asked = |name: &str| begun.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        assert_eq!(
            (asked("response_type"), asked("code_challenge_method")),
            ("code".to_owned(), "S256".to_owned())
        );
        assert_eq!(asked("redirect_uri"), format!("{}/login/callback", program.url()));
        impostor.answers(&asked("nonce"), wrong);
        let page = browser.get(&format!("{}/login/callback?code=c&state={}", program.url(), asked("state")));
        ((page.status, browser.fetch(&format!("{}/v1/months", program.url())).status), browser)
    };
    let (right, mut finance) = attempt(Wrong::Nothing);
    assert_eq!(right, (303, 200), "what is right is taken");
    let failures = |log: &str| -> Vec<String> {
        let lines = log.lines().filter(|line| line.contains("a login failed"));
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["error"].as_str().unwrap().to_owned())
            .collect()
    };
    for (count, (wrong, why)) in [
        (Wrong::Unsigned, "No signature found"),
        (Wrong::ForeignKey, "Signature verification failed: Crypto"),
        (Wrong::Changed, "Signature verification failed: Crypto"),
        (Wrong::ClientSecret, "Disallowed signature algorithm"),
        (Wrong::Nonce, "nonce mismatch"),
        (Wrong::NoNonce, "missing nonce"),
        (Wrong::Audience, "must contain `taxameter`"),
        (Wrong::TwoAudiences, "is not a trusted audience"),
        (Wrong::Issuer, "Invalid issuer"),
        (Wrong::Expired, "Expired"),
        (Wrong::AccessToken, "belongs to another access token"),
        (Wrong::NoToken, "sent no ID token"),
        (Wrong::Elsewhere, "the token endpoint"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(attempt(wrong).0, (502, 401), "{wrong:?}");
        let failures = failures(&log(&program));
        assert_eq!(failures.len(), count + 1);
        assert!(failures[count].contains(why), "{wrong:?}: {}", failures[count]);
    }
    assert_eq!(impostor.elsewhere(), 0, "no redirect is followed with the secret");
    let log = log(&program);
    assert!(!log.contains(impostor::SECRET), "{log}");
    let metrics = finance.fetch(&format!("{}/metrics", program.url())).text;
    assert!(metrics.contains("taxameter_logins_total{outcome=\"failed\"} 13"), "{metrics}");
}
