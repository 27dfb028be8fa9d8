//! Compression of answers, for clients that ask for it.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// zstd's level: ClickHouse's default for HTTP. Over loopback speed counts.
const ZSTD_LEVEL: i32 = 1;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl Encoding {
    /// The best of those that the client takes: zstd is faster than gzip and packs better.
    pub(super) fn choose(accepted: Option<&str>) -> Self {
        let accepts = |wanted: &str| {
            accepted.is_some_and(|accepted| {
                accepted.split(',').any(|entry| {
                    let (name, quality) = entry.split_once(';').unwrap_or((entry, ""));
                    let is_refused = matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
                    name.trim().eq_ignore_ascii_case(wanted) && !is_refused
                })
            })
        };
        if accepts("zstd") {
            Self::Zstd
        } else if accepts("gzip") {
            Self::Gzip
        } else if accepts("deflate") {
            Self::Deflate
        } else {
            Self::Identity
        }
    }

    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Encodes a body piece by piece.
pub(super) enum Encoder {
    Identity,
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Zstd(Option<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            Encoding::Deflate => Self::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())),
            Encoding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).ok()),
        }
    }

    /// Takes a piece and returns what is ready to be sent.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(piece.to_vec()),
            Self::Gzip(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Deflate(encoder) => {
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                let encoder = encoder.as_mut().ok_or_else(|| io::Error::other("no zstd encoder"))?;
                encoder.write_all(piece)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// Returns what is left.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(Vec::new()),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Deflate(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.ok_or_else(|| io::Error::other("no zstd encoder"))?.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_accepted_encoding_is_chosen() {
        for (accepted, expected) in [
            (None, Encoding::Identity),
            (Some("br"), Encoding::Identity),
            (Some("gzip, deflate"), Encoding::Gzip),
            (Some("lz4,zstd,gzip,deflate"), Encoding::Zstd),
            (Some("zstd;q=0, GZIP;q=0.5"), Encoding::Gzip),
            (Some("deflate"), Encoding::Deflate),
        ] {
            assert_eq!(Encoding::choose(accepted), expected, "{accepted:?}");
        }
    }

    #[test]
    fn pieces_make_one_stream() {
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd] {
            let mut encoder = Encoder::new(encoding);
            let mut encoded = encoder.push(b"one ").expect("encode");
            encoded.extend(encoder.push(&[b'x'; 100_000]).expect("encode"));
            encoded.extend(encoder.finish().expect("encode"));
            let mut decoded = Vec::new();
            let mut decoder: Box<dyn io::Read> = match encoding {
                Encoding::Gzip => Box::new(flate2::read::GzDecoder::new(&encoded[..])),
                Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(&encoded[..])),
                Encoding::Zstd => {
                    Box::new(zstd::stream::read::Decoder::new(&encoded[..]).expect("a decoder"))
                }
                Encoding::Identity => Box::new(&encoded[..]),
            };
            decoder.read_to_end(&mut decoded).expect("decode");
            assert_eq!(decoded.len(), 100_004, "{encoding:?}");
        }
    }
}
