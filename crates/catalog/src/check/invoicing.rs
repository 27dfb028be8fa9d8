//! `[faktura]` of `organisation.toml`: how companies are invoiced, and what their invoices say of the seller.

use domain::catalogue::{Address, Catalogue, Contact, Invoicing};
use domain::event::CustomerKind;

use super::Draft;
use super::closing::number;
use crate::finding::{Code, Findings, Place, Text, say};
use crate::rows::Object;
use crate::table::{Cell, Fields, Node, Table};
use crate::values;

const FILE: &str = "organisation.toml";

/// The greatest first number: numbers of twelve digits still fit every ledger that we know.
const FIRST_NUMBER_MAX: u64 = 999_999_999_999;
/// The longest terms of payment: a year.
const TERMS_DAYS_MAX: u64 = 366;
/// The rates of VAT that Sweden has, in per cent (SE-R-006).
const VAT_PERCENTS: [u8; 3] = [25, 12, 6];

const FIELDS: Fields = Fields {
    cells: &[
        "forsta_nummer",
        "momsnr",
        "momssats",
        "bankgiro",
        "plusgiro",
        "betalningsvillkor_dagar",
        "fskatt",
        "oresutjamning",
    ],
    lists: &[],
    tables: &["adress", "kontakt"],
};

/// Reads the table; without it, or a field of it, the defaults hold. After the organisation, whose number the VAT number
/// is made of.
pub(super) fn read(draft: &mut Draft, root: &Table) {
    let Some(Node::Table(table)) = root.nodes.get("faktura") else { return };
    let organisation = draft.catalogue.organisation.number.clone();
    draft.catalogue.invoicing = invoicing(table, &organisation, &mut draft.findings);
    draft.places.insert((Object::Invoicing, String::new()), table.place.clone());
}

/// Says what electronic invoices lack of the seller where there are companies to invoice. After the customers.
pub(super) fn find_incomplete(draft: &mut Draft) {
    let Catalogue { organisation, invoicing, customers, .. } = &draft.catalogue;
    if customers.values().all(|customer| customer.kind != CustomerKind::Bolag) {
        return;
    }
    let fields = [
        (!organisation.number.is_empty(), "[organisation] orgnr"),
        (invoicing.vat_number.is_some(), "[faktura] momsnr"),
        (invoicing.bankgiro.is_some() || invoicing.plusgiro.is_some(), "[faktura] bankgiro/plusgiro"),
        (invoicing.address.is_some(), "[faktura.adress]"),
        (invoicing.contact.is_some(), "[faktura.kontakt]"),
    ];
    let missing: Vec<&str> =
        fields.into_iter().filter(|(is_there, _)| !is_there).map(|(_, field)| field).collect();
    if missing.is_empty() {
        return;
    }
    let missing = missing.join(", ");
    draft.find(
        Code::SellerIncomplete,
        &Place::file(FILE),
        say(
            format!("bolag kan inte få e-faktura: {missing} saknas"),
            format!("companies cannot get electronic invoices: {missing} is missing"),
        ),
        say(
            "fyll i det innan en månad stängs: en stängd månad behåller sin katalog",
            "fill it in before a month is closed: a closed month keeps its catalogue",
        ),
    );
}

fn invoicing(table: &Table, organisation: &str, findings: &mut Findings) -> Invoicing {
    table.expect(FIELDS, findings);
    let plain = Invoicing::default();
    let first = table.cell("forsta_nummer").and_then(|cell| number(cell, 1, FIRST_NUMBER_MAX, findings));
    let terms = table
        .cell("betalningsvillkor_dagar")
        .and_then(|cell| number(cell, 0, TERMS_DAYS_MAX, findings))
        .and_then(|days| u16::try_from(days).ok());
    let vat_number = table.cell("momsnr").and_then(|cell| vat_number(cell, organisation, findings));
    let vat_percent = table.cell("momssats").and_then(|cell| vat_percent(cell, findings));
    let bankgiro = table.cell("bankgiro").and_then(|cell| giro(cell, (7, 8), findings));
    let plusgiro = table.cell("plusgiro").and_then(|cell| giro(cell, (2, 8), findings));
    let mut flag =
        |name: &str| table.cell(name).and_then(|cell| values::flag(cell, findings)).unwrap_or(false);
    let (f_tax, rounds_to_kronor) = (flag("fskatt"), flag("oresutjamning"));
    Invoicing {
        first_number: first.unwrap_or(plain.first_number),
        vat_number,
        vat_percent: vat_percent.unwrap_or(plain.vat_percent),
        bankgiro,
        plusgiro,
        terms_days: terms.unwrap_or(plain.terms_days),
        f_tax,
        rounds_to_kronor,
        address: table.tables("adress").first().and_then(|inner| seller_address(inner, findings)),
        contact: table.tables("kontakt").first().and_then(|inner| contact(inner, findings)),
    }
}

/// `SE`, the ten digits of the organisation number and `01`. Where the organisation number itself is wrong, that is found.
fn vat_number(cell: &Cell, organisation: &str, findings: &mut Findings) -> Option<String> {
    let digits: String = organisation.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return None;
    }
    let wanted = format!("SE{digits}01");
    let text = &cell.text;
    let fix = say(format!("skriv {wanted}"), format!("write {wanted}"));
    let message = say(
        format!("{text:?} är inte momsnumret till organisationsnumret {organisation}"),
        format!("{text:?} is not the VAT number of organisation number {organisation}"),
    );
    found_unless(*text == wanted, (Code::InvalidVatNumber, message, fix), cell, findings).then_some(wanted)
}

fn vat_percent(cell: &Cell, findings: &mut Findings) -> Option<u8> {
    let percent = cell.text.parse().ok().filter(|percent| VAT_PERCENTS.contains(percent));
    let text = &cell.text;
    let message =
        say(format!("{text:?} är ingen svensk momssats"), format!("{text:?} is not a VAT rate of Sweden's"));
    let fix = say("skriv 25, 12 eller 6", "write 25, 12 or 6");
    found_unless(percent.is_some(), (Code::InvalidVatRate, message, fix), cell, findings);
    percent
}

/// The digits of a bankgiro or plusgiro number; hyphens and spaces between them are as people write them.
fn giro(cell: &Cell, (least, most): (usize, usize), findings: &mut Findings) -> Option<String> {
    let number: String = cell.text.chars().filter(|letter| !matches!(letter, '-' | ' ')).collect();
    let digits: Vec<u32> = number.chars().filter_map(|letter| letter.to_digit(10)).collect();
    let shaped = digits.len() == number.chars().count() && (least..=most).contains(&digits.len());
    let right = shaped && values::ends_with_check_digit(&digits);
    let text = &cell.text;
    let message = if shaped {
        say(format!("{text} har fel kontrollsiffra"), format!("{text} has a wrong check digit"))
    } else {
        say(
            format!("{text:?} har inte {least} till {most} siffror"),
            format!("{text:?} does not have {least} to {most} digits"),
        )
    };
    let fix = say("skriv numret som det står i bankens avtal", "write the number as in the bank's agreement");
    found_unless(right, (Code::InvalidGiroNumber, message, fix), cell, findings).then_some(number)
}

fn seller_address(table: &Table, findings: &mut Findings) -> Option<Address> {
    table.expect(Fields { cells: &["gata", "postnummer", "ort", "land"], ..Fields::default() }, findings);
    address(table, findings)
}

/// The fields `gata`, `postnummer`, `ort` and `land`; without the last it is in Sweden.
pub(super) fn address(table: &Table, findings: &mut Findings) -> Option<Address> {
    let street = table.required("gata", findings).map(|cell| cell.text.clone());
    let city = table.required("ort", findings).map(|cell| cell.text.clone());
    let country = table.cell("land").map_or_else(|| Some("SE".to_owned()), |cell| country(cell, findings));
    let postcode = table.required("postnummer", findings);
    let postcode = postcode.and_then(|cell| postcode_of(cell, country.as_deref()?, findings));
    Some(Address { street: street?, postcode: postcode?, city: city?, country: country? })
}

fn country(cell: &Cell, findings: &mut Findings) -> Option<String> {
    let text = &cell.text;
    let shaped = text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase());
    let message = say(format!("{text:?} är ingen landskod"), format!("{text:?} is not a country's code"));
    let fix = say("skriv två stora bokstäver, till exempel SE", "write two capital letters, such as SE");
    found_unless(shaped, (Code::InvalidAddress, message, fix), cell, findings).then(|| text.clone())
}

/// A postcode; of Sweden's as `581 81`.
fn postcode_of(cell: &Cell, country: &str, findings: &mut Findings) -> Option<String> {
    let text = &cell.text;
    if country != "SE" {
        return Some(text.clone());
    }
    let digits: String = text.chars().filter(|letter| *letter != ' ').collect();
    let shaped = digits.len() == 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let message = say(format!("{text:?} är inget postnummer"), format!("{text:?} is not a postcode"));
    let fix = say("skriv fem siffror, till exempel 581 81", "write five digits, such as 581 81");
    found_unless(shaped, (Code::InvalidAddress, message, fix), cell, findings)
        .then(|| format!("{} {}", &digits[..3], &digits[3..]))
}

fn contact(table: &Table, findings: &mut Findings) -> Option<Contact> {
    table.expect(Fields { cells: &["funktion", "epost", "telefon"], ..Fields::default() }, findings);
    let function = table.required("funktion", findings).map(|cell| cell.text.clone());
    let email = table.required("epost", findings).and_then(|cell| email(cell, findings));
    let telephone = table.required("telefon", findings).and_then(|cell| telephone(cell, findings));
    Some(Contact { function: function?, email: email?, telephone: telephone? })
}

fn email(cell: &Cell, findings: &mut Findings) -> Option<String> {
    let text = &cell.text;
    let shaped = text.split_once('@').is_some_and(|(name, domain)| {
        // PEPPOL wants neither spaces nor points at the ends (BR of BT-43).
        let part = |part: &str| part.len() >= 2 && !part.starts_with('.') && !part.ends_with('.');
        part(name) && part(domain) && !domain.contains('@') && !text.contains(char::is_whitespace)
    });
    let message =
        say(format!("{text:?} är ingen e-postadress"), format!("{text:?} is not an e-mail address"));
    let fix = say(
        "skriv funktionens adress, till exempel kundreskontra@kommunen.se",
        "write the function's address, such as kundreskontra@kommunen.se",
    );
    found_unless(shaped, (Code::InvalidContact, message, fix), cell, findings).then(|| text.clone())
}

fn telephone(cell: &Cell, findings: &mut Findings) -> Option<String> {
    let text = &cell.text;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let shaped =
        digits >= 3 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')'));
    let message =
        say(format!("{text:?} är inget telefonnummer"), format!("{text:?} is not a telephone number"));
    let fix = say("skriv siffror, till exempel 013-20 60 00", "write digits, such as 013-20 60 00");
    found_unless(shaped, (Code::InvalidContact, message, fix), cell, findings).then(|| text.clone())
}

/// Whether a cell is right; else it is found.
fn found_unless(
    right: bool,
    (code, message, fix): (Code, Text, Text),
    cell: &Cell,
    findings: &mut Findings,
) -> bool {
    if !right {
        findings.add(code, &cell.place, message, fix);
    }
    right
}
