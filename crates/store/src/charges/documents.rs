//! The rows of documents.

use std::sync::Arc;

use clickhouse::Row;
use domain::document::{Document, DocumentType};
use domain::event::CustomerKind;
use domain::rating::Payer;
use domain::{Money, Month};
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::native::Block;
use crate::rows::days_of;

#[derive(Row, Deserialize)]
struct DocumentRow {
    number: u64,
    r#type: u16,
    customer: String,
    customer_name: String,
    net: i64,
    surcharge: i64,
}

impl DocumentRow {
    fn document(self) -> Result<Document, Error> {
        let unreadable = || Error::Unreadable { what: "type of a document", value: self.r#type.to_string() };
        Ok(Document {
            number: self.number,
            kind: DocumentType::from_code(self.r#type).ok_or_else(unreadable)?,
            // Only companies have documents.
            customer: Arc::new(Payer {
                code: self.customer,
                name: self.customer_name,
                kind: CustomerKind::Bolag,
            }),
            net: Money::from_ore(self.net),
            surcharge: Money::from_ore(self.surcharge),
        })
    }
}

fn block(month: Month, cut: u64, documents: &[Document]) -> Block {
    let mut block = Block::new(documents.len());
    let rows = || documents.iter();
    let money = |amount: Money| amount.ore().to_le_bytes();
    block.fixed("month", "Date32", rows().map(|_| days_of(month.first_day()).to_le_bytes()));
    block.fixed("cut", "UInt64", rows().map(|_| cut.to_le_bytes()));
    block.fixed("number", "UInt64", rows().map(|document| document.number.to_le_bytes()));
    block.fixed("type", "UInt16", rows().map(|document| document.kind.code().to_le_bytes()));
    block.strings("customer", rows().map(|document| document.customer.code.as_bytes()));
    block.strings("customer_name", rows().map(|document| document.customer.name.as_bytes()));
    block.fixed("net", "Decimal(18, 2)", rows().map(|document| money(document.net)));
    block.fixed("surcharge", "Decimal(18, 2)", rows().map(|document| money(document.surcharge)));
    block
}

impl Store {
    /// Freezes a month's documents. Like its lines they mean nothing until a [`super::MonthRecord`] says that the month is
    /// closed.
    pub async fn put_documents(&self, month: Month, cut: u64, documents: &[Document]) -> crate::Result<()> {
        self.insert("documents", &block(month, cut, documents).into()).await
    }

    /// The documents of a month that was frozen at a cut, by number.
    pub async fn documents(&self, month: Month, cut: u64) -> crate::Result<Vec<Document>> {
        let rows = self
            .query(
                "SELECT ?fields FROM documents FINAL WHERE month = toDate32(?) AND cut = ? ORDER BY number",
            )
            .bind(month.first_day().to_string())
            .bind(cut)
            .fetch_all::<DocumentRow>()
            .await
            .map_err(asking("documents"))?;
        rows.into_iter().map(DocumentRow::document).collect()
    }
}
