//! An entry as a record.

use ldap3::asn1::StructureTag;

use super::super::Record;
use super::value;

/// An entry of a directory.
pub(super) struct Entry {
    /// Its distinguished name. It is no part of the record: it often has a person's name in it.
    pub(super) name: String,
    pub(super) record: Record,
    /// The bytes of its names and values.
    pub(super) bytes: usize,
}

impl Entry {
    /// Reads a SearchResultEntry (RFC 4511 §4.5.2). Attributes have the names that they were asked for by: a directory spells
    /// them as its schema does.
    ///
    /// # Errors
    /// What is not of that form, values that cannot be read, and an attribute that is not given whole.
    pub(super) fn read(entry: StructureTag, asked: &[String]) -> Result<Self, String> {
        let broken = || "an entry is not what LDAP says".to_owned();
        let mut parts = entry.expect_constructed().ok_or_else(broken)?.into_iter();
        let name = parts.next().and_then(text).ok_or_else(broken)?;
        let attributes = parts.next().and_then(StructureTag::expect_constructed).ok_or_else(broken)?;
        let mut entry = Self { bytes: name.len(), name, record: Record::new() };
        for attribute in attributes {
            let mut parts = attribute.expect_constructed().ok_or_else(broken)?.into_iter();
            let name = parts.next().and_then(text).ok_or_else(broken)?;
            let values = parts.next().and_then(StructureTag::expect_constructed).ok_or_else(broken)?;
            let values: Option<Vec<_>> = values.into_iter().map(StructureTag::expect_primitive).collect();
            entry.add(&name, &values.ok_or_else(broken)?, asked)?;
        }
        Ok(entry)
    }

    fn add(&mut self, name: &str, values: &[Vec<u8>], asked: &[String]) -> Result<(), String> {
        // Active Directory gives the first 1500 values and says so in the name (MS-ADTS §3.1.1.3.1.3.3).
        if name.to_ascii_lowercase().contains(";range=") {
            return Err(format!("{name} has more values than are given at a time: do not ask for it"));
        }
        let name = asked.iter().find(|asked| asked.eq_ignore_ascii_case(name)).map_or(name, String::as_str);
        self.bytes += name.len() + values.iter().map(Vec::len).sum::<usize>();
        for (index, value) in values.iter().enumerate() {
            let field = if values.len() == 1 { name.to_owned() } else { format!("{name}.{index}") };
            if let Some(text) = value::text(name, value)? {
                self.record.insert(field, text);
            }
        }
        Ok(())
    }
}

/// The values of an attribute in a record.
pub(super) fn values<'r>(record: &'r Record, name: &'r str) -> impl Iterator<Item = &'r str> {
    let is_of = move |field: &str| {
        field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    record.iter().filter(move |(field, _)| is_of(field)).map(|(_, value)| value.as_str())
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(tag.expect_primitive()?).ok()
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::{PL, TagClass};

    use super::*;

    fn primitive(bytes: &[u8]) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: 4, payload: PL::P(bytes.to_vec()) }
    }

    fn constructed(parts: Vec<StructureTag>) -> StructureTag {
        StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(parts) }
    }

    fn entry(attributes: &[(&str, &[&[u8]])]) -> StructureTag {
        let attributes = attributes.iter().map(|(name, values)| {
            let values = values.iter().map(|value| primitive(value)).collect();
            constructed(vec![primitive(name.as_bytes()), constructed(values)])
        });
        constructed(vec![primitive(b"CN=a1,DC=lkdata"), constructed(attributes.collect())])
    }

    fn read(attributes: &[(&str, &[&[u8]])]) -> Result<Record, String> {
        let asked = ["department", "memberOf", "photo"].map(str::to_owned);
        Ok(Entry::read(entry(attributes), &asked)?.record)
    }

    #[test]
    fn several_values_are_numbered_and_one_is_not() {
        let record = read(&[
            ("Department", &[b"441001"]),
            ("MEMBEROF", &[b"CN=x", b"CN=y"]),
            ("photo", &[b"\xff\xd8"]),
            ("mail", &[]),
        ]);
        let expected =
            [("department", "441001"), ("memberOf.0", "CN=x"), ("memberOf.1", "CN=y"), ("photo", "/9g=")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(record.unwrap(), Record::from(expected));
    }

    #[test]
    fn an_attribute_that_is_not_whole_is_no_attribute() {
        let why = read(&[("memberOf;Range=0-1499", &[b"CN=x"]), ("memberOf", &[])]).unwrap_err();
        assert!(why.contains("more values"), "{why}");
    }

    #[test]
    fn what_is_no_entry_is_said() {
        let asked = Vec::new();
        for broken in [
            primitive(b"x"),
            constructed(vec![]),
            constructed(vec![primitive(b"\xff"), constructed(vec![])]),
            constructed(vec![primitive(b"CN=x"), primitive(b"y")]),
            constructed(vec![primitive(b"CN=x"), constructed(vec![primitive(b"y")])]),
            constructed(vec![primitive(b"CN=x"), constructed(vec![constructed(vec![primitive(b"y")])])]),
        ] {
            assert!(Entry::read(broken, &asked).is_err());
        }
    }
}
