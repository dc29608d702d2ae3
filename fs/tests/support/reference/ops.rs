//! Random operations, and what each asks of a library as it is.

use proptest::prelude::*;

use super::act::{Act, How};
use super::picture::Picture;
use super::{Reference, split};

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
    /// Somebody is made.
    Meet { name: usize },
    /// Somebody is called so.
    Name { person: usize, name: usize },
    /// A photo into somebody's directory.
    SayWho { photo: usize, person: usize },
    /// Other bytes over a photo.
    Save { photo: usize, how: How, bytes: Bytes },
    /// A version removed, the last or any.
    GoBack { version: usize, last: bool },
    /// A file into `inbox/`, or into any directory.
    Copy { dir: Option<usize>, bytes: Bytes },
    /// What stayed in `inbox/`, removed.
    Clear { file: usize },
}

/// Which bytes.
#[derive(Clone, Debug)]
pub enum Bytes {
    /// A photo that nobody has seen.
    New,
    /// What is no photo.
    None,
    /// Those that some photo has.
    Photo(usize),
    /// Those that the photo had or has.
    Own(usize),
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
        2 => any().prop_map(|name| Op::Meet { name }),
        3 => (any(), any()).prop_map(|(person, name)| Op::Name { person, name }),
        3 => (any(), any()).prop_map(|(photo, person)| Op::SayWho { photo, person }),
        3 => (any(), how(), bytes()).prop_map(|(photo, how, bytes)| Op::Save { photo, how, bytes }),
        2 => (any(), prop::bool::weighted(0.7)).prop_map(|(version, last)| Op::GoBack { version, last }),
        2 => (prop::option::of(any()), bytes()).prop_map(|(dir, bytes)| Op::Copy { dir, bytes }),
        1 => any().prop_map(|file| Op::Clear { file }),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![Just(How::InPlace), Just(How::Beside), Just(How::Aside)]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        5 => Just(Bytes::New),
        1 => Just(Bytes::None),
        1 => any::<usize>().prop_map(Bytes::Photo),
        2 => any::<usize>().prop_map(Bytes::Own),
    ]
}

/// Tags that photos may be given.
const TAGS: [&str; 5] = ["x", "x/y", "z", "z/far/away", "w"];

/// Names that people may be given.
const NAMES: [&str; 5] = ["Ann", "ann", "Bea", "Cleo", "Unnamed"];

fn pick(list: &[String], at: usize) -> Option<String> {
    (!list.is_empty()).then(|| list[at % list.len()].clone())
}

/// Directories that are made, moved and removed.
fn is_own(dir: &str) -> bool {
    ["albums/", "tags/", "searches/", "people/"].iter().any(|view| dir.starts_with(view))
}

fn top(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

impl Reference {
    /// What an operation asks of this very library; `None` where there is nothing to ask it of.
    pub fn act(&mut self, op: &Op) -> Option<Act> {
        let files: Vec<String> = self.files().into_keys().collect();
        let dirs: Vec<String> = self.dirs().into_iter().collect();
        let people: Vec<String> = self.people_listed().chain(self.people_numbered()).collect();
        // Any photo is found in a search by its name, so nothing is moved there.
        let places: Vec<String> = dirs.iter().filter(|dir| !dir.starts_with("searches/")).cloned().collect();
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
                let parents = parents(&dirs);
                Act::Mkdir(format!("{}/{fresh}", parents[dir % parents.len()]))
            }
            Op::RemoveDir { dir } => Act::Rmdir(pick(&dirs, *dir)?),
            Op::MoveDir { from, into, onto } => move_dir(&dirs, *from, *into, *onto, &fresh)?,
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
            Op::Meet { name } => Act::Mkdir(format!("people/{}", NAMES[name % NAMES.len()])),
            Op::Name { person, name } => {
                let to = format!("people/{}", NAMES[name % NAMES.len()]);
                Act::Rename { from: pick(&people, *person)?, to }
            }
            Op::SayWho { photo, person } => {
                let (from, dir) = (pick(&files, *photo)?, pick(&people, *person)?);
                Act::Link { to: format!("{dir}/{}", split(&from).1), from }
            }
            Op::Save { photo, how, bytes } => {
                let path = pick(&files, *photo)?;
                let picture = self.picture(bytes, self.file_at(&path))?;
                Act::Save { path, how: *how, picture }
            }
            Op::GoBack { version, last } => {
                let versions: Vec<String> = self.versions().map(|(path, _)| path).collect();
                let photos: Vec<String> = versions.iter().map(|path| split(path).0.to_owned()).collect();
                let of = pick(&photos, *version)?;
                let last = versions.iter().rfind(|path| split(path).0 == of && *last).cloned();
                Act::Unlink(last.or_else(|| pick(&versions, *version))?)
            }
            Op::Copy { dir, bytes } => {
                // Of what cannot be said who it is, more stays than a refusal should leave: see docs/semantics.md.
                let places: Vec<String> =
                    places.into_iter().filter(|dir| !dir.starts_with("people/")).collect();
                let dir = dir.map_or(Some("inbox".to_owned()), |dir| pick(&places, dir))?;
                let picture = self.picture(bytes, None)?;
                let is = if picture.is_photo { fresh } else { fresh.replace('n', "x") };
                Act::Copy { path: format!("{dir}/{is}.jpg"), picture }
            }
            Op::Clear { file } => Act::Unlink(pick(&self.left.iter().cloned().collect::<Vec<_>>(), *file)?),
        })
    }

    /// Bytes, of a library in which this photo is meant.
    fn picture(&mut self, bytes: &Bytes, photo: Option<usize>) -> Option<Picture> {
        match (bytes, photo) {
            (Bytes::None, _) => Some(Picture::none(self.serial)),
            (Bytes::Photo(at), _) => {
                let there: Vec<_> = self.photos.iter().filter(|photo| !photo.gone).collect();
                Some(there.get(at % there.len().max(1))?.now().clone())
            }
            (Bytes::Own(at), Some(photo)) => {
                let versions = &self.photos[photo].versions;
                Some(versions[at % versions.len()].clone())
            }
            (Bytes::New | Bytes::Own(_), _) => Some(self.draw()),
        }
    }
}

/// Directories that are not too deep to have others in them.
fn parents(dirs: &[String]) -> Vec<&String> {
    dirs.iter().filter(|dir| dir.matches('/').count() < 3).filter(|dir| *dir != "trash").collect()
}

fn move_dir(dirs: &[String], from: usize, into: usize, onto: Option<usize>, fresh: &str) -> Option<Act> {
    let own: Vec<&String> = dirs.iter().filter(|dir| is_own(dir)).collect();
    let from = (*own.get(from % own.len().max(1))?).clone();
    let same: Vec<String> =
        own.iter().filter(|dir| top(dir) == top(&from)).map(|dir| (*dir).clone()).collect();
    let to = match onto {
        Some(onto) => pick(&same, onto)?,
        None => {
            let parents = parents(dirs);
            let same: Vec<_> = parents.iter().filter(|dir| top(dir) == top(&from)).collect();
            format!("{}/{fresh}", same.get(into % same.len().max(1))?)
        }
    };
    Some(Act::Rename { from, to })
}
