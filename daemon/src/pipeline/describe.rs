//! From an open file to metadata: the door to `media`, which a bad file must not slam on us.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use library::{Digests, FilePath, Format, Kind, Metadata, SidecarSeen};
use media::Source;

use super::names::{Names, promised};

/// How much of a name is compared to find candidates: Takeout cuts names at 46 characters, here and there one earlier.
const KEY: usize = 40;

/// A sidecar's bytes, as they are merged into its photo.
#[derive(Debug, Clone)]
pub struct SidecarFile {
    /// What is remembered of it.
    pub seen: SidecarSeen,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reads metadata. A trait, so that tests can have a reader that panics or hangs.
pub trait Describe: Send + Sync + 'static {
    /// What a photo or video and its sidecars say; an error in words that help when it is neither.
    fn describe(
        &self,
        source: &mut dyn Source,
        name: &[u8],
        sidecars: &[SidecarFile],
    ) -> Result<Metadata, String>;

    /// What of the bytes of a photo's sidecar is to be read: all that others gave it.
    fn as_given(&self, photo: &Digests, sidecar: &FilePath, bytes: Vec<u8>) -> Vec<u8> {
        let _ = (photo, sidecar);
        bytes
    }
}

/// The real one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Media;

impl Describe for Media {
    fn describe(
        &self,
        source: &mut dyn Source,
        name: &[u8],
        sidecars: &[SidecarFile],
    ) -> Result<Metadata, String> {
        let sidecars: Vec<media::SidecarBytes> = sidecars
            .iter()
            .map(|file| media::SidecarBytes {
                file_name: text(&file.seen.name).into_owned(),
                bytes: file.bytes.clone(),
            })
            .collect();
        media::read(source, &text(name), &sidecars).map_err(|error| format!("the file {error}"))
    }
}

/// Runs a reader of foreign bytes: a panic in it is an unreadable file, not the end of the thread.
pub fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(message, "reading a file's metadata panicked");
        Err("its metadata could not be read: galleryfs stumbled over it (please report it)".into())
    })
}

/// The names of the sidecars that describe `photo`, in the order in which they are merged.
pub fn sidecars_of(photo: &[u8], names: &Names) -> Vec<Box<[u8]>> {
    matched(photo, &[names.sidecars()], media::sidecar::of_photo)
}

/// The names of the photos that `sidecar` describes, best first.
pub fn photos_of(sidecar: &[u8], names: &Names) -> Vec<Box<[u8]>> {
    matched(sidecar, &[names.media(), names.sidecars()], media::sidecar::photos_of)
}

/// The names that may have to be looked at again because `name` came, changed or went: sidecars for a photo; for a
/// sidecar, photos and the sidecars that rival it. More than needed rather than fewer.
pub fn related(name: &[u8], names: &Names) -> Vec<Box<[u8]>> {
    let key = key(name);
    let sidecars = beginning_with(names.sidecars(), key);
    let is_sidecar = promised(name).map(Format::kind) == Some(Kind::Sidecar);
    let media = if is_sidecar { beginning_with(names.media(), key) } else { &[] };
    sidecars.iter().chain(media).filter(|other| ***other != *name).cloned().collect()
}

/// Asks `media` about a name, showing it only the few names that begin alike: a folder of 10,000 photos would
/// otherwise be compared with itself.
fn matched(
    name: &[u8],
    sorted: &[&[Box<[u8]>]],
    ask: impl for<'a> Fn(&str, &'a [&'a str]) -> Vec<&'a str>,
) -> Vec<Box<[u8]>> {
    let key = key(name);
    let candidates: Vec<&Box<[u8]>> = sorted.iter().flat_map(|names| beginning_with(names, key)).collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    let texts: Vec<Cow<'_, str>> = candidates.iter().map(|name| text(name)).collect();
    let shown: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    ask(&text(name), &shown)
        .into_iter()
        .filter_map(|answer| shown.iter().position(|shown| *shown == answer))
        .map(|at| candidates[at].clone())
        .collect()
}

fn beginning_with<'a>(sorted: &'a [Box<[u8]>], key: &[u8]) -> &'a [Box<[u8]>] {
    let from = sorted.partition_point(|name| **name < *key);
    let rest = &sorted[from..];
    &rest[..rest.partition_point(|name| name.starts_with(key))]
}

/// What the names of a photo and its sidecars have in common: the beginning, up to an extension, a number in
/// brackets, or a word that marks an edited version.
pub fn key(name: &[u8]) -> &[u8] {
    let end = name.iter().position(|byte| matches!(byte, b'.' | b'(')).unwrap_or(name.len());
    let mut key = &name[..end];
    if let Some(dash) = key.iter().rposition(|byte| *byte == b'-')
        && !key[dash..].iter().any(u8::is_ascii_digit)
    {
        key = &key[..dash];
    }
    &key[..key.len().min(KEY)]
}

/// A name as text. Names that are no UTF-8 are read byte by byte, so that different names stay different.
fn text(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(name.iter().map(|byte| char::from(*byte)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::changes::Moment;

    #[test]
    fn showing_only_candidates_changes_no_answer() {
        let long = "a".repeat(60);
        let all: Vec<String> = [
            "IMG.jpg",
            "IMG(1).jpg",
            "IMG-edited.jpg",
            "IMG-edited(1).jpg",
            "IMG-bearbeitet.jpg",
            "IMG.jpg.json",
            "IMG.jpg(1).json",
            "IMG(1).jpg.json",
            "IMG.xmp",
            "IMG.jpg.xmp",
            "IMG(1).xmp",
            "IMG.MOV",
            "IMG.mov.xmp",
            "IMG.heic",
            "IMG.heic.supplemental-metadata.json",
            "IMG.jpg.supplemental-metadata(1).json",
            "a.b.jpg",
            "a.b.xmp",
            "a.b.jpg.json",
            "a.xmp",
            "DSC-0001.jpg",
            "DSC-0001.jpg.json",
            "DSC-0002.xmp",
            "DSC.xmp",
            "metadata.json",
            "(1).jpg",
            "(1).jpg.json",
            "-edited.jpg",
        ]
        .into_iter()
        .map(String::from)
        .chain([
            format!("{long}.jpg"),
            format!("{}.json", &long[..46]),
            format!("{}.jpg", &long[..47]),
            format!("{}-edited.jpg", &long[..40]),
            format!("{}.jpg.json", &long[..40]),
            format!("{}.jpg.supplem.json", &long[..42]),
        ])
        .collect();
        let names = Names::new(all.iter().map(|name| name.as_bytes().into()), Moment::default());
        let shown: Vec<&str> = names
            .media()
            .iter()
            .chain(names.sidecars())
            .map(|name| std::str::from_utf8(name).unwrap())
            .collect();
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        let strings = |names: Vec<Box<[u8]>>| {
            names.into_iter().map(|name| String::from_utf8(name.into()).unwrap()).collect::<Vec<_>>()
        };
        for photo in names.media() {
            let photo = std::str::from_utf8(photo).unwrap();
            let whole: Vec<String> =
                media::sidecar::of_photo(photo, &shown).into_iter().map(String::from).collect();
            assert_eq!(strings(sidecars_of(photo.as_bytes(), &names)), whole, "{photo}");
        }
        for sidecar in names.sidecars() {
            let sidecar = std::str::from_utf8(sidecar).unwrap();
            let whole = media::sidecar::photos_of(sidecar, &shown).into_iter().map(String::from).collect();
            assert_eq!(sorted(strings(photos_of(sidecar.as_bytes(), &names))), sorted(whole), "{sidecar}");
        }
    }

    #[test]
    fn names_that_are_no_text_find_their_sidecars() {
        let names = Names::new(
            [b"\xff\n.jpg".as_slice(), b"\xff\n.jpg.xmp", b"\xfe\n.jpg.xmp"].map(Into::into),
            Moment::default(),
        );
        assert_eq!(sidecars_of(b"\xff\n.jpg", &names), [b"\xff\n.jpg.xmp".as_slice().into()]);
        assert_eq!(photos_of(b"\xfe\n.jpg.xmp", &names), Vec::<Box<[u8]>>::new());
    }

    #[test]
    fn a_panic_is_a_reason() {
        let result: Result<(), String> = guarded(|| panic!("boom"));
        assert!(result.unwrap_err().contains("stumbled"));
    }
}
