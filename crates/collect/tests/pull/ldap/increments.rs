//! A real Active Directory from turn to turn: what is asked for again, and that a snapshot is the same as one that was read
//! whole.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use collect::pull::deliver::{Deliver, Delivered};
use collect::pull::{Config, Keys, Metrics, Puller, Recipe, Sum};
use domain::Instant;
use domain::event::SNAPSHOT_COMPLETED;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::Value;

use super::samba::{BASE, DOMAIN, LEFT_OUT, NORMAL, NORMAL_DISABLED, Samba, account, is_possible};
use crate::support::{catalogue, now};

/// Accounts that are enabled at the beginning.
const ACCOUNTS: usize = 30;
const ATTRIBUTES: &str = r#"["objectGUID", "sAMAccountName", "department", "employeeType", "mail"]"#;
const MAPPING: &str = r#"
[[event]]
service = "it-bastjanst-konto"
meter = "account"
id = ["objectGUID"]
subject = { pseudonym = ["objectGUID"] }
costcentre = { field = "department" }
dimensions.class = { field = "employeeType", values = { Elev = "pupil" }, otherwise = "staff" }
"#;

/// Takes all that is sent.
#[derive(Default)]
struct Sent(Mutex<Vec<Vec<u8>>>);

impl Deliver for Sent {
    fn deliver<'a>(&'a self, events: &'a [Vec<u8>]) -> BoxFuture<'a, Result<Delivered, String>> {
        self.0.lock().extend_from_slice(events);
        std::future::ready(Ok(Delivered { accepted: events.len(), refused: Vec::new() })).boxed()
    }
}

/// A collector of a directory, with a place on the disk, that starts anew for every turn.
struct Collector {
    samba: Samba,
    directory: tempfile::TempDir,
    at: Instant,
    /// Changes of the source's configuration.
    from: Vec<(&'static str, &'static str)>,
    mapping: String,
}

impl Collector {
    async fn start() -> Self {
        Self {
            samba: Samba::start(78, &entries()).await,
            directory: tempfile::tempdir().unwrap(),
            at: Instant::parse_rfc3339("2021-03-01T02:00:00+01:00").unwrap(),
            from: vec![("attributes", ATTRIBUTES), ("full_every", "30d")],
            mapping: MAPPING.to_owned(),
        }
    }

    fn recipe(&self) -> Recipe {
        let from = self.samba.with(&self.from);
        let config = format!(
            "source = '/lkdata/collector/ad/lkdata.test'\nschedule = 'daily 02:00'\nleast = 2\n[from]\nkind = 'ldap'\n{from}\n{}",
            self.mapping
        );
        let config: Config = toml::from_str(&config).unwrap();
        let keys = Keys::new(self.directory.path().join("keys"), || Ok([7; 32]));
        Recipe::new("konton", config, keys, Arc::new(ArcSwap::from_pointee(catalogue())), now).unwrap()
    }

    /// Takes the next day's turn. What it sends is what a collector sends that has never read anything, whose turn writes nothing.
    async fn turn(&mut self) -> Sum {
        let whole = self.dry_run().await;
        let sent = Arc::new(Sent::default());
        let to: Arc<dyn Deliver> = Arc::<Sent>::clone(&sent);
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let mut puller =
            Puller::open(self.recipe(), self.directory.path().join("place"), to, metrics).unwrap();
        let sum = puller.turn(self.at).await.unwrap();
        assert_eq!(puller.status().lock().fetched, sum.fetched);
        let mut sent = std::mem::take(&mut *sent.0.lock());
        let marker: Value = serde_json::from_slice(&sent.pop().unwrap()).unwrap();
        assert_eq!(marker["type"], SNAPSHOT_COMPLETED);
        assert_eq!(marker["data"]["count"], whole.len());
        assert_eq!(sum.records, whole.len() as u64);
        sent.sort();
        let texts = |events: &[Vec<u8>]| -> Vec<String> {
            events.iter().map(|event| String::from_utf8(event.clone()).unwrap()).collect()
        };
        assert_eq!(texts(&sent), texts(&whole));
        self.shows_nobody();
        self.at = Instant::from_micros(self.at.micros() + 24 * 3_600_000_000);
        sum
    }

    async fn dry_run(&self) -> Vec<Vec<u8>> {
        let before = std::fs::read(self.kept()).ok();
        let mut events = self.recipe().preview(self.at).await.unwrap();
        assert_eq!(std::fs::read(self.kept()).ok(), before);
        events.sort();
        events
    }

    fn kept(&self) -> PathBuf {
        self.directory.path().join("place/kept.sealed")
    }

    /// Nothing of an account can be read from the file.
    fn shows_nobody(&self) {
        let Ok(kept) = std::fs::read(self.kept()) else { return };
        let shown =
            self.samba.find(BASE, "(department=*)", &["sAMAccountName", "objectGUID", "department", "mail"]);
        let values = shown.lines().filter_map(|line| line.split_once(": "));
        for clear in
            values.map(|(_, value)| value).chain(["objectGUID", "department"]).filter(|clear| clear.len() > 2)
        {
            assert!(!kept.windows(clear.len()).any(|bytes| bytes == clear.as_bytes()), "{clear}");
        }
    }

    /// Takes a turn that reads everything, and one after it that reads nothing.
    async fn is_read_whole_once(&mut self, why: &str) {
        let sum = self.turn().await;
        assert_eq!(sum.fetched, sum.records, "{why}");
        self.is_unchanged(why).await;
    }

    async fn is_unchanged(&mut self, when: &str) {
        assert_eq!(self.turn().await.fetched, 0, "{when}");
    }

    /// Makes changes, and takes a turn that fetches so many entries and has so many records.
    async fn after(&mut self, ldif: &str, fetched: u64, records: usize) {
        self.samba.change(&[], ldif);
        let sum = self.turn().await;
        assert_eq!((sum.fetched, sum.records), (fetched, records as u64), "{ldif}");
    }
}

fn entries() -> String {
    let mut ldif = String::new();
    for number in 0..ACCOUNTS + 5 {
        let control = if number < ACCOUNTS { NORMAL } else { NORMAL_DISABLED };
        account(&mut ldif, &format!("konto{number}"), "OU=Skolor,OU=Konton", control);
        let kind = if number.is_multiple_of(3) { "Elev" } else { "Vikarie" };
        writeln!(
            ldif,
            "department: {}\nemployeeType: {kind}\nmail: konto{number}@lkdata.test\n",
            440_100 + number
        )
        .unwrap();
    }
    writeln!(ldif, "dn: CN=Alla,{DOMAIN}\nobjectClass: group\nsAMAccountName: Alla\n").unwrap();
    ldif
}

/// The name of an account's entry.
fn name(number: usize) -> String {
    format!("CN=konto{number},OU=Skolor,OU=Konton,{DOMAIN}")
}

fn modify(name: &str, attribute: &str, value: impl std::fmt::Display) -> String {
    format!("dn: {name}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n\n")
}

fn delete(name: &str) -> String {
    format!("dn: {name}\nchangetype: delete\n\n")
}

fn rename(name: &str, first: &str, parent: &str) -> String {
    format!(
        "dn: {name}\nchangetype: modrdn\nnewrdn: {first}\ndeleteoldrdn: 1\nnewsuperior: {parent},{DOMAIN}\n\n"
    )
}

#[tokio::test]
async fn an_active_directory_is_asked_for_what_has_changed() {
    if !is_possible() {
        eprintln!("{LEFT_OUT}");
        return;
    }
    let mut collector = Collector::start().await;
    deletions_must_be_seen(&mut collector).await;
    changes_of_accounts(&mut collector).await;
    changes_of_what_they_are_in(&mut collector).await;
    what_is_kept_and_does_not_hold(&mut collector).await;
    what_cannot_be_tracked(&mut collector).await;
    another_domain_controller(&mut collector).await;
}

/// Who may not see what was deleted reads everything, as does everybody until something was deleted.
async fn deletions_must_be_seen(collector: &mut Collector) {
    collector.after(&delete(&name(ACCOUNTS + 4)), ACCOUNTS as u64, ACCOUNTS).await;
    assert!(!collector.kept().exists());
    let deleted = format!("CN=Deleted Objects,{DOMAIN}");
    let descriptor = "O:DAG:DAD:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;RPLC;;;BA)(A;;RPLC;;;AU)";
    collector.samba.change(&["--show-deleted"], &modify(&deleted, "nTSecurityDescriptor", descriptor));
    collector.is_read_whole_once("deletions are seen").await;
    assert!(collector.kept().exists());
}

async fn changes_of_accounts(collector: &mut Collector) {
    let mut new = String::new();
    account(&mut new, "konto100", "OU=Skolor,OU=Konton", NORMAL);
    let new = format!("{new}department: 440900\n\n").replacen('\n', "\nchangetype: add\n", 1);
    collector.after(&new, 2, ACCOUNTS + 1).await;
    collector.after(&modify(&name(1), "userAccountControl", NORMAL_DISABLED), 1, ACCOUNTS).await;
    collector.after(&modify(&name(1), "userAccountControl", NORMAL), 2, ACCOUNTS + 1).await;
    collector.after(&modify(&name(2), "department", 440_777), 2, ACCOUNTS + 1).await;
    collector.is_unchanged("after a cost centre").await;
    let renamed = rename(&name(3), "CN=nytt namn", "OU=Vård,OU=Konton");
    collector.after(&renamed, 2, ACCOUNTS + 1).await;
    collector.after(&delete(&name(4)), 1, ACCOUNTS).await;
    // Out of the place, and back into it.
    let away = format!("CN=konto5,OU=Tjänstekonton,{DOMAIN}");
    collector.after(&rename(&name(5), "CN=konto5", "OU=Tjänstekonton"), 1, ACCOUNTS - 1).await;
    collector.after(&rename(&away, "CN=konto5", "OU=Skolor,OU=Konton"), 2, ACCOUNTS).await;
    // Many things in one turn, and one account twice.
    let many = [
        modify(&name(6), "department", 440_778),
        modify(&name(6), "department", 440_779),
        modify(&name(7), "userAccountControl", NORMAL_DISABLED),
        delete(&name(8)),
        modify(&name(ACCOUNTS), "userAccountControl", NORMAL),
        modify(&name(ACCOUNTS + 1), "department", 440_780),
        // A group is no account.
        format!("dn: CN=Alla,{DOMAIN}\nchangetype: modify\nadd: member\nmember: {}\n\n", name(9)),
    ];
    collector.after(&many.concat(), 6 + 2, ACCOUNTS - 1).await;
    collector.is_unchanged("after many things").await;
}

/// A unit takes along what is in it, and that does not show in any account.
async fn changes_of_what_they_are_in(collector: &mut Collector) {
    collector.samba.change(&[], &modify(&name(9), "department", 440_781));
    collector.samba.change(&[], &rename(&format!("OU=Vård,{BASE}"), "OU=Vård", "OU=Tjänstekonton"));
    assert_eq!(collector.turn().await.records, ACCOUNTS as u64 - 2);
    collector.is_unchanged("after a unit was moved away").await;
    let away = format!("OU=Vård,OU=Tjänstekonton,{DOMAIN}");
    collector.samba.change(&[], &rename(&away, "OU=Omsorg", "OU=Konton"));
    collector.is_read_whole_once("a unit was moved here").await;
}

async fn what_is_kept_and_does_not_hold(collector: &mut Collector) {
    let kept = std::fs::read(collector.kept()).unwrap();
    let mut flipped = kept.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&flipped[..], &kept[..kept.len() / 2], b""] {
        std::fs::write(collector.kept(), damaged).unwrap();
        collector.is_read_whole_once("a damaged file").await;
    }
    std::fs::remove_file(collector.kept()).unwrap();
    collector.is_read_whole_once("no file").await;

    collector.mapping = collector.mapping.replace("otherwise = \"staff\"", "otherwise = \"pupil\"");
    collector.is_read_whole_once("another mapping").await;
    collector.from[0].1 = r#"["objectGUID", "department", "employeeType"]"#;
    collector.is_read_whole_once("other attributes").await;
    collector.from[1].1 = "48h";
    collector.is_read_whole_once("another period").await;
    collector.is_read_whole_once("the period is over").await;
    collector.from[1].1 = "30d";
    collector.is_read_whole_once("the period is longer").await;

    collector.at = Instant::parse_rfc3339("2021-12-31T02:00:00+01:00").unwrap();
    let sum = collector.turn().await;
    assert_eq!(sum.fetched, sum.records, "a long time without turns");
    collector.is_read_whole_once("another year, with other pseudonyms").await;
}

/// `memberOf` changes with groups: nothing is kept, and groups are seen.
async fn what_cannot_be_tracked(collector: &mut Collector) {
    let attributes = collector.from[0].1;
    collector.from[0].1 = r#"["objectGUID", "department", "memberOf"]"#;
    collector.mapping = collector.mapping.replace("employeeType", "memberOf");
    for _ in 0..2 {
        let sum = collector.turn().await;
        assert_eq!(sum.fetched, sum.records);
        assert!(!collector.kept().exists());
    }
    collector.from[0].1 = attributes;
    collector.mapping = collector.mapping.replace("memberOf", "employeeType");
    collector.is_read_whole_once("what can be tracked").await;
}

/// A domain controller that was restored has another invocationId, and its numbers begin anew.
async fn another_domain_controller(collector: &mut Collector) {
    collector.samba.server.kill();
    let sites = format!("CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{DOMAIN}");
    let id = data_encoding::BASE64.encode(&[9; 16]);
    let restored = modify(&format!("CN=NTDS Settings,CN=DC1,{sites}"), "invocationId:", id);
    collector
        .samba
        .change(&["--relax"], &restored.replace("replace: invocationId:", "replace: invocationId"));
    collector.samba.restart().await;
    collector.is_read_whole_once("another invocationId").await;
}
