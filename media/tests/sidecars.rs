//! Sidecars as darktable, digiKam, Lightroom and exiftool write them: what a decision changes in them, line by line, and
//! what exiftool reads from them afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use jiff::civil::date;
use jiff::tz::Offset;
use library::metadata::{Rating, TagPath, Taken, Zone, ZoneSource};
use media::sidecar::writing::{Decided, Field, Says, Verdict, WritingError, merged, says};

const PROGRAMS: [(&str, &str); 4] = [
    ("darktable", include_str!("sidecars/darktable.xmp")),
    ("digikam", include_str!("sidecars/digikam.xmp")),
    ("lightroom", include_str!("sidecars/lightroom.xmp")),
    ("exiftool", include_str!("sidecars/exiftool.xmp")),
];

fn of(program: &str) -> &'static str {
    PROGRAMS.iter().find(|(name, _)| *name == program).unwrap().1
}

fn tags(tags: &[&str]) -> Vec<TagPath> {
    tags.iter().map(|tag| TagPath::new(tag.split('>')).unwrap()).collect()
}

fn stars(stars: i64) -> Decided {
    Decided { rating: Field::Set(Rating::new(stars).unwrap().into()), ..Decided::default() }
}

fn tagged(wanted: &[&str]) -> Decided {
    Decided { tags: Field::Set(tags(wanted)), ..Decided::default() }
}

fn captioned(words: &str) -> Decided {
    Decided { description: Field::Set(words.to_owned()), ..Decided::default() }
}

fn taken(offset: Option<i32>) -> Decided {
    let zone = offset
        .map(|seconds| Zone { offset: Offset::from_seconds(seconds).unwrap(), source: ZoneSource::User });
    let local = date(2001, 2, 3).at(4, 5, 6, 70_000_000);
    Decided { taken: Field::Set(Taken { local, zone }), ..Decided::default() }
}

fn written(before: &str, decided: &Decided) -> String {
    let bytes = merged(Some(before.as_bytes()), decided).unwrap().expect("something to write");
    assert_eq!(merged(Some(&bytes), decided), Ok(None), "once more");
    String::from_utf8(bytes).unwrap()
}

/// The lines that went and came, without their blanks.
fn changes(before: &str, after: &str) -> Vec<String> {
    let (mut old, mut new) = (before.lines().peekable(), after.lines().peekable());
    let mut found = Vec::new();
    while old.peek().is_some() || new.peek().is_some() {
        if old.peek() == new.peek() {
            old.next();
            new.next();
            continue;
        }
        // Whichever side finds the other's line sooner has lines that the other has not.
        let gone = new.peek().and_then(|line| old.clone().position(|other| other == *line));
        let come = old.peek().and_then(|line| new.clone().position(|other| other == *line));
        if come.is_some_and(|come| gone.is_none_or(|gone| come <= gone)) || old.peek().is_none() {
            found.extend(new.next().map(|line| format!("+ {}", line.trim())));
        } else {
            found.extend(old.next().map(|line| format!("- {}", line.trim())));
        }
    }
    found
}

#[test]
fn stars_change_in_their_place() {
    let darktable = of("darktable");
    assert_eq!(
        written(darktable, &stars(5)),
        darktable.replace("xmp:Rating=\"1\"", "xmp:Rating=\"5\""),
        "darktable"
    );
    let digikam = of("digikam");
    let copies = digikam
        .replace("xmp:Rating=\"3\"", "xmp:Rating=\"2\"")
        .replace("MicrosoftPhoto:Rating=\"50\"", "MicrosoftPhoto:Rating=\"25\"")
        .replace("acdsee:rating=\"3\"", "acdsee:rating=\"2\"");
    assert_eq!(written(digikam, &stars(2)), copies, "digiKam");
    let exiftool = of("exiftool");
    assert_eq!(
        written(exiftool, &stars(0)),
        exiftool.replace("<xmp:Rating>4</xmp:Rating>", "<xmp:Rating>0</xmp:Rating>"),
        "exiftool"
    );
    let gone = Decided { rating: Field::Removed, ..Decided::default() };
    let after = written(digikam, &gone);
    assert_eq!(
        changes(digikam, &after),
        ["- xmp:Rating=\"3\"", "- MicrosoftPhoto:Rating=\"50\"", "- acdsee:rating=\"3\""]
    );
}

#[test]
fn what_is_so_already_is_not_written() {
    assert_eq!(merged(Some(of("lightroom").as_bytes()), &stars(4)), Ok(None));
    // Neither the words above a tag nor the list that Lightroom does not write are missed.
    let same = tagged(&["dog", "places>ITALY>rome"]);
    assert_eq!(merged(Some(of("lightroom").as_bytes()), &same), Ok(None));
    assert_eq!(merged(Some(of("exiftool").as_bytes()), &tagged(&["activities>outdoors"])), Ok(None));
    assert_eq!(merged(Some(of("digikam").as_bytes()), &captioned(" Alors!\n")), Ok(None));
    assert_eq!(merged(None, &Decided::default()), Ok(None));
    assert_eq!(merged(None, &tagged(&[])), Ok(None));
}

#[test]
fn a_tag_more_in_darktable() {
    let before = of("darktable");
    let after = written(before, &tagged(&["darktable>format>cr2", "dog", "Places>Rome"]));
    assert_eq!(
        changes(before, &after),
        [
            "- darktable:iop_order_version=\"4\">",
            "+ darktable:iop_order_version=\"4\"",
            "+ xmlns:digiKam=\"http://www.digikam.org/ns/1.0/\">",
            "+ <rdf:li>Rome</rdf:li>",
            "+ <rdf:li>Places|Rome</rdf:li>",
            "+ <digiKam:TagsList>",
            "+ <rdf:Seq>",
            "+ <rdf:li>darktable/format/cr2</rdf:li>",
            "+ <rdf:li>dog</rdf:li>",
            "+ <rdf:li>Places/Rome</rdf:li>",
            "+ </rdf:Seq>",
            "+ </digiKam:TagsList>",
        ]
    );
}

#[test]
fn a_tag_for_another_in_digikam() {
    let before = of("digikam");
    let after = written(before, &tagged(&["places>Milan", "AC/DC"]));
    assert_eq!(
        changes(before, &after),
        [
            // ACDSee's tree of categories said otherwise.
            before
                .lines()
                .find(|line| line.contains("acdsee:categories"))
                .map(|line| format!("- {}", line.trim()))
                .unwrap()
                .as_str(),
            "- <rdf:li>Places/Rome</rdf:li>",
            "+ <rdf:li>Places/Milan</rdf:li>",
            "- <rdf:li>Places/Rome</rdf:li>",
            "+ <rdf:li>Places/Milan</rdf:li>",
            "- <rdf:li>Places|Rome</rdf:li>",
            "+ <rdf:li>Places|Milan</rdf:li>",
            "+ <rdf:li>AC/DC</rdf:li>",
            "- <rdf:li>Places|Rome</rdf:li>",
            "+ <rdf:li>Places|Milan</rdf:li>",
            "+ <rdf:li>AC/DC</rdf:li>",
            "- <rdf:li>Rome</rdf:li>",
            "+ <rdf:li>Milan</rdf:li>",
            "+ <rdf:li>AC/DC</rdf:li>",
        ]
    );
}

#[test]
fn no_tags_any_more_in_lightroom() {
    let before = of("lightroom");
    let after = written(before, &tagged(&[]));
    let changes = changes(before, &after);
    assert!(changes.iter().all(|line| line.starts_with("- ")), "{changes:?}");
    assert_eq!(changes.len(), 8 + 6);
    assert!(!after.contains("subject>") && !after.contains("hierarchicalSubject>"), "{after}");
}

#[test]
fn a_caption_and_its_copies_in_digikam() {
    let before = of("digikam");
    let after = written(before, &captioned("Fish & \"chips\"\n<2>"));
    let words = "<rdf:li xml:lang=\"x-default\">Fish &amp; &quot;chips&quot;\n<2></rdf:li>"
        .replace("<2>", "&lt;2&gt;");
    let copy = "<rdf:li xml:lang=\"x-default\">Alors!</rdf:li>";
    let notes = "acdsee:notes=\"Fish &amp; &quot;chips&quot;&#10;&lt;2&gt;\"";
    assert_eq!(after, before.replace(copy, &words).replace("acdsee:notes=\"Alors!\"", notes));

    let gone = written(before, &captioned(""));
    assert!(!gone.contains("Alors") && !gone.contains("escription>\n    <rdf:Alt"), "{gone}");
    assert!(gone.contains("Alice"));
}

#[test]
fn a_date_and_its_copies() {
    let before = of("lightroom");
    let after = written(before, &taken(Some(-12_600)));
    let iso = "2001-02-03T04:05:06.07-03:30";
    assert_eq!(
        after,
        before
            .replace(
                "exif:DateTimeOriginal=\"2020-01-02T03:04:05.06+01:00\"",
                &format!("exif:DateTimeOriginal=\"{iso}\"")
            )
            .replace("xmp:CreateDate=\"2020-01-02T03:04:05.06\"", &format!("xmp:CreateDate=\"{iso}\""))
            .replace(
                "photoshop:DateCreated=\"2020-01-02T03:04:05.06+01:00\"",
                &format!("photoshop:DateCreated=\"{iso}\"")
            )
    );
    // A scanned photo was digitized when it was.
    let scanned = of("digikam").replace("xmp:CreateDate=\"2019", "xmp:CreateDate=\"2022");
    let after = written(&scanned, &taken(None));
    assert!(after.contains("exif:DateTimeOriginal=\"2001-02-03T04:05:06.07\""), "{after}");
    assert!(after.contains("xmp:CreateDate=\"2022-08-11T17:38:25\""), "{after}");
}

#[test]
fn a_date_that_nobody_can_write() {
    let local = date(-44, 3, 15).at(12, 0, 0, 0);
    let ides = Decided { taken: Field::Set(Taken { local, zone: None }), ..Decided::default() };
    assert_eq!(merged(None, &ides), Err(WritingError::Date(local)));
}

#[test]
fn a_new_sidecar() {
    let decided =
        Decided { rating: Field::Set(Rating::new(4).unwrap().into()), ..tagged(&["Places>Rome", "dog"]) };
    let bytes = merged(None, &decided).unwrap().unwrap();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        r#"<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="galleryfs">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description
    rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmp:Rating="4">
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Rome</rdf:li>
     <rdf:li>dog</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>Places|Rome</rdf:li>
     <rdf:li>dog</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>Places/Rome</rdf:li>
     <rdf:li>dog</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"#
    );
}

#[test]
fn line_ends_marks_and_encodings_stay() {
    let decided = Decided { rating: Field::Set(Rating::new(3).unwrap().into()), ..tagged(&["fjørd"]) };
    let plain = written(of("lightroom"), &decided);
    let windows = written(&of("lightroom").replace('\n', "\r\n"), &decided);
    assert_eq!(windows, plain.replace('\n', "\r\n"));
    let cut = written(of("lightroom").trim_end(), &decided);
    assert_eq!(cut, plain.trim_end());
    let marked = written(&format!("\u{FEFF}{}", of("lightroom")), &decided);
    assert_eq!(marked, format!("\u{FEFF}{plain}"));
    let utf16 = |text: &str| -> Vec<u8> {
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    assert_eq!(merged(Some(&utf16(of("lightroom"))), &decided), Ok(Some(utf16(&plain))));
}

#[test]
fn what_cannot_be_understood_is_never_written_over() {
    let whole = of("darktable");
    let refused = |bytes: &[u8]| merged(Some(bytes), &stars(1)).unwrap_err();
    assert!(matches!(refused(b""), WritingError::NotXmp(_)));
    assert!(matches!(refused(b"{\"title\": \"IMG_1.jpg\"}"), WritingError::Damaged { .. }));
    assert!(matches!(refused(b"<html><body/></html>"), WritingError::NotXmp(_)));
    assert!(matches!(refused(&whole.as_bytes()[..whole.len() / 2]), WritingError::Damaged { .. }));
    assert!(matches!(refused(&[0; 4096]), WritingError::Damaged { .. }));
    assert_eq!(refused(&vec![b' '; (32 << 20) + 1]), WritingError::TooLarge);
    let controlled = whole.replacen("XMP Core", "XMP\u{1}Core", 1);
    assert!(matches!(refused(controlled.as_bytes()), WritingError::Damaged { .. }));
    let latin: Vec<u8> = whole.replacen("XMP Core", "XMP\u{FC}Core", 1).chars().map(|c| c as u8).collect();
    assert_eq!(refused(&latin), WritingError::Encoding);
    let bomb = whole.replacen("<x:xmpmeta", "<!DOCTYPE x [<!ENTITY a \"b\">]>\n<x:xmpmeta", 1);
    assert_eq!(refused(bomb.as_bytes()), WritingError::DocumentType);
    // Another namespace under Dublin Core's prefix: our reader would take it for ours.
    let confused = whole.replace("xmlns:dc=\"http://purl.org/dc/elements/1.1/\"", "xmlns:dc=\"urn:other\"");
    assert_eq!(merged(Some(confused.as_bytes()), &tagged(&["cat"])), Err(WritingError::Unfaithful));
    for error in [refused(b""), refused(b"<"), WritingError::Unfaithful, WritingError::TooIntricate] {
        assert!(error.to_string().starts_with("the sidecar "), "{error}");
    }
}

/// All that exiftool reads of a sidecar's XMP, by group and name.
fn exiftool(bytes: &[u8]) -> BTreeMap<String, serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xmp");
    std::fs::write(&path, bytes).unwrap();
    read_by_exiftool(&path)
}

fn read_by_exiftool(path: &Path) -> BTreeMap<String, serde_json::Value> {
    let output =
        Command::new("exiftool").args(["-json", "-struct", "-G1", "-XMP:all"]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut read: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_slice(&output.stdout).unwrap();
    let mut tags = read.remove(0);
    tags.remove("SourceFile");
    tags
}

#[test]
fn exiftool_reads_what_was_written_and_what_was_there() {
    let decided = Decided {
        rating: Field::Set(Rating::new(2).unwrap().into()),
        description: Field::Set("Fish & <chips>\nin \"Rome\"".to_owned()),
        ..taken(Some(7200))
    };
    let decided = Decided { tags: Field::Set(tags(&["Places>Milan", "a & b", "Bands>AC/DC"])), ..decided };
    let ours = [
        "XMP-xmp:Rating",
        "XMP-xmp:CreateDate",
        "XMP-dc:Subject",
        "XMP-dc:Description",
        "XMP-lr:HierarchicalSubject",
        "XMP-digiKam:TagsList",
        "XMP-exif:DateTimeOriginal",
        "XMP-photoshop:DateCreated",
        "XMP-microsoft:RatingPercent",
        "XMP-microsoft:LastKeywordXMP",
        "XMP-mediapro:CatalogSets",
        "XMP-acdsee:Rating",
        "XMP-acdsee:Categories",
        "XMP-acdsee:Notes",
        "XMP-exif:UserComment",
        "XMP-tiff:ImageDescription",
    ];
    let old: Vec<(&str, Option<&[u8]>)> =
        PROGRAMS.iter().map(|(name, text)| (*name, Some(text.as_bytes()))).chain([("new", None)]).collect();
    for (program, before) in old {
        let after = exiftool(&merged(before, &decided).unwrap().unwrap());
        let said = |name: &str| after.get(name).unwrap_or_else(|| panic!("{program} has no {name}")).clone();
        assert_eq!(said("XMP-xmp:Rating"), 2, "{program}");
        assert_eq!(said("XMP-dc:Description"), "Fish & <chips>\nin \"Rome\"", "{program}");
        assert_eq!(said("XMP-exif:DateTimeOriginal"), "2001:02:03 04:05:06.07+02:00", "{program}");
        assert_eq!(said("XMP-photoshop:DateCreated"), "2001:02:03 04:05:06.07+02:00", "{program}");
        let mut subject: Vec<String> = serde_json::from_value(said("XMP-dc:Subject")).unwrap();
        subject.retain(|word| word != "Places");
        assert_eq!(subject, ["Milan", "a & b", "AC/DC"], "{program}");
        let paths = serde_json::json!(["Places|Milan", "a & b", "Bands|AC/DC"]);
        assert_eq!(said("XMP-lr:HierarchicalSubject"), paths, "{program}");
        assert_eq!(said("XMP-digiKam:TagsList"), serde_json::json!(["Places/Milan", "a & b"]), "{program}");

        let rest = |mut tags: BTreeMap<String, serde_json::Value>| {
            tags.retain(|name, _| !ours.contains(&name.as_str()) && name != "XMP-x:XMPToolkit");
            tags
        };
        let before = before.map(exiftool).unwrap_or_default();
        assert_eq!(rest(before), rest(after), "{program}");
    }
}

#[test]
fn what_a_sidecar_says_is_what_was_put_into_it() {
    for (program, text) in PROGRAMS {
        let before = says(text.as_bytes()).unwrap();
        assert_ne!(before, Says::default(), "{program}");
        let rejected = Decided { rating: Field::Set(Verdict::Rejected), ..captioned("x") };
        let after = says(written(text, &rejected).as_bytes()).unwrap();
        let description = Some("x".to_owned());
        assert_eq!(after, Says { rating: Some(Verdict::Rejected), description, ..before }, "{program}");
    }
    let all = Decided { rating: stars(2).rating, tags: tagged(&["b", "a>c"]).tags, ..taken(Some(7200)) };
    let said = says(&merged(None, &all).unwrap().unwrap()).unwrap();
    assert_eq!((said.rating, said.tags), (Rating::new(2).map(Verdict::Stars), tags(&["a>c", "b"])));
    assert_eq!(said.taken.unwrap().zone.unwrap().offset.seconds(), 7200);
    assert!(says(b"<x").is_err());
}
