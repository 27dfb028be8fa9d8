//! The words of the pages, in both languages. A text that one language lacks does not compile.

/// Declares the texts of a page (or of all pages): a key, the Swedish text, the English one.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $sv:literal, $en:literal;)* }) => {
        $(#[$doc])*
        pub(crate) struct $name {
            $(pub(crate) $key: &'static str,)*
        }

        impl $name {
            /// The texts of a language.
            pub(crate) fn of(language: crate::language::Language) -> &'static Self {
                static SWEDISH: $name = $name { $($key: $sv,)* };
                static ENGLISH: $name = $name { $($key: $en,)* };
                match language {
                    crate::language::Language::Swedish => &SWEDISH,
                    crate::language::Language::English => &ENGLISH,
                }
            }
        }
    };
}
pub(crate) use texts;

texts! {
    /// The texts that every page, or more than one, has.
    Texts {
        skip: "Till innehållet", "Skip to content";
        navigation: "Sidor", "Pages";
        overview: "Översikt", "Overview";
        services: "Tjänster", "Services";
        payers: "Betalare", "Payers";
        object: "Objektet", "The object";
        prices: "Priser", "Prices";
        operations: "Drift", "Operations";
        to_overview: "Till översikten", "To the overview";
        api: "API", "API";
        log_out: "Logga ut", "Log out";
        other_language: "In English", "På svenska";
        title: "Tjänsternas kostnad", "What the services cost";
        earlier: "Tidigare", "Earlier";
        later: "Senare", "Later";
        period: "Period", "Period";
        key_figures: "Nyckeltal", "Key figures";
        so_far: "hittills", "so far";
        not_closed: "Månaden är inte stängd", "The month is not closed";
        until: "till och med", "up to and including";
        towards: "mot", "against";
        no_comparison: "ingen tidigare månad att jämföra med", "no earlier month to compare with";
        surcharge: "Påslag", "Surcharge";
        surcharge_year: "Objektets påslag", "The object's surcharge";
        surcharge_year_note: "bokfört och preliminärt hittills under året", "booked and preliminary so far this year";
        rate: "påslag på netto", "surcharge on net";
        no_rate: "ingen påslagssats gäller", "no surcharge rate in force";
        year_total: "Senaste 12 månaderna", "Last 12 months";
        year_total_note: "kostnad, exklusive påslag och moms", "cost, without surcharge and VAT";
        chart_title: "Kostnad per månad", "Cost by month";
        with_surcharge: "netto och påslag, exklusive moms", "net and surcharge, without VAT";
        cost_note: "exklusive påslag och moms", "without surcharge and VAT";
        provisional_note: "Ljusare stapel: månaden är inte stängd och kan ändras.", "A lighter bar: the month is not closed and may change.";
        moved: "Störst förändring", "What moved most";
        nothing_moved: "Ingen månad att jämföra med ännu.", "There is no month to compare with yet.";
        unchanged: "Inget har ändrats.", "Nothing has changed.";
        quality: "Datakvalitet", "Data quality";
        unattributed: "Användning utan betalare", "Usage without a payer";
        unattributed_none: "All användning har en betalare", "All usage has a payer";
        costcentre: "kostnadsställe", "cost centre";
        costcentres: "kostnadsställen", "cost centres";
        unattributed_remedy: "Lägg till det som saknas i kostnadsstallen.csv och kör taxameter catalog apply.", "Add what is missing to kostnadsstallen.csv and run taxameter catalog apply.";
        gaps: "Luckor i mätningen", "Gaps in the measuring";
        gaps_none: "Inga saknade dagar", "No missing days";
        gaps_some: "ställen där mätvärden saknas", "places where readings are missing";
        gaps_estimated: "uppskattade från dagen före", "estimated from the day before";
        counting: "Räkningen", "The counting";
        counting_none: "Allt som har kommit in är räknat", "Everything that came in is counted";
        counting_some: "Siffrorna kan släpa efter", "The figures may be late";
        budget: "av det som objektet ska samla in under året", "of what the object is to collect in the year";
        expected: "väntat för hela månaden", "expected for the whole month";
        above_expected: "redan mer än väntat för hela månaden:", "already more than expected for the whole month:";
        quarantine: "I karantän", "In quarantine";
        quarantine_none: "Inga händelser väntar på åtgärd", "No event waits for attention";
        quarantine_some: "händelser att granska", "events to look at";
        good: "OK", "OK";
        attention: "Se över", "Check";
        service: "Tjänst", "Service";
        meter: "Mätare", "Meter";
        estimated_days: "dagar uppskattade", "days estimated";
        trend: "Trend", "Trend";
        total: "Summa", "Total";
        all_services: "Alla tjänster", "All services";
        surcharge_row: "Påslag", "Surcharge";
        table_title: "Tjänster", "Services";
        table_caption: "Kostnad per tjänst och månad, störst först", "Cost by service and month, greatest first";
        rounded: "Beloppen är avrundade var för sig.", "Each amount is rounded by itself.";
        months: "Månader och underlag", "Months and files";
        months_caption: "Månadernas läge, belopp och filer", "The months' states, amounts and files";
        month: "Månad", "Month";
        state: "Läge", "State";
        open: "Öppen", "Open";
        preliminary: "Preliminär", "Preliminary";
        closed: "Stängd", "Closed";
        net: "Netto", "Net";
        kr: "kr", "SEK";
        files: "Filer", "Files";
        package: "Allt (zip)", "All (zip)";
        fingerprint: "Kontrollsumma", "Checksum";
        same_data: "Samma data", "The same data";
        generated: "Hämtad", "Generated";
        catalogue: "Katalog", "Catalogue";
        version: "Version", "Version";
        start_title: "Välkommen till taxameter", "Welcome to taxameter";
        start_lead: "Inga händelser har räknats ännu. Skicka den första, så finns den på den här sidan inom några sekunder.", "No event has been counted yet. Send the first one, and it is on this page within seconds.";
        start_send: "Skicka en händelse", "Send an event";
        start_answer: "Svaret kommer först när händelsen är varaktigt sparad:", "The answer comes only when the event is durably stored:";
        start_then: "Se vad som räknades", "See what was counted";
        start_catalogue: "Tjänster, mätare och enheter", "Services, meters and units";
        start_catalogue_note: "Vad en händelse får innehålla står i katalogen:", "What an event may hold stands in the catalogue:";
        start_demo: "Vill du först se hur det kan se ut? Programmet kan fylla en egen katalog med ett påhittat år:", "Want to see what it can look like first? The program can fill a directory of its own with an invented year:";
    }
}
