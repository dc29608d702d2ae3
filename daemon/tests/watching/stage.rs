//! A watched folder, a library, and what was told to it.

use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use daemon::pipeline::PipelineOptions;
use daemon::pipeline::describe::{Describe, Media};
use daemon::pipeline::sink::Sink;
use daemon::watch::{Arrived, WatchOptions, WatchedRoot, Watcher};
use library::{
    Checksum, FileContent, FilePath, FileRecord, FileStat, Library, LibraryError, Observation, RootId,
    RootSpec,
};

use crate::model::Model;

/// What stands behind the watcher.
#[derive(Clone, Copy)]
pub enum Kind {
    Model,
    Library,
}

/// Passes everything on and remembers what was told.
pub struct Recorder {
    inner: Arc<dyn Sink>,
    told: Mutex<Vec<Observation>>,
}

impl Sink for Recorder {
    fn file(&self, path: &FilePath) -> Result<Option<FileRecord>, LibraryError> {
        self.inner.file(path)
    }
    fn each_under(
        &self,
        root: RootId,
        folder: &[u8],
        take: &mut dyn FnMut(FilePath, FileRecord),
    ) -> Result<(), LibraryError> {
        self.inner.each_under(root, folder, take)
    }
    fn same_file(&self, stat: &FileStat) -> Result<Option<(FilePath, FileRecord)>, LibraryError> {
        self.inner.same_file(stat)
    }
    fn away(&self, root: RootId) -> Result<Vec<Box<[u8]>>, LibraryError> {
        self.inner.away(root)
    }
    fn observe(&self, observations: Vec<Observation>) -> Result<(), LibraryError> {
        self.told.lock().unwrap().extend(observations.clone());
        self.inner.observe(observations)
    }
}

pub fn options() -> WatchOptions {
    WatchOptions {
        pipeline: PipelineOptions { settle: Duration::from_millis(300), ..PipelineOptions::default() },
        hold_back: Duration::from_millis(400),
        arrival_settle: Duration::from_millis(150),
        probe: Duration::from_millis(200),
        ..WatchOptions::default()
    }
}

/// Everything a test needs.
pub struct Stage {
    pub root: PathBuf,
    pub id: RootId,
    pub sink: Arc<Recorder>,
    pub watcher: Option<Watcher>,
    pub options: WatchOptions,
    pub describe: Arc<dyn Describe>,
    pub temporary: tempfile::TempDir,
    /// A second root, for tests of what goes from one to another.
    pub other: Option<(RootId, PathBuf)>,
}

impl Stage {
    /// An empty watched folder, not watched yet.
    pub fn new(kind: &Kind) -> Self {
        let mut stage = Self::with_two_roots(kind);
        stage.other = None;
        stage
    }

    /// Two empty watched folders, not watched yet.
    pub fn with_two_roots(kind: &Kind) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let [root, other] = ["Pictures", "Camera"].map(|name| temporary.path().join(name));
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(&other).unwrap();
        let (inner, ids): (Arc<dyn Sink>, Vec<RootId>) = match kind {
            Kind::Model => {
                (Arc::new(Model::default()), [1, 2].map(|id| RootId::from_bytes([id; 16])).to_vec())
            }
            Kind::Library => {
                let (library, _) = Library::open(&temporary.path().join("data")).unwrap();
                let specs = [&root, &other].map(|path| RootSpec { path: path.clone() });
                let ids = library.set_roots(library.account(), &specs).unwrap();
                (library, ids)
            }
        };
        let sink = Arc::new(Recorder { inner, told: Mutex::default() });
        let (id, other) = (ids[0], Some((ids[1], other)));
        Self {
            root,
            id,
            sink,
            watcher: None,
            options: options(),
            describe: Arc::new(Media),
            temporary,
            other,
        }
    }

    /// Starts to watch and waits until all is known.
    pub fn watch(&mut self) {
        self.start();
        self.idle();
    }

    pub fn start(&mut self) {
        let mut roots = vec![WatchedRoot { id: self.id, path: self.root.clone(), poll: None }];
        roots.extend(self.other.clone().map(|(id, path)| WatchedRoot { id, path, poll: None }));
        let nobody: Arrived = Arc::new(|_: RootId, _: &Path| {});
        let watcher = Watcher::start_with(
            self.sink.clone(),
            self.describe.clone(),
            &nobody,
            roots,
            self.options.clone(),
        )
        .unwrap();
        self.watcher = Some(watcher);
    }

    pub fn stop(&mut self) {
        let begun = Instant::now();
        drop(self.watcher.take());
        assert!(begun.elapsed() < Duration::from_secs(30), "stopping took {:?}", begun.elapsed());
    }

    pub fn watcher(&self) -> &Watcher {
        self.watcher.as_ref().unwrap()
    }

    /// The user's word that what is away in a folder will not come back.
    pub fn forget(&self, folder: &str) {
        let forgotten = Observation::Forgotten { root: self.id, folder: folder.as_bytes().into() };
        self.sink.observe(vec![forgotten]).unwrap();
        self.watcher().look_again(&self.path(folder));
    }

    pub fn idle(&self) {
        let idle = self.watcher().wait_idle(Instant::now() + Duration::from_secs(90));
        assert!(idle, "not idle: {:#?} {}", self.watcher().report(), self.watcher().progress().open_duties());
    }

    /// Waits for something that nobody announces.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds(self) {
            assert!(Instant::now() < deadline, "{what} did not come: {:#?}", self.state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file, making the folders above it.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn file(&self, name: impl AsRef<Path>) -> FilePath {
        FilePath::new(self.id, name.as_ref().as_os_str().as_bytes())
    }

    pub fn record(&self, name: impl AsRef<Path>) -> Option<FileRecord> {
        self.sink.file(&self.file(name)).unwrap()
    }

    /// What is told of a path: `asset`, the reason why not, or nothing.
    pub fn says(&self, name: impl AsRef<Path>) -> String {
        match self.record(name).map(|record| record.content) {
            None => "nothing".into(),
            Some(FileContent::Asset { .. }) => "asset".into(),
            Some(FileContent::Sidecar { .. }) => "sidecar".into(),
            Some(FileContent::Unreadable { reason }) => reason,
        }
    }

    pub fn checksum(&self, name: impl AsRef<Path>) -> Option<Checksum> {
        match self.record(name)?.content {
            FileContent::Asset { digests, .. } | FileContent::Sidecar { digests, .. } => {
                Some(digests.checksum)
            }
            FileContent::Unreadable { .. } => None,
        }
    }

    /// All that is known, by path.
    pub fn state(&self) -> BTreeMap<PathBuf, FileRecord> {
        let mut state = BTreeMap::new();
        self.sink
            .each_under(self.id, b"", &mut |path, record| {
                let name = std::ffi::OsString::from_vec(path.relative.to_vec());
                state.insert(PathBuf::from(name), record);
            })
            .unwrap();
        state
    }

    pub fn names(&self) -> Vec<String> {
        self.state().keys().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    pub fn away(&self) -> Vec<String> {
        let away = self.sink.away(self.id).unwrap();
        away.iter().map(|folder| String::from_utf8_lossy(folder).into_owned()).collect()
    }

    /// What was told since the last time this was asked.
    pub fn told(&self) -> Vec<Observation> {
        std::mem::take(&mut self.sink.told.lock().unwrap())
    }
}

/// The kinds of what was told, in order.
pub fn kinds(told: &[Observation]) -> Vec<&'static str> {
    told.iter()
        .map(|observation| match observation {
            Observation::Asset { .. } => "asset",
            Observation::Moved { .. } => "moved",
            Observation::Touched { .. } => "touched",
            Observation::Sidecar { .. } => "sidecar",
            Observation::Unreadable { .. } => "unreadable",
            Observation::Gone { .. } => "gone",
            Observation::Offline { .. } => "offline",
            Observation::Online { .. } => "online",
            Observation::Forgotten { .. } => "forgotten",
            Observation::Scanned => "scanned",
        })
        .collect()
}

/// The bytes of a small photo that is like no other of another number.
pub fn photo(number: usize) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xfe\x00\x0a".to_vec();
    bytes.extend((number as u64).to_be_bytes());
    bytes.extend(b"\xff\xd9");
    bytes
}

/// An XMP sidecar with a caption.
pub fn xmp(caption: &str) -> Vec<u8> {
    format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
    .into_bytes()
}
