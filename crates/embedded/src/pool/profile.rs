//! What a request sets on its connection, and how to undo it.

use std::collections::BTreeMap;

use data_encoding::HEXUPPER;

use crate::exception::Exception;
use crate::library::{Connection, Parameters};

/// What a request sets on its connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// The database that names without one are looked up in.
    pub(crate) database: Option<String>,
    /// Settings by name; the names are checked.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Profile {
    pub(super) fn is_empty(&self) -> bool {
        self.database.is_none() && self.settings.is_empty()
    }

    /// Sets it on a connection.
    pub(super) fn apply(&self, connection: &mut Connection) -> Result<(), Exception> {
        if let Some(database) = &self.database {
            run(connection, &format!("USE {}", quoted(database, '`')))?;
        }
        if !self.settings.is_empty() {
            run(connection, &format!("SET {}", assignments(&self.settings)))?;
        }
        Ok(())
    }
}

pub(super) fn run(connection: &mut Connection, sql: &str) -> Result<(), Exception> {
    connection.query(sql, "Null", &Parameters::default()).map(drop)
}

/// The statements that set the connection back to what it is now, as far as the profile changes it.
pub(super) fn undo_of(connection: &mut Connection, profile: &Profile) -> Result<Vec<String>, Exception> {
    let names: Vec<String> = profile.settings.keys().map(|name| quoted(name, '\'')).collect();
    let mut sql = String::from("SELECT '', hex(currentDatabase()), true");
    if !names.is_empty() {
        sql += " UNION ALL SELECT name, hex(value), changed FROM system.settings WHERE name IN (";
        sql += &names.join(", ");
        sql += ")";
    }
    let output = connection.query(&sql, "TabSeparated", &Parameters::default())?;
    let text = String::from_utf8_lossy(output.data());
    let mut undo = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (name, value, changed) = (fields.next(), fields.next(), fields.next());
        let value = HEXUPPER.decode(value.unwrap_or_default().as_bytes()).unwrap_or_default();
        let value = String::from_utf8_lossy(&value);
        undo.push(match (name, changed) {
            (Some("") | None, _) => format!("USE {}", quoted(&value, '`')),
            (Some(name), Some("1" | "true")) => format!("SET {name} = {}", quoted(&value, '\'')),
            (Some(name), _) => format!("SET {name} = DEFAULT"),
        });
    }
    Ok(undo)
}

/// `name = 'value', …` for SET and SETTINGS. The names are checked before they get here.
pub(crate) fn assignments(settings: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> =
        settings.iter().map(|(name, value)| format!("{name} = {}", quoted(value, '\''))).collect();
    pairs.join(", ")
}

/// A string literal (`'`) or a quoted name (`` ` ``).
fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for character in text.chars() {
        if character == quote || character == '\\' {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_cannot_end_its_literal() {
        assert_eq!(quoted(r"it's \ here", '\''), r"'it\'s \\ here'");
        assert_eq!(quoted("a`b", '`'), r"`a\`b`");
    }
}
