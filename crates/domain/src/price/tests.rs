use proptest::prelude::*;

use super::*;

fn model(text: &str) -> PriceModel {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn gross(text: &str, price: &str, used: &str) -> String {
    let gross = model(text).gross(price.parse().unwrap(), Quantity::parse(used).unwrap());
    gross.map_or_else(|| "beyond".to_owned(), |gross| gross.to_string())
}

/// R19, by hand.
#[test]
fn each_model_makes_its_amount_and_rounds_once() {
    let cases = [
        // 12.5 × 1.5
        ("", "1.50", "12.5", "18.75"),
        // At a step the lower price still holds for nothing; above it for what lies above.
        ("trappa 1000:1,2 5000:0,9", "1.50", "1000", "1500.00"),
        ("trappa 1000:1,2 5000:0,9", "1.50", "1000.5", "1500.60"),
        // 1000 × 1.5 + 4000 × 1.2 + 1000 × 0.9
        ("trappa 1000:1,2 5000:0,9", "1.50", "6000", "7200.00"),
        // Two halves of an öre, 0.005 + 0.005, are rounded together.
        ("trappa 1:0.005", "0.005", "2", "0.01"),
        ("volym 1000:1.2", "1.50", "1000", "1500.00"),
        ("volym 1000:1.2 2000:1", "1.50", "1000.000001", "1200.00"),
        ("volym 1000:1.2 2000:1", "1.50", "2500", "2500.00"),
        ("paket 100", "30", "0.000001", "30.00"),
        ("paket 100", "30", "100", "30.00"),
        ("paket 100", "30", "100.5", "60.00"),
        ("fast", "450", "0.1", "450.00"),
        ("fast", "450", "9000", "450.00"),
        ("fast", "450", "0", "0.00"),
        ("fritt 50", "2", "49.9", "0.00"),
        ("fritt 50", "2", "50.25", "0.50"),
        // The steps count what is left after the allowance.
        ("trappa 10:1 fritt 50", "2", "65", "25.00"),
        ("minst 500", "2", "249", "500.00"),
        ("minst 500", "2", "251", "502.00"),
        ("minst 500", "2", "0", "0.00"),
        ("fritt 50 minst 100", "2", "10", "100.00"),
        // A credit: as the same quantity is charged, without allowance and minimum.
        ("trappa 10:1 fritt 50 minst 500", "2", "-15", "-25.00"),
        ("", "0.05", "-0.1", "-0.01"),
        ("", "1000000000", "900000000000000", "beyond"),
    ];
    for (text, price, used, want) in cases {
        assert_eq!(gross(text, price, used), want, "{text} at {price}: {used}");
    }
}

#[test]
fn what_is_no_model_is_refused_at_its_word() {
    let unexpected = |word: &str| InvalidPriceModel::Unexpected { word: word.to_owned() };
    let incomplete = |word: &str| InvalidPriceModel::Incomplete { word: word.to_owned() };
    let cases = [
        ("per styck", unexpected("per")),
        ("fast paket 10", unexpected("paket")),
        ("fritt 1 fritt 2", unexpected("fritt")),
        ("paket", incomplete("paket")),
        ("paket 0", incomplete("paket")),
        ("fritt -1", incomplete("fritt")),
        ("minst 0", incomplete("minst")),
        ("minst 0,005", incomplete("minst")),
        ("trappa", incomplete("trappa")),
        ("volym fritt 5", incomplete("volym")),
        ("trappa 10:x", unexpected("10:x")),
        ("trappa 10:1 10:2", InvalidPriceModel::NotRising { step: "10:2".to_owned() }),
        ("trappa 0:1", InvalidPriceModel::NotRising { step: "0:1".to_owned() }),
    ];
    for (text, want) in cases {
        assert_eq!(text.parse::<PriceModel>(), Err(want), "{text}");
    }
}

fn quantities() -> impl Strategy<Value = Quantity> {
    (1_i128..100_000_000_000).prop_map(Quantity::from_micros)
}

fn prices() -> impl Strategy<Value = UnitPrice> {
    (0_i64..100_000_000).prop_map(|micros| Decimal::new(micros, 6).to_string().parse().unwrap())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::btree_map(1_i128..100_000_000_000, prices(), 1..5).prop_map(|steps| {
        let step = |(above, price)| Step { above: Quantity::from_micros(above), price };
        steps.into_iter().map(step).collect()
    })
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::PerUnit),
        Just(Shape::Flat),
        quantities().prop_map(Shape::Package),
        steps().prop_map(Shape::Graduated),
        steps().prop_map(Shape::Volume),
    ]
}

fn models() -> impl Strategy<Value = PriceModel> {
    (shapes(), prop::option::of(quantities()), 0_i64..1_000_000).prop_map(|(shape, free, minimum)| {
        PriceModel { shape, free: free.unwrap_or_default(), minimum: Money::from_ore(minimum) }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(model in models()) {
        prop_assert_eq!(model.to_string().parse::<PriceModel>(), Ok(model));
    }

    #[test]
    fn more_never_costs_less_but_by_volume(model in models(), price in prices(), a in quantities(), b in quantities()) {
        prop_assume!(!matches!(model.shape, Shape::Volume(_)));
        let (less, more) = (a.min(b), a.max(b));
        prop_assert!(model.gross(price, less).unwrap() <= model.gross(price, more).unwrap());
        prop_assert!(model.gross(price, less).unwrap() >= model.minimum);
    }

    #[test]
    fn steps_at_one_price_are_no_steps(steps in steps(), price in prices(), used in quantities()) {
        let flattened: Vec<Step> = steps.iter().map(|step| Step { price, ..*step }).collect();
        let plain = PriceModel::default().gross(price, used);
        for shape in [Shape::Graduated(flattened.clone()), Shape::Volume(flattened)] {
            let model = PriceModel { shape, ..PriceModel::default() };
            prop_assert_eq!(model.gross(price, used), plain);
        }
    }
}
