//! What an explanation says besides its numbers.

use billing::retention::DetailsRemoved;
use domain::Month;
use domain::charge::Reason;
use domain::surcharge::Handout;
use rust_decimal::Decimal;

use crate::language::Language;
use crate::numbers::{exact, fixed};

/// Why a closed month is corrected.
pub(super) fn reason(language: Language, reason: Reason, corrected: Month) -> String {
    match (language, reason) {
        (Language::Swedish, Reason::Usage) => format!(
            "kostnadsställets användning i {corrected} är en annan än den fakturerade: den kom sent, rättades eller togs tillbaka"
        ),
        (Language::English, Reason::Usage) => format!(
            "the cost centre's usage of {corrected} is another than what was billed: it came late, was corrected or taken back"
        ),
        (Language::Swedish, Reason::Payer) => {
            format!("användningen i {corrected} är densamma, men kostnadsstället har en annan betalare")
        }
        (Language::English, Reason::Payer) => {
            format!("the usage of {corrected} is the same, but the cost centre has another payer")
        }
        (Language::Swedish, Reason::Spread) => format!(
            "användningen i {corrected} är densamma, men betalarens pris gäller allt den använder och har fördelats om på dess kostnadsställen"
        ),
        (Language::English, Reason::Spread) => format!(
            "the usage of {corrected} is the same, but the payer's price is for all that it uses and was spread anew over its cost centres"
        ),
        (Language::Swedish, Reason::Terms) => format!("villkoren i {corrected} är andra än de fakturerade"),
        (Language::English, Reason::Terms) => {
            format!("the terms of {corrected} are others than those that were billed")
        }
    }
}

/// How a line's claim of its payer's surcharge became whole öre.
pub(super) fn handout(language: Language, claim: Decimal, made: &Handout) -> String {
    let Handout { floor, left, rank, claims, part } = *made;
    let (ore, change) = (left.ore().abs(), (part - floor).ore());
    let claim = fixed(language, claim.mantissa(), claim.scale());
    let [floor, part] = [floor, part].map(|amount| exact(language, amount));
    match language {
        Language::Swedish => {
            let lines = if claims == 1 {
                "betalarens enda rad".to_owned()
            } else {
                format!("betalarens {claims} rader")
            };
            let begin = format!("Anspråket {claim} kr avkortas till {floor} kr. När {lines} avkortats");
            match left.ore().signum() {
                0 => format!("{begin} går det jämnt ut: raden får {part} kr."),
                1 => format!(
                    "{begin} återstår {ore} öre, som delas ut ett i taget till de största resterna. Raden är nummer {rank} i ordningen och får {change} av dem: {part} kr."
                ),
                _ => format!(
                    "{begin} är {ore} öre för mycket utdelade; de tas tillbaka ett i taget från de största resterna. Raden är nummer {rank} i ordningen och lämnar {} av dem: {part} kr.",
                    -change
                ),
            }
        }
        Language::English => {
            let lines = if claims == 1 {
                "the payer's only line".to_owned()
            } else {
                format!("the payer's {claims} lines")
            };
            let begin = format!("The claim of SEK {claim} is cut to SEK {floor}. With {lines} cut");
            match left.ore().signum() {
                0 => format!("{begin}, nothing is left: the line gets SEK {part}."),
                1 => format!(
                    "{begin}, there is {ore} öre left, which is handed out one by one to the greatest remainders. The line is number {rank} among them and gets {change}: SEK {part}."
                ),
                _ => format!(
                    "{begin}, {ore} öre too much is handed out, and is taken back one by one from the greatest remainders. The line is number {rank} among them and gives {}: SEK {part}.",
                    -change
                ),
            }
        }
    }
}

/// That the details of events are gone, and since when.
pub(super) fn removed(language: Language, removed: &DetailsRemoved) -> String {
    let DetailsRemoved { at, control, before } = removed;
    let day = at.day();
    match language {
        Language::Swedish => format!(
            "Händelsernas id, ämne och dimensioner gallrades {day} (beslut {control}): de finns inte kvar för användning före {before}. Mängder och tider finns kvar."
        ),
        Language::English => format!(
            "The events' ids, subjects and dimensions were removed on {day} (decision {control}): those of usage before {before} are gone. Quantities and times are kept."
        ),
    }
}

#[cfg(test)]
mod tests {
    use domain::Money;

    use super::*;

    fn told(claim: &str, floor: i64, left: i64, rank: usize, claims: usize, part: i64) -> [String; 2] {
        let [floor, left, part] = [floor, left, part].map(Money::from_ore);
        let made = Handout { floor, left, rank, claims, part };
        let told = |language| handout(language, claim.parse().unwrap(), &made);
        [told(Language::Swedish), told(Language::English)]
    }

    #[test]
    fn the_handing_out_is_told_in_words() {
        assert_eq!(
            told("0.288", 28, 1, 1, 3, 29),
            [
                "Anspråket 0,288 kr avkortas till 0,28 kr. När betalarens 3 rader avkortats återstår 1 öre, som delas ut ett i taget till de största resterna. Raden är nummer 1 i ordningen och får 1 av dem: 0,29 kr.",
                "The claim of SEK 0.288 is cut to SEK 0.28. With the payer's 3 lines cut, there is 1 öre left, which is handed out one by one to the greatest remainders. The line is number 1 among them and gets 1: SEK 0.29."
            ]
        );
        assert!(
            told("105", 10_500, 1, 3, 3, 10_500)[0]
                .ends_with("nummer 3 i ordningen och får 0 av dem: 105,00 kr.")
        );
        assert_eq!(
            told("0.06", 6, 0, 1, 1, 6),
            [
                "Anspråket 0,06 kr avkortas till 0,06 kr. När betalarens enda rad avkortats går det jämnt ut: raden får 0,06 kr.",
                "The claim of SEK 0.06 is cut to SEK 0.06. With the payer's only line cut, nothing is left: the line gets SEK 0.06."
            ]
        );
        let [sv, en] = told("-0.576", -57, -1, 1, 2, -58);
        assert!(sv.contains("är 1 öre för mycket utdelade") && sv.ends_with("lämnar 1 av dem: −0,58 kr."));
        assert!(en.contains("1 öre too much") && en.ends_with("gives 1: SEK −0.58."), "{en}");
    }

    #[test]
    fn every_reason_names_the_month() {
        let month: Month = "2021-03".parse().unwrap();
        for language in [Language::Swedish, Language::English] {
            for one in [Reason::Usage, Reason::Payer, Reason::Spread, Reason::Terms] {
                assert!(reason(language, one, month).contains("2021-03"));
            }
        }
    }
}
