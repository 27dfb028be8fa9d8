//! Values of attributes as texts. A directory does not say what a value is; it is known by the attribute's name.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use data_encoding::{BASE64, HEXLOWER};

/// Attributes that are times in text (RFC 4517 §3.3.13).
const GENERALIZED_TIMES: [&str; 4] = ["whenCreated", "whenChanged", "createTimestamp", "modifyTimestamp"];
/// Attributes of Active Directory that are times in units of 100 ns since 1601 (MS-DTYP §2.3.3).
const FILE_TIMES: [&str; 4] = ["lastLogon", "lastLogonTimestamp", "pwdLastSet", "accountExpires"];
/// Attributes of Active Directory that are GUIDs.
const GUIDS: [&str; 2] = ["objectGUID", "invocationId"];
/// From 1601-01-01 to 1970-01-01, in seconds.
const FILE_EPOCH: i64 = 11_644_473_600;

/// A value as text; none if it is a time that means never.
///
/// # Errors
/// A value that is not of the attribute's form.
pub(super) fn text(name: &str, value: &[u8]) -> Result<Option<String>, String> {
    let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let Ok(text) = std::str::from_utf8(value) else {
        return if is_one_of(&GUIDS) { guid(value).map(Some) } else { Ok(Some(BASE64.encode(value))) };
    };
    if is_one_of(&GUIDS) {
        return guid(value).map(Some);
    }
    let wrong = || format!("{name} has {text:?}, which is no time");
    if is_one_of(&GENERALIZED_TIMES) {
        return generalized_time(text).map(Some).ok_or_else(wrong);
    }
    if is_one_of(&FILE_TIMES) {
        let time = text.parse().map_err(|_| wrong())?;
        return if time == 0 || time == i64::MAX {
            Ok(None)
        } else {
            file_time(time).map(Some).ok_or_else(wrong)
        };
    }
    Ok(Some(text.to_owned()))
}

/// A GUID as Microsoft writes it: its first three parts are little-endian (MS-DTYP §2.3.4).
fn guid(value: &[u8]) -> Result<String, String> {
    let value = <[u8; 16]>::try_from(value).map_err(|_| format!("a GUID has {} bytes", value.len()))?;
    let [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, node @ ..] = value;
    let parts: [&[u8]; 5] = [&[a3, a2, a1, a0], &[b1, b0], &[c1, c0], &[d0, d1], &node];
    Ok(parts.map(|part| HEXLOWER.encode(part)).join("-"))
}

/// Directories give these in UTC, Active Directory with tenths of a second that are always 0.
fn generalized_time(text: &str) -> Option<String> {
    let text = text.strip_suffix('Z')?;
    let seconds = text.split_once('.').map_or(text, |(seconds, _)| seconds);
    Some(rfc3339(NaiveDateTime::parse_from_str(seconds, "%Y%m%d%H%M%S").ok()?.and_utc()))
}

fn file_time(time: i64) -> Option<String> {
    if time < 0 {
        return None;
    }
    Some(rfc3339(DateTime::from_timestamp(time / 10_000_000 - FILE_EPOCH, 0)?))
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_by_their_attribute() {
        let guid =
            [0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let cases: [(&str, &[u8], Option<&str>); 9] = [
            ("objectGUID", &guid, Some("01234567-89ab-cdef-0123-456789abcdef")),
            // Sixteen bytes that happen to be text are a GUID all the same.
            ("objectguid", b"abcdefghijklmnop", Some("64636261-6665-6867-696a-6b6c6d6e6f70")),
            ("whenCreated", b"20210115080012.0Z", Some("2021-01-15T08:00:12Z")),
            ("createTimestamp", b"20210115080012Z", Some("2021-01-15T08:00:12Z")),
            ("lastLogonTimestamp", b"132551712120000000", Some("2021-01-15T08:00:12Z")),
            ("accountExpires", b"9223372036854775807", None),
            ("accountExpires", b"0", None),
            ("department", "Förskola".as_bytes(), Some("Förskola")),
            ("department", &[0xff], Some("/w==")),
        ];
        for (name, value, expected) in cases {
            assert_eq!(text(name, value).unwrap().as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_value_that_is_not_of_its_form_is_said() {
        let cases: [(&str, &[u8]); 5] = [
            ("objectGUID", &[1, 2, 0xff]),
            ("whenChanged", b"2021-01-15"),
            ("whenChanged", b"20211315080012.0Z"),
            ("pwdLastSet", b"soon"),
            ("pwdLastSet", b"-9223372036854775808"),
        ];
        for (name, value) in cases {
            assert!(text(name, value).is_err(), "{name} {value:?}");
        }
    }
}
