//! What is written is read as it was decided, and all else as it was: on sidecars built of what programs write.

use std::collections::HashSet;

use jiff::civil::date;
use jiff::tz::Offset;
use library::metadata::{Rating, TagPath, Taken, Zone, ZoneSource};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Decided, Field, WritingError, merged};
use crate::said::{Said, Verdict};
use crate::settle::tags_of;
use crate::xmp;

/// Namespaces that the blocks use, with a prefix that nobody uses for them.
const NAMESPACES: &[(&str, &str, &str)] = &[
    ("dc", "d", "http://purl.org/dc/elements/1.1/"),
    ("xmp", "xap", "http://ns.adobe.com/xap/1.0/"),
    ("exif", "e", "http://ns.adobe.com/exif/1.0/"),
    ("exifEX", "dc", "http://cipa.jp/exif/1.0/"),
    ("tiff", "t", "http://ns.adobe.com/tiff/1.0/"),
    ("photoshop", "ps", "http://ns.adobe.com/photoshop/1.0/"),
    ("lr", "l", "http://ns.adobe.com/lightroom/1.0/"),
    ("digiKam", "k", "http://www.digikam.org/ns/1.0/"),
    ("MicrosoftPhoto", "m", "http://ns.microsoft.com/photo/1.0"),
    ("mediapro", "mp", "http://ns.iview-multimedia.com/mediapro/1.0/"),
    ("acdsee", "a", "http://ns.acdsee.com/iptc/1.0/"),
    ("mwg-kw", "kw", "http://www.metadataworkinggroup.com/schemas/keywords/"),
    ("mwg-rs", "rs", "http://www.metadataworkinggroup.com/schemas/regions/"),
    ("stArea", "area", "http://ns.adobe.com/xmp/sType/Area#"),
    ("darktable", "dt", "http://darktable.sf.net/"),
    ("crs", "c", "http://ns.adobe.com/camera-raw-settings/1.0/"),
    ("other", "dk", "urn:other"),
];

/// Attributes, at most one of each name in a description.
const ATTRIBUTES: &[&str] = &[
    "xmp:Rating=\"4\"",
    "xmp:Rating='-1'",
    "xmp:Rating=\"3.0\"",
    "xmp:Rating=\"many\"",
    "MicrosoftPhoto:Rating=\"25\"",
    "acdsee:rating=\"2\"",
    "dc:subject=\"alone\"",
    "dc:description=\"a &quot;word&quot; &amp; more\"",
    "tiff:ImageDescription=\"a caption\"",
    "acdsee:caption=\"a caption\"",
    "acdsee:notes=\"a caption\"",
    "exif:DateTimeOriginal=\"2020-01-02T03:04:05.06+01:00\"",
    "exif:DateTimeOriginal=\"2021:07:09 14:34:07.000\"",
    "exif:DateTimeOriginal=\"2020-01-02\"",
    "exif:OffsetTimeOriginal=\"+02:00\"",
    "exifEX:OffsetTimeOriginal=\"-03:30\"",
    "exif:OffsetTime=\"+05:00\"",
    "exif:SubSecTimeOriginal=\"06\"",
    "photoshop:DateCreated=\"2020-01-02T03:04:05+01:00\"",
    "xmp:CreateDate=\"2020-01-02T03:04:05\"",
    "xmp:CreateDate=\"1999-01-01T00:00:00\"",
    "exif:DateTimeDigitized=\"2021-07-09T14:34:07\"",
];

/// Elements that a decision may change.
const ELEMENTS: &[&str] = &[
    "<xmp:Rating>4</xmp:Rating>",
    "<xmp:Rating/>",
    "<xmp:Rating rdf:parseType=\"Resource\"><rdf:value>4</rdf:value></xmp:Rating>",
    "<MicrosoftPhoto:Rating>75</MicrosoftPhoto:Rating>",
    "<dc:subject><rdf:Bag><rdf:li>Rome</rdf:li><rdf:li>dog</rdf:li></rdf:Bag></dc:subject>",
    "<dc:subject>\n<rdf:Seq>\n <rdf:li>rome</rdf:li>\n <rdf:li>Places</rdf:li>\n <rdf:li/>\n</rdf:Seq>\n</dc:subject>",
    "<dc:subject><rdf:Bag/></dc:subject>",
    "<dc:subject>plain</dc:subject>",
    "<dc:subject/>",
    "<dc:subject><rdf:Bag><rdf:li rdf:parseType='Resource'><rdf:value>Rome</rdf:value></rdf:li></rdf:Bag></dc:subject>",
    "<lr:hierarchicalSubject><rdf:Bag><rdf:li>places|Rome</rdf:li><rdf:li>dog</rdf:li></rdf:Bag></lr:hierarchicalSubject>",
    "<lr:hierarchicalSubject><rdf:Bag></rdf:Bag></lr:hierarchicalSubject>",
    "<lr:weightedFlatSubject><rdf:Bag><rdf:li>cat</rdf:li></rdf:Bag></lr:weightedFlatSubject>",
    "<digiKam:TagsList><rdf:Seq><rdf:li>Places/Rome</rdf:li><rdf:li>cat</rdf:li></rdf:Seq></digiKam:TagsList>",
    "<MicrosoftPhoto:LastKeywordXMP><rdf:Bag><rdf:li>old/stale</rdf:li></rdf:Bag></MicrosoftPhoto:LastKeywordXMP>",
    "<mediapro:CatalogSets><rdf:Bag><rdf:li>old|stale</rdf:li></rdf:Bag></mediapro:CatalogSets>",
    "<acdsee:keywords><rdf:Bag><rdf:li>boat</rdf:li></rdf:Bag></acdsee:keywords>",
    "<acdsee:categories>&lt;Categories&gt;&lt;Category Assigned=\"1\"&gt;dog&lt;/Category&gt;&lt;/Categories&gt;</acdsee:categories>",
    "<mwg-kw:Keywords rdf:parseType=\"Resource\"><mwg-kw:Hierarchy><rdf:Bag><rdf:li rdf:parseType=\"Resource\"><mwg-kw:Keyword>tree</mwg-kw:Keyword></rdf:li></rdf:Bag></mwg-kw:Hierarchy></mwg-kw:Keywords>",
    "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">a caption</rdf:li><rdf:li xml:lang=\"de\">Worte</rdf:li></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt><rdf:li xml:lang='de'>Worte</rdf:li></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'/><rdf:li xml:lang='x-default'>two</rdf:li></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt><rdf:li>none</rdf:li></rdf:Alt></dc:description>",
    "<dc:description><rdf:Alt/></dc:description>",
    "<dc:description>a <!-- remark -->caption</dc:description>",
    "<tiff:ImageDescription><rdf:Alt><rdf:li xml:lang=\"x-default\">a caption</rdf:li></rdf:Alt></tiff:ImageDescription>",
    "<exif:UserComment><rdf:Alt><rdf:li xml:lang=\"x-default\">a caption</rdf:li></rdf:Alt></exif:UserComment>",
    "<exif:DateTimeOriginal>2018-08-11T17:38:25Z</exif:DateTimeOriginal>",
    "<photoshop:DateCreated>2018-08-11</photoshop:DateCreated>",
    "<xmp:CreateDate>2018-08-11T17:38:25Z</xmp:CreateDate>",
];

/// What nobody may change.
const REST: &[&str] = &[
    "<!-- a remark: <dc:subject> -->",
    "<?keep this?>",
    "<darktable:history>\r\n\t<rdf:Seq>\n <rdf:li darktable:num=\"0\" darktable:params='gz02eJxj' />\n</rdf:Seq></darktable:history>",
    "<darktable:masks_history><rdf:Seq/></darktable:masks_history>",
    "<crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255,   255</rdf:li></rdf:Seq></crs:ToneCurve>",
    "<crs:Look><rdf:Description crs:Name=\"Adobe&#10;Color\"><crs:Group><rdf:Alt><rdf:li xml:lang=\"x-default\">Profiles</rdf:li></rdf:Alt></crs:Group></rdf:Description></crs:Look>",
    "<mwg-rs:Regions rdf:parseType=\"Resource\"><mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType='Resource'><mwg-rs:Name>Alice</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type><mwg-rs:Area stArea:x='0.5' stArea:y='0.5' stArea:w='0.1' stArea:h='0.1'/></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>",
    "<other:subject><![CDATA[ <rdf:Bag> & ]]></other:subject>",
    "<other:Rating other:Rating='1'>5</other:Rating>",
    "<exif:GPSLatitude>41,53.5N</exif:GPSLatitude>",
    "<exif:GPSLongitude >12,29.4E</exif:GPSLongitude >",
    "<tiff:Make>Canon  </tiff:Make>",
    "<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">a title</rdf:li></rdf:Alt></dc:title>",
];

/// What comes into a description.
#[derive(Clone, Debug)]
struct Description {
    about: &'static str,
    attributes: Vec<&'static str>,
    elements: Vec<&'static str>,
    /// Whether each stands on a line of its own.
    lines: bool,
    closed: bool,
}

fn description() -> impl Strategy<Value = Description> {
    let element = prop_oneof![2 => select(ELEMENTS), 1 => select(REST)];
    (
        select(&["", " rdf:about=\"\"", " rdf:about='uuid:faf5bdd5'", " about=\"\""][..]),
        vec(select(ATTRIBUTES), 0..5),
        vec(element, 0..6),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(about, mut attributes, elements, lines, closed)| {
            let mut seen = HashSet::new();
            attributes.retain(|attribute| seen.insert(attribute.split('=').next()));
            Description { about, attributes, elements, lines, closed }
        })
}

/// A sidecar, and what of it must still be there afterwards.
#[derive(Clone, Debug)]
struct Sidecar {
    bytes: Vec<u8>,
    text: String,
    rest: Vec<String>,
    utf16: bool,
}

fn sidecar() -> impl Strategy<Value = Sidecar> {
    let wrapping = select(&["", "x", "xpacket", "xml"][..]);
    let encoding = select(&["utf-8", "utf-8", "bom", "utf-16"][..]);
    (vec(description(), 0..4), wrapping, encoding, any::<(bool, bool, bool, bool)>()).prop_map(
        |(descriptions, wrapping, encoding, (renamed, outside, windows, blank))| {
            let declared: String = NAMESPACES
                .iter()
                .map(|(usual, odd, uri)| format!("\n xmlns:{}=\"{uri}\"", if renamed { odd } else { usual }))
                .collect();
            let named = |words: &str| {
                let mut words = words.to_owned();
                if renamed {
                    for (usual, odd, _) in NAMESPACES {
                        for before in ["<", "</", " ", ""] {
                            let (from, to) = (format!("{before}{usual}:"), format!("{before}\u{1}{odd}:"));
                            if before.is_empty() {
                                if let Some(rest) = words.strip_prefix(&from) {
                                    words = format!("{to}{rest}");
                                }
                            } else {
                                words = words.replace(&from, &to);
                            }
                        }
                    }
                }
                words.replace('\u{1}', "")
            };
            let mut rest = Vec::new();
            let mut inside = String::new();
            for Description { about, attributes, elements, lines, closed } in &descriptions {
                let gap = if *lines { "\n   " } else { "" };
                let here = if outside { "" } else { declared.as_str() };
                inside += &format!("{gap}<rdf:Description{about}{here}");
                for attribute in attributes {
                    inside += &format!("{} {}", gap, named(attribute));
                }
                if elements.is_empty() && *closed {
                    inside += " />";
                    continue;
                }
                inside += ">";
                for element in elements {
                    let words = named(element);
                    inside += &format!("{gap} {words}");
                    if REST.contains(element) {
                        rest.push(words);
                    }
                }
                inside += &format!("{gap}</rdf:Description>");
            }
            let above = if outside { declared.as_str() } else { "" };
            let rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
            let rdf = if inside.is_empty() && blank {
                format!("<rdf:RDF xmlns:rdf=\"{rdf}\"{above}/>")
            } else {
                format!("<rdf:RDF xmlns:rdf=\"{rdf}\"{above}>{inside}\n</rdf:RDF>")
            };
            let meta = format!("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"XMP Core\">\n{rdf}\n</x:xmpmeta>");
            let text = match wrapping {
                "" => rdf,
                "x" => meta,
                "xml" => format!("<?xml version=\"1.0\"?>\n{meta}\n"),
                _ => format!(
                    "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n{meta}\n{}<?xpacket end=\"w\"?>",
                    " ".repeat(100)
                ),
            };
            let text = if windows { text.replace('\n', "\r\n") } else { text };
            let rest = rest
                .into_iter()
                .map(|words: String| if windows { words.replace('\n', "\r\n") } else { words })
                .collect();
            let utf16 = encoding == "utf-16";
            let bytes = match encoding {
                "bom" => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
                "utf-16" => [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect(),
                _ => text.clone().into_bytes(),
            };
            Sidecar { bytes, text, rest, utf16 }
        },
    )
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(&["Places", "places", "Rome", "ROME", "dog", "Milan", "cat", "alone"][..]).prop_map(str::to_owned),
        1 => select(&["AC/DC", "a|b", "<&>\"'", "]]>", "caf\u{e9}", "cafe\u{301}", "two words", "&amp;"][..])
            .prop_map(str::to_owned),
        1 => "[a-c/|&<>'\"\n\r\t \u{0}\u{1}\u{85}\u{FFFE}\u{1F600}é]{0,6}",
    ]
}

fn field<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Field<T>> {
    let removed = any::<bool>();
    (option::of(value), removed).prop_map(|(value, removed)| match value {
        Some(value) => Field::Set(value),
        None if removed => Field::Removed,
        None => Field::Kept,
    })
}

fn taken() -> impl Strategy<Value = Taken> {
    static ZONES: &[Option<i32>] = &[None, Some(0), Some(3600), Some(-12_600), Some(7200)];
    let fraction = prop_oneof![Just(0), Just(60_000_000), 0..1_000_000_000];
    prop_oneof![
        (1i16..=9999, 0..86_400i64, fraction, select(ZONES)).prop_map(|(year, second, fraction, zone)| {
            let local = date(year, 7, 9).at(0, 0, 0, fraction) + jiff::SignedDuration::from_secs(second);
            (local, zone)
        }),
        select(ZONES).prop_map(|zone| (date(2020, 1, 2).at(3, 4, 5, 60_000_000), zone)),
        select(ZONES).prop_map(|zone| (date(2018, 8, 11).at(17, 38, 25, 0), zone)),
    ]
    .prop_map(|(local, zone)| Taken {
        local,
        zone: zone
            .map(|seconds| Zone { offset: Offset::from_seconds(seconds).unwrap(), source: ZoneSource::User }),
    })
}

fn decided() -> impl Strategy<Value = Decided> {
    let tag = vec(words(), 1..4).prop_filter_map("a tag has words", TagPath::new);
    let rating = (-1..=5i64).prop_map(|stars| Rating::new(stars).map_or(Verdict::Rejected, Verdict::Stars));
    let caption = prop_oneof![words(), Just("a caption".to_owned()), Just("Worte".to_owned())];
    (field(rating), field(vec(tag, 0..5)), field(caption), field(taken()))
        .prop_map(|(rating, tags, description, taken)| Decided { rating, tags, description, taken })
}

/// What a tag becomes in XML, and its spelling left aside.
fn folded(tag: &TagPath) -> Option<Vec<String>> {
    let kept =
        |c: &char| (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{FFFE}' | '\u{FFFF}');
    let clean = |part: &String| -> String {
        part.replace("\r\n", "\n").replace('\r', "\n").chars().filter(kept).collect()
    };
    TagPath::new(tag.parts().iter().map(clean)).map(|tag| tag.folded())
}

/// The tags that a sidecar can say, as the reader takes them.
fn expected(tags: &[TagPath]) -> HashSet<Vec<String>> {
    let has = |tag: &[String], mark| tag.iter().any(|part| part.contains(mark));
    let tags: Vec<_> = tags
        .iter()
        .filter_map(folded)
        .filter(|tag| tag.len() == 1 || !has(tag, '/') || !has(tag, '|'))
        .collect();
    let within: HashSet<String> = tags.iter().filter(|tag| tag.len() > 1).flatten().cloned().collect();
    tags.into_iter().filter(|tag| tag.len() > 1 || !within.contains(&tag[0])).collect()
}

fn tags(said: &Said) -> HashSet<Vec<String>> {
    tags_of(&[said]).iter().map(TagPath::folded).collect()
}

/// All that no decision touches.
fn rest(said: &Said) -> String {
    format!(
        "{:?}",
        (
            said.gps,
            said.orientation,
            said.size,
            &said.make,
            &said.model,
            &said.lens,
            said.exposure,
            &said.regions,
            &said.live_id,
            said.motion
        )
    )
}

fn holds(before: &Said, after: &Said, decided: &Decided) {
    match &decided.rating {
        Field::Kept => assert_eq!(after.rating, before.rating),
        Field::Removed => assert_eq!(after.rating, None),
        Field::Set(verdict) => assert_eq!(after.rating, Some(*verdict)),
    }
    match &decided.tags {
        Field::Kept => assert_eq!(tags_of(&[after]), tags_of(&[before])),
        Field::Removed => assert_eq!(tags_of(&[after]), []),
        Field::Set(wanted) => assert_eq!(tags(after), expected(wanted)),
    }
    match &decided.description {
        Field::Kept => assert_eq!(after.description, before.description),
        Field::Removed => assert_eq!(after.description, None),
        Field::Set(words) => assert_eq!(after.description, super::tags::sayable(words)),
    }
    match &decided.taken {
        Field::Kept => {
            assert_eq!(after.original, before.original);
            assert_eq!(after.digitized, before.digitized);
            assert_eq!(after.created, before.created);
        }
        Field::Removed => assert_eq!((after.original, after.created), (None, None)),
        Field::Set(taken) => {
            let original = after.original.unwrap();
            assert_eq!(original.local, taken.local);
            assert_eq!(original.offset, taken.zone.map(|zone| zone.offset));
            assert!(!original.date_only);
        }
    }
    assert_eq!(rest(after), rest(before));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_was_decided_is_read_and_all_else_is_as_it_was(sidecar in sidecar(), decided in decided()) {
        let written = merged(Some(&sidecar.bytes), &decided).unwrap();
        let bytes = written.as_ref().unwrap_or(&sidecar.bytes);
        holds(&xmp::read(&sidecar.bytes), &xmp::read(bytes), &decided);
        let text = xmp::decode(bytes);
        for words in &sidecar.rest {
            prop_assert!(text.contains(words), "{words} is not in {text}");
        }
        prop_assert_eq!(bytes.starts_with(b"\xFE\xFF"), sidecar.utf16);
        prop_assert_eq!(merged(Some(bytes), &decided), Ok(None));
        prop_assert!(written.as_ref() != Some(&sidecar.bytes));
    }

    #[test]
    fn nothing_decided_changes_nothing(sidecar in sidecar()) {
        prop_assert_eq!(merged(Some(&sidecar.bytes), &Decided::default()), Ok(None));
    }

    #[test]
    fn what_a_new_sidecar_says(decided in decided()) {
        let written = merged(None, &decided).unwrap();
        let Some(bytes) = written else {
            let nothing = Said::default();
            holds(&nothing, &nothing, &decided);
            return Ok(());
        };
        holds(&Said::default(), &xmp::read(&bytes), &decided);
        prop_assert_eq!(merged(Some(&bytes), &decided), Ok(None));
    }

    #[test]
    fn one_decision_after_the_other(sidecar in sidecar(), decisions in vec(decided(), 1..5)) {
        let mut bytes = sidecar.bytes;
        for decided in decisions {
            let before = xmp::read(&bytes);
            if let Some(written) = merged(Some(&bytes), &decided).unwrap() {
                bytes = written;
            }
            holds(&before, &xmp::read(&bytes), &decided);
        }
    }

    #[test]
    fn a_torn_sidecar_is_never_written(sidecar in sidecar(), decided in decided(), at in any::<prop::sample::Index>()) {
        let end = sidecar.text.trim_end().rfind('>').unwrap();
        let mut cut = at.index(end);
        while !sidecar.text.is_char_boundary(cut) {
            cut -= 1;
        }
        let torn = &sidecar.text[..cut];
        // Nothing but what ends the packet may be missing.
        let whole = torn.contains("</x:xmpmeta>") || (!sidecar.text.contains("xmpmeta") && torn.contains("</rdf:RDF>"));
        if !whole {
            let refused = merged(Some(torn.as_bytes()), &decided);
            let is_right = matches!(refused, Err(WritingError::Damaged { .. } | WritingError::NotXmp(_)));
            prop_assert!(is_right, "{:?}", refused);
        }
    }
}
