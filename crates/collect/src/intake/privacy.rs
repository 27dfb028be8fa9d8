//! Finds personal data anywhere in the bytes of a refused event, right or wrong as JSON, before anything is kept of it.

use std::fmt;

use domain::personal_data::{self, PersonalData};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The first kind of personal data in any name, string or whole number of an event. What is not JSON is searched as
/// plain text. Only asked of refused events; the right ones were searched field by field when they were decoded.
pub(super) fn find(bytes: &[u8]) -> Option<PersonalData> {
    let mut found = None;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let walked = Search(&mut found).deserialize(&mut json).and_then(|()| json.end());
    match (found, walked) {
        (Some(found), _) => Some(found),
        (None, Ok(())) => None,
        (None, Err(_)) => personal_data::find(&String::from_utf8_lossy(bytes)),
    }
}

/// Walks a value of any shape without building it.
struct Search<'f>(&'f mut Option<PersonalData>);

impl Search<'_> {
    fn see<E: Error>(&mut self, text: &str) -> Result<(), E> {
        *self.0 = self.0.or_else(|| personal_data::find(text));
        // The error only ends the walk: what was found is kept outside it.
        if self.0.is_some() { Err(E::custom("found")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.see(text)
    }

    fn visit_u64<E: Error>(mut self, number: u64) -> Result<(), E> {
        self.see(&number.to_string())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Search(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Search(self.0))?.is_some() {
            map.next_value_seed(Search(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_found_wherever_it_stands() {
        use PersonalData::{Email, IdentityNumber};
        // From the tax agency's published series of test numbers.
        let cases = [
            (r#"{"id":"a","data":{"deep":[{"x":"189001019802"}]}}"#, Some(IdentityNumber)),
            (r#"{"189001019802":1}"#, Some(IdentityNumber)),
            (r#"{"subject":189001019802}"#, Some(IdentityNumber)),
            (r#"{"subject":"namn\u0040example.org"}"#, Some(Email)),
            (r#"{"subject":"namn@example.org""#, Some(Email)),
            (
                r#"{"time":"2021-01-15T02:00:00+01:00","data":{"quantity":1.5,"seq":-1,"x":null,"y":true}}"#,
                None,
            ),
            (r#"{"time":"2021-01-15T02:00:00+01:00","data":{"#, None),
            ("", None),
        ];
        for (event, want) in cases {
            assert_eq!(find(event.as_bytes()), want, "{event}");
        }
    }
}
