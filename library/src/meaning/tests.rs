//! Search by meaning, with a model small enough to be made up: every word it knows is a direction, a text is the sum of
//! its words, and a picture shows some words and much else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use super::*;
use crate::checksum::Checksum;
use crate::library::{Library, RootSpec};
use crate::query::Mode;
use crate::things::{Things, all_prompts};
use crate::vectors::ModelName;
use crate::{Digests, FilePath, FileStat, Metadata, Observation};

const WIDTH: usize = 256;

fn direction(of: &str) -> Vec<f32> {
    let mut bytes = vec![0; WIDTH * 4];
    blake3::Hasher::new().update(of.as_bytes()).finalize_xof().fill(&mut bytes);
    let number = |part: &[u8]| part.iter().map(|byte| f32::from(*byte) - 127.5).sum::<f32>();
    let values: Vec<f32> = bytes.chunks(4).map(number).collect();
    Embedding::new(values).unwrap().as_slice().to_vec()
}

fn add(sum: &mut [f32], of: &str, weight: f32) {
    for (sum, value) in sum.iter_mut().zip(direction(of)) {
        *sum += weight * value;
    }
}

/// The made-up model's reader of texts.
struct Toy {
    model: ModelName,
    asked: Mutex<Vec<String>>,
    away: AtomicBool,
    count: AtomicUsize,
}

impl Toy {
    fn new() -> Arc<Self> {
        let model = ModelName::new("toy").unwrap();
        Arc::new(Self {
            model,
            asked: Mutex::default(),
            away: AtomicBool::new(false),
            count: AtomicUsize::new(0),
        })
    }

    fn knows(word: &str) -> bool {
        all_prompts().any(|prompt| prompt.split(' ').any(|known| known == word))
    }
}

impl Encoder for Toy {
    fn model(&self) -> &ModelName {
        &self.model
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(EncodeError::new("the model is not there"));
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.asked.lock().unwrap().push(text.to_owned());
        // Texts have something in common that pictures have not.
        let mut sum = vec![0.0; WIDTH];
        add(&mut sum, "(a text)", 1.0);
        for word in text.split(' ').filter(|word| Self::knows(word)) {
            add(&mut sum, word, 1.0);
        }
        Ok(Embedding::new(sum).unwrap())
    }
}

fn picture(number: u32, shows: &[&str]) -> Embedding {
    let mut sum = vec![0.0; WIDTH];
    add(&mut sum, "(a picture)", 1.5);
    for word in shows {
        add(&mut sum, word, 0.8);
    }
    for other in 0..6 {
        add(&mut sum, &format!("{number} {other}"), 0.5);
    }
    Embedding::new(sum).unwrap()
}

struct Scene {
    library: Arc<Library>,
    meaning: Arc<PictureMeaning>,
    toy: Arc<Toy>,
    _data: TempDir,
}

const COUNT: u32 = 300;

/// 300 photos: some dogs, some snow, one of them both, one car, and much that nobody asks for. `quokka.jpg` is named
/// after what no model knows.
fn scene() -> Scene {
    let data = tempfile::tempdir().unwrap();
    let (library, _) = Library::open(data.path()).unwrap();
    let root = library.set_roots(library.account(), &[RootSpec { path: "/pictures".into() }]).unwrap()[0];
    let content = |number: u32| Checksum::of(&number.to_le_bytes());
    let seen = |number: u32| Observation::Asset {
        path: FilePath::new(root, name(number).as_bytes()),
        stat: FileStat { size: 1, mtime_ns: 1, ctime_ns: 1, device: 1, inode: number.into() },
        digests: Digests { checksum: content(number), ..Digests::of(&number.to_le_bytes()) },
        metadata: Box::new(Metadata::default()),
        sidecars: Vec::new(),
    };
    library.observe((0..COUNT).map(seen).collect()).unwrap();
    let toy = Toy::new();
    let pictures = library.open_pictures(&toy.model, WIDTH).unwrap();
    let backgrounds =
        ["kitchen", "street", "guitar", "painting", "bread", "office", "tower", "sofa", "flag", "book"];
    for number in 0..COUNT {
        let shows: &[&str] = match number {
            0..20 => &["dog"],
            20 => &["dog", "snow"],
            21..30 => &["snow"],
            30 => &["car"],
            31 => &["dog", "park"],
            _ => &[backgrounds[number as usize % backgrounds.len()]],
        };
        pictures.put(&content(number), &picture(number, shows)).unwrap();
    }
    let meaning = Arc::new(PictureMeaning::new(pictures, Arc::clone(&toy) as Arc<dyn Encoder>).unwrap());
    library.set_meaning(Some(Arc::clone(&meaning) as Arc<dyn Meaning>));
    library.settle().unwrap();
    Scene { library, meaning, toy, _data: data }
}

fn name(number: u32) -> String {
    match number {
        3 => "quokka.jpg".into(),
        40 => "dog.jpg".into(),
        _ => format!("IMG_{number:04}.jpg"),
    }
}

impl Scene {
    fn search(&self, text: &str) -> Vec<String> {
        let snapshot = self.library.snapshot();
        let hits = self.library.search(self.library.account(), text, Mode::Strict, 1000).unwrap();
        hits.iter().map(|hit| snapshot.row(hit.row).unwrap().name.to_string()).collect()
    }

    fn found(&self, text: &str) -> Vec<u32> {
        let all: RoaringBitmap = (0..COUNT).collect();
        let rows = self.meaning.find(text, &all, 1000).unwrap();
        let snapshot = self.library.snapshot();
        let number = |name: &str| (0..COUNT).find(|number| self::name(*number) == name).unwrap();
        rows.iter().map(|(row, _)| number(&snapshot.row(*row).unwrap().name)).collect()
    }

    /// These first, whatever their order, and after them no more than the share that a list may hold by chance.
    fn assert_found(&self, text: &str, mut expected: Vec<u32>) {
        let mut found = self.found(text);
        assert!(
            found.len() >= expected.len() && found.len() <= expected.len() * 5 / 4 + 1,
            "{text}: {found:?}"
        );
        found.truncate(expected.len());
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_is_there_is_found_and_the_list_ends_with_it() {
    let scene = scene();
    scene.assert_found("dog", (0..=20).chain([31]).collect());
    scene.assert_found("a dog", (0..=20).chain([31]).collect());
    scene.assert_found("snow", (20..30).collect());
    scene.assert_found("car", vec![30]);
    for absent in ["giraffe", "sushi", "volcano", "violin", "wedding", "penguin", "airplane", "cactus"] {
        assert_eq!(scene.found(absent), Vec::<u32>::new(), "{absent}");
    }
}

#[test]
fn words_and_pictures_become_one_list() {
    let scene = scene();
    let dogs = scene.search("dog");
    assert_eq!(dogs[0], "dog.jpg", "the file of that name first, whatever it shows");
    // 22 photos show one, and one file is called so; a fifth of the list may be there by chance.
    assert!((23..=22 * 5 / 4 + 1 + 1).contains(&dogs.len()), "{dogs:?}");
    assert!(dogs.contains(&"IMG_0031.jpg".to_owned()));
    let in_park = scene.search("dog in park");
    assert_eq!(in_park[0], "IMG_0031.jpg");
    assert_eq!(scene.search("dog-in-park"), in_park);
    assert_eq!(scene.search("dog -name:IMG*"), ["dog.jpg", "quokka.jpg"]);
}

#[test]
fn words_the_model_does_not_know_must_be_written_somewhere() {
    let scene = scene();
    assert_eq!(scene.search("quokka"), ["quokka.jpg"]);
    assert_eq!(scene.search("a photo of a quokka"), Vec::<String>::new(), "its name says nothing of photos");
    assert_eq!(scene.search("dog quokka"), ["quokka.jpg"], "it shows a dog, and is called so");
    assert_eq!(scene.search("car quokka"), Vec::<String>::new());
    assert_eq!(scene.search("xylograph"), Vec::<String>::new());
    let heard = scene.meaning.hear("a dog and a quokka");
    assert_eq!((heard.known.as_str(), heard.unknown), ("a dog and a", vec!["quokka".to_owned()]));
    assert_eq!(scene.meaning.hear("a photo of a quokka").known, "");
}

#[test]
fn without_a_model_the_words_are_left() {
    let scene = scene();
    scene.toy.away.store(true, Ordering::Relaxed);
    assert_eq!(scene.search("dog"), ["dog.jpg"]);
    assert_eq!(scene.meaning.rank("dog", &(0..COUNT).collect(), 10), None);
    scene.toy.away.store(false, Ordering::Relaxed);
    assert!(scene.search("dog").len() >= 23, "and when it is back, it is back");
}

#[test]
fn no_text_is_embedded_twice() {
    let scene = scene();
    scene.search("dog in park");
    let count = scene.toy.count.load(Ordering::Relaxed);
    scene.search("dog  in park");
    scene.search("dog-in-park");
    assert_eq!(scene.toy.count.load(Ordering::Relaxed), count);
    // What every start asks for is there at the next one.
    let Scene { library, meaning, toy, _data } = scene;
    library.set_meaning(None);
    let pictures = Arc::clone(meaning.pictures());
    drop(meaning);
    let again = PictureMeaning::new(pictures, Arc::clone(&toy) as Arc<dyn Encoder>).unwrap();
    toy.asked.lock().unwrap().clear();
    again.prepare().unwrap();
    assert_eq!(toy.asked.lock().unwrap().len(), 0);
}

#[test]
fn texts_of_one_model_are_not_compared_with_pictures_of_another() {
    let scene = scene();
    let toy = Toy { model: ModelName::new("other").unwrap(), ..Arc::into_inner(Toy::new()).unwrap() };
    let refused = PictureMeaning::new(Arc::clone(scene.meaning.pictures()), Arc::new(toy));
    assert!(matches!(refused, Err(MeaningError::Models { .. })));
}

#[test]
fn a_filter_narrows_what_is_looked_at() {
    let scene = scene();
    let snapshot = scene.library.snapshot();
    let row = |number: u32| snapshot.by_name(&name(number)).unwrap().0;
    let some: RoaringBitmap = (10..25).map(row).collect();
    let found = scene.meaning.find("dog", &some, 1000).unwrap();
    assert!((11..=13).contains(&found.len()), "{found:?}");
    assert!(found.iter().all(|(row, _)| some.contains(row.0)));
    assert!(scene.meaning.find("dog", &RoaringBitmap::new(), 10).unwrap().is_empty());
    assert_eq!(scene.meaning.find("dog", &(0..COUNT).collect(), 5).unwrap().len(), 5);
    assert_eq!(scene.meaning.rank_all("dog", &(0..COUNT).collect(), 100).unwrap().len(), 100);
}

#[test]
fn things_are_what_the_pictures_show() {
    let scene = scene();
    let all: RoaringBitmap = (0..COUNT).collect();
    let things = Things::find(&scene.meaning, &all).unwrap();
    let snapshot = scene.library.snapshot();
    let row = |number: u32| snapshot.by_name(&name(number)).unwrap().0;
    let dogs: RoaringBitmap = (0..=20).chain([31]).map(row).collect();
    let found = things.rows("animals", "dog").unwrap();
    assert!(found.is_superset(&dogs) && found.len() <= dogs.len() + 2, "{found:?}");
    let snow: RoaringBitmap = (20..30).map(row).collect();
    assert!(things.rows("seasons", "snow").unwrap().is_superset(&snow));
    assert_eq!(things.rows("animals", "giraffe"), None);
    assert!(things.groups().any(|group| group == "vehicles"));
    assert!(things.of_group("animals").all(|(name, rows)| name != "cat" && !rows.is_empty()));
}
