//! The photos: small, real, no two alike, from many days, places and cameras.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use galleryfs_tests::{Jpeg, Random, Site};

use crate::table::count;
use crate::timing::time;

/// Folders they are spread over.
const FOLDERS: usize = 100;

/// Bytes of the file that is read.
pub(crate) const BIG: usize = 512 << 20;

/// Where the photo that is read lies below the photos.
pub(crate) const BIG_PATH: &str = "big/BIG.jpg";

/// Pixels: from half a kilobyte to 38.
const PIXELS: &[(u16, u16)] = &[(160, 120), (640, 480), (800, 600), (1024, 768), (1280, 960)];

pub(crate) const CAMERAS: &[(&str, &str)] = &[
    ("Canon", "Canon EOS 40D"),
    ("NIKON CORPORATION", "NIKON D750"),
    ("Apple", "iPhone 13 Pro"),
    ("samsung", "SM-G991B"),
    ("SONY", "ILCE-7M3"),
];

const PLACES: &[(f64, f64)] = &[
    (41.9, 12.5),
    (48.85, 2.35),
    (52.52, 13.4),
    (40.71, -74.0),
    (35.68, 139.69),
    (-33.87, 151.2),
    (-22.9, -43.2),
    (-33.92, 18.42),
    (51.5, -0.12),
    (19.43, -99.13),
    (1.35, 103.82),
    (64.14, -21.9),
    (30.04, 31.23),
    (28.61, 77.2),
    (55.75, 37.61),
    (47.37, 8.54),
];

pub(crate) const WORDS: &[&str] = &[
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

/// The photos of a site, and the same under other names in one flat folder.
pub(crate) struct Photos {
    photos: PathBuf,
    flat: PathBuf,
    paths: Vec<PathBuf>,
}

/// The folder beside the photos that has them all: links to the same files.
pub(crate) fn flat(site: &Site) -> PathBuf {
    site.folder().join("flat")
}

impl Photos {
    /// Makes them.
    pub(crate) fn make(site: &Site, size: usize) -> Self {
        let flat = flat(site);
        std::fs::create_dir(&flat).expect("a folder");
        let paths: Vec<PathBuf> = (0..size)
            .map(|number| site.photos().join(format!("{:03}/{}", number % FOLDERS.min(size), name(number))))
            .collect();
        for folder in 0..FOLDERS.min(size) {
            std::fs::create_dir(site.photos().join(format!("{folder:03}"))).expect("a folder");
        }
        let took = time(|| {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            std::thread::scope(|scope| {
                for first in 0..cores {
                    let (paths, flat) = (&paths, &flat);
                    scope.spawn(move || {
                        for (number, path) in paths.iter().enumerate().skip(first).step_by(cores) {
                            std::fs::write(path, photo(number).bytes()).expect("a photo");
                            std::fs::hard_link(path, flat.join(name(number))).expect("a link");
                        }
                    });
                }
            });
            rustix::fs::sync();
        });
        println!("Made {} photos in {:.0} s\n", count(size), took.as_secs_f64());
        Self { photos: site.photos().to_owned(), flat, paths }
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.paths.len()
    }

    /// So many of them, from everywhere.
    pub(crate) fn sample(&self, size: usize) -> Vec<&Path> {
        let step = (self.paths.len() / size).max(1);
        self.paths.iter().step_by(step).take(size).map(PathBuf::as_path).collect()
    }

    /// Bytes of all.
    pub(crate) fn bytes(&self) -> u64 {
        self.paths.iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len())).sum()
    }

    /// One more photo, and a big one: noise behind the picture.
    pub(crate) fn add_big(&self) {
        let path = self.photos.join(BIG_PATH);
        std::fs::create_dir(path.parent().expect("a folder")).expect("a folder");
        let mut file = File::create(&path).expect("a file");
        let picture = photo(usize::MAX / 2).bytes();
        let mut random = Random::new(1);
        let mut left = BIG - picture.len();
        file.write_all(&picture).expect("room");
        while left > 0 {
            let block: Vec<u8> = (0..8192).flat_map(|_| random.number().to_le_bytes()).collect();
            let block = &block[..left.min(block.len())];
            file.write_all(block).expect("room");
            left -= block.len();
        }
        drop(file);
        std::fs::hard_link(&path, self.flat.join("BIG.jpg")).expect("a link");
        rustix::fs::sync();
    }
}

/// Its file name: the same in every folder and in the mount.
pub(crate) fn name(number: usize) -> String {
    format!("IMG_{number:06}.jpg")
}

/// That photo.
pub(crate) fn photo(number: usize) -> Jpeg {
    let mut random = Random::new(number as u64);
    let (width, height) = random.pick(PIXELS).copied().unwrap_or_default();
    let (make, model) = random.pick(CAMERAS).copied().unwrap_or_default();
    let words: Vec<&str> = (0..3).filter_map(|_| random.pick(WORDS).copied()).collect();
    let taken = format!(
        "{}:{:02}:{:02} {:02}:{:02}:{:02}",
        2005 + random.below(20),
        1 + random.below(12),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60)
    );
    let jpeg = Jpeg::new(number as u64)
        .pixels(width, height)
        .taken(&taken)
        .camera(make, model)
        .orientation(1)
        .description(&words.join(" "));
    // One in five knows no place.
    match random.pick(PLACES) {
        Some((lat, lon)) if random.below(5) > 0 => {
            let near = |random: &mut Random| random.below(1000) as f64 / 10_000.0;
            let (north, east) = (near(&mut random), near(&mut random));
            jpeg.gps(lat + north, lon + east)
        }
        _ => jpeg,
    }
}
