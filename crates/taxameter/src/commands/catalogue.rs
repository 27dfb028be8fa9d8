//! `taxameter catalog`: reads, checks, compares and applies the catalogue.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use catalog::{Checked, Files, Finding, Language, Object};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::client::Target;
use crate::output::{Column, Format, List, text};

/// Reads, checks, compares and applies the catalogue.
#[derive(Debug, Args)]
pub struct Catalog {
    #[command(subcommand)]
    action: Action,
    /// Language of findings and changes.
    #[arg(long, global = true, value_enum, default_value = "sv", env = "TAXAMETER_LANGUAGE")]
    lang: Lang,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lang {
    /// Swedish.
    Sv,
    /// English.
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Sv => Language::Swedish,
            Lang::En => Language::English,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Checks a directory and names file, line and fix of everything that is wrong.
    Check {
        /// The directory [default: the built-in catalogue of Linköping].
        directory: Option<PathBuf>,
    },
    /// Lists what changes from one directory to another.
    Diff {
        /// The old directory; `linkoping` is the built-in one.
        old: PathBuf,
        /// The new directory.
        new: PathBuf,
    },
    /// Lists a part of a catalogue.
    Show {
        /// What to list: organisation, product, service, meter, customer, costcentre, price, rate, joint_share,
        /// agreement, source.
        #[arg(default_value = "service")]
        what: String,
        /// The directory [default: the built-in catalogue of Linköping].
        #[arg(long)]
        directory: Option<PathBuf>,
        /// Form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
    },
    /// Makes a directory the catalogue of the running program.
    Apply {
        /// The directory.
        directory: PathBuf,
        #[command(flatten)]
        target: Target,
    },
}

impl Catalog {
    /// Does what was asked.
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    pub async fn run(self) -> anyhow::Result<()> {
        let language = self.lang.into();
        match self.action {
            Action::Check { directory } => {
                let files = read(directory.as_deref())?;
                let checked = check(&files, language)?;
                for warning in &checked.warnings {
                    println!("{}", warning.render(language));
                }
                let catalogue = &checked.catalogue;
                println!(
                    "ok: {} tjänster, {} kunder, {} ansvar, {} prisrader, version {}",
                    catalogue.services.len(),
                    catalogue.customers.len(),
                    catalogue.costcentres.len(),
                    catalogue.prices.len(),
                    &catalogue.version[..12]
                );
                Ok(())
            }
            Action::Diff { old, new } => {
                let side = |path: &Path| match path.to_str() {
                    Some("linkoping") => Ok(catalog::linkoping()),
                    _ => read(Some(path)),
                };
                let (old, new) = (check(&side(&old)?, language)?, check(&side(&new)?, language)?);
                for change in catalog::diff(&old.catalogue, &new.catalogue) {
                    println!("{}", change.render(language));
                }
                Ok(())
            }
            Action::Show { what, directory, output } => show(&what, directory.as_deref(), output, language),
            Action::Apply { directory, target } => apply(&directory, &target, language).await,
        }
    }
}

fn read(directory: Option<&Path>) -> anyhow::Result<Files> {
    match directory {
        None => Ok(catalog::linkoping()),
        Some(path) => {
            Files::read_dir(path).with_context(|| format!("could not read the catalogue {}", path.display()))
        }
    }
}

fn check(files: &Files, language: Language) -> anyhow::Result<Checked> {
    catalog::check(files).map_err(|findings| refused(&findings, language))
}

/// All that is wrong, one line each.
pub fn refused(findings: &[Finding], language: Language) -> anyhow::Error {
    let lines: Vec<String> = findings.iter().map(|finding| finding.render(language)).collect();
    anyhow::anyhow!("{}\n{} things to mend in the catalogue", lines.join("\n"), findings.len())
}

fn show(what: &str, directory: Option<&Path>, output: Format, language: Language) -> anyhow::Result<()> {
    let Some(object) = Object::ALL.into_iter().find(|object| object.name() == what) else {
        let names: Vec<&str> = Object::ALL.iter().map(|object| object.name()).collect();
        bail!("{what:?} is nothing that a catalogue has; choose one of {}", names.join(", "));
    };
    let checked = check(&read(directory)?, language)?;
    let rows: Vec<_> =
        catalog::rows(&checked.catalogue).into_iter().filter(|row| row.object == object).collect();
    let mut columns: Vec<Column> = Vec::new();
    for row in &rows {
        for field in &row.fields {
            if !columns.iter().any(|column| column.key == field.name) {
                columns.push(text(field.name, field.label));
            }
        }
    }
    let mut list = List::new(&columns);
    for row in rows {
        let cell = |column: &Column| {
            row.fields.iter().find(|field| field.name == column.key).map(|field| field.value.clone())
        };
        list.rows.push(columns.iter().map(cell).collect());
    }
    Ok(list.print(output, &mut io::stdout().lock())?)
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
async fn apply(directory: &Path, target: &Target, language: Language) -> anyhow::Result<()> {
    let files = read(Some(directory))?;
    let checked = check(&files, language)?;
    let encoded: BTreeMap<&str, String> =
        files.iter().map(|(path, bytes)| (path, data_encoding::BASE64.encode(bytes))).collect();
    let connection = target.connect().await?;
    let answer = connection.client.post("/v1/catalogue", &json!({ "files": encoded })).await?;
    for change in answer["changes"].as_array().into_iter().flatten().filter_map(|change| change.as_str()) {
        println!("{change}");
    }
    println!("version {} gäller nu", checked.catalogue.version);
    connection.close().await
}
