//! MP4, QuickTime and 3GP: the `moov` box, and the half dozen places around it where writers put the date and place.
//!
//! What makes it hard:
//!
//! 1. Times count from 1904 in UTC, except that old cameras write local time, and some writers count from 1970 or write 0.
//! 2. The same fact has up to four homes: Apple's `keys`/`ilst` pairs, iTunes' `ilst`, QuickTime's `©` texts, 3GPP's boxes.
//! 3. Turning is a matrix per track; sizes are 16.16 fixed point and may be missing for tracks that only carry data.
//! 4. `moov` may stand at the very end, behind gigabytes that must not be read.

use jiff::civil::DateTime;
use library::metadata::Orientation;

use super::boxes::{Box, at_path, boxes, first};
use crate::block::{Block, BlockExt, Input, LARGEST_BLOCK, Part};
use crate::exif;
use crate::formats::Found;
use crate::moment::{self, parse, since_1904};
use crate::said::Said;
use crate::text;

/// Adobe's id for XMP in a `uuid` box.
pub(super) const XMP_UUID: [u8; 16] =
    [0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC];

/// Text in a movie's tags; lyrics are the longest.
const LONGEST_TEXT: u64 = 64 << 10;

/// Reads the boxes of the file.
pub(super) fn read(input: &mut Input<'_>, found: &mut Found) {
    let top = boxes(input, 0, u64::MAX);
    match first(&top, b"moov") {
        Some(moov) => movie(input, moov, found),
        None => found.warn("the video's index (moov) is missing: it was not finished, or is cut off"),
    }
    for part in &top {
        match &part.kind {
            b"uuid" => uuid(input, *part, found),
            b"meta" => sony(input, *part, found),
            b"udta" => user_data(input, *part, found),
            _ => {}
        }
    }
}

/// Reads the `moov` box.
pub(super) fn movie(input: &mut Input<'_>, moov: Box, found: &mut Found) {
    let inside = boxes(input, moov.body, moov.end);
    let mut clock = None;
    if let Some(header) = first(&inside, b"mvhd") {
        let times = header_times(input, header);
        clock = times.created;
        found.duration = times.seconds.and_then(moment::duration);
        if let Some(extended) = first(&inside, b"mvex").and_then(|mvex| at_path(input, mvex, &[b"mehd"]))
            && found.duration.is_none()
            && let Some(scale) = times.scale
        {
            // The length of a movie in fragments stands beside them.
            let length = match input.array::<1>(extended.body) {
                Some([0]) => input.be32(extended.body + 4).map(f64::from),
                _ => input.be64(extended.body + 4).map(|length| length as f64),
            };
            found.duration = length.and_then(|length| moment::duration(length / scale));
        }
    }
    for track in inside.iter().filter(|part| &part.kind == b"trak").take(64) {
        let created = read_track(input, *track, found);
        clock = clock.or(created);
    }
    match clock {
        Some(utc) => found.container.utc = found.container.utc.or(Some(utc)),
        None => found.clock_unset = true,
    }
    for part in &inside {
        match &part.kind {
            b"udta" => user_data(input, *part, found),
            b"meta" => key_values(input, *part, &mut found.container),
            b"uuid" => uuid(input, *part, found),
            _ => {}
        }
    }
}

struct Times {
    created: Option<DateTime>,
    scale: Option<f64>,
    seconds: Option<f64>,
}

/// `mvhd` and `mdhd` begin alike.
fn header_times(input: &mut Input<'_>, header: Box) -> Times {
    let at = header.body;
    let (created, scale, length) = match input.array::<1>(at) {
        Some([1]) => (input.be64(at + 4), input.be32(at + 20), input.be64(at + 24)),
        _ => (input.be32(at + 4).map(u64::from), input.be32(at + 12), input.be32(at + 16).map(u64::from)),
    };
    let scale = scale.filter(|scale| *scale > 0).map(f64::from);
    // All ones means that nobody knows.
    let length = length.filter(|length| !matches!(*length, 0xFFFF_FFFF | u64::MAX));
    let seconds = scale.and_then(|scale| length.map(|length| length as f64 / scale));
    Times { created: created.and_then(since_1904), scale, seconds }
}

/// Takes size and turn of the first track with pictures; says when the track was made.
fn read_track(input: &mut Input<'_>, track: Box, found: &mut Found) -> Option<DateTime> {
    let inside = boxes(input, track.body, track.end);
    let media = first(&inside, b"mdia")?;
    let created = at_path(input, media, &[b"mdhd"]).and_then(|header| header_times(input, header).created);
    if let Some(meta) = first(&inside, b"meta") {
        key_values(input, meta, &mut found.container);
    }
    let handler = at_path(input, media, &[b"hdlr"])?;
    if input.array::<4>(handler.body + 8) != Some(*b"vide")
        && input.array::<4>(handler.body + 8) != Some(*b"pict")
    {
        return None;
    }
    let header = first(&inside, b"tkhd")?;
    let wide = input.array::<1>(header.body) == Some([1]);
    let matrix = header.body + if wide { 52 } else { 40 };
    if found.size.is_none() {
        let whole = |fixed: Option<u32>| fixed.unwrap_or(0) >> 16;
        found.set_size(whole(input.be32(matrix + 36)), whole(input.be32(matrix + 40)));
        if found.size.is_none()
            && let Some(entries) = at_path(input, media, &[b"minf", b"stbl", b"stsd"])
            && let (Some(width), Some(height)) =
                (input.be16(entries.body + 40), input.be16(entries.body + 42))
        {
            found.set_size(u32::from(width), u32::from(height));
        }
        found.turn = found.size.and(turn_of(input, matrix));
    }
    created
}

/// Which orientation a track's matrix is; `None` for what is no quarter turn.
fn turn_of(input: &mut Input<'_>, at: u64) -> Option<Orientation> {
    let mut cell = |n: u64| input.be32(at + n * 4).map(|fixed| (fixed as i32).signum());
    let value = match (cell(0)?, cell(1)?, cell(3)?, cell(4)?) {
        (1, 0, 0, 1) => 1,
        (-1, 0, 0, 1) => 2,
        (-1, 0, 0, -1) => 3,
        (1, 0, 0, -1) => 4,
        (0, 1, 1, 0) => 5,
        (0, 1, -1, 0) => 6,
        (0, -1, -1, 0) => 7,
        (0, -1, 1, 0) => 8,
        _ => return None,
    };
    Orientation::from_exif(value)
}

fn uuid(input: &mut Input<'_>, part: Box, found: &mut Found) {
    if input.array::<16>(part.body) == Some(XMP_UUID)
        && let Some(packet) = input.bytes(part.body + 16, part.size().saturating_sub(16))
    {
        found.take_xmp(&packet);
    }
}

/// `udta`: QuickTime's `©` texts, 3GPP's boxes, and the makers' own.
fn user_data(input: &mut Input<'_>, data: Box, found: &mut Found) {
    for part in boxes(input, data.body, data.end) {
        match &part.kind {
            b"meta" => key_values(input, part, &mut found.container),
            b"XMP_" => {
                if let Some(packet) = input.bytes(part.body, part.size()) {
                    found.take_xmp(&packet);
                }
            }
            b"TAGS" => compact_camera(input, part, &mut found.container),
            b"CNTH" => canon_thumbnail(input, part, found),
            b"date" => {
                let words = input.up_to(part.body, part.size().min(64));
                if let Some(date) = text::guess(&words) {
                    let said = &mut found.container;
                    said.original = said.original.or(said.moment("date", &date));
                }
            }
            b"loci" => three_gpp_place(input, part, &mut found.container),
            [0xA9, name @ ..] => {
                if let Some(words) = international_text(input, part) {
                    take_text(*name, &words, &mut found.container);
                }
            }
            b"manu" | b"auth" | b"dscp" | b"titl" | b"modl" => {
                // 3GPP: version, flags and a packed language come first.
                let words =
                    text::guess(&input.up_to(part.body + 6, part.size().saturating_sub(6).min(LONGEST_TEXT)));
                let container = &mut found.container;
                let field = match &part.kind {
                    b"manu" => &mut container.make,
                    b"modl" => &mut container.model,
                    b"dscp" => &mut container.description,
                    _ => continue,
                };
                *field = field.take().or(words);
            }
            _ => {}
        }
    }
}

/// A QuickTime text: its length, its language, then the words. Some writers leave the first two out.
fn international_text(input: &mut Input<'_>, part: Box) -> Option<String> {
    let size = part.size().min(LONGEST_TEXT);
    let len = input.be16(part.body).map(u64::from)?;
    if len + 4 <= size {
        return text::guess(&input.bytes(part.body + 4, len)?);
    }
    // iTunes' form has a data box inside.
    let inside = boxes(input, part.body, part.end);
    match first(&inside, b"data") {
        Some(data) => {
            text::guess(&input.up_to(data.body + 8, data.size().saturating_sub(8).min(LONGEST_TEXT)))
        }
        None => text::guess(&input.up_to(part.body, size)),
    }
}

fn take_text(name: [u8; 3], words: &str, said: &mut Said) {
    match &name {
        b"xyz" => place(words, said),
        b"mak" => said.make = said.make.take().or_else(|| text::clean(words)),
        b"mod" => said.model = said.model.take().or_else(|| text::clean(words)),
        b"day" => day(words, said),
        b"des" => said.description = said.description.take().or_else(|| text::clean(words)),
        b"cmt" => said.comment = said.comment.take().or_else(|| text::clean(words)),
        _ => {}
    }
}

/// A date in words. Films carry only a year, which dates the film, not the shot.
fn day(words: &str, said: &mut Said) {
    let Some(moment) = parse(words).moment().filter(|_| words.trim().len() >= 16) else { return };
    let field = if moment.offset.is_some() { &mut said.original } else { &mut said.created };
    *field = field.or(Some(moment));
}

/// ISO 6709: `+37.7749-122.4194+010.000/`, also with degrees and minutes run together.
pub(super) fn place(words: &str, said: &mut Said) {
    if said.gps.is_some() {
        return;
    }
    let words = words.trim().trim_end_matches('/');
    let words = words.split("CRS").next().unwrap_or_default();
    let mut numbers = Vec::new();
    for (at, c) in words.char_indices() {
        if matches!(c, '+' | '-') {
            let rest = words.get(at..).unwrap_or_default();
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| matches!(c, '+' | '-'))
                .map_or(rest.len(), |(end, _)| end);
            numbers.push(rest.get(..end).unwrap_or_default());
        }
    }
    let [lat, lon, rest @ ..] = numbers.as_slice() else { return };
    if let (Some(lat), Some(lon)) = (angle(lat, 2), angle(lon, 3)) {
        said.position(lat, lon, rest.first().and_then(|metres| metres.parse().ok()));
    }
}

/// `+37.7749`, or `+3746.494` (minutes) or `+374629.64` (seconds), told apart by how many digits stand before the point.
fn angle(text: &str, degree_digits: usize) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let digits = text.trim_start_matches(['+', '-']).split('.').next()?.len();
    let whole = number.abs();
    let degrees = match digits.checked_sub(degree_digits) {
        Some(2) => (whole / 100.0).trunc() + whole % 100.0 / 60.0,
        Some(4) => {
            (whole / 10_000.0).trunc() + (whole % 10_000.0 / 100.0).trunc() / 60.0 + whole % 100.0 / 3600.0
        }
        _ => whole,
    };
    Some(degrees.copysign(number))
}

/// Apple's numbered keys with their values, or iTunes' list under names of four letters.
fn key_values(input: &mut Input<'_>, meta: Box, said: &mut Said) {
    // In QuickTime files the box has no version in front; in MP4 it has.
    let plain =
        input.array::<4>(meta.body + 4).is_some_and(|kind| kind.iter().all(u8::is_ascii_alphanumeric));
    let inside = boxes(input, meta.body + if plain { 0 } else { 4 }, meta.end);
    let names = first(&inside, b"keys").map(|keys| key_names(input, keys)).unwrap_or_default();
    let Some(list) = first(&inside, b"ilst") else { return };
    for item in boxes(input, list.body, list.end) {
        let values = boxes(input, item.body, item.end);
        let Some(data) = first(&values, b"data") else { continue };
        let raw = input.up_to(data.body + 8, data.size().saturating_sub(8).min(LONGEST_TEXT));
        let number = (u32::from_be_bytes(item.kind) as usize).checked_sub(1);
        let name = number.and_then(|number| names.get(number)).map(String::as_str);
        let Some(words) = text::guess(&raw) else { continue };
        match (name, item.kind) {
            (Some(name), _) => take_key(name, &words, said),
            (None, [0xA9, name @ ..]) => take_text(name, &words, said),
            (None, kind) if &kind == b"desc" => said.description = said.description.take().or(Some(words)),
            _ => {}
        }
    }
}

fn key_names(input: &mut Input<'_>, keys: Box) -> Vec<String> {
    boxes(input, keys.body + 8, keys.end)
        .into_iter()
        .map(|key| String::from_utf8_lossy(&input.up_to(key.body, key.size().min(256))).into_owned())
        .collect()
}

fn take_key(name: &str, words: &str, said: &mut Said) {
    let name = name.strip_prefix("com.apple.quicktime.").unwrap_or(name);
    let first = |field: &mut Option<String>| *field = field.take().or_else(|| text::clean(words));
    match name {
        "creationdate" => said.original = said.moment("creationdate", words).or(said.original),
        "location.ISO6709" => place(words, said),
        "make" | "com.android.manufacturer" => first(&mut said.make),
        "model" | "com.android.model" => first(&mut said.model),
        "camera.lens_model" => first(&mut said.lens),
        "description" => first(&mut said.description),
        "comment" => first(&mut said.comment),
        "content.identifier" => first(&mut said.live_id),
        "keywords" => said.flat_tags.extend(words.split(',').map(str::to_owned)),
        "rating.user" => {
            if let Ok(stars) = words.parse() {
                said.stars(stars);
            }
        }
        _ => {}
    }
}

/// 3GPP's place: a name, a role, then longitude, latitude and height in 16.16 fixed point.
fn three_gpp_place(input: &mut Input<'_>, part: Box, said: &mut Said) {
    let bytes = input.up_to(part.body + 6, part.size().saturating_sub(6).min(1024));
    let name = match bytes.as_slice() {
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => {
            bytes.chunks(2).position(|pair| pair == [0, 0]).map(|at| at * 2 + 2)
        }
        _ => bytes.iter().position(|byte| *byte == 0).map(|at| at + 1),
    };
    let numbers = name.and_then(|name| bytes.get(name + 1..)).unwrap_or_default();
    let mut block = numbers;
    let mut fixed = |at| block.be32(at).map(|raw| f64::from(raw as i32) / 65_536.0);
    if let (Some(lon), Some(lat), Some(altitude)) = (fixed(0), fixed(4), fixed(8)) {
        said.position(lat, lon, Some(altitude));
    }
}

/// Compact cameras of many makers share one form: who made it in 24 bytes, then the model, then their settings.
fn compact_camera(input: &mut Input<'_>, part: Box, said: &mut Said) {
    let bytes = input.up_to(part.body, part.size().min(48));
    let Some((make, rest)) = bytes.split_first_chunk::<24>() else { return };
    let Some(make) = text::guess(make).filter(|make| make.ends_with("DIGITAL CAMERA")) else { return };
    // The settings follow at once, and Pentax has them where the others name the model.
    let end = rest.iter().position(|byte| !byte.is_ascii_graphic() && *byte != b' ').unwrap_or(rest.len());
    let model = rest.get(..end).and_then(text::guess);
    said.make = said.make.take().or(Some(make));
    said.model = said.model.take().or(model);
}

/// Canon puts the camera's EXIF block into a thumbnail JPEG inside the user data.
fn canon_thumbnail(input: &mut Input<'_>, part: Box, found: &mut Found) {
    let Some(data) = first(&boxes(input, part.body, part.end), b"CNDA") else { return };
    let bytes = input.up_to(data.body, data.size().min(64 << 10));
    let Some(at) = crate::block::find(&bytes, b"Exif\0\0") else { return };
    let start = data.body + at as u64 + 6;
    let mut block = Part::new(input, start, (data.end - start).min(LARGEST_BLOCK as u64));
    if let Some(exif) = exif::read(&mut block) {
        found.take_parts(exif);
    }
}

/// Sony's XAVC files carry an XML page with the date in its own zone, and the camera.
fn sony(input: &mut Input<'_>, meta: Box, found: &mut Found) {
    let inside = boxes(input, meta.body + 4, meta.end);
    let Some(page) = first(&inside, b"xml ") else { return };
    let bytes = input.up_to(page.body + 4, page.size().saturating_sub(4).min(1 << 20));
    let words = String::from_utf8_lossy(&bytes);
    let value = |element: &str, attribute: &str| {
        let inside = words.split(element).nth(1)?.split('>').next()?;
        text::clean(inside.split(&format!("{attribute}=\"")).nth(1)?.split('"').next()?)
    };
    let said = &mut found.container;
    if let Some(date) = value("<CreationDate", "value") {
        said.original = said.moment("CreationDate", &date).or(said.original);
    }
    said.make = said.make.take().or_else(|| value("<Device", "manufacturer"));
    said.model = said.model.take().or_else(|| value("<Device", "modelName"));
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use library::Metadata;

    use super::*;

    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    /// What is read from a movie whose index holds these boxes.
    fn movie_of(parts: &[Vec<u8>]) -> Metadata {
        let file = [atom(b"ftyp", b"isom\0\0\0\0isom"), atom(b"moov", &parts.concat())].concat();
        crate::read(&mut Cursor::new(file), "a.mp4", &[]).unwrap()
    }

    /// iTunes' list of texts.
    fn item_list(items: &[(&[u8; 4], &str)]) -> Vec<u8> {
        let item = |(name, words): &(&[u8; 4], &str)| {
            atom(name, &atom(b"data", &[b"\0\0\0\x01\0\0\0\0", words.as_bytes()].concat()))
        };
        let list = atom(b"ilst", &items.iter().flat_map(item).collect::<Vec<u8>>());
        atom(b"udta", &atom(b"meta", &[vec![0; 4], list].concat()))
    }

    #[test]
    fn the_user_data_s_date_is_when_it_was_recorded() {
        let date = atom(b"udta", &atom(b"date", b"2020-04-05T06:07:08+0200"));
        let taken = movie_of(&[date]).taken.unwrap();
        assert_eq!(taken.local.to_string(), "2020-04-05T06:07:08");
        assert_eq!(taken.zone.unwrap().offset.seconds(), 7200);
    }

    #[test]
    fn the_camera_of_a_compact_s_video() {
        let camera = |model: &[u8]| {
            let mut tags = b"NIKON DIGITAL CAMERA\0\0\0\0".to_vec();
            tags.extend(model);
            tags.resize(120, 0);
            movie_of(&[atom(b"udta", &atom(b"TAGS", &tags))]).camera
        };
        let named = camera(b"E7900\0\0\0\x01\0");
        assert_eq!(named.make.as_deref(), Some("NIKON DIGITAL CAMERA"));
        assert_eq!(named.model.as_deref(), Some("E7900"));
        assert_eq!(camera(b"\x01\0\x0A\0").model, None);
    }

    #[test]
    fn a_clock_at_zero_matters_only_where_there_is_no_other_date() {
        let unset =
            |read: &Metadata| read.warnings.iter().any(|words| words.contains("creation time is zero"));
        let clock = atom(b"mvhd", &[0; 100]);
        assert!(unset(&movie_of(std::slice::from_ref(&clock))));
        let date = atom(b"udta", &atom(b"date", b"2020-04-05T06:07:08+0200"));
        assert!(!unset(&movie_of(&[clock, date])));
    }

    #[test]
    fn a_comment_stands_in_only_where_there_is_no_description() {
        let both = movie_of(&[item_list(&[(b"\xA9cmt", "shaky"), (b"desc", "The harbour")])]);
        assert_eq!(both.description.as_deref(), Some("The harbour"));
        let alone = movie_of(&[item_list(&[(b"\xA9cmt", "shaky")])]);
        assert_eq!(alone.description.as_deref(), Some("shaky"));
    }

    #[test]
    fn places_in_words() {
        let at = |words: &str| {
            let mut said = Said::default();
            place(words, &mut said);
            said.gps.map(|gps| (format!("{:.4} {:.4}", gps.lat, gps.lon), gps.altitude))
        };
        assert_eq!(at("+37.7749-122.4194+010.500/"), Some(("37.7749 -122.4194".to_owned(), Some(10.5))));
        assert_eq!(at("-33.8688+151.2093/"), Some(("-33.8688 151.2093".to_owned(), None)));
        assert_eq!(at("+3746.494-12225.164/"), Some(("37.7749 -122.4194".to_owned(), None)));
        assert_eq!(at("+374629.64-1222509.84/"), Some(("37.7749 -122.4194".to_owned(), None)));
        assert_eq!(at("+00.0000+000.0000/"), None);
        assert_eq!(at("somewhere"), None);
    }
}
