//! One document as UBL 2.1: an `Invoice` or a `CreditNote` of Peppol BIS Billing 3.0.

use chrono::{Days, NaiveDate};
use domain::Money;
use domain::catalogue::Invoicing;
use domain::document::{Document, DocumentType, vat};
use rust_decimal::RoundingStrategy;

use super::Issued;
use super::line::{Line, turned};
use super::party::{Buyer, Seller};
use super::xml::{self, Element, group, text};
use crate::bill::{Bill, MonthState};
use crate::error::Error;
use crate::export::failed;

const CUSTOMIZATION: &str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
const PROFILE: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";

/// What a document comes to, in its own sign: those of a credit note are turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amounts {
    /// BT-109: net and surcharge.
    pub(super) without_vat: Money,
    /// BT-110.
    pub(super) vat: Money,
    /// BT-114: what rounding to whole kronor adds.
    pub(super) rounding: Money,
}

impl Amounts {
    /// Of a total without VAT. VAT is reckoned on it once, and only what is to be paid may be rounded to kronor (§2.6).
    pub(super) fn of(without_vat: Money, vat_percent: u8, rounds_to_kronor: bool) -> Self {
        let exact = Self { without_vat, vat: vat(without_vat, vat_percent), rounding: Money::ZERO };
        let kronor =
            exact.with_vat().to_decimal().round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        match Money::rounded(kronor) {
            Some(kronor) if rounds_to_kronor => Self { rounding: kronor - exact.with_vat(), ..exact },
            Some(_) | None => exact,
        }
    }

    /// BT-112.
    pub(super) fn with_vat(self) -> Money {
        self.without_vat + self.vat
    }

    /// BT-115.
    pub(super) fn payable(self) -> Money {
        self.with_vat() + self.rounding
    }
}

/// All that one document is made of.
pub(super) struct Parts<'a> {
    pub(super) bill: &'a Bill,
    pub(super) document: &'a Document,
    pub(super) seller: Seller<'a>,
    pub(super) buyer: Buyer<'a>,
    /// Those that it corrects (BG-3).
    pub(super) corrected: Vec<Issued>,
    pub(super) lines: Vec<Line>,
}

/// What a document is called (BT-1): its number, once the month is closed.
pub(super) fn id(bill: &Bill, document: &Document) -> String {
    if is_final(bill) {
        document.number.to_string()
    } else {
        format!("PRELIMINARY-{}", document.customer.code)
    }
}

/// When a month's documents are issued (BT-2): the Swedish day that it was closed on; the month's last, as long as it is
/// not.
pub(super) fn issued_on(bill: &Bill) -> NaiveDate {
    bill.frozen.as_ref().map_or_else(|| bill.month.last_day(), |frozen| frozen.at.day())
}

/// When its invoices are due (BT-9).
pub(super) fn due(bill: &Bill, invoicing: &Invoicing) -> NaiveDate {
    issued_on(bill).checked_add_days(Days::new(invoicing.terms_days.into())).unwrap_or(NaiveDate::MAX)
}

fn is_final(bill: &Bill) -> bool {
    bill.state == MonthState::Closed
}

impl Parts<'_> {
    /// The document's XML, in UTF-8.
    pub(super) fn xml(&self) -> Result<Vec<u8>, Error> {
        let (root, namespace) = match self.document.kind {
            DocumentType::Invoice => ("Invoice", "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"),
            DocumentType::CreditNote => {
                ("CreditNote", "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2")
            }
        };
        let mut elements = self.head();
        elements.extend(self.corrected.iter().map(billing_reference));
        elements.extend([self.seller.element(), self.buyer.element()]);
        elements.extend(self.payment());
        elements.extend(self.totals());
        elements.extend((1..).zip(&self.lines).map(|(number, line)| self.line(number, line)));
        xml::document(root, namespace, &elements).map_err(|source| failed("peppol", source))
    }

    fn head(&self) -> Vec<Element> {
        let (bill, document) = (self.bill, self.document);
        let mut head = vec![
            text("cbc:CustomizationID", CUSTOMIZATION),
            text("cbc:ProfileID", PROFILE),
            text("cbc:ID", id(bill, document)),
            text("cbc:IssueDate", issued_on(bill).to_string()),
        ];
        let code = document.kind.code().to_string();
        match document.kind {
            DocumentType::Invoice => {
                head.push(text("cbc:DueDate", due(bill, self.seller.invoicing).to_string()));
                head.push(text("cbc:InvoiceTypeCode", code));
            }
            DocumentType::CreditNote => head.push(text("cbc:CreditNoteTypeCode", code)),
        }
        if !is_final(bill) {
            head.push(text("cbc:Note", "PRELIMINÄR – ej faktura"));
        }
        head.push(text("cbc:DocumentCurrencyCode", "SEK"));
        head.push(text("cbc:BuyerReference", self.buyer.reference));
        let period = [("cbc:StartDate", bill.month.first_day()), ("cbc:EndDate", bill.month.last_day())];
        let period = period.map(|(name, day)| text(name, day.to_string()));
        head.push(group("cac:InvoicePeriod", period.into()));
        head
    }

    /// How it is paid. What is credited is not paid to the seller's account, and what is preliminary not at all.
    fn payment(&self) -> Vec<Element> {
        let terms = |note: String| group("cac:PaymentTerms", vec![text("cbc:Note", note)]);
        if !is_final(self.bill) {
            return vec![terms("PRELIMINÄR – ska inte betalas".to_owned())];
        }
        let invoicing = self.seller.invoicing;
        match self.document.kind {
            DocumentType::Invoice => {
                let bankgiro = invoicing.bankgiro.iter().map(|number| self.giro("SE:BANKGIRO", number));
                let plusgiro = invoicing.plusgiro.iter().map(|number| self.giro("SE:PLUSGIRO", number));
                let note = terms(format!("{} dagar netto", invoicing.terms_days));
                bankgiro.chain(plusgiro).chain([note]).collect()
            }
            DocumentType::CreditNote => {
                vec![terms("Kreditfaktura: beloppet tillgodoräknas köparen".to_owned())]
            }
        }
    }

    /// A credit transfer to a giro (SE-R-012, code 30).
    fn giro(&self, scheme: &str, number: &str) -> Element {
        let branch = group("cac:FinancialInstitutionBranch", vec![text("cbc:ID", scheme)]);
        group(
            "cac:PaymentMeans",
            vec![
                text("cbc:PaymentMeansCode", "30"),
                text("cbc:PaymentID", id(self.bill, self.document)),
                group("cac:PayeeFinancialAccount", vec![text("cbc:ID", number), branch]),
            ],
        )
    }

    fn totals(&self) -> [Element; 2] {
        let Parts { document, seller, .. } = self;
        let total = turned(document.kind, document.total());
        let amounts = Amounts::of(total, seller.invoicing.vat_percent, seller.invoicing.rounds_to_kronor);
        let subtotal = vec![
            amount("cbc:TaxableAmount", amounts.without_vat),
            amount("cbc:TaxAmount", amounts.vat),
            self.tax_category("cac:TaxCategory"),
        ];
        let tax = vec![amount("cbc:TaxAmount", amounts.vat), group("cac:TaxSubtotal", subtotal)];
        let mut sums = vec![
            amount("cbc:LineExtensionAmount", self.lines.iter().map(|line| line.amount).sum()),
            amount("cbc:TaxExclusiveAmount", amounts.without_vat),
            amount("cbc:TaxInclusiveAmount", amounts.with_vat()),
        ];
        if amounts.rounding != Money::ZERO {
            sums.push(amount("cbc:PayableRoundingAmount", amounts.rounding));
        }
        sums.push(amount("cbc:PayableAmount", amounts.payable()));
        [group("cac:TaxTotal", tax), group("cac:LegalMonetaryTotal", sums)]
    }

    /// Standard rate: all that is delivered bears the same VAT.
    fn tax_category(&self, name: &'static str) -> Element {
        let scheme = group("cac:TaxScheme", vec![text("cbc:ID", "VAT")]);
        let percent = text("cbc:Percent", self.seller.invoicing.vat_percent.to_string());
        group(name, vec![text("cbc:ID", "S"), percent, scheme])
    }

    fn line(&self, number: usize, line: &Line) -> Element {
        let (name, quantity) = match self.document.kind {
            DocumentType::Invoice => ("cac:InvoiceLine", "cbc:InvoicedQuantity"),
            DocumentType::CreditNote => ("cac:CreditNoteLine", "cbc:CreditedQuantity"),
        };
        let mut elements = vec![
            text("cbc:ID", number.to_string()),
            text(quantity, line.quantity.to_string()).with("unitCode", line.unit),
            amount("cbc:LineExtensionAmount", line.amount),
        ];
        elements.extend(line.costcentre.iter().map(|code| text("cbc:AccountingCost", &**code)));
        if line.allowance != Money::ZERO {
            elements.push(allowance(line));
        }
        elements.push(self.item(line));
        let price = text("cbc:PriceAmount", line.price.to_string()).with("currencyID", "SEK");
        elements.push(group("cac:Price", vec![price]));
        group(name, elements)
    }

    fn item(&self, line: &Line) -> Element {
        let mut item = vec![
            text("cbc:Description", &*line.description),
            text("cbc:Name", &*line.name),
            group("cac:SellersItemIdentification", vec![text("cbc:ID", &*line.item)]),
            self.tax_category("cac:ClassifiedTaxCategory"),
        ];
        item.extend(line.properties.iter().map(|(name, value)| {
            group("cac:AdditionalItemProperty", vec![text("cbc:Name", *name), text("cbc:Value", &**value)])
        }));
        group("cac:Item", item)
    }
}

/// What is financed jointly is less to pay; where a correction takes it back it is more.
fn allowance(line: &Line) -> Element {
    let is_charge = line.allowance < Money::ZERO;
    let size = if is_charge { -line.allowance } else { line.allowance };
    group(
        "cac:AllowanceCharge",
        vec![
            text("cbc:ChargeIndicator", is_charge.to_string()),
            text("cbc:AllowanceChargeReason", &*line.allowance_reason),
            amount("cbc:Amount", size),
        ],
    )
}

fn billing_reference(issued: &Issued) -> Element {
    let reference =
        vec![text("cbc:ID", issued.number.to_string()), text("cbc:IssueDate", issued.on.to_string())];
    group("cac:BillingReference", vec![group("cac:InvoiceDocumentReference", reference)])
}

fn amount(name: &'static str, amount: Money) -> Element {
    text(name, amount.to_string()).with("currencyID", "SEK")
}
