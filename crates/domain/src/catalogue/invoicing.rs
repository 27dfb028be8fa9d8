//! How companies are invoiced: what an electronic invoice says of the seller and asks of the buyer (domain §2.3, §2.4).

/// How companies are invoiced. What the seller's part of an electronic invoice needs is none where it is not written:
/// months close without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoicing {
    /// The number of the very first document. Once there is one, the next number follows from the last.
    pub first_number: u64,
    /// The seller's VAT number (BT-31): `SE`, ten digits, `01`.
    pub vat_number: Option<String>,
    /// The VAT rate, in whole per cent: 25, 12 or 6.
    pub vat_percent: u8,
    /// The bankgiro number (BT-84): seven or eight digits.
    pub bankgiro: Option<String>,
    /// The plusgiro number (BT-84): two to eight digits.
    pub plusgiro: Option<String>,
    /// How many days after its date an invoice is due.
    pub terms_days: u16,
    /// Whether invoices say that the seller is approved for F-tax (BT-32).
    pub f_tax: bool,
    /// Whether what is to be paid is rounded to whole kronor (BT-114).
    pub rounds_to_kronor: bool,
    /// Where the seller is (BG-5).
    pub address: Option<Address>,
    /// Whom the buyer asks (BG-6).
    pub contact: Option<Contact>,
}

impl Default for Invoicing {
    /// Numbers begin with 1, 25 % VAT, 30 days, to the öre, and nothing about the seller.
    fn default() -> Self {
        Self {
            first_number: 1,
            vat_number: None,
            vat_percent: 25,
            bankgiro: None,
            plusgiro: None,
            terms_days: 30,
            f_tax: false,
            rounds_to_kronor: false,
            address: None,
            contact: None,
        }
    }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Street and number, or a box.
    pub street: String,
    /// The postcode, `581 81`.
    pub postcode: String,
    /// The post town.
    pub city: String,
    /// The country's code of two letters (ISO 3166-1).
    pub country: String,
}

/// Whom the buyer asks: a function, never a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The function, such as `Kundreskontra`.
    pub function: String,
    /// Its e-mail address.
    pub email: String,
    /// Its telephone number.
    pub telephone: String,
}
