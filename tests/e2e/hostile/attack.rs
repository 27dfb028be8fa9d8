//! One hostile request as its bytes, and how it may be answered.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::program::DEADLINE;

/// What is put on a connection of its own.
pub(super) struct Attack {
    bytes: Vec<u8>,
    /// The statuses that are right.
    allowed: &'static [u16],
    /// How many events the answer must refuse one by one, if it is 202.
    events: usize,
    /// Whether the program may close the connection without an answer, or so early that the answer is lost.
    may_be_cut: bool,
    /// Whether the attacker closes its side after the bytes.
    hangs_up: bool,
}

/// What came back.
pub(super) struct Answer {
    /// 0 when nothing did.
    pub(super) status: u16,
    body: Vec<u8>,
}

/// A request, before it is bytes.
pub(super) struct Request {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    pub(super) fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Events of a content type.
    pub(super) fn events(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST /v1/events").header("content-type", content_type).body(body)
    }

    pub(super) fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The attack, which may be answered with one of these.
    pub(super) fn allow(self, allowed: &'static [u16]) -> Attack {
        Attack { bytes: self.bytes(), allowed, events: 0, may_be_cut: false, hangs_up: false }
    }

    /// What is not said otherwise is as HTTP wants it.
    fn bytes(&self) -> Vec<u8> {
        let has = |wanted: &[&str]| self.headers.iter().any(|(name, _)| wanted.contains(&name.as_str()));
        let mut bytes = format!("{} HTTP/1.1\r\nconnection: close\r\n", self.line).into_bytes();
        if !has(&["host"]) {
            bytes.extend_from_slice(b"host: 127.0.0.1\r\n");
        }
        if !has(&["content-length", "transfer-encoding"]) {
            bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

impl Attack {
    pub(super) fn refusing(self, events: usize) -> Self {
        Self { events, ..self }
    }

    pub(super) fn may_be_cut(self) -> Self {
        Self { may_be_cut: true, ..self }
    }

    pub(super) fn hanging_up(self) -> Self {
        Self { may_be_cut: true, hangs_up: true, ..self }
    }

    /// Sends it and reads what comes until the connection is closed.
    pub(super) fn send(&self, url: &str) -> std::io::Result<Answer> {
        let mut stream = connect(url);
        // The program may have answered and closed while we still send.
        let written = stream.write_all(&self.bytes);
        if self.hangs_up {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        if !self.may_be_cut {
            written.and(read)?;
        }
        let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let body = head_end.map_or_else(Vec::new, |at| bytes.split_off(at));
        Ok(Answer { status: status.unwrap_or(0), body })
    }

    /// What is wrong with the answer: the status, or that anything of the attack was accepted.
    pub(super) fn fault(&self, answer: &Answer) -> Option<String> {
        let is_right = match answer.status {
            0 => self.may_be_cut,
            202 => self.allowed.contains(&202) && self.refused_all(&answer.body),
            status => self.allowed.contains(&status),
        };
        (!is_right).then(|| {
            format!(
                "{} {}, where one of {:?} (and {} events refused) is right; sent was\n{}",
                answer.status,
                beginning(&answer.body, 600),
                self.allowed,
                self.events,
                beginning(&self.bytes, 1_500)
            )
        })
    }

    fn refused_all(&self, body: &[u8]) -> bool {
        let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
        answer["accepted"] == 0 && answer["rejected"].as_array().map(Vec::len) == Some(self.events)
    }
}

/// What a failed test shows of bytes.
fn beginning(bytes: &[u8], characters: usize) -> String {
    String::from_utf8_lossy(bytes).chars().take(characters).collect()
}

/// A connection to the program.
pub(super) fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}
