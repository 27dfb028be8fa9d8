//! What the program says of the month, held against the reckoning.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::Value;

use super::month::Month;
use super::reckoning::{Key, Volumes, bill, surcharge};
use super::world::{World, last_part};
use crate::program::Program;

/// What is gathered here; the other services have no data.
const SERVICES: [&str; 4] = ["it-bastjanst-konto", "it-bastjanst-lagring", "mdm", "e-moten"];

fn text<'i>(item: &'i Value, name: &str) -> &'i str {
    item[name].as_str().unwrap_or_default()
}

fn key(item: &Value) -> Key {
    ["service", "meter", "class", "costcentre"].map(|name| text(item, name).to_owned())
}

fn decimal(item: &Value, name: &str) -> Decimal {
    Decimal::from_str_exact(text(item, name)).unwrap().normalize()
}

/// Waits until exactly this is counted, per cost centre and to the last decimal.
pub(crate) fn is_counted(program: &Program, expected: &Volumes) {
    let usage = "/v1/usage?from=2021-03&to=2021-03&group_by=month,service,meter,class,costcentre";
    let mut differences = Vec::new();
    program.until_or(
        "the month is counted",
        |differences: &mut Vec<String>| {
            let items = program.list(usage);
            let counted = items.iter().map(|item| (key(item), decimal(item, "quantity"))).collect();
            *differences = self::differences(&counted, expected);
            differences.is_empty()
        },
        &mut differences,
    );
}

fn differences(counted: &Volumes, expected: &Volumes) -> Vec<String> {
    let keys: BTreeSet<&Key> = counted.keys().chain(expected.keys()).collect();
    let differ = keys.into_iter().filter(|key| counted.get(*key) != expected.get(*key));
    differ.map(|key| format!("{key:?}: {:?}, not {:?}", counted.get(key), expected.get(key))).collect()
}

/// What is missing of the services that are gathered.
pub(crate) fn gaps_are(program: &Program, expected: &[&str]) {
    let gaps = program.list("/v1/gaps?month=2021-03");
    let gaps = gaps.iter().filter(|gap| SERVICES.contains(&text(gap, "service")));
    let said = |gap: &Value| {
        assert_eq!(gap["first_day"], gap["last_day"]);
        ["service", "meter", "kind", "first_day", "decision"].map(|name| text(gap, name)).join(" ")
    };
    assert_eq!(gaps.map(said).collect::<Vec<_>>(), expected);
}

/// What stands in the way of a close.
pub(crate) fn blockers(refused: &Value) -> Vec<String> {
    let said =
        |blocker: &Value| ["code", "service", "meter", "detail"].map(|name| text(blocker, name)).join(" ");
    refused["blockers"].as_array().unwrap().iter().map(said).collect()
}

/// How many events of a source came more than once; the books of every source and day add up.
pub(crate) fn duplicates(program: &Program, source: &str) -> u64 {
    let tomorrow = domain::calendar::next_day(taxameter::serve::now().day());
    let yesterday = tomorrow.pred_opt().unwrap().pred_opt().unwrap();
    let rows = program.list(&format!("/v1/reconciliation?from={yesterday}&to={tomorrow}"));
    for row in &rows {
        assert_eq!((&row["difference"], &row["refused"]), (&0.into(), &0.into()), "{row}");
    }
    let of_source = rows.iter().filter(|row| row["source"] == source);
    of_source.map(|row| row["duplicate"].as_u64().unwrap()).sum()
}

/// No word of a person's was sent, nothing was refused for one, and neither the collectors nor the program said one.
pub(crate) fn nothing_personal_left(program: &Program, month: &Month, world: &World) {
    let sent = month.relay.words();
    // The numbers of volumes are no persons': that they are found shows that they would be.
    assert!(world.volumes.iter().all(|volume| sent.contains(last_part(&volume.uuid))));
    let log = std::fs::read_to_string(program.directory().join("log")).unwrap() + &month.said();
    let said: BTreeSet<&str> = log.split(|c: char| !c.is_alphanumeric()).collect();
    let ids = month.accounts.ids();
    assert!(ids.len() > 100, "{}", ids.len());
    for secret in ids.iter().map(|id| last_part(id)).chain(world.secrets()) {
        assert!(!sent.contains(secret) && !said.contains(secret), "{secret} left its system");
    }
    assert_eq!(program.list("/v1/quarantine"), [] as [Value; 0]);
}

/// Each line is what was used at the price of the list, and nothing else is billed.
pub(crate) fn is_billed(program: &Program, volumes: &Volumes) {
    let (mut lines, mut payers) = (BTreeMap::new(), BTreeMap::<String, Decimal>::new());
    for charge in program.list("/v1/charges?month=2021-03") {
        let line = (decimal(&charge, "quantity"), decimal(&charge, "gross"));
        *payers.entry(text(&charge, "customer").to_owned()).or_default() += decimal(&charge, "net");
        assert_eq!(lines.insert(key(&charge), line), None, "{charge}");
    }
    let expected = bill(volumes);
    assert_eq!(lines, expected);
    let totals = program.get("/v1/charges?month=2021-03&limit=1")["totals"].clone();
    let gross: Decimal = expected.values().map(|(_, gross)| gross).sum();
    for (name, amount) in [("gross", gross), ("net", gross), ("joint", Decimal::ZERO)] {
        assert_eq!(decimal(&totals, name), amount, "{name}");
    }
    assert_eq!(decimal(&totals, "surcharge"), surcharge(&payers));
}
