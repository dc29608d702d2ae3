//! From RDF properties to what they say about a photo.

use library::metadata::{Orientation, PixelSize, TagPath};

use super::regions;
use super::tree::Value;
use crate::exif::stars_of_percent;
use crate::moment::{parse, parse_offset};
use crate::said::{MotionHint, Said};
use crate::text::clean;

type Properties = [(String, Value)];

/// Takes every property we know.
pub(super) fn fill(properties: &Properties, said: &mut Said) {
    times(properties, said);
    position(properties, said);
    camera(properties, said);
    rating(properties, said);
    tags(properties, said);
    said.description = get(properties, "dc:description")
        .and_then(in_any_language)
        .or_else(|| get(properties, "tiff:ImageDescription").and_then(in_any_language))
        .or_else(|| get(properties, "acdsee:caption").and_then(in_any_language));
    said.orientation =
        number(properties, "tiff:Orientation").and_then(|value| Orientation::from_exif(value as u32));
    said.size = size(properties, "tiff:ImageWidth", "tiff:ImageLength")
        .or_else(|| size(properties, "exif:PixelXDimension", "exif:PixelYDimension"));
    said.regions = regions::read(properties);
    said.motion = motion(properties);
    said.live_id = text(properties, "apple:ContentIdentifier").and_then(clean);
}

/// The identifier of the packet that continues this one elsewhere in a JPEG file.
pub(crate) fn guid_of_extension(packet: &[u8]) -> Option<[u8; 32]> {
    // Looked for in the raw bytes: it stands in every spelling as 32 hex digits after the name.
    let at = crate::block::find(packet, b"HasExtendedXMP")?;
    let after = packet.get(at + 14..(at + 80).min(packet.len()))?;
    let start = after.iter().position(u8::is_ascii_hexdigit)?;
    after.get(start..start + 32)?.try_into().ok()
}

fn get<'a>(properties: &'a Properties, name: &str) -> Option<&'a Value> {
    properties.iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

fn text<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    get(properties, name).and_then(Value::text).filter(|text| !text.is_empty())
}

/// A plain number or a rational as XMP writes it, `5/2`.
fn number(properties: &Properties, name: &str) -> Option<f64> {
    number_in(text(properties, name)?)
}

/// A plain number or a ratio; nothing when it is not finite.
pub(super) fn number_in(text: &str) -> Option<f64> {
    let number = match text.split_once('/') {
        Some((above, below)) => above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?,
        None => text.trim().parse::<f64>().ok()?,
    };
    number.is_finite().then_some(number)
}

fn size(properties: &Properties, width: &str, height: &str) -> Option<PixelSize> {
    let side =
        |name| number(properties, name).filter(|side| (1.0..4e9).contains(side)).map(|side| side as u32);
    Some(PixelSize { width: side(width)?, height: side(height)? })
}

fn times(properties: &Properties, said: &mut Said) {
    let date = |said: &mut Said, name: &str| {
        let text = text(properties, name)?;
        said.moment(name, text)
    };
    said.original = date(said, "exif:DateTimeOriginal");
    said.digitized = date(said, "exif:DateTimeDigitized").or_else(|| date(said, "xmp:CreateDate"));
    said.created = date(said, "photoshop:DateCreated");
    let zone =
        ["exif:OffsetTimeOriginal", "exifEX:OffsetTimeOriginal", "exif:OffsetTime", "exifEX:OffsetTime"]
            .iter()
            .find_map(|name| parse_offset(text(properties, name)?));
    for moment in [&mut said.original, &mut said.digitized].into_iter().flatten() {
        moment.offset = moment.offset.or(zone);
    }
    said.gps_clock = text(properties, "exif:GPSTimeStamp")
        .or_else(|| text(properties, "exif:GPSDateTime"))
        .and_then(|text| parse(text).moment())
        .and_then(|moment| {
            let offset = moment.offset.unwrap_or(jiff::tz::Offset::UTC);
            Some(jiff::tz::Offset::UTC.to_datetime(offset.to_timestamp(moment.local).ok()?))
        });
}

fn position(properties: &Properties, said: &mut Said) {
    let (Some(lat), Some(lon)) =
        (text(properties, "exif:GPSLatitude"), text(properties, "exif:GPSLongitude"))
    else {
        return;
    };
    let lat = degrees(lat, text(properties, "exif:GPSLatitudeRef"));
    let lon = degrees(lon, text(properties, "exif:GPSLongitudeRef"));
    let (Some(lat), Some(lon)) = (lat, lon) else {
        said.warnings.push("the GPS position in the XMP is not a number".to_owned());
        return;
    };
    let below = text(properties, "exif:GPSAltitudeRef").is_some_and(|sea| sea.starts_with('1'));
    let altitude = number(properties, "exif:GPSAltitude").map(|metres| if below { -metres } else { metres });
    said.position(lat, lon, altitude);
}

/// `39,6.9N`, `39,6,54N`, or signed decimal degrees, with the letter behind or in a property of its own.
fn degrees(text: &str, letter: Option<&str>) -> Option<f64> {
    let text = text.trim();
    let last = text.chars().last().filter(char::is_ascii_alphabetic);
    let letter = last.or_else(|| letter.and_then(|letter| letter.chars().next()));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let mut parts = digits.split([',', ' ', ';']).filter(|part| !part.is_empty()).map(number_in);
    let whole = parts.next()??;
    let minutes = parts.next().unwrap_or(Some(0.0))?;
    let seconds = parts.next().unwrap_or(Some(0.0))?;
    let angle = whole.abs() + minutes / 60.0 + seconds / 3600.0;
    let negative =
        whole.is_sign_negative() || letter.is_some_and(|letter| matches!(letter, 'S' | 's' | 'W' | 'w'));
    Some(if negative { -angle } else { angle })
}

fn camera(properties: &Properties, said: &mut Said) {
    let word = |name| text(properties, name).and_then(clean);
    said.make = word("tiff:Make");
    said.model = word("tiff:Model");
    said.lens = word("exifEX:LensModel").or_else(|| word("aux:Lens"));
    let positive = |name| number(properties, name).filter(|number| *number > 0.0);
    said.exposure.f_number = positive("exif:FNumber");
    said.exposure.exposure_s = positive("exif:ExposureTime");
    said.exposure.focal_mm = positive("exif:FocalLength");
    said.exposure.iso = positive("exif:ISOSpeedRatings")
        .or_else(|| positive("exifEX:PhotographicSensitivity"))
        .filter(|iso| *iso < 1e9)
        .map(|iso| iso as u32);
}

fn rating(properties: &Properties, said: &mut Said) {
    if let Some(stars) = number(properties, "xmp:Rating").or_else(|| number(properties, "acdsee:rating")) {
        said.stars(stars);
    } else if let Some(stars) = number(properties, "MicrosoftPhoto:Rating").and_then(stars_of_percent) {
        said.stars(stars);
    }
}

fn tags(properties: &Properties, said: &mut Said) {
    let words = |name: &str| -> Vec<&str> {
        get(properties, name)
            .map(|value| value.items().into_iter().filter_map(Value::text).collect())
            .unwrap_or_default()
    };
    for name in ["dc:subject", "acdsee:keywords"] {
        said.flat_tags.extend(words(name).into_iter().map(str::to_owned));
    }
    for (name, separator) in
        [("lr:hierarchicalSubject", '|'), ("digiKam:TagsList", '/'), ("MicrosoftPhoto:LastKeywordXMP", '/')]
    {
        said.tag_paths.extend(words(name).into_iter().filter_map(|path| TagPath::new(path.split(separator))));
    }
    if let Some(root) =
        get(properties, "mwg-kw:Keywords").and_then(|keywords| keywords.field("mwg-kw:Hierarchy"))
    {
        keyword_tree(root, &mut Vec::new(), &mut said.tag_paths);
    }
}

/// The Metadata Working Group's own hierarchy: keywords with children. Its depth is bounded by the tree's.
pub(super) fn keyword_tree(level: &Value, above: &mut Vec<String>, found: &mut Vec<TagPath>) {
    for item in level.items() {
        let Some(keyword) = item.field("mwg-kw:Keyword").and_then(Value::text) else { continue };
        above.push(keyword.to_owned());
        match item.field("mwg-kw:Children") {
            Some(children) => keyword_tree(children, above, found),
            None => found.extend(TagPath::new(above.iter())),
        }
        above.pop();
    }
}

/// Of the alternatives by language the default one, else the first that says anything.
pub(super) fn in_any_language(value: &Value) -> Option<String> {
    let Value::Array(items) = value else { return value.text().and_then(clean) };
    let default = items.iter().filter(|(language, _)| language.as_deref() == Some("x-default"));
    default.chain(items).find_map(|(_, item)| item.text().and_then(clean))
}

fn motion(properties: &Properties) -> Option<MotionHint> {
    let flagged = |name| text(properties, name).is_some_and(|flag| flag.trim() == "1");
    let directory = get(properties, "Container:Directory").map(Value::items).unwrap_or_default();
    let mut from_end = 0u64;
    // The items stand in the order of the file; those behind the video lie between it and the end.
    for item in directory.iter().rev() {
        let item = item.field("Container:Item").unwrap_or(item);
        let field = |name: &str| item.field(&format!("Item:{name}")).and_then(Value::text);
        let bytes = |name: &str| field(name).and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
        if field("Semantic").is_some_and(|semantic| semantic.ends_with("Primary")) {
            break;
        }
        from_end = from_end.checked_add(bytes("Length"))?.checked_add(bytes("Padding"))?;
        if field("Semantic") == Some("MotionPhoto")
            || field("Mime").is_some_and(|mime| mime.starts_with("video/"))
        {
            return Some(MotionHint {
                length: Some(bytes("Length")).filter(|length| *length > 0),
                from_end: Some(from_end),
            });
        }
    }
    let offset = number(properties, "GCamera:MicroVideoOffset")
        .filter(|offset| *offset > 0.0)
        .map(|offset| offset as u64);
    let any = flagged("GCamera:MotionPhoto") || flagged("GCamera:MicroVideo");
    any.then_some(MotionHint { length: offset, from_end: offset })
}

#[cfg(test)]
mod tests {
    use crate::said::Verdict;
    use crate::xmp::read;

    #[test]
    fn a_packet_as_lightroom_writes_it() {
        let said = read(
            br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
            <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
              xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
              xmp:Rating="4" exif:DateTimeOriginal="2020-01-02T03:04:05.06+01:00" exif:GPSLatitude="41,53.5N" exif:GPSLongitude="12,29,24W"
              exif:GPSAltitude="201/10" exif:FNumber="28/10">
             <dc:description><rdf:Alt><rdf:li xml:lang="de">Rom</rdf:li><rdf:li xml:lang="x-default">Rome</rdf:li></rdf:Alt></dc:description>
             <dc:subject><rdf:Bag><rdf:li>Rome</rdf:li><rdf:li>Italy</rdf:li></rdf:Bag></dc:subject>
             <lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Italy|Rome</rdf:li></rdf:Bag></lr:hierarchicalSubject>
            </rdf:Description></rdf:RDF></x:xmpmeta>"#,
        );
        let original = said.original.unwrap();
        assert_eq!(original.local.to_string(), "2020-01-02T03:04:05.06");
        assert_eq!(original.offset.unwrap().seconds(), 3600);
        let gps = said.gps.unwrap();
        assert!((gps.lat - 41.891_666).abs() < 1e-5 && (gps.lon + 12.49).abs() < 1e-5, "{gps:?}");
        assert_eq!(gps.altitude, Some(20.1));
        assert_eq!(said.rating.unwrap().stars().unwrap().stars(), 4);
        assert_eq!(said.description.as_deref(), Some("Rome"));
        assert_eq!(said.flat_tags, ["Rome", "Italy"]);
        assert_eq!(said.tag_paths[0].joined(), "Places/Italy/Rome");
        assert_eq!(said.exposure.f_number, Some(2.8));
        assert!(said.warnings.is_empty(), "{:?}", said.warnings);
    }

    #[test]
    fn keywords_of_acdsee() {
        let said = read(
            b"<rdf:Description><acdsee:keywords><rdf:Bag><rdf:li>boat</rdf:li></rdf:Bag></acdsee:keywords></rdf:Description>",
        );
        assert_eq!(said.flat_tags, ["boat"]);
    }

    #[test]
    fn a_rejected_photo_has_no_stars() {
        let said = read(b"<rdf:Description xmp:Rating='-1'/>");
        assert_eq!(said.rating, Some(Verdict::Rejected));
        assert!(said.warnings.is_empty(), "{:?}", said.warnings);
        let beyond = read(b"<rdf:Description xmp:Rating='6'/>");
        assert_eq!(beyond.rating, None);
        assert_eq!(beyond.warnings.len(), 1);
    }

    #[test]
    fn the_video_of_a_google_motion_photo() {
        let said = read(
            br#"<rdf:Description GCamera:MotionPhoto="1"><Container:Directory><rdf:Seq>
            <rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary" Item:Length="0" Item:Padding="0"/></rdf:li>
            <rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="1234" Item:Padding="0"/></rdf:li>
            </rdf:Seq></Container:Directory></rdf:Description>"#,
        );
        assert_eq!(said.motion.unwrap().from_end, Some(1234));
    }
}
