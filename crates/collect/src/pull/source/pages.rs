//! Lists that systems give in pages: put together whole, or not at all.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Failure, Record, flatten};
use crate::pull::http::Client;

/// The most pages of a list. A system that links its pages in a ring would be read for ever.
const PAGES_MAX: usize = 20_000;
/// The most things of a list: more than any municipality has. All of them are in memory at once, as they came.
const ITEMS_MAX: usize = 1_000_000;

/// What the pages of a list gave so far.
#[derive(Debug)]
pub(super) struct Pages {
    /// What is listed, for messages.
    what: &'static str,
    /// Where the things of a page are, as a JSON pointer (RFC 6901).
    items_at: &'static str,
    /// What tells one thing from another, as JSON pointers; an empty one is all of it.
    id_at: &'static [&'static str],
    items: Vec<Value>,
    ids: BTreeSet<String>,
    links: BTreeSet<String>,
    pages: usize,
    /// How many things there are in all, as the first page says.
    total: Option<u64>,
    may_repeat: bool,
}

impl Pages {
    /// An empty list.
    pub(super) fn new(what: &'static str, items_at: &'static str, id_at: &'static [&'static str]) -> Self {
        let (ids, links) = (BTreeSet::new(), BTreeSet::new());
        let items = Vec::new();
        Self { what, items_at, id_at, items, ids, links, pages: 0, total: None, may_repeat: false }
    }

    /// A list in which things are documented to come more than once; they are kept once.
    pub(super) fn may_repeat(self) -> Self {
        Self { may_repeat: true, ..self }
    }

    /// Adds a page and says how many things it had.
    ///
    /// # Errors
    /// A page without the list that it documents, things without an id, and things that came before: then pages moved
    /// while they were read, and others are missing.
    pub(super) fn add(&mut self, mut page: Value) -> Result<usize, Failure> {
        self.pages += 1;
        if self.pages > PAGES_MAX {
            return Err(self.broken(format!("more than {PAGES_MAX} pages")));
        }
        let Some(Value::Array(items)) = page.pointer_mut(self.items_at).map(Value::take) else {
            return Err(self.broken(format!("page {} has no list at {}", self.pages, self.items_at)));
        };
        let count = items.len();
        for item in items {
            let id = self.id(&item)?;
            if self.ids.insert(id) {
                self.items.push(item);
            } else if !self.may_repeat {
                return Err(self.broken(format!("page {} repeats what came before", self.pages)));
            }
        }
        if self.items.len() > ITEMS_MAX {
            return Err(self.broken(format!("more than {ITEMS_MAX}")));
        }
        Ok(count)
    }

    fn id(&self, item: &Value) -> Result<String, Failure> {
        let mut id = String::new();
        for pointer in self.id_at {
            let part = match item.pointer(pointer) {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                Some(value @ (Value::Number(_) | Value::Object(_))) => value.to_string(),
                Some(_) | None => {
                    return Err(self.broken(format!("page {} has one without {pointer}", self.pages)));
                }
            };
            id.push_str(&part);
            id.push('\n');
        }
        Ok(id)
    }

    /// Notes where the next page is.
    ///
    /// # Errors
    /// A link that was followed before.
    pub(super) fn follow(&mut self, link: &str) -> Result<(), Failure> {
        if self.links.insert(link.to_owned()) {
            return Ok(());
        }
        Err(self.broken(format!("page {} links to a page that was read", self.pages)))
    }

    /// How many things came so far.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Notes how many things there are in all, as each page says.
    ///
    /// # Errors
    /// Another number than that of an earlier page: what was removed in between has moved others to pages that were read.
    pub(super) fn say(&mut self, total: u64) -> Result<(), Failure> {
        match *self.total.get_or_insert(total) {
            first if first == total => Ok(()),
            first => Err(self.broken(format!("a page says {total} in all, and an earlier one said {first}"))),
        }
    }

    /// Everything, if it is as many as the system says.
    ///
    /// # Errors
    /// Another number.
    pub(super) fn whole(self) -> Result<Vec<Value>, Failure> {
        let total = self.total.unwrap_or_default();
        if u64::try_from(self.items.len()) == Ok(total) {
            return Ok(self.items);
        }
        Err(self.broken(format!("{} came of {total}", self.items.len())))
    }

    /// Everything, of a system that says no total.
    pub(super) fn all(self) -> Vec<Value> {
        self.items
    }

    pub(super) fn broken(&self, why: String) -> Failure {
        Failure::Broken(format!("the list of {} is not whole: {why}", self.what))
    }

    /// Reads the pages that follow one another by links (RFC 8288 calls it "next"). `link_at` is where a page has its link.
    ///
    /// # Errors
    /// What [`Pages::add`] and [`Pages::follow`] refuse, links to other systems, and what the client fails at.
    pub(super) async fn by_links(
        mut self,
        client: &Client,
        path: &str,
        query: &[(&str, &str)],
        link_at: &str,
    ) -> Result<Vec<Value>, Failure> {
        let mut page = client.get(path, query).await?;
        loop {
            let link = page.pointer(link_at).and_then(Value::as_str).map(str::to_owned);
            self.add(page)?;
            let Some(link) = link else { return Ok(self.all()) };
            self.follow(&link)?;
            page = client.get(&link, &[]).await?;
        }
    }
}

/// The fields of a thing that may be kept; all others may name a person, also those that a system adds later.
pub(super) fn only(item: &Value, fields: &[&str]) -> Record {
    let mut record = flatten(item);
    record.retain(|name, _| {
        let is_of = |field: &str| {
            name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        fields.iter().any(|field| is_of(field))
    });
    record
}

/// A number of a page, such as its total.
pub(super) fn number(page: &Value, pointer: &str) -> Result<u64, Failure> {
    let number = page.pointer(pointer).and_then(Value::as_u64);
    number.ok_or_else(|| Failure::Broken(format!("the page has no number at {pointer}")))
}
