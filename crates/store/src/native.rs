//! ClickHouse's Native format: a block of rows, column by column.
//!
//! It costs the server a fraction of what rows cost it (performance §1.2), and low-cardinality text travels as a
//! dictionary and numbers, as it is stored. The encoding is that of the official clients without a protocol version:
//! `varuint columns, varuint rows`, then name, type and data of each column.

use bytes::Bytes;

use crate::client::EncodedBlock;
use crate::rows::{Dictionary, Symbol};

/// `SharedDictionariesWithAdditionalKeys`, the only version of a low-cardinality column.
const LOW_CARDINALITY_VERSION: u64 = 1;
/// The block brings its own dictionary (bit 9), and it replaces what was before (bit 10).
const LOW_CARDINALITY_OWN_KEYS: u64 = 1 << 9 | 1 << 10;

/// A block under construction. Every column must have the same number of values.
pub(crate) struct Block {
    rows: usize,
    columns: usize,
    names: String,
    body: Vec<u8>,
}

impl Block {
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, columns: 0, names: String::new(), body: Vec::with_capacity(rows * 64) }
    }

    /// Numbers, as their little-endian bytes.
    pub(crate) fn fixed<const N: usize>(
        &mut self,
        name: &str,
        kind: &str,
        values: impl Iterator<Item = [u8; N]>,
    ) {
        self.begin(name, kind);
        for value in values {
            self.body.extend_from_slice(&value);
        }
    }

    /// Text, or any bytes.
    pub(crate) fn strings<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a [u8]>) {
        self.begin(name, "String");
        for value in values {
            self.string(value);
        }
    }

    /// Text that may be absent.
    pub(crate) fn nullable_strings<'a>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<&'a [u8]>> + Clone,
    ) {
        self.begin(name, "Nullable(String)");
        self.body.extend(values.clone().map(|value| u8::from(value.is_none())));
        for value in values {
            self.string(value.unwrap_or_default());
        }
    }

    /// Text of few different values.
    pub(crate) fn symbols(
        &mut self,
        name: &str,
        dictionary: &Dictionary,
        values: impl Iterator<Item = Symbol> + Clone,
    ) {
        self.begin(name, "LowCardinality(String)");
        let mut used: Vec<Symbol> = values.clone().collect();
        used.sort_unstable();
        used.dedup();
        for number in [LOW_CARDINALITY_VERSION, LOW_CARDINALITY_OWN_KEYS | 2, used.len() as u64] {
            self.body.extend_from_slice(&number.to_le_bytes());
        }
        for symbol in &used {
            self.string(dictionary.text(*symbol).as_bytes());
        }
        self.body.extend_from_slice(&(self.rows as u64).to_le_bytes());
        for symbol in values {
            let at = used.binary_search(&symbol).unwrap_or_default();
            // An index of 32 bits (type 2): a block has fewer rows than that.
            self.body.extend_from_slice(&(at as u32).to_le_bytes());
        }
    }

    /// Arrays of numbers: how many values each row has, then all the values.
    pub(crate) fn fixed_arrays<const N: usize>(
        &mut self,
        name: &str,
        kind: &str,
        lengths: impl Iterator<Item = usize>,
        values: impl Iterator<Item = [u8; N]>,
    ) {
        self.begin(name, kind);
        self.offsets(lengths);
        for value in values {
            self.body.extend_from_slice(&value);
        }
    }

    /// Arrays of text.
    pub(crate) fn string_arrays<'a>(
        &mut self,
        name: &str,
        lengths: impl Iterator<Item = usize>,
        values: impl Iterator<Item = &'a [u8]>,
    ) {
        self.begin(name, "Array(String)");
        self.offsets(lengths);
        for value in values {
            self.string(value);
        }
    }

    pub(crate) fn encode(self) -> EncodedBlock {
        let mut head = Vec::with_capacity(16);
        varuint(&mut head, self.columns as u64);
        varuint(&mut head, self.rows as u64);
        EncodedBlock {
            rows: self.rows,
            columns: self.names,
            parts: vec![Bytes::from(head), Bytes::from(self.body)],
        }
    }

    fn begin(&mut self, name: &str, kind: &str) {
        if self.columns > 0 {
            self.names.push(',');
        }
        self.names.push_str(name);
        self.columns += 1;
        self.string(name.as_bytes());
        self.string(kind.as_bytes());
    }

    fn string(&mut self, text: &[u8]) {
        varuint(&mut self.body, text.len() as u64);
        self.body.extend_from_slice(text);
    }

    fn offsets(&mut self, lengths: impl Iterator<Item = usize>) {
        let mut end = 0_u64;
        for length in lengths {
            end += length as u64;
            self.body.extend_from_slice(&end.to_le_bytes());
        }
    }
}

fn varuint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
