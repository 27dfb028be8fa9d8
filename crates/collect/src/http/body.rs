//! body → bytes, within every limit, before anything looks at them

use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::bufread::MultiGzDecoder;
use http_body_util::BodyExt;
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::media::Encoding;
use super::problem::{Problem, Reason};

/// The limits of bodies.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes of a compressed body, as it comes.
    pub compressed_bytes: usize,
    /// The most bytes of a body that is not compressed, or no longer: a full batch of large events.
    pub body_bytes: usize,
    /// How many times its size a body may grow when it is decompressed.
    pub ratio: usize,
    /// What a body may grow to whatever its ratio: events that differ in little more than their ids shrink to less than
    /// a hundredth, and this much does no harm.
    pub ratio_free_bytes: usize,
    /// The most bytes of bodies that are held at once, compressed and decompressed. A request holds at most four times
    /// its share (its body, its slices, and its records on their way), so this bounds the memory of the intake.
    pub in_flight_bytes: usize,
    /// What a request counts for at least, whatever its body: its task, its headers and its answer. With the limit above it
    /// bounds the requests under way to 4,096.
    pub request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            compressed_bytes: 5 << 20,
            body_bytes: 16 << 20,
            ratio: 100,
            ratio_free_bytes: 1 << 20,
            in_flight_bytes: 64 << 20,
            request_bytes: 16 << 10,
        }
    }
}

/// The room for bodies that all requests share.
#[derive(Debug)]
pub struct Room {
    free: Arc<Semaphore>,
    taken: IntGauge,
}

impl Room {
    /// Room for so many bytes; the gauge shows what is taken.
    pub fn new(bytes: usize, taken: IntGauge) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes)), taken }
    }

    /// A reservation that is still empty.
    pub fn reservation(&self) -> Reservation {
        Reservation { free: Arc::clone(&self.free), held: None, taken: self.taken.clone() }
    }
}

/// What one request holds of the room; dropping it gives that back.
#[derive(Debug)]
pub struct Reservation {
    free: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    taken: IntGauge,
}

impl Reservation {
    /// Takes more. Never waits: who waited while holding some could wait for ever.
    pub fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let count = u32::try_from(bytes).map_err(|_| Reason::BodyTooLarge)?;
        let more = Arc::clone(&self.free).try_acquire_many_owned(count).map_err(|_| Reason::Overloaded)?;
        self.taken.add(i64::from(count));
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.taken.sub(i64::try_from(held).unwrap_or(i64::MAX));
    }
}

/// The refusal of a body over a limit.
pub fn too_large(max: usize) -> Problem {
    Problem::new(Reason::BodyTooLarge, format!("at most {max} bytes are taken"))
}

/// Reads a body that has at most `max` bytes.
pub async fn read(mut body: Body, max: usize, reservation: &mut Reservation) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Reason::InvalidBody, "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > max {
            return Err(too_large(max));
        }
        reservation.take(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// How much is decompressed before the limits are looked at again.
const STEP_BYTES: usize = 64 << 10;

/// The largest window of zstd, as a power of two: RFC 9659 has 8 MiB for HTTP, and a decoder takes as much at once.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Undoes the one layer of compression that a body may have.
pub fn expand(
    encoding: Encoding,
    body: Bytes,
    limits: &Limits,
    reservation: &mut Reservation,
) -> Result<Bytes, Problem> {
    let unreadable = |error: std::io::Error| {
        Problem::new(Reason::InvalidBody, format!("the body cannot be decompressed: {error}"))
    };
    let mut reader: Box<dyn Read + '_> = match encoding {
        Encoding::Identity => return Ok(body),
        Encoding::Gzip => Box::new(MultiGzDecoder::new(&body[..])),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(unreadable)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(unreadable)?;
            Box::new(decoder)
        }
    };
    let by_ratio = body.len().saturating_mul(limits.ratio).max(limits.ratio_free_bytes);
    let max = limits.body_bytes.min(by_ratio);
    let mut expanded = Vec::new();
    loop {
        reservation.take(STEP_BYTES)?;
        let step = reader.by_ref().take(STEP_BYTES as u64).read_to_end(&mut expanded).map_err(unreadable)?;
        if expanded.len() > max {
            let detail = format!(
                "decompressed, at most {} bytes and {} times the body are taken",
                limits.body_bytes, limits.ratio
            );
            return Err(Problem::new(Reason::BodyTooLarge, detail));
        }
        if step == 0 {
            drop(reader);
            return Ok(expanded.into());
        }
    }
}
