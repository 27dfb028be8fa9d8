//! Cursors: where a page ended, opaque to the caller and bound to its list.
//!
//! A cursor names the last item's key, not its number: items that come or go between two pages are neither repeated
//! nor make others be skipped.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::problem::{Kind, Problem};
use crate::query::Params;

/// The key of an item: its place in the list's order.
pub(crate) type Key = Vec<Option<String>>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Which list it belongs to.
    list: String,
    /// The key of the last item of the page before.
    after: Key,
}

/// Longer cursors are not ours: keys are a handful of short codes.
const CURSOR_BYTES_MAX: usize = 4_096;

/// The key after which the requested page begins; none for the first page.
pub(crate) fn after(path: &str, params: &Params) -> Result<Option<Key>, Problem> {
    let Some(text) = params.get("cursor") else { return Ok(None) };
    let read = || -> Option<Cursor> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes().get(..CURSOR_BYTES_MAX.min(text.len()))?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let cursor = read().filter(|cursor| cursor.list == list(path, params));
    cursor.map(|cursor| Some(cursor.after)).ok_or_else(foreign)
}

/// What is answered to a cursor of another list.
pub(crate) fn foreign() -> Problem {
    Problem::new(Kind::InvalidCursor).detail(
        "sidmarkören hör inte till den här listan; börja om utan cursor",
        "the cursor does not belong to this list; start again without it",
    )
}

/// The cursor of the page after the item with this key.
pub(crate) fn next(path: &str, params: &Params, after: Key) -> String {
    let cursor = Cursor { list: list(path, params), after };
    BASE64URL_NOPAD.encode(serde_json::json!(cursor).to_string().as_bytes())
}

/// One page of `items`, which are in the order of their keys, and the cursor of the next.
pub(crate) fn page<T>(
    path: &str,
    params: &Params,
    mut items: Vec<T>,
    key: impl Fn(&T) -> Key,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let limit = params.limit()?;
    if let Some(after) = after(path, params)? {
        let start = items.partition_point(|item| key(item) <= after);
        items.drain(..start);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| next(path, params, key(last)));
    Ok((items, next))
}

fn list(path: &str, params: &Params) -> String {
    let digest = Sha256::digest(format!("{path}\n{}", params.identity()));
    BASE64URL_NOPAD.encode(&digest[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["month", "limit", "cursor"];

    fn params(query: &str) -> Params {
        Params::read(&format!("/x?{query}").parse().unwrap(), KNOWN).unwrap()
    }

    fn numbers(query: &str, items: &[u32]) -> (Vec<u32>, Option<String>) {
        page("/x", &params(query), items.to_vec(), |n| vec![Some(format!("{n:03}"))]).unwrap()
    }

    #[test]
    fn pages_follow_each_other_without_a_gap_or_a_repeat() {
        let items: Vec<u32> = (0..10).collect();
        let mut seen = Vec::new();
        let mut query = "month=2021-03&limit=3".to_owned();
        loop {
            let (page, next) = numbers(&query, &items);
            seen.extend(page);
            let Some(cursor) = next else { break };
            query = format!("month=2021-03&limit=3&cursor={cursor}");
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn an_item_that_comes_before_the_cursor_moves_nothing() {
        let (_, next) = numbers("limit=2", &[1, 5, 7, 9]);
        let (page, end) = numbers(&format!("limit=2&cursor={}", next.unwrap()), &[1, 2, 5, 7, 9]);
        assert_eq!((page, end), (vec![7, 9], None));
    }

    #[test]
    fn a_cursor_of_another_list_or_of_nobody_is_refused() {
        let (_, next) = numbers("month=2021-03&limit=1", &[1, 2]);
        let other_list = format!("month=2021-04&cursor={}", next.unwrap());
        let too_long = format!("cursor={}", "A".repeat(CURSOR_BYTES_MAX + 4));
        for query in [&other_list, &too_long, "cursor=abc", "cursor=%C3%A5"] {
            assert!(after("/x", &params(query)).is_err(), "{query}");
        }
    }
}
