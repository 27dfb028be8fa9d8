//! The formats that a month can be had in, and what is needed to write them.

use std::io::Write;
use std::sync::Arc;

use domain::catalogue::Catalogue;

use super::{
    Dialect, EarlierDocuments, Progress, corrected_months, csv, earlier_documents, failed, peppol, sie, xlsx,
};
use crate::bill::Bill;
use crate::biller::Biller;
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
}

impl Format {
    /// Every format, once.
    pub const ALL: [Format; 4] = [Format::Csv(Dialect::Rfc4180), Format::Xlsx, Format::Sie, Format::Peppol];

    /// As it is written in paths and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv(_) => "csv",
            Format::Xlsx => "xlsx",
            Format::Sie => "sie",
            Format::Peppol => "peppol",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// How names of its files end.
    pub const fn suffix(self) -> &'static str {
        match self {
            Format::Csv(_) => "csv",
            Format::Xlsx => "xlsx",
            Format::Sie => "si",
            Format::Peppol => "zip",
        }
    }

    /// The type of its files. SIE has none of its own.
    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Csv(_) => "text/csv; charset=utf-8; header=present",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Sie => "application/octet-stream",
            Format::Peppol => "application/zip",
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
    /// The documents of the months that it corrects.
    pub earlier: EarlierDocuments,
}

impl Biller {
    /// What the exports of a month are made of. A closed month's never changes.
    ///
    /// # Errors
    /// [`Error::UnknownCatalogue`] when nobody has the version of the catalogue that it was closed on.
    pub async fn material(&self, bill: Arc<Bill>) -> crate::Result<Material> {
        let catalogue = match self.catalogue_of(&bill.catalogue).await? {
            Some(catalogue) => catalogue,
            // A month before the first that was closed was reckoned on none.
            None if bill.charges.is_empty() => self.catalogue(),
            None => {
                let (month, version) = (bill.month, bill.catalogue.clone());
                return Err(Error::UnknownCatalogue { month, version });
            }
        };
        let mut corrected = Vec::new();
        for month in corrected_months(&bill) {
            corrected.push(self.charges(month).await?);
        }
        let earlier = earlier_documents(corrected.iter().map(|bill| &**bill));
        Ok(Material { bill, catalogue, earlier })
    }
}

impl Material {
    /// Writes the month in a format.
    ///
    /// # Errors
    /// [`Error::NotExportable`] when it cannot be had so, [`Error::Export`] when `out` does not take it.
    pub fn write(&self, format: Format, mut out: impl Write, progress: Progress<'_>) -> crate::Result<()> {
        match format {
            Format::Csv(dialect) => csv(&self.bill, dialect, out, progress),
            // A workbook's directory stands at its end and points back, so it is whole before it is sent.
            Format::Xlsx => {
                let mut file = Vec::new();
                xlsx(&self.bill, &mut file, progress)?;
                out.write_all(&file).and_then(|()| out.flush()).map_err(|source| failed("xlsx", source))
            }
            Format::Sie => sie(&self.bill, &self.catalogue, out, progress).map(drop),
            Format::Peppol => peppol(&self.bill, &self.catalogue, &self.earlier, out, progress).map(drop),
        }
    }
}
