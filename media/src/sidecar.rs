//! Which files of a folder describe which others, by name alone.
//!
//! What makes it hard:
//!
//! 1. XMP sidecars come as `name.ext.xmp` and as `name.xmp`; the second may mean several photos of one stem.
//! 2. Google Takeout names its JSON after the photo's title, then cuts at 46 characters, wherever that falls: within
//!    `.supplemental-metadata`, within the extension, within the name.
//! 3. The number of a second photo of one name moves: `IMG(1).jpg` is described by `IMG.jpg(1).json`.
//! 4. Edited versions (`IMG-edited.jpg`, in the language of the account) and videos of live photos have no JSON of their
//!    own and share that of their original, but only then.

use library::{Format, Kind};

pub use crate::xmp::writing;

/// Where Takeout cuts the names of its JSON files, `.json` not counted.
const CUT: usize = 46;

/// What Takeout puts between the name and `.json` since 2024.
const SUPPLEMENT: &str = ".supplemental-metadata";

/// What Google Photos appends to the names of edited versions, by language of the account.
const EDITED: &[&str] = &[
    "-edited",
    "-bearbeitet",
    "-modifié",
    "-editado",
    "-editada",
    "-modificato",
    "-bewerkt",
    "-redigerad",
    "-redigeret",
    "-redigert",
    "-edytowane",
    "-edytowany",
    "-muokattu",
    "-upraveno",
    "-upravené",
    "-szerkesztve",
    "-editat",
    "-düzenlendi",
    "-изменено",
    "-измененный",
    "-змінено",
    "-編集済み",
    "-已修改",
    "-已编辑",
    "-編輯過",
    "-수정됨",
    "-đã chỉnh sửa",
    "-diedit",
];

/// How sure the names make it, surest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fit {
    /// `IMG.jpg.xmp`.
    FullXmp,
    /// `IMG.xmp`.
    StemXmp,
    /// `IMG.jpg.json`, its supplemental form, and their numbered forms.
    Json,
    /// The same, cut at 46 characters.
    CutJson,
    /// The JSON of the photo this one was edited from, or whose video it is.
    Borrowed,
}

/// The sidecars of `photo` among the files `dir` of its folder, best first.
pub fn of_photo<'a>(photo: &str, dir: &'a [&str]) -> Vec<&'a str> {
    let mut found: Vec<(Fit, &'a str)> =
        dir.iter().filter_map(|name| fit(photo, name).map(|fit| (fit, *name))).collect();
    found.sort_unstable();
    // A weaker fit among the JSON files belongs to another photo when a stronger one is there.
    let best_json = found.iter().map(|(fit, _)| *fit).find(|fit| *fit >= Fit::Json);
    found.retain(|(fit, _)| *fit < Fit::Json || Some(*fit) == best_json);
    found.into_iter().map(|(_, name)| name).collect()
}

/// The photos and videos among the files `dir` that `sidecar` describes, in the order of `dir`.
pub fn photos_of<'a>(sidecar: &str, dir: &'a [&str]) -> Vec<&'a str> {
    let describes = |name: &str| match fit(name, sidecar) {
        None => false,
        Some(Fit::FullXmp | Fit::StemXmp | Fit::Json) => true,
        Some(weak) => {
            dir.iter().all(|other| !fit(name, other).is_some_and(|own| (Fit::Json..weak).contains(&own)))
        }
    };
    dir.iter().copied().filter(|name| describes(name)).collect()
}

/// Whether a name is one that sidecars have. A JSON file counts only when it is named after a picture or video.
pub fn is_sidecar_name(name: &str) -> bool {
    let Some((stem, extension)) = split(name) else { return false };
    if extension.eq_ignore_ascii_case("xmp") {
        return true;
    }
    if !extension.eq_ignore_ascii_case("json") {
        return false;
    }
    let (stem, _) = number(stem);
    if stem.chars().count() >= CUT {
        return true;
    }
    let named = stem.rfind('.').and_then(|dot| {
        let tail = stem.get(dot..)?;
        // ".jpg", or the supplement's beginning behind it.
        let before = if SUPPLEMENT.starts_with(tail) && tail.len() > 1 {
            split(stem.get(..dot)?)?.1
        } else {
            tail.get(1..)?
        };
        media_kind(before)
    });
    named.is_some()
}

/// Whether a sidecar is JSON, not XMP.
pub(crate) fn is_json(name: &str) -> bool {
    split(name).is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

fn fit(photo: &str, sidecar: &str) -> Option<Fit> {
    let (stem, extension) = split(photo)?;
    // Google's bare ".MP" is the video of a motion photo.
    if media_kind(extension).is_none() && !extension.eq_ignore_ascii_case("mp") {
        return None;
    }
    let (described, kind) = split(sidecar)?;
    if kind.eq_ignore_ascii_case("xmp") {
        return if same_file(described, photo) {
            Some(Fit::FullXmp)
        } else {
            (described == stem).then_some(Fit::StemXmp)
        };
    }
    kind.eq_ignore_ascii_case("json").then_some(())?;
    json_fit(described, photo).or_else(|| borrowed(described, stem, extension))
}

fn json_fit(described: &str, photo: &str) -> Option<Fit> {
    if let Some(fit) = plain_json_fit(described, photo) {
        return Some(fit);
    }
    // The number stands behind the stem in one name and at the very end in the other.
    let (stem, extension) = split(photo)?;
    let (bare_stem, photo_number) = number(stem);
    let (bare_described, json_number) = number(described);
    (photo_number.is_some() && photo_number == json_number).then_some(())?;
    plain_json_fit(bare_described, &format!("{bare_stem}.{extension}"))
}

fn plain_json_fit(described: &str, photo: &str) -> Option<Fit> {
    if same_file(described, photo) {
        return Some(Fit::Json);
    }
    // Behind the whole name some beginning of the supplement.
    if let Some(rest) = described.get(photo.len()..)
        && described.get(..photo.len()).is_some_and(|start| same_file(start, photo))
        && rest.len() > 1
        && SUPPLEMENT.starts_with(rest)
    {
        return Some(Fit::Json);
    }
    let length = described.chars().count();
    // Cut inside the name or its extension; one character less where the cut would have split one.
    ((CUT - 1..=CUT).contains(&length) && photo.starts_with(described)).then_some(Fit::CutJson)
}

/// The JSON of the original of an edited photo, or of the still of a live photo's video.
fn borrowed(described: &str, stem: &str, extension: &str) -> Option<Fit> {
    let (bare, photo_number) = number(stem);
    for original in originals(bare) {
        let original = match photo_number {
            Some(number) => format!("{original}({number})"),
            None => original.to_owned(),
        };
        if let Some(Fit::Json | Fit::CutJson) = json_fit(described, &format!("{original}.{extension}")) {
            return Some(Fit::Borrowed);
        }
    }
    let video = extension.eq_ignore_ascii_case("mp") || media_kind(extension) == Some(Kind::Video);
    video.then_some(())?;
    let whole = format!("{stem}.{extension}");
    let still_of = |extension: &str| {
        [format!("{stem}.{extension}"), format!("{whole}.{extension}")]
            .iter()
            .any(|still| json_fit(described, still) == Some(Fit::Json))
    };
    ["heic", "HEIC", "jpg", "JPG", "jpeg", "JPEG", "png", "PNG"]
        .into_iter()
        .any(still_of)
        .then_some(Fit::Borrowed)
}

/// What an edited photo may have been called before. Names of photos are cut a character later than those of JSON files,
/// and the suffix may be what is cut.
fn originals(edited: &str) -> Vec<&str> {
    let cut = (CUT..=CUT + 1).contains(&edited.chars().count());
    let mut found = Vec::new();
    for suffix in EDITED {
        // Of a suffix that is cut the dash and a letter at least: less may end any name.
        let ends = suffix.char_indices().skip(2).map(|(end, _)| end).filter(|_| cut);
        for end in ends.chain([suffix.len()]) {
            found.extend(suffix.get(..end).and_then(|suffix| edited.strip_suffix(suffix)));
        }
    }
    found
}

/// Names are the same when only the case of the extension differs.
fn same_file(one: &str, other: &str) -> bool {
    match (split(one), split(other)) {
        (Some((a, x)), Some((b, y))) => a == b && x.eq_ignore_ascii_case(y),
        _ => one == other,
    }
}

fn split(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())
}

fn media_kind(extension: &str) -> Option<Kind> {
    Format::from_extension(extension).map(Format::kind).filter(|kind| *kind != Kind::Sidecar)
}

/// `IMG(1)` is `IMG` and 1.
fn number(stem: &str) -> (&str, Option<u32>) {
    let parse = || {
        let (bare, rest) = stem.strip_suffix(')')?.rsplit_once('(')?;
        Some((bare, rest.parse::<u32>().ok()?))
    };
    parse().map_or((stem, None), |(bare, number)| (bare, Some(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_in_both_spellings_the_longer_first() {
        let dir = ["a.xmp", "a.jpg", "a.JPG.XMP", "b.xmp", "ab.jpg.xmp", "a.jpg.json"];
        assert_eq!(of_photo("a.jpg", &dir), ["a.JPG.XMP", "a.xmp", "a.jpg.json"]);
        assert_eq!(photos_of("a.xmp", &["a.jpg", "a.CR2", "b.jpg", "a.txt", "a.xmp"]), ["a.jpg", "a.CR2"]);
    }

    #[test]
    fn numbers_move() {
        let dir = [
            "DSC_0238_1.JPG",
            "DSC_0238.JPG(1).json",
            "DSC_0238_1.JPG.json",
            "DSC_0238(1).JPG",
            "DSC_0238.JPG.json",
            "DSC_0238.JPG",
        ];
        assert_eq!(of_photo("DSC_0238.JPG", &dir), ["DSC_0238.JPG.json"]);
        assert_eq!(of_photo("DSC_0238(1).JPG", &dir), ["DSC_0238.JPG(1).json"]);
        assert_eq!(of_photo("DSC_0238_1.JPG", &dir), ["DSC_0238_1.JPG.json"]);
        assert_eq!(photos_of("DSC_0238.JPG(1).json", &dir), ["DSC_0238(1).JPG"]);
        let new = ["IMG.jpg.supplemental-metadata(2).json", "IMG.jpg.supplemental-metadata.json"];
        assert_eq!(of_photo("IMG(2).jpg", &new), [new[0]]);
        assert_eq!(of_photo("IMG.jpg", &new), [new[1]]);
    }

    #[test]
    fn cut_names() {
        let photo = "PinClipart.com_gopher-clipart_4000227_and_more_words.jpg";
        let cut: String = photo.chars().take(46).collect();
        let json = format!("{cut}.json");
        assert_eq!(of_photo(photo, &[json.as_str()]), [json.as_str()]);
        for end in [".s", ".supp", ".supplemental-metad", ".supplemental-metadata"] {
            let json = format!("PXL_20231006_063121958.jpg{end}.json");
            assert_eq!(of_photo("PXL_20231006_063121958.jpg", &[json.as_str()]).len(), 1, "{json}");
        }
        // Photos are cut too, but a character later.
        let both = ["original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.json"];
        assert_eq!(of_photo("original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P.jpg", &both).len(), 1);
        assert!(of_photo("IMG_1.jpg", &["IMG.json", "IMG_1.json", "IMG_10.jpg.json"]).is_empty());
    }

    #[test]
    fn edited_versions_and_live_videos_borrow() {
        let dir = ["IMG_1.HEIC.json", "IMG_1.HEIC", "IMG_1.MP4", "IMG_1-edited.HEIC", "IMG_1-modifié.HEIC"];
        assert_eq!(of_photo("IMG_1-edited.HEIC", &dir), ["IMG_1.HEIC.json"]);
        assert_eq!(of_photo("IMG_1.MP4", &dir), ["IMG_1.HEIC.json"]);
        assert_eq!(photos_of("IMG_1.HEIC.json", &dir), &dir[1..]);
        let own = ["IMG_1.HEIC.json", "IMG_1.MP4.json"];
        assert_eq!(of_photo("IMG_1.MP4", &own), ["IMG_1.MP4.json"]);
        assert_eq!(of_photo("PXL_1.MP", &["PXL_1.MP.jpg.json"]), ["PXL_1.MP.jpg.json"]);
        assert_eq!(of_photo("IMG_1-edited(1).jpg", &["IMG_1.jpg(1).json"]), ["IMG_1.jpg(1).json"]);
    }

    #[test]
    fn an_edited_version_borrows_though_its_suffix_is_cut() {
        let stem = "a".repeat(43);
        let json = format!("{stem}.jp.json");
        for suffix in ["-edi", "-ed", "-bea", "-đã "] {
            assert_eq!(
                of_photo(&format!("{stem}{suffix}.jpg"), &[json.as_str()]),
                [json.as_str()],
                "{suffix}"
            );
        }
        let (edited, own) = (format!("{stem}-edi.jpg"), format!("{stem}-ed.json"));
        assert_eq!(of_photo(&edited, &[json.as_str(), own.as_str()]), [own.as_str()]);
        assert!(of_photo(&format!("{stem}-xyz.jpg"), &[json.as_str()]).is_empty());
        // Nothing was cut here.
        assert!(of_photo("IMG_1-edi.jpg", &["IMG_1.jpg.json"]).is_empty());
    }

    #[test]
    fn names_that_sidecars_have() {
        for name in [
            "a.xmp",
            "a.jpg.XMP",
            "a.jpg.json",
            "a.jpg(1).json",
            "a.heic.supplemental-met.json",
            "a.jpg.supplemental-metadata(3).json",
        ] {
            assert!(is_sidecar_name(name), "{name}");
        }
        for name in ["metadata.json", "métadonnées.json", "package.json", "a.jpg", "json", ".xmp", "a.b.json"]
        {
            assert!(!is_sidecar_name(name), "{name}");
        }
    }
}
