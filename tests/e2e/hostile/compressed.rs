//! Bodies that lie about how they are compressed, or grow without measure.

use std::sync::LazyLock;

use super::attack::{Attack, Request};
use super::form::{event, gzip, pick, zstd};
use crate::random::Random;

/// A megabyte of one byte, compressed: a member (RFC 1952 §2.2) or a frame (RFC 8878 §3.1) of which many make a body.
static MEGABYTES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    let of = |byte: &u8| {
        let plain = vec![*byte; 1 << 20];
        [("gzip", gzip(&plain)), ("zstd", zstd(&plain))]
    };
    b" [{0\0".iter().flat_map(of).collect()
});

/// Some kilobytes that become megabytes, or gigabytes.
pub(super) fn bomb(random: &mut Random) -> Attack {
    let (encoding, megabyte) = &MEGABYTES[random.below(MEGABYTES.len())];
    let times = match random.below(20) {
        0 => random.between(500, 4_000),
        _ => random.between(2, 60),
    };
    let kinds = ["application/json", "application/x-ndjson", "text/csv", "application/cloudevents+json"];
    Request::events(pick(random, &kinds), megabyte.repeat(times as usize))
        .header("content-encoding", *encoding)
        .allow(&[413])
        .may_be_cut()
}

/// A right event whose compression is cut off or has a flipped bit.
pub(super) fn damaged(random: &mut Random) -> Attack {
    let event = event(random);
    let (encoding, mut body) = match random.below(2) {
        0 => ("gzip", gzip(event.as_bytes())),
        _ => ("zstd", zstd(event.as_bytes())),
    };
    if random.below(2) == 0 {
        body.truncate(random.between(1, body.len() as u64 - 1) as usize);
    } else {
        // The headers before hold a time and flags that change nothing.
        let at = random.between(10, body.len() as u64 - 1) as usize;
        body[at] ^= 1 << random.below(8);
    }
    let kinds = ["application/json", "application/x-ndjson", "application/cloudevents+json"];
    Request::events(pick(random, &kinds), body).header("content-encoding", encoding).allow(&[400, 413])
}

/// A right event whose encoding is not taken, is another one than it says, or was put on twice.
pub(super) fn wrong_encoding(random: &mut Random) -> Attack {
    let event = event(random).into_bytes();
    let json = |body: Vec<u8>| Request::events("application/json", body);
    let unknown =
        ["br", "deflate", "compress", "gzip, zstd", "gzip,gzip", "gzip;q=1", "*", "aes128gcm", "gzip\t,"];
    match random.below(6) {
        0 => json(gzip(&gzip(&event))).header("content-encoding", "gzip").allow(&[400]),
        1 => json(zstd(&gzip(&event))).header("content-encoding", "zstd").allow(&[400]),
        2 => json(event).header("content-encoding", pick(random, &["gzip", "zstd"])).allow(&[400]),
        3 => json(gzip(&event)).header("content-encoding", "zstd").allow(&[400]),
        4 => {
            let twice = gzip(&gzip(&event));
            json(twice).header("content-encoding", "gzip").header("content-encoding", "gzip").allow(&[415])
        }
        _ => json(event).header("content-encoding", pick(random, &unknown)).allow(&[415]),
    }
}
