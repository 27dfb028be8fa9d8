//! `taxameter keys`: who may send, read and decide.

use std::io;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::client::Target;
use crate::output::{Format, List, text};

/// Who may send, read and decide. With the first key the program asks everybody for one.
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Sends events of its sources.
    Collector,
    /// Sees what its cost centres, or those of its customers, are charged.
    Payer,
    /// Sees usage and costs of its services, and the object's economy.
    ObjectLeader,
    /// Sees to collectors, lag, quarantine and reconciliation; sees no money.
    Operator,
    /// Sees everything, announces and closes months.
    Finance,
    /// Sees everything, changes nothing.
    Auditor,
    /// Does everything.
    Admin,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a key, and shows it: this is the only time. The first must be an administrator's.
    Create {
        /// Whose it is: a team or a system.
        name: String,
        /// What its holder may do.
        #[arg(long, value_enum)]
        role: Role,
        /// A source that a collector may send for; may be given again.
        #[arg(long, value_name = "SOURCE")]
        source: Vec<String>,
        /// A service of an object leader; may be given again.
        #[arg(long, value_name = "SERVICE")]
        service: Vec<String>,
        /// A customer whose cost centres a payer sees; may be given again.
        #[arg(long, value_name = "CODE")]
        customer: Vec<String>,
        /// A cost centre that a payer sees; may be given again.
        #[arg(long, value_name = "CODE")]
        costcentre: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Lists the keys that there ever were, without their secrets.
    List {
        /// Form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
        #[command(flatten)]
        target: Target,
    },
    /// Makes a key that takes the place of another, which holds for some hours more; shows the new one.
    Rotate {
        /// The id of the old key.
        id: String,
        /// For how many hours both hold.
        #[arg(long, default_value_t = 24, value_name = "HOURS")]
        keep: u32,
        #[command(flatten)]
        target: Target,
    },
    /// Ends a key at once.
    Revoke {
        /// Its id.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Keys {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Create { name, role, source, service, customer, costcentre, target } => {
                let connection = target.connect().await?;
                let role = role.to_possible_value().map(|value| value.get_name().to_owned());
                let body = json!({
                    "name": name, "role": role, "sources": source,
                    "services": service, "customers": customer, "costcentres": costcentre,
                });
                tell(&connection.client.post("/v1/keys", &body).await?);
                connection.close().await
            }
            Action::List { output, target } => {
                let connection = target.connect().await?;
                let (items, _) = connection.client.list("/v1/keys", &[]).await?;
                print(&items, output)?;
                connection.close().await
            }
            Action::Rotate { id, keep, target } => {
                let connection = target.connect().await?;
                let body = json!({ "keep_hours": keep });
                tell(&connection.client.post(&format!("/v1/keys/{id}/rotate"), &body).await?);
                connection.close().await
            }
            Action::Revoke { id, target } => {
                let connection = target.connect().await?;
                let item = connection.client.post(&format!("/v1/keys/{id}/revoke"), &json!({})).await?;
                print(&[item], Format::Table)?;
                connection.close().await
            }
        }
    }
}

/// Shows a key that was just made: the key alone on standard output, so that it can be led into a file.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer of a command")]
fn tell(made: &Value) {
    let field = |name: &str| made[name].as_str().unwrap_or_default();
    eprintln!("Nyckeln {} för {} ({}). Den visas bara nu:", field("id"), field("name"), field("role"));
    println!("{}", field("key"));
}

fn print(items: &[Value], output: Format) -> anyhow::Result<()> {
    let columns = [
        text("id", "Nyckel"),
        text("name", "Innehavare"),
        text("role", "Roll"),
        text("state", "Läge"),
        text("created", "Gjord"),
        text("expires", "Gäller till"),
        text("scope", "Omfattning"),
    ];
    let flat: Vec<Value> = items
        .iter()
        .map(|item| {
            let mut item = item.clone();
            let scope = ["sources", "services", "customers", "costcentres"].into_iter();
            let codes = scope.flat_map(|part| item[part].as_array().into_iter().flatten());
            let codes: Vec<&str> = codes.filter_map(Value::as_str).collect();
            item["scope"] = codes.join(" ").into();
            item
        })
        .collect();
    Ok(List::of_items(&columns, &flat).print(output, &mut io::stdout().lock())?)
}
