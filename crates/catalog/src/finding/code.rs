//! The closed list of what can be found.

use std::fmt;

/// Whether a finding must be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The catalogue cannot be used.
    Error,
    /// The catalogue can be used, but somebody should know.
    Warning,
}

/// One list gives the enum, its names and its severities, so that none of them can be forgotten.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal $severity:ident,)+) => {
        /// What kind of finding it is. The names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }

            /// Whether it must be mended.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// A file that every catalogue has is not there.
    MissingFile = "missing_file" Error,
    /// A file that no catalogue has is there.
    UnknownFile = "unknown_file" Error,
    /// Bytes that are no text.
    Undecodable = "undecodable" Error,
    /// Letters that a program spoiled, such as `Ã¶` for `ö`.
    GarbledText = "garbled_text" Error,
    /// Not TOML.
    InvalidToml = "invalid_toml" Error,
    /// Not CSV: a quotation mark too many or too few.
    InvalidCsv = "invalid_csv" Error,
    /// A row has more or fewer cells than there are columns.
    CellCount = "cell_count" Error,
    /// A column is not there.
    MissingColumn = "missing_column" Error,
    /// A column that means nothing.
    UnknownColumn = "unknown_column" Error,
    /// The same column twice.
    ColumnTwice = "column_twice" Error,
    /// A field that means nothing.
    UnknownField = "unknown_field" Error,
    /// A field or cell that must have a value has none.
    MissingField = "missing_field" Error,
    /// A thing without a name.
    MissingName = "missing_name" Error,
    /// Not the type of value that the field takes.
    WrongType = "wrong_type" Error,
    /// An amount written as a number, which would be read as a binary fraction.
    AmountNotText = "amount_not_text" Error,
    /// Not true or false.
    InvalidFlag = "invalid_flag" Error,
    /// Not a slug.
    InvalidSlug = "invalid_slug" Error,
    /// Not a date or month.
    InvalidDate = "invalid_date" Error,
    /// A validity that counts whole months begins within one.
    NotMonthStart = "not_month_start" Error,
    /// A validity that counts whole months ends within one.
    NotMonthEnd = "not_month_end" Error,
    /// A validity ends before it begins.
    EndsBeforeBegins = "ends_before_begins" Error,
    /// An organisation number that is ill-formed or fails its check digit.
    InvalidOrganisationNumber = "invalid_organisation_number" Error,
    /// A VAT number that is not the one of the organisation number.
    InvalidVatNumber = "invalid_vat_number" Error,
    /// Not a VAT rate of Sweden's.
    InvalidVatRate = "invalid_vat_rate" Error,
    /// A bankgiro or plusgiro number that is ill-formed or fails its check digit.
    InvalidGiroNumber = "invalid_giro_number" Error,
    /// A postcode or a country that is none.
    InvalidAddress = "invalid_address" Error,
    /// An e-mail address or a telephone number that is none.
    InvalidContact = "invalid_contact" Error,
    /// A product that is not in organisation.toml.
    UnknownProduct = "unknown_product" Error,
    /// The same service twice.
    ServiceTwice = "service_twice" Error,
    /// A service that nothing measures.
    ServiceWithoutMeter = "service_without_meter" Error,
    /// A service is established before it starts.
    EstablishedBeforeStart = "established_before_start" Error,
    /// Not a subcategory of services in FOCUS.
    UnknownFocusSubcategory = "unknown_focus_subcategory" Error,
    /// The same meter twice in a service.
    MeterTwice = "meter_twice" Error,
    /// Not a kind of meter.
    UnknownKind = "unknown_kind" Error,
    /// Not a unit of the table.
    UnknownUnit = "unknown_unit" Error,
    /// Not an event type.
    InvalidEventType = "invalid_event_type" Error,
    /// A fixed meter takes no events.
    EventTypeOnFixed = "event_type_on_fixed" Error,
    /// A meter that is fed by events names none.
    MissingEventType = "missing_event_type" Error,
    /// A dimension that is ill-formed, or named or valued twice.
    InvalidDimension = "invalid_dimension" Error,
    /// The names of a dimension's values are not as many as these.
    InvalidValueNames = "invalid_value_names" Error,
    /// A rating dimension without values.
    RatingWithoutValues = "rating_without_values" Error,
    /// A meter that cannot take negative quantities takes them.
    NegativeNotAllowed = "negative_not_allowed" Error,
    /// A reading holds for too few or too many days.
    InvalidHoldDays = "invalid_hold_days" Error,
    /// A whole number that is none, or beyond its limits.
    NumberOutOfRange = "number_out_of_range" Error,
    /// The same customer twice.
    CustomerTwice = "customer_twice" Error,
    /// A customer's code that is ill-formed.
    InvalidCustomer = "invalid_customer" Error,
    /// Not a kind of customer.
    UnknownCustomerKind = "unknown_customer_kind" Error,
    /// A company without an organisation number cannot get an electronic invoice.
    CompanyWithoutNumber = "company_without_number" Warning,
    /// There are companies, and the catalogue does not say what an electronic invoice needs of the seller.
    SellerIncomplete = "seller_incomplete" Warning,
    /// Nothing says how finance books a month: it has no vouchers.
    NoPostings = "no_postings" Warning,
    /// A customer that pays for no cost centre.
    CustomerWithoutCostcentre = "customer_without_costcentre" Warning,
    /// A cost centre's code that is ill-formed.
    InvalidCostcentre = "invalid_costcentre" Error,
    /// The same cost centre twice.
    CostcentreTwice = "costcentre_twice" Error,
    /// Two customers pay for a cost centre on the same day.
    OwnersOverlap = "owners_overlap" Error,
    /// Nobody pays for a cost centre between two owners.
    OwnerGap = "owner_gap" Warning,
    /// A customer that is not in kunder.csv.
    UnknownCustomer = "unknown_customer" Error,
    /// A service that is not in the catalogue.
    UnknownService = "unknown_service" Error,
    /// A meter that the service does not have.
    UnknownMeter = "unknown_meter" Error,
    /// A class that the meter's rating dimensions do not give.
    UnknownClass = "unknown_class" Error,
    /// A price that is no number.
    InvalidPrice = "invalid_price" Error,
    /// A price below zero.
    NegativePrice = "negative_price" Error,
    /// A price with more than six decimals.
    PriceTooPrecise = "price_too_precise" Error,
    /// Words that are no price model.
    InvalidPriceModel = "invalid_price_model" Error,
    /// Not a state of a price.
    UnknownPriceState = "unknown_price_state" Error,
    /// Something decided that names no decision.
    MissingDecision = "missing_decision" Error,
    /// The same decision twice.
    DecisionTwice = "decision_twice" Error,
    /// A decision that is not in beslut.csv, where there is one.
    UnknownDecision = "unknown_decision" Warning,
    /// A price for a meter that only shows a trend.
    PriceOfTrend = "price_of_trend" Error,
    /// A billed meter that has no price at all.
    MeterWithoutPrice = "meter_without_price" Error,
    /// A class that has no price, while the meter's other classes have.
    ClassWithoutPrice = "class_without_price" Error,
    /// Months in which a billed meter has no price.
    PriceGap = "price_gap" Error,
    /// Two decided prices for the same month.
    PricesOverlap = "prices_overlap" Error,
    /// The price list ends, and no later price is decided.
    PriceEnds = "price_ends" Warning,
    /// Two surcharge rates from the same month.
    RateTwice = "rate_twice" Error,
    /// A rate that is no fraction from 0 to 1.
    InvalidRate = "invalid_rate" Error,
    /// Months in which services are established but no rate is decided.
    RateGap = "rate_gap" Error,
    /// A jointly financed share that is no fraction from 0 to 1.
    InvalidShare = "invalid_share" Error,
    /// Two shares for the same month.
    SharesOverlap = "shares_overlap" Error,
    /// Not a phase of a service's life.
    UnknownPhase = "unknown_phase" Error,
    /// Not a kind of cost.
    UnknownCostKind = "unknown_cost_kind" Error,
    /// An amount that is no number of kronor and öre.
    InvalidAmount = "invalid_amount" Error,
    /// Not a year.
    InvalidYear = "invalid_year" Error,
    /// Two budgets for the same year.
    BudgetTwice = "budget_twice" Error,
    /// Not who pays for a role.
    UnknownRoleFinancing = "unknown_role_financing" Error,
    /// The same project twice.
    ProjectTwice = "project_twice" Error,
    /// An entry on what is neither a part of the budget nor a project.
    UnknownPost = "unknown_post" Error,
    /// An agreement on a meter that is fed by events.
    AgreementNotFixed = "agreement_not_fixed" Error,
    /// An agreement in force twice on the same day.
    AgreementsOverlap = "agreements_overlap" Error,
    /// A cost centre that is not in kostnadsstallen.csv.
    UnknownCostcentre = "unknown_costcentre" Error,
    /// An agreement whose cost centre has no payer when it begins.
    AgreementWithoutPayer = "agreement_without_payer" Warning,
    /// A quantity that is no number of units.
    InvalidQuantity = "invalid_quantity" Error,
    /// A source that is ill-formed.
    InvalidSource = "invalid_source" Error,
    /// The same source twice.
    SourceTwice = "source_twice" Error,
    /// A source that is not in kallor.toml.
    UnknownSource = "unknown_source" Error,
    /// Two mappings of CSV with the same name.
    CsvTwice = "csv_twice" Error,
    /// Two planned volumes of the same meter and class.
    VolumeTwice = "volume_twice" Error,
    /// The same scope twice.
    ScopeTwice = "scope_twice" Error,
    /// Not a way to compare a population with those who have a service.
    UnknownComparison = "unknown_comparison" Error,
    /// Meters whose subjects or numbers cannot be compared as the scope says.
    MetersNotComparable = "meters_not_comparable" Error,
    /// An account that is not three to eight digits.
    InvalidAccount = "invalid_account" Error,
    /// A booking on an account that has no name.
    UnknownAccount = "unknown_account" Error,
    /// A dimension that cannot be used, is there twice, or is not there.
    InvalidPostingDimension = "invalid_posting_dimension" Error,
    /// A code that the ledger does not take.
    InvalidPostingCode = "invalid_posting_code" Error,
    /// A booking both for kinds of customers and for customers.
    InvalidPostingPayers = "invalid_posting_payers" Error,
    /// Not a kind of line.
    UnknownLineKind = "unknown_line_kind" Error,
    /// Two bookings of the same lines.
    PostingTwice = "posting_twice" Error,
    /// Lines that no booking is for.
    PostingMissing = "posting_missing" Error,
    /// A meter's kind, unit, rating or series dimensions changed.
    MeterChanged = "meter_changed" Error,
    /// A change that is valid in a closed month.
    ClosedMonthChanged = "closed_month_changed" Error,
}

impl Code {
    /// Whether a part of the file could not be read.
    pub(crate) fn is_damage(self) -> bool {
        let damage = [
            Code::MissingFile,
            Code::UnknownFile,
            Code::Undecodable,
            Code::InvalidToml,
            Code::InvalidCsv,
            Code::CellCount,
            Code::MissingColumn,
            Code::UnknownColumn,
            Code::ColumnTwice,
        ];
        damage.contains(&self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
