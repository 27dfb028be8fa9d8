//! CSV: the fields of `GET /v1/charges`, in the same order.

use std::borrow::Cow;
use std::io::Write;

use ::csv::{QuoteStyle, Terminator, WriterBuilder};
use domain::charge::Charge;

use super::{PROGRESS_LINES, Progress, failed, flush};
use crate::bill::{Bill, MonthState};

/// The fields of a charge, in their order.
pub const FIELDS: [&str; 15] = [
    "id",
    "month",
    "corrects",
    "customer",
    "costcentre",
    "service",
    "meter",
    "class",
    "unit",
    "quantity",
    "unit_price",
    "gross",
    "joint",
    "net",
    "surcharge",
];

/// What only a month that is not closed has: a last field that says so on every line.
const STATE_FIELD: &str = "state";

/// Who is to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Programs: RFC 4180, UTF-8 without a byte order mark, comma, decimal point.
    #[default]
    Rfc4180,
    /// Excel in Sweden: UTF-8 with a byte order mark, semicolon, decimal comma.
    ExcelSv,
}

impl Dialect {
    /// As it is written in a query.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Rfc4180 => "rfc4180",
            Dialect::ExcelSv => "excel-sv",
        }
    }

    /// The dialect with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Dialect::Rfc4180, Dialect::ExcelSv].into_iter().find(|dialect| dialect.name() == name)
    }
}

/// Writes a month's charges. Lines end with CR LF in both dialects.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn csv(bill: &Bill, dialect: Dialect, mut out: impl Write, progress: Progress<'_>) -> crate::Result<()> {
    let delimiter = match dialect {
        Dialect::Rfc4180 => b',',
        Dialect::ExcelSv => {
            out.write_all("\u{feff}".as_bytes()).map_err(|source| failed("csv", source))?;
            b';'
        }
    };
    let mut writer = WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(&mut out);
    let state = (bill.state != MonthState::Closed).then_some(bill.state.name());
    let marker = state.map(|_| STATE_FIELD);
    writer.write_record(FIELDS.into_iter().chain(marker)).map_err(|source| failed("csv", source))?;
    for (line, charge) in (1..).zip(&bill.charges) {
        let fields = fields(charge, dialect);
        let record = fields.iter().map(|field| &**field).chain(state);
        writer.write_record(record).map_err(|source| failed("csv", source))?;
        if line % PROGRESS_LINES == 0 || line == bill.charges.len() {
            progress(line, bill.charges.len());
        }
    }
    writer.flush().map_err(|source| failed("csv", source))?;
    drop(writer);
    flush("csv", &mut out)
}

fn fields(charge: &Charge, dialect: Dialect) -> [Cow<'_, str>; FIELDS.len()] {
    let number = |text: String| match dialect {
        Dialect::Rfc4180 => Cow::Owned(text),
        Dialect::ExcelSv => Cow::Owned(text.replace('.', ",")),
    };
    let (customer, costcentre, service, meter, class) = charge.key();
    [
        text(charge.id()),
        Cow::Owned(charge.month.to_string()),
        charge.corrects.map_or(Cow::Borrowed(""), |month| Cow::Owned(month.to_string())),
        text(customer),
        text(costcentre),
        text(service),
        text(meter),
        text(class),
        text(charge.tariff.unit.as_str()),
        number(charge.quantity.to_string()),
        charge.unit_price().map_or(Cow::Borrowed(""), |price| number(price.to_string())),
        number(charge.gross.to_string()),
        number(charge.joint.to_string()),
        number(charge.net.to_string()),
        number(charge.surcharge.to_string()),
    ]
}

/// A text that a spreadsheet must not take for a formula gets an apostrophe in front (ecosystem §4.5). Numbers, which may
/// begin with a minus, never come here.
pub(super) fn text<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']) {
        Cow::Owned(format!("'{text}"))
    } else {
        text
    }
}
