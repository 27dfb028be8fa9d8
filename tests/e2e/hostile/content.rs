//! Events whose bytes, numbers, text or size are wrong.

use super::attack::Attack;
use super::form::{event, event_with, in_any_form, pick};
use crate::random::Random;

/// More brackets than an event, or any parser, should follow.
pub(super) fn deep(random: &mut Random) -> Attack {
    let depth = match random.below(10) {
        0 => random.between(10_000, 30_000),
        _ => random.between(40, 2_000),
    } as usize;
    let (open, close) = match random.below(3) {
        0 => ("[", "]"),
        1 => ("{\"a\":", "}"),
        _ => ("[{\"a\":", "}]"),
    };
    let nested = format!("{}0{}", open.repeat(depth), close.repeat(depth));
    let event = match random.below(5) {
        0 => nested,
        1 => event_with(random, "\"pexip\"", &nested),
        2 => event_with(random, "\"data\":{", &format!("\"x\":{nested},\"data\":{{")),
        3 => event_with(random, "\"unit\":\"h\"", &format!("\"unit\":{nested}")),
        // Never closed.
        _ => event_with(random, "\"pexip\"", &open.repeat(depth)),
    };
    in_any_form(random, event)
}

/// A byte, or a few, that make no UTF-8: stray, overlong, a surrogate, cut, beyond U+10FFFF.
pub(super) fn not_utf8(random: &mut Random) -> Attack {
    let parts: [&[u8]; 7] =
        [b"\xff", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\xfe\xff"];
    let event = event(random).into_bytes();
    let at = random.between(1, event.len() as u64 - 1) as usize;
    let bytes = [&event[..at], pick(random, &parts), &event[at..]].concat();
    in_any_form(random, bytes)
}

/// A key twice, at any level, perhaps written in another way the second time.
pub(super) fn duplicate_key(random: &mut Random) -> Attack {
    let keys = [
        ("\"id\"", "\"\\u0069d\""),
        ("\"source\"", "\"sourc\\u0065\""),
        ("\"type\"", "\"\\u0074ype\""),
        ("\"data\"", "\"d\\u0061ta\""),
        ("\"quantity\"", "\"\\u0071uantity\""),
        ("\"meter\"", "\"m\\u0065ter\""),
        ("\"costcentre\"", "\"costcentr\\u0065\""),
        ("\"platform\"", "\"pl\\u0061tform\""),
    ];
    let (key, escaped) = keys[random.below(keys.len())];
    let second = if random.below(2) == 0 { key } else { escaped };
    let value = pick(random, &["\"0\"", "null", "1", "{}", "\"110200\""]);
    let event = event_with(random, key, &format!("{second}:{value},{key}"));
    in_any_form(random, event)
}

/// Numbers that are too large, too fine, or none.
pub(super) fn odd_number(random: &mut Random) -> Attack {
    let many = |random: &mut Random, digit: &str| digit.repeat(random.between(16, 900) as usize);
    let number = match random.below(10) {
        0 => format!("1e{}", random.between(16, 999_999_999)),
        1 => format!("-1e{}", "9".repeat(random.between(3, 400) as usize)),
        2 => format!("1e-{}", random.between(7, 999_999_999)),
        3 => many(random, "9"),
        4 => format!("-{}", many(random, "7")),
        5 => format!("0.{}1", many(random, "0")),
        6 => format!("\"{}\"", many(random, "9")),
        7 => format!("\"0.{}1\"", many(random, "0")),
        8 => format!("{}.{}", many(random, "1"), many(random, "3")),
        _ => pick(
            random,
            &[
                "NaN",
                "Infinity",
                "-Infinity",
                "0x10",
                "1_000",
                "+1",
                ".5",
                "5.",
                "01",
                "\"NaN\"",
                "\"1,5\"",
                "\"1e3\"",
                "\"\"",
                "\" 1\"",
                "\"1 \"",
                "\"\u{661}\"",
                "\"−1\"",
                "\"0x1F\"",
                "-",
                "1e",
                "true",
                "[]",
                "\"-1\"",
                "-0.5",
            ],
        )
        .to_owned(),
    };
    let event = event(random);
    let (before, rest) = event.split_once("\"quantity\":").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    let event = match random.below(4) {
        0 => event.replacen("\"unit\"", &format!("\"seq\":{number},\"unit\""), 1),
        _ => format!("{before}\"quantity\":{number},{after}"),
    };
    in_any_form(random, event)
}

/// NUL and its kin, as they are or escaped.
pub(super) fn control_character(random: &mut Random) -> Attack {
    let places = [
        "hostile-",
        "room:kb-",
        "e-moten",
        "participant_hour",
        "\"KLF",
        "\"110200",
        "\"pexip",
        "\"h",
        "/lkdata",
    ];
    let place = pick(random, &places);
    let code = pick(random, &[&0_u8, &1, &7, &8, &11, &27, &31]);
    let text = match random.below(3) {
        0 => format!("\\u{code:04x}"),
        1 => char::from(*code).to_string(),
        _ => pick(random, &["\\u0000", "\\u0000\\u0000", "\\u007f", "\\ud800", "\\udc00x"]).to_owned(),
    };
    let event = event_with(random, place, &format!("{place}{text}"));
    in_any_form(random, event)
}

/// Names that are documents, and events that are books.
pub(super) fn oversize(random: &mut Random) -> Attack {
    let some = |random: &mut Random, low: u64, high: u64| "x".repeat(random.between(low, high) as usize);
    let event = match random.below(10) {
        0 => {
            let x = some(random, 200, 9_000);
            event_with(random, "hostile-", &x)
        }
        1 => {
            let x = some(random, 200, 9_000);
            event_with(random, "room:", &format!("room:{x}"))
        }
        2 => {
            let x = some(random, 200, 9_000);
            event_with(random, "/lkdata", &format!("/{x}/lkdata"))
        }
        3 => {
            let x = some(random, 201, 9_000);
            event_with(random, "\"pexip\"", &format!("\"{x}\""))
        }
        4 => {
            let x = some(random, 41, 9_000);
            event_with(random, "\"platform\"", &format!("\"{x}\""))
        }
        5 => {
            let x = some(random, 20, 900).to_uppercase();
            event_with(random, "\"110200\"", &format!("\"1{x}\""))
        }
        6 => {
            let x = some(random, 65_536, 90_000);
            event_with(random, "\"data\"", &format!("\"note\":\"{x}\",\"data\""))
        }
        7 => {
            let dims: Vec<String> = (0..random.between(17, 60)).map(|n| format!("\"d{n}\":\"v\"")).collect();
            event_with(random, "\"platform\":\"pexip\"", &dims.join(","))
        }
        8 => {
            let fields: Vec<String> = (0..random.between(65, 900)).map(|n| format!("\"x{n}\":1")).collect();
            event_with(random, "\"data\"", &format!("{},\"data\"", fields.join(",")))
        }
        _ => {
            let x = some(random, 64, 900);
            event_with(random, "e-moten", &x)
        }
    };
    in_any_form(random, event)
}

/// Whether a text holds what [`nobodys`] makes.
pub(super) fn is_personal(text: &str) -> bool {
    let is_number = |digits: &str| digits.len() == 12 && digits.starts_with("1890");
    ["@example.org", "07017406", "192.0.2.", "2001:db8:"].iter().any(|mark| text.contains(mark))
        || text.split(|char: char| !char.is_ascii_digit()).any(is_number)
}

/// Personal data that belongs to nobody: identity numbers of 1890 with the series that the tax agency has for tests,
/// telephone numbers that the telecom authority keeps for fiction, addresses of documentation (RFC 2606, 3849, 5737).
fn nobodys(random: &mut Random) -> String {
    match random.below(5) {
        0 => format!("namn{}@example.org", random.below(1_000)),
        1 => format!("07017406{:02}", random.between(5, 99)),
        2 => format!("192.0.2.{}", random.below(256)),
        3 => format!("2001:db8::{:x}", random.between(1, 65_535)),
        _ => {
            let nine = format!(
                "90{:02}{:02}{}",
                random.between(1, 12),
                random.between(1, 28),
                random.between(980, 999)
            );
            let doubled = |(at, digit): (usize, u8)| {
                let value = u32::from(digit - b'0') * (2 - at as u32 % 2);
                value / 10 + value % 10
            };
            let sum: u32 = nine.bytes().enumerate().map(doubled).sum();
            format!("18{nine}{}", (10 - sum % 10) % 10)
        }
    }
}

/// A person where a pseudonym should be.
pub(super) fn personal_data(random: &mut Random) -> Attack {
    let who = nobodys(random);
    let is_number = who.bytes().all(|byte| byte.is_ascii_digit());
    let (from, to) = match random.below(11) {
        9 if is_number => ("\"data\"", format!("\"{who}\":1,\"data\"")),
        // A number has no zero before it, as telephone numbers have.
        10 if who.starts_with("1890") => ("\"data\"", format!("\"note\":{who},\"data\"")),
        0 => ("\"id\":\"", format!("\"id\":\"{who}/")),
        1 => ("\"room:", format!("\"user:{who}/")),
        2 => ("\"pexip\"", format!("\"{who}\"")),
        3 => ("\"data\"", format!("\"note\":\"{who}\",\"data\"")),
        4 => ("\"data\":{", format!("\"data\":{{\"user\":\"{who}\",")),
        5 => ("\"KLF\"", format!("\"KLF\",\"object\":\"{who}\"")),
        6 => ("\"unit\":\"h\"", format!("\"unit\":\"{who}\"")),
        7 => ("/lkdata/", format!("/{who}/lkdata/")),
        _ => ("\"pexip\"", format!("\"pexip\",\"{who}\":\"x\"")),
    };
    let event = event_with(random, from, &to);
    in_any_form(random, event)
}

/// Bytes that are nearly JSON.
pub(super) fn broken_json(random: &mut Random) -> Attack {
    let event = event(random);
    let at = random.between(1, event.len() as u64 - 1) as usize;
    let broken = match random.below(6) {
        0 => event[..at].to_owned(),
        1 => event.replacen(':', pick(random, &["=", "", "::", ";"]), 1),
        2 => event.replace('"', "'"),
        3 => format!("{event}{}", pick(random, &["}", "]", "{}", " x", "\u{1a}"])),
        4 => event.replacen(",\"", pick(random, &["\"", ",,\"", ",/* */\"", ",\\\""]), 1),
        _ => (0..random.between(1, 400)).map(|_| char::from(random.between(33, 126) as u8)).collect(),
    };
    in_any_form(random, broken)
}
