//! SIE 4I: what administrations and objects are charged, as vouchers that the ledger imports (SIE 4B, "import av
//! transaktioner").
//!
//! One voucher a payer. The accounts and dimensions are the catalogue's ([`domain::posting`]), of the version that the month
//! was reckoned on. Companies are not in it: the ledger of receivables books their documents (domain §2.1).

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use chrono::NaiveDate;
use domain::catalogue::Catalogue;
use domain::charge::Charge;
use domain::event::CustomerKind;
use domain::posting::{DimensionValue, LineKind, PostedLine, PostedObject, Posting, Side};
use domain::{Money, Month};

use self::text::{field, shortened};
use super::{PROGRESS_LINES, Progress, failed, flush};
use crate::bill::{Bill, MonthState};
use crate::error::Error;

/// The format's name.
const SIE: &str = "sie";
/// The longest text that every importer takes (domain §2.1).
const TEXT_MAX: usize = 50;
/// The dimension of cost objects, which is one below that of cost centres (SIE 4B §8.2).
const COST_OBJECT: u16 = 2;
/// The dimension of cost centres.
const COST_CENTRE: u16 = 1;

/// The vouchers of a month: what is booked where, by payer.
type Vouchers<'a> = BTreeMap<&'a str, BTreeMap<Entry<'a>, Money>>;

/// What lines are summed by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<'a> {
    posting: Posting<'a>,
    corrects: Option<Month>,
    kind: LineKind,
    service_name: &'a str,
}

/// Writes a month's vouchers. A month that is not closed says so in every voucher. Gives the sum on the payers' accounts: the
/// net and surcharge of everybody but companies.
///
/// # Errors
/// [`Error::NotExportable`] when the catalogue does not say how a line is booked, [`Error::NothingToBook`] without any;
/// [`Error::Export`] when `out` does not take it.
pub fn sie(
    bill: &Bill,
    catalogue: &Catalogue,
    mut out: impl Write,
    progress: Progress<'_>,
) -> crate::Result<Money> {
    let vouchers = vouchers(bill, catalogue, progress)?;
    let mut file = Vec::new();
    head(bill, catalogue, &mut file);
    declare(bill, catalogue, &vouchers, &mut file);
    let mut booked = Money::ZERO;
    for (customer, entries) in &vouchers {
        booked += voucher(bill, catalogue, customer, entries, &mut file);
    }
    out.write_all(&file).map_err(|source| failed(SIE, source))?;
    flush(SIE, &mut out)?;
    Ok(booked)
}

/// Sums the lines. What comes to nothing is not booked.
fn vouchers<'a>(
    bill: &'a Bill,
    catalogue: &'a Catalogue,
    progress: Progress<'_>,
) -> crate::Result<Vouchers<'a>> {
    let mut vouchers = Vouchers::new();
    for (line, charge) in (1..).zip(&bill.charges) {
        if charge.customer.kind != CustomerKind::Bolag {
            for (line, amount) in posted(charge) {
                if catalogue.posting.is_empty() {
                    return Err(unmapped(bill));
                }
                let entry = entry(charge, &line, catalogue)?;
                *vouchers.entry(&*charge.customer.code).or_default().entry(entry).or_default() += amount;
            }
        }
        if line % PROGRESS_LINES == 0 || line == bill.charges.len() {
            progress(line, bill.charges.len());
        }
    }
    for entries in vouchers.values_mut() {
        entries.retain(|_, amount| *amount != Money::ZERO);
    }
    vouchers.retain(|_, entries| !entries.is_empty());
    if vouchers.is_empty() {
        return Err(Error::NothingToBook { month: bill.month });
    }
    Ok(vouchers)
}

fn entry<'a>(
    charge: &'a Charge,
    line: &PostedLine<'a>,
    catalogue: &'a Catalogue,
) -> crate::Result<Entry<'a>> {
    let posting = catalogue.posting.posting(line).ok_or_else(|| unbooked(line))?;
    // The surcharge is the object's, whatever service it is of.
    let service_name = if line.kind == LineKind::Service { charge.tariff.service_name.as_str() } else { "" };
    Ok(Entry { posting, corrects: charge.corrects, kind: line.kind, service_name })
}

/// Why a month's lines cannot be booked: once for each kind of line, payer and service that no rule is for.
pub(super) fn unbookable(bill: &Bill, catalogue: &Catalogue) -> Vec<Error> {
    let internal = bill.charges.iter().filter(|charge| charge.customer.kind != CustomerKind::Bolag);
    let lines: BTreeMap<_, PostedLine<'_>> = internal
        .flat_map(|charge| posted(charge).map(|(line, _)| ((line.kind, line.customer, line.service), line)))
        .collect();
    if catalogue.posting.is_empty() && !lines.is_empty() {
        return vec![unmapped(bill)];
    }
    let unbooked_lines = lines.values().filter(|line| catalogue.posting.posting(line).is_none());
    unbooked_lines.map(unbooked).collect()
}

/// The lines that a charge is booked as, with their amounts: none of them is nothing.
fn posted(charge: &Charge) -> impl Iterator<Item = (PostedLine<'_>, Money)> {
    let tariff = &charge.tariff;
    let line = |kind| PostedLine {
        kind,
        customer: &charge.customer.code,
        customer_kind: charge.customer.kind,
        costcentre: &charge.costcentre,
        service: &tariff.service,
        product: &tariff.product,
    };
    let amounts = [(LineKind::Service, charge.net), (LineKind::Surcharge, charge.surcharge)];
    let amounts = amounts.into_iter().filter(|(_, amount)| *amount != Money::ZERO);
    amounts.map(move |(kind, amount)| (line(kind), amount))
}

/// What a closed month's catalogue does not say cannot be added any more.
fn unmapped(bill: &Bill) -> Error {
    let (month, version) = (bill.month, &bill.catalogue);
    let (swedish, english) = match bill.state {
        MonthState::Closed => (
            format!(
                "{month} stängdes på katalogen {version}, som saknar kontering.toml: bokför den för hand efter rader-excel"
            ),
            format!(
                "{month} was closed on catalogue {version}, which has no kontering.toml: book it by hand from its lines"
            ),
        ),
        MonthState::Open | MonthState::Preliminary => (
            format!(
                "katalogen {version} säger inte hur rader konteras: lägg till kontering.toml innan månaden stängs"
            ),
            format!(
                "catalogue {version} does not say how lines are booked: add kontering.toml before the month is closed"
            ),
        ),
    };
    Error::NotExportable { format: SIE, swedish, english }
}

fn unbooked(line: &PostedLine<'_>) -> Error {
    let (kind, customer, service) = (line.kind.name(), line.customer, line.service);
    Error::NotExportable {
        format: SIE,
        swedish: format!("kontering.toml säger inte hur {kind} för {customer} och {service} konteras"),
        english: format!("kontering.toml does not say how {kind} of {customer} and {service} is booked"),
    }
}

/// One record: the label and its fields, already fit to stand there.
fn record(file: &mut Vec<u8>, label: &str, fields: &[Vec<u8>]) {
    file.extend_from_slice(label.as_bytes());
    for field in fields {
        file.push(b' ');
        file.extend_from_slice(field);
    }
    file.extend_from_slice(b"\r\n");
}

fn bare(text: impl ToString) -> Vec<u8> {
    text.to_string().into_bytes()
}

fn date(day: NaiveDate) -> Vec<u8> {
    bare(day.format("%Y%m%d"))
}

fn head(bill: &Bill, catalogue: &Catalogue, file: &mut Vec<u8>) {
    let organisation = &catalogue.organisation;
    record(file, "#FLAGGA", &[bare(0)]);
    record(file, "#PROGRAM", &[field("taxameter"), field("1")]);
    record(file, "#FORMAT", &[bare("PC8")]);
    record(file, "#GEN", &[date(made(bill)), field("taxameter")]);
    record(file, "#SIETYP", &[bare(4)]);
    record(file, "#PROSA", &[field(&prose(bill))]);
    record(file, "#ORGNR", &[bare(&organisation.number)]);
    record(file, "#FNAMN", &[field(&organisation.name)]);
    let year = bill.month.year();
    record(file, "#RAR", &[bare(0), bare(format!("{year}0101")), bare(format!("{year}1231"))]);
}

/// The day that the file says that it was made: when the month was closed, so that its bytes stay the same.
fn made(bill: &Bill) -> NaiveDate {
    bill.frozen.as_ref().map_or_else(|| bill.month.last_day(), |frozen| frozen.at.day())
}

fn prose(bill: &Bill) -> String {
    match (&bill.frozen, bill.state) {
        (Some(frozen), MonthState::Closed) => format!("{} {}", bill.month, frozen.hash),
        (Some(_) | None, _) => format!("{} PRELIMINÄR: bokför inte", bill.month),
    }
}

/// Declares every account, dimension and object that a voucher has, before the first voucher (SIE 4B §7.1).
fn declare(bill: &Bill, catalogue: &Catalogue, vouchers: &Vouchers<'_>, file: &mut Vec<u8>) {
    let sides = || {
        let entries = vouchers.values().flat_map(BTreeMap::keys);
        entries.flat_map(|entry| [&entry.posting.debit, &entry.posting.credit])
    };
    let accounts: BTreeSet<&str> = sides().map(|side| side.account).collect();
    for number in accounts {
        let name = catalogue.posting.accounts.get(number).map_or(number, String::as_str);
        record(file, "#KONTO", &[bare(number), field(name)]);
    }
    let objects: BTreeSet<PostedObject<'_>> = sides().flat_map(|side| side.objects.iter().copied()).collect();
    let mut numbers: BTreeSet<u16> = objects.iter().map(|object| object.dimension).collect();
    if numbers.contains(&COST_OBJECT)
        && numbers.insert(COST_CENTRE)
        && !catalogue.posting.dimensions.contains_key(&COST_CENTRE)
    {
        record(file, "#DIM", &[bare(COST_CENTRE), field("Kostnadsställe")]);
    }
    for (number, dimension) in catalogue.posting.dimensions.iter().filter(|(n, _)| numbers.contains(n)) {
        let name = field(&dimension.name);
        match *number {
            COST_OBJECT => record(file, "#UNDERDIM", &[bare(number), name, bare(1)]),
            _ => record(file, "#DIM", &[bare(number), name]),
        }
    }
    let names = Names::of(bill, catalogue);
    // A code may come from two places, such as a fixed one that is a cost centre's too.
    let mut declared = BTreeSet::new();
    for object in objects {
        if declared.insert((object.dimension, object.code)) {
            let name = field(names.name(&object));
            record(file, "#OBJEKT", &[bare(object.dimension), field(object.code), name]);
        }
    }
}

/// What codes are called.
struct Names<'a> {
    catalogue: &'a Catalogue,
    services: BTreeMap<&'a str, &'a str>,
    customers: BTreeMap<&'a str, &'a str>,
}

impl<'a> Names<'a> {
    fn of(bill: &'a Bill, catalogue: &'a Catalogue) -> Self {
        let (mut services, mut customers) = (BTreeMap::new(), BTreeMap::new());
        for charge in &bill.charges {
            services.insert(&*charge.tariff.service, &*charge.tariff.service_name);
            customers.insert(&*charge.customer.code, &*charge.customer.name);
        }
        Self { catalogue, services, customers }
    }

    /// The code itself where it has no name.
    fn name(&self, object: &PostedObject<'a>) -> &'a str {
        let code = object.ours;
        let name = match object.value {
            DimensionValue::CostCentre => self.catalogue.costcentres.get(code).map(|of| of.name.as_str()),
            DimensionValue::Service => self.services.get(code).copied(),
            DimensionValue::Customer => self.customers.get(code).copied(),
            DimensionValue::Product => self.catalogue.products.get(code).map(|of| of.name.as_str()),
            DimensionValue::Fixed(_) => {
                let key = (object.dimension, code.to_owned());
                self.catalogue.posting.objects.get(&key).map(String::as_str)
            }
        };
        name.unwrap_or(object.code)
    }
}

/// Writes a payer's voucher and gives the sum on its own accounts.
fn voucher(
    bill: &Bill,
    catalogue: &Catalogue,
    customer: &str,
    entries: &BTreeMap<Entry<'_>, Money>,
    file: &mut Vec<u8>,
) -> Money {
    let mark = if bill.state == MonthState::Closed { "" } else { "PRELIMINÄR " };
    let unit = &catalogue.organisation.unit;
    let text = shortened(&format!("{mark}{unit} internfakt {} {customer}", bill.month), TEXT_MAX);
    let day = date(bill.month.last_day());
    // The ledger gives the number.
    let (series, number) = (field(&catalogue.posting.series), field(""));
    record(file, "#VER", &[series, number, day.clone(), text, date(made(bill)), field("taxameter")]);
    file.extend_from_slice(b"{\r\n");
    let mut sum = Money::ZERO;
    for (entry, amount) in entries {
        let text = shortened(&entry_text(entry, bill.month), TEXT_MAX);
        for (side, amount) in [(&entry.posting.debit, *amount), (&entry.posting.credit, -*amount)] {
            let fields = [bare(side.account), objects(side), bare(amount), day.clone(), text.clone()];
            record(file, "#TRANS", &fields);
        }
        sum += *amount;
    }
    file.extend_from_slice(b"}\r\n");
    sum
}

fn entry_text(entry: &Entry<'_>, month: Month) -> String {
    let of = match entry.corrects {
        Some(corrects) => format!("Rättelse {corrects}"),
        None => month.to_string(),
    };
    match entry.kind {
        LineKind::Service => format!("{of} {}", entry.service_name),
        LineKind::Surcharge => format!("{of} Påslag"),
    }
}

/// `{1 "441001" 20 "e-moten"}`
fn objects(side: &Side<'_>) -> Vec<u8> {
    let mut list = vec![b'{'];
    for (n, object) in side.objects.iter().enumerate() {
        if n > 0 {
            list.push(b' ');
        }
        list.extend(object.dimension.to_string().into_bytes());
        list.push(b' ');
        list.extend(field(object.code));
    }
    list.push(b'}');
    list
}

#[cfg(test)]
mod tests;
