//! The columns of a query, and the query that gives them as texts.

use tokio_postgres::Column;
use tokio_postgres::types::Type;

use super::super::Failure;

/// A column of the query.
pub(super) struct Text {
    pub(super) name: String,
    is_instant: bool,
}

impl Text {
    /// The columns of a query.
    ///
    /// # Errors
    /// Two columns of the same name: only one of them could be a field.
    pub(super) fn of(columns: &[Column]) -> Result<Vec<Self>, Failure> {
        let mut texts: Vec<Self> = Vec::with_capacity(columns.len());
        for column in columns {
            if texts.iter().any(|known| known.name == column.name()) {
                let name = column.name();
                return Err(Failure::Refused(format!(
                    "two columns of the query are named {name:?}: give one of them another name (`as`)"
                )));
            }
            texts.push(Self {
                name: column.name().to_owned(),
                is_instant: *column.type_() == Type::TIMESTAMPTZ,
            });
        }
        Ok(texts)
    }

    /// A value as a record has it.
    ///
    /// # Errors
    /// A time that no record can have, such as `infinity`.
    pub(super) fn value(&self, text: &str) -> Result<String, Failure> {
        if !self.is_instant {
            return Ok(text.to_owned());
        }
        // The session's zone is UTC: 2021-03-15 09:00:00.5+00.
        let parts = text.strip_suffix("+00").and_then(|local| local.split_once(' '));
        let Some((day, time)) = parts.filter(|(_, time)| !time.contains(' ')) else {
            return Err(Failure::Broken(format!("{text:?} of the column {:?} is no time", self.name)));
        };
        Ok(format!("{day}T{time}+00:00"))
    }
}

/// The query that gives each column as a text. With a cursor's column the last value says whether the row does not come
/// after the one before.
pub(super) fn wrap(query: &str, columns: &[Text], cursor: Option<&str>) -> String {
    let texts: Vec<String> =
        columns.iter().map(|column| format!("q.{}::text", quoted(&column.name))).collect();
    let order = cursor
        .map(quoted)
        .map_or_else(String::new, |cursor| format!(", (q.{cursor} <= lag(q.{cursor}) over ()) is true"));
    // A comment may stand at the end of the query.
    format!("select {}{order} from (\n{query}\n) q", texts.join(", "))
}

/// A name as SQL has it, whatever it is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_cast_and_every_name_is_quoted() {
        let column = |name: &str| Text { name: name.to_owned(), is_instant: false };
        assert_eq!(
            wrap("select 1 -- x", &[column("id"), column("a\"b")], Some("id")),
            "select q.\"id\"::text, q.\"a\"\"b\"::text, (q.\"id\" <= lag(q.\"id\") over ()) is true from (\nselect 1 -- x\n) q"
        );
    }

    #[test]
    fn times_with_a_zone_are_as_rfc_3339_has_them() {
        let column = Text { name: "at".to_owned(), is_instant: true };
        assert_eq!(column.value("2021-03-15 09:00:00.5+00").unwrap(), "2021-03-15T09:00:00.5+00:00");
        for wrong in ["infinity", "-infinity", "0044-03-15 09:00:00+00 BC", "2021-03-15 09:00:00+01"] {
            assert!(column.value(wrong).is_err(), "{wrong}");
        }
    }
}
