//! EXIF: the camera's own account, in TIFF directories. Also what raw files, which are such directories, say.

mod gps;
mod maker;

use library::metadata::{Orientation, PixelSize};

use crate::block::{Block, LARGEST_BLOCK};
use crate::moment::{self, Moment, parse_subseconds};
use crate::said::Said;
use crate::text;
use crate::tiff::{Directory, Entry, Tiff};

/// What an EXIF block or TIFF file holds: its own fields, and the other blocks it carries.
#[derive(Default, Debug)]
pub(crate) struct Exif {
    pub(crate) said: Said,
    /// The XMP packet, in TIFF files.
    pub(crate) xmp: Option<Vec<u8>>,
    /// IPTC records, in TIFF files.
    pub(crate) iptc: Option<Vec<u8>>,
    /// Photoshop's resources, in TIFF files.
    pub(crate) photoshop: Option<Vec<u8>>,
    /// The size of the picture in the directories: of the file when it is a TIFF, of nothing when it is an EXIF block.
    pub(crate) picture_size: Option<PixelSize>,
}

/// Reads a whole structure, from its `II` or `MM` on. `None` when it does not begin like one.
pub(crate) fn read(block: &mut dyn Block) -> Option<Exif> {
    let (mut tiff, first) = Tiff::open(block)?;
    let mut exif = Exif::default();
    let Some(main) = tiff.directory(first) else {
        exif.said.warnings.push("the EXIF block is damaged".to_owned());
        return Some(exif);
    };
    main_fields(&mut tiff, &main, &mut exif);
    let mut sub = SubSeconds::default();
    // Raw files in the older TIFF/EP style keep the exposure fields in the main directory.
    exposure_fields(&mut tiff, &main, &mut exif.said, &mut sub);
    if let Some(at) = pointer(&mut tiff, &main, 0x8769)
        && let Some(camera) = tiff.directory(at)
    {
        exposure_fields(&mut tiff, &camera, &mut exif.said, &mut sub);
        if exif.said.rating.is_none()
            && let Some(stars) = camera.get(0x4746).and_then(|entry| tiff.number(entry))
        {
            exif.said.stars(stars);
        }
        if let Some(note) = camera.get(0x927c) {
            maker::read(&mut tiff, note, &mut exif.said);
        }
    }
    sub.apply(&mut exif.said);
    if let Some(at) = pointer(&mut tiff, &main, 0x8825)
        && let Some(directory) = tiff.directory(at)
    {
        gps::read(&mut tiff, &directory, &mut exif.said);
    }
    exif.picture_size = picture_size(&mut tiff, &main);
    if exif.said.model.is_none() {
        // A DNG converted from a raw file without one.
        exif.said.model = main.get(0xc614).and_then(|entry| tiff.text(entry));
    }
    Some(exif)
}

/// Reads a lone EXIF directory structure (the camera or GPS one), as CR3 files box them.
pub(crate) fn read_camera_directory(block: &mut dyn Block, said: &mut Said) -> Option<()> {
    let (mut tiff, first) = Tiff::open(block)?;
    let directory = tiff.directory(first)?;
    let mut sub = SubSeconds::default();
    exposure_fields(&mut tiff, &directory, said, &mut sub);
    sub.apply(said);
    Some(())
}

/// Reads a lone GPS directory structure.
pub(crate) fn read_gps_directory(block: &mut dyn Block, said: &mut Said) -> Option<()> {
    let (mut tiff, first) = Tiff::open(block)?;
    let directory = tiff.directory(first)?;
    gps::read(&mut tiff, &directory, said);
    Some(())
}

fn pointer(tiff: &mut Tiff<'_>, directory: &Directory, tag: u16) -> Option<u64> {
    let entry = directory.get(tag)?;
    tiff.pointers(entry, 1).first().copied()
}

fn main_fields(tiff: &mut Tiff<'_>, main: &Directory, exif: &mut Exif) {
    let said = &mut exif.said;
    for entry in &main.entries {
        let entry = *entry;
        match entry.tag {
            0x010e => said.description = tiff.text(entry).filter(|text| !is_filler(text)),
            0x010f => said.make = tiff.text(entry),
            0x0110 => said.model = tiff.text(entry),
            0x0112 => {
                let value = tiff.integer(entry).and_then(|value| u32::try_from(value).ok());
                said.orientation = value.and_then(Orientation::from_exif);
                if let Some(value) = value.filter(|value| !(0..=8).contains(value)) {
                    said.warnings.push(format!("the EXIF orientation {value} does not exist"));
                }
            }
            0x02bc => exif.xmp = tiff.raw(entry, LARGEST_BLOCK as u64),
            0x83bb => exif.iptc = tiff.raw(entry, 1 << 20),
            0x8649 => exif.photoshop = tiff.raw(entry, 16 << 20),
            0x4746 => {
                if let Some(stars) = tiff.number(entry) {
                    said.stars(stars);
                }
            }
            0x4749 if said.rating.is_none() && main.get(0x4746).is_none() => {
                if let Some(stars) = tiff.number(entry).and_then(stars_of_percent) {
                    said.stars(stars);
                }
            }
            0x9c9e => {
                let words = tiff.raw(entry, 64 << 10).and_then(|raw| text::utf16(&raw, false));
                said.flat_tags.extend(words.iter().flat_map(|words| words.split(';')).map(str::to_owned));
            }
            _ => {}
        }
    }
    // Windows writes what a person typed beside the standard tag: the comment, or the title, or the subject.
    for tag in [0x9c9c, 0x9c9b, 0x9c9f] {
        let Some(entry) = main.get(tag) else { continue };
        said.comment = tiff.raw(entry, 64 << 10).and_then(|raw| text::utf16(&raw, false));
        if said.comment.is_some() {
            break;
        }
    }
}

/// What cameras write where a caption belongs. Nobody's words, and they would stand under every photo.
fn is_filler(description: &str) -> bool {
    // A maker's one word in front, all in capitals: people who photograph cameras write otherwise.
    let by_maker = description.ends_with("DIGITAL CAMERA")
        && description.split_whitespace().count() <= 3
        && !description.contains(char::is_lowercase);
    by_maker
        || matches!(
            description,
            "KONICA MINOLTA DIGITAL CAMERA" | "SONY DSC" | "MINOLTA DSC" | "DCIM" | "DSC" | "Default"
        )
}

/// Microsoft's percentages: 1, 25, 50, 75, 99 for one to five stars.
///
/// Nothing for zero: Windows and cameras write it where nobody rated, beside what somebody else did.
pub(crate) fn stars_of_percent(percent: f64) -> Option<f64> {
    Some(match percent {
        0.0 => return None,
        percent if percent < 0.0 => percent,
        percent if percent < 13.0 => 1.0,
        percent if percent < 38.0 => 2.0,
        percent if percent < 63.0 => 3.0,
        percent if percent < 88.0 => 4.0,
        percent if percent <= 100.0 => 5.0,
        beyond => beyond,
    })
}

/// EXIF keeps a date's fraction and zone in tags of their own, before or after the date.
#[derive(Default)]
struct SubSeconds {
    original: Option<i32>,
    digitized: Option<i32>,
    original_zone: Option<jiff::tz::Offset>,
    digitized_zone: Option<jiff::tz::Offset>,
    any_zone: Option<jiff::tz::Offset>,
}

impl SubSeconds {
    fn apply(&self, said: &mut Said) {
        let complete = |moment: &mut Moment, nanos: Option<i32>, zone| {
            if moment.local.subsec_nanosecond() == 0
                && let Some(nanos) = nanos
                && let Ok(local) = moment.local.with().subsec_nanosecond(nanos).build()
            {
                moment.local = local;
            }
            moment.offset = moment.offset.or(zone).or(self.any_zone);
        };
        if let Some(moment) = &mut said.original {
            complete(moment, self.original, self.original_zone.or(self.digitized_zone));
        }
        if let Some(moment) = &mut said.digitized {
            complete(moment, self.digitized, self.digitized_zone.or(self.original_zone));
        }
    }
}

fn exposure_fields(tiff: &mut Tiff<'_>, directory: &Directory, said: &mut Said, sub: &mut SubSeconds) {
    for entry in &directory.entries {
        let entry = *entry;
        match entry.tag {
            0x9003 => {
                let text = tiff.raw(entry, 64).and_then(|raw| text::guess(&raw)).unwrap_or_default();
                said.original = said.moment("DateTimeOriginal", &text).or(said.original);
            }
            0x9004 => {
                let text = tiff.raw(entry, 64).and_then(|raw| text::guess(&raw)).unwrap_or_default();
                said.digitized = said.moment("DateTimeDigitized", &text).or(said.digitized);
            }
            0x9010 => sub.any_zone = offset(tiff, entry),
            0x9011 => sub.original_zone = offset(tiff, entry),
            0x9012 => sub.digitized_zone = offset(tiff, entry),
            0x9291 => sub.original = tiff.text(entry).as_deref().and_then(parse_subseconds),
            0x9292 => sub.digitized = tiff.text(entry).as_deref().and_then(parse_subseconds),
            0x829a => said.exposure.exposure_s = positive(tiff, entry),
            0x829d => said.exposure.f_number = positive(tiff, entry),
            0x920a => said.exposure.focal_mm = positive(tiff, entry),
            // 65535 means "more than the field holds", the real value is in a younger tag.
            0x8827 => {
                let iso = tiff.integer(entry).filter(|iso| (1..65_535).contains(iso));
                said.exposure.iso = iso.and_then(|iso| u32::try_from(iso).ok()).or(said.exposure.iso);
            }
            0x8831..=0x8833 if said.exposure.iso.is_none() => {
                said.exposure.iso = tiff.integer(entry).and_then(|iso| u32::try_from(iso).ok());
            }
            0xa434 => said.lens = tiff.text(entry).filter(|lens| lens.chars().any(char::is_alphanumeric)),
            0xa002 | 0xa003 => {
                let side = tiff.integer(entry).and_then(|side| u32::try_from(side).ok()).unwrap_or(0);
                let size = said.size.get_or_insert(PixelSize { width: 0, height: 0 });
                if entry.tag == 0xa002 {
                    size.width = side;
                } else {
                    size.height = side;
                }
            }
            _ => {}
        }
    }
    said.size = said.size.filter(|size| size.width > 0 && size.height > 0);
}

fn offset(tiff: &mut Tiff<'_>, entry: Entry) -> Option<jiff::tz::Offset> {
    moment::parse_offset(&tiff.text(entry)?)
}

fn positive(tiff: &mut Tiff<'_>, entry: Entry) -> Option<f64> {
    tiff.number(entry).filter(|number| *number > 0.0)
}

/// The size of the picture a TIFF file is about: the full-size one among the main directory and those below it.
fn picture_size(tiff: &mut Tiff<'_>, main: &Directory) -> Option<PixelSize> {
    const REDUCED: u64 = 1;
    let mut directories = Vec::new();
    if let Some(entry) = main.get(0x014a) {
        for at in tiff.pointers(entry, 16) {
            directories.extend(tiff.directory(at));
        }
    }
    // A main directory without a picture: the first of the following ones that has any.
    let mut next = main.next.filter(|_| main.get(0x0100).is_none() && directories.is_empty());
    while let Some(directory) = next.and_then(|at| tiff.directory(at)) {
        next = directory.next;
        directories.push(directory);
    }
    let mut found: Vec<(bool, PixelSize)> = Vec::new();
    for directory in std::iter::once(main).chain(&directories) {
        let side = |tiff: &mut Tiff<'_>, tag| {
            directory.get(tag).and_then(|entry| tiff.integer(entry)).and_then(|side| u32::try_from(side).ok())
        };
        let reduced = directory
            .get(0x00fe)
            .and_then(|entry| tiff.integer(entry))
            .is_some_and(|kind| kind & REDUCED != 0);
        if let (Some(width @ 1..), Some(height @ 1..)) = (side(tiff, 0x0100), side(tiff, 0x0101)) {
            found.push((!reduced, PixelSize { width, height }));
        }
    }
    found
        .into_iter()
        .rev()
        .max_by_key(|(full, size)| (*full, u64::from(size.width) * u64::from(size.height)))
        .map(|(_, size)| size)
        .or_else(|| panasonic_size(tiff, main))
}

/// Panasonic's raw files give the borders of the visible picture on the sensor.
fn panasonic_size(tiff: &mut Tiff<'_>, main: &Directory) -> Option<PixelSize> {
    let mut border = |tag| {
        let entry = main.get(tag)?;
        tiff.integer(entry).and_then(|at| u32::try_from(at).ok())
    };
    let (top, left, bottom, right) = (border(4)?, border(5)?, border(6)?, border(7)?);
    let size = PixelSize { width: right.checked_sub(left)?, height: bottom.checked_sub(top)? };
    (size.width > 0 && size.height > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use library::metadata::Rating;

    use super::*;
    use crate::said::Verdict;

    /// A little-endian directory of tags with numbers of 32 bits.
    fn directory(entries: &[(u16, u32)]) -> Vec<u8> {
        let mut out = (entries.len() as u16).to_le_bytes().to_vec();
        for (tag, number) in entries {
            out.extend(tag.to_le_bytes());
            out.extend([4, 0, 1, 0, 0, 0]);
            out.extend(number.to_le_bytes());
        }
        out.extend([0; 4]);
        out
    }

    /// What a block says whose main directory has these tags, and its camera directory those.
    fn said(main: &[(u16, u32)], camera: &[(u16, u32)]) -> Said {
        let camera_at = 8 + 2 + 12 * (main.len() as u32 + 1) + 4;
        let main = [&[(0x8769, camera_at)], main].concat();
        let block = [b"II*\0\x08\0\0\0".to_vec(), directory(&main), directory(camera)].concat();
        read(&mut block.as_slice()).unwrap().said
    }

    #[test]
    fn only_what_cameras_write_is_filler() {
        for words in ["OLYMPUS DIGITAL CAMERA", "KONICA MINOLTA DIGITAL CAMERA", "DIGITAL CAMERA", "SONY DSC"]
        {
            assert!(is_filler(words), "{words}");
        }
        for words in ["Grandpa with his first DIGITAL CAMERA", "My DIGITAL CAMERA", "Digital camera"] {
            assert!(!is_filler(words), "{words}");
        }
    }

    #[test]
    fn no_percent_of_stars_are_none_given() {
        let stars =
            |percent| said(&[(0x4749, percent)], &[]).rating.and_then(Verdict::stars).map(Rating::stars);
        assert_eq!(stars(75), Some(4));
        assert_eq!(stars(0), None);
    }

    #[test]
    fn stars_in_the_camera_s_directory_count_where_the_main_one_has_none() {
        let stars = |main: &[(u16, u32)], camera: &[(u16, u32)]| {
            said(main, camera).rating.and_then(Verdict::stars).map(Rating::stars)
        };
        assert_eq!(stars(&[], &[(0x4746, 4)]), Some(4));
        assert_eq!(stars(&[(0x4746, 2)], &[(0x4746, 4)]), Some(2));
    }

    #[test]
    fn a_speed_beyond_the_old_field_stands_in_a_younger_one() {
        let iso = |camera: &[(u16, u32)]| said(&[], camera).exposure.iso;
        assert_eq!(iso(&[(0x8827, 65_535), (0x8833, 102_400)]), Some(102_400));
        assert_eq!(iso(&[(0x8827, 400), (0x8833, 102_400)]), Some(400));
    }
}
