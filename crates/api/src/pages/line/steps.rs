//! The reckoning of a line, one amount after the other. A correction is a fresh reckoning less what was booked.

use billing::Explanation;
use domain::charge::Charge;
use domain::rating::PriceTerms;
use domain::{Money, Quantity};

use super::Words;
use crate::language::Language;
use crate::numbers;
use crate::pages::words;
use crate::texts::Texts;

/// One amount, and how it came about.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) amount: String,
    pub(super) how: String,
}

/// The steps from the quantity to what is to be paid.
pub(super) fn steps(language: Language, explanation: &Explanation) -> Vec<Step> {
    let charge = &explanation.charge;
    let (w, tariff) = (Words::of(language), &charge.tariff);
    let kr = |amount: Money| numbers::exact_kronor(language, amount);
    let mut steps = vec![Step {
        name: w.quantity,
        amount: words::amount(language, charge.quantity, &tariff.unit),
        how: format!("{}, {}", words::kind(language, tariff.kind), words::unit_name(language, &tariff.unit)),
    }];
    if let Some(terms) = &tariff.price {
        let decided = format!("{} {}, {} {}", w.decision, terms.decision, w.from, terms.valid_from);
        steps.push(Step {
            name: w.gross,
            amount: kr(charge.gross),
            how: format!("{}; {decided}", gross(language, charge, terms)),
        });
    }
    if let Some(terms) = &tariff.joint {
        let bearer = terms.bearer.as_ref().map_or_else(String::new, |bearer| format!(", {bearer}"));
        let (share, phase) = (numbers::percent(language, terms.share), words::phase(language, terms.phase));
        let of = match (charge.corrects, language) {
            (None, _) => format!("{share} × {}", kr(charge.gross)),
            (Some(_), Language::Swedish) => {
                format!("{share} av det nya bruttot minus det som redan bokförts")
            }
            (Some(_), Language::English) => format!("{share} of the new gross less what was booked"),
        };
        steps.push(Step {
            name: w.joint,
            amount: kr(charge.joint),
            how: format!("{of} ({phase}{bearer}); {} {}", w.decision, terms.decision),
        });
    }
    steps.push(Step {
        name: w.net,
        amount: kr(charge.net),
        how: format!("{} − {}", kr(charge.gross), kr(charge.joint)),
    });
    steps.push(Step {
        name: Texts::of(language).surcharge,
        amount: kr(charge.surcharge),
        how: surcharge(language, explanation),
    });
    steps.push(Step {
        name: w.due,
        amount: kr(charge.net + charge.surcharge),
        how: format!("{} + {}", kr(charge.net), kr(charge.surcharge)),
    });
    steps
}

/// How the price makes the gross.
fn gross(language: Language, charge: &Charge, terms: &PriceTerms) -> String {
    let price = numbers::price(language, terms.price);
    let written = |quantity: Quantity| words::amount(language, quantity, &charge.tariff.unit);
    if !terms.model.is_plain() {
        let spread = words::of(
            language,
            "räknat på allt som betalaren använde och fördelat efter mängd",
            "reckoned on all that the payer used and spread by quantity",
        );
        return format!("{price} ({}), {spread}", terms.model);
    }
    if charge.corrects.is_none() {
        return format!("{} × {price}", written(charge.quantity));
    }
    let before = charge.billed_before;
    let now = Quantity::from_micros(before.micros() + charge.quantity.micros());
    // What was booked at another price is not what this one makes of it.
    let is_all = terms.price.times(now).zip(terms.price.times(before));
    if is_all.is_some_and(|(now, before)| now - before == charge.gross) {
        return format!("({} − {}) × {price}", written(now), written(before));
    }
    match language {
        Language::Swedish => format!("{} × {price} minus det som redan bokförts", written(now)),
        Language::English => format!("{} × {price} less what was booked", written(now)),
    }
}

/// How the line got its part of the payer's surcharge.
fn surcharge(language: Language, explanation: &Explanation) -> String {
    if !explanation.charge.tariff.bears_surcharge {
        return words::of(
            language,
            "tjänsten bär inget påslag den här månaden",
            "the service bears no surcharge in this month",
        )
        .to_owned();
    }
    let Some(rate) = explanation.rate else { return Texts::of(language).no_rate.to_owned() };
    let kr = |amount: Money| numbers::exact_kronor(language, amount);
    let (rate, base, all) =
        (numbers::percent(language, rate), kr(explanation.payer_base), kr(explanation.payer_surcharge));
    match (explanation.charge.corrects, language) {
        (None, Language::Swedish) => format!(
            "{rate} på betalarens hela månad, {base}, är {all}. Det fördelas på raderna efter netto; öret som blir över går till den största resten."
        ),
        (None, Language::English) => format!(
            "{rate} on the payer's whole month, {base}, is {all}. It is spread over the lines by their net; an öre that is left goes to the largest remainder."
        ),
        (Some(corrected), Language::Swedish) => format!(
            "{rate} på månadens nya netto minus det som redan bokförts. För betalarens alla rättelser av {} blir det {all}.",
            numbers::long_month(language, corrected)
        ),
        (Some(corrected), Language::English) => format!(
            "{rate} on the month's new net less what was booked. For all the payer's corrections of {} that comes to {all}.",
            numbers::long_month(language, corrected)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use billing::{Bill, MonthState};
    use domain::Month;
    use domain::charge::{Reason, Totals};
    use domain::rating::{Payer, Tariff};

    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    /// A line of e-meetings in March, or a correction of one in May.
    fn explained(
        corrects: Option<Month>,
        used: &str,
        before: &str,
        gross: i64,
        surcharge: i64,
    ) -> Explanation {
        let catalogue = catalog::check(&catalog::linkoping()).unwrap().catalogue;
        let march = month("2021-03");
        let tariff = Tariff::of(&catalogue, ("e-moten", "participant_hour", ""), Some("UAF"), march).unwrap();
        let charge = Charge {
            month: corrects.map_or(march, |_| month("2021-05")),
            corrects,
            reason: corrects.map(|_| Reason::Usage),
            customer: Arc::new(Payer::of(&catalogue, "UAF")),
            costcentre: "441001".into(),
            tariff: Arc::new(tariff),
            quantity: quantity(used),
            billed_before: quantity(before),
            gross: Money::from_ore(gross),
            joint: Money::ZERO,
            net: Money::from_ore(gross),
            surcharge: Money::from_ore(surcharge),
        };
        let bill = Bill {
            month: charge.month,
            state: MonthState::Open,
            catalogue: catalogue.version.clone(),
            rate: catalogue.rate(march).map(|rate| rate.rate),
            rate_decision: String::new(),
            charges: vec![charge.clone()],
            totals: Totals::default(),
            documents: Vec::new(),
            unattributed: Vec::new(),
            findings: Vec::new(),
            frozen: None,
        };
        Explanation {
            rate: bill.rate,
            bill: Arc::new(bill),
            payer_base: Money::from_ore(4_800),
            payer_surcharge: Money::from_ore(145),
            charge,
            surcharge_claim: None,
            handout: None,
            days: Vec::new(),
            agreements: Vec::new(),
            is_withheld: false,
            events: Vec::new(),
            details_removed: None,
        }
    }

    fn how(language: Language, explanation: &Explanation, name: &str) -> String {
        let steps = steps(language, explanation);
        let step = steps.into_iter().find(|step| step.name == name).unwrap();
        step.how.replace(numbers::NBSP, " ")
    }

    #[test]
    fn a_correction_says_what_it_is_the_difference_of() {
        let price = explained(None, "1", "0", 0, 0).charge.tariff.price.as_ref().unwrap().price;
        let (now, before) = (price.times(quantity("120")).unwrap(), price.times(quantity("100")).unwrap());
        let correction = explained(Some(month("2021-03")), "20", "100", (now - before).ore(), 1);
        let gross = how(Language::Swedish, &correction, "Brutto");
        assert!(gross.starts_with("(120 h − 100 h) × 0,48 kr; beslut "), "{gross}");
        let surcharge = how(Language::Swedish, &correction, "Påslag");
        assert_eq!(
            surcharge,
            "3 % på månadens nya netto minus det som redan bokförts. För betalarens alla rättelser av mars 2021 blir det 1,45 kr."
        );
        let english = how(Language::English, &correction, "Gross");
        assert!(english.starts_with("(120 h − 100 h) × SEK 0.48; decision "), "{english}");
        let other_terms = explained(Some(month("2021-03")), "20", "100", 1_234, 1);
        let gross = how(Language::Swedish, &other_terms, "Brutto");
        assert!(gross.starts_with("120 h × 0,48 kr minus det som redan bokförts; "), "{gross}");
    }

    #[test]
    fn the_months_own_line_is_a_part_of_the_payers_whole_month() {
        let own = explained(None, "100", "0", 4_800, 144);
        assert!(how(Language::Swedish, &own, "Brutto").starts_with("100 h × 0,48 kr; "));
        let surcharge = how(Language::Swedish, &own, "Påslag");
        assert!(surcharge.starts_with("3 % på betalarens hela månad, 48,00 kr, är 1,45 kr. "), "{surcharge}");
    }
}
