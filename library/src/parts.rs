//! Which files belong together: the two halves of a live photo; a RAW file and the picture developed from it.

use crate::format::Kind;
use crate::metadata::Metadata;

/// Seconds two halves of one live photo may lie apart by their clocks.
const APART_S: i64 = 3;

/// A motion half without a time of its own must be about as short as a live photo, in seconds.
const SHORT_S: i64 = 5;

/// The stem that both halves share, folded: `img_1` for `IMG_1.HEIC`, `IMG_1.MOV`, `IMG_1.HEIC.MOV` and
/// `IMG_1.MP.jpg`.
pub fn stem(file_name: &[u8]) -> Vec<u8> {
    let mut stem = file_name.to_ascii_lowercase();
    for _ in 0..2 {
        match stem.iter().rposition(|byte| *byte == b'.') {
            Some(at) if at > 0 && stem.len() - at <= 6 => stem.truncate(at),
            _ => break,
        }
    }
    stem
}

/// Whether `video` is the moving half of `still`: Apple's identifier decides where both carry one; else the same stem
/// and matching times.
pub fn is_live_pair(still: (&[u8], &Metadata), video: (&[u8], &Metadata)) -> bool {
    let kind = |metadata: &Metadata| metadata.format.map(crate::format::Format::kind);
    if kind(still.1) != Some(Kind::Image) || kind(video.1) != Some(Kind::Video) {
        return false;
    }
    // A converter may have dropped the mark from one half: names and times decide then, as where there is none.
    if let (Some(still), Some(video)) = (&still.1.live_id, &video.1.live_id) {
        return still == video;
    }
    if stem(still.0) != stem(video.0) {
        return false;
    }
    let short = video.1.duration.is_some_and(|duration| duration.as_secs() < SHORT_S);
    match (still.1.taken, video.1.taken) {
        (Some(still), Some(video)) => {
            match (still.instant(), video.instant()) {
                (Some(still), Some(video)) => (still.as_second() - video.as_second()).abs() <= APART_S,
                // One lacks its zone: minutes and seconds still tell, since zones differ by quarters of an hour.
                _ => {
                    let apart =
                        (still.local - video.local).total(jiff::Unit::Second).unwrap_or(f64::MAX) as i64;
                    let within = apart.rem_euclid(900);
                    apart.abs() <= 26 * 3600 && within.min(900 - within) <= APART_S
                }
            }
        }
        _ => short,
    }
}

/// Whether `raw` and `picture` are one shot, the camera's RAW file and the picture beside it: the same stem, and no
/// clock that says otherwise.
pub fn is_one_shot(raw: (&[u8], &Metadata), picture: (&[u8], &Metadata)) -> bool {
    let is_raw = |metadata: &Metadata| metadata.format.is_some_and(crate::format::Format::is_raw);
    let is_picture = picture.1.format.is_some_and(|format| format.kind() == Kind::Image && !format.is_raw());
    if !is_raw(raw.1) || !is_picture || stem(raw.0) != stem(picture.0) {
        return false;
    }
    match (raw.1.taken, picture.1.taken) {
        (Some(raw), Some(picture)) => {
            let apart = (raw.local - picture.local).total(jiff::Unit::Second).unwrap_or(f64::MAX);
            apart.abs() <= APART_S as f64
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::metadata::{Taken, Zone, ZoneSource};

    fn half(format: Format, taken: &str, offset_h: Option<i8>) -> Metadata {
        Metadata {
            format: Some(format),
            taken: taken.parse().ok().map(|local| Taken {
                local,
                zone: offset_h
                    .map(|hours| Zone { offset: jiff::tz::offset(hours), source: ZoneSource::File }),
            }),
            ..Metadata::default()
        }
    }

    #[test]
    fn same_stem_and_time_pair_and_another_time_does_not() {
        let still = half(Format::Heic, "2024-05-01T12:00:00", None);
        let utc = half(Format::Mov, "2024-05-01T10:00:01", Some(0));
        let later = half(Format::Mov, "2024-05-01T10:05:01", Some(0));
        assert!(is_live_pair((b"IMG_1.HEIC", &still), (b"IMG_1.MOV", &utc)));
        assert!(is_live_pair((b"IMG_1.HEIC", &still), (b"img_1.heic.mov", &utc)));
        assert!(!is_live_pair((b"IMG_1.HEIC", &still), (b"IMG_2.MOV", &utc)));
        assert!(!is_live_pair((b"IMG_1.HEIC", &still), (b"IMG_1.MOV", &later)));
    }

    #[test]
    fn raw_and_picture_of_one_moment_are_one_shot() {
        let raw = half(Format::Nef, "2024-05-01T12:00:00", None);
        let picture = half(Format::Jpeg, "2024-05-01T12:00:01", None);
        let later = half(Format::Jpeg, "2024-05-01T12:00:09", None);
        assert!(is_one_shot((b"DSC_1.NEF", &raw), (b"dsc_1.jpg", &picture)));
        assert!(is_one_shot((b"DSC_1.NEF", &raw), (b"DSC_1.jpg", &half(Format::Jpeg, "", None))));
        assert!(!is_one_shot((b"DSC_1.NEF", &raw), (b"DSC_2.jpg", &picture)));
        assert!(!is_one_shot((b"DSC_1.NEF", &raw), (b"DSC_1.jpg", &later)), "another shot of that number");
        assert!(!is_one_shot((b"DSC_1.jpg", &picture), (b"DSC_1.jpg", &picture)));
    }

    #[test]
    fn identifiers_decide_over_names() {
        let mut still = half(Format::Heic, "2024-05-01T12:00:00", None);
        let mut video = half(Format::Mov, "2020-01-01T00:00:00", None);
        still.live_id = Some("A".into());
        video.live_id = Some("A".into());
        assert!(is_live_pair((b"x.heic", &still), (b"y.mov", &video)));
        video.live_id = Some("B".into());
        assert!(!is_live_pair((b"x.heic", &still), (b"x.mov", &video)));
    }
}
