//! What things are called in the reader's language, and which decisions are behind them.

use domain::catalogue::Catalogue;

use super::words;
use crate::language::Language;

/// The names of a catalogue in a language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'c> {
    pub(crate) catalogue: &'c Catalogue,
    pub(crate) language: Language,
}

/// A decision as a table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionText {
    pub(crate) reference: String,
    /// When it was made, by whom and about what; empty where decisions are kept elsewhere.
    pub(crate) note: String,
}

impl<'c> Named<'c> {
    /// A service's name; its slug where the catalogue has it no more.
    pub(crate) fn service<'s: 'r, 'r>(&self, slug: &'s str) -> &'r str
    where
        'c: 'r,
    {
        let service = self.catalogue.services.get(slug);
        service.map_or(slug, |service| words::of(self.language, &service.name, &service.name_en))
    }

    /// A meter's name.
    pub(crate) fn meter<'s: 'r, 'r>(&self, service: &str, slug: &'s str) -> &'r str
    where
        'c: 'r,
    {
        let meter = self.catalogue.meter(service, slug);
        meter.map_or(slug, |meter| words::of(self.language, &meter.name, &meter.name_en))
    }

    /// A meter and what of it: `Konto: Personal`.
    pub(crate) fn class(&self, service: &str, meter: &str, class: &str) -> String {
        let name = self.meter(service, meter);
        if class.is_empty() {
            name.to_owned()
        } else {
            format!("{name}: {}", self.values(service, meter, class))
        }
    }

    /// The values of a class: `Personal`. Those that the catalogue has no name for are as they are.
    pub(crate) fn values(&self, service: &str, meter: &str, class: &str) -> String {
        let named = class.split('/').map(|value| {
            let key = (service.to_owned(), meter.to_owned(), value.to_owned());
            let name = self.catalogue.value_names.get(&key);
            name.map_or(value, |name| words::of(self.language, &name.name, &name.name_en))
        });
        named.collect::<Vec<_>>().join(", ")
    }

    /// An object product's name.
    pub(crate) fn product<'s: 'r, 'r>(&self, code: &'s str) -> &'r str
    where
        'c: 'r,
    {
        let product = self.catalogue.products.get(code);
        product.map_or(code, |product| words::of(self.language, &product.name, &product.name_en))
    }

    /// A payer's name; its code where the catalogue has it no more.
    pub(crate) fn customer<'s: 'r, 'r>(&self, code: &'s str) -> &'r str
    where
        'c: 'r,
    {
        self.catalogue.customers.get(code).map_or(code, |customer| customer.name.as_str())
    }

    /// A decision by its reference.
    pub(crate) fn decision(&self, reference: &str) -> DecisionText {
        let known = self.catalogue.decisions.get(reference);
        DecisionText {
            reference: reference.to_owned(),
            note: known.map_or_else(String::new, |decision| {
                format!("{}, {}: {}", decision.day, decision.by, decision.about)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_the_names_that_people_use() {
        let catalogue = catalog::check(&catalog::linkoping()).map(|checked| checked.catalogue).unwrap();
        let named = |language| Named { catalogue: &catalogue, language };
        let account = |language, class| named(language).class("it-bastjanst-konto", "account", class);
        assert_eq!(account(Language::Swedish, "staff"), "Konton: Personal");
        assert_eq!(account(Language::English, "pupil"), "Accounts: Pupil");
        assert_eq!(account(Language::Swedish, "robot"), "Konton: robot");
        assert_eq!(account(Language::Swedish, ""), "Konton");
        assert_eq!(named(Language::Swedish).values("skrivare-mfp", "page", "mono/a4"), "Svartvit, a4");
    }
}
