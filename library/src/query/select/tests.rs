//! Filters over sets must select what asking every row would.

use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::civil::Date;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::metadata::PixelSize;
use crate::query::Mode;
use crate::snapshot::fixture::{Fixture, Photo};
use crate::visibility::Visibility;

const TODAY: Date = Date::constant(2024, 5, 17);

/// A photo as drawn, and the numbers the fixture does not take.
#[derive(Clone, Debug)]
struct Drawn {
    path: &'static str,
    taken: Option<&'static str>,
    place: Option<(&'static str, &'static str, &'static str)>,
    camera: Option<(&'static str, &'static str)>,
    tags: &'static [&'static str],
    people: &'static [&'static str],
    rating: Option<i64>,
    visibility: Visibility,
    iso: Option<u32>,
    flags: u8,
    missing: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let path =
        select(vec!["2024/IMG_1.jpg", "2024/Rome trip/b.nef", "x/rome/c.mp4", "d.png", "v1.0/dog park.heic"]);
    let taken = select(vec![
        "2024-05-17T10:00:00",
        "2024-05-16T23:59:59",
        "2024-01-01T00:00:00",
        "2019-12-31T23:59:59",
        "1970-01-01T00:00:00",
    ]);
    let place = select(vec![
        ("Rome", "Latium", "Italy"),
        ("Rome", "Georgia", "United States"),
        ("New York", "", "United States"),
    ]);
    let camera = select(vec![("Canon", "Canon EOS 40D"), ("", "iPhone 13 Pro"), ("SONY", "")]);
    let tags: Vec<&'static [&'static str]> =
        vec![&[], &["holiday"], &["holiday/rome", "work"], &["A.B"], &["A/B"], &["New York"]];
    let people: Vec<&'static [&'static str]> = vec![&[], &["Alice"], &["Bob B", "Alice Smith"], &["bob"]];
    let visibility =
        select(vec![Visibility::Timeline, Visibility::Timeline, Visibility::Archive, Visibility::Locked]);
    (
        (path, proptest::option::of(taken), proptest::option::of(place), proptest::option::of(camera)),
        (select(tags), select(people), proptest::option::of(0..=5_i64), visibility),
        (proptest::option::of(select(vec![100, 800, 6400])), any::<u8>(), proptest::bool::weighted(0.1)),
    )
        .prop_map(
            |((path, taken, place, camera), (tags, people, rating, visibility), (iso, flags, missing))| {
                Drawn { path, taken, place, camera, tags, people, rating, visibility, iso, flags, missing }
            },
        )
}

fn library(drawn: &[Drawn]) -> (Arc<Snapshot>, AccountId) {
    let mut fixture = Fixture::default();
    for (at, one) in drawn.iter().enumerate() {
        let (stem, extension) = one.path.rsplit_once('.').unwrap();
        let path = format!("{stem}{at}.{extension}");
        let row = fixture.add(&Photo {
            path: &path,
            size: at as u64 * 1_000_000,
            taken: one.taken,
            place: one.place,
            camera: one.camera,
            tags: one.tags,
            people: one.people,
            rating: one.rating,
            visibility: one.visibility,
            ..Photo::default()
        });
        fixture.change(row, |row| {
            row.iso = one.iso.and_then(NonZeroU32::new);
            row.favourite = one.flags & 1 != 0;
            row.motion = one.flags & 2 != 0;
            row.warned = one.flags & 4 != 0;
            row.described = one.flags & 8 != 0;
            row.position = (one.flags & 16 != 0).then_some((41.9, 12.5));
            row.pixels = (one.flags & 32 != 0).then_some(PixelSize { width: 4000, height: 3000 });
        });
        if one.flags & 64 != 0 {
            fixture.add(&Photo {
                path: "parts/live.mov",
                size: 1 << 40 | at as u64,
                host: Some(row),
                ..Photo::default()
            });
        }
        if one.missing {
            fixture.remove(row);
        }
    }
    (fixture.snapshot(), fixture.account())
}

/// One filter by asking the row alone, written as plainly as possible.
fn asked(snapshot: &Snapshot, row: &Row, text: &str) -> bool {
    let place = row.place.and_then(|id| snapshot.place(id));
    let tags: Vec<String> = row.tags.iter().map(|id| snapshot.tag(*id).unwrap().joined()).collect();
    let people: Vec<&str> =
        row.extras.people.iter().map(|id| snapshot.person_name(*id).unwrap().as_str()).collect();
    let camera = row
        .camera
        .and_then(|id| snapshot.camera(id))
        .map(|camera| format!("{} {}", camera.make, camera.model));
    let stars = row.rating.map(Rating::stars);
    let day = row.day();
    let between = |first: &str, last: &str| {
        day.is_some_and(|day| (first.parse::<Date>().unwrap()..=last.parse().unwrap()).contains(&day))
    };
    let folders: Vec<String> = row
        .paths()
        .map(|path| {
            format!("/Pictures/{}/", String::from_utf8(snapshot.folders().relative_path(path.dir)).unwrap())
        })
        .collect();
    let inside = |part: &str| folders.iter().any(|path| path.to_lowercase().contains(part));
    match text {
        "person:alice" => people.iter().any(|name| name.starts_with("Alice")),
        "person:Bob" => people.iter().any(|name| name.to_lowercase().starts_with("bob")),
        "person=Bob_B" => people.contains(&"Bob B"),
        "person:Zoe" | "tag:nothing" | "place:york" | "in:nowhere" => false,
        "person:*" | "has:people" => !people.is_empty(),
        "place:rome" => place.is_some_and(|place| place.city == "Rome"),
        "place:rome,italy" => place.is_some_and(|place| place.country == "Italy"),
        "place=united_states" => place.is_some_and(|place| place.country == "United States"),
        "has:place" => place.is_some(),
        "date:2024" => between("2024-01-01", "2024-12-31"),
        "date:today" => between("2024-05-17", "2024-05-17"),
        "date:2024-05-16..2024-05-17" => between("2024-05-16", "2024-05-17"),
        "date:..2023" => between("0001-01-01", "2023-12-31"),
        "date:2019-12-31.." => between("2019-12-31", "9999-12-31"),
        "has:date" | "is:dated" => day.is_some(),
        "is:undated" => day.is_none(),
        "camera:canon" => camera.is_some_and(|name| name.contains("Canon")),
        "camera:40" => camera.is_some_and(|name| name.contains("40D")),
        "camera:sony" => camera.is_some_and(|name| name.contains("SONY")),
        "type:video" | "is:video" => row.kind == Kind::Video,
        "type:photo" => row.kind == Kind::Image,
        "type:raw" | "is:raw" => row.format.is_raw(),
        "type:jpg" => row.format == crate::format::Format::Jpeg,
        "rating:>=4" => stars >= Some(4),
        "rating:<=2" => stars.is_some_and(|stars| stars <= 2),
        "rating:none" | "is:unrated" => stars.unwrap_or(0) == 0,
        "is:rated" => stars.unwrap_or(0) > 0,
        "tag:holiday" => tags.iter().any(|tag| tag.starts_with("holiday")),
        "tag:rome" => tags.iter().any(|tag| tag == "holiday/rome"),
        "tag=A.B" => tags.iter().any(|tag| tag == "A/B" || tag == "A.B"),
        "tag=new_york" => tags.iter().any(|tag| tag == "New York"),
        "is:tagged" => !tags.is_empty(),
        "is:untagged" => tags.is_empty(),
        "is:favourite" => row.favourite,
        "is:motion" => row.motion,
        "is:stacked" => row.extras.stack.is_some(),
        "is:live" => {
            row.motion
                || row.kind == Kind::Image
                    && row.extras.parts.iter().any(|part| snapshot.row(*part).unwrap().kind == Kind::Video)
        }
        "is:archived" => row.visibility == Visibility::Archive,
        "has:gps" => row.position.is_some(),
        "has:warnings" => row.warned,
        "has:description" => row.described,
        "has:parts" => row.motion || !row.extras.parts.is_empty(),
        "in:rome" => inside("/rome/"),
        "in:2024" => inside("/2024/"),
        "in=2024.rome_trip" => inside("/2024/rome trip/"),
        "in:v1.0" => inside("/v1.0/"),
        "in:pictures" => true,
        "name:img" => row.name.to_lowercase().contains("img"),
        "name:img*" => row.name.to_lowercase().starts_with("img"),
        "name=dog_park" => row.name.contains("dog park"),
        "iso:>=800" => row.iso >= NonZeroU32::new(800),
        "size:<5mb" => row.size < 5_000_000,
        "width:4000" => row.pixels.is_some_and(|pixels| pixels.width == 4000),
        other => panic!("no predicate for {other}"),
    }
}

const FILTERS: &[&str] = &[
    "person:alice",
    "person:Bob",
    "person=Bob_B",
    "person:Zoe",
    "person:*",
    "has:people",
    "place:rome",
    "place:york",
    "place:rome,italy",
    "place=united_states",
    "has:place",
    "date:2024",
    "date:today",
    "date:2024-05-16..2024-05-17",
    "date:..2023",
    "date:2019-12-31..",
    "has:date",
    "is:dated",
    "is:undated",
    "camera:canon",
    "camera:40",
    "camera:sony",
    "type:video",
    "is:video",
    "type:photo",
    "type:raw",
    "is:raw",
    "type:jpg",
    "rating:>=4",
    "rating:<=2",
    "rating:none",
    "is:unrated",
    "is:rated",
    "tag:holiday",
    "tag:rome",
    "tag=A.B",
    "tag=new_york",
    "tag:nothing",
    "is:tagged",
    "is:untagged",
    "is:favourite",
    "is:motion",
    "is:stacked",
    "is:live",
    "is:archived",
    "has:gps",
    "has:warnings",
    "has:description",
    "has:parts",
    "in:rome",
    "in:2024",
    "in=2024.rome_trip",
    "in:v1.0",
    "in:pictures",
    "in:nowhere",
    "name:img",
    "name:img*",
    "name=dog_park",
    "iso:>=800",
    "size:<5mb",
    "width:4000",
];

proptest! {
    #[test]
    fn sets_select_what_asking_every_row_would(
        drawn in proptest::collection::vec(drawn(), 0..30),
        asked_for in proptest::collection::vec((select(FILTERS.to_vec()), any::<bool>()), 0..4),
    ) {
        let (snapshot, account) = library(&drawn);
        let text: Vec<String> =
            asked_for.iter().map(|(filter, excluded)| format!("{}{filter}", if *excluded { "-" } else { "" })).collect();
        let query = Query::parse(&text.join(" "), Mode::Strict, TODAY).unwrap();
        let archive = asked_for.contains(&("is:archived", false));
        let scope = if archive { Visibility::Archive } else { Visibility::Timeline };
        let expected: RoaringBitmap = snapshot
            .rows()
            .filter(|(_, row)| row.is_listed() && row.visibility == scope)
            .filter(|(_, row)| asked_for.iter().all(|(filter, excluded)| asked(&snapshot, row, filter) != *excluded))
            .map(|(number, _)| number.0)
            .collect();
        prop_assert_eq!(query.rows(&snapshot, account), expected, "{}", query);
    }
}

#[test]
fn every_filter_by_itself() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let rows = proptest::collection::vec(drawn(), 200).new_tree(&mut runner).unwrap();
    let (snapshot, account) = library(&proptest::strategy::ValueTree::current(&rows));
    let shown = snapshot.shown(account, Scope::Everything);
    for text in FILTERS {
        let query = Query::parse(text, Mode::Strict, TODAY).unwrap();
        let (filter, _) = query.filters().next().unwrap();
        let expected: RoaringBitmap = shown
            .iter()
            .filter(|row| asked(&snapshot, snapshot.row(RowNumber(*row)).unwrap(), text))
            .collect();
        let found = filter.rows(&snapshot, account, &shown);
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn many_sets_are_united_as_few_are() {
    for count in [0, 1, 31, 32, 500] {
        let sets: Vec<RoaringBitmap> =
            (0..count).map(|at: u32| RoaringBitmap::from_iter([at * 7 % 1000, at * 70_000, 5])).collect();
        let expected = sets.iter().fold(RoaringBitmap::new(), |all, set| all | set);
        assert_eq!(together(sets.iter()), expected);
    }
}
