//! Photos put into folders of the mount and taken out, with the daemon killed in between: what returned success is so
//! after the restart, and nothing else.
//!
//! `GALLERYFS_SOAK=1` makes it many kills. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use galleryfs_tests::{Jpeg, Random, Site, eventually};

/// What is decided of a photo.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Decided {
    favourite: bool,
    archived: bool,
    stars: Option<u8>,
    tags: BTreeSet<String>,
    albums: BTreeSet<&'static str>,
    trashed: bool,
}

/// A folder that stands for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Favourites,
    Archive,
    Rated(u8),
    Tag(&'static str),
    Album(&'static str),
    Trash,
}

const PLACES: [Place; 9] = [
    Place::Favourites,
    Place::Archive,
    Place::Rated(2),
    Place::Rated(5),
    Place::Tag("Sea"),
    Place::Tag("Trips/Rome"),
    Place::Album("Best"),
    Place::Album("Trips/2024"),
    Place::Trash,
];

impl Place {
    fn path(self) -> PathBuf {
        match self {
            Self::Favourites => "favourites".into(),
            Self::Archive => "archive".into(),
            Self::Rated(stars) => format!("rated/{stars}").into(),
            Self::Tag(tag) => Path::new("tags").join(tag),
            Self::Album(album) => Path::new("albums").join(album),
            Self::Trash => "trash".into(),
        }
    }

    fn set(self, decided: &mut Decided, is_in: bool) {
        match self {
            Self::Favourites => decided.favourite = is_in,
            Self::Archive => decided.archived = is_in,
            Self::Rated(stars) => decided.stars = Some(if is_in { stars } else { 0 }),
            Self::Tag(tag) if is_in => drop(decided.tags.insert(tag.to_owned())),
            Self::Tag(tag) => drop(decided.tags.remove(tag)),
            Self::Album(album) if is_in => drop(decided.albums.insert(album)),
            Self::Album(album) => drop(decided.albums.remove(album)),
            Self::Trash => decided.trashed = is_in,
        }
    }

    /// Whether the folder lists the photo: all but `archive/` and albums show what is not put away.
    fn lists(self, decided: &Decided) -> bool {
        match self {
            Self::Trash => decided.trashed,
            _ if decided.trashed => false,
            Self::Album(album) => decided.albums.contains(album),
            Self::Favourites => decided.favourite && !decided.archived,
            Self::Archive => decided.archived,
            Self::Rated(stars) => decided.stars == Some(stars) && !decided.archived,
            Self::Tag(tag) => decided.tags.contains(tag) && !decided.archived,
        }
    }
}

fn listed(site: &Site) -> BTreeMap<String, Decided> {
    let assets = site.list();
    let decided = assets.iter().map(|asset| {
        let path = Path::new(asset["paths"][0].as_str().unwrap());
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let tags = asset["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned());
        let decided = Decided {
            favourite: asset["favourite"].as_bool().unwrap(),
            archived: asset["visibility"] == "archive",
            stars: asset["rating"].as_u64().map(|stars| stars as u8),
            tags: tags.collect(),
            ..Decided::default()
        };
        (name, decided)
    });
    decided.collect()
}

/// One thing a user might do in the mount; what succeeds is noted.
fn act(random: &mut Random, mount: &Path, model: &mut BTreeMap<String, Decided>) {
    let names: Vec<String> = model.keys().filter(|name| *name != "anchor.jpg").cloned().collect();
    let name = random.pick(&names).unwrap().clone();
    let (from, to) = (*random.pick(&PLACES).unwrap(), *random.pick(&PLACES).unwrap());
    let decided = model.get_mut(&name).unwrap();
    let (here, there) = (mount.join(from.path()).join(&name), mount.join(to.path()).join(&name));
    // folders/ lists what is put away too.
    let plain = mount.join("folders/photos").join(&name);
    let (is_here, is_there) = (from.lists(decided), to.lists(decided));
    match random.below(3) {
        0 => {
            let linked = std::fs::hard_link(&plain, &there);
            // What is deleted is not in folders/.
            let can = !is_there && !decided.trashed;
            assert_eq!(linked.is_ok(), can, "ln {there:?}: {linked:?}");
            if can {
                to.set(decided, true);
            }
        }
        // That would be for good.
        1 if from == Place::Trash => {}
        1 => {
            let removed = std::fs::remove_file(&here);
            assert_eq!(removed.is_ok(), is_here, "rm {here:?}: {removed:?}");
            if is_here {
                from.set(decided, false);
            }
        }
        _ if from == to => {}
        _ => {
            let moved = rustix::fs::renameat_with(
                rustix::fs::CWD,
                &here,
                rustix::fs::CWD,
                &there,
                rustix::fs::RenameFlags::NOREPLACE,
            );
            assert_eq!(moved.is_ok(), is_here && !is_there, "mv {here:?} {there:?}: {moved:?}");
            if moved.is_ok() {
                // What goes into the trash is all that it was when it comes out.
                if to != Place::Trash {
                    from.set(decided, false);
                }
                to.set(decided, true);
            }
        }
    }
}

#[test]
fn what_was_decided_in_the_mount_outlives_a_kill() {
    let rounds = if galleryfs_tests::soaks() { 100 } else { 4 };
    let seed = galleryfs_tests::seed();
    let mut random = Random::new(seed);

    let site = Site::default();
    let mut model = BTreeMap::new();
    for at in 0..6 {
        let name = format!("{at}.jpg");
        site.photo(&name, &Jpeg::new(at).taken("2024:05:01 10:20:30"));
        model.insert(name, Decided::default());
    }
    let originals = galleryfs_tests::folder::contents(site.photos());
    // The folders of tags are there while something has them.
    site.photo("anchor.jpg", &Jpeg::new(99).taken("2024:05:01 10:20:30"));
    let anchored = Decided { tags: ["Sea", "Trips/Rome"].map(str::to_owned).into(), ..Decided::default() };
    model.insert("anchor.jpg".into(), anchored);
    let daemon = site.up();
    let anchor = site.mount().join("folders/photos/anchor.jpg");
    eventually("the photos are there", &true, || anchor.exists());
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&anchor, "user.xdg.tags", b"Sea,Trips/Rome", flags).unwrap();
    for album in ["Best", "Trips/2024"] {
        std::fs::create_dir_all(site.mount().join("albums").join(album)).unwrap();
    }
    daemon.kill();
    for round in 0..rounds {
        let daemon = site.up();
        eventually("the photos are there", &true, || anchor.exists());
        for _ in 0..random.below(20) {
            act(&mut random, site.mount(), &mut model);
        }
        daemon.kill();
        let daemon = site.up();
        let shown: BTreeMap<String, Decided> = model
            .iter()
            .filter(|(_, decided)| !decided.trashed)
            .map(|(name, decided)| (name.clone(), Decided { albums: BTreeSet::new(), ..decided.clone() }))
            .collect();
        eventually(&format!("seed {seed}, round {round}"), &shown, || listed(&site));
        for place in PLACES {
            let wanted: BTreeSet<String> = model
                .iter()
                .filter(|(_, decided)| place.lists(decided))
                .map(|(name, _)| name.clone())
                .collect();
            eventually(&format!("seed {seed}, round {round}, {place:?}"), &wanted, || {
                galleryfs_tests::folder::names(&site.mount().join(place.path())).into_iter().collect()
            });
        }
        daemon.kill();
    }
    let mut after = galleryfs_tests::folder::contents(site.photos());
    after.retain(|path, _| originals.contains_key(path));
    assert!(after == originals, "the originals are as they were");
}
