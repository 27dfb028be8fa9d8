//! Topics: their names, what they should be like, and what identifies one.

use crate::{Error, Result};
use std::fmt;

/// Accepted events; only collectors write it (counting.md §2).
pub const USAGE: &str = "usage";
/// Events of producers of their own, with any key; a collector validates and forwards them.
pub const INTAKE: &str = "intake";
/// Refused, parked, conflicting, misrouted and undecodable events.
pub const QUARANTINE: &str = "quarantine";
/// Decisions (design.md §8): one partition, and its first record is never deleted.
pub const CONTROL: &str = "control";

/// A topic that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// 1–200 characters of `a-z A-Z 0-9 . _ -`.
    pub name: String,
    /// At least 1; fixed for a generation of the topic.
    pub partitions: u32,
}

impl TopicSpec {
    /// The program's topics: `usage` with this many partitions, the others with one.
    pub fn standard(usage_partitions: u32) -> Vec<Self> {
        [(USAGE, usage_partitions), (INTAKE, 1), (QUARANTINE, 1), (CONTROL, 1)]
            .into_iter()
            .map(|(name, partitions)| Self { name: name.to_owned(), partitions })
            .collect()
    }

    /// Whether the name is one that both adapters take.
    pub(crate) fn check(&self) -> Result<()> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = (1..=200).contains(&self.name.len())
            && self.name.bytes().all(is_allowed)
            && self.name != "."
            && self.name != "..";
        if is_name { Ok(()) } else { Err(Error::TopicName { topic: self.name.clone() }) }
    }
}

/// A topic that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// What tells it from another topic that had its name before: progress refers to it (counting.md §4).
    pub id: TopicId,
}

/// The identity of a topic: Kafka's topic id, or 128 random bits made with the topic in the embedded log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u128);

impl fmt::Display for TopicId {
    /// As a UUID in lower-case hexadecimal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(formatter, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A setting of a topic that endangers what is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The topic.
    pub topic: String,
    /// The setting, as Kafka names it.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What it should be, and why.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, setting, found, advice } = self;
        write!(formatter, "topic {topic}: {setting} is {found}; {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_a_uuid() {
        let id = TopicId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "01234567-89ab-cdef-0123-456789abcdef");
    }

    #[test]
    fn names_that_only_one_adapter_would_take_are_refused() {
        for name in ["", ".", "..", "a/b", "å", &"x".repeat(201)] {
            let spec = TopicSpec { name: name.to_owned(), partitions: 1 };
            assert!(matches!(spec.check(), Err(Error::TopicName { .. })), "{name}");
        }
        assert!(TopicSpec::standard(12).iter().all(|spec| spec.check().is_ok()));
    }
}
