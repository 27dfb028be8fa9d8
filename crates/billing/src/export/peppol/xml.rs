//! A tree of elements → XML. Only what UBL needs: an element has a text or elements, and at most one attribute.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    name: &'static str,
    attribute: Option<(&'static str, &'static str)>,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Elements(Vec<Element>),
}

/// An element with a text.
pub(super) fn text(name: &'static str, text: impl Into<String>) -> Element {
    Element { name, attribute: None, content: Content::Text(text.into()) }
}

/// An element with elements.
pub(super) fn group(name: &'static str, elements: Vec<Element>) -> Element {
    Element { name, attribute: None, content: Content::Elements(elements) }
}

impl Element {
    /// The same with an attribute.
    pub(super) fn with(self, attribute: &'static str, value: &'static str) -> Self {
        Self { attribute: Some((attribute, value)), ..self }
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let element = writer.create_element(self.name).with_attributes(self.attribute);
        match &self.content {
            Content::Text(text) => {
                element.write_text_content(BytesText::from_escaped(partial_escape(legal(text))))?;
            }
            Content::Elements(inner) => {
                element
                    .write_inner_content(|writer| inner.iter().try_for_each(|inner| inner.write(writer)))?;
            }
        }
        Ok(())
    }
}

/// A document: `root` in its default namespace, with the two that UBL's elements are in.
pub(super) fn document(root: &'static str, namespace: &str, elements: &[Element]) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let namespaces = [
        ("xmlns", namespace),
        ("xmlns:cac", "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"),
        ("xmlns:cbc", "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"),
    ];
    let all = writer.create_element(root).with_attributes(namespaces);
    all.write_inner_content(|writer| elements.iter().try_for_each(|element| element.write(writer)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Characters that XML 1.0 cannot hold (§2.2) become U+FFFD, so that one sees that something stood there; what breaks
/// lines becomes a space, since readers change it anyway.
fn legal(text: &str) -> Cow<'_, str> {
    let replaced = |letter: char| match letter {
        '\t' | '\n' | '\r' => Some(' '),
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => Some('\u{fffd}'),
        _ => None,
    };
    if text.chars().any(|letter| replaced(letter).is_some()) {
        Cow::Owned(text.chars().map(|letter| replaced(letter).unwrap_or(letter)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_escaped_or_seen_to_be_gone() {
        let element =
            group("a", vec![text("b", "Å & \"B\" <c>\u{1}\td\r\ne\u{ffff}]]>\u{7f}").with("x", "y")]);
        let made = String::from_utf8(document("root", "urn:x", &[element]).unwrap()).unwrap();
        let wanted = "<b x=\"y\">Å &amp; \"B\" &lt;c&gt;\u{fffd} d  e\u{fffd}]]&gt;\u{7f}</b>";
        assert!(made.contains(wanted), "{made}");
    }
}
