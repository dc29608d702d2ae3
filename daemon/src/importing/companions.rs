//! What came together stays together: the sidecars of a photo and the video of a live photo, by their names in one
//! directory of the inbox.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use library::Kind;
use rustix::fs::{Mode, OFlags};

use super::kind_of;
use crate::pipeline::changes::Moment;
use crate::pipeline::describe::photos_of;
use crate::pipeline::names::Names;

/// For how long a photo's companions may come after it.
const COMPANY: Duration = Duration::from_secs(3600);
/// Photos of which it is remembered where they went.
const MOST: usize = 50_000;

/// Where a file went: its folders below the upload folder, and its name there.
#[derive(Clone, Debug)]
struct Place {
    folders: Vec<String>,
    name: Box<[u8]>,
    at: Instant,
}

/// A directory of the inbox.
type DirKey = (u64, u64);
/// Folders, and the name wanted in them.
type Wanted = (Vec<String>, Vec<u8>);
/// Where the files of a directory went, by their names there.
type Here = HashMap<Box<[u8]>, Place>;

/// A file that is to follow another, and its name beside that.
pub(super) struct Following {
    pub(super) name: Box<[u8]>,
    pub(super) wanted: Vec<u8>,
}

/// Where the photos went that came lately.
#[derive(Debug, Default)]
pub(super) struct Companions(Mutex<HashMap<DirKey, Here>>);

fn key(dir: &OwnedFd) -> io::Result<DirKey> {
    let stat = rustix::fs::fstat(dir)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// A name without its extension.
fn stem(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(at) if at > 0 => &name[..at],
        _ => name,
    }
}

/// The name of a companion of a file that was called `before` and is called `after`.
fn renamed(companion: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    let whole = companion.strip_prefix(before).map(|rest| [after, rest].concat());
    let by_stem = || companion.strip_prefix(stem(before)).map(|rest| [stem(after), rest].concat());
    whole.or_else(by_stem).unwrap_or_else(|| companion.to_owned())
}

/// The names in a directory.
fn listed(dir: &OwnedFd) -> io::Result<Vec<Box<[u8]>>> {
    let open =
        rustix::fs::openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::new(open)? {
        names.push(OsString::from_vec(entry?.file_name().to_bytes().to_vec()).into_encoded_bytes().into());
    }
    Ok(names)
}

impl Companions {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DirKey, Here>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A photo or video went to its place.
    pub(super) fn placed(
        &self,
        dir: &OwnedFd,
        name: &[u8],
        folders: &[String],
        placed: &[u8],
    ) -> io::Result<()> {
        let key = key(dir)?;
        let mut all = self.lock();
        if all.values().map(HashMap::len).sum::<usize>() >= MOST {
            all.clear();
        }
        let here = all.entry(key).or_default();
        here.retain(|_, place| place.at.elapsed() < COMPANY);
        let place = Place { folders: folders.to_owned(), name: placed.into(), at: Instant::now() };
        here.insert(name.into(), place);
        Ok(())
    }

    /// Where the other half of a live photo went, and what this one is to be called there.
    pub(super) fn beside(&self, dir: &OwnedFd, name: &[u8]) -> io::Result<Option<Wanted>> {
        let key = key(dir)?;
        let all = self.lock();
        let Some(here) = all.get(&key) else { return Ok(None) };
        let is_half = |other: &[u8]| match (kind_of(name), kind_of(other)) {
            (Some(Kind::Video), Some(Kind::Image)) | (Some(Kind::Image), Some(Kind::Video)) => {
                stem(other) == stem(name)
            }
            _ => false,
        };
        let half = here.iter().find(|(other, place)| is_half(other) && place.at.elapsed() < COMPANY);
        Ok(half.map(|(other, place)| (place.folders.clone(), renamed(name, stem(other), stem(&place.name)))))
    }

    /// Where the photo of a sidecar went, and what the sidecar is to be called there.
    pub(super) fn host(&self, dir: &OwnedFd, sidecar: &[u8]) -> io::Result<Option<Wanted>> {
        let mut names = listed(dir)?;
        let key = key(dir)?;
        let all = self.lock();
        let Some(here) = all.get(&key) else { return Ok(None) };
        names.extend(
            here.iter().filter(|(_, place)| place.at.elapsed() < COMPANY).map(|(name, _)| name.clone()),
        );
        let photos = photos_of(sidecar, &Names::new(names, Moment::default()));
        let found = photos.iter().find_map(|photo| here.get(photo).map(|place| (photo, place)));
        Ok(found.map(|(photo, place)| (place.folders.clone(), renamed(sidecar, photo, &place.name))))
    }

    /// The sidecars of a photo that came before it, and what each is to be called beside it.
    pub(super) fn waiting(&self, dir: &OwnedFd, photo: &[u8], placed: &[u8]) -> io::Result<Vec<Following>> {
        let mut names = listed(dir)?;
        names.push(photo.into());
        let names = Names::new(names, Moment::default());
        let is_its = |sidecar: &[u8]| photos_of(sidecar, &names).first().is_some_and(|host| **host == *photo);
        let sidecars = names.sidecars().iter().filter(|sidecar| is_its(sidecar));
        Ok(sidecars
            .map(|sidecar| Following { name: sidecar.clone(), wanted: renamed(sidecar, photo, placed) })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(names: &[&str]) -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let fd = std::fs::File::open(dir.path()).unwrap().into();
        (dir, fd)
    }

    fn wanted(wanted: Option<Wanted>) -> Option<(String, String)> {
        wanted.map(|(folders, name)| (folders.join("/"), String::from_utf8(name).unwrap()))
    }

    #[test]
    fn companions_follow_whichever_name_the_photo_was_given() {
        let (_dir, fd) = dir_with(&["IMG_1.HEIC.xmp", "IMG_1.xmp", "IMG_2.xmp", "note.txt"]);
        let companions = Companions::default();
        let day = vec!["2024".to_owned()];
        assert_eq!(wanted(companions.host(&fd, b"IMG_1.xmp").unwrap()), None);
        companions.placed(&fd, b"IMG_1.HEIC", &day, b"IMG_1 (2).HEIC").unwrap();
        let waiting = companions.waiting(&fd, b"IMG_1.HEIC", b"IMG_1 (2).HEIC").unwrap();
        let mut waiting: Vec<String> =
            waiting.into_iter().map(|sidecar| String::from_utf8(sidecar.wanted).unwrap()).collect();
        waiting.sort();
        assert_eq!(waiting, ["IMG_1 (2).HEIC.xmp", "IMG_1 (2).xmp"]);
        let at = |name: &str| Some(("2024".to_owned(), name.to_owned()));
        assert_eq!(wanted(companions.host(&fd, b"IMG_1.xmp").unwrap()), at("IMG_1 (2).xmp"));
        assert_eq!(wanted(companions.beside(&fd, b"IMG_1.MOV").unwrap()), at("IMG_1 (2).MOV"));
        assert_eq!(wanted(companions.beside(&fd, b"IMG_1.JPG").unwrap()), None, "two stills are two photos");
        assert_eq!(wanted(companions.host(&fd, b"IMG_2.xmp").unwrap()), None);
        let (_other, other) = dir_with(&[]);
        assert_eq!(wanted(companions.beside(&other, b"IMG_1.MOV").unwrap()), None, "of another directory");
    }
}
