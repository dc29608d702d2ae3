//! Changes to a packet: ranges of its text, and what stands there instead. All other bytes stay as they are.

use std::collections::HashSet;
use std::ops::Range;

use quick_xml::escape::escape;

use super::WritingError;
use super::document::{Element, Packet, Place};
use super::property::{Namespace, Property};
use crate::xmp::tree::Value;

/// What is to be changed in a packet.
pub(super) struct Edits<'p> {
    packet: &'p Packet<'p>,
    list: Vec<(Range<usize>, String)>,
    /// What is not in the packet yet and comes into its first description.
    new: Vec<New>,
    /// Prefixes that are declared there for it.
    prefixes: Vec<(String, &'static str)>,
}

/// A property that comes new.
enum New {
    Attribute(&'static Property, String),
    Array(&'static Property, &'static str, Vec<Item>),
}

/// An item of an array: its language, and its words.
pub(super) type Item = (Option<&'static str>, String);

/// What a line of the file begins with: a break and blanks, or nothing in a file without lines.
type Indent = Option<String>;

impl<'p> Edits<'p> {
    pub(super) fn of(packet: &'p Packet<'p>) -> Self {
        Self { packet, list: Vec::new(), new: Vec::new(), prefixes: Vec::new() }
    }

    /// Everywhere a property is said now.
    pub(super) fn places(&self, property: &Property) -> Vec<Place<'p>> {
        self.packet.places(property)
    }

    /// A property that is text has this value, in one place. One that `agrees` is left as it is spelled.
    pub(super) fn put(&mut self, property: &'static Property, value: &str, agrees: impl Fn(&Value) -> bool) {
        match self.first(property) {
            Some(place) if agrees(&place.value()) => {}
            Some(place) if self.set(place, value) => {}
            other => {
                other.into_iter().for_each(|place| self.remove(place));
                self.new.push(New::Attribute(property, value.to_owned()));
            }
        }
    }

    /// Wherever a property is said that does not agree, it says this.
    pub(super) fn refresh(&mut self, property: &Property, value: &str, agrees: impl Fn(&Value) -> bool) {
        for place in self.places(property) {
            if !agrees(&place.value()) {
                self.set_or_remove(place, value);
            }
        }
    }

    /// Puts words there, or nothing where there is more than words.
    pub(super) fn set_or_remove(&mut self, place: Place<'p>, value: &str) {
        if !self.set(place, value) {
            self.remove(place);
        }
    }

    /// The property is not said.
    pub(super) fn clear(&mut self, property: &Property) {
        self.places(property).into_iter().for_each(|place| self.remove(place));
    }

    /// The property comes new, as an array.
    pub(super) fn add_array(&mut self, property: &'static Property, kind: &'static str, items: Vec<Item>) {
        self.new.push(New::Array(property, kind, items));
    }

    /// The first place where a property is said so that all programs read it; the others are removed.
    pub(super) fn first(&mut self, property: &Property) -> Option<Place<'p>> {
        let mut first = None;
        for place in self.places(property) {
            if first.is_none() && place.name().is_exactly(property) {
                first = Some(place);
            } else {
                self.remove(place);
            }
        }
        first
    }

    /// Puts words where words are; `false` where there is more than words.
    fn set(&mut self, place: Place<'p>, value: &str) -> bool {
        match place {
            Place::Attribute(attribute) => {
                self.list.push((attribute.value.clone(), in_attribute(value)));
                true
            }
            Place::Element(element) if element.is_plain() => {
                self.set_words(element, value);
                true
            }
            Place::Element(_) => false,
        }
    }

    /// An element that is plain holds these words.
    pub(super) fn set_words(&mut self, element: &Element, words: &str) {
        match &element.close {
            Some(close) => self.list.push((element.open.end..close.start, escape(words).into_owned())),
            None => {
                let filled = format!(">{}</{}>", escape(words), self.written(element));
                self.list.push((element.open.end - 2..element.open.end, filled));
            }
        }
    }

    pub(super) fn remove(&mut self, place: Place<'_>) {
        match place {
            Place::Attribute(attribute) => self.list.push((attribute.whole.clone(), String::new())),
            Place::Element(element) => self.remove_element(element),
        }
    }

    /// An element goes, with the line that it stands on.
    pub(super) fn remove_element(&mut self, element: &Element) {
        let span = element.span();
        let line = self.indent(span.start).map_or(0, |indent| indent.len());
        self.list.push((span.start - line..span.end, String::new()));
    }

    /// An item comes new, before all others of its array or behind them.
    pub(super) fn add_items(&mut self, array: &Element, items: &[Item], in_front: bool) {
        let within = self.within(array);
        let name = self.beside(array, "li");
        let words: String = items.iter().map(|item| lead(within.as_ref()) + &li(&name, item)).collect();
        match (&array.close, array.children.is_empty()) {
            (Some(_), false) if in_front => self.list.push((array.open.end..array.open.end, words)),
            _ => self.append(array, &words),
        }
    }

    /// Words come behind all that an element holds.
    fn append(&mut self, element: &Element, words: &str) {
        let last = self.indent(element.open.start);
        let Some(close) = &element.close else {
            let filled = format!(">{words}{}</{}>", lead(last.as_ref()), self.written(element));
            self.list.push((element.open.end - 2..element.open.end, filled));
            return;
        };
        let content = self.text(element.open.end..close.start);
        let at = element.open.end + content.trim_end_matches([' ', '\t', '\r', '\n']).len();
        let has_line = self.text(at..close.start).contains('\n');
        let end = if has_line { String::new() } else { lead(last.as_ref()) };
        self.list.push((at..at, format!("{words}{end}")));
    }

    /// The text with all changes made; `None` without any.
    pub(super) fn finish(mut self) -> Result<Option<String>, WritingError> {
        self.write_new();
        if self.list.is_empty() {
            return Ok(None);
        }
        // What is inserted where something ends comes behind what ends there.
        self.list.sort_by_key(|(range, _)| (range.start, range.end));
        let mut written = String::with_capacity(self.packet.text.len());
        let mut done = 0;
        for (range, words) in &self.list {
            let between = self.packet.text.get(done..range.start).ok_or(WritingError::Unfaithful)?;
            written.push_str(between);
            written.push_str(words);
            done = range.end;
        }
        written.push_str(self.text(done..self.packet.text.len()));
        Ok(Some(written))
    }

    /// What comes new goes into the first description, attributes behind its others.
    fn write_new(&mut self) {
        let new = std::mem::take(&mut self.new);
        if new.is_empty() {
            return;
        }
        let rdf = self.packet.rdf();
        let Some(home) = rdf.children.first() else {
            let within = self.within(rdf);
            let name = self.beside(rdf, "Description");
            let about = self.beside(rdf, "about");
            let (attributes, elements) = self.spelled(new, None, within.as_ref(), " ");
            let end = if elements.is_empty() { String::new() } else { lead(within.as_ref()) };
            let words =
                format!("{}<{name} {about}=\"\"{attributes}>{elements}{end}</{name}>", lead(within.as_ref()));
            self.append(rdf, &words);
            return;
        };
        let last = home.attributes.last();
        let blanks = last.map_or(" ", |last| self.text(last.whole.start..last.name.at.start));
        let (attributes, elements) =
            self.spelled(new, Some(home), self.indent(home.open.start).as_ref(), blanks);
        let at = last.map_or(home.name.at.end, |last| last.whole.end);
        self.list.push((at..at, attributes));
        if !elements.is_empty() {
            self.append(home, &elements);
        }
    }

    /// New properties in words: those that stand in the description's tag, and those that stand within it.
    fn spelled(
        &mut self,
        new: Vec<New>,
        home: Option<&Element>,
        indent: Option<&String>,
        blanks: &str,
    ) -> (String, String) {
        let within = match home {
            Some(home) => self.within(home),
            None => indent.map(|indent| format!("{indent} ")),
        };
        let deeper = |by: usize| within.as_ref().map(|within| format!("{within}{}", " ".repeat(by)));
        let around = home.unwrap_or(self.packet.rdf());
        let (mut attributes, mut elements) = (String::new(), String::new());
        for property in new {
            match property {
                New::Attribute(property, value) => {
                    let name = self.name(property, home);
                    attributes += &format!("{blanks}{name}=\"{}\"", in_attribute(&value));
                }
                New::Array(property, kind, items) => {
                    let name = self.name(property, home);
                    let (kind, item) = (self.beside(around, kind), self.beside(around, "li"));
                    let (first, second, third) =
                        (lead(within.as_ref()), lead(deeper(1).as_ref()), lead(deeper(2).as_ref()));
                    elements += &format!("{first}<{name}>{second}<{kind}>");
                    elements.extend(items.iter().map(|words| format!("{third}{}", li(&item, words))));
                    elements += &format!("{second}</{kind}>{first}</{name}>");
                }
            }
        }
        let declared: String =
            self.prefixes.iter().map(|(prefix, uri)| format!("{blanks}xmlns:{prefix}=\"{uri}\"")).collect();
        (declared + &attributes, elements)
    }

    /// A property's name in the first description, under a prefix that is declared there or will be.
    fn name(&mut self, property: &Property, home: Option<&Element>) -> String {
        let Namespace { prefix: usual, uri } = property.namespace;
        let mut seen = HashSet::new();
        let elements = self.packet.path().into_iter().chain(home);
        // The innermost declaration of a prefix is the one that counts.
        let declared: Vec<(&str, &str)> = elements
            .flat_map(|element| &element.attributes)
            .filter_map(|attribute| Some((attribute.declares()?, attribute.text.as_str())))
            .collect();
        let in_force: Vec<(&str, &str)> =
            declared.into_iter().rev().filter(|(prefix, _)| seen.insert(*prefix)).collect();
        let known = in_force.iter().rev().find(|(prefix, known)| !prefix.is_empty() && known == uri);
        let pending = self.prefixes.iter().find(|(_, known)| known == uri).map(|(prefix, _)| prefix.clone());
        let prefix = known.map(|(prefix, _)| (*prefix).to_owned()).or(pending).unwrap_or_else(|| {
            let is_free = |name: &String| {
                !seen.contains(name.as_str()) && self.prefixes.iter().all(|(prefix, _)| prefix != name)
            };
            let numbered = (1..).map(|number: u32| format!("{usual}{number}"));
            std::iter::once((*usual).to_owned()).chain(numbered).find(is_free).unwrap_or_default()
        });
        if known.is_none() && self.prefixes.iter().all(|(pending, _)| *pending != prefix) {
            self.prefixes.push((prefix.clone(), uri));
        }
        format!("{prefix}:{}", property.local)
    }

    /// One of RDF's own names, under the prefix that an element of RDF's has.
    fn beside(&self, element: &Element, local: &str) -> String {
        match self.written(element).split_once(':') {
            Some((prefix, _)) => format!("{prefix}:{local}"),
            None => local.to_owned(),
        }
    }

    /// An element's name as it stands there.
    fn written(&self, element: &Element) -> &'p str {
        self.text(element.name.at.clone())
    }

    fn text(&self, range: Range<usize>) -> &'p str {
        self.packet.text.get(range).unwrap_or_default()
    }

    /// The break and the blanks before something that begins a line.
    fn indent(&self, at: usize) -> Indent {
        let before = self.text(0..at);
        let bare = before.trim_end_matches([' ', '\t']);
        let broken = bare.strip_suffix('\n')?;
        let broken = broken.strip_suffix('\r').unwrap_or(broken);
        before.get(broken.len()..).map(str::to_owned)
    }

    /// The break and the blanks before what an element holds.
    fn within(&self, element: &Element) -> Indent {
        match element.children.first() {
            Some(first) => self.indent(first.open.start),
            None => self.indent(element.open.start).map(|indent| indent + " "),
        }
    }
}

fn lead(indent: Option<&String>) -> String {
    indent.cloned().unwrap_or_default()
}

fn li(name: &str, (language, words): &Item) -> String {
    let language = language.map(|language| format!(" xml:lang=\"{language}\"")).unwrap_or_default();
    format!("<{name}{language}>{}</{name}>", escape(words.as_str()))
}

/// Blanks in attributes become plain spaces where they are read, unless they are written as numbers.
fn in_attribute(words: &str) -> String {
    escape(words).replace('\n', "&#10;").replace('\t', "&#9;")
}
