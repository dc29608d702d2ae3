//! Which still and which video are one live photo.

use jiff::SignedDuration;
use library::metadata::Metadata;
use library::{Format, Kind};

/// The halves of one shot are written within this of each other.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(3);

/// The longest a live photo plays, with some slack: longer is a video of its own.
const LONGEST: SignedDuration = SignedDuration::from_millis(4_500);

/// Whether these are the two halves of one live photo.
///
/// Apple's content identifier settles it where both have one. Else they must share their name, and their times must not
/// part them; where a time is missing, only a video as short as a live photo's belongs.
pub fn is_pair(still: (&str, &Metadata), video: (&str, &Metadata)) -> bool {
    let ((still_name, still), (video_name, video)) = (still, video);
    let is = |metadata: &Metadata, kind| metadata.format.is_none_or(|format| format.kind() == kind);
    if !is(still, Kind::Image) || !is(video, Kind::Video) {
        return false;
    }
    if let (Some(one), Some(other)) = (&still.live_id, &video.live_id) {
        return one.eq_ignore_ascii_case(other);
    }
    if !same_stem(still_name, video_name) {
        return false;
    }
    match apart(still, video) {
        Some(apart) => apart <= SAME_MOMENT,
        None => video.duration.is_some_and(|duration| duration <= LONGEST),
    }
}

/// How far the shots are apart. By instant where both zones are known, and by wall clock too: a video's clock in UTC and
/// a still's without a zone differ by whole zones that mean nothing.
fn apart(still: &Metadata, video: &Metadata) -> Option<SignedDuration> {
    let (still, taken) = (still.taken?, video.taken?);
    let by_clock = still.local.duration_since(taken.local).abs();
    let Some(end) = taken.instant() else { return Some(by_clock) };
    match still.instant() {
        Some(start) => Some(start.duration_since(end).abs().min(by_clock)),
        None => {
            // The still's zone is unknown, the video's clock is UTC: any quarter hour off may be the zone.
            let seconds = by_clock.as_secs();
            let off = seconds % (15 * 60);
            let off = SignedDuration::from_secs(off.min(15 * 60 - off));
            Some(if seconds <= 14 * 3600 + 60 { off } else { by_clock })
        }
    }
}

/// `IMG_1.HEIC` and `IMG_1.MOV`, `IMG_1.HEIC.MOV`; `PXL_1.MP.jpg` and `PXL_1.MP` or `PXL_1.mp4`; edited ones alike.
fn same_stem(still: &str, video: &str) -> bool {
    let (still, video) = (still.to_lowercase(), video.to_lowercase());
    let (still_stem, video_stem) = (stem(&still), stem(&video));
    if still_stem == video_stem || still == video_stem {
        return true;
    }
    let bare = |stem: &str| {
        let stem = stem.strip_suffix(".mp").or_else(|| stem.strip_suffix(".mv")).unwrap_or(stem);
        stem.strip_suffix("mvimg").unwrap_or(stem).to_owned()
    };
    bare(&still_stem) == bare(&video_stem)
}

/// The name without the extension, if that is one of ours or Google's bare `.MP`.
fn stem(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if Format::from_extension(extension).is_some() || matches!(extension, "mp" | "mv") =>
        {
            stem.to_owned()
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::metadata::{Taken, Zone, ZoneSource};

    fn shot(format: Format, at: Option<&str>, seconds: Option<i64>) -> Metadata {
        Metadata {
            format: Some(format),
            taken: at.map(|at| Taken {
                local: at.trim_end_matches('Z').parse().unwrap(),
                zone: at
                    .ends_with('Z')
                    .then_some(Zone { offset: jiff::tz::Offset::UTC, source: ZoneSource::File }),
            }),
            duration: seconds.map(SignedDuration::from_secs),
            ..Metadata::default()
        }
    }

    #[test]
    fn names_and_times() {
        let still = shot(Format::Heic, Some("2024-01-01T12:00:00"), None);
        let video = shot(Format::Mov, Some("2024-01-01T12:00:02"), Some(3));
        let late = shot(Format::Mov, Some("2024-01-01T12:30:07"), Some(3));
        let utc = shot(Format::Mov, Some("2024-01-01T17:00:01Z"), Some(3));
        let pair = |still_name, video_name, video| is_pair((still_name, &still), (video_name, video));
        assert!(pair("IMG_1.HEIC", "img_1.mov", &video));
        assert!(pair("IMG_1.HEIC", "IMG_1.HEIC.MOV", &video));
        assert!(pair("PXL_1.MP.jpg", "PXL_1.MP", &video));
        assert!(pair("PXL_1.MP.jpg", "PXL_1.mp4", &video));
        assert!(pair("IMG_1.HEIC", "IMG_1.MOV", &utc));
        assert!(!pair("IMG_1.HEIC", "IMG_2.MOV", &video));
        assert!(!pair("IMG_1.HEIC", "IMG_1.MOV", &late));
        assert!(!is_pair(("IMG_1.MOV", &video), ("IMG_1.MOV", &video)));
    }

    #[test]
    fn without_a_time_only_a_short_video_belongs() {
        let still = shot(Format::Jpeg, None, None);
        let short = shot(Format::Mp4, Some("2024-01-01T12:00:02"), Some(3));
        let long = shot(Format::Mp4, Some("2024-01-01T12:00:02"), Some(30));
        assert!(is_pair(("a.jpg", &still), ("a.mp4", &short)));
        assert!(!is_pair(("a.jpg", &still), ("a.mp4", &long)));
    }

    #[test]
    fn identifiers_settle_it() {
        let mut still = shot(Format::Heic, Some("2024-01-01T12:00:00"), None);
        let mut video = shot(Format::Mov, Some("2025-01-01T12:00:00"), Some(3));
        still.live_id = Some("A1B2".to_owned());
        video.live_id = Some("a1b2".to_owned());
        assert!(is_pair(("x.heic", &still), ("y.mov", &video)));
        video.live_id = Some("ffff".to_owned());
        assert!(!is_pair(("x.heic", &still), ("x.mov", &video)));
    }
}
