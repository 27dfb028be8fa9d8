//! Why events lie in the quarantine, in words, and what is to be done about each reason.

use domain::Code;

use crate::language::Language;
use crate::pages::words;

/// A reason in the reader's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Explained {
    /// A few words, as in a list.
    pub(super) title: &'static str,
    /// What it means, in a sentence.
    pub(super) meaning: &'static str,
    /// What to do.
    pub(super) todo: &'static str,
}

/// A text in both languages.
type Both = (&'static str, &'static str);

const SENDER: Both = (
    "Avsändaren har fått veta det och behöver rätta felet och skicka händelsen igen. Att pröva den här kopian på nytt hjälper inte.",
    "The sender was told, and needs to mend the fault and send the event again. Trying this copy again does not help.",
);
const SENDER_OR_CATALOGUE: Both = (
    "Jämför händelsen med katalogen. Är det avsändaren som har fel ska den rätta och skicka igen; är det katalogen, rätta den och pröva sedan händelsen igen.",
    "Compare the event with the catalogue. If the sender is wrong, it should mend the event and send it again; if the catalogue is, mend that and then try the event again.",
);
const CATALOGUE: Both = (
    "Lägg in det som saknas i katalogen (taxameter catalog apply). Då räknas händelsen av sig själv. Är namnet felstavat ska avsändaren i stället rätta och skicka igen.",
    "Put what is missing into the catalogue (taxameter catalog apply), and the event is counted by itself. If the name is misspelt, the sender should mend it and send again instead.",
);
const CLOCK: Both = (
    "Kontrollera klockan hos avsändaren och på insamlarens maskin. När de går rätt kan händelsen prövas igen.",
    "Check the clocks of the sender and of the collector's machine. Once they are right the event can be tried again.",
);
const KEY: Both = (
    "Ska avsändaren skicka för den här källan? Registrera då källan på dess nyckel, och pröva händelsen igen. Annars är källan felskriven hos avsändaren.",
    "Should the sender send for this source? Then register the source for its key, and try the event again. Otherwise the sender has misspelt its source.",
);
const PERSONAL: Both = (
    "Avsändaren ska ta bort personuppgiften eller byta den mot en pseudonym, och skicka igen. Händelsen är inte sparad, så den kan inte prövas igen.",
    "The sender must take the personal data out, or put a pseudonym in its place, and send again. The event was not kept, so it cannot be tried again.",
);
const CONFLICT: Both = (
    "Fråga avsändaren vilken av händelserna som gäller. En rättelse ska ha samma id och ett högre seq; är det två olika händelser ska den ena få ett nytt id.",
    "Ask the sender which of the events is right. A correction has the same id and a higher seq; if they are two different events, one of them needs a new id.",
);
const TOO_OLD: Both = (
    "Räkna den inte igen utan att veta om den redan är räknad: så gamla händelser går inte att skilja från dubbletter. Fråga avsändaren och rätta med en ny händelse.",
    "Do not count it again without knowing whether it was counted: events this old cannot be told from duplicates. Ask the sender, and correct it with a new event.",
);
const FOREIGN: Both = (
    "Något annat än en insamlare har skrivit till loggen. Ta reda på vad, stäng av det och låt det skicka till insamlaren i stället.",
    "Something else than a collector has written to the log. Find out what, stop it, and let it send to the collector instead.",
);

/// A reason in a language.
pub(super) fn explained(language: Language, code: Code) -> Option<Explained> {
    let (_, title, meaning, todo) = TABLE.iter().find(|(known, _, _, _)| *known == code)?;
    Some(Explained {
        title: words::of(language, title.0, title.1),
        meaning: words::of(language, meaning.0, meaning.1),
        todo: words::of(language, todo.0, todo.1),
    })
}

/// A reason by its name. What an older or newer program wrote may have a name that is not known here.
pub(super) fn named(language: Language, name: &str) -> Option<Explained> {
    explained(language, Code::from_name(name)?)
}

/// Code, title, meaning and what to do. A test holds it to the codes that there are.
#[rustfmt::skip]
static TABLE: [(Code, Both, Both, Both); Code::ALL.len()] = [
    (Code::InvalidJson, ("Inte läsbar", "Not readable"), ("Det som skickades är inte ett JSON-objekt.", "What was sent is not one JSON object."), SENDER),
    (Code::DuplicateKey, ("Samma fält två gånger", "The same field twice"), ("Ett fält står två gånger, så det går inte att veta vilket värde som gäller.", "A field stands there twice, so nobody can know which value is meant."), SENDER),
    (Code::EventTooLarge, ("För stor", "Too large"), ("Händelsen är större än 64 KiB. Bara början är sparad.", "The event is larger than 64 KiB. Only its beginning was kept."), SENDER),
    (Code::TooDeep, ("För djupt nästlad", "Nested too deep"), ("Objekt och listor ligger i varandra i fler än 32 nivåer.", "Objects and lists lie within each other in more than 32 levels."), SENDER),
    (Code::MissingField, ("Fält saknas", "A field is missing"), ("Ett fält som måste finnas saknas.", "A field that is required is not there."), SENDER),
    (Code::WrongType, ("Fel slags värde", "The wrong kind of value"), ("Ett fält har fel slags värde, till exempel ett tal där det ska vara text.", "A field has the wrong kind of value, as a number where text should be."), SENDER),
    (Code::UnknownField, ("Okänt fält", "Unknown field"), ("Händelsen har ett fält som inte finns i avtalet om händelser.", "The event has a field that the contract of events does not have."), SENDER),
    (Code::UnsupportedSpecversion, ("Fel version av CloudEvents", "Another version of CloudEvents"), ("Fältet specversion ska vara 1.0.", "The field specversion must be 1.0."), SENDER),
    (Code::InvalidId, ("Ogiltigt id", "Invalid id"), ("Fältet id ska ha 1–200 skrivbara ASCII-tecken.", "The field id must be 1 to 200 printable ASCII characters."), SENDER),
    (Code::InvalidSource, ("Ogiltig källa", "Invalid source"), ("Fältet source ska vara en URI-referens med 1–200 tecken.", "The field source must be a URI reference of 1 to 200 characters."), SENDER),
    (Code::UnknownType, ("Okänd händelsetyp", "Unknown type of event"), ("Fältet type har ett värde som inte finns i avtalet om händelser.", "The field type has a value that the contract of events does not have."), SENDER),
    (Code::UnsupportedDataschema, ("Okänt dataschema", "Unknown data schema"), ("Fältet dataschema ska vara urn:lkdata:schema:usage:1.", "The field dataschema must be urn:lkdata:schema:usage:1."), SENDER),
    (Code::UnsupportedContentType, ("Fel innehållstyp", "The wrong content type"), ("Fältet datacontenttype är något annat än JSON.", "The field datacontenttype is something else than JSON."), SENDER),
    (Code::InvalidTime, ("Ogiltig tid", "Invalid time"), ("Fältet time ska vara en tidpunkt med tidszon, till exempel 2021-03-31T08:00:00+02:00.", "The field time must be a time with its offset, as 2021-03-31T08:00:00+02:00."), SENDER),
    (Code::TimeInFuture, ("Tid i framtiden", "Time in the future"), ("Händelsens tid ligger mer än tio minuter före insamlarens klocka.", "The event's time is more than ten minutes ahead of the collector's clock."), CLOCK),
    (Code::BeforeServiceStart, ("Före tjänstens start", "Before the service began"), ("Händelsen är från en dag då tjänsten enligt katalogen inte hade börjat levereras.", "The event is of a day on which the service, as the catalogue has it, was not yet delivered."), SENDER_OR_CATALOGUE),
    (Code::InvalidSubject, ("Ogiltigt föremål", "Invalid subject"), ("Fältet subject är varken en pseudonym eller ett av de föremål som är tillåtna.", "The field subject is neither a pseudonym nor one of the things that are allowed."), SENDER),
    (Code::InvalidSlug, ("Ogiltigt namn på tjänst eller mätare", "Invalid name of a service or meter"), ("Fälten service och meter får bara ha små bokstäver, siffror, bindestreck och understreck.", "The fields service and meter may only have small letters, digits, hyphens and underscores."), SENDER),
    (Code::WrongUnit, ("Fel enhet", "The wrong unit"), ("Händelsen har en annan enhet än mätaren har i katalogen.", "The event has another unit than the meter has in the catalogue."), SENDER_OR_CATALOGUE),
    (Code::InvalidQuantity, ("Ogiltig mängd", "Invalid quantity"), ("Mängden är inte ett decimaltal med högst 15 heltalssiffror och 6 decimaler.", "The quantity is not a decimal number of at most 15 digits and 6 decimals."), SENDER),
    (Code::NegativeQuantity, ("Negativ mängd", "Negative quantity"), ("Mängden är mindre än noll, och det tar mätaren inte emot.", "The quantity is less than zero, which the meter does not take."), SENDER_OR_CATALOGUE),
    (Code::InvalidCustomer, ("Ogiltig kund", "Invalid customer"), ("Kunden har en okänd sort, eller en kod som inte är rätt skriven.", "The customer is of an unknown kind, or its code is ill-formed."), SENDER),
    (Code::InvalidCostcentre, ("Ogiltigt kostnadsställe", "Invalid cost centre"), ("Kostnadsstället ska ha 1–20 stora bokstäver (A–Z) och siffror.", "The cost centre must be 1 to 20 capital letters (A–Z) and digits."), SENDER),
    (Code::InvalidDims, ("Ogiltiga egenskaper", "Invalid dimensions"), ("En egenskap (dims) har ett namn eller värde som inte är rätt skrivet, eller så är de för många.", "A dimension (dims) has an ill-formed name or value, or there are too many of them."), SENDER),
    (Code::MissingDimension, ("Egenskap saknas", "A dimension is missing"), ("En egenskap som priset beror på saknas.", "A dimension that the price depends on is missing."), SENDER),
    (Code::UnknownDimensionValue, ("Okänt värde på egenskap", "Unknown value of a dimension"), ("En egenskap som priset beror på har ett värde som inte finns i katalogen.", "A dimension that the price depends on has a value that the catalogue does not have."), SENDER_OR_CATALOGUE),
    (Code::InvalidDay, ("Fel dag", "The wrong day"), ("Fältet day ska vara händelsens svenska datum eller dagen före.", "The field day must be the event's Swedish date or the day before."), SENDER),
    (Code::InvalidInterval, ("Fel mätperiod", "The wrong interval"), ("Tiderna measured_from och measured_to ger inte en period på högst 31 dagar.", "The times measured_from and measured_to do not make an interval of at most 31 days."), SENDER),
    (Code::InvalidSeq, ("Ogiltigt seq", "Invalid seq"), ("Fältet seq, som numrerar rättelser, ska vara ett heltal från 0.", "The field seq, which numbers corrections, must be a whole number from 0 on."), SENDER),
    (Code::RetractedFirst, ("Återtagen utan att ha funnits", "Taken back without having been there"), ("Händelsen tas tillbaka med seq 0, men då finns inget att ta tillbaka.", "The event is taken back at seq 0, where there is nothing to take back."), SENDER),
    (Code::InvalidCount, ("Ogiltigt antal", "Invalid number"), ("Antalen i en avslutad ögonblicksbild ska vara heltal från 0 till en miljard.", "The numbers of a completed snapshot must be whole numbers from 0 to a thousand million."), SENDER),
    (Code::TypeNotOfMeter, ("Typen hör inte till mätaren", "The type is not the meter's"), ("Mätaren tar emot händelser av en annan typ.", "The meter takes events of another type."), SENDER_OR_CATALOGUE),
    (Code::MeterTakesNoEvents, ("Mätaren tar inte emot händelser", "The meter takes no events"), ("Mätaren debiteras efter avtal i katalogen, inte efter händelser.", "The meter is billed by agreements in the catalogue, not by events."), SENDER_OR_CATALOGUE),
    (Code::PersonalData, ("Personuppgift", "Personal data"), ("Händelsen såg ut att innehålla ett personnummer, en e-postadress, ett telefonnummer eller en IP-adress.", "The event seemed to hold a personal identity number, an e-mail address, a phone number or an IP address."), PERSONAL),
    (Code::SourceNotAllowed, ("Källan får inte användas", "The source is not allowed"), ("Avsändarens nyckel är inte registrerad för källan.", "The sender's key is not registered for the source."), KEY),
    (Code::UnknownService, ("Okänd tjänst", "Unknown service"), ("Katalogen har inte tjänsten än. Händelsen är mottagen och väntar.", "The catalogue does not have the service yet. The event is taken in and waits."), CATALOGUE),
    (Code::UnknownMeter, ("Okänd mätare", "Unknown meter"), ("Tjänsten har inte mätaren i katalogen än. Händelsen är mottagen och väntar.", "The service does not have the meter in the catalogue yet. The event is taken in and waits."), CATALOGUE),
    (Code::Conflict, ("Motsägelse", "Conflict"), ("En händelse med samma källa, id och seq men annat innehåll är redan räknad. Den här räknades inte.", "An event of the same source, id and seq but with other content was counted before. This one was not."), CONFLICT),
    (Code::TooOld, ("För gammal", "Too old"), ("Händelsen kom så sent att det inte längre går att veta om den redan är räknad.", "The event came so late that nobody can know any more whether it was counted before."), TOO_OLD),
    (Code::Misrouted, ("På fel plats i loggen", "In the wrong place of the log"), ("Händelsen låg i en del av loggen där den inte hör hemma, och räknades inte.", "The event lay in a part of the log that is not its own, and was not counted."), FOREIGN),
    (Code::Undecodable, ("Oläsbar post i loggen", "An unreadable record of the log"), ("En post i loggen går inte att läsa som en händelse, och räknades inte.", "A record of the log cannot be read as an event, and was not counted."), FOREIGN),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_explained_in_both_languages_and_in_its_own_words() {
        for language in [Language::Swedish, Language::English] {
            let all = Code::ALL.map(|code| explained(language, code).unwrap());
            let titles: BTreeSet<&str> = all.iter().map(|reason| reason.title).collect();
            let meanings: BTreeSet<&str> = all.iter().map(|reason| reason.meaning).collect();
            assert_eq!((titles.len(), meanings.len()), (Code::ALL.len(), Code::ALL.len()));
            for Explained { title, meaning, todo } in all {
                assert!(!title.ends_with('.') && meaning.ends_with('.') && todo.ends_with('.'), "{title}");
            }
        }
        for code in Code::ALL {
            let [swedish, english] =
                [Language::Swedish, Language::English].map(|language| explained(language, code).unwrap());
            assert!(swedish.title != english.title && swedish.meaning != english.meaning, "{code}");
            assert_ne!(swedish.todo, english.todo, "{code}");
            assert_eq!(named(Language::Swedish, code.name()), Some(swedish));
        }
        assert_eq!(named(Language::Swedish, "no_such_code"), None);
    }

    #[test]
    fn what_waits_for_the_catalogue_says_that_it_is_counted_by_itself() {
        for code in Code::ALL {
            let says = explained(Language::Swedish, code).unwrap().todo.contains("av sig själv");
            assert_eq!(says, code.is_parked(), "{code}");
        }
    }
}
