//! `manifest.json`: what a package holds, and what it must add up to. `schemas/exports/manifest.md` describes it.

use data_encoding::HEXLOWER;
use domain::charge::Totals;
use domain::{Instant, Money};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bill::Bill;

/// What a package holds. Amounts are kronor as decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The month.
    pub month: String,
    /// `closed`, or that it is not: then nothing of the package may be booked.
    pub state: String,
    /// The hash of what was frozen; none until it is closed.
    pub hash: Option<String>,
    /// When it was closed, in UTC.
    pub closed: Option<String>,
    /// Who closed it; none when nobody signed.
    pub closed_by: Option<String>,
    /// `CONTROL:CHAIN`: what `audit verify --anchor` takes, to prove later that the audit log was not changed.
    pub anchor: Option<String>,
    /// The version of the catalogue that it was reckoned on.
    pub catalogue: String,
    /// How many lines.
    pub lines: usize,
    /// The sums of all lines.
    pub totals: ManifestTotals,
    /// The files, in the order in which they were made.
    pub files: Vec<ManifestFile>,
    /// The files that the month has not, and why.
    pub left_out: Vec<Left>,
}

/// The control totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTotals {
    /// ΣG.
    pub gross: String,
    /// ΣJ.
    pub joint: String,
    /// ΣN.
    pub net: String,
    /// ΣP.
    pub surcharge: String,
    /// ΣN + ΣP: what is billed without VAT.
    pub billed: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its path within the package.
    pub name: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// How many rows it has; none for files of another kind.
    pub rows: Option<usize>,
    /// What it comes to, without VAT.
    pub billed: String,
}

/// A file that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Which file, or which directory of files.
    pub name: String,
    /// Why it is not there.
    pub reason: String,
    /// Whether nothing would be in it, so that nobody misses it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
}

impl Manifest {
    /// A manifest without files.
    pub(super) fn of(bill: &Bill) -> Self {
        let frozen = bill.frozen.as_ref();
        Self {
            month: bill.month.to_string(),
            state: bill.state.name().to_owned(),
            hash: frozen.map(|frozen| frozen.hash.clone()),
            closed: frozen.map(|frozen| utc(frozen.at)),
            closed_by: frozen.map(|frozen| frozen.by.clone()).filter(|by| !by.is_empty()),
            anchor: frozen.and_then(crate::bill::Frozen::anchor),
            catalogue: bill.catalogue.clone(),
            lines: bill.charges.len(),
            totals: bill.totals.into(),
            files: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// As it stands in the package: indented JSON with a line break at its end.
    pub fn to_json(&self) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "strings and numbers in structs always become JSON, in memory"
        )]
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest is JSON");
        json.push(b'\n');
        json
    }
}

impl From<Totals> for ManifestTotals {
    fn from(totals: Totals) -> Self {
        let Totals { gross, joint, net, surcharge } = totals;
        let [gross, joint, net, surcharge, billed] =
            [gross, joint, net, surcharge, net + surcharge].map(|amount| amount.to_string());
        Self { gross, joint, net, surcharge, billed }
    }
}

impl ManifestFile {
    pub(super) fn of(name: &str, bytes: &[u8], rows: Option<usize>, billed: Money) -> Self {
        let sha256 = HEXLOWER.encode(&Sha256::digest(bytes));
        Self { name: name.to_owned(), sha256, bytes: bytes.len(), rows, billed: billed.to_string() }
    }
}

fn utc(at: Instant) -> String {
    at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
