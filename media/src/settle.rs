//! One answer a field, out of what every block of the file and its sidecars said.

mod tags;

pub(crate) use tags::settle as tags_of;

use jiff::tz::Offset;
use library::metadata::{
    Camera, Exposure, FaceRegion, Metadata, Orientation, PixelSize, Taken, Zone, ZoneSource,
};
use library::{Format, Kind};

use crate::formats::Found;
use crate::moment::{Moment, offset_between};
use crate::said::{Region, Regions, Said, Verdict};
use crate::{place, zone};

/// What the sidecars say, best first.
#[derive(Default)]
pub(crate) struct Beside {
    /// XMP sidecars: what a person did later, so they win.
    pub(crate) xmp: Said,
    /// Google's account: only for what the file itself does not know.
    pub(crate) takeout: Said,
}

/// Decides.
pub(crate) fn settle(format: Format, mut found: Found, beside: Beside) -> Metadata {
    let gps = [&beside.xmp, &found.exif, &found.xmp, &found.container, &beside.takeout]
        .iter()
        .find_map(|said| said.gps);
    let orientation = orientation(format, &found, &beside);
    let stored = found.size.or(found.exif.size).or(found.xmp.size);
    let size = stored.map(|size| if orientation.swaps_sides() { size.turned() } else { size });
    let taken = taken(&found, &beside, gps.and_then(|gps| zone::Finder::at(&gps)));
    let regions =
        [&beside.xmp.regions, &found.xmp.regions].into_iter().find(|regions| !regions.faces.is_empty());
    let faces = regions.map(|regions| upright_faces(regions, orientation, stored)).unwrap_or_default();

    // A camera's three names belong together as little as they are written together: each from the first who knows.
    let by_camera = [&found.exif, &found.xmp, &found.container, &beside.xmp];
    let first = |pick: fn(&Said) -> Option<&String>| by_camera.iter().find_map(|said| pick(said)).cloned();
    let camera = Camera {
        make: first(|said| said.make.as_ref()),
        model: first(|said| said.model.as_ref()),
        lens: first(|said| said.lens.as_ref()),
    };
    let exposure = Exposure {
        iso: by_camera.iter().find_map(|said| said.exposure.iso),
        f_number: by_camera.iter().find_map(|said| said.exposure.f_number),
        exposure_s: by_camera.iter().find_map(|said| said.exposure.exposure_s),
        focal_mm: by_camera.iter().find_map(|said| said.exposure.focal_mm),
    };
    // Programs keep the XMP current and forget the older blocks.
    let by_hand = [&beside.xmp, &found.xmp, &found.exif, &found.iptc, &found.container];
    let live_id = [&found.exif, &found.container, &found.xmp].iter().find_map(|said| said.live_id.clone());
    let rating = by_hand.iter().find_map(|said| said.rating).and_then(Verdict::stars);
    let remarks = [&found.exif, &found.container];
    let description = by_hand
        .iter()
        .find_map(|said| said.description.as_ref())
        .or_else(|| remarks.iter().find_map(|said| said.comment.as_ref()))
        .or(beside.takeout.description.as_ref())
        .cloned();
    let tags = if beside.xmp.has_tags() {
        tags::settle(&[&beside.xmp])
    } else {
        tags::settle(&[&found.xmp, &found.iptc, &found.exif, &found.container])
    };

    // Cameras that date their videos elsewhere leave the clock alone: that is no news where the date is known.
    if found.clock_unset && taken.is_none() {
        found.warn("the video's creation time is zero");
    }
    let mut warnings = std::mem::take(&mut found.warnings);
    for said in [found.exif, found.xmp, found.iptc, found.container, beside.xmp, beside.takeout] {
        warnings.extend(said.warnings);
    }
    warnings.dedup();
    // One broken file must not fill the catalogue with its complaints.
    warnings.truncate(20);
    Metadata {
        format: Some(format),
        taken,
        size,
        orientation,
        duration: found.duration,
        camera,
        exposure,
        gps,
        place: gps.as_ref().and_then(place::nearest),
        rating,
        description,
        tags,
        faces,
        live_id,
        motion: found.motion,
        picture: found.picture,
        warnings,
    }
}

/// Which way up. Where the container turns the picture decoders obey it, and nobody else has a say; players know nothing
/// of sidecars, so that theirs counts for stills alone.
fn orientation(format: Format, found: &Found, beside: &Beside) -> Orientation {
    let beside = beside.xmp.orientation.filter(|_| format.kind() == Kind::Image);
    found.turn.or(beside).or(found.exif.orientation).or(found.xmp.orientation).unwrap_or_default()
}

/// When the shutter opened: the first of the fields in order of trust. Never when the file was changed.
fn taken(found: &Found, beside: &Beside, here: Option<zone::Finder>) -> Option<Taken> {
    // The kind of date before who wrote it: programs date their sidecars with whatever they have.
    let blocks = [&beside.xmp, &found.exif, &found.xmp, &found.container, &found.iptc];
    let written =
        first_moment(&blocks, |said| said.original).or_else(|| first_moment(&blocks, |said| said.digitized));
    let by_clock = |utc: jiff::civil::DateTime| {
        let instant = Offset::UTC.to_timestamp(utc).ok()?;
        let (offset, source) = match here.as_ref().and_then(|here| here.at_instant(instant)) {
            Some(offset) => (offset, ZoneSource::Gps),
            None => (Offset::UTC, ZoneSource::File),
        };
        Some(Taken { local: offset.to_datetime(instant), zone: Some(Zone { offset, source }) })
    };
    let written = match (written, found.container.utc) {
        (Some(written), _) => written,
        (None, Some(utc)) => return by_clock(utc),
        // Last the weaker words: the press's date of creation, the satellites' clock, Google's record.
        (None, None) => match first_moment(&blocks, |said| said.created) {
            Some(created) => created,
            None => {
                let clock = found.exif.gps_clock.or(found.xmp.gps_clock).or(beside.takeout.utc);
                return clock.and_then(by_clock);
            }
        },
    };
    let from_file = written.offset.or_else(|| {
        let clocks = [found.exif.gps_clock, found.xmp.gps_clock];
        clocks.into_iter().flatten().find_map(|utc| offset_between(written.local, utc))
    });
    let zone = match from_file {
        Some(offset) => Some(Zone { offset, source: ZoneSource::File }),
        None => here
            .and_then(|here| here.at_local(written.local))
            .map(|offset| Zone { offset, source: ZoneSource::Gps }),
    };
    Some(Taken { local: written.local, zone })
}

/// The first block's moment, completed by a later block's that means the same second: one has the zone, one the fraction.
/// A day without a time gives way to a later block's time on that day.
fn first_moment(blocks: &[&Said], pick: fn(&Said) -> Option<Moment>) -> Option<Moment> {
    let mut moments = blocks.iter().filter_map(|said| pick(said));
    let mut first = moments.next()?;
    for other in moments {
        if first.date_only && !other.date_only && first.local.date() == other.local.date() {
            first = other;
            continue;
        }
        let same = |moment: Moment| moment.local.with().subsec_nanosecond(0).build().ok();
        if same(first) != same(other) {
            continue;
        }
        first.offset = first.offset.or(other.offset);
        if first.local.subsec_nanosecond() == 0 {
            first.local = other.local;
        }
    }
    Some(first)
}

/// Faces were drawn on the stored picture; we keep them as seen.
fn upright_faces(regions: &Regions, orientation: Orientation, stored: Option<PixelSize>) -> Vec<FaceRegion> {
    // A program that turned its view before it drew says so by the sides it drew on.
    let upright_already = orientation.swaps_sides()
        && matches!((regions.drawn_on, stored), (Some(on), Some(stored))
            if (on.width > on.height) != (stored.width > stored.height) && on.width != on.height);
    let orientation = if upright_already { Orientation::UPRIGHT } else { orientation };
    regions.faces.iter().filter_map(|region| upright_face(region, orientation)).collect()
}

fn upright_face(region: &Region, orientation: Orientation) -> Option<FaceRegion> {
    let Region { name, x, y, width, height } = region;
    let (x, y, width, height) = match orientation.get() {
        2 => (1.0 - x, *y, *width, *height),
        3 => (1.0 - x, 1.0 - y, *width, *height),
        4 => (*x, 1.0 - y, *width, *height),
        5 => (*y, *x, *height, *width),
        6 => (1.0 - y, *x, *height, *width),
        7 => (1.0 - y, 1.0 - x, *height, *width),
        8 => (*y, 1.0 - x, *height, *width),
        _ => (*x, *y, *width, *height),
    };
    let inside = |value: f64| (-0.5..=1.5).contains(&value);
    (inside(x) && inside(y) && width > 0.0 && height > 0.0 && width <= 1.5 && height <= 1.5).then_some(())?;
    // What reaches over the edge is cut off there.
    let (left, right) = ((x - width / 2.0).clamp(0.0, 1.0), (x + width / 2.0).clamp(0.0, 1.0));
    let (top, bottom) = ((y - height / 2.0).clamp(0.0, 1.0), (y + height / 2.0).clamp(0.0, 1.0));
    (right > left && bottom > top).then_some(FaceRegion {
        name: name.clone(),
        left: left as f32,
        top: top as f32,
        width: (right - left) as f32,
        height: (bottom - top) as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_turns_with_the_picture() {
        let region = Region { name: None, x: 0.307_857, y: 0.631_548, width: 0.198_571, height: 0.113_095 };
        let face = upright_face(&region, Orientation::from_exif(6).unwrap()).unwrap();
        assert!((face.left + face.width / 2.0 - 0.368_452).abs() < 1e-5);
        assert!((face.top + face.height / 2.0 - 0.307_857).abs() < 1e-5);
        assert!((face.width - 0.113_095).abs() < 1e-5);
    }

    #[test]
    fn the_file_s_own_offset_wins_over_its_position() {
        let mut found = Found::default();
        found.exif.original = crate::moment::parse("2024:07:01 12:00:00").moment();
        found.exif.position(41.9, 12.5, None);
        let taken = settle(Format::Jpeg, found, Beside::default()).taken.unwrap();
        assert_eq!(taken.zone.unwrap().offset.seconds(), 7200);
        assert_eq!(taken.zone.unwrap().source, ZoneSource::Gps);

        let mut found = Found::default();
        found.exif.original = crate::moment::parse("2024:07:01 12:00:00-04:00").moment();
        found.exif.position(41.9, 12.5, None);
        let taken = settle(Format::Jpeg, found, Beside::default()).taken.unwrap();
        assert_eq!(taken.zone.unwrap().offset.seconds(), -4 * 3600);
        assert_eq!(taken.zone.unwrap().source, ZoneSource::File);
    }

    #[test]
    fn a_rejection_beside_the_photo_takes_its_stars_away() {
        let mut found = Found::default();
        found.xmp.stars(4.0);
        let mut beside = Beside::default();
        beside.xmp.stars(-1.0);
        let metadata = settle(Format::Jpeg, found, beside);
        assert_eq!(metadata.rating, None);
        assert!(metadata.warnings.is_empty(), "{:?}", metadata.warnings);
    }

    #[test]
    fn a_sidecar_turns_stills_unless_their_container_does() {
        let turned = |format, container: Option<u32>| {
            let mut found = Found { turn: container.and_then(Orientation::from_exif), ..Found::default() };
            found.exif.orientation = Orientation::from_exif(3);
            let mut beside = Beside::default();
            beside.xmp.orientation = Orientation::from_exif(6);
            settle(format, found, beside).orientation.get()
        };
        assert_eq!(turned(Format::Jpeg, None), 6);
        assert_eq!(turned(Format::Heic, Some(1)), 1);
        assert_eq!(turned(Format::Mp4, None), 3);
    }

    #[test]
    fn of_several_descriptions_the_block_most_kept_up_speaks() {
        let words = |words: &str| Some(words.to_owned());
        let described = |xmp: Option<String>, exif: Option<String>, iptc: Option<String>| {
            let mut found = Found::default();
            (found.xmp.description, found.exif.description, found.iptc.description) = (xmp, exif, iptc);
            found.exif.comment = words("typed in Windows");
            settle(Format::Jpeg, found, Beside::default()).description
        };
        assert_eq!(described(words("xmp"), words("exif"), words("iptc")), words("xmp"));
        assert_eq!(described(None, words("exif"), words("iptc")), words("exif"));
        assert_eq!(described(None, None, words("iptc")), words("iptc"));
        assert_eq!(described(None, None, None), words("typed in Windows"));
    }

    #[test]
    fn a_day_gives_way_to_a_time_on_that_day() {
        let created = |xmp: &str, iptc: &str| {
            let mut found = Found::default();
            found.xmp.created = crate::moment::parse(xmp).moment();
            found.iptc.created = crate::moment::parse(iptc).moment();
            taken(&found, &Beside::default(), None).unwrap().local.to_string()
        };
        assert_eq!(created("2020-01-02", "2020-01-02T03:04:05+01:00"), "2020-01-02T03:04:05");
        assert_eq!(created("2020-01-02", "2020-01-03T03:04:05"), "2020-01-02T00:00:00");
        assert_eq!(created("2020-01-02T00:00:00", "2020-01-02T03:04:05"), "2020-01-02T00:00:00");
    }

    #[test]
    fn a_sidecar_s_weak_date_does_not_hide_when_the_shutter_opened() {
        let at = |text: &str| crate::moment::parse(text).moment();
        let taken_at = |found: &Found, beside: &Beside| taken(found, beside, None).unwrap().local.to_string();
        let mut found = Found::default();
        found.exif.original = at("2020:01:02 03:04:05");
        let mut beside = Beside::default();
        beside.xmp.digitized = at("2021-01-01T00:00:01");
        beside.xmp.created = at("2022-01-01T00:00:01");
        assert_eq!(taken_at(&found, &beside), "2020-01-02T03:04:05");
        beside.xmp.original = at("2019-01-01T00:00:01");
        assert_eq!(taken_at(&found, &beside), "2019-01-01T00:00:01");
        let mut found = Found::default();
        found.exif.digitized = at("2020:01:02 03:04:05");
        assert_eq!(taken_at(&found, &Beside { xmp: Said::default(), ..beside }), "2020-01-02T03:04:05");
    }

    #[test]
    fn a_video_s_utc_becomes_the_wall_clock_of_its_place() {
        let mut found = Found::default();
        found.container.utc = crate::moment::parse("2024:01:01 23:30:00").moment().map(|moment| moment.local);
        let bare = taken(&found, &Beside::default(), None).unwrap();
        assert_eq!(bare.local.to_string(), "2024-01-01T23:30:00");
        assert_eq!(bare.zone.unwrap().offset, Offset::UTC);
        found.container.position(35.68, 139.69, None);
        let there = settle(Format::Mp4, found, Beside::default()).taken.unwrap();
        assert_eq!(there.local.to_string(), "2024-01-02T08:30:00");
        assert_eq!(there.zone.unwrap().source, ZoneSource::Gps);
    }
}
