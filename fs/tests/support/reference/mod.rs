//! A naive library that knows what docs/semantics.md says of making, linking, moving and removing names: every operation of the
//! mount has its outcome here, worked out the slow and plain way. Random lives of it are held against the tree, against a real
//! mount, and against the whole program through a kill.
//!
//! Only whether an operation succeeds is compared, and all that the views list afterwards.

pub mod act;
pub mod ops;
mod people;
pub mod picture;
mod versions;
pub mod walk;

use std::collections::{BTreeMap, BTreeSet};

use act::Act;
use people::Somebody;
use picture::{Faces, Picture};

#[derive(Clone, Debug)]
struct Known {
    name: String,
    /// What it was, and last of all what it is.
    versions: Vec<Picture>,
    /// The day that it was moved to.
    day: Option<String>,
    tags: BTreeSet<String>,
    stars: u8,
    favourite: bool,
    archived: bool,
    trashed: bool,
    gone: bool,
    albums: BTreeSet<usize>,
    people: BTreeSet<usize>,
}

impl Known {
    fn now(&self) -> &Picture {
        &self.versions[self.versions.len() - 1]
    }

    fn faces(&self) -> Faces {
        self.now().faces
    }

    fn day(&self) -> Option<&str> {
        self.day.as_deref().or(self.now().day)
    }
}

#[derive(Clone, Debug)]
struct Album {
    parent: Option<usize>,
    name: String,
    gone: bool,
}

/// The library as it should be.
#[derive(Clone, Debug)]
pub struct Reference {
    /// How a new photo looks.
    pictures: fn(usize) -> Picture,
    drawn: usize,
    /// In how many photos somebody without a name must be to be listed.
    shown_at: usize,
    photos: Vec<Known>,
    albums: Vec<Album>,
    people: Vec<Somebody>,
    kept_tags: BTreeSet<String>,
    searches: BTreeSet<String>,
    /// What stays in `inbox/`.
    left: BTreeSet<String>,
    serial: usize,
}

/// What it says of a photo to be in a directory.
enum Class {
    Favourite,
    Stars(u8),
    Tag(String),
    Archive,
    Album(usize),
    Person(usize),
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
    /// An empty library of photos that look so.
    pub fn new(pictures: fn(usize) -> Picture, shown_at: usize) -> Self {
        Self {
            pictures,
            drawn: 0,
            shown_at,
            photos: Vec::new(),
            albums: Vec::new(),
            people: Vec::new(),
            kept_tags: BTreeSet::new(),
            searches: BTreeSet::new(),
            left: BTreeSet::new(),
            serial: 0,
        }
    }

    /// A photo that nobody has seen.
    pub fn draw(&mut self) -> Picture {
        self.drawn += 1;
        (self.pictures)(self.drawn - 1)
    }

    /// A photo comes.
    pub fn add(&mut self, name: &str, picture: Picture) {
        self.photos.push(Known {
            name: name.to_owned(),
            versions: vec![picture],
            day: None,
            tags: BTreeSet::new(),
            stars: 0,
            favourite: false,
            archived: false,
            trashed: false,
            gone: false,
            albums: BTreeSet::new(),
            people: BTreeSet::new(),
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
                dirs.push(match photo.day() {
                    Some(day) => format!("all/{}/{}", &day[..4], &day[5..7]),
                    None => "all/undated".to_owned(),
                });
                dirs.extend(photo.albums.iter().filter_map(|album| self.album_path(*album)));
                if photo.archived {
                    dirs.push("archive".to_owned());
                } else {
                    dirs.extend(
                        photo.day().iter().map(|day| format!("by-date/{}/{}/{day}", &day[..4], &day[..7])),
                    );
                    dirs.extend(photo.tags.iter().map(|tag| format!("tags/{tag}")));
                    dirs.extend(self.people_in(photo));
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
        let fixed = [
            "all",
            "by-date",
            "tags",
            "favourites",
            "archive",
            "albums",
            "people",
            "trash",
            "searches",
            "versions",
        ];
        let mut dirs: BTreeSet<String> = fixed.map(str::to_owned).into();
        dirs.extend((1..=5).map(|stars| format!("rated/{stars}")));
        dirs.extend(self.files().keys().map(|file| split(file).0.to_owned()));
        dirs.extend((0..self.albums.len()).filter_map(|album| self.album_path(album)));
        dirs.extend(self.people_listed());
        dirs.extend(self.versions().map(|(path, _)| split(&path).0.to_owned()));
        dirs.extend(self.kept_tags.iter().map(|tag| format!("tags/{tag}")));
        dirs.extend(self.searches.iter().map(|name| format!("searches/{name}")));
        dirs.iter().flat_map(|dir| ancestors(dir).map(str::to_owned)).collect()
    }

    /// The photo that a name leads to, also where it is not listed.
    fn file_at(&self, path: &str) -> Option<usize> {
        let (dir, name) = split(path);
        let listed = self.files().get(path).copied();
        listed.or_else(|| self.photos_of(dir).into_iter().find(|photo| self.photos[*photo].name == name))
    }

    /// Whether there is such a directory, listed or not.
    fn is_dir(&self, path: &str) -> bool {
        self.dirs().contains(path) || self.is_of_people(path)
    }

    /// All that a walk through the views finds: directories end in a slash.
    pub fn listed(&self) -> BTreeSet<String> {
        let dirs = self.dirs().into_iter().map(|dir| format!("{dir}/"));
        let versions = self.versions().map(|(path, _)| path);
        self.files().into_keys().chain(dirs).chain(versions).collect()
    }

    /// What stays in `inbox/`.
    pub fn left(&self) -> BTreeSet<String> {
        self.left.clone()
    }

    /// The views that are walked.
    pub const VIEWS: [&str; 11] = [
        "all",
        "albums",
        "archive",
        "by-date",
        "favourites",
        "people",
        "rated",
        "searches",
        "tags",
        "trash",
        "versions",
    ];

    /// What there may be after an operation that was interrupted.
    pub fn outcomes(&self, act: &Act) -> Vec<Self> {
        let mut outcomes = vec![self.clone()];
        let mut done = self.clone();
        if done.apply(act) {
            outcomes.push(done);
        }
        if let Act::Copy { path, picture } = act {
            // Taken in, and nothing decided of it yet.
            let mut come = self.clone();
            if come.apply(&Act::Copy { path: format!("inbox/{}", split(path).1), picture: picture.clone() }) {
                outcomes.push(come);
            }
        }
        outcomes
    }

    /// Does it, or with `false` changes nothing.
    pub fn apply(&mut self, act: &Act) -> bool {
        let before = self.clone();
        let done = match act {
            Act::Rename { from, to } => match self.file_at(from) {
                Some(photo) => self.move_photo(photo, from, to),
                None => self.move_dir(from, to),
            },
            Act::Link { from, to } => self.link(from, to),
            Act::Unlink(path) => self.unlink(path),
            Act::Mkdir(path) => self.mkdir(path),
            Act::Rmdir(path) => self.rmdir(path),
            Act::Xattr { path, name, value } => self.set(path, name, value),
            Act::Save { path, picture, .. } => self.save(path, picture),
            Act::Copy { path, picture } => self.create(path, picture),
        };
        if done.is_none() {
            *self = before;
        }
        done.is_some()
    }

    fn class(&self, dir: &str) -> Class {
        match dir.split_once('/') {
            _ if !self.is_dir(dir) => Class::None,
            None if dir == "favourites" => Class::Favourite,
            None if dir == "archive" => Class::Archive,
            None if dir == "trash" => Class::Trash,
            Some(("rated", stars)) => stars.parse().map_or(Class::Computed, Class::Stars),
            Some(("tags", tag)) => Class::Tag(tag.to_owned()),
            Some(("albums", _)) => self.album_at(dir).map_or(Class::Computed, Class::Album),
            Some(("people", _)) => self.person_at(dir).map_or(Class::Computed, Class::Person),
            Some(("by-date", rest)) if rest.matches('/').count() == 2 => Class::Day(split(rest).1.to_owned()),
            _ if dir.starts_with("searches") || dir.starts_with("versions") => Class::None,
            _ => Class::Computed,
        }
    }

    fn join(&mut self, photo: usize, class: &Class) -> Option<()> {
        if let Class::Person(person) = class {
            self.is_in(photo, *person)?;
        }
        let known = &mut self.photos[photo];
        match class {
            Class::Favourite => known.favourite = true,
            Class::Stars(stars) => known.stars = *stars,
            Class::Tag(tag) => drop(known.tags.insert(tag.clone())),
            Class::Archive => known.archived = true,
            Class::Album(album) => drop(known.albums.insert(*album)),
            // What is so already is not decided again.
            Class::Day(day) if known.day() == Some(day) => {}
            Class::Day(day) => known.day = Some(day.clone()),
            Class::Person(_) | Class::Trash | Class::Computed | Class::None => {}
        }
        known.trashed = matches!(class, Class::Trash);
        Some(())
    }

    fn leave(&mut self, photo: usize, class: &Class) {
        let known = &mut self.photos[photo];
        match class {
            Class::Favourite => known.favourite = false,
            Class::Stars(_) => known.stars = 0,
            Class::Tag(tag) => drop(known.tags.remove(tag)),
            Class::Archive => known.archived = false,
            Class::Album(album) => drop(known.albums.remove(album)),
            Class::Person(person) => drop(known.people.remove(person)),
            Class::Trash | Class::Computed | Class::Day(_) | Class::None => {}
        }
    }

    fn is_decided(class: &Class) -> bool {
        !matches!(class, Class::Trash | Class::Day(_) | Class::Computed | Class::None)
    }

    fn move_photo(&mut self, photo: usize, from: &str, to: &str) -> Option<()> {
        if self.file_at(to) == Some(photo) {
            // rename(2) of a file onto itself.
            return Some(());
        }
        let (old, new) = (split(from).0, split(to).0);
        let (from, into) = (self.class(old), self.class(new));
        let is_taken = self.file_at(to).is_some() || self.is_dir(to);
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
        self.join(photo, &into)
    }

    fn link(&mut self, from: &str, to: &str) -> Option<()> {
        let photo = self.file_at(from)?;
        let into = self.class(split(to).0);
        let is_taken = self.file_at(to).is_some() || self.is_dir(to);
        if is_taken || !(Self::is_decided(&into) || matches!(into, Class::Trash)) {
            return None;
        }
        self.join(photo, &into)
    }

    fn unlink(&mut self, path: &str) -> Option<()> {
        if path.starts_with("versions/") {
            return self.go_back(path);
        }
        if self.left.remove(path) {
            return Some(());
        }
        let photo = self.file_at(path)?;
        match self.class(split(path).0) {
            Class::Trash => self.photos[photo].gone = true,
            class if Self::is_decided(&class) => self.leave(photo, &class),
            _ => self.photos[photo].trashed = true,
        }
        Some(())
    }

    fn mkdir(&mut self, path: &str) -> Option<()> {
        let (parent, name) = split(path);
        if self.is_dir(path) || !self.is_dir(parent) {
            return None;
        }
        match parent.split('/').next()? {
            "albums" => {
                let parent = if parent == "albums" { None } else { Some(self.album_at(parent)?) };
                self.albums.push(Album { parent, name: name.to_owned(), gone: false });
            }
            "tags" => drop(self.kept_tags.insert(path.strip_prefix("tags/")?.to_owned())),
            "searches" if parent == "searches" => drop(self.searches.insert(name.to_owned())),
            "people" => self.make_person(path)?,
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
        if let Some(person) = self.person_at(path) {
            return self.unname(person);
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
        if !self.is_dir(from) || is_within(to, from) || is_within(from, to) || self.file_at(to).is_some() {
            return None;
        }
        let (parent, name) = split(to);
        if parent == "trash" {
            return self.trash_dir(from);
        }
        let top = from.split('/').next()?;
        if !self.is_dir(parent) || to.split('/').next() != Some(top) || from == top {
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
            "people" => self.move_person(from, to)?,
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
            Class::Person(person) => self.unname(person)?,
            Class::Computed | Class::Day(_)
                if ["all/", "by-date/", "people/"].iter().any(|view| dir.starts_with(view)) =>
            {
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
        let photo = self.file_at(path)?;
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
