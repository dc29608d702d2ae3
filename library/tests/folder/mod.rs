//! A pretended folder of photos, told to a real library the way the watcher would.

#![allow(dead_code)] // each test uses some of it

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use library::metadata::{FaceRegion, PixelSize, Rating, TagPath, Taken};
use library::{
    Digests, FilePath, FileStat, Format, Library, Metadata, Observation, OpenReport, RootId, RootSpec,
    RowNumber, SidecarSeen,
};

/// One root and what stands in it.
pub(crate) struct Folder {
    pub(crate) library: Arc<Library>,
    pub(crate) root: RootId,
    data: tempfile::TempDir,
    files: BTreeMap<String, (Vec<u8>, FileStat)>,
    clock: i64,
}

pub(crate) const ROOT: &str = "/pictures";

impl Folder {
    pub(crate) fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (library, report) = Library::open(data.path()).unwrap();
        assert!(report.rebuilt && report.notes.is_empty(), "{report:?}");
        let root = set_root(&library);
        Self { library, root, data, files: BTreeMap::new(), clock: 1_700_000_000_000_000_000 }
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn path(&self, relative: &str) -> FilePath {
        FilePath::new(self.root, relative.as_bytes())
    }

    pub(crate) fn stat(&mut self, bytes: &[u8]) -> FileStat {
        self.clock += 1_000_000_000;
        // Change times are the kernel's: nobody sets them.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        FileStat {
            size: bytes.len() as u64,
            mtime_ns: self.clock,
            ctime_ns: now.as_nanos() as i64,
            device: 1,
            inode: self.clock as u64 / 1_000_000_000,
        }
    }

    /// The observation of a file with these bytes; its text is what it says of itself: `taken=... live=...`.
    pub(crate) fn seen(&mut self, relative: &str, bytes: &[u8]) -> Observation {
        let stat = self.stat(bytes);
        self.files.insert(relative.to_owned(), (bytes.to_vec(), stat));
        self.observation(relative)
    }

    /// What stands there, told once more.
    pub(crate) fn again(&self, relative: &str) -> Observation {
        self.observation(relative)
    }

    fn observation(&self, relative: &str) -> Observation {
        let (bytes, stat) = &self.files[relative];
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let path = self.path(relative);
        let sibling = |other: &str| {
            let key = if folder.is_empty() { other.to_owned() } else { format!("{folder}/{other}") };
            self.files.contains_key(&key)
        };
        if let Some(host) = name.strip_suffix(".xmp") {
            return Observation::Sidecar {
                path,
                stat: *stat,
                digests: Digests::of(bytes),
                format: Format::Xmp,
                hosts: vec![host.as_bytes().into()],
            };
        }
        let sidecar = format!("{name}.xmp");
        Observation::Asset {
            path,
            stat: *stat,
            digests: Digests::of(bytes),
            metadata: Box::new(self.described(name, bytes, sibling(&sidecar).then_some((folder, &sidecar)))),
            sidecars: sibling(&sidecar)
                .then(|| SidecarSeen { name: sidecar.as_bytes().into(), size: 0, mtime_ns: 0 })
                .into_iter()
                .collect(),
        }
    }

    /// What a file says of itself, or else its sidecar of it.
    fn described(&self, name: &str, bytes: &[u8], sidecar: Option<(&str, &String)>) -> Metadata {
        let mut metadata = read(name, bytes);
        if let Some((folder, sidecar)) = sidecar {
            let key = if folder.is_empty() { sidecar.clone() } else { format!("{folder}/{sidecar}") };
            let beside = read(name, &self.files[&key].0);
            metadata.taken = beside.taken.or(metadata.taken);
        }
        metadata
    }

    pub(crate) fn add(&mut self, relative: &str, bytes: &[u8]) {
        let seen = self.seen(relative, bytes);
        self.library.observe(vec![seen]).unwrap();
    }

    pub(crate) fn remove(&mut self, relative: &str) {
        self.files.remove(relative);
        self.library.observe(vec![Observation::Gone { path: self.path(relative) }]).unwrap();
    }

    /// Renames without reading, as the watcher does.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let (bytes, stat) = self.files.remove(from).unwrap();
        self.files.insert(to.to_owned(), (bytes, stat));
        let arrival = match self.library.same_file(&stat).unwrap().map(|(_, record)| record) {
            Some(record) if !from.ends_with(".xmp") => {
                Observation::Moved { path: self.path(to), stat, record }
            }
            _ => self.observation(to),
        };
        self.library.observe(vec![Observation::Gone { path: self.path(from) }, arrival]).unwrap();
    }

    /// Ends this library and opens it again, with `derived/` gone if asked.
    pub(crate) fn reopen(&mut self, rebuild: bool) -> OpenReport {
        let report = self.reopen_as_it_is(rebuild);
        assert_eq!(set_root(&self.library), self.root, "the root keeps its id");
        report
    }

    /// The same without saying which folder is watched.
    pub(crate) fn reopen_as_it_is(&mut self, rebuild: bool) -> OpenReport {
        self.reopen_after(rebuild, |_| {})
    }

    /// The same, after something was done to the data folder while nobody had it.
    pub(crate) fn reopen_after(&mut self, rebuild: bool, between: impl FnOnce(&Path)) -> OpenReport {
        let placeholder = tempfile::tempdir().unwrap();
        let (other, _) = Library::open(placeholder.path()).unwrap();
        let old = std::mem::replace(&mut self.library, other);
        drop(wait_for_last(old));
        between(self.data.path());
        let open = if rebuild { Library::rebuild } else { Library::open };
        let (library, report) = open(self.data.path()).unwrap();
        self.library = library;
        report
    }

    /// Tells everything again, in an order of the caller's making, as the first scan after a rebuild does.
    pub(crate) fn rescan(&self, mut order: impl FnMut(&mut Vec<String>)) {
        let mut names: Vec<String> = self.files.keys().cloned().collect();
        order(&mut names);
        for chunk in names.chunks(3) {
            self.library.observe(chunk.iter().map(|name| self.observation(name)).collect()).unwrap();
        }
        self.library.observe(vec![Observation::Scanned]).unwrap();
    }

    pub(crate) fn row(&self, relative: &str) -> Option<RowNumber> {
        self.library.find_path(&Path::new(ROOT).join(relative))
    }

    /// Id, name and inode number of what stands at a path.
    pub(crate) fn identity(&self, relative: &str) -> (String, String, u64) {
        let row = self.row(relative).unwrap_or_else(|| panic!("{relative} is not in the library"));
        let snapshot = self.library.snapshot();
        let row = snapshot.row(row).unwrap();
        (row.id.to_string(), row.name.to_string(), row.inode.get())
    }

    pub(crate) fn identities(&self) -> BTreeMap<String, (String, String, u64)> {
        self.files.keys().map(|name| (name.clone(), self.identity(name))).collect()
    }
}

fn wait_for_last(library: Arc<Library>) -> Library {
    let mut library = library;
    loop {
        match Arc::try_unwrap(library) {
            Ok(last) => return last,
            Err(shared) => {
                library = shared;
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
}

fn set_root(library: &Library) -> RootId {
    library.set_roots(library.account(), &[RootSpec { path: ROOT.into() }]).unwrap()[0]
}

fn read(name: &str, bytes: &[u8]) -> Metadata {
    let text = String::from_utf8_lossy(bytes);
    let said = |key: &str| text.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    Metadata {
        format: name.rsplit_once('.').and_then(|(_, extension)| Format::from_extension(extension)),
        taken: said("taken").and_then(|time| time.parse().ok()).map(|local| Taken { local, zone: None }),
        size: said("size").and_then(|size| {
            let (width, height) = size.split_once('x')?;
            Some(PixelSize { width: width.parse().ok()?, height: height.parse().ok()? })
        }),
        live_id: said("live").map(str::to_owned),
        rating: said("stars").and_then(|stars| Rating::new(stars.parse().ok()?)),
        tags: text
            .split_whitespace()
            .filter_map(|word| TagPath::new(word.strip_prefix("tag=")?.split('/')))
            .collect(),
        faces: text.split_whitespace().filter_map(|word| region(word.strip_prefix("face=")?)).collect(),
        ..Metadata::default()
    }
}

/// `Ann@0.1,0.1,0.2,0.3`: who, and the left, top, width and height of the face.
fn region(text: &str) -> Option<FaceRegion> {
    let (name, sides) = text.split_once('@')?;
    let sides: Vec<f32> = sides.split(',').filter_map(|side| side.parse().ok()).collect();
    let [left, top, width, height] = sides[..] else { return None };
    Some(FaceRegion { name: Some(name.replace('_', " ")), left, top, width, height })
}

/// Puts a copy of a folder in the place of another.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}
