//! An XMP packet with the place of everything in it: strict, since it is going to be changed.
//!
//! quick-xml finds where tags begin and end; it lets pass much that XML forbids, so names, attributes, references and
//! characters are looked at here.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesDecl, Event};

use super::WritingError;
use super::encoding::Encoding;
use super::property::{Property, RDF, same_namespace};
use crate::xmp::tree::{DEEPEST, MOST_NODES, Node, Value, usual_prefix, value_of};

/// Namespaces declared at a time. Adobe's writers declare a dozen.
const MOST_PREFIXES: usize = 1000;

/// A name as it stands in the file, and what it means.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// With its prefix, in the text.
    pub(super) at: Range<usize>,
    prefix: String,
    uri: Rc<str>,
    local: String,
}

impl Name {
    /// Whether it means this property to our reader.
    pub(super) fn is(&self, property: &Property) -> bool {
        self.local == property.local && same_namespace(&self.uri, property.namespace.uri)
    }

    /// Whether it means this property to every reader.
    pub(super) fn is_exactly(&self, property: &Property) -> bool {
        self.local == property.local && *self.uri == *property.namespace.uri
    }

    pub(super) fn is_rdf(&self, local: &str) -> bool {
        self.local == local && &*self.uri == RDF
    }

    fn usual(&self) -> String {
        match usual_prefix(&self.uri) {
            Some(prefix) => format!("{prefix}:{}", self.local),
            None if self.prefix.is_empty() => self.local.clone(),
            None => format!("{}:{}", self.prefix, self.local),
        }
    }
}

/// An attribute and where it stands.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: Name,
    /// With the blanks before it.
    pub(super) whole: Range<usize>,
    /// Between the quotes.
    pub(super) value: Range<usize>,
    pub(super) text: String,
}

impl Attribute {
    /// The prefix that it declares, empty for the default namespace.
    pub(super) fn declares(&self) -> Option<&str> {
        match (self.name.prefix.as_str(), self.name.local.as_str()) {
            ("xmlns", prefix) => Some(prefix),
            ("", "xmlns") => Some(""),
            _ => None,
        }
    }

    pub(super) fn is_xml(&self, local: &str) -> bool {
        self.name.prefix == "xml" && self.name.local == local
    }

    /// Whether it says nothing about the photo: declarations, the language.
    pub(super) fn is_plumbing(&self) -> bool {
        self.declares().is_some() || self.name.prefix == "xml"
    }
}

/// An element and where it stands.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) attributes: Vec<Attribute>,
    /// Its first tag.
    pub(super) open: Range<usize>,
    /// Its last tag; `None` where the first is all of it.
    pub(super) close: Option<Range<usize>>,
    pub(super) children: Vec<Element>,
    text: String,
}

impl Element {
    /// All of it.
    pub(super) fn span(&self) -> Range<usize> {
        self.open.start..self.close.as_ref().map_or(self.open.end, |close| close.end)
    }

    /// What it says, as our reader has it.
    pub(super) fn value(&self) -> Value {
        value_of(&self.node())
    }

    /// The array that is all its content.
    pub(super) fn array(&self) -> Option<&Self> {
        match self.children.as_slice() {
            [only] if ["Seq", "Bag", "Alt"].iter().any(|kind| only.name.is_rdf(kind)) => Some(only),
            _ => None,
        }
    }

    /// The items of an array.
    pub(super) fn items(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(|child| child.name.is_rdf("li"))
    }

    /// Whether it holds text and nothing else.
    pub(super) fn is_plain(&self) -> bool {
        self.children.is_empty() && self.attributes.iter().all(Attribute::is_plumbing)
    }

    fn node(&self) -> Node {
        let attributes = self.attributes.iter().filter(|attribute| attribute.declares().is_none());
        Node {
            name: self.name.usual(),
            attributes: attributes
                .map(|attribute| (attribute.name.usual(), attribute.text.clone()))
                .collect(),
            children: self.children.iter().map(Self::node).collect(),
            text: self.text.clone(),
        }
    }
}

/// A whole sidecar.
#[derive(Debug)]
pub(super) struct Packet<'t> {
    pub(super) text: &'t str,
    root: Element,
}

/// Where a property is said: in one of two spellings.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    Attribute(&'p Attribute),
    Element(&'p Element),
}

impl Place<'_> {
    pub(super) fn name(&self) -> &Name {
        match self {
            Self::Attribute(attribute) => &attribute.name,
            Self::Element(element) => &element.name,
        }
    }

    /// What it says, as our reader has it.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Attribute(attribute) => Value::Text(attribute.text.clone()),
            Self::Element(element) => element.value(),
        }
    }
}

impl Packet<'_> {
    /// From the outermost element to `rdf:RDF`.
    pub(super) fn path(&self) -> Vec<&Element> {
        match rdf_in(&self.root) {
            Some(rdf) => vec![&self.root, rdf],
            None => vec![&self.root],
        }
    }

    pub(super) fn rdf(&self) -> &Element {
        rdf_in(&self.root).unwrap_or(&self.root)
    }

    /// Everywhere a property is said, in order.
    pub(super) fn places(&self, property: &Property) -> Vec<Place<'_>> {
        let mut found = Vec::new();
        for description in &self.rdf().children {
            let attributes = description.attributes.iter().map(Place::Attribute);
            let elements = description.children.iter().map(Place::Element);
            found.extend(attributes.chain(elements).filter(|place| place.name().is(property)));
        }
        found
    }
}

fn rdf_in(root: &Element) -> Option<&Element> {
    root.children.iter().find(|child| child.name.is_rdf("RDF"))
}

/// Reads a sidecar; an error for whatever is not entirely right.
pub(super) fn parse(text: &str, encoding: Encoding) -> Result<Packet<'_>, WritingError> {
    let root = elements(text, encoding)?;
    let no_xmp = WritingError::NotXmp;
    if !root.name.is_rdf("RDF") {
        if &*root.name.uri != "adobe:ns:meta/" {
            return Err(no_xmp("its outermost element is neither x:xmpmeta nor rdf:RDF"));
        }
        if root.children.iter().filter(|child| child.name.is_rdf("RDF")).count() != 1 {
            return Err(no_xmp("it does not hold exactly one rdf:RDF"));
        }
    }
    let packet = Packet { text, root };
    if !packet.rdf().children.iter().all(|child| child.name.is_rdf("Description")) {
        return Err(no_xmp("its rdf:RDF holds something else than rdf:Description"));
    }
    Ok(packet)
}

fn elements(text: &str, encoding: Encoding) -> Result<Element, WritingError> {
    // quick-xml would skip a second mark, and count from behind it.
    if text.starts_with('\u{FEFF}') {
        return Err(damaged(0, "a byte order mark stands within the text"));
    }
    if let Some((at, _)) = text.char_indices().find(|(_, c)| !may_stand_in_xml(*c)) {
        return Err(damaged(at, "a character stands that XML forbids"));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut scopes = Scopes { left: MOST_NODES, ..Scopes::default() };
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let from = position(&reader);
        let event = reader.read_event().map_err(|_| damaged(from, "a tag is broken or not closed"))?;
        let span = from..position(&reader);
        match event {
            Event::Start(_) => {
                // The reader has one more, which holds the outermost.
                if open.len() + 1 > DEEPEST {
                    return Err(WritingError::TooIntricate);
                }
                open.push(scopes.enter(text, span)?);
            }
            Event::Empty(_) => {
                let element = scopes.enter(text, span)?;
                scopes.leave();
                close(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let mut element =
                    open.pop().ok_or(damaged(span.start, "a tag closes that was never opened"))?;
                scopes.leave();
                element.close = Some(span);
                close(element, &mut open, &mut root)?;
            }
            Event::Text(words) => {
                if words.contains("]]>") {
                    return Err(damaged(span.start, "\"]]>\" stands in words"));
                }
                append(&mut open, &words.xml10_content(), span.start)?;
            }
            Event::CData(words) => append(&mut open, &words.xml10_content(), span.start)?,
            Event::GeneralRef(name) => {
                let words = plain(&format!("&{};", &*name), span.start)?;
                if open.is_empty() {
                    return Err(damaged(span.start, "words stand outside of any element"));
                }
                append(&mut open, &words, span.start)?;
            }
            Event::Decl(declaration) => {
                if span.start != 0 {
                    return Err(damaged(span.start, "an XML declaration stands amid the text"));
                }
                declared(&declaration, encoding)?;
            }
            Event::DocType(_) => return Err(WritingError::DocumentType),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(damaged(text.len(), "it ends within an element"));
    }
    root.ok_or(WritingError::NotXmp("it holds no element"))
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), WritingError> {
    match (open.last_mut(), &root) {
        (Some(parent), _) => parent.children.push(element),
        (None, None) => *root = Some(element),
        (None, Some(_)) => return Err(damaged(element.open.start, "a second outermost element begins")),
    }
    Ok(())
}

fn append(open: &mut [Element], words: &str, at: usize) -> Result<(), WritingError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(words),
        None if words.bytes().all(is_blank) => {}
        None => return Err(damaged(at, "words stand outside of any element")),
    }
    Ok(())
}

fn declared(declaration: &BytesDecl<'_>, encoding: Encoding) -> Result<(), WritingError> {
    if declaration.version().is_ok_and(|version| version != "1.0") {
        return Err(damaged(0, "another version of XML than 1.0 is declared"));
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if encoding.may_be_called(&name) => Ok(()),
        Some(_) => Err(WritingError::Encoding),
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn damaged(at: usize, what: &'static str) -> WritingError {
    WritingError::Damaged { at, what }
}

/// Whether XML 1.0 has this character at all.
pub(super) fn may_stand_in_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Text with its references resolved. Only those that XML itself defines are known here.
fn plain(raw: &str, at: usize) -> Result<String, WritingError> {
    match unescape(raw) {
        Ok(text) if text.chars().all(may_stand_in_xml) => Ok(text.into_owned()),
        _ => Err(damaged(at, "an entity stands that XML does not know, or a bare \"&\"")),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Namespace declarations in force, innermost last, and how many nodes may still come.
#[derive(Default)]
struct Scopes {
    declared: Vec<(String, Rc<str>)>,
    marks: Vec<usize>,
    left: usize,
}

impl Scopes {
    /// An element whose first tag stands there.
    fn enter(&mut self, text: &str, span: Range<usize>) -> Result<Element, WritingError> {
        self.marks.push(self.declared.len());
        let (name, raw) = tag(text, &span)?;
        self.left = self.left.checked_sub(1 + raw.len()).ok_or(WritingError::TooIntricate)?;
        let mut values = Vec::with_capacity(raw.len());
        for RawAttribute { name, value, .. } in &raw {
            let said = plain(slice(text, value), value.start)?;
            match split(slice(text, name), name.start)? {
                ("xmlns", prefix) => self.declare(prefix, &said, name.start)?,
                ("", "xmlns") => self.declare("", &said, name.start)?,
                _ => {}
            }
            values.push(said);
        }
        let mut seen = HashSet::new();
        let mut attributes = Vec::with_capacity(raw.len());
        for (RawAttribute { whole, name, value }, said) in raw.into_iter().zip(values) {
            let name = self.resolve(text, name, false)?;
            if !seen.insert((Rc::clone(&name.uri), name.prefix == "xmlns", name.local.clone())) {
                return Err(damaged(name.at.start, "an attribute stands twice in one element"));
            }
            attributes.push(Attribute { name, whole, value, text: said });
        }
        let name = self.resolve(text, name, true)?;
        Ok(Element { name, attributes, open: span, close: None, children: Vec::new(), text: String::new() })
    }

    fn leave(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.declared.truncate(mark);
        }
    }

    fn declare(&mut self, prefix: &str, uri: &str, at: usize) -> Result<(), WritingError> {
        if self.declared.len() >= MOST_PREFIXES {
            return Err(WritingError::TooIntricate);
        }
        if (uri.is_empty() && !prefix.is_empty()) || matches!(prefix, "xml" | "xmlns") {
            return Err(damaged(at, "a prefix is declared that cannot be"));
        }
        self.declared.push((prefix.to_owned(), uri.into()));
        Ok(())
    }

    fn resolve(&self, text: &str, at: Range<usize>, element: bool) -> Result<Name, WritingError> {
        let (prefix, local) = split(slice(text, &at), at.start)?;
        let declared = || self.declared.iter().rev().find(|(declared, _)| declared == prefix);
        let uri = match prefix {
            // An attribute without a prefix is in no namespace.
            "" if !element => Rc::from(""),
            "" => declared().map_or_else(|| Rc::from(""), |(_, uri)| Rc::clone(uri)),
            "xml" | "xmlns" => Rc::from(""),
            _ => match declared() {
                Some((_, uri)) => Rc::clone(uri),
                None => return Err(damaged(at.start, "a prefix stands that nobody declared")),
            },
        };
        Ok(Name { prefix: prefix.to_owned(), local: local.to_owned(), uri, at })
    }
}

/// `dc:subject` is `dc` and `subject`.
fn split(name: &str, at: usize) -> Result<(&str, &str), WritingError> {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let begins = |c: char| c.is_alphabetic() || c == '_' || c >= '\u{C0}';
    let goes_on = |c: char| c.is_alphanumeric() || "-._\u{B7}".contains(c) || c >= '\u{C0}';
    let is_word = |word: &str| word.starts_with(begins) && word.chars().all(goes_on);
    if !is_word(local) || !(is_word(prefix) || (prefix.is_empty() && !name.starts_with(':'))) {
        return Err(damaged(at, "a name stands that is none"));
    }
    Ok((prefix, local))
}

struct RawAttribute {
    whole: Range<usize>,
    name: Range<usize>,
    value: Range<usize>,
}

/// The name and the attributes of the tag that stands there.
fn tag(text: &str, span: &Range<usize>) -> Result<(Range<usize>, Vec<RawAttribute>), WritingError> {
    let broken = |at| damaged(at, "a tag is not written as XML has it");
    let bytes = text.as_bytes();
    let inner = text.get(span.clone()).and_then(|tag| tag.strip_prefix('<')?.strip_suffix('>'));
    let inner = inner.ok_or(broken(span.start))?;
    let end = span.start + 1 + inner.strip_suffix('/').unwrap_or(inner).len();
    let run = |from: usize, of: fn(u8) -> bool| {
        let length = bytes.get(from..end).unwrap_or_default().iter().take_while(|byte| of(**byte)).count();
        from + length
    };
    let in_name = |byte: u8| !is_blank(byte) && byte != b'=';
    let name = span.start + 1..run(span.start + 1, in_name);
    let mut attributes = Vec::new();
    let mut at = name.end;
    loop {
        let begin = run(at, is_blank);
        if begin == end {
            return Ok((name, attributes));
        }
        if begin == at {
            return Err(broken(at));
        }
        let name = begin..run(begin, in_name);
        let equals = run(name.end, is_blank);
        let quote = run(equals + 1, is_blank);
        let mark = bytes.get(quote).copied().filter(|mark| quote < end && matches!(mark, b'"' | b'\''));
        let (Some(b'='), Some(mark)) = (bytes.get(equals), mark) else { return Err(broken(begin)) };
        let rest = bytes.get(quote + 1..end).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == mark).ok_or(broken(begin))?;
        let value = quote + 1..quote + 1 + length;
        if slice(text, &value).contains('<') {
            return Err(broken(value.start));
        }
        attributes.push(RawAttribute { whole: at..value.end + 1, name, value: value.clone() });
        at = value.end + 1;
    }
}

fn slice<'t>(text: &'t str, at: &Range<usize>) -> &'t str {
    text.get(at.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdf(inside: &str) -> String {
        format!("<r:RDF xmlns:r='{RDF}'><r:Description>{inside}</r:Description></r:RDF>")
    }

    fn parse(text: &str) -> Result<Packet<'_>, WritingError> {
        super::parse(text, Encoding::PLAIN)
    }

    #[test]
    fn everything_has_its_place() {
        let text = rdf("<a:p xmlns:a='urn:a'\n a:q = \"x &amp; y\" >z<!-- --><![CDATA[&]]></a:p>");
        let packet = parse(&text).unwrap();
        let property = &packet.rdf().children[0].children[0];
        assert_eq!(&text[property.name.at.clone()], "a:p");
        assert_eq!(&text[property.attributes[1].whole.clone()], "\n a:q = \"x &amp; y\"");
        assert_eq!(&text[property.attributes[1].value.clone()], "x &amp; y");
        assert_eq!(property.attributes[1].text, "x & y");
        assert_eq!(&text[property.close.clone().unwrap()], "</a:p>");
        assert_eq!(property.text, "z&");
    }

    #[test]
    fn what_is_not_xml_is_damaged() {
        for inside in [
            "<a>",
            "</a>",
            "<a></b>",
            "<a b=c/>",
            "<a b='1'c='2'/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<a b/>",
            "<a:b/>",
            "<a:b:c xmlns:a='urn:a'/>",
            "<1/>",
            "< a/>",
            "<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>",
            "<!-- -- -->",
            "&nbsp;",
            "&#1;",
            "a & b",
            "]]>",
            "\u{1}",
            "\u{FFFE}",
            "<?xml version='1.0'?>",
            "<![CDATA[",
            "<a",
        ] {
            let text = rdf(inside);
            assert!(
                matches!(parse(&text), Err(WritingError::Damaged { .. })),
                "{inside}: {:?}",
                parse(&text)
            );
        }
        for text in
            ["<a/><b/>", "words<a/>", "<a/>words", "&amp;<a/>", "<?xml version='1.1'?><a/>", "\u{FEFF}<a/>"]
        {
            assert!(matches!(parse(text), Err(WritingError::Damaged { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_no_xmp_is_told_from_what_is_damaged() {
        for text in [
            "",
            "  \n",
            "<svg/>",
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
            "<rdf:RDF xmlns:rdf='urn:other'/>",
            &rdf("").replace("Description", "Bag"),
        ] {
            assert!(matches!(parse(text), Err(WritingError::NotXmp(_))), "{text}");
        }
        let bomb = "<!DOCTYPE a [<!ENTITY b 'bbbb'>]><a>&b;</a>";
        assert_eq!(parse(bomb).unwrap_err(), WritingError::DocumentType);
        let deep = "<a>".repeat(100_000);
        assert_eq!(parse(&deep).unwrap_err(), WritingError::TooIntricate);
        let wide = rdf(&"<a/>".repeat(200_000));
        assert_eq!(parse(&wide).unwrap_err(), WritingError::TooIntricate);
    }

    #[test]
    fn another_encoding_than_declared_is_refused() {
        let declared = |name: &str| format!("<?xml version='1.0' encoding='{name}'?>{}", rdf(""));
        assert!(parse(&declared("utf-8")).is_ok());
        assert_eq!(parse(&declared("ISO-8859-1")).unwrap_err(), WritingError::Encoding);
        assert_eq!(parse(&declared("UTF-16")).unwrap_err(), WritingError::Encoding);
    }
}
