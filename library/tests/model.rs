//! Random lives of a folder, told to a real library and to a plain map; restarts and rebuilds in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that cannot go on fails

mod folder;

use std::collections::{BTreeMap, BTreeSet};

use folder::Folder;
use library::Scope;
use proptest::prelude::*;

/// One thing that happens. Numbers are taken modulo what there is, so that shrinking keeps steps valid.
#[derive(Clone, Debug)]
enum Step {
    Add { path: usize, content: usize },
    Remove { path: usize },
    Rename { from: usize, to: usize },
    Restart,
    Rebuild { rotate: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => ((0..64usize), (0..64usize)).prop_map(|(path, content)| Step::Add { path, content }),
        2 => (0..64usize).prop_map(|path| Step::Remove { path }),
        3 => ((0..64usize), (0..64usize)).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => Just(Step::Restart),
        1 => (0..64usize).prop_map(|rotate| Step::Rebuild { rotate }),
    ]
}

const PATHS: &[&str] = &[
    "a.jpg",
    "A.JPG",
    "x/a.jpg",
    "x/y/a.jpg",
    "a (2).jpg",
    "x/b.heic",
    "x/b.mov",
    "b.heic",
    "x/a.jpg.xmp",
    "caf\u{e9}.jpg",
];

const CONTENTS: &[&str] = &[
    "one taken=2024-05-01T10:00:00",
    "one cropped taken=2024-05-01T10:00:00",
    "two taken=2020-01-01T00:00:00",
    "three",
    "four taken=2024-05-01T10:00:01",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_library_is_what_stands_in_the_folder(steps in prop::collection::vec(step(), 1..24)) {
        let mut folder = Folder::new();
        let mut truth: BTreeMap<&str, &str> = BTreeMap::new();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for step in &steps {
            match step {
                Step::Add { path, content } => {
                    let path = PATHS[path % PATHS.len()];
                    let content = CONTENTS[content % CONTENTS.len()];
                    truth.insert(path, content);
                    folder.add(path, content.as_bytes());
                }
                Step::Remove { path } => {
                    let Some(path) = nth(&truth, *path) else { continue };
                    truth.remove(path);
                    folder.remove(path);
                }
                Step::Rename { from, to } => {
                    let Some(from) = nth(&truth, *from) else { continue };
                    let to = PATHS[to % PATHS.len()];
                    // A sidecar is one by its name, so the two kinds do not become each other.
                    if from == to || from.ends_with(".xmp") != to.ends_with(".xmp") {
                        continue;
                    }
                    if let Some(content) = truth.remove(from) {
                        truth.insert(to, content);
                    }
                    folder.rename(from, to);
                }
                Step::Restart => {
                    let before = shape(&folder, &truth);
                    folder.reopen(false);
                    prop_assert_eq!(shape(&folder, &truth), before);
                }
                Step::Rebuild { rotate } => {
                    let before = shape(&folder, &truth);
                    folder.reopen(true);
                    folder.rescan(|names| {
                        let by = rotate % names.len().max(1);
                        names.rotate_left(by);
                    });
                    prop_assert_eq!(shape(&folder, &truth), before);
                }
            }
            check(&folder, &truth, &mut names)?;
        }
    }
}

fn nth<'a>(truth: &BTreeMap<&'a str, &str>, at: usize) -> Option<&'a str> {
    truth.keys().nth(at % truth.len().max(1)).copied()
}

/// Id, name and inode number by path, of all that stands.
fn shape(folder: &Folder, truth: &BTreeMap<&str, &str>) -> BTreeMap<String, Option<(String, String, u64)>> {
    truth.keys().map(|path| ((*path).to_owned(), folder.row(path).map(|_| folder.identity(path)))).collect()
}

fn check(
    folder: &Folder,
    truth: &BTreeMap<&str, &str>,
    names: &mut BTreeMap<String, String>,
) -> Result<(), TestCaseError> {
    let snapshot = folder.library.snapshot();
    let mut by_content: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, content) in truth.iter().filter(|(path, _)| !path.ends_with(".xmp")) {
        let Some(row) = folder.row(path) else {
            // Only older bytes of an asset whose newer ones stand elsewhere have no row of their own.
            let record = folder.library.file(&folder.path(path)).unwrap();
            prop_assert!(record.is_some(), "{} is unknown", path);
            continue;
        };
        let row = snapshot.row(row).unwrap();
        prop_assert!(row.present);
        prop_assert_eq!(row.size, content.len() as u64, "{} shows other bytes", path);
        by_content.entry(content).or_default().insert(row.id.to_string());
    }
    for (content, ids) in &by_content {
        prop_assert_eq!(ids.len(), 1, "{} is several assets", content);
    }
    let mut folded = BTreeSet::new();
    for (number, row) in snapshot.rows() {
        prop_assert!(folded.insert(library::names::folded(&row.name)), "{} twice", row.name);
        let holder = names.entry(row.name.to_string()).or_insert_with(|| row.id.to_string());
        prop_assert_eq!(&*holder, &row.id.to_string(), "{} became another photo", row.name);
        prop_assert_eq!(snapshot.by_id(row.id), Some(number));
        prop_assert_eq!(snapshot.by_inode(row.inode), Some(number));
        if let Some(host) = row.extras.host {
            let host = snapshot.row(host).unwrap();
            prop_assert!(
                host.present && (!row.present || host.extras.parts.contains(&number)),
                "a part without its host"
            );
        }
    }
    let standing: BTreeSet<u32> =
        snapshot.rows().filter(|(_, row)| row.is_listed()).map(|(at, _)| at.0).collect();
    let shown: BTreeSet<u32> = snapshot.shown(folder.library.account(), Scope::Everything).iter().collect();
    prop_assert_eq!(shown, standing);
    Ok(())
}
