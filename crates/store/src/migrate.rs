//! The tables: numbered SQL that is applied once, in order, and never changed again.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::client::{Engine, Store};
use crate::error::{Error, asking};

/// A numbered file of `schemas/clickhouse/`.
pub(crate) struct Migration {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal) => {
        Migration {
            // The file's name without its zeros.
            number: $number,
            name: $name,
            sql: include_str!(concat!("../../../schemas/clickhouse/", $name, ".sql")),
        }
    };
}

/// Every migration, in order.
const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_counting"),
    migration!(2, "0002_usage"),
    migration!(3, "0003_catalogue"),
    migration!(5, "0005_generations"),
    migration!(6, "0006_control"),
    migration!(7, "0007_keys"),
    migration!(8, "0008_scopes"),
    migration!(100, "0100_charges"),
    migration!(101, "0101_price_models"),
    migration!(102, "0102_closing"),
    migration!(103, "0103_joint_bearers"),
    migration!(104, "0104_anchor"),
];

/// Columns whose type the client cannot check for us: it tells the width of a decimal, not its scale (ecosystem §0.4).
const EXACT_COLUMNS: &[(&str, &str, &str)] = &[
    ("events", "quantity", "Decimal(38, 9)"),
    ("observations", "quantity", "Decimal(38, 9)"),
    ("cells", "amount", "Int128"),
    ("usage_month", "amount", "Int128"),
    ("usage_day", "amount", "Int128"),
    ("events", "time", "DateTime64(6, 'UTC')"),
    ("observations", "time", "DateTime64(6, 'UTC')"),
    ("snapshots", "time", "DateTime64(6, 'UTC')"),
    ("charges", "quantity", "Decimal(38, 6)"),
    ("charges", "unit_price", "Decimal(18, 6)"),
    ("charges", "net", "Decimal(18, 2)"),
    ("months", "net", "Decimal(18, 2)"),
    ("documents", "net", "Decimal(18, 2)"),
];

#[derive(Row, Deserialize)]
struct Applied {
    number: u32,
    name: String,
    checksum: String,
}

impl Store {
    /// Makes the database and applies the migrations that it lacks, in order. Statements say `IF NOT EXISTS`, so a
    /// migration that was interrupted is applied again. Answers with the names of those that were applied now.
    pub async fn migrate(&self) -> crate::Result<Vec<&'static str>> {
        let outside = self.client.clone().with_database("default");
        outside
            .query("CREATE DATABASE IF NOT EXISTS ?")
            .bind(clickhouse::sql::Identifier(&self.config.database))
            .execute()
            .await
            .map_err(asking("the database"))?;
        self.query(&for_engine(
            "CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, checksum String)
             ENGINE = {replacing} ORDER BY (number)",
            "migrations",
            &self.config.engine,
        ))
        .execute()
        .await
        .map_err(asking("the table of migrations"))?;
        let applied = self.applied().await?;
        check_applied(&applied, MIGRATIONS)?;
        let mut now = Vec::new();
        for migration in MIGRATIONS.iter().filter(|migration| !applied.contains_key(&migration.number)) {
            self.apply(migration).await?;
            now.push(migration.name);
        }
        self.check_columns().await?;
        Ok(now)
    }

    /// Whether every migration of this program has been applied, so that a role may start without migrating.
    pub async fn is_migrated(&self) -> crate::Result<bool> {
        let tables = self
            .query("SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'")
            .fetch_one::<u64>()
            .await
            .map_err(asking("the table of migrations"))?;
        if tables == 0 {
            return Ok(false);
        }
        let applied = self.applied().await?;
        check_applied(&applied, MIGRATIONS)?;
        Ok(MIGRATIONS.iter().all(|migration| applied.contains_key(&migration.number)))
    }

    async fn applied(&self) -> crate::Result<BTreeMap<u32, Applied>> {
        let rows = self
            .query("SELECT ?fields FROM migrations FINAL ORDER BY number")
            .fetch_all::<Applied>()
            .await
            .map_err(asking("migrations"))?;
        Ok(rows.into_iter().map(|row| (row.number, row)).collect())
    }

    async fn apply(&self, migration: &Migration) -> crate::Result<()> {
        let failed = |statement| {
            move |source| Error::Migrate { number: migration.number, name: migration.name, statement, source }
        };
        let statements = statements(migration.sql);
        for (index, statement) in statements.iter().enumerate() {
            let sql = for_engine(statement, &table_of(statement), &self.config.engine);
            // The SQL is ours, and question marks in it are no parameters.
            self.query(&sql.replace('?', "??")).execute().await.map_err(failed(index + 1))?;
        }
        self.query("INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)")
            .bind(migration.number)
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .execute()
            .await
            .map_err(failed(statements.len()))
    }

    async fn check_columns(&self) -> crate::Result<()> {
        for (table, column, wanted) in EXACT_COLUMNS.iter().copied() {
            let found = self
                .query("SELECT type FROM system.columns WHERE database = currentDatabase() AND table = ? AND name = ?")
                .bind(table)
                .bind(column)
                .fetch_optional::<String>()
                .await
                .map_err(asking("column types"))?
                .unwrap_or_else(|| "missing".to_owned());
            if found != wanted {
                return Err(Error::ColumnType { table, column, found, wanted });
            }
        }
        Ok(())
    }
}

fn check_applied(applied: &BTreeMap<u32, Applied>, known: &[Migration]) -> crate::Result<()> {
    for row in applied.values() {
        let Some(migration) = known.iter().find(|migration| migration.number == row.number) else {
            return Err(Error::MigrationUnknown { number: row.number, name: row.name.clone() });
        };
        if checksum(migration.sql) != row.checksum {
            return Err(Error::MigrationChanged { number: row.number, name: row.name.clone() });
        }
    }
    Ok(())
}

fn checksum(sql: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(sql.as_bytes()))
}

/// The statements of a file: split at semicolons that end a line, comments left out. Our files have none inside text.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    code.split(";\n")
        .map(|part| part.trim().trim_end_matches(';').to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// The table that a statement makes.
fn table_of(statement: &str) -> String {
    let name = statement.split_once("IF NOT EXISTS").map_or("", |(_, rest)| rest.trim_start());
    name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// Puts the engine's name where `{replacing}` and `{replacing:version}` stand.
fn for_engine(statement: &str, table: &str, engine: &Engine) -> String {
    let Some((before, rest)) = statement.split_once("{replacing") else { return statement.to_owned() };
    let Some((version, after)) = rest.split_once('}') else { return statement.to_owned() };
    let version = version.trim_start_matches(':');
    let made = match engine {
        Engine::Embedded => format!("ReplacingMergeTree({version})"),
        Engine::Replicated { path, replica } => {
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
            let comma = if version.is_empty() { "" } else { ", " };
            let path = quoted(&path.replace("{table}", table));
            format!("ReplicatedReplacingMergeTree('{path}', '{}'{comma}{version})", quoted(replica))
        }
    };
    format!("{before}{made}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_upwards_by_their_file_names() {
        for pair in MIGRATIONS.windows(2) {
            assert!(pair[0].number < pair[1].number);
        }
        for migration in MIGRATIONS {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
            assert!(!statements(migration.sql).is_empty());
        }
    }

    #[test]
    fn a_statement_is_made_for_its_engine() {
        let sql = "-- why\nCREATE TABLE IF NOT EXISTS cells (a Int8)\nENGINE = {replacing:upto} ORDER BY (a);\nSELECT 1;\n";
        let split = statements(sql);
        assert_eq!(split.len(), 2);
        assert_eq!(table_of(&split[0]), "cells");
        assert!(
            for_engine(&split[0], "cells", &Engine::Embedded)
                .ends_with("ENGINE = ReplacingMergeTree(upto) ORDER BY (a)")
        );
        let replicated =
            Engine::Replicated { path: "/t/{shard}/{table}".to_owned(), replica: "{replica}".to_owned() };
        assert!(
            for_engine(&split[0], "cells", &replicated)
                .contains("ReplicatedReplacingMergeTree('/t/{shard}/cells', '{replica}', upto)")
        );
    }

    #[test]
    fn a_changed_or_unknown_migration_is_refused() {
        let row =
            |number, checksum: String| (number, Applied { number, name: "0001_a".to_owned(), checksum });
        let known = [Migration { number: 1, name: "0001_a", sql: "SELECT 1" }];
        assert!(check_applied(&[row(1, checksum("SELECT 1"))].into(), &known).is_ok());
        let changed = check_applied(&[row(1, checksum("SELECT 2"))].into(), &known);
        assert!(matches!(changed, Err(Error::MigrationChanged { number: 1, .. })));
        let unknown = check_applied(&[row(2, String::new())].into(), &known);
        assert!(matches!(unknown, Err(Error::MigrationUnknown { number: 2, .. })));
    }
}
