//! Finds what looks like personal data in a string (V10), so that an event that carries it is refused, not stored.
//!
//! Patterns match whole tokens: digits inside a UUID, a date or a hash are nobody's identity number.

use std::net::{Ipv4Addr, Ipv6Addr};

use chrono::NaiveDate;

/// What a string seems to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalData {
    /// A personal identity number or coordination number with a valid date and check digit.
    IdentityNumber,
    /// An e-mail address or another handle: anything with `@`.
    Email,
    /// A phone number, in the Swedish or the international form.
    Phone,
    /// An IPv4 or IPv6 address.
    IpAddress,
}

impl PersonalData {
    /// In words, for the detail of a rejection.
    pub const fn in_words(self) -> &'static str {
        match self {
            PersonalData::IdentityNumber => "a personal identity number",
            PersonalData::Email => "an e-mail address",
            PersonalData::Phone => "a phone number",
            PersonalData::IpAddress => "an IP address",
        }
    }
}

/// The first kind of personal data that a string seems to hold.
pub fn find(text: &str) -> Option<PersonalData> {
    let mut digits = 0;
    let mut colons = 0;
    for byte in text.bytes() {
        match byte {
            b'@' => return Some(PersonalData::Email),
            b'0'..=b'9' => digits += 1,
            b':' => colons += 1,
            _ => {}
        }
    }
    // Most strings end here: the shortest address has four digits or two colons.
    if digits < 4 && colons < 2 {
        return None;
    }
    if colons >= 2 && text.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.').any(holds_ipv6) {
        return Some(PersonalData::IpAddress);
    }
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '-' && c != '.').find_map(|token| {
        let token = token.trim_matches('.');
        if holds_identity_number(token) {
            Some(PersonalData::IdentityNumber)
        } else if token.parse::<Ipv4Addr>().is_ok() {
            Some(PersonalData::IpAddress)
        } else if is_phone(token) {
            Some(PersonalData::Phone)
        } else {
            None
        }
    })
}

/// A token as it is, or what follows its first colon: objects are named `kind:name`, and a kind may be hexadecimal.
fn holds_ipv6(token: &str) -> bool {
    is_ipv6(token) || token.split_once(':').is_some_and(|(_, name)| is_ipv6(name))
}

fn is_ipv6(token: &str) -> bool {
    let groups = token.split(':').count();
    // A clock time such as 02:00:00 is no address; the parser wants eight groups or a double colon.
    groups >= 3 && token.trim_matches('.').parse::<Ipv6Addr>().is_ok() && token != "::"
}

/// A token as it is, or a part of it between dashes and points (`kort-189001019802`), unless it is a UUID.
fn holds_identity_number(token: &str) -> bool {
    if is_identity_number(token) {
        return true;
    }
    if is_uuid(token) || !token.contains(['-', '.']) {
        return false;
    }
    let parts: Vec<&str> = token.split(['-', '.']).collect();
    parts.iter().any(|part| is_identity_number(part))
        || parts.windows(2).any(|pair| is_identity_number(&format!("{}-{}", pair[0], pair[1])))
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(token: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let groups = token.split('-');
    groups.clone().count() == lengths.len()
        && groups
            .zip(lengths)
            .all(|(group, length)| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `\d{6}[-+]?\d{4}` or `\d{8}[-+]?\d{4}` with a valid date (a coordination number has 60 added to the day) and a
/// valid check digit over the last ten digits.
fn is_identity_number(token: &str) -> bool {
    let bytes = token.as_bytes();
    let separated = bytes.len().checked_sub(5).is_some_and(|at| matches!(bytes[at], b'-' | b'+'));
    let digits: Vec<u32> = token.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() + usize::from(separated) != bytes.len() || !matches!(digits.len(), 10 | 12) {
        return false;
    }
    let ten = &digits[digits.len() - 10..];
    let two = |at: usize| ten[at] * 10 + ten[at + 1];
    let day = if two(4) > 60 { two(4) - 60 } else { two(4) };
    let years = if digits.len() == 12 {
        let century = digits[0] * 10 + digits[1];
        if !(18..=20).contains(&century) {
            return false;
        }
        vec![century * 100 + two(0)]
    } else {
        vec![1900 + two(0), 2000 + two(0)]
    };
    let dated = years
        .into_iter()
        .any(|y| i32::try_from(y).is_ok_and(|y| NaiveDate::from_ymd_opt(y, two(2), day).is_some()));
    dated && luhn_sum(ten).is_multiple_of(10)
}

/// The Luhn sum of digits, doubling every second from the first.
fn luhn_sum(digits: &[u32]) -> u32 {
    digits
        .iter()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit })
        .sum()
}

/// `+` and 8 to 15 digits, or a Swedish number: `0` + area code, `-`, subscriber number; or ten digits from `07`.
fn is_phone(token: &str) -> bool {
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = token.strip_prefix('+') {
        let digits = rest.bytes().filter(u8::is_ascii_digit).count();
        return (8..=15).contains(&digits) && rest.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    }
    if let Some((area, subscriber)) = token.split_once('-') {
        return area.starts_with('0')
            && (2..=4).contains(&area.len())
            && (5..=8).contains(&subscriber.len())
            && all_digits(area)
            && all_digits(subscriber);
    }
    token.len() == 10 && token.starts_with("07") && all_digits(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_found_as_a_whole_token() {
        use PersonalData::{Email, IdentityNumber, IpAddress, Phone};
        // Identity numbers from the tax agency's published series of test numbers.
        let cases = [
            ("189001019802", Some(IdentityNumber)),
            ("18900118-9811", Some(IdentityNumber)),
            ("user:900101-9802", Some(IdentityNumber)),
            ("kort/9001019802/x", Some(IdentityNumber)),
            ("kort-189001019802", Some(IdentityNumber)),
            ("kort-900101-9802-x", Some(IdentityNumber)),
            ("v1.9001019802", Some(IdentityNumber)),
            ("12345678-1234-4abc-8def-189001019802", None),
            ("9001019803", None),
            ("9013019802", None),
            ("namn@example.org", Some(Email)),
            ("+46131234567", Some(Phone)),
            ("013-206000", Some(Phone)),
            ("0701234567", Some(Phone)),
            ("10.1.2.3", Some(IpAddress)),
            ("host 192.168.0.1, port 80", Some(IpAddress)),
            ("2001:db8::1", Some(IpAddress)),
            ("fe80::1", Some(IpAddress)),
            ("user:2001:db8::1", Some(IpAddress)),
            ("user:2001:db8:0:0:0:0:0:1/port", Some(IpAddress)),
            ("face:2001:db8:0:0:0:0:0:1", Some(IpAddress)),
            ("room:02:00:00", None),
            ("vm:esx01:2021", None),
            ("ontap1:314a328f-502d-11e9-8771-005056a7f717:2021-01-15T03", None),
            ("90010198-0212-4e9f-8771-005056a7f717", None),
            ("ad1:9f3c:2021-01-15", None),
            ("2021-01-15T02:00:00", None),
            ("ps_5kq2mmmmmmmmmmmmmmmmmmmmmm", None),
            ("/lkdata/collector/ad/lkdata.test", None),
            ("1.2.3", None),
            ("9.17.0.14.2", None),
            ("2500", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(find(text), want, "{text}");
        }
    }
}
