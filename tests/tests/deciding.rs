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
}

/// A folder that stands for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Favourites,
    Archive,
    Rated(u8),
    Tag(&'static str),
}

const PLACES: [Place; 6] = [
    Place::Favourites,
    Place::Archive,
    Place::Rated(2),
    Place::Rated(5),
    Place::Tag("Sea"),
    Place::Tag("Trips/Rome"),
];

impl Place {
    fn path(self) -> PathBuf {
        match self {
            Self::Favourites => "favourites".into(),
            Self::Archive => "archive".into(),
            Self::Rated(stars) => format!("rated/{stars}").into(),
            Self::Tag(tag) => Path::new("tags").join(tag),
        }
    }

    fn set(self, decided: &mut Decided, is_in: bool) {
        match self {
            Self::Favourites => decided.favourite = is_in,
            Self::Archive => decided.archived = is_in,
            Self::Rated(stars) => decided.stars = Some(if is_in { stars } else { 0 }),
            Self::Tag(tag) if is_in => drop(decided.tags.insert(tag.to_owned())),
            Self::Tag(tag) => drop(decided.tags.remove(tag)),
        }
    }

    /// Whether the folder lists the photo: all but `archive/` show what is not put away.
    fn lists(self, decided: &Decided) -> bool {
        match self {
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
            assert_eq!(linked.is_ok(), !is_there, "ln {there:?}: {linked:?}");
            to.set(decided, true);
        }
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
                from.set(decided, false);
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
    daemon.kill();
    for round in 0..rounds {
        let daemon = site.up();
        eventually("the photos are there", &true, || anchor.exists());
        for _ in 0..random.below(20) {
            act(&mut random, site.mount(), &mut model);
        }
        daemon.kill();
        let daemon = site.up();
        eventually(&format!("seed {seed}, round {round}"), &model, || listed(&site));
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
