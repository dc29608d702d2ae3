//! A small library: what stands where, what is away; nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use daemon::pipeline::sink::Sink;
use library::{
    AccountId, AssetId, FileContent, FilePath, FileRecord, FileStat, LibraryError, Observation, RootId,
};

/// Files and folders away, by path.
#[derive(Default)]
pub struct Model(Mutex<State>);

#[derive(Default)]
struct State {
    files: BTreeMap<FilePath, FileRecord>,
    away: BTreeSet<FilePath>,
    inodes: HashMap<(u64, u64), FilePath>,
}

impl State {
    fn put(&mut self, path: FilePath, stat: FileStat, content: FileContent) {
        self.inodes.insert((stat.device, stat.inode), path.clone());
        self.files.insert(path, FileRecord { stat, content });
    }
}

impl Sink for Model {
    fn file(&self, path: &FilePath) -> Result<Option<FileRecord>, LibraryError> {
        Ok(self.0.lock().unwrap().files.get(path).cloned())
    }

    fn each_under(
        &self,
        root: RootId,
        folder: &[u8],
        take: &mut dyn FnMut(FilePath, FileRecord),
    ) -> Result<(), LibraryError> {
        let files: Vec<_> = self
            .0
            .lock()
            .unwrap()
            .files
            .iter()
            .filter(|(path, _)| path.root == root && path.is_under(folder))
            .map(|(path, record)| (path.clone(), record.clone()))
            .collect();
        files.into_iter().for_each(|(path, record)| take(path, record));
        Ok(())
    }

    fn same_file(&self, stat: &FileStat) -> Result<Option<(FilePath, FileRecord)>, LibraryError> {
        let state = self.0.lock().unwrap();
        let Some(path) = state.inodes.get(&(stat.device, stat.inode)) else { return Ok(None) };
        let record = state.files.get(path).filter(|record| {
            record.stat.is_same_file(stat) && !matches!(record.content, FileContent::Unreadable { .. })
        });
        Ok(record.map(|record| (path.clone(), record.clone())))
    }

    fn away(&self, root: RootId) -> Result<Vec<Box<[u8]>>, LibraryError> {
        let state = self.0.lock().unwrap();
        Ok(state.away.iter().filter(|path| path.root == root).map(|path| path.relative.clone()).collect())
    }

    fn observe(&self, observations: Vec<Observation>) -> Result<(), LibraryError> {
        let owner = AccountId::from_bytes([7; 16]);
        let mut state = self.0.lock().unwrap();
        let mut gone = Vec::new();
        for observation in observations {
            match observation {
                Observation::Asset { path, stat, digests, sidecars, .. } => {
                    let asset = AssetId::of_content(owner, &digests.checksum);
                    let content = FileContent::Asset { asset, digests, sidecars };
                    state.put(path, stat, content);
                }
                Observation::Moved { path, stat, record } => {
                    state.put(path, stat, record.content);
                }
                Observation::Touched { path, stat } => {
                    if let Some(record) = state.files.get_mut(&path) {
                        record.stat = stat;
                    }
                }
                Observation::Sidecar { path, stat, digests, hosts, .. } => {
                    let content = FileContent::Sidecar { digests, hosts };
                    state.put(path, stat, content);
                }
                Observation::Unreadable { path, stat, reason } => {
                    state.put(path, stat, FileContent::Unreadable { reason });
                }
                Observation::Gone { path } => gone.push(path),
                Observation::Offline { root, folder, .. } => {
                    state.away.insert(FilePath::new(root, folder));
                }
                Observation::Online { root, folder } => {
                    state.away.remove(&FilePath::new(root, folder));
                }
                Observation::Forgotten { root, folder } => {
                    let under = |path: &FilePath| path.root == root && path.is_under(&folder);
                    state.away.retain(|path| !under(path));
                    state.files.retain(|path, _| !under(path));
                }
                Observation::Scanned => {}
            }
        }
        for path in gone {
            state.files.remove(&path);
        }
        Ok(())
    }
}
