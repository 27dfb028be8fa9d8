//! The formats that a month can be had in, and what is needed to write them.

use std::io::Write;
use std::sync::Arc;

use domain::catalogue::Catalogue;

#[cfg(feature = "parquet")]
use super::focus_parquet;
use super::{
    Audience, Dialect, EarlierDocuments, Progress, corrected_months, csv, earlier_documents, failed, focus,
    peppol, sie, xlsx,
};
use crate::bill::Bill;
use crate::biller::Biller;
use crate::blocker::Blocker;
use crate::error::Error;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One row a charge.
    Csv(Dialect),
    /// A workbook for people.
    Xlsx,
    /// Vouchers for the ledger, SIE 4I.
    Sie,
    /// Electronic invoices and credit notes, in a zip file.
    Peppol,
    /// The neutral format of FinOps, FOCUS 1.2, as CSV.
    Focus,
    /// The same as Parquet.
    #[cfg(feature = "parquet")]
    FocusParquet,
}

impl Format {
    /// Every format, once.
    pub const ALL: &[Format] = &[
        Format::Csv(Dialect::Rfc4180),
        Format::Xlsx,
        Format::Sie,
        Format::Peppol,
        Format::Focus,
        #[cfg(feature = "parquet")]
        Format::FocusParquet,
    ];

    /// As it is written in paths and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv(_) => "csv",
            Format::Xlsx => "xlsx",
            Format::Sie => "sie",
            Format::Peppol => "peppol",
            Format::Focus => "focus",
            #[cfg(feature = "parquet")]
            Format::FocusParquet => "focus.parquet",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// How names of its files end.
    pub const fn suffix(self) -> &'static str {
        match self {
            Format::Csv(_) => "csv",
            Format::Xlsx => "xlsx",
            Format::Sie => "si",
            Format::Peppol => "peppol.zip",
            Format::Focus => "focus.csv",
            #[cfg(feature = "parquet")]
            Format::FocusParquet => "focus.parquet",
        }
    }

    /// The type of its files. SIE has none of its own.
    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Csv(_) | Format::Focus => "text/csv; charset=utf-8; header=present",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Sie => "application/octet-stream",
            Format::Peppol => "application/zip",
            #[cfg(feature = "parquet")]
            Format::FocusParquet => "application/vnd.apache.parquet",
        }
    }
}

/// A month and what it was reckoned on: all that its exports depend on.
#[derive(Debug, Clone)]
pub struct Material {
    /// The month.
    pub bill: Arc<Bill>,
    /// The catalogue of the version that it was reckoned on.
    pub catalogue: Arc<Catalogue>,
    /// The documents that it corrects.
    pub earlier: EarlierDocuments,
    /// What stands in the way of closing it; empty when it is closed.
    pub blockers: Vec<Blocker>,
}

impl Biller {
    /// What the exports of a month are made of. A closed month's never changes.
    ///
    /// # Errors
    /// [`Error::UnknownCatalogue`] when nobody has the version of the catalogue that it was closed on.
    pub async fn material(&self, bill: Arc<Bill>) -> crate::Result<Material> {
        let unknown = || Error::UnknownCatalogue { month: bill.month, version: bill.catalogue.clone() };
        let catalogue = self.catalogue_of(&bill.catalogue).await?.ok_or_else(unknown)?;
        let mut before = Vec::new();
        if let Some(first) = corrected_months(&bill).first() {
            let ledger = self.ledger().await?;
            for month in ledger.closings().map(|record| record.month) {
                if (*first..bill.month).contains(&month) {
                    before.push(self.charges(month).await?);
                }
            }
        }
        let earlier = earlier_documents(before.iter().map(|bill| &**bill));
        let blockers = self.blockers(bill.month).await?;
        Ok(Material { bill, catalogue, earlier, blockers })
    }
}

impl Material {
    /// Writes the month in a format.
    ///
    /// # Errors
    /// [`Error::NotExportable`] when it cannot be had so, [`Error::Export`] when `out` does not take it.
    pub fn write(
        &self,
        format: Format,
        mut out: impl Write + Send,
        progress: Progress<'_>,
    ) -> crate::Result<()> {
        match format {
            Format::Csv(dialect) => csv(&self.bill, dialect, out, progress),
            // A workbook's directory stands at its end and points back, so it is whole before it is sent.
            Format::Xlsx => {
                let mut file = Vec::new();
                xlsx(&self.bill, &self.catalogue, Audience::Finance(&self.blockers), &mut file, progress)?;
                out.write_all(&file).and_then(|()| out.flush()).map_err(|source| failed("xlsx", source))
            }
            Format::Sie => sie(&self.bill, &self.catalogue, out, progress).map(drop),
            Format::Peppol => peppol(&self.bill, &self.catalogue, &self.earlier, out, progress).map(drop),
            Format::Focus => focus(&self.bill, &self.catalogue, out, progress),
            #[cfg(feature = "parquet")]
            Format::FocusParquet => focus_parquet(&self.bill, &self.catalogue, out, progress),
        }
    }
}
