//! Pictures with a real library under them, and the scan against comparing everything.

use tempfile::TempDir;

use super::*;
use crate::library::RootSpec;
use crate::snapshot::fixture::{Fixture, Photo};
use crate::{Digests, FilePath, FileStat, Metadata, Observation, RootId};

const WIDTH: usize = 96;

fn model() -> ModelName {
    ModelName::new("standin").unwrap()
}

struct Dice(u64);

impl Dice {
    fn number(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..4 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            sum += (self.0 >> 40) as f32 / (1_u64 << 24) as f32 - 0.5;
        }
        sum
    }

    fn direction(&mut self) -> Vec<f32> {
        (0..WIDTH).map(|_| self.number()).collect()
    }

    /// So near to `middle` that the cosine is about `1 / sqrt(1 + apart^2)`.
    fn near(&mut self, middle: &[f32], apart: f32) -> Embedding {
        let other = Embedding::new(self.direction()).unwrap();
        let middle = Embedding::new(middle.to_vec()).unwrap();
        let sum = middle.as_slice().iter().zip(other.as_slice()).map(|(one, other)| one + apart * other);
        Embedding::new(sum.collect::<Vec<f32>>()).unwrap()
    }
}

fn content(number: u32) -> Checksum {
    Checksum::of(&number.to_le_bytes())
}

/// Pictures without a library: row n is content n.
fn pictures(dir: &TempDir, embeddings: &[Embedding]) -> Pictures {
    let pictures = Pictures::open(dir.path(), &model(), WIDTH, Weak::new()).unwrap();
    for (number, embedding) in (0..).zip(embeddings) {
        pictures.put(&content(number), embedding).unwrap();
        let slot = pictures.file.slot(&VectorKey::picture(content(number))).unwrap();
        pictures.rows_mut().bind(RowNumber(number), Some(slot));
    }
    pictures
}

fn clusters(count: usize, dice: &mut Dice) -> Vec<Embedding> {
    let common: Vec<f32> = dice.direction();
    let middles: Vec<Vec<f32>> = (0..40).map(|_| dice.near(&common, 1.5).as_slice().to_vec()).collect();
    (0..count).map(|at| dice.near(&middles[at % middles.len()], 0.8)).collect()
}

#[test]
fn the_nearest_are_those_of_comparing_everything_whatever_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let embeddings = clusters(6000, &mut dice);
    let pictures = pictures(&dir, &embeddings);
    assert_eq!(pictures.len(), embeddings.len());
    let all: RoaringBitmap = (0..6000).collect();
    let some: RoaringBitmap = (0..6000).filter(|row| row % 7 == 3).collect();
    let few: RoaringBitmap = [5, 4000, 5999, 7000].into_iter().collect();
    let (mut right, mut wanted) = (0, 0);
    for query in clusters(60, &mut dice) {
        for allowed in [&all, &some, &few] {
            let mut exact: Vec<(u32, f32)> = allowed
                .iter()
                .filter_map(|row| Some((row, embeddings.get(row as usize)?.cosine(&query)?)))
                .collect();
            exact.sort_by(|one, other| other.1.total_cmp(&one.1));
            let breadth = Breadth { at_least: 10, at_most: 10 };
            let near = pictures.near(query.as_slice(), allowed, breadth, |_, _| ()).unwrap();
            let slots = near.found.iter().map(|found| (found.slot, found.cosine));
            let rows = pictures.rows_in_order(slots, allowed);
            let best: HashSet<u32> = rows.iter().take(10).map(|(row, _)| row.0).collect();
            wanted += exact.len().min(10);
            right += exact.iter().take(10).filter(|(row, _)| best.contains(row)).count();
            assert!(rows.iter().all(|(row, _)| allowed.contains(row.0)));
            assert_eq!(near.candidates, exact.len());
            for (row, cosine) in rows {
                let exact = embeddings[row.0 as usize].cosine(&query).unwrap();
                assert!((cosine - exact).abs() < 2e-3, "{cosine} {exact}");
            }
        }
    }
    assert!(right * 100 >= wanted * 99, "{right} of {wanted}");
}

#[test]
fn what_was_removed_or_replaced_is_found_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(3);
    let embeddings = clusters(300, &mut dice);
    let opened = pictures(&dir, &embeddings);
    let all: RoaringBitmap = (0..300).collect();
    let first = |opened: &Pictures, query: &Embedding| {
        let breadth = Breadth { at_least: 1, at_most: 1 };
        let near = opened.near(query.as_slice(), &all, breadth, |_, _| ()).unwrap();
        let best = near.found.first().map(|found| (found.slot, found.cosine));
        opened.rows_in_order(best.into_iter(), &all).first().map(|(row, _)| row.0)
    };
    assert_eq!(first(&opened, &embeddings[17]), Some(17));
    assert!(opened.remove(&content(17)).unwrap());
    assert!(!opened.remove(&content(17)).unwrap());
    assert_ne!(first(&opened, &embeddings[17]), Some(17));
    assert_eq!(opened.len(), 299);
    opened.put(&content(40), &embeddings[17]).unwrap();
    assert_eq!(first(&opened, &embeddings[17]), Some(40));
    // The file says the same to the next who opens it.
    drop(opened);
    let again = Pictures::open(dir.path(), &model(), WIDTH, Weak::new()).unwrap();
    assert_eq!((again.len(), again.opened().damaged), (299, 0));
    assert!(again.get(&content(40)).unwrap().unwrap().cosine(&embeddings[17]).unwrap() > 0.999);
    let narrow = again.near(&[1.0], &all, Breadth { at_least: 1, at_most: 1 }, |_, _| ());
    assert!(matches!(narrow, Err(VectorError::Width { .. })));
}

#[test]
fn similar_ends_with_the_like() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(11);
    let scene = dice.direction();
    let mut embeddings: Vec<Embedding> = (0..12).map(|_| dice.near(&scene, 0.4)).collect();
    embeddings.extend((0..400).map(|_| Embedding::new(dice.direction()).unwrap()));
    let pictures = pictures(&dir, &embeddings);
    let all: RoaringBitmap = (0..412).collect();
    let similar = pictures.similar(RowNumber(5), &all, 100).unwrap();
    let mut rows: Vec<u32> = similar.iter().map(|(row, _)| row.0).collect();
    assert!(similar.is_sorted_by(|one, other| one.1 >= other.1));
    rows.sort_unstable();
    assert_eq!(rows, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    assert_eq!(pictures.similar(RowNumber(5), &all, 3).unwrap().len(), 3);
    let others: RoaringBitmap = (6..412).collect();
    assert_eq!(pictures.similar(RowNumber(5), &others, 100).unwrap().len(), 6);
    assert_eq!(pictures.similar(RowNumber(300), &all, 100).unwrap(), [], "nothing is like it");
    assert_eq!(pictures.similar(RowNumber(999), &all, 100).unwrap(), []);
}

#[test]
fn duplicates_are_those_of_comparing_all_with_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(5);
    let mut embeddings = clusters(400, &mut dice);
    for at in 0..150 {
        let copy = dice.near(embeddings[at * 2].as_slice(), 0.05 + 0.001 * at as f32);
        embeddings.push(copy);
    }
    let pictures = pictures(&dir, &embeddings);
    let mut fixture = Fixture::default();
    for number in 0..embeddings.len() {
        fixture.add(&Photo { path: &format!("{number}.jpg"), size: number as u64, ..Photo::default() });
    }
    let all: RoaringBitmap = (0..embeddings.len() as u32).collect();
    let groups = pictures.duplicates(&fixture.snapshot(), &all).unwrap();
    let mut expected = Vec::new();
    for (one, embedding) in embeddings.iter().enumerate().take(400) {
        let like = |other: &usize| embedding.cosine(&embeddings[*other]).unwrap() >= 0.99;
        let alike: Vec<usize> = (400..550).filter(like).collect();
        if !alike.is_empty() {
            expected
                .push(std::iter::once(one).chain(alike).map(|row| RowNumber(row as u32)).collect::<Vec<_>>());
        }
    }
    assert!(expected.len() > 50, "{}", expected.len());
    let near_the_edge = groups.iter().filter(|group| !expected.contains(group)).count()
        + expected.iter().filter(|group| !groups.contains(group)).count();
    // Rounding to f16 moves a pair in a hundred over the edge.
    assert!(near_the_edge <= 3, "{near_the_edge} of {}", expected.len());
    let half: RoaringBitmap = (0..400).collect();
    assert_eq!(pictures.duplicates(&fixture.snapshot(), &half).unwrap(), Vec::<Vec<RowNumber>>::new());
}

#[test]
fn pictures_of_other_days_and_shapes_are_no_duplicates() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(9);
    let one = Embedding::new(dice.direction()).unwrap();
    let pictures = pictures(&dir, &vec![one; 6]);
    let mut fixture = Fixture::default();
    let day = Some("2024-05-17T10:00:00");
    let shots = [
        ("a.jpg", day),
        ("b.jpg", Some("2024-05-17T10:00:01")),
        ("c.jpg", Some("2019-01-01T10:00:00")),
        ("d.jpg", Some("2019-01-01T10:00:05")),
        ("e.mp4", day),
        ("f.mp4", day),
    ];
    for (path, taken) in shots {
        fixture.add(&Photo { path, taken, ..Photo::default() });
    }
    let groups = pictures.duplicates(&fixture.snapshot(), &(0..6).collect()).unwrap();
    let rows = |rows: [u32; 2]| rows.map(RowNumber).to_vec();
    assert_eq!(groups, [rows([0, 1]), rows([2, 3]), rows([4, 5])]);
}

fn seen(root: RootId, name: &str, inode: u64, content: &Checksum) -> Observation {
    let digests = Digests { checksum: *content, ..Digests::of(name.as_bytes()) };
    Observation::Asset {
        path: FilePath::new(root, name.as_bytes()),
        stat: FileStat { size: 1, mtime_ns: 1, ctime_ns: i64::try_from(inode).unwrap(), device: 1, inode },
        digests,
        metadata: Box::new(Metadata::default()),
        sidecars: Vec::new(),
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn rows_are_tied_to_what_they_are_now_and_vectors_outlive_the_catalogue() {
    let data = tempfile::tempdir().unwrap();
    let mut dice = Dice(21);
    let embeddings: Vec<Embedding> = (0..4).map(|_| Embedding::new(dice.direction()).unwrap()).collect();
    let (library, _) = Library::open(data.path()).unwrap();
    let root = library.set_roots(library.account(), &[RootSpec { path: "/pictures".into() }]).unwrap()[0];
    let pictures = library.open_pictures(&model(), WIDTH).unwrap();
    assert!(matches!(
        library.open_pictures(&model(), WIDTH),
        Err(PicturesError::Vectors(VectorError::InUse { .. }))
    ));
    let row = |library: &Library, name: &str| library.snapshot().by_name(name).unwrap();
    let of = |library: &Library, pictures: &Pictures, name: &str| {
        let embedding = pictures.of_row(row(library, name)).unwrap()?;
        embeddings.iter().position(|one| one.cosine(&embedding).unwrap() > 0.999)
    };
    // The photo first, its embedding later.
    library.observe(vec![seen(root, "a.jpg", 1, &content(0))]).unwrap();
    assert_eq!(of(&library, &pictures, "a.jpg"), None);
    pictures.put(&content(0), &embeddings[0]).unwrap();
    assert_eq!(of(&library, &pictures, "a.jpg"), Some(0), "at once");
    // The other way round.
    pictures.put(&content(1), &embeddings[1]).unwrap();
    library.observe(vec![seen(root, "b.jpg", 2, &content(1))]).unwrap();
    eventually("b.jpg is tied", || of(&library, &pictures, "b.jpg") == Some(1));
    // Other bytes at a path: a new version, that is not embedded yet, and then is.
    library.observe(vec![seen(root, "a.jpg", 1, &content(2))]).unwrap();
    eventually("a.jpg is not what it was", || of(&library, &pictures, "a.jpg").is_none());
    pictures.put(&content(2), &embeddings[2]).unwrap();
    assert_eq!(of(&library, &pictures, "a.jpg"), Some(2));
    assert_eq!(pictures.len(), 3);
    drop(pictures);
    let account = library.account();
    eventually("nobody has the library any more", || Arc::strong_count(&library) == 1);
    drop(library);
    // All that is derived is thrown away but the vectors, and the files come in another order.
    let library = loop {
        match Library::rebuild(data.path()) {
            Ok((library, _)) => break library,
            Err(crate::LibraryError::InUse(_)) => std::thread::sleep(std::time::Duration::from_millis(10)),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(library.account(), account);
    let pictures = library.open_pictures(&model(), WIDTH).unwrap();
    assert_eq!((pictures.len(), pictures.opened().damaged), (3, 0));
    library.observe(vec![seen(root, "b.jpg", 2, &content(1)), seen(root, "a.jpg", 1, &content(2))]).unwrap();
    eventually("both are tied", || {
        of(&library, &pictures, "a.jpg") == Some(2) && of(&library, &pictures, "b.jpg") == Some(1)
    });
}
