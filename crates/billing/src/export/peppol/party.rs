//! The seller and the buyer of an invoice: whatever of them is known to be there (BG-4, BG-7).

use domain::catalogue::{Address, Catalogue, Contact, Customer, Invoicing, Organisation};
use domain::rating::Payer;

use super::xml::{Element, group, text};

/// The code list of Swedish organisation numbers (ISO 6523 ICD).
const ORGANISATION_NUMBER: &str = "0007";
/// The text that the rule SE-R-005 asks for.
const F_TAX: &str = "Godkänd för F-skatt";

/// Who invoices, with all that an invoice says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seller<'a> {
    organisation: &'a Organisation,
    /// On which terms.
    pub(super) invoicing: &'a Invoicing,
    vat_number: &'a str,
    address: &'a Address,
    contact: &'a Contact,
}

impl<'a> Seller<'a> {
    /// The catalogue's seller, or the fields that it lacks, with their file.
    pub(super) fn of(catalogue: &'a Catalogue) -> Result<Self, Vec<String>> {
        let (organisation, invoicing) = (&catalogue.organisation, &catalogue.invoicing);
        let giro = invoicing.bankgiro.is_some() || invoicing.plusgiro.is_some();
        if let (Some(vat_number), Some(address), Some(contact)) =
            (&invoicing.vat_number, &invoicing.address, &invoicing.contact)
            && giro
            && !organisation.number.is_empty()
        {
            return Ok(Self { organisation, invoicing, vat_number, address, contact });
        }
        let fields = [
            (!organisation.number.is_empty(), "[organisation] orgnr"),
            (invoicing.vat_number.is_some(), "[faktura] momsnr"),
            (giro, "[faktura] bankgiro/plusgiro"),
            (invoicing.address.is_some(), "[faktura.adress]"),
            (invoicing.contact.is_some(), "[faktura.kontakt]"),
        ];
        let missing = fields.into_iter().filter(|(is_there, _)| !is_there);
        Err(missing.map(|(_, field)| format!("organisation.toml {field}")).collect())
    }

    /// `cac:AccountingSupplierParty`
    pub(super) fn element(&self) -> Element {
        let number = digits(&self.organisation.number);
        let mut party = vec![
            endpoint(&number),
            group("cac:PartyName", vec![text("cbc:Name", &*self.organisation.unit)]),
            postal_address(self.address),
            tax_scheme(self.vat_number, "VAT"),
        ];
        if self.invoicing.f_tax {
            party.push(tax_scheme(F_TAX, "TAX"));
        }
        party.push(legal_entity(&self.organisation.name, &number));
        party.push(group(
            "cac:Contact",
            vec![
                text("cbc:Name", &*self.contact.function),
                text("cbc:Telephone", &*self.contact.telephone),
                text("cbc:ElectronicMail", &*self.contact.email),
            ],
        ));
        group("cac:AccountingSupplierParty", vec![group("cac:Party", party)])
    }
}

/// Who is invoiced, with all that an invoice says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buyer<'a> {
    /// The name as it was when the month was billed.
    name: &'a str,
    number: &'a str,
    address: &'a Address,
    /// BT-10: what the buyer finds the invoice by.
    pub(super) reference: &'a str,
}

impl<'a> Buyer<'a> {
    /// The payer's company in the catalogue, or the columns of kunder.csv that it lacks. An invoice must have the buyer's
    /// address (Directive 2006/112/EC art. 226(5)), and an electronic one needs a number to be sent to.
    pub(super) fn of(catalogue: &'a Catalogue, payer: &'a Payer) -> Result<Self, Vec<&'static str>> {
        let known: Option<&Customer> = catalogue.customers.get(&payer.code);
        let number = known.and_then(|customer| customer.number.as_deref());
        let address = known.and_then(|customer| customer.address.as_ref());
        if let (Some(number), Some(address)) = (number, address) {
            let reference = known.and_then(|customer| customer.reference.as_deref()).unwrap_or(&payer.code);
            return Ok(Self { name: &payer.name, number, address, reference });
        }
        let columns = [(number.is_some(), "orgnr"), (address.is_some(), "gata, postnummer, ort")];
        Err(columns.into_iter().filter(|(is_there, _)| !is_there).map(|(_, column)| column).collect())
    }

    /// `cac:AccountingCustomerParty`
    pub(super) fn element(&self) -> Element {
        let number = digits(self.number);
        let party = vec![endpoint(&number), postal_address(self.address), legal_entity(self.name, &number)];
        group("cac:AccountingCustomerParty", vec![group("cac:Party", party)])
    }
}

/// An organisation number without its hyphen (SE-R-003, SE-R-004).
fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn endpoint(number: &str) -> Element {
    text("cbc:EndpointID", number).with("schemeID", ORGANISATION_NUMBER)
}

fn legal_entity(name: &str, number: &str) -> Element {
    let number = text("cbc:CompanyID", number).with("schemeID", ORGANISATION_NUMBER);
    group("cac:PartyLegalEntity", vec![text("cbc:RegistrationName", name), number])
}

fn tax_scheme(number: &str, scheme: &str) -> Element {
    let scheme = group("cac:TaxScheme", vec![text("cbc:ID", scheme)]);
    group("cac:PartyTaxScheme", vec![text("cbc:CompanyID", number), scheme])
}

fn postal_address(address: &Address) -> Element {
    group(
        "cac:PostalAddress",
        vec![
            text("cbc:StreetName", &*address.street),
            text("cbc:CityName", &*address.city),
            text("cbc:PostalZone", &*address.postcode),
            group("cac:Country", vec![text("cbc:IdentificationCode", &*address.country)]),
        ],
    )
}
