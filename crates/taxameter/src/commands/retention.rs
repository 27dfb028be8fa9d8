//! `taxameter retention`: what is kept for how long, what of it has had its time, and its removal.

use std::io::{self, Write};

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use crate::client::Target;
use crate::output::{Format, List, number, text};

/// What is kept for how long, and what of it has had its time. Nothing is removed without --apply.
///
/// Accounting material (charges, closed months, documents, monthly volumes, catalogue versions, the log of decisions) is
/// listed when it is seven years past its financial year, and never removed: the chained log, the corrections and the
/// unbroken document numbers stand on all of it. Identities go by themselves when they are beyond the horizon.
#[derive(Debug, Args)]
pub struct Retention {
    /// Removes what is due, and writes that to the log of decisions. It cannot be undone.
    #[arg(long, requires = "why")]
    apply: bool,
    /// Only this class; may be given several times [default: all that a decision can remove].
    #[arg(long = "class", value_name = "CLASS", value_parser = ["event-details", "quarantine", "identities", "accounting"])]
    classes: Vec<String>,
    /// By which decision it is removed.
    #[arg(long, requires = "apply")]
    why: Option<String>,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Retention {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let answer = match &self.why {
            Some(why) if self.apply => {
                let asked = json!({ "classes": self.classes, "why": why });
                connection.client.post("/v1/retention", &asked).await?
            }
            Some(_) | None => connection.client.get("/v1/retention", &[]).await?,
        };
        let Some(items) = answer["items"].as_array() else { bail!("the answer has no classes") };
        let is_wanted = |item: &&Value| {
            self.classes.is_empty() || self.classes.iter().any(|class| item["class"] == class.as_str())
        };
        let items: Vec<Value> = items.iter().filter(is_wanted).cloned().collect();
        let out = &mut io::stdout().lock();
        print(&items, self.output, out)?;
        if self.output == Format::Table {
            writeln!(out, "\n{}", conclusion(self.apply, &items, &answer["control"]))?;
        }
        connection.close().await
    }
}

fn print(items: &[Value], output: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = [
        text("class", "Klass"),
        text("time", "Bevaras"),
        text("before", "Gallras före"),
        text("oldest", "Äldst"),
        number("rows", "Rader"),
        number("due_rows", "Att gallra"),
        number("due_bytes", "Byte, ungefär"),
        number("held_rows", "Hålls kvar"),
        text("removal", "Hur"),
        text("what", "Vad"),
        text("rule", "Regel"),
    ];
    let flat: Vec<Value> = items.iter().map(|item| flat(item, output)).collect();
    List::of_items(&columns, &flat).print(output, out)?;
    let held: Vec<Value> = items.iter().flat_map(held).collect();
    if output == Format::Table && !held.is_empty() {
        writeln!(out)?;
        let columns = [
            text("class", "Klass"),
            text("month", "Månad"),
            number("rows", "Rader"),
            text("reason", "Hålls kvar för att"),
        ];
        List::of_items(&columns, &held).print(output, out)?;
    }
    Ok(())
}

/// What is held back of a class, each with its name.
fn held(item: &Value) -> Vec<Value> {
    let named = |held: &Value| {
        let mut held = held.clone();
        held["class"] = item["class"].clone();
        held
    };
    item["held"].as_array().into_iter().flatten().map(named).collect()
}

/// A class as a row: what is held back is added up.
fn flat(item: &Value, output: Format) -> Value {
    let mut item = item.clone();
    let held = item["held"].as_array().into_iter().flatten().filter_map(|held| held["rows"].as_u64());
    item["held_rows"] = held.sum::<u64>().into();
    if output == Format::Table {
        item["removal"] = match item["removal"].as_str() {
            Some("decided") => "på beslut",
            Some("by_itself") => "av sig självt",
            Some(_) | None => "aldrig",
        }
        .into();
    }
    item
}

fn conclusion(apply: bool, items: &[Value], control: &Value) -> String {
    let decided = items.iter().filter(|item| item["removal"] == "decided");
    let due: u64 = decided.filter_map(|item| item["due_rows"].as_u64()).sum();
    match (apply, control.as_u64()) {
        (true, Some(control)) => format!("Gallrat: {due} rader, beslut {control} i beslutsloggen."),
        (true, None) => "Det fanns inget att gallra.".to_owned(),
        (false, _) if due == 0 => "Det finns inget att gallra.".to_owned(),
        (false, _) => {
            format!("Inget är gallrat. --apply --why BESLUT gallrar {due} rader; det kan inte göras ogjort.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conclusion_says_whether_anything_went() {
        let items =
            [json!({"removal": "decided", "due_rows": 3}), json!({"removal": "never", "due_rows": 9})];
        assert!(
            conclusion(false, &items, &Value::Null)
                .starts_with("Inget är gallrat. --apply --why BESLUT gallrar 3 rader")
        );
        assert_eq!(conclusion(true, &items, &json!(17)), "Gallrat: 3 rader, beslut 17 i beslutsloggen.");
        assert_eq!(conclusion(true, &[], &Value::Null), "Det fanns inget att gallra.");
        assert_eq!(conclusion(false, &items[1..], &Value::Null), "Det finns inget att gallra.");
    }

    #[test]
    fn what_is_held_back_is_listed_with_its_reason() {
        let item = json!({"class": "event-details", "removal": "decided", "rows": 5, "due_rows": 0,
            "held": [{"month": "2021-03", "rows": 2, "reason": "öppen"}, {"month": "2021-04", "rows": 3, "reason": "öppen"}]});
        let mut out = Vec::new();
        print(std::slice::from_ref(&item), Format::Table, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("2021-03") && text.contains("öppen") && text.contains("på beslut"), "{text}");
        assert_eq!(flat(&item, Format::Json)["held_rows"], 5);
    }
}
