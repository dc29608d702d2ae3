//! Search as its callers meet it.

use jiff::civil::Date;

use super::*;
use crate::query::Mode;
use crate::snapshot::fixture::{Fixture, Photo};
use crate::text::{TextChange, TextDocument, TextIndex};
use crate::visibility::Visibility;

fn query(text: &str) -> Query {
    Query::parse(text, Mode::Strict, Date::constant(2024, 5, 17)).unwrap()
}

/// A library, and its text index made from names, tags and places as the catalogue would.
struct Library {
    fixture: Fixture,
    index: TextIndex,
    _dir: tempfile::TempDir,
}

impl Library {
    fn of(photos: &[Photo<'_>]) -> Self {
        let mut fixture = Fixture::default();
        let dir = tempfile::tempdir().unwrap();
        let index = TextIndex::open(dir.path()).unwrap();
        let mut writer = index.writer().unwrap();
        for (at, photo) in photos.iter().enumerate() {
            let row = fixture.add(&Photo { size: at as u64, ..photo.clone() });
            let words = TextDocument {
                names: vec![photo.path.rsplit('/').next().unwrap().to_owned()],
                tags: photo.tags.iter().map(|tag| (*tag).to_owned()).collect(),
                place: photo.place.iter().flat_map(|(a, b, c)| [*a, *b, *c]).map(ToOwned::to_owned).collect(),
                ..TextDocument::new(row)
            };
            writer.apply(&[TextChange::Put(Box::new(words))]).unwrap();
        }
        writer.commit(fixture.snapshot().cursor()).unwrap();
        Self { fixture, index, _dir: dir }
    }

    fn result(&self, text: &str, meaning: Option<&dyn Meaning>, limit: usize) -> SearchResult {
        let (snapshot, account) = (self.fixture.snapshot(), self.fixture.account());
        search(&snapshot, account, &self.index.reader(), meaning, &query(text), limit).unwrap()
    }

    fn names(&self, text: &str) -> Vec<String> {
        self.names_of(&self.result(text, None, usize::MAX))
    }

    fn names_of(&self, result: &SearchResult) -> Vec<String> {
        let snapshot = self.fixture.snapshot();
        result.hits.iter().map(|hit| snapshot.row(hit.row).unwrap().name.to_string()).collect()
    }
}

fn photo<'a>(path: &'a str, taken: Option<&'a str>, tags: &'a [&'a str]) -> Photo<'a> {
    Photo { path, taken, tags, ..Photo::default() }
}

fn dogs() -> Library {
    let rome = Some(("Rome", "Latium", "Italy"));
    Library::of(&[
        photo("a/dog_park.jpg", Some("2020-01-01T10:00:00"), &[]),
        photo("a/dog-in-park.jpg", Some("2019-01-01T10:00:00"), &[]),
        photo("b/IMG_1.jpg", Some("2024-05-17T10:00:00"), &["dog", "park"]),
        Photo { place: rome, ..photo("b/IMG_2.jpg", Some("2023-01-01T10:00:00"), &["dog"]) },
        Photo { place: rome, ..photo("b/IMG_3.jpg", None, &[]) },
        Photo { visibility: Visibility::Archive, ..photo("c/dog_old.jpg", Some("2001-01-01T10:00:00"), &[]) },
        Photo {
            visibility: Visibility::Locked,
            ..photo("c/dog_secret.jpg", Some("2001-01-02T10:00:00"), &[])
        },
    ])
}

#[test]
fn words_in_a_row_and_words_with_hyphens_find_the_same_photos() {
    let library = dogs();
    let names = library.names("dog in park");
    assert_eq!(names[0], "dog-in-park.jpg", "the file of that name first");
    assert_eq!(names.len(), 3);
    assert_eq!(library.names("dog-in-park"), names);
    assert_eq!(library.names("\"dog in park\""), ["dog-in-park.jpg"]);
}

#[test]
fn filters_alone_list_by_time_newest_first() {
    let library = dogs();
    assert_eq!(library.names(""), ["IMG_1.jpg", "IMG_2.jpg", "dog_park.jpg", "dog-in-park.jpg", "IMG_3.jpg"]);
    assert_eq!(library.names("place:rome"), ["IMG_2.jpg", "IMG_3.jpg"], "undated last");
    assert_eq!(library.names("-tag:dog date:..2023"), ["dog_park.jpg", "dog-in-park.jpg"]);
    let page = library.result("", None, 2);
    assert_eq!((page.hits.len(), page.total), (2, 5));
}

#[test]
fn filters_and_words_go_together() {
    let library = dogs();
    assert_eq!(library.names("dog place:italy"), ["IMG_2.jpg"]);
    assert_eq!(library.names("dog -park"), ["IMG_2.jpg"]);
    assert_eq!(library.names("dog is:archived"), ["dog_old.jpg"], "locked never");
    assert_eq!(library.names("dog tag:nobody-made-this"), Vec::<String>::new());
    assert_eq!(library.names("!!!"), Vec::<String>::new(), "no word at all is nothing, not everything");
    assert_eq!(library.names("dog & park").len(), 3, "but does no harm beside words");
}

#[test]
fn equal_scores_are_listed_by_time_and_the_limit_keeps_the_newest() {
    let library = dogs();
    assert_eq!(library.names("rome"), ["IMG_2.jpg", "IMG_3.jpg"]);
    let first = library.result("rome", None, 1);
    assert_eq!(library.names_of(&first), ["IMG_2.jpg"]);
    assert_eq!(first.total, 2);
    for _ in 0..3 {
        assert_eq!(library.result("dog", None, 10), library.result("dog", None, 10));
    }
    assert_eq!(library.result("dog", None, 0).hits, []);
}

/// Ranks rows as told, and remembers nothing.
struct Told(Vec<u32>);

impl Meaning for Told {
    fn rank(&self, text: &str, allowed: &RoaringBitmap, limit: usize) -> Option<Vec<(RowNumber, f32)>> {
        let rows = self.0.iter().copied().filter(|row| allowed.contains(*row)).take(limit);
        (text == "dog in park").then(|| rows.map(|row| (RowNumber(row), 0.3)).collect())
    }
}

#[test]
fn meaning_and_text_are_fused_by_rank() {
    let library = dogs();
    let meaning = Told(vec![4, 2, 3]);
    let found = library.result("dog-in-park", Some(&meaning), usize::MAX);
    let names = library.names_of(&found);
    assert_eq!(names[0], "dog-in-park.jpg", "the file of that name before all");
    assert_eq!(names[1], "IMG_1.jpg", "what both find before what one finds");
    assert_eq!(found.total, 5);
    let filtered = library.result("dog-in-park -place:rome", Some(&meaning), usize::MAX);
    assert_eq!(filtered.total, 3, "meaning is filtered too");
    assert_eq!(
        library.result("cat", Some(&meaning), 5),
        SearchResult::default(),
        "without a model, by text alone"
    );
}
