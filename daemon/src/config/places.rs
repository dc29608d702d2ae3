//! The folders of a run, resolved, and the refusal of those that lie in each other.
//!
//! A mount inside a watched folder would show itself to itself, a data folder there would be watched writing, and two
//! roots over the same files would make each photo two owners' business: all three are refused before anything opens.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use library::Library;

use super::Settings;
use crate::answering::in_time;
use crate::exit::Exit;

/// Where everything is, with symbolic links followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Places {
    /// The watched folders, the upload folder among them.
    pub roots: Vec<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
    /// The mount point.
    pub mount: Option<PathBuf>,
    /// The folder that was named for new files.
    named_upload: Option<PathBuf>,
    /// Those of the watched folders whose disks did not answer. They are taken as they were named, and not asked again here.
    silent: Vec<PathBuf>,
}

/// The roots that a library has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownRoots {
    /// Those watched last, which are taken when none is named.
    pub watched: Vec<PathBuf>,
    /// All of them: what is known may be away.
    pub all: Vec<PathBuf>,
}

impl KnownRoots {
    /// What `library` has.
    pub fn of(library: &Library) -> Self {
        let snapshot = library.snapshot();
        let mut known = Self::default();
        for (root, _) in snapshot.folders().roots() {
            known.all.push(root.path.clone());
            known.watched.extend(root.watched.then(|| root.path.clone()));
        }
        known
    }
}

impl Places {
    /// Resolves the folders of `settings`. `known` is what the library has; `None` when that cannot be asked yet.
    pub fn resolve(settings: &Settings, known: Option<&KnownRoots>) -> Result<Self> {
        let named = match known {
            Some(known) if settings.photos.is_empty() => &known.watched,
            _ => &settings.photos,
        };
        let (mut roots, mut silent) = (Vec::new(), Vec::new());
        for path in named {
            let asked = path.clone();
            let answer = in_time(move || {
                let real = real_path(&asked)?;
                let metadata = std::fs::metadata(&real);
                // What was said of it may have come from a cache; its room never does.
                let _ = rustix::fs::statvfs(&real);
                anyhow::Ok((real, metadata))
            });
            let Some(answer) = answer else {
                let real = std::path::absolute(path)?;
                if known.is_some_and(|known| !known.all.contains(&real)) {
                    return Err(Exit::Usage.because(format!(
                        "the disk of the photo folder {} does not answer",
                        path.display()
                    )));
                }
                if !roots.contains(&real) {
                    silent.push(real.clone());
                    roots.push(real);
                }
                continue;
            };
            let (real, metadata) = answer?;
            match metadata {
                Ok(metadata) if !metadata.is_dir() => {
                    return Err(Exit::Usage.because(format!("{} is not a folder", path.display())));
                }
                // A root that the library knows may be away; one that was never there is a slip of the keyboard.
                Err(error) if known.is_some_and(|known| !known.all.contains(&real)) => {
                    return Err(Exit::Usage.because(format!("the photo folder {}: {error}", path.display())));
                }
                _ if !roots.contains(&real) => roots.push(real),
                _ => {}
            }
        }
        let upload = settings.upload.clone();
        let named_upload = match upload.map(|upload| in_time(move || real_path(&upload))) {
            Some(Some(real)) => Some(real?),
            // What is copied in goes into another folder, as where this one is away.
            Some(None) => {
                tracing::warn!("the disk of the upload folder does not answer");
                None
            }
            None => None,
        };
        if let Some(real) = &named_upload
            && !roots.iter().any(|root| lies_in(real, root, &silent))
        {
            roots.push(real.clone());
        }
        let places = Self {
            roots,
            data: real_path(&settings.data)?,
            mount: settings.mount.as_deref().map(real_path).transpose()?,
            named_upload,
            silent,
        };
        places.refuse_overlaps()?;
        Ok(places)
    }

    /// Whether the disk of a watched folder answered.
    pub fn answers(&self, root: &Path) -> bool {
        !self.silent.iter().any(|silent| root.starts_with(silent))
    }

    /// Where new files go: the folder named for them, or the first that can be written to.
    pub fn upload(&self) -> Option<PathBuf> {
        let is_writable = |path: &&PathBuf| {
            self.answers(path)
                && rustix::fs::access(*path, rustix::fs::Access::WRITE_OK).is_ok()
                && path.is_dir()
        };
        self.named_upload.iter().chain(&self.roots).find(is_writable).cloned()
    }

    fn refuse_overlaps(&self) -> Result<()> {
        let mut named: Vec<(&str, &Path)> =
            self.roots.iter().map(|root| ("photo folder", root.as_path())).collect();
        named.push(("data folder", &self.data));
        named.extend(self.mount.iter().map(|mount| ("mount point", mount.as_path())));
        for (at, (name, path)) in named.iter().enumerate() {
            for (other_name, other) in &named[..at] {
                let overlap = if lies_in(path, other, &self.silent) {
                    Some((name, path, other_name, other))
                } else if lies_in(other, path, &self.silent) {
                    Some((other_name, other, name, path))
                } else {
                    None
                };
                if let Some((inner_name, inner, outer_name, outer)) = overlap {
                    let (inner, outer) = (inner.display(), outer.display());
                    let advice =
                        if inner_name == outer_name { "name only the outer one" } else { "choose another" };
                    return Err(Exit::Usage.because(format!(
                        "the {inner_name} {inner} lies in the {outer_name} {outer}: {advice}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Whether `inner` is `outer` or lies below it, by name or because an ancestor is the very same folder (bind mounts). Of those
/// that do not answer there are only names.
fn lies_in(inner: &Path, outer: &Path, silent: &[PathBuf]) -> bool {
    let identity = |path: &Path| {
        let is_silent = silent.iter().any(|silent| path.starts_with(silent));
        let metadata = (!is_silent).then(|| std::fs::symlink_metadata(path).ok()).flatten()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let target = identity(outer);
    inner.starts_with(outer)
        || (target.is_some() && inner.ancestors().any(|ancestor| identity(ancestor) == target))
}

/// The path with links followed as far as it exists: a mount point may still be missing, or be a dead mount.
pub fn real_path(path: &Path) -> Result<PathBuf> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match at.canonicalize() {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |real, name| real.join(name))),
            Err(error) if worth_trying_above(&error) => match (at.parent(), at.file_name()) {
                (Some(parent), Some(name)) => {
                    missing.push(name);
                    at = parent;
                }
                _ => return Err(Exit::Usage.because(format!("{}: {error}", path.display()))),
            },
            Err(error) => return Err(Exit::Usage.because(format!("{}: {error}", path.display()))),
        }
    }
}

fn worth_trying_above(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENOTCONN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layer, Settings};

    fn settings(photos: &[&Path], data: &Path, mount: Option<&Path>) -> Settings {
        let flags = Layer {
            photos: Some(photos.iter().map(|path| path.to_path_buf()).collect()),
            data: Some(data.into()),
            mount: mount.map(Path::to_owned),
            ..Layer::default()
        };
        Settings::resolve(flags, None, &|_| None).unwrap()
    }

    #[test]
    fn folders_in_each_other_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (photos, inner) = (base.join("photos"), base.join("photos/2024"));
        std::fs::create_dir_all(&inner).unwrap();
        std::os::unix::fs::symlink(&photos, base.join("link")).unwrap();
        let none = KnownRoots::default();
        let refused = |photos: &[&Path], data: &Path, mount: Option<&Path>| {
            let error = Places::resolve(&settings(photos, data, mount), Some(&none)).unwrap_err();
            assert_eq!(Exit::of(&error), Exit::Usage);
            error.to_string()
        };
        let data = base.join("data");
        assert!(refused(&[&photos, &inner], &data, None).contains("name only the outer one"));
        assert!(refused(&[&photos], &inner.join("data"), None).contains("the data folder"));
        assert!(refused(&[&photos], &data, Some(&base.join("link/mount"))).contains("the mount point"));
        assert!(refused(&[&photos], &data, Some(&data.join("mount"))).contains("lies in the data folder"));
        assert!(refused(&[&base], &data, None).contains("lies in the photo folder"));
        assert!(refused(&[&base.join("no such folder")], &data, None).contains("no such folder"));

        let good = settings(&[&photos, &base.join("link")], &data, Some(&base.join("mount")));
        let places = Places::resolve(&good, Some(&none)).unwrap();
        assert_eq!(places.roots, [photos], "the same folder twice is one");
    }

    #[test]
    fn a_known_root_may_be_away() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (away, data) = (base.join("stick"), base.join("data"));
        let known = KnownRoots { watched: vec![away.clone()], all: vec![away.clone()] };
        let roots = |photos: &[&Path], known: &KnownRoots| {
            Places::resolve(&settings(photos, &data, None), Some(known)).map(|places| places.roots)
        };
        assert!(roots(&[&away], &KnownRoots::default()).is_err());
        assert_eq!(roots(&[&away], &known).unwrap(), known.all);
        assert_eq!(roots(&[], &known).unwrap(), known.all);
    }

    #[test]
    fn where_none_is_named_those_watched_last_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (outer, inner, data) = (base.join("photos"), base.join("photos/2024"), base.join("data"));
        let known = KnownRoots { watched: vec![inner.clone()], all: vec![outer, inner.clone()] };
        let places = Places::resolve(&settings(&[], &data, None), Some(&known)).unwrap();
        assert_eq!(places.roots, [inner], "and the outer one, watched long ago, is no overlap");
    }
}
