//! The rows of who is invoiced, and how.

use domain::catalogue::{Address, Customer, Invoicing};

use super::{Object, Row, row, text};

pub(super) fn invoicing_row(invoicing: &Invoicing) -> Row {
    let contact = invoicing.contact.as_ref();
    let contact = contact.map(|c| format!("{}, {}, {}", c.function, c.email, c.telephone));
    row(
        Object::Invoicing,
        "",
        [
            ("first_number", "första nummer", invoicing.first_number.to_string()),
            ("vat_number", "momsnr", text(invoicing.vat_number.as_ref())),
            ("vat_percent", "momssats, %", invoicing.vat_percent.to_string()),
            ("bankgiro", "bankgiro", text(invoicing.bankgiro.as_ref())),
            ("plusgiro", "plusgiro", text(invoicing.plusgiro.as_ref())),
            ("terms_days", "betalningsvillkor, dagar", invoicing.terms_days.to_string()),
            ("f_tax", "F-skatt", invoicing.f_tax.to_string()),
            ("rounds_to_kronor", "öresutjämning", invoicing.rounds_to_kronor.to_string()),
            ("address", "adress", text(invoicing.address.as_ref().map(address_text))),
            ("contact", "kontakt", text(contact)),
        ],
    )
}

pub(super) fn customer_row(customer: &Customer) -> Row {
    row(
        Object::Customer,
        &customer.code,
        [
            ("name", "namn", customer.name.clone()),
            ("kind", "slag", customer.kind.name().to_owned()),
            ("number", "orgnr", text(customer.number.as_ref())),
            ("reference", "referens", text(customer.reference.as_ref())),
            ("address", "adress", text(customer.address.as_ref().map(address_text))),
        ],
    )
}

/// `Storgatan 1, 581 81 Linköping, SE`
fn address_text(address: &Address) -> String {
    let Address { street, postcode, city, country } = address;
    format!("{street}, {postcode} {city}, {country}")
}
