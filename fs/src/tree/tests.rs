//! The tree without a kernel, view by view.

mod acting;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use library::snapshot::fixture::Photo;
use library::{Commit, RowNumber, Visibility};

use super::changes::Changes;
use super::*;
use crate::support::{HandClock, TestLibrary};

const TODAY: &str = "2026-05-01";

fn options(clock: &Arc<HandClock>) -> Options {
    Options { clock: Arc::<HandClock>::clone(clock), ..Options::default() }
}

fn tree_of(library: &Arc<TestLibrary>) -> Tree {
    let source = Arc::<TestLibrary>::clone(library);
    Tree::new(source, Owner { uid: 1, gid: 2 }, &options(&HandClock::at(TODAY)))
}

/// A library with no files behind it.
fn library() -> Arc<TestLibrary> {
    TestLibrary::new(Path::new("/nowhere"))
}

fn add(library: &TestLibrary, photo: &Photo<'_>) -> RowNumber {
    let mut row = RowNumber(0);
    library.edit(|fixture| {
        row = fixture.add(photo);
        [Some(row), photo.host].into_iter().flatten().collect()
    });
    row
}

fn advance(tree: &Tree, commit: &Commit) -> Changes {
    tree.advance(Arc::clone(&commit.snapshot), &commit.changes, TODAY.parse().unwrap())
}

fn find(tree: &Tree, path: &str) -> Result<Entry, FsError> {
    let mut ino = inodes::ROOT;
    let mut entry = None;
    for name in path.split('/') {
        let found = tree.lookup(ino, name.as_bytes())?;
        ino = found.attr.ino.0;
        entry = Some(found);
    }
    entry.ok_or(FsError::NotFound)
}

/// One line of a listing: name, inode, kind, offset of the next.
type Line = (String, FileAttr, u64);

fn lines(tree: &Tree, ino: u64, listing: &listing::Listing, mut offset: u64) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    loop {
        // Three at a time, as a kernel with a small buffer reads.
        let mut room = 3;
        tree.read(listing, offset, true, |line| {
            if room == 0 {
                return true;
            }
            room -= 1;
            lines.push((line.name.to_str().unwrap().to_owned(), line.attr, line.next));
            false
        })
        .unwrap();
        match lines.last() {
            Some((_, _, next)) if *next != offset => offset = *next,
            _ => break,
        }
    }
    assert!(lines.len() < 2 || lines[0].0 != "." || lines[0].1.ino.0 == ino);
    lines
}

fn names(tree: &Tree, path: &str) -> Vec<String> {
    let ino = if path.is_empty() { inodes::ROOT } else { find(tree, path).unwrap().attr.ino.0 };
    let listing = if tree.is_search(ino) { tree.search(ino) } else { tree.list(ino) }.unwrap();
    lines(tree, ino, &listing, 2).into_iter().map(|(name, _, _)| name).collect()
}

/// Every directory and name, with what `stat` says; each is looked up as well.
fn walk(tree: &Tree) -> BTreeMap<String, FileAttr> {
    let mut found = BTreeMap::new();
    let mut open = vec![(inodes::ROOT, inodes::ROOT, String::new())];
    while let Some((ino, parent, path)) = open.pop() {
        let listing = tree.list(ino).unwrap();
        let all = lines(tree, ino, &listing, 0);
        assert_eq!((&*all[0].0, all[0].1.ino.0), (".", ino));
        assert_eq!((&*all[1].0, all[1].1.ino.0), ("..", parent), "of {path}");
        for (name, attr, _) in all.into_iter().skip(2) {
            let looked_up = tree.lookup(ino, name.as_bytes()).unwrap().attr;
            assert_eq!(looked_up, attr, "{path}/{name} listed and looked up");
            let below = if path.is_empty() { name } else { format!("{path}/{name}") };
            if attr.kind == fuser::FileType::Directory {
                open.push((attr.ino.0, ino, below.clone()));
            }
            assert_eq!(found.insert(below.clone(), attr), None, "{below} listed twice");
        }
    }
    found
}

#[test]
fn the_root_lists_every_view_even_of_an_empty_library() {
    let tree = tree_of(&library());
    let found = names(&tree, "");
    for name in ["all", "by-date", "folders", "places", "search", "tags", ".nomedia", "README.txt"] {
        assert!(found.iter().any(|found| found == name), "{name}");
    }
    assert_eq!(names(&tree, "rated"), ["1", "2", "3", "4", "5"]);
    assert_eq!(names(&tree, "folders/Pictures"), Vec::<String>::new());
    assert!(String::from_utf8_lossy(Fixed::Readme.contents()).contains("by-date/"));
}

#[test]
fn a_photo_stands_where_its_columns_say() {
    let library = library();
    let row = add(
        &library,
        &Photo {
            path: "2024/a.jpg",
            name: Some("IMG_1.jpg"),
            size: 1000,
            taken: Some("2020-05-01T10:00:00"),
            place: Some(("Rome", "Latium", "Italy")),
            camera: Some(("Canon", "Canon EOS 40D")),
            tags: &["trips/it/aly", "a/b"],
            rating: Some(4),
            ..Photo::default()
        },
    );
    let tree = tree_of(&library);
    let ino = tree.state().row(row).unwrap().inode.get();
    for path in [
        "all/2020/05/IMG_1.jpg",
        "by-date/2020/2020-05/2020-05-01/IMG_1.jpg",
        "folders/Pictures/2024/a.jpg",
        "places/Italy/Latium/Rome/IMG_1.jpg",
        "cameras/Canon EOS 40D/IMG_1.jpg",
        "types/image/IMG_1.jpg",
        "types/jpeg/IMG_1.jpg",
        "recent/IMG_1.jpg",
        "on-this-day/IMG_1.jpg",
        "tags/trips/it/aly/IMG_1.jpg",
        "tags/a/b/IMG_1.jpg",
        "rated/4/IMG_1.jpg",
        "search/img/001 IMG_1.jpg",
        "search/img/042 IMG_1.jpg",
        "search/img/IMG_1.jpg",
    ] {
        assert_eq!(find(&tree, path).unwrap_or_else(|error| panic!("{path}: {error}")).attr.ino.0, ino);
    }
    for path in [
        "all/2020/06/IMG_1.jpg",
        "all/2020/5",
        "all/02020",
        "by-date/2020/2020-05/2020-05-02",
        "folders/Pictures/IMG_1.jpg",
        "folders/Pictures/2024/IMG_1.jpg",
        "places/Italy/IMG_1.jpg",
        "types/video/IMG_1.jpg",
        "types/live",
        "archive/IMG_1.jpg",
        "tags/a/IMG_1.jpg",
        "rated/3/IMG_1.jpg",
        "rated/0",
        "search/IMG_1.jpg/x.jpg",
        "search/.hidden",
        "search/bad:word",
    ] {
        assert!(find(&tree, path).is_err(), "{path}");
    }
    assert_eq!(names(&tree, "tags/trips/it"), ["aly"], "one word of a tag, one directory");
    assert_eq!(names(&tree, "search/img"), ["001 IMG_1.jpg"]);
    assert_eq!(names(&tree, "search"), Vec::<String>::new());
    let attr = find(&tree, "rated/4/IMG_1.jpg").unwrap().attr;
    assert_eq!((attr.size, attr.blocks, attr.perm, attr.uid, attr.gid), (1000, 2, 0o644, 1, 2));
    assert!(matches!(tree.lookup(ino, b"x"), Err(FsError::NotADirectory)));
}

#[test]
fn visibility_decides_where_it_shows() {
    let library = library();
    for (name, visibility) in [
        ("archived.jpg", Visibility::Archive),
        ("locked.jpg", Visibility::Locked),
        ("shown.jpg", Visibility::Timeline),
    ] {
        let path = format!("{name}/{name}");
        add(
            &library,
            &Photo { path: &path, visibility, taken: Some("2020-01-01T00:00:00"), ..Photo::default() },
        );
    }
    let tree = tree_of(&library);
    assert_eq!(names(&tree, "all/2020/01"), ["archived.jpg", "shown.jpg"]);
    assert_eq!(names(&tree, "archive"), ["archived.jpg"]);
    assert_eq!(names(&tree, "by-date/2020/2020-01/2020-01-01"), ["shown.jpg"]);
    assert_eq!(
        names(&tree, "folders/Pictures"),
        ["archived.jpg", "shown.jpg"],
        "the locked folder is not named"
    );
    assert_eq!(names(&tree, "search/jpg"), ["001 shown.jpg"]);
    assert_eq!(names(&tree, "search/is:archived"), ["001 archived.jpg"]);
    assert!(find(&tree, "search/is:archived/archived.jpg").is_ok());
    assert!(find(&tree, "search/jpg/locked.jpg").is_err());
    assert!(!walk(&tree).keys().any(|path| path.contains("locked")));
}

#[test]
fn parts_stand_beside_their_photo() {
    let library = library();
    let host =
        add(&library, &Photo { path: "IMG_1.HEIC", taken: Some("2020-05-01T00:00:00"), ..Photo::default() });
    let part = Photo { visibility: Visibility::Hidden, host: Some(host), ..Photo::default() };
    add(&library, &Photo { path: "IMG_1.MOV", ..part.clone() });
    add(&library, &Photo { path: "IMG_1.HEIC.xmp", ..part });
    let tree = tree_of(&library);
    let all = ["IMG_1.HEIC", "IMG_1.MOV", "IMG_1.HEIC.xmp"];
    for path in ["all/2020/05", "types/heic", "types/live", "recent", "on-this-day"] {
        assert_eq!(names(&tree, path), all, "{path}");
    }
    assert_eq!(names(&tree, "search/heic"), all.map(|name| format!("001 {name}")));
    assert!(find(&tree, "types/video").is_err(), "the video of a live photo is no video of its own");

    let source = Arc::<TestLibrary>::clone(&library);
    let hidden = Options { parts: crate::Parts::Hidden, ..options(&HandClock::at(TODAY)) };
    let tree = Tree::new(source, Owner { uid: 1, gid: 2 }, &hidden);
    assert_eq!(names(&tree, "all/2020/05"), ["IMG_1.HEIC"]);
    assert!(find(&tree, "all/2020/05/IMG_1.MOV").is_err());
    assert_eq!(names(&tree, "folders/Pictures"), all, "folders are as they are");
}

#[test]
fn words_become_names_and_their_spellings_one_directory() {
    let library = library();
    let place = Some(("", "", "Vatican"));
    let camera = Some(("", "X/100"));
    add(&library, &Photo { path: "a.jpg", tags: &["Holiday"], place, camera, ..Photo::default() });
    add(&library, &Photo { path: "b.jpg", tags: &["holiday", "HOLIDAY/x"], ..Photo::default() });
    let tree = tree_of(&library);
    assert_eq!(names(&tree, "tags"), ["HOLIDAY"]);
    assert_eq!(names(&tree, "tags/HOLIDAY"), ["x", "a.jpg", "b.jpg"]);
    assert_eq!(names(&tree, "places/Vatican"), ["a.jpg"], "what is not known is no level");
    assert_eq!(names(&tree, "cameras"), ["X∕100"]);
    assert!(find(&tree, "all/undated/a.jpg").is_ok());
    // A directory and a photo of one name: the directory is meant.
    add(
        &library,
        &Photo { path: "c/b.jpg", name: Some("c.jpg"), tags: &["Holiday/a.jpg"], ..Photo::default() },
    );
    let tree = tree_of(&library);
    assert_eq!(names(&tree, "tags/HOLIDAY"), ["a.jpg", "x", "b.jpg"]);
}

#[test]
fn a_listing_is_what_it_was_and_a_new_one_what_is() {
    let library = library();
    let first =
        add(&library, &Photo { path: "a.jpg", taken: Some("2020-01-01T00:00:00"), ..Photo::default() });
    let tree = tree_of(&library);
    let ino = find(&tree, "all/2020/01").unwrap().attr.ino.0;
    let before = tree.list(ino).unwrap();
    advance(
        &tree,
        &library.edit(|fixture| {
            vec![fixture.add(&Photo {
                path: "b.jpg",
                taken: Some("2020-01-02T00:00:00"),
                ..Photo::default()
            })]
        }),
    );
    advance(&tree, &library.remove(first));
    let of = |listing: &listing::Listing| {
        lines(&tree, ino, listing, 2).into_iter().map(|(name, _, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(of(&before), ["a.jpg"]);
    assert_eq!(of(&tree.list(ino).unwrap()), ["b.jpg"]);
}

#[test]
fn midnight_changes_on_this_day_and_says_so() {
    let library = library();
    add(&library, &Photo { path: "a.jpg", taken: Some("2020-05-01T23:59:59"), ..Photo::default() });
    add(&library, &Photo { path: "b.jpg", taken: Some("1999-05-02T00:00:00"), ..Photo::default() });
    let tree = tree_of(&library);
    assert_eq!(names(&tree, "on-this-day"), ["a.jpg"]);
    let changes = tree.advance(library.edit(|_| Vec::new()).snapshot, &[], "2026-05-02".parse().unwrap());
    assert_eq!(names(&tree, "on-this-day"), ["b.jpg"]);
    let (_, path, dir) = &changes.dirs[0];
    assert_eq!(path.as_bytes(), b"on-this-day");
    assert_eq!((dir.appeared.len(), dir.vanished.len()), (1, 1));
}

#[test]
fn unreadable_files_are_listed_with_their_reason() {
    let library = library();
    let tree = tree_of(&library);
    let ino = find(&tree, "unreadable").unwrap().attr.ino.0;
    let file = crate::Unreadable {
        file: crate::FileSeen {
            root: library::RootId::from_bytes([2; 16]),
            path: (*b"x/broken.jpg").into(),
            size: 7,
            modified: jiff::Timestamp::UNIX_EPOCH,
        },
        reason: "not a JPEG".into(),
    };
    let changes = advance(&tree, &library.set_unreadable(vec![file]));
    assert_eq!(changes.dirs.iter().map(|(ino, _, _)| *ino).collect::<Vec<_>>(), [ino]);
    let found = find(&tree, "unreadable/broken.jpg").unwrap().attr;
    assert_eq!(found.size, 7);
    assert_eq!(tree.attribute(found.ino.0, crate::xattr::Attribute::LastError).unwrap(), b"not a JPEG");
}

#[test]
fn a_directory_that_came_again_is_another() {
    let library = library();
    let row = add(&library, &Photo { path: "a.jpg", tags: &["x"], ..Photo::default() });
    let tree = tree_of(&library);
    let first = find(&tree, "tags/x").unwrap().attr.ino.0;
    let changes = advance(&tree, &library.remove(row));
    let tags = changes.dirs.iter().find(|(_, path, _)| path.as_bytes() == b"tags").unwrap();
    assert_eq!(tags.2.vanished.len(), 1);
    assert_eq!(tags.2.vanished[0].ino, Some(first));
    assert!(tree.attr(first).is_err() && tree.list(first).is_err());
    let again = |fixture: &mut library::snapshot::fixture::Fixture| {
        vec![fixture.add(&Photo { path: "b.jpg", tags: &["x"], ..Photo::default() })]
    };
    advance(&tree, &library.edit(again));
    assert_ne!(find(&tree, "tags/x").unwrap().attr.ino.0, first);
}
