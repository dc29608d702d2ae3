//! A naive library that knows what docs/semantics.md says of making, linking, moving and removing names: every operation of the
//! mount has its outcome here, worked out the slow and plain way. Random lives of it are held against the tree, against a real
//! mount, and against the whole program through a kill.
//!
//! Only whether an operation succeeds is compared, and all that the views list afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use proptest::prelude::*;

/// What an operation is: of files and directories by number, taken modulo what there is, so that shrinking keeps it valid.
#[derive(Clone, Debug)]
pub enum Op {
    /// A photo into a directory, under its own name or another.
    Move { photo: usize, dir: usize, renamed: bool },
    /// The same by another name for it.
    Link { photo: usize, dir: usize },
    /// A photo out of a directory.
    Remove { photo: usize },
    /// A directory that is not there yet, or one that is.
    MakeDir { dir: usize, there: bool },
    /// A directory removed.
    RemoveDir { dir: usize },
    /// A directory into another, under a new name or onto what is there.
    MoveDir { from: usize, into: usize, onto: Option<usize> },
    /// A directory into the trash.
    TrashDir { dir: usize },
    /// Stars, doubled.
    Rate { photo: usize, doubled: u8 },
    /// Other tags.
    Tag { photo: usize, tags: Vec<usize> },
}

/// Operations, those that succeed more often than others.
pub fn ops() -> impl Strategy<Value = Op> {
    let any = || any::<usize>();
    prop_oneof![
        6 => (any(), any(), prop::bool::weighted(0.2))
            .prop_map(|(photo, dir, renamed)| Op::Move { photo, dir, renamed }),
        4 => (any(), any()).prop_map(|(photo, dir)| Op::Link { photo, dir }),
        4 => any().prop_map(|photo| Op::Remove { photo }),
        3 => (any(), prop::bool::weighted(0.1)).prop_map(|(dir, there)| Op::MakeDir { dir, there }),
        2 => any().prop_map(|dir| Op::RemoveDir { dir }),
        3 => (any(), any(), prop::option::of(any()))
            .prop_map(|(from, into, onto)| Op::MoveDir { from, into, onto }),
        1 => any().prop_map(|dir| Op::TrashDir { dir }),
        2 => (any(), 0..12u8).prop_map(|(photo, doubled)| Op::Rate { photo, doubled }),
        2 => (any(), prop::collection::vec(any(), 0..3)).prop_map(|(photo, tags)| Op::Tag { photo, tags }),
    ]
}

/// An operation as it is asked of a file system.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    Rename { from: String, to: String },
    Link { from: String, to: String },
    Unlink(String),
    Mkdir(String),
    Rmdir(String),
    Xattr { path: String, name: &'static str, value: String },
}

/// Tags that photos may be given.
const TAGS: [&str; 5] = ["x", "x/y", "z", "z/far/away", "w"];

#[derive(Clone, PartialEq, Debug)]
struct Known {
    name: String,
    day: Option<String>,
    tags: BTreeSet<String>,
    stars: u8,
    favourite: bool,
    archived: bool,
    trashed: bool,
    gone: bool,
    albums: BTreeSet<usize>,
}

#[derive(Clone, PartialEq, Debug)]
struct Album {
    parent: Option<usize>,
    name: String,
    gone: bool,
}

/// The library as it should be.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reference {
    photos: Vec<Known>,
    albums: Vec<Album>,
    kept_tags: BTreeSet<String>,
    searches: BTreeSet<String>,
    serial: usize,
}

/// What it says of a photo to be in a directory.
enum Class {
    Favourite,
    Stars(u8),
    Tag(String),
    Archive,
    Album(usize),
    Trash,
    /// Where a photo that is moved there was taken.
    Day(String),
    Computed,
    None,
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

impl Reference {
    /// A photo, of a day (`2024-05-01`) or of none.
    pub fn add(&mut self, name: &str, day: Option<&str>) {
        self.photos.push(Known {
            name: name.to_owned(),
            day: day.map(str::to_owned),
            tags: BTreeSet::new(),
            stars: 0,
            favourite: false,
            archived: false,
            trashed: false,
            gone: false,
            albums: BTreeSet::new(),
        });
    }

    fn album_path(&self, album: usize) -> Option<String> {
        let Album { parent, name, gone } = &self.albums[album];
        let above = match parent {
            Some(parent) => self.album_path(*parent)?,
            None => "albums".to_owned(),
        };
        (!gone).then(|| format!("{above}/{name}"))
    }

    fn album_at(&self, path: &str) -> Option<usize> {
        (0..self.albums.len()).find(|album| self.album_path(*album).as_deref() == Some(path))
    }

    /// Every name of a photo in the views that are compared, and whose it is.
    fn files(&self) -> BTreeMap<String, usize> {
        let mut files = BTreeMap::new();
        for (at, photo) in self.photos.iter().enumerate().filter(|(_, photo)| !photo.gone) {
            let mut dirs = Vec::new();
            if photo.trashed {
                dirs.push("trash".to_owned());
            } else {
                dirs.push(match &photo.day {
                    Some(day) => format!("all/{}/{}", &day[..4], &day[5..7]),
                    None => "all/undated".to_owned(),
                });
                dirs.extend(photo.albums.iter().filter_map(|album| self.album_path(*album)));
                if photo.archived {
                    dirs.push("archive".to_owned());
                } else {
                    dirs.extend(
                        photo.day.iter().map(|day| format!("by-date/{}/{}/{day}", &day[..4], &day[..7])),
                    );
                    dirs.extend(photo.tags.iter().map(|tag| format!("tags/{tag}")));
                    dirs.extend(photo.favourite.then(|| "favourites".to_owned()));
                    dirs.extend((photo.stars > 0).then(|| format!("rated/{}", photo.stars)));
                }
            }
            files.extend(dirs.into_iter().map(|dir| (format!("{dir}/{}", photo.name), at)));
        }
        files
    }

    /// Every directory, those above others too.
    fn dirs(&self) -> BTreeSet<String> {
        let fixed = ["all", "by-date", "tags", "favourites", "archive", "albums", "trash", "searches"];
        let mut dirs: BTreeSet<String> = fixed.map(str::to_owned).into();
        dirs.extend((1..=5).map(|stars| format!("rated/{stars}")));
        dirs.extend(self.files().keys().map(|file| split(file).0.to_owned()));
        dirs.extend((0..self.albums.len()).filter_map(|album| self.album_path(album)));
        dirs.extend(self.kept_tags.iter().map(|tag| format!("tags/{tag}")));
        dirs.extend(self.searches.iter().map(|name| format!("searches/{name}")));
        dirs.iter().flat_map(|dir| ancestors(dir).map(str::to_owned)).collect()
    }

    /// All that a walk through the views finds: directories end in a slash.
    pub fn listed(&self) -> BTreeSet<String> {
        let dirs = self.dirs().into_iter().map(|dir| format!("{dir}/"));
        self.files().into_keys().chain(dirs).collect()
    }

    /// The views that are walked.
    pub const VIEWS: [&str; 9] =
        ["all", "albums", "archive", "by-date", "favourites", "rated", "searches", "tags", "trash"];

    /// What an operation asks of this very library; `None` where there is nothing to ask it of.
    pub fn act(&mut self, op: &Op) -> Option<Act> {
        let files: Vec<String> = self.files().into_keys().collect();
        let dirs: Vec<String> = self.dirs().into_iter().collect();
        // Any photo is found in a search by its name, so nothing is moved there.
        let places: Vec<String> = dirs.iter().filter(|dir| !dir.starts_with("searches/")).cloned().collect();
        // Deep enough.
        let parents: Vec<&String> =
            dirs.iter().filter(|dir| dir.matches('/').count() < 3).filter(|dir| *dir != "trash").collect();
        let own: Vec<&String> = dirs
            .iter()
            .filter(|dir| ["albums/", "tags/", "searches/"].iter().any(|view| dir.starts_with(view)))
            .collect();
        let pick = |list: &[String], at: usize| (!list.is_empty()).then(|| list[at % list.len()].clone());
        self.serial += 1;
        let fresh = format!("n{}", self.serial);
        Some(match op {
            Op::Move { photo, dir, renamed } => {
                let (from, dir) = (pick(&files, *photo)?, pick(&places, *dir)?);
                let name = if *renamed { format!("{fresh}.jpg") } else { split(&from).1.to_owned() };
                Act::Rename { to: format!("{dir}/{name}"), from }
            }
            Op::Link { photo, dir } => {
                let (from, dir) = (pick(&files, *photo)?, pick(&places, *dir)?);
                Act::Link { to: format!("{dir}/{}", split(&from).1), from }
            }
            Op::Remove { photo } => Act::Unlink(pick(&files, *photo)?),
            Op::MakeDir { dir, there: true } => Act::Mkdir(pick(&dirs, *dir)?),
            Op::MakeDir { dir, there: false } => {
                Act::Mkdir(format!("{}/{fresh}", parents[dir % parents.len()]))
            }
            Op::RemoveDir { dir } => Act::Rmdir(pick(&dirs, *dir)?),
            Op::MoveDir { from, into, onto } => {
                let from = (*own.get(from % own.len().max(1))?).clone();
                let same: Vec<String> =
                    own.iter().filter(|dir| dir[..4] == from[..4]).map(|dir| (*dir).clone()).collect();
                let to = match onto {
                    Some(onto) => pick(&same, *onto)?,
                    None => {
                        let top = from.split('/').next()?;
                        let is_same = |dir: &&&String| dir.split('/').next() == Some(top);
                        let same: Vec<&&String> = parents.iter().filter(is_same).collect();
                        format!("{}/{fresh}", same.get(into % same.len().max(1))?)
                    }
                };
                Act::Rename { from, to }
            }
            Op::TrashDir { dir } => Act::Rename { from: pick(&dirs, *dir)?, to: format!("trash/{fresh}") },
            Op::Rate { photo, doubled } => Act::Xattr {
                path: pick(&files, *photo)?,
                name: "user.baloo.rating",
                value: doubled.to_string(),
            },
            Op::Tag { photo, tags } => {
                let tags: Vec<&str> = tags.iter().map(|tag| TAGS[tag % TAGS.len()]).collect();
                Act::Xattr { path: pick(&files, *photo)?, name: "user.xdg.tags", value: tags.join(",") }
            }
        })
    }

    /// Does it, or with `false` changes nothing.
    pub fn apply(&mut self, act: &Act) -> bool {
        let before = self.clone();
        let done = match act {
            Act::Rename { from, to } => match self.files().get(from).copied() {
                Some(photo) => self.move_photo(photo, from, to),
                None => self.move_dir(from, to),
            },
            Act::Link { from, to } => self.link(from, to),
            Act::Unlink(path) => self.unlink(path),
            Act::Mkdir(path) => self.mkdir(path),
            Act::Rmdir(path) => self.rmdir(path),
            Act::Xattr { path, name, value } => self.set(path, name, value),
        };
        if done.is_none() {
            *self = before;
        }
        done.is_some()
    }

    fn class(&self, dir: &str) -> Class {
        match dir.split_once('/') {
            _ if !self.dirs().contains(dir) => Class::None,
            None if dir == "favourites" => Class::Favourite,
            None if dir == "archive" => Class::Archive,
            None if dir == "trash" => Class::Trash,
            Some(("rated", stars)) => stars.parse().map_or(Class::Computed, Class::Stars),
            Some(("tags", tag)) => Class::Tag(tag.to_owned()),
            Some(("albums", _)) => self.album_at(dir).map_or(Class::Computed, Class::Album),
            Some(("by-date", rest)) if rest.matches('/').count() == 2 => Class::Day(split(rest).1.to_owned()),
            _ if dir.starts_with("searches") => Class::None,
            _ => Class::Computed,
        }
    }

    fn join(&mut self, photo: usize, class: &Class) {
        let known = &mut self.photos[photo];
        match class {
            Class::Favourite => known.favourite = true,
            Class::Stars(stars) => known.stars = *stars,
            Class::Tag(tag) => drop(known.tags.insert(tag.clone())),
            Class::Archive => known.archived = true,
            Class::Album(album) => drop(known.albums.insert(*album)),
            Class::Day(day) => known.day = Some(day.clone()),
            Class::Trash | Class::Computed | Class::None => {}
        }
        known.trashed = matches!(class, Class::Trash);
    }

    fn leave(&mut self, photo: usize, class: &Class) {
        let known = &mut self.photos[photo];
        match class {
            Class::Favourite => known.favourite = false,
            Class::Stars(_) => known.stars = 0,
            Class::Tag(tag) => drop(known.tags.remove(tag)),
            Class::Archive => known.archived = false,
            Class::Album(album) => drop(known.albums.remove(album)),
            Class::Trash | Class::Computed | Class::Day(_) | Class::None => {}
        }
    }

    fn is_decided(class: &Class) -> bool {
        matches!(class, Class::Favourite | Class::Stars(_) | Class::Tag(_) | Class::Archive | Class::Album(_))
    }

    fn move_photo(&mut self, photo: usize, from: &str, to: &str) -> Option<()> {
        let files = self.files();
        if files.get(to) == Some(&photo) {
            // rename(2) of a file onto itself.
            return Some(());
        }
        let (old, new) = (split(from).0, split(to).0);
        let (from, into) = (self.class(old), self.class(new));
        let is_taken = files.contains_key(to) || self.dirs().contains(to);
        match (&from, &into) {
            (_, Class::None) => return None,
            _ if is_taken => return None,
            _ if old == new && Self::is_decided(&from) => return Some(()),
            _ if old == new => return matches!(from, Class::Trash).then_some(()),
            (Class::Trash, _) => {}
            (_, Class::Computed) => return None,
            _ => {}
        }
        if Self::is_decided(&from) && !matches!(into, Class::Trash) {
            self.leave(photo, &from);
        }
        self.join(photo, &into);
        Some(())
    }

    fn link(&mut self, from: &str, to: &str) -> Option<()> {
        let photo = *self.files().get(from)?;
        let into = self.class(split(to).0);
        let is_taken = self.files().contains_key(to) || self.dirs().contains(to);
        if is_taken || !(Self::is_decided(&into) || matches!(into, Class::Trash)) {
            return None;
        }
        self.join(photo, &into);
        Some(())
    }

    fn unlink(&mut self, path: &str) -> Option<()> {
        let photo = *self.files().get(path)?;
        match self.class(split(path).0) {
            Class::Trash => self.photos[photo].gone = true,
            class if Self::is_decided(&class) => self.leave(photo, &class),
            _ => self.photos[photo].trashed = true,
        }
        Some(())
    }

    fn mkdir(&mut self, path: &str) -> Option<()> {
        let (parent, name) = split(path);
        let dirs = self.dirs();
        if dirs.contains(path) || !dirs.contains(parent) {
            return None;
        }
        match parent.split('/').next()? {
            "albums" => {
                let parent = if parent == "albums" { None } else { Some(self.album_at(parent)?) };
                self.albums.push(Album { parent, name: name.to_owned(), gone: false });
            }
            "tags" => drop(self.kept_tags.insert(path.strip_prefix("tags/")?.to_owned())),
            "searches" if parent == "searches" => drop(self.searches.insert(name.to_owned())),
            _ => return None,
        }
        Some(())
    }

    fn is_empty(&self, dir: &str) -> bool {
        let inside = format!("{dir}/");
        !self.files().keys().chain(&self.dirs()).any(|path| path.starts_with(&inside))
    }

    fn rmdir(&mut self, path: &str) -> Option<()> {
        if let Some(search) = path.strip_prefix("searches/") {
            return self.searches.remove(search).then_some(());
        }
        if !self.is_empty(path) {
            return None;
        }
        match self.class(path) {
            Class::Album(album) => self.albums[album].gone = true,
            Class::Tag(tag) => drop(self.kept_tags.remove(&tag)),
            _ => return None,
        }
        Some(())
    }

    fn move_dir(&mut self, from: &str, to: &str) -> Option<()> {
        let dirs = self.dirs();
        let is_within = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}/"));
        if from == to {
            return Some(());
        }
        if !dirs.contains(from) || is_within(to, from) || is_within(from, to) || self.files().contains_key(to)
        {
            return None;
        }
        let (parent, name) = split(to);
        if parent == "trash" {
            return self.trash_dir(from);
        }
        let top = from.split('/').next()?;
        if !dirs.contains(parent) || to.split('/').next() != Some(top) || from == top {
            return None;
        }
        match top {
            "albums" => {
                let album = self.album_at(from)?;
                if dirs.contains(to) {
                    self.rmdir(to)?;
                }
                let parent = if parent == "albums" { None } else { Some(self.album_at(parent)?) };
                self.albums[album] = Album { parent, name: name.to_owned(), gone: false };
            }
            "tags" => {
                let (old, new) = (from.strip_prefix("tags/")?, to.strip_prefix("tags/")?);
                let renamed = |tags: &BTreeSet<String>| -> BTreeSet<String> {
                    let rename = |tag: &String| match tag.strip_prefix(old) {
                        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{new}{rest}"),
                        _ => tag.clone(),
                    };
                    tags.iter().map(rename).collect()
                };
                self.kept_tags = renamed(&self.kept_tags);
                for photo in self.photos.iter_mut().filter(|photo| !photo.gone) {
                    photo.tags = renamed(&photo.tags);
                }
            }
            "searches" if parent == "searches" && !dirs.contains(to) => {
                self.searches.remove(split(from).1);
                self.searches.insert(name.to_owned());
            }
            _ => return None,
        }
        Some(())
    }

    fn trash_dir(&mut self, dir: &str) -> Option<()> {
        match self.class(dir) {
            Class::Album(album) => self.albums[album].gone = true,
            Class::Computed | Class::Day(_) if dir.starts_with("all/") || dir.starts_with("by-date/") => {
                let inside = format!("{dir}/");
                let files = self.files().into_iter().filter(|(path, _)| path.starts_with(&inside));
                for (_, photo) in files.collect::<Vec<_>>() {
                    self.photos[photo].trashed = true;
                }
            }
            _ => drop(self.searches.remove(dir.strip_prefix("searches/")?).then_some(())?),
        }
        Some(())
    }

    fn set(&mut self, path: &str, name: &str, value: &str) -> Option<()> {
        let photo = *self.files().get(path)?;
        let known = &mut self.photos[photo];
        match name {
            "user.baloo.rating" => {
                known.stars = value.parse::<u8>().ok().filter(|doubled| *doubled <= 10)?.div_ceil(2);
            }
            "user.xdg.tags" => {
                known.tags = value.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
            }
            _ => return None,
        }
        Some(())
    }
}

impl Act {
    /// Asks it of the file system at `top`.
    pub fn perform(&self, top: &Path) -> io::Result<()> {
        let at = |path: &str| top.join(path);
        match self {
            Self::Rename { from, to } => std::fs::rename(at(from), at(to)),
            Self::Link { from, to } => {
                // As ln and cp do. The kernel takes names off the count of links that it knows, and links nothing that has none
                // left, until it is told the count again.
                std::fs::symlink_metadata(at(from))?;
                std::fs::hard_link(at(from), at(to))
            }
            Self::Unlink(path) => std::fs::remove_file(at(path)),
            Self::Mkdir(path) => std::fs::create_dir(at(path)),
            Self::Rmdir(path) => std::fs::remove_dir(at(path)),
            Self::Xattr { path, name, value } => {
                let flags = rustix::fs::XattrFlags::empty();
                Ok(rustix::fs::setxattr(at(path), *name, value.as_bytes(), flags)?)
            }
        }
    }
}

/// What a walk through the views at `top` finds, as [`Reference::listed`] has it.
pub fn walked(top: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = Reference::VIEWS.map(str::to_owned).into();
    while let Some(dir) = open.pop() {
        found.insert(format!("{dir}/"));
        if dir.starts_with("searches/") {
            continue;
        }
        let entries = match std::fs::read_dir(top.join(&dir)) {
            Ok(entries) => entries,
            Err(error) => {
                found.insert(format!("{dir}: {error}"));
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    found.insert(format!("in {dir}: {error}"));
                    continue;
                }
            };
            let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                _ => drop(found.insert(path)),
            }
        }
    }
    found
}
