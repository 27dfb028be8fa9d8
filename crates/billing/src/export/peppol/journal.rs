//! The journal of a month's documents: all of them in one list for Excel in Sweden, with what an invoice by hand needs.

use std::borrow::Cow;

use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use domain::Money;
use domain::catalogue::Catalogue;
use domain::document::{Document, DocumentType};

use super::document::{Amounts, due, id, issued_on};
use crate::bill::Bill;
use crate::export::csv::text;
use crate::export::failed;

/// Its name.
pub(super) const JOURNAL: &str = "fakturajournal.csv";

/// Its columns. Amounts of what is credited are negative; what is credited has no day that it is due on.
const FIELDS: [&str; 15] = [
    "nummer",
    "typ",
    "fakturadatum",
    "förfallodatum",
    "kund",
    "namn",
    "orgnr",
    "netto",
    "påslag",
    "momssats",
    "moms",
    "öresutjämning",
    "att betala",
    "e-faktura",
    "skäl",
];

/// Lists documents, each with what keeps it from being electronic; nothing of that where it is.
pub(super) fn journal(
    bill: &Bill,
    catalogue: &Catalogue,
    documents: &[(&Document, Option<String>)],
) -> crate::Result<Vec<u8>> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    let mut writer = WriterBuilder::new()
        .delimiter(b';')
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(&mut bytes);
    writer.write_record(FIELDS).map_err(|source| failed("peppol", source))?;
    for (document, hindrance) in documents {
        let row = row(bill, catalogue, document, hindrance.as_deref());
        writer.write_record(row.iter().map(|cell| &**cell)).map_err(|source| failed("peppol", source))?;
    }
    writer.flush().map_err(|source| failed("peppol", source))?;
    drop(writer);
    Ok(bytes)
}

fn row<'a>(
    bill: &Bill,
    catalogue: &'a Catalogue,
    document: &'a Document,
    hindrance: Option<&'a str>,
) -> [Cow<'a, str>; FIELDS.len()] {
    let invoicing = &catalogue.invoicing;
    let amounts = Amounts::of(document.total(), invoicing.vat_percent, invoicing.rounds_to_kronor);
    let money = |amount: Money| Cow::Owned(amount.to_string().replace('.', ","));
    let (kind, due) = match document.kind {
        DocumentType::Invoice => ("faktura", due(bill, invoicing).to_string()),
        DocumentType::CreditNote => ("kreditfaktura", String::new()),
    };
    let customer = catalogue.customers.get(&document.customer.code);
    [
        Cow::Owned(id(bill, document)),
        Cow::Borrowed(kind),
        Cow::Owned(issued_on(bill).to_string()),
        Cow::Owned(due),
        text(&*document.customer.code),
        text(&*document.customer.name),
        customer.and_then(|customer| customer.number.as_deref()).unwrap_or_default().into(),
        money(document.net),
        money(document.surcharge),
        Cow::Owned(format!("{} %", invoicing.vat_percent)),
        money(amounts.vat),
        money(amounts.rounding),
        money(amounts.payable()),
        Cow::Borrowed(if hindrance.is_none() { "ja" } else { "nej" }),
        text(hindrance.unwrap_or_default()),
    ]
}
