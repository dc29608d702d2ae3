//! Tags: in `dc:subject` their last words, in `lr:hierarchicalSubject` and `digiKam:TagsList` all of them.
//!
//! What makes it hard:
//!
//! 1. Each program believes another list: Lightroom and darktable the second, digiKam the third, everybody else the first. All three are
//!    written, and lists of still other programs brought up to date where they are; trees that say otherwise are removed.
//! 2. Lists hold more than tags: Lightroom adds the words above a tag to `dc:subject`. What does not contradict stays.
//! 3. A tag is the same however it is spelled; a new one is spelled as its words are in this file already, since other
//!    programs take "Rome" and "rome" for two.
//! 4. `/` and `|` may stand in a word. Such a tag is left out of the list that parts with it.

use std::collections::{HashMap, HashSet};

use library::metadata::TagPath;

use super::Field;
use super::document::{Place, may_stand_in_xml};
use super::edits::{Edits, Item};
use super::property::{
    ACDSEE, DC, DIGIKAM, EXPRESSION, LIGHTROOM, MEDIAPRO, MICROSOFT, Property, WORKING_GROUP,
};
use crate::said::Said;
use crate::settle::tags_of;
use crate::text::clean;
use crate::xmp::fields::keyword_tree;
use crate::xmp::tree::{Node, Value, nodes};

/// A property that lists tags.
struct List {
    property: &'static Property,
    /// The kind of array it comes new as.
    kind: &'static str,
    /// What stands between a tag's words; `None` where only the last one is listed.
    mark: Option<char>,
    /// Whether it is written where it is not.
    always: bool,
}

static SUBJECT: Property = Property::of(&DC, "subject");
static HIERARCHICAL: Property = Property::of(&LIGHTROOM, "hierarchicalSubject");
static TAGS_LIST: Property = Property::of(&DIGIKAM, "TagsList");
static WEIGHTED: Property = Property::of(&LIGHTROOM, "weightedFlatSubject");
static LAST_XMP: Property = Property::of(&MICROSOFT, "LastKeywordXMP");
static LAST_IPTC: Property = Property::of(&MICROSOFT, "LastKeywordIPTC");
static MEDIAPRO_SETS: Property = Property::of(&MEDIAPRO, "CatalogSets");
static EXPRESSION_SETS: Property = Property::of(&EXPRESSION, "CatalogSets");
static ACDSEE_KEYWORDS: Property = Property::of(&ACDSEE, "keywords");
static ACDSEE_CATEGORIES: Property = Property::of(&ACDSEE, "categories");
static KEYWORDS: Property = Property::of(&WORKING_GROUP, "Keywords");

static LISTS: &[List] = &[
    List { property: &SUBJECT, kind: "Bag", mark: None, always: true },
    List { property: &HIERARCHICAL, kind: "Bag", mark: Some('|'), always: true },
    List { property: &TAGS_LIST, kind: "Seq", mark: Some('/'), always: true },
    List { property: &WEIGHTED, kind: "Bag", mark: None, always: false },
    List { property: &LAST_XMP, kind: "Bag", mark: Some('/'), always: false },
    List { property: &LAST_IPTC, kind: "Bag", mark: None, always: false },
    List { property: &MEDIAPRO_SETS, kind: "Bag", mark: Some('|'), always: false },
    List { property: &EXPRESSION_SETS, kind: "Bag", mark: Some('|'), always: false },
    List { property: &ACDSEE_KEYWORDS, kind: "Bag", mark: None, always: false },
];

pub(super) static PROPERTIES: &[&Property] = &[
    &SUBJECT,
    &HIERARCHICAL,
    &TAGS_LIST,
    &WEIGHTED,
    &LAST_XMP,
    &LAST_IPTC,
    &MEDIAPRO_SETS,
    &EXPRESSION_SETS,
    &ACDSEE_KEYWORDS,
    &ACDSEE_CATEGORIES,
    &KEYWORDS,
];

/// A tag without regard to its spelling.
type Folded = Vec<String>;

/// Writes the tags; those that a sidecar should then say, where they were decided.
pub(super) fn write(
    decided: &Field<Vec<TagPath>>,
    before: &Said,
    edits: &mut Edits<'_>,
) -> Option<HashSet<Folded>> {
    let tags: Vec<TagPath> = match decided {
        Field::Kept => return None,
        Field::Removed => Vec::new(),
        Field::Set(tags) => {
            let spelling = Spelling::of(before);
            let mut seen = HashSet::new();
            let tags = tags.iter().filter_map(tidy).map(|tag| spelling.of_tag(&tag));
            tags.filter(|tag| can_be_said(tag) && seen.insert(tag.folded())).collect()
        }
    };
    let wanted = as_read(&tags);
    if says(&wanted, before) {
        return Some(wanted);
    }
    let above: HashSet<Folded> = tags.iter().flat_map(TagPath::folded).map(|word| vec![word]).collect();
    for list in LISTS {
        write_list(list, &tags, &above, edits);
    }
    let all: HashSet<Folded> = tags.iter().map(TagPath::folded).collect();
    for (property, tags_in) in
        [(&KEYWORDS, working_group as fn(&Value) -> Vec<TagPath>), (&ACDSEE_CATEGORIES, categories)]
    {
        for place in edits.places(property) {
            let listed: HashSet<Folded> = tags_in(&place.value()).iter().map(TagPath::folded).collect();
            if listed != all {
                edits.remove(place);
            }
        }
    }
    Some(wanted)
}

/// Whether a sidecar has these tags and no others.
pub(super) fn says(wanted: &HashSet<Folded>, said: &Said) -> bool {
    tags_of(&[said]).iter().map(TagPath::folded).collect::<HashSet<_>>() == *wanted
}

/// The tags as our reader takes them: it leaves out single words that others have among theirs.
fn as_read(tags: &[TagPath]) -> HashSet<Folded> {
    let said = Said { tag_paths: tags.to_vec(), ..Said::default() };
    tags_of(&[&said]).iter().map(TagPath::folded).collect()
}

fn write_list(list: &List, tags: &[TagPath], above: &HashSet<Folded>, edits: &mut Edits<'_>) {
    let mut wanted: Vec<(Folded, String)> = tags.iter().filter_map(|tag| listed(list, tag)).collect();
    let keys: HashSet<Folded> = wanted.iter().map(|(key, _)| key.clone()).collect();
    let first = if list.always {
        edits.first(list.property)
    } else {
        let mut places = edits.places(list.property).into_iter();
        let first = places.next();
        places.for_each(|place| edits.remove(place));
        first
    };
    let array = match first {
        Some(Place::Element(element)) => element.array(),
        _ => None,
    };
    let Some(array) = array.filter(|_| !wanted.is_empty()) else {
        let comes = list.always || first.is_some();
        first.into_iter().for_each(|place| edits.remove(place));
        if comes && !wanted.is_empty() {
            edits.add_array(list.property, list.kind, items(wanted));
        }
        return;
    };
    let mut seen = HashSet::new();
    for item in array.items() {
        let Some(key) = item.value().text().and_then(|text| key(list, text)) else { continue };
        if keys.contains(&key) || above.contains(&key) {
            seen.insert(key);
        } else {
            edits.remove_element(item);
        }
    }
    wanted.retain(|(key, _)| seen.insert(key.clone()));
    if !wanted.is_empty() {
        edits.add_items(array, &items(wanted), false);
    }
}

fn items(wanted: Vec<(Folded, String)>) -> Vec<Item> {
    let mut seen = HashSet::new();
    wanted.into_iter().filter(|(key, _)| seen.insert(key.clone())).map(|(_, words)| (None, words)).collect()
}

/// A tag as it stands in a list; `None` where that would be read as another.
fn listed(list: &List, tag: &TagPath) -> Option<(Folded, String)> {
    let words = match list.mark {
        Some(mark) if tag.parts().iter().any(|part| part.contains(mark)) => return None,
        Some(mark) => tag.parts().join(&mark.to_string()),
        None => tag.parts().last()?.clone(),
    };
    Some((key(list, &words)?, words))
}

/// The tag that an item of a list is.
fn key(list: &List, item: &str) -> Option<Folded> {
    let tag = match list.mark {
        Some(mark) => TagPath::new(item.split(mark)),
        None => TagPath::new([item]),
    };
    tag.as_ref().and_then(tidy).map(|tag| tag.folded())
}

/// Whether any of the lists can hold it, so that it is not taken for its last word.
fn can_be_said(tag: &TagPath) -> bool {
    let has = |mark| tag.parts().iter().any(|part| part.contains(mark));
    tag.parts().len() == 1 || !has('/') || !has('|')
}

fn tidy(tag: &TagPath) -> Option<TagPath> {
    TagPath::new(tag.parts().iter().filter_map(|part| sayable(part)))
}

/// Words without what XML cannot hold, and as they come back when they are read; `None` when nothing is left.
pub(super) fn sayable(words: &str) -> Option<String> {
    let lines = words.replace("\r\n", "\n").replace('\r', "\n");
    clean(&lines.chars().filter(|c| may_stand_in_xml(*c)).collect::<String>())
}

/// How the words of tags are spelled in a sidecar, below the words above them.
struct Spelling(HashMap<Folded, String>);

impl Spelling {
    fn of(said: &Said) -> Self {
        let mut known = HashMap::new();
        for tag in tags_of(&[said]) {
            let folded = tag.folded();
            for (depth, part) in tag.parts().iter().enumerate() {
                let above = folded.get(..=depth).unwrap_or_default();
                known.entry(above.to_vec()).or_insert_with(|| part.clone());
            }
        }
        Self(known)
    }

    fn of_tag(&self, tag: &TagPath) -> TagPath {
        let folded = tag.folded();
        let parts = tag.parts().iter().enumerate().map(|(depth, part)| {
            let above = folded.get(..=depth).unwrap_or_default();
            self.0.get(above).unwrap_or(part)
        });
        TagPath::new(parts).unwrap_or_else(|| tag.clone())
    }
}

/// The Metadata Working Group's tree.
fn working_group(value: &Value) -> Vec<TagPath> {
    let mut found = Vec::new();
    if let Some(root) = value.field("mwg-kw:Hierarchy") {
        keyword_tree(root, &mut Vec::new(), &mut found);
    }
    found
}

/// ACDSee's tree: XML as text, `<Categories><Category Assigned="0">Places<Category Assigned="1">Rome</Category>...`.
fn categories(value: &Value) -> Vec<TagPath> {
    fn collect(node: &Node, above: &mut Vec<String>, found: &mut Vec<TagPath>) {
        let is_category = node.name == "Category";
        if is_category {
            above.push(node.text.clone());
            let assigned = node.attributes.iter().any(|(name, value)| name == "Assigned" && value == "1");
            found.extend(TagPath::new(above.iter()).filter(|_| assigned));
        }
        node.children.iter().for_each(|child| collect(child, above, found));
        if is_category {
            above.pop();
        }
    }
    let mut found = Vec::new();
    collect(&nodes(value.text().unwrap_or_default()).0, &mut Vec::new(), &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_of_acdsee() {
        let text = "<Categories><Category Assigned=\"0\">Places<Category Assigned=\"1\">Rome</Category></Category><Category Assigned=\"1\">dog</Category></Categories>";
        let found: Vec<String> =
            categories(&Value::Text(text.to_owned())).iter().map(TagPath::joined).collect();
        assert_eq!(found, ["Places/Rome", "dog"]);
    }

    #[test]
    fn words_that_xml_cannot_hold() {
        assert_eq!(sayable("a\u{0}\u{FFFE}b\r\nc\rd").as_deref(), Some("ab\nc\nd"));
        assert_eq!(sayable(" \u{1}\n"), None);
    }
}
