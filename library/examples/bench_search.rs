//! How long searches take: a made-up library of 100,000 photos (or as many as the first argument says), typical queries,
//! and for each the median and the 99th percentile. The budgets are in `docs/performance.md`.
//!
//! `cargo run --release -p galleryfs-library --features fixtures --example bench_search -- 1000000`
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::date;
use library::id::{AccountId, RowNumber};
use library::query::{Mode, Query};
use library::search::search;
use library::snapshot::Snapshot;
use library::snapshot::fixture::{Fixture, Photo};
use library::text::{TextChange, TextDocument, TextIndex, TextReader};

const WORDS: &[&str] = &[
    "dog",
    "park",
    "beach",
    "sunset",
    "birthday",
    "cake",
    "snow",
    "mountain",
    "lake",
    "kite",
    "red",
    "blue",
    "garden",
    "flower",
    "cat",
    "car",
    "train",
    "bridge",
    "church",
    "market",
    "boat",
    "harbour",
    "forest",
    "wedding",
    "concert",
    "school",
    "football",
    "bicycle",
    "breakfast",
    "window",
];
const PEOPLE: &[&str] =
    &["Alice", "Bob B", "Carol", "Dan", "Erika Mustermann", "Fatima", "George", "Hana", "Ivan", "Jo"];
const CAMERAS: &[(&str, &str)] = &[
    ("Canon", "Canon EOS 40D"),
    ("NIKON CORPORATION", "NIKON D750"),
    ("Apple", "iPhone 13 Pro"),
    ("samsung", "SM-G991B"),
    ("SONY", "ILCE-7M3"),
];
const TAGS: &[&str] =
    &["holiday", "holiday/rome", "holiday/alps", "work", "family/birthday", "print", "best"];
const COUNTRIES: &[&str] =
    &["Italy", "France", "Germany", "United States", "Japan", "Norway", "Spain", "Greece"];

/// Typical queries; those that end in `_` are being typed.
const QUERIES: &[&str] = &[
    "",
    "dog",
    "dog in park",
    "dog-in-park",
    "rome",
    "beach 2019",
    "IMG_0042",
    "\"red kite\"",
    "beach -dog",
    "baech",
    "sunset person:Alice",
    "dog place:rome date:2020",
    "person:Alice",
    "person:\"Bob B\" -tag:work",
    "place:rome",
    "place:italy rating:>=4",
    "date:2020",
    "date:2010..",
    "date:2015..2020 camera:canon type:image",
    "rating:>=4 tag:holiday",
    "type:video -tag:work has:gps",
    "is:undated",
    "in:2019",
    "iso:>=3200",
    "name:0042",
    "s_",
    "su_",
    "sunse_",
    "dog pa_",
    "person:Al_",
];

/// A small generator, so that every run makes the same library.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    /// Low numbers more often, as names of places and words are.
    fn skewed(&mut self, sides: usize) -> usize {
        self.roll(sides).min(self.roll(sides)).min(self.roll(sides))
    }
}

struct Library {
    snapshot: Arc<Snapshot>,
    account: AccountId,
    text: TextReader,
}

fn make(count: usize, index: &TextIndex) -> Result<Library, Box<dyn Error>> {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let cities: Vec<String> = (0..(count / 200).clamp(100, 20_000))
        .map(|at| if at == 7 { "Rome".into() } else { format!("{}{at}ville", WORDS[at % WORDS.len()]) })
        .collect();
    let mut fixture = Fixture::default();
    let mut writer = index.writer()?;
    for at in 0..count {
        let (year, month) = (2005 + dice.roll(20), 1 + dice.roll(12));
        let words: Vec<&str> = (0..3).map(|_| WORDS[dice.skewed(WORDS.len())]).collect();
        let ext = ["jpg", "jpg", "jpg", "heic", "nef", "mp4"][dice.roll(6)];
        let file = match dice.roll(10) {
            0 => format!("{}-in-{} {at}.{ext}", words[0], words[1]),
            _ => format!("IMG_{:04}_{at}.{ext}", at % 10_000),
        };
        let folder = format!("{year}/{month:02}/{}", WORDS[at % 5]);
        let taken = format!(
            "{year}-{month:02}-{:02}T{:02}:30:{:02}",
            1 + dice.roll(28),
            dice.roll(24),
            dice.roll(60)
        );
        let city = dice.skewed(cities.len());
        let place =
            (dice.roll(10) < 6).then(|| (cities[city].as_str(), "Region", COUNTRIES[city % COUNTRIES.len()]));
        let camera = CAMERAS[dice.skewed(CAMERAS.len())];
        let tags = if dice.roll(5) == 0 { &TAGS[dice.skewed(TAGS.len())..][..1] } else { &[] };
        let people = if dice.roll(4) == 0 { &PEOPLE[dice.skewed(PEOPLE.len())..][..1] } else { &[] };
        let described = dice.roll(4) == 0;
        let path = format!("{folder}/{file}");
        let row = fixture.add(&Photo {
            path: &path,
            size: 3_000_000 + at as u64,
            taken: (dice.roll(50) > 0).then_some(&taken),
            place,
            camera: Some(camera),
            tags,
            people,
            rating: (dice.roll(6) == 0).then(|| dice.roll(6) as i64),
            ..Photo::default()
        });
        let (iso, position) = (100 << dice.roll(7), place.map(|_| (41.9, 12.5)));
        fixture.change(row, |row| {
            (row.iso, row.position, row.described) = (std::num::NonZeroU32::new(iso), position, described);
        });
        writer.apply(&[TextChange::Put(Box::new(TextDocument {
            names: vec![file],
            description: described
                .then(|| format!("A {} and a {} near the {}", words[0], words[2], words[1])),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            place: place.map_or(Vec::new(), |(a, b, c)| vec![a.into(), b.into(), c.into()]),
            camera: Some(camera.1.to_owned()),
            people: people.iter().map(|name| (*name).to_owned()).collect(),
            folders: folder.split('/').map(ToOwned::to_owned).collect(),
            taken: Some(date(year as i16, month as i8, 1)),
            ..TextDocument::new(row)
        }))])?;
    }
    writer.commit(fixture.snapshot().cursor())?;
    writer.close()?;
    Ok(Library { snapshot: fixture.snapshot(), account: fixture.account(), text: index.reader() })
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with("RssAnon"))
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let limit = arguments.next().map_or(Ok(500), |text| text.parse())?;
    let dir = std::env::temp_dir().join(format!("bench-search-{}", std::process::id()));
    let start = Instant::now();
    let library = make(count, &TextIndex::open(&dir)?)?;
    println!("{count} photos made in {:.1} s, {}", start.elapsed().as_secs_f64(), memory());
    let opened = Instant::now();
    let index = TextIndex::open(&dir)?;
    println!("index opened and checked in {:.1} ms", opened.elapsed().as_secs_f64() * 1000.0);
    drop(index);

    println!("{:>10} {:>10} {:>10}  query (limit {limit})", "p50 ms", "p99 ms", "found");
    let mut all = Vec::new();
    let today = date(2024, 5, 17);
    for text in QUERIES {
        let (text, mode) = text.strip_suffix('_').map_or((*text, Mode::Strict), |text| (text, Mode::Typing));
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..if count > 200_000 { 20 } else { 50 } {
            let start = Instant::now();
            let query = Query::parse(text, mode, today)?;
            let result = search(&library.snapshot, library.account, &library.text, None, &query, limit)?;
            times.push(start.elapsed());
            found = result.total;
            std::hint::black_box(result.hits.first().map(|hit| hit.row == RowNumber(0)));
        }
        times.sort_unstable();
        println!(
            "{:>10.2} {:>10.2} {found:>10}  {text}{}",
            percentile(&times, 50),
            percentile(&times, 99),
            if mode == Mode::Typing { "…" } else { "" }
        );
        all.extend(times);
    }
    all.sort_unstable();
    println!(
        "{:>10.2} {:>10.2} {:>10}  all together, {}",
        percentile(&all, 50),
        percentile(&all, 99),
        "",
        memory()
    );
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
