//! Random lives of a library, seen through a real mount and held against a plain map: whatever the kernel was told or
//! remembers, a walk shows what is there now, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use galleryfs_fs::{Mount, Options, Passthrough};
use library::RowNumber;
use library::snapshot::fixture::Photo;
use proptest::prelude::*;
use support::lives::with_photos;
use support::mounted::Mounted;
use support::reference::ops::{Op, ops};
use support::reference::walk::{left, read, walked};
use support::{HandClock, TestLibrary};

/// One thing that happens. Numbers are taken modulo what there is, so that shrinking keeps steps valid.
#[derive(Clone, Debug)]
enum Step {
    Add {
        folder: usize,
        day: usize,
        tag: usize,
    },
    Move {
        photo: usize,
        folder: usize,
    },
    Retag {
        photo: usize,
        tag: usize,
    },
    Remove {
        photo: usize,
    },
    /// Names are asked for that may or may not be there, so that the kernel remembers the answers.
    Look {
        photo: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0..64usize;
    prop_oneof![
        5 => (number(), number(), number()).prop_map(|(folder, day, tag)| Step::Add { folder, day, tag }),
        3 => (number(), number()).prop_map(|(photo, folder)| Step::Move { photo, folder }),
        2 => (number(), number()).prop_map(|(photo, tag)| Step::Retag { photo, tag }),
        2 => number().prop_map(|photo| Step::Remove { photo }),
        3 => number().prop_map(|photo| Step::Look { photo }),
    ]
}

const FOLDERS: &[&str] = &["", "a", "a/b", "c"];
const DAYS: &[&str] = &["2024-05-01", "2024-05-02", "2023-12-31"];
const TAGS: &[&[&str]] = &[&[], &["holiday"], &["holiday/rome"], &["work", "holiday"]];

/// A photo as the model knows it.
#[derive(Clone, Debug)]
struct Known {
    row: RowNumber,
    name: String,
    folder: &'static str,
    day: &'static str,
    tags: &'static [&'static str],
}

impl Known {
    fn path(&self) -> String {
        if self.folder.is_empty() { self.name.clone() } else { format!("{}/{}", self.folder, self.name) }
    }

    fn seen(&self) -> Vec<String> {
        let (year, month) = (&self.day[..4], &self.day[..7]);
        let mut seen = vec![
            format!("all/{year}/{}/{}", &self.day[5..7], self.name),
            format!("by-date/{year}/{month}/{}/{}", self.day, self.name),
            format!("folders/photos/{}", self.path()),
        ];
        seen.extend(self.tags.iter().map(|tag| format!("tags/{tag}/{}", self.name)));
        seen
    }
}

/// The photo a step means.
fn pick(known: &BTreeMap<usize, Known>, number: usize) -> Option<usize> {
    known.keys().nth(number % known.len().max(1)).copied()
}

fn walk(top: &Path, below: &str, found: &mut BTreeSet<String>) {
    // A folder may go while it is walked: that is the next look's business.
    let Ok(entries) = std::fs::read_dir(top.join(below)) else { return };
    for entry in entries.flatten() {
        let path = format!("{below}/{}", entry.file_name().into_string().unwrap());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(top, &path, found);
        } else {
            found.insert(path);
        }
    }
}

fn seen_now(top: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for view in ["all", "by-date", "folders", "tags"] {
        walk(top, view, &mut found);
    }
    found
}

fn live(steps: &[Step], passthrough: Passthrough) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let (photos, top) = (dir.path().join("photos"), dir.path().join("mnt"));
    std::fs::create_dir(&photos).unwrap();
    std::fs::create_dir(&top).unwrap();
    let library = TestLibrary::new(&photos);
    let root = library.edit(|_| Vec::new()).snapshot.folders().roots().next().unwrap().0.name.clone();
    let options = Options { clock: HandClock::at("2026-05-01"), passthrough, ..Options::default() };
    let source = Arc::<TestLibrary>::clone(&library);
    let mount: Mount = galleryfs_fs::mount(source, &top, options).unwrap();
    let mut known: BTreeMap<usize, Known> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        match *step {
            Step::Add { folder, day, tag } => {
                let (folder, day) = (FOLDERS[folder % FOLDERS.len()], DAYS[day % DAYS.len()]);
                let tags = TAGS[tag % TAGS.len()];
                let name = format!("IMG_{at}.jpg");
                let mut photo = Known { row: RowNumber(0), name, folder, day, tags };
                let (path, taken) = (photo.path(), format!("{day}T10:00:00"));
                let spec = Photo { path: &path, taken: Some(&taken), tags, ..Photo::default() };
                photo.row = library.add(&spec, format!("bytes of {at}").as_bytes());
                known.insert(at, photo);
            }
            Step::Move { photo, folder } => {
                let Some(key) = pick(&known, photo) else { continue };
                let mut moved = known[&key].clone();
                let before = photos.join(moved.path());
                moved.folder = FOLDERS[folder % FOLDERS.len()];
                let after = photos.join(moved.path());
                std::fs::create_dir_all(after.parent().unwrap()).unwrap();
                std::fs::rename(before, after).unwrap();
                library.edit(|fixture| {
                    fixture.move_to(moved.row, &moved.path());
                    vec![moved.row]
                });
                known.insert(key, moved);
            }
            Step::Retag { photo, tag } => {
                let Some(key) = pick(&known, photo) else { continue };
                let tags = TAGS[tag % TAGS.len()];
                let photo = known.get_mut(&key).unwrap();
                photo.tags = tags;
                let row = photo.row;
                library.edit(|fixture| {
                    fixture.retag(row, tags);
                    vec![row]
                });
            }
            Step::Remove { photo } => {
                let Some(key) = pick(&known, photo) else { continue };
                let photo = known.remove(&key).unwrap();
                std::fs::remove_file(photos.join(photo.path())).unwrap();
                library.remove(photo.row);
            }
            Step::Look { photo } => {
                let name = format!("IMG_{}.jpg", photo % steps.len());
                for view in ["all/2024/05", "by-date/2024/2024-05/2024-05-02", "tags/holiday"] {
                    let _ = std::fs::metadata(top.join(view).join(&name));
                }
            }
        }
        let expected: BTreeSet<String> = known
            .values()
            .flat_map(Known::seen)
            .map(|path| path.replacen("folders/photos/", &format!("folders/{root}/"), 1))
            .collect();
        // The kernel is told from another thread; it must come to the truth, soon.
        let begun = Instant::now();
        let mut seen = seen_now(&top);
        while seen != expected && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(2));
            seen = seen_now(&top);
        }
        prop_assert_eq!(&seen, &expected, "after step {}: {:?}", at, step);
        if let Some(key) = pick(&known, at) {
            for path in known[&key].seen().iter().filter(|path| !path.starts_with("folders/")) {
                let bytes = std::fs::read(top.join(path));
                prop_assert_eq!(bytes.ok(), Some(format!("bytes of {key}").into_bytes()), "{}", path);
            }
        }
    }
    mount.unmount().unwrap();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_shows_what_is_there_now(steps in prop::collection::vec(step(), 1..30), passthrough in any::<bool>()) {
        live(&steps, if passthrough { Passthrough::Auto } else { Passthrough::Off })?;
    }
}

fn decided(ops: &[Op]) -> Result<(), TestCaseError> {
    let mounted = Mounted::new();
    let mut reference = with_photos(&mounted.library);
    let top = mounted.at("");
    support::mounted::soon("the photos", || walked(&top) == reference.listed());
    let mut acts = Vec::new();
    for op in ops {
        let Some(act) = reference.act(op) else { continue };
        let done = act.perform(&top);
        acts.push(act.clone());
        let should = reference.apply(&act);
        prop_assert_eq!(done.is_ok(), should, "the last of {:#?}: {:?}", &acts, done);
        let wanted = (reference.listed(), reference.contents(), reference.left());
        let mut found = (walked(&top), read(&top), left(&top));
        let begun = Instant::now();
        while found != wanted && !act.shows_at_once() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(2));
            found = (walked(&top), read(&top), left(&top));
        }
        let differ: Vec<_> = found.0.symmetric_difference(&wanted.0).collect();
        prop_assert!(differ.is_empty(), "at once after the last of {:#?}: {:?}", acts, differ);
        prop_assert_eq!(&found, &wanted, "after the last of {:#?}", acts);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("GALLERYFS_SOAK").is_some() { 2000 } else { 25 }, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_made_moved_and_removed_is_what_the_document_says(ops in prop::collection::vec(ops(), 1..40)) {
        decided(&ops)?;
    }
}
