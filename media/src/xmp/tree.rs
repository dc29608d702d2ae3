//! From XML text to RDF properties.
//!
//! What makes it hard:
//!
//! 1. RDF has many spellings of one thing: a property is an attribute or an element; a structure is a nested
//!    `rdf:Description`, an `rdf:parseType="Resource"`, or attributes on the property itself; an array is a Seq, Bag or Alt.
//! 2. Prefixes are the writer's choice; only the namespace counts. Broken writers forget to declare even that, so a usual
//!    prefix without a declaration means what it usually does.
//! 3. The input is hostile: depth, node count and text are bounded, a document type (the door to entity bombs) ends the
//!    reading, and whatever was read before an error still counts.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

/// Deeper than any writer nests, shallower than the stack.
pub(super) const DEEPEST: usize = 48;

/// Elements and attributes of one packet. Edit histories run to thousands.
pub(super) const MOST_NODES: usize = 100_000;

/// A property's value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    /// Plain text.
    Text(String),
    /// Items of a Seq, Bag or Alt, in order; each with its `xml:lang`.
    Array(Vec<(Option<String>, Value)>),
    /// Named fields.
    Fields(Vec<(String, Value)>),
}

impl Value {
    /// The text: of the value, or of the first item of an array.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(items) => items.first().and_then(|(_, item)| item.text()),
            Self::Fields(fields) => {
                fields.iter().find(|(name, _)| name == "rdf:value").and_then(|(_, value)| value.text())
            }
        }
    }

    /// The items of an array; anything else is one item.
    pub(super) fn items(&self) -> Vec<&Value> {
        match self {
            Self::Array(items) => items.iter().map(|(_, item)| item).collect(),
            other => vec![other],
        }
    }

    /// The field of a structure.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Fields(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// An element with everything in it.
#[derive(Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    pub(super) text: String,
}

/// All properties of all descriptions in the packet, in order, named `prefix:name` with the usual prefix of the
/// namespace; and what went wrong, if anything.
pub(super) fn properties(text: &str) -> (Vec<(String, Value)>, Option<&'static str>) {
    let (root, problem) = nodes(text);
    let mut found = Vec::new();
    collect(&root, &mut found);
    (found, problem)
}

fn collect(node: &Node, found: &mut Vec<(String, Value)>) {
    for child in &node.children {
        if child.name == "rdf:Description" {
            found.extend(fields_of(child));
        } else {
            collect(child, found);
        }
    }
}

fn fields_of(node: &Node) -> Vec<(String, Value)> {
    let attributes = node
        .attributes
        .iter()
        .filter(|(name, _)| {
            !name.starts_with("rdf:") && !name.starts_with("xml:") && !name.starts_with("xmlns")
        })
        .map(|(name, value)| (name.clone(), Value::Text(value.clone())));
    attributes.chain(node.children.iter().map(|child| (child.name.clone(), value_of(child)))).collect()
}

/// What a property's element, or an item of an array, says.
pub(super) fn value_of(node: &Node) -> Value {
    match node.children.as_slice() {
        [only] if matches!(only.name.as_str(), "rdf:Seq" | "rdf:Bag" | "rdf:Alt") => Value::Array(
            only.children
                .iter()
                .filter(|item| item.name == "rdf:li")
                .map(|item| (attribute(item, "xml:lang"), value_of(item)))
                .collect(),
        ),
        [only] if only.name == "rdf:Description" => Value::Fields(fields_of(only)),
        [] => {
            let fields = fields_of(node);
            if !fields.is_empty() {
                return Value::Fields(fields);
            }
            let resource = attribute(node, "rdf:resource");
            Value::Text(resource.unwrap_or_else(|| node.text.trim().to_owned()))
        }
        _ => Value::Fields(fields_of(node)),
    }
}

fn attribute(node: &Node, name: &str) -> Option<String> {
    node.attributes.iter().find(|(attribute, _)| attribute == name).map(|(_, value)| value.clone())
}

/// All elements of a text, in one that has no name; and what went wrong, if anything.
pub(super) fn nodes(text: &str) -> (Node, Option<&'static str>) {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut open = vec![Node::default()];
    let mut scopes = Scopes::default();
    let mut left = MOST_NODES;
    let problem = loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if open.len() > DEEPEST {
                    break Some("is nested too deeply");
                }
                open.push(scopes.enter(&start, &mut left));
            }
            Ok(Event::Empty(start)) => {
                let node = scopes.enter(&start, &mut left);
                scopes.leave();
                attach(&mut open, node);
            }
            Ok(Event::End(_)) => {
                if open.len() > 1
                    && let Some(node) = open.pop()
                {
                    scopes.leave();
                    attach(&mut open, node);
                }
            }
            Ok(Event::Text(words)) => append(&mut open, &words.xml10_content()),
            Ok(Event::CData(words)) => append(&mut open, &words.xml10_content()),
            Ok(Event::GeneralRef(reference)) => {
                let raw = format!("&{};", &*reference);
                // An entity nobody defined stays as it was written: "&nbsp;" in a caption is better than no caption.
                append(&mut open, &unescape(&raw).unwrap_or(std::borrow::Cow::Borrowed(&raw)));
            }
            Ok(Event::DocType(_)) => break Some("has a document type, which is not read"),
            Ok(Event::Eof) => break (open.len() > 1).then_some("ends early"),
            Ok(_) => {}
            Err(_) => break Some("is damaged"),
        }
        if left == 0 {
            break Some("is too long");
        }
    };
    while open.len() > 1
        && let Some(node) = open.pop()
    {
        attach(&mut open, node);
    }
    (open.pop().unwrap_or_default(), problem)
}

fn attach(open: &mut [Node], node: Node) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(node);
    }
}

fn append(open: &mut [Node], words: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(words);
    }
}

/// Namespace declarations in force, innermost last.
#[derive(Default)]
struct Scopes {
    declared: Vec<(String, String)>,
    marks: Vec<usize>,
}

impl Scopes {
    fn enter(&mut self, start: &BytesStart<'_>, left: &mut usize) -> Node {
        self.marks.push(self.declared.len());
        let mut raw = Vec::new();
        for attribute in start.html_attributes().with_checks(false) {
            *left = left.saturating_sub(1);
            let (Ok(attribute), true) = (attribute, *left > 0) else { break };
            let value = unescape(&attribute.value)
                .map_or_else(|_| attribute.value.to_string(), std::borrow::Cow::into_owned);
            let key: &str = attribute.key.0;
            match key.strip_prefix("xmlns:") {
                Some(prefix) if self.declared.len() < 1000 => self.declared.push((prefix.to_owned(), value)),
                Some(_) => {}
                None => raw.push((key.to_owned(), value)),
            }
        }
        *left = left.saturating_sub(1);
        let attributes = raw.into_iter().map(|(name, value)| (self.resolve(&name), value)).collect();
        Node { name: self.resolve(start.name().0), attributes, ..Node::default() }
    }

    fn leave(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.declared.truncate(mark);
        }
    }

    fn resolve(&self, name: &str) -> String {
        let Some((prefix, local)) = name.split_once(':') else { return name.to_owned() };
        let declared = self.declared.iter().rev().find(|(declared, _)| declared == prefix);
        let usual = declared.map_or(prefix, |(_, uri)| usual_prefix(uri).unwrap_or(prefix));
        format!("{usual}:{local}")
    }
}

/// The prefix everybody uses for a namespace we read.
pub(super) fn usual_prefix(uri: &str) -> Option<&'static str> {
    Some(match uri.trim_end_matches(['/', '#']) {
        "http://www.w3.org/1999/02/22-rdf-syntax-ns" => "rdf",
        "http://purl.org/dc/elements/1.1" => "dc",
        "http://ns.adobe.com/xap/1.0" => "xmp",
        "http://ns.adobe.com/exif/1.0" => "exif",
        "http://ns.adobe.com/exif/1.0/aux" => "aux",
        "http://cipa.jp/exif/1.0" => "exifEX",
        "http://ns.adobe.com/tiff/1.0" => "tiff",
        "http://ns.adobe.com/photoshop/1.0" => "photoshop",
        "http://ns.adobe.com/lightroom/1.0" => "lr",
        "http://www.digikam.org/ns/1.0" => "digiKam",
        "http://ns.microsoft.com/photo/1.0" => "MicrosoftPhoto",
        "http://ns.microsoft.com/photo/1.2" => "MP",
        "http://ns.microsoft.com/photo/1.2/t/RegionInfo" => "MPRI",
        "http://ns.microsoft.com/photo/1.2/t/Region" => "MPReg",
        "http://www.metadataworkinggroup.com/schemas/regions" => "mwg-rs",
        "http://ns.adobe.com/xmp/sType/Area" => "stArea",
        "http://ns.adobe.com/xap/1.0/sType/Dimensions" => "stDim",
        "http://ns.google.com/photos/1.0/camera" => "GCamera",
        "http://ns.google.com/photos/1.0/container" => "Container",
        "http://ns.google.com/photos/1.0/container/item" => "Item",
        "http://ns.adobe.com/xmp/note" => "xmpNote",
        "http://www.metadataworkinggroup.com/schemas/keywords" => "mwg-kw",
        "http://ns.acdsee.com/iptc/1.0" => "acdsee",
        "http://iptc.org/std/Iptc4xmpExt/2008-02-29" => "Iptc4xmpExt",
        "http://ns.apple.com/quicktime/1.0" => "apple",
        "http://ns.iview-multimedia.com/mediapro/1.0" => "mediapro",
        "http://ns.microsoft.com/expressionmedia/1.0" => "expressionmedia",
        "http://ns.adobe.com/xmp/1.0/DynamicMedia" => "xmpDM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdf(inside: &str) -> String {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{inside}</rdf:RDF></x:xmpmeta>"
        )
    }

    fn get(text: &str, name: &str) -> Option<Value> {
        properties(text).0.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    #[test]
    fn one_property_in_all_its_spellings() {
        let dc = "xmlns:other='http://purl.org/dc/elements/1.1/'";
        for inside in [
            format!("<rdf:Description {dc} other:subject='a &amp; b'/>"),
            format!("<rdf:Description {dc}><other:subject>a &amp; b</other:subject></rdf:Description>"),
            format!(
                "<rdf:Description {dc}><other:subject><rdf:Bag><rdf:li>a &#38; b</rdf:li></rdf:Bag></other:subject></rdf:Description>"
            ),
            "<rdf:Description dc:subject='a &amp; b'/>".to_owned(),
        ] {
            assert_eq!(
                get(&rdf(&inside), "dc:subject").as_ref().and_then(Value::text),
                Some("a & b"),
                "{inside}"
            );
        }
    }

    #[test]
    fn structures_in_all_their_spellings() {
        for inside in [
            "<a:p><rdf:Description a:f='1'/></a:p>",
            "<a:p rdf:parseType='Resource'><a:f>1</a:f></a:p>",
            "<a:p a:f='1'/>",
        ] {
            let value =
                get(&rdf(&format!("<rdf:Description xmlns:a='urn:a'>{inside}</rdf:Description>")), "a:p")
                    .unwrap();
            assert_eq!(value.field("a:f").and_then(Value::text), Some("1"), "{inside}");
        }
    }

    #[test]
    fn bombs_are_not_lit() {
        let deep = rdf(&"<a>".repeat(100_000));
        assert_eq!(properties(&deep).1, Some("is nested too deeply"));
        let wide = rdf(&"<a/>".repeat(200_000));
        assert_eq!(properties(&wide).1, Some("is too long"));
        let entities = "<!DOCTYPE a [<!ENTITY b 'bbbb'>]><a>&b;</a>";
        assert_eq!(properties(entities).1, Some("has a document type, which is not read"));
    }

    #[test]
    fn what_stands_before_the_damage_counts() {
        let text =
            "<rdf:RDF><rdf:Description dc:title='t' xmp:Rating='3'><dc:subject><rdf:Bag><rdf:li>a</rdf:li>";
        assert_eq!(get(text, "xmp:Rating").as_ref().and_then(Value::text), Some("3"));
        assert_eq!(get(text, "dc:subject").as_ref().and_then(Value::text), Some("a"));
        assert!(properties(text).1.is_some());
    }
}
