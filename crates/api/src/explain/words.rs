//! What an explanation says in Swedish besides its numbers.

use billing::retention::DetailsRemoved;
use domain::Month;
use domain::charge::Reason;
use domain::surcharge::Handout;
use rust_decimal::Decimal;

/// Why a closed month is corrected.
pub(super) fn reason(reason: Reason, corrected: Month) -> String {
    match reason {
        Reason::Usage => format!(
            "kostnadsställets användning i {corrected} är en annan än den fakturerade: den kom sent, rättades eller togs tillbaka"
        ),
        Reason::Payer => {
            format!("användningen i {corrected} är densamma, men kostnadsstället har en annan betalare")
        }
        Reason::Spread => format!(
            "användningen i {corrected} är densamma, men betalarens pris gäller allt den använder och har fördelats om på dess kostnadsställen"
        ),
        Reason::Terms => format!("villkoren i {corrected} är andra än de fakturerade"),
    }
}

/// How a line's claim of its payer's surcharge became whole öre.
pub(super) fn handout(claim: Decimal, made: &Handout) -> String {
    let Handout { floor, left, rank, claims, part } = made;
    let lines =
        if *claims == 1 { "betalarens enda rad".to_owned() } else { format!("betalarens {claims} rader") };
    let begin = format!("Anspråket {claim} kr avkortas till {floor} kr. När {lines} avkortats");
    let (ore, change) = (left.ore().abs(), (*part - *floor).ore());
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

/// That the details of events are gone, and since when.
pub(super) fn removed(removed: &DetailsRemoved) -> String {
    format!(
        "Händelsernas id, ämne och dimensioner gallrades {} (beslut {}): de finns inte kvar för användning före {}. Mängder och tider finns kvar.",
        removed.at.day(),
        removed.control,
        removed.before
    )
}

#[cfg(test)]
mod tests {
    use domain::Money;

    use super::*;

    fn told(claim: &str, floor: i64, left: i64, rank: usize, claims: usize, part: i64) -> String {
        let [floor, left, part] = [floor, left, part].map(Money::from_ore);
        handout(claim.parse().unwrap(), &Handout { floor, left, rank, claims, part })
    }

    #[test]
    fn the_handing_out_is_told_in_words() {
        assert_eq!(
            told("0.288", 28, 1, 1, 3, 29),
            "Anspråket 0.288 kr avkortas till 0.28 kr. När betalarens 3 rader avkortats återstår 1 öre, som delas ut ett i taget till de största resterna. Raden är nummer 1 i ordningen och får 1 av dem: 0.29 kr."
        );
        assert!(
            told("105", 10_500, 1, 3, 3, 10_500)
                .ends_with("nummer 3 i ordningen och får 0 av dem: 105.00 kr.")
        );
        assert_eq!(
            told("0.06", 6, 0, 1, 1, 6),
            "Anspråket 0.06 kr avkortas till 0.06 kr. När betalarens enda rad avkortats går det jämnt ut: raden får 0.06 kr."
        );
        assert!(told("-0.576", -57, -1, 1, 2, -58).contains("är 1 öre för mycket utdelade"));
        assert!(told("-0.576", -57, -1, 1, 2, -58).ends_with("lämnar 1 av dem: -0.58 kr."));
    }

    #[test]
    fn every_reason_names_the_month() {
        let month: Month = "2021-03".parse().unwrap();
        for one in [Reason::Usage, Reason::Payer, Reason::Spread, Reason::Terms] {
            assert!(reason(one, month).contains("2021-03"));
        }
    }
}
