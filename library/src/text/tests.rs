//! The index as its users meet it: words found, crashes, damage.

use std::fs;

use roaring::RoaringBitmap;

use super::*;
use crate::change::{ChangeSeq, Cursor};
use crate::id::{Epoch, RowNumber};

fn cursor(seq: u64) -> Cursor {
    Cursor { epoch: Epoch::from_bytes([7; 16]), seq: ChangeSeq(seq) }
}

fn named(row: u32, name: &str) -> TextChange {
    TextChange::Put(Box::new(TextDocument { names: vec![name.into()], ..TextDocument::new(RowNumber(row)) }))
}

fn words_of(text: &str, prefix: bool) -> Wanted {
    let mut wanted = Wanted::default();
    let words: Vec<&str> = text.split(' ').collect();
    for (at, word) in words.iter().enumerate() {
        wanted.word(word, prefix && at + 1 == words.len());
    }
    wanted
}

fn everything() -> RoaringBitmap {
    (0..1000).collect()
}

fn rows(index: &TextIndex, wanted: &Wanted) -> Vec<u32> {
    let mut rows: Vec<u32> =
        index.reader().search(wanted, &everything()).unwrap().into_iter().map(|(row, _)| row.0).collect();
    rows.sort_unstable();
    rows
}

fn found(index: &TextIndex, text: &str) -> Vec<u32> {
    rows(index, &words_of(text, false))
}

fn phrase(index: &TextIndex, text: &str) -> Vec<u32> {
    let mut wanted = Wanted::default();
    wanted.phrase(text, false);
    rows(index, &wanted)
}

/// An index of these changes.
fn index_of(dir: &std::path::Path, changes: &[TextChange]) -> TextIndex {
    let index = TextIndex::open(dir).unwrap();
    let mut writer = index.writer().unwrap();
    writer.apply(changes).unwrap();
    writer.commit(cursor(1)).unwrap();
    index
}

#[test]
fn words_are_found_wherever_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let document = TextDocument {
        names: vec!["IMG_0042.jpg".into()],
        description: Some("A red kite over the Café".into()),
        tags: vec!["Holiday/Summer trip".into()],
        place: vec!["Rome".into(), "Latium".into(), "Italy".into()],
        camera: Some("Canon EOS 40D".into()),
        lens: Some("EF-S18-55mm".into()),
        people: vec!["Alice Smith".into()],
        folders: vec!["Pictures".into(), "2024".into(), "bestOf".into()],
        taken: Some(jiff::civil::date(2023, 5, 1)),
        ..TextDocument::new(RowNumber(1))
    };
    let index = index_of(
        dir.path(),
        &[
            TextChange::Put(Box::new(document)),
            named(2, "dog_park.jpg"),
            named(3, "dog-in-park.jpg"),
            named(4, "dogInPark2.JPG"),
            named(5, "東京タワー.jpg"),
        ],
    );
    for text in [
        "kite",
        "CAFE",
        "holiday trip",
        "rome",
        "italy",
        "canon 40d",
        "alice",
        "alice kite rome",
        "IMG_0042",
        "img_0042.jpg",
        "bestof",
        "best",
        "may 2023",
        "img0042",
        "18-55mm",
    ] {
        assert_eq!(found(&index, text), [1], "{text}");
    }
    assert_eq!(found(&index, "dog in park"), [2, 3, 4], "words of grammar may lack");
    assert_eq!(found(&index, "dog-in-park"), [2, 3, 4]);
    assert_eq!(found(&index, "dogInPark"), [3, 4], "humps are words");
    assert_eq!(found(&index, "in"), [3, 4], "unless nothing else is asked for");
    assert_eq!(found(&index, "dog rome"), Vec::<u32>::new(), "every word must be there");
    assert_eq!(found(&index, "東京"), [5]);
    assert_eq!(found(&index, "京東"), Vec::<u32>::new());
    assert_eq!(phrase(&index, "dog in park"), [3, 4]);
    assert_eq!(phrase(&index, "park dog"), Vec::<u32>::new());
    assert_eq!(phrase(&index, "red kite"), [1]);
    let reader = index.reader();
    assert_eq!(reader.named("dog in park", &everything()).unwrap(), RoaringBitmap::from_iter([3]));
    assert_eq!(reader.named("dog in park jpg", &everything()).unwrap(), RoaringBitmap::from_iter([3]));
    assert_eq!(reader.search(&words_of("dog", false), &RoaringBitmap::from_iter([3, 99])).unwrap().len(), 1);
}

#[test]
fn mistyped_words_are_forgiven_and_half_typed_ones_completed() {
    let dir = tempfile::tempdir().unwrap();
    let index =
        index_of(dir.path(), &[named(1, "sunflower.jpg"), named(2, "sun.jpg"), named(3, "beach.jpg")]);
    assert_eq!(found(&index, "sunflwoer"), [1], "swapped letters");
    assert_eq!(found(&index, "sanflowr"), [1], "two off in a long word");
    assert_eq!(found(&index, "baech"), [3]);
    assert_eq!(found(&index, "sin"), Vec::<u32>::new(), "too short to guess");
    assert_eq!(found(&index, "sun"), [2], "what is there is meant");
    assert_eq!(rows(&index, &words_of("sunf", true)), [1]);
    assert_eq!(rows(&index, &words_of("su", true)), [1, 2]);
    let unwanted = index.reader().matching(&words_of("baech", false), &everything()).unwrap();
    assert!(unwanted.is_empty(), "what is excluded is excluded as written");
    let mut half = Wanted::default();
    half.phrase("beach jp", true);
    assert_eq!(rows(&index, &half), [3]);
}

#[test]
fn documents_are_replaced_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), &[named(1, "a.jpg"), named(2, "bee.jpg"), named(1, "cat.jpg")]);
    assert_eq!(found(&index, "a"), Vec::<u32>::new());
    assert_eq!(found(&index, "cat"), [1]);

    let mut writer = index.writer().unwrap();
    writer
        .apply(&[named(1, "dog.jpg"), TextChange::Delete(RowNumber(2)), TextChange::Delete(RowNumber(9))])
        .unwrap();
    assert_eq!(found(&index, "cat"), [1], "nothing changes before the commit");
    writer.commit(cursor(2)).unwrap();
    assert_eq!(found(&index, "jpg"), [1]);
    assert_eq!(found(&index, "dog"), [1]);
    assert_eq!(index.cursor(), Some(cursor(2)));

    writer.clear().unwrap();
    writer.apply(&[named(3, "emu.jpg")]).unwrap();
    writer.commit(cursor(3)).unwrap();
    writer.close().unwrap();
    assert_eq!(found(&index, "jpg"), [3]);
    assert_eq!(index.reader().documents(), 1);
}

#[test]
fn a_crash_loses_what_was_not_committed_and_the_cursor_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(TextIndex::open(dir.path()).unwrap().cursor(), None);
    {
        let index = index_of(dir.path(), &[named(1, "ant.jpg")]);
        let mut writer = index.writer().unwrap();
        writer.apply(&[named(2, "bee.jpg"), TextChange::Delete(RowNumber(1))]).unwrap();
    }
    let index = TextIndex::open(dir.path()).unwrap();
    assert_eq!(index.put_aside(), None);
    assert_eq!(index.cursor(), Some(cursor(1)));
    assert_eq!(found(&index, "jpg"), [1]);
    // Read again from the cursor on, the same changes come out right.
    let mut writer = index.writer().unwrap();
    writer.apply(&[named(2, "bee.jpg"), TextChange::Delete(RowNumber(1))]).unwrap();
    writer.commit(cursor(2)).unwrap();
    assert_eq!(found(&index, "jpg"), [2]);
}

/// Found by a kill of the program: from then on, no commit succeeded.
#[test]
fn what_a_commit_that_was_killed_left_behind_is_in_nobodys_way() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = schema::Fields::default().folder_name();
    let (was, is) = (before.path().join(&folder), after.path().join(&folder));
    drop(index_of(before.path(), &[named(1, "ant.jpg"), named(2, "bee.jpg")]));
    fs::create_dir(&is).unwrap();
    for file in fs::read_dir(&was).unwrap().map(|file| file.unwrap().file_name()) {
        fs::copy(was.join(&file), is.join(&file)).unwrap();
    }
    let delete = |dir: &std::path::Path| {
        let index = TextIndex::open(dir).unwrap();
        let mut writer = index.writer().unwrap();
        writer.apply(&[TextChange::Delete(RowNumber(1))]).unwrap();
        writer.commit(cursor(2)).unwrap();
        found(&index, "jpg")
    };
    assert_eq!(delete(after.path()), [2]);
    // The files are there, and the commit is not.
    let mut left = 0;
    for file in fs::read_dir(&is).unwrap().map(|file| file.unwrap().file_name()) {
        let is_new = file.to_string_lossy().ends_with(".del") || file == ".managed.json";
        left += u32::from(is_new);
        if is_new {
            fs::copy(is.join(&file), was.join(&file)).unwrap();
        }
    }
    assert_eq!(left, 2);
    assert_eq!(delete(before.path()), [2]);
}

#[test]
fn a_damaged_index_is_put_aside_and_reported() {
    let sample = tempfile::tempdir().unwrap();
    index_of(sample.path(), &[named(1, "ant.jpg"), named(2, "bee.jpg")]);
    let folder = schema::Fields::default().folder_name();
    let mut files: Vec<_> =
        fs::read_dir(sample.path().join(&folder)).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.retain(|file| !file.to_string_lossy().ends_with(".lock"));
    files.sort();
    // Each file in turn: flipped in the middle, cut off, emptied.
    for damage in 0..3 {
        for broken in &files {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join(&folder)).unwrap();
            for file in &files {
                let mut bytes = fs::read(sample.path().join(&folder).join(file)).unwrap();
                let middle = bytes.len() / 2;
                match damage {
                    _ if file != broken || bytes.is_empty() => {}
                    0 => bytes[middle] ^= 0x55,
                    1 => bytes.truncate(middle),
                    _ => bytes.clear(),
                }
                fs::write(dir.path().join(&folder).join(file), &bytes).unwrap();
            }
            let index = TextIndex::open(dir.path()).unwrap();
            let name = broken.to_string_lossy().into_owned();
            if index.put_aside().is_some() {
                assert_eq!(index.cursor(), None, "{name}: an empty index has read nothing");
                assert_eq!(found(&index, "ant"), Vec::<u32>::new());
                assert!(dir.path().join("damaged").exists());
            } else {
                assert_eq!(found(&index, "ant"), [1], "{name}: what is not reported is whole");
            }
            let mut writer = index.writer().unwrap();
            writer.apply(&[named(1, "ant.jpg")]).unwrap();
            writer.commit(cursor(5)).unwrap();
            assert_eq!(found(&index, "ant"), [1], "{name}: it can be written again");
        }
    }
}

#[test]
fn an_index_for_other_fields_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (old, other) = (dir.path().join("index-0000000000000000"), dir.path().join("keep-me"));
    fs::create_dir_all(&old).unwrap();
    fs::create_dir_all(&other).unwrap();
    TextIndex::open(dir.path()).unwrap();
    assert!(!old.exists());
    assert!(other.exists());
}
