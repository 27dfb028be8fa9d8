//! Cells → values. Each function adds its finding and gives none when the cell holds something else.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::calendar::parse_day;
use domain::event::{CustomerKind, check_slug};
use domain::financing::CostKind;
use domain::focus::ServiceSubcategory;
use domain::money::{Rate, UnitPrice};
use domain::price::{InvalidPriceModel, PriceModel};
use domain::{Money, Month, Quantity};
use rust_decimal::Decimal;

use crate::finding::{Code, Findings, Place, say};
use crate::sheet::fold;
use crate::table::{Cell, Table};

/// The greatest amount of a budget or an entry, in kronor: what is beyond is a slip.
const AMOUNT_KRONOR_MAX: i64 = 100_000_000_000;

/// A slug.
pub(crate) fn slug(cell: &Cell, findings: &mut Findings) -> Option<String> {
    if check_slug(&cell.text).is_ok() {
        return Some(cell.text.clone());
    }
    let text = &cell.text;
    findings.add(
        Code::InvalidSlug,
        &cell.place,
        say(format!("{text:?} är ingen slug"), format!("{text:?} is not a slug")),
        say("1 till 64 tecken av a-z, 0-9, - och _", "1 to 64 characters of a-z, 0-9, - and _"),
    );
    None
}

/// `true` or `false`.
pub(crate) fn flag(cell: &Cell, findings: &mut Findings) -> Option<bool> {
    match cell.text.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        other => {
            findings.add(
                Code::InvalidFlag,
                &cell.place,
                say(
                    format!("{other:?} är varken true eller false"),
                    format!("{other:?} is neither true nor false"),
                ),
                say("skriv true eller false utan citattecken", "write true or false without quotation marks"),
            );
            None
        }
    }
}

/// A date.
pub(crate) fn day(cell: &Cell, findings: &mut Findings) -> Option<NaiveDate> {
    let day = parse_day(&cell.text);
    if day.is_none() {
        invalid_date(cell, findings);
    }
    day
}

fn invalid_date(cell: &Cell, findings: &mut Findings) {
    let text = &cell.text;
    findings.add(
        Code::InvalidDate,
        &cell.place,
        say(format!("{text:?} är inget datum"), format!("{text:?} is not a date")),
        say("skriv år-månad-dag, till exempel 2021-07-01", "write year-month-day, such as 2021-07-01"),
    );
}

/// The month that a validity begins with: `2021-07` or its first day.
pub(crate) fn first_month(cell: &Cell, findings: &mut Findings) -> Option<Month> {
    if let Ok(month) = cell.text.parse::<Month>() {
        return Some(month);
    }
    let day = day(cell, findings)?;
    let month = Month::of(day);
    if month.first_day() == day {
        return Some(month);
    }
    let (this, next) = (month.first_day(), month.next().first_day());
    findings.add(
        Code::NotMonthStart,
        &cell.place,
        say(format!("{day} är inte den första i en månad"), format!("{day} is not the first of a month")),
        say(format!("skriv {this} eller {next}"), format!("write {this} or {next}")),
    );
    None
}

/// The month that a validity ends with: `2021-06` or its last day.
pub(crate) fn last_month(cell: &Cell, findings: &mut Findings) -> Option<Month> {
    if let Ok(month) = cell.text.parse::<Month>() {
        return Some(month);
    }
    let day = day(cell, findings)?;
    let month = Month::of(day);
    if month.last_day() == day {
        return Some(month);
    }
    let (before, this) = (month.previous().last_day(), month.last_day());
    findings.add(
        Code::NotMonthEnd,
        &cell.place,
        say(format!("{day} är inte den sista i en månad"), format!("{day} is not the last of a month")),
        say(format!("skriv {before} eller {this}"), format!("write {before} or {this}")),
    );
    None
}

/// A validity: from a first to a last, the last left out while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity<T> {
    pub(crate) from: T,
    pub(crate) to: Option<T>,
}

impl Validity<Month> {
    /// The same in days.
    pub(crate) fn days(self) -> Validity<NaiveDate> {
        Validity { from: self.from.first_day(), to: self.to.map(Month::last_day) }
    }
}

/// The fields `fran` and `till` in whole months.
pub(crate) fn months(table: &Table, findings: &mut Findings) -> Option<Validity<Month>> {
    let from = table.required("fran", findings).and_then(|cell| first_month(cell, findings));
    let to = table.cell("till").map(|cell| last_month(cell, findings));
    validity(table, from, to, findings)
}

/// The fields `fran` and `till` in days.
pub(crate) fn days(table: &Table, findings: &mut Findings) -> Option<Validity<NaiveDate>> {
    let from = table.required("fran", findings).and_then(|cell| day(cell, findings));
    let to = table.cell("till").map(|cell| day(cell, findings));
    validity(table, from, to, findings)
}

fn validity<T: Ord + Copy>(
    table: &Table,
    from: Option<T>,
    to: Option<Option<T>>,
    findings: &mut Findings,
) -> Option<Validity<T>> {
    let from = from?;
    let Some(to) = to else { return Some(Validity { from, to: None }) };
    let to = to?;
    if to >= from {
        return Some(Validity { from, to: Some(to) });
    }
    let place = table.cell("till").map_or(&table.place, |cell| &cell.place);
    findings.add(
        Code::EndsBeforeBegins,
        place,
        say("slutar innan det börjar", "ends before it begins"),
        say(
            "låt till vara efter från, eller tomt så länge det gäller",
            "let the last day come after the first, or leave it empty",
        ),
    );
    None
}

/// Finds the pairs of one key that are in force on the same day: the place of the later row in the file, and that of
/// the other.
pub(crate) fn overlaps<K: Ord>(
    rows: impl IntoIterator<Item = (K, Validity<NaiveDate>, Place)>,
) -> Vec<(K, Place, Place)> {
    let mut keyed: BTreeMap<K, Vec<(Validity<NaiveDate>, Place)>> = BTreeMap::new();
    for (key, validity, place) in rows {
        keyed.entry(key).or_default().push((validity, place));
    }
    let mut found = Vec::new();
    for (key, mut rows) in keyed {
        rows.sort_by(|a, b| (a.0.from, &a.1).cmp(&(b.0.from, &b.1)));
        let hit = rows.windows(2).find(|pair| pair[0].0.to.is_none_or(|to| to >= pair[1].0.from));
        if let Some([one, other]) = hit {
            let (first, later) = if one.1 <= other.1 { (&one.1, &other.1) } else { (&other.1, &one.1) };
            found.push((key, later.clone(), first.clone()));
        }
    }
    found
}

/// A number as people and Excel write it: `1 100,50` is 1100.50. What has both a comma and a point is left as it is.
fn plain_number(text: &str) -> String {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let digits = digits.replace('\u{2212}', "-");
    if digits.contains('.') { digits } else { digits.replacen(',', ".", 1) }
}

fn is_text(cell: &Cell, findings: &mut Findings) -> bool {
    if cell.is_number {
        let text = &cell.text;
        findings.add(
            Code::AmountNotText,
            &cell.place,
            say("belopp och andelar skrivs som text", "amounts and fractions are written as text"),
            say(format!("skriv \"{text}\""), format!("write \"{text}\"")),
        );
    }
    !cell.is_number
}

/// How a price makes an amount of a quantity.
pub(crate) fn price_model(cell: &Cell, findings: &mut Findings) -> Option<PriceModel> {
    let error = match cell.text.parse() {
        Ok(model) => return Some(model),
        Err(error) => error,
    };
    let (swedish, english) = match &error {
        InvalidPriceModel::Unexpected { word } => (
            format!("{word:?} hör inte hit i en prismodell"),
            format!("{word:?} does not belong in a price model"),
        ),
        InvalidPriceModel::Incomplete { word } => {
            (format!("{word} saknar det som ska stå efter"), format!("{word} lacks what belongs behind it"))
        }
        InvalidPriceModel::NotRising { step } => (
            format!("steget {step} ligger inte över det förra"),
            format!("step {step} is not above the last one"),
        ),
    };
    findings.add(
        Code::InvalidPriceModel,
        &cell.place,
        say(swedish, english),
        say(
            "skriv trappa 1000:1,20 5000:0,90, volym 1000:1,20, paket 100 eller fast, och fritt 50 eller minst 500 därtill; \
             lämna tomt för pris per enhet",
            "write trappa 1000:1.20 5000:0.90 (steps), volym 1000:1.20 (by volume), paket 100 (packages) or fast (flat), \
             and with them fritt 50 (free) or minst 500 (at least); leave it empty for a price per unit",
        ),
    );
    None
}

/// Kronor per unit.
pub(crate) fn price(cell: &Cell, findings: &mut Findings) -> Option<UnitPrice> {
    if !is_text(cell, findings) {
        return None;
    }
    let number = plain_number(&cell.text);
    if let Ok(price) = number.parse::<UnitPrice>() {
        return Some(price);
    }
    let text = &cell.text;
    let decimal = Decimal::from_str_exact(&number).ok();
    if decimal.is_some_and(|d| d.is_sign_negative()) {
        findings.add(
            Code::NegativePrice,
            &cell.place,
            say(format!("priset {text} är negativt"), format!("the price {text} is negative")),
            say("skriv ett pris från 0 och uppåt", "write a price of 0 or more"),
        );
    } else if decimal.is_some_and(|d| d.normalize().scale() > 6) {
        findings.add(
            Code::PriceTooPrecise,
            &cell.place,
            say(
                format!("priset {text} har för många decimaler"),
                format!("the price {text} has too many decimals"),
            ),
            say("avrunda till högst sex decimaler", "round to at most six decimals"),
        );
    } else {
        findings.add(
            Code::InvalidPrice,
            &cell.place,
            say(format!("{text:?} är inget pris"), format!("{text:?} is not a price")),
            say(
                "skriv kronor per enhet, till exempel 105,00, högst en miljard",
                "write kronor per unit, such as 105.00, at most a billion",
            ),
        );
    }
    None
}

/// A word of a closed list: what is found else, in both languages, and all words.
pub(crate) fn one_of<T>(
    cell: &Cell,
    (code, (swedish, english), all): (Code, (&str, &str), &[&str]),
    read: impl Fn(&str) -> Option<T>,
    findings: &mut Findings,
) -> Option<T> {
    let value = read(&cell.text);
    if value.is_none() {
        let (text, all) = (&cell.text, all.join(", "));
        findings.add(
            code,
            &cell.place,
            say(format!("{text:?} är {swedish}"), format!("{text:?} is {english}")),
            say(format!("skriv en av {all}"), format!("write one of {all}")),
        );
    }
    value
}

/// A kind of customer.
pub(crate) fn customer_kind(cell: &Cell, findings: &mut Findings) -> Option<CustomerKind> {
    let all = CustomerKind::ALL.map(CustomerKind::name);
    let known = (Code::UnknownCustomerKind, ("inget slag av kund", "not a kind of customer"), all.as_slice());
    one_of(cell, known, |text| CustomerKind::from_name(&fold(text)), findings)
}

/// What a meter's cost is for.
pub(crate) fn cost_kind(cell: &Cell, findings: &mut Findings) -> Option<CostKind> {
    let all = CostKind::ALL.map(CostKind::name);
    let known = (Code::UnknownCostKind, ("inget kostnadsslag", "not a kind of cost"), all.as_slice());
    one_of(cell, known, CostKind::from_name, findings)
}

/// What FOCUS calls a kind of service.
pub(crate) fn service_subcategory(cell: &Cell, findings: &mut Findings) -> Option<ServiceSubcategory> {
    let all: Vec<&str> = ServiceSubcategory::all().map(ServiceSubcategory::name).collect();
    let what = ("ingen ServiceSubcategory i FOCUS 1.2", "no ServiceSubcategory of FOCUS 1.2");
    let known = (Code::UnknownFocusSubcategory, what, all.as_slice());
    one_of(cell, known, ServiceSubcategory::from_name, findings)
}

/// An amount in kronor with at most two decimals, of either sign.
pub(crate) fn money(cell: &Cell, findings: &mut Findings) -> Option<Money> {
    if !is_text(cell, findings) {
        return None;
    }
    let decimal = Decimal::from_str_exact(&plain_number(&cell.text)).ok();
    let limit = Decimal::from(AMOUNT_KRONOR_MAX);
    let amount = decimal.filter(|d| d.normalize().scale() <= 2 && d.abs() <= limit).and_then(Money::rounded);
    if amount.is_none() {
        let text = &cell.text;
        findings.add(
            Code::InvalidAmount,
            &cell.place,
            say(format!("{text:?} är inget belopp"), format!("{text:?} is not an amount")),
            say(
                "skriv kronor med högst två decimaler, till exempel 700 000,00",
                "write kronor with at most two decimals, such as 700 000.00",
            ),
        );
    }
    amount
}

/// A fraction from 0 to 1; `code` says of what.
pub(crate) fn fraction(code: Code, cell: &Cell, findings: &mut Findings) -> Option<Rate> {
    if !is_text(cell, findings) {
        return None;
    }
    let rate = plain_number(&cell.text).parse::<Rate>().ok();
    if rate.is_none() {
        let text = &cell.text;
        findings.add(
            code,
            &cell.place,
            say(
                format!("{text:?} är ingen andel mellan 0 och 1"),
                format!("{text:?} is not a fraction from 0 to 1"),
            ),
            say("3 % skrivs 0.03, högst åtta decimaler", "3 % is written 0.03, at most eight decimals"),
        );
    }
    rate
}

/// A number of units, zero or more.
pub(crate) fn quantity(cell: &Cell, findings: &mut Findings) -> Option<Quantity> {
    let quantity = Quantity::parse(&plain_number(&cell.text)).ok().filter(|q| *q >= Quantity::ZERO);
    if quantity.is_none() {
        let text = &cell.text;
        findings.add(
            Code::InvalidQuantity,
            &cell.place,
            say(format!("{text:?} är inget antal"), format!("{text:?} is not a number of units")),
            say(
                "skriv ett tal från 0 med högst sex decimaler",
                "write a number from 0 with at most six decimals",
            ),
        );
    }
    quantity
}

/// Whether the last of some digits is their check digit by Luhn's rule.
pub(crate) fn ends_with_check_digit(digits: &[u32]) -> bool {
    let weighed =
        |(at, digit): (usize, &u32)| if at % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { *digit };
    digits.iter().rev().enumerate().map(weighed).sum::<u32>().is_multiple_of(10)
}

/// An organisation number `NNNNNN-NNNN` whose check digit is right.
pub(crate) fn organisation_number(cell: &Cell, findings: &mut Findings) -> Option<String> {
    let text = &cell.text;
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let shaped = text.len() == 11 && text.as_bytes()[6] == b'-' && digits.len() == 10;
    if shaped && ends_with_check_digit(&digits) {
        return Some(text.clone());
    }
    let why = if shaped {
        say(format!("{text} har fel kontrollsiffra"), format!("{text} has a wrong check digit"))
    } else {
        say(
            format!("{text:?} är inget organisationsnummer"),
            format!("{text:?} is not an organisation number"),
        )
    };
    findings.add(
        Code::InvalidOrganisationNumber,
        &cell.place,
        why,
        say(
            "skriv NNNNNN-NNNN som i registreringsbeviset",
            "write NNNNNN-NNNN as in the registration certificate",
        ),
    );
    None
}
