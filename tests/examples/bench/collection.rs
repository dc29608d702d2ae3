//! A folder of small real JPEGs with EXIF, kept from run to run.

use std::path::{Path, PathBuf};

use galleryfs_tests::{Jpeg, Random};

/// So many photos in one folder tree, and the same files once more in one flat folder (hard links).
pub(crate) struct Collection {
    folder: PathBuf,
    count: usize,
}

const PLACES: [(f64, f64); 8] = [
    (41.9, 12.5),
    (48.86, 2.35),
    (52.52, 13.4),
    (40.71, -74.0),
    (-33.87, 151.2),
    (35.68, 139.7),
    (59.33, 18.07),
    (-1.29, 36.8),
];

const CAMERAS: [(&str, &str); 5] = [
    ("Canon", "Canon EOS 40D"),
    ("NIKON CORPORATION", "NIKON D70"),
    ("Apple", "iPhone 7"),
    ("SONY", "ILCE-7M3"),
    ("FUJIFILM", "X-T3"),
];

const WORDS: [&str; 6] =
    ["beach at sunset", "birthday", "the old bridge", "dog in the park", "mountain lake", "market"];

impl Collection {
    /// Makes them, or takes those of an earlier run.
    pub(crate) fn make(count: usize) -> Self {
        let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        let folder = target.join("bench").join(count.to_string());
        let done = folder.join("done");
        let collection = Self { folder, count };
        if done.exists() {
            return collection;
        }
        println!("  making {count} photos in {} ...", collection.folder.display());
        std::fs::create_dir_all(collection.flat()).unwrap();
        let mut random = Random::new(count as u64);
        for number in 0..count {
            let (year, month, day) = (2005 + random.below(20), random.below(12) + 1, random.below(28) + 1);
            let (hour, minute) = (random.below(24), random.below(60));
            let mut photo = Jpeg::new(random.number())
                .taken(&format!("{year}:{month:02}:{day:02} {hour:02}:{minute:02}:00"))
                .padding(random.below(48_000));
            let (make, model) = random.pick(&CAMERAS).unwrap();
            photo = photo.camera(make, model);
            if random.below(3) > 0 {
                let (lat, lon) = random.pick(&PLACES).unwrap();
                let off = |random: &mut Random| random.below(1000) as f64 / 5000.0;
                photo = photo.gps(lat + off(&mut random), lon + off(&mut random));
            }
            if random.below(4) == 0 {
                photo = photo.description(random.pick(&WORDS).unwrap());
            }
            let album = collection.photos().join(format!("{year}/{month:02}"));
            std::fs::create_dir_all(&album).unwrap();
            let path = album.join(format!("IMG_{number:06}.jpg"));
            std::fs::write(&path, photo.bytes()).unwrap();
            std::fs::hard_link(&path, collection.flat().join(path.file_name().unwrap())).unwrap();
        }
        std::fs::write(done, "").unwrap();
        collection
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn photos(&self) -> PathBuf {
        self.folder.join("photos")
    }

    /// All of them in one folder.
    pub(crate) fn flat(&self) -> PathBuf {
        self.folder.join("flat")
    }

    /// The first so many of the flat folder.
    pub(crate) fn sample(&self, count: usize) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.flat()).unwrap();
        entries.take(count).map(|entry| Path::new(&entry.unwrap().path()).to_owned()).collect()
    }
}
