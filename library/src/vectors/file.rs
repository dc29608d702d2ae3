//! One open file of vectors.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use half::f16;
use rustix::fs::FlockOperation;

use super::error::VectorError;
use super::index::Index;
use super::key::{VectorKey, VectorKind};
use super::layout::{Found, HEADER_LEN, Layout, Slot};
use super::model_name::ModelName;
use crate::dot::dot;
use crate::embedding::Embedding;

/// Bytes read at once where all slots are read.
const CHUNK: usize = 1 << 20;

fn path_of(dir: &Path, kind: VectorKind, model: &ModelName) -> PathBuf {
    dir.join(format!("{}-{model}.slots", kind.name()))
}

/// How long a lock may take to be free that was given back.
const GIVEN_BACK: Duration = Duration::from_millis(500);

/// The vectors of one kind that one model made. Readers and writers share it; each call is whole by itself, and what a
/// call wrote is there for the next start even if the process is killed (a power cut asks for [`VectorFile::sync`]).
#[derive(Debug)]
pub struct VectorFile {
    path: PathBuf,
    file: File,
    layout: Layout,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    index: Index,
    /// Slots below `end` that hold nothing.
    free: Vec<Slot>,
    /// The first slot never used.
    end: u32,
}

/// What opening a file of vectors found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Opened {
    /// Vectors that can be used.
    pub used: usize,
    /// Slots that held something not to be trusted: what they were of must be computed again.
    pub damaged: usize,
}

impl VectorFile {
    /// Opens the file for this kind and model in `dir`, making both if need be, and reads all of it.
    pub fn open(
        dir: &Path,
        kind: VectorKind,
        model: &ModelName,
        width: usize,
    ) -> Result<(Self, Opened), VectorError> {
        Self::unread(dir, kind, model, width)?.read(|_, _, _| ())
    }

    /// Opens the file without reading it.
    pub(crate) fn unread(
        dir: &Path,
        kind: VectorKind,
        model: &ModelName,
        width: usize,
    ) -> Result<Unread, VectorError> {
        let layout = Layout::new(kind, model, width).ok_or(VectorError::NoWidth { width })?;
        let path = path_of(dir, kind, model);
        let failed = |source| VectorError::Io { path: path.clone(), source };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        if !lock(&file).map_err(failed)? {
            return Err(VectorError::InUse { path });
        }
        let mut header = vec![0; HEADER_LEN];
        let read = read_at_most(&file, &mut header, 0).map_err(failed)?;
        if read < HEADER_LEN || Layout::read(&header).as_ref() != Some(&layout) {
            // Every slot says which file it is of, so that a damaged header takes none with it, and those of a model of
            // this name that was wider are none of ours.
            file.write_all_at(&layout.header(), 0).map_err(failed)?;
        }
        Ok(Unread(Self { path, file, layout, state: RwLock::default() }))
    }

    /// How wide the vectors are in the file for this kind and model, if there is one.
    pub fn width_of(dir: &Path, kind: VectorKind, model: &ModelName) -> Option<usize> {
        let file = File::open(path_of(dir, kind, model)).ok()?;
        let mut header = vec![0; HEADER_LEN];
        file.read_exact_at(&mut header, 0).ok()?;
        let layout = Layout::read(&header)?;
        (layout.kind() == kind && layout.model() == model).then(|| layout.width())
    }

    /// Which model made them.
    pub fn model(&self) -> &ModelName {
        self.layout.model()
    }

    /// What they are of.
    pub fn kind(&self) -> VectorKind {
        self.layout.kind()
    }

    /// How many numbers each has.
    pub fn width(&self) -> usize {
        self.layout.width()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.reading().index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more than the highest slot in use, freed ones among them.
    pub fn end(&self) -> Slot {
        Slot(self.reading().end)
    }

    /// The slot that holds this key.
    pub fn slot(&self, key: &VectorKey) -> Option<Slot> {
        let mut bytes = Vec::new();
        self.reading().index.find(key, |slot| self.holds(slot, key, &mut bytes))
    }

    /// Whether this key has a vector that can be read.
    pub fn contains(&self, key: &VectorKey) -> bool {
        self.slot(key).is_some()
    }

    /// The vector of a key.
    pub fn get(&self, key: &VectorKey) -> Result<Option<Embedding>, VectorError> {
        let Some(slot) = self.slot(key) else { return Ok(None) };
        Ok(match self.read(slot)? {
            Some((found, embedding)) if found == *key => Some(embedding),
            // Damaged or given to another since.
            _ => None,
        })
    }

    /// What a slot holds, checked; `None` when it is free or damaged.
    pub fn read(&self, slot: Slot) -> Result<Option<(VectorKey, Embedding)>, VectorError> {
        let mut reader = self.reader();
        let Some(key) = reader.read(slot)? else { return Ok(None) };
        Ok(Embedding::new(reader.values()).ok().map(|embedding| (key, embedding)))
    }

    /// A reader of many slots, with room of its own.
    pub fn reader(&self) -> SlotReader<'_> {
        SlotReader {
            file: self,
            bytes: vec![0; self.layout.slot_len()],
            halves: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Keeps a vector, in place of the one the key had. When writing fails, neither is there.
    pub fn put(&self, key: &VectorKey, embedding: &Embedding) -> Result<Slot, VectorError> {
        if embedding.width() != self.width() {
            return Err(VectorError::Width { width: self.width(), given: embedding.width() });
        }
        let mut bytes = Vec::new();
        let mut state = self.writing();
        let known = state.index.find(key, |slot| self.holds(slot, key, &mut bytes));
        let slot = match known.or_else(|| state.free.pop()) {
            Some(slot) => slot,
            None => {
                let slot = Slot(state.end);
                state.end = state.end.checked_add(1).ok_or(VectorError::Full)?;
                slot
            }
        };
        let bytes = self.layout.write(slot, key, embedding.as_slice());
        if let Err(source) = self.file.write_all_at(&bytes, self.layout.offset(slot)) {
            if known.is_some() {
                state.index.remove(key, slot);
            }
            state.free.push(slot);
            return Err(VectorError::Io { path: self.path.clone(), source });
        }
        if known.is_none() {
            state.index.insert(key, slot);
        }
        Ok(slot)
    }

    /// Forgets a key, and says which slot it had.
    pub fn remove(&self, key: &VectorKey) -> Result<Option<Slot>, VectorError> {
        let mut bytes = Vec::new();
        let mut state = self.writing();
        let Some(slot) = state.index.find(key, |slot| self.holds(slot, key, &mut bytes)) else {
            return Ok(None);
        };
        self.clear(slot)?;
        state.index.remove(key, slot);
        state.free.push(slot);
        Ok(Some(slot))
    }

    /// Hands over every vector, in the order of slots, as it is read from the disk: checked, of unit length but for the
    /// rounding to f16. What is put or removed meanwhile may or may not be among them.
    pub fn for_each(&self, mut visit: impl FnMut(Slot, &VectorKey, &[f32])) -> Result<(), VectorError> {
        let (mut halves, mut values) = (Vec::new(), Vec::new());
        self.each_slot(|slot, bytes| {
            if let Found::Used(key) = self.layout.find(slot, bytes) {
                self.layout.values(bytes, &mut halves, &mut values);
                if is_direction(&values) {
                    visit(slot, &key, &values);
                }
            }
        })
    }

    /// Waits until all of it is on the disk.
    pub fn sync(&self) -> Result<(), VectorError> {
        self.file.sync_data().map_err(|source| VectorError::Io { path: self.path.clone(), source })
    }

    fn reading(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a slot holds this key and is right.
    fn holds(&self, slot: Slot, key: &VectorKey, bytes: &mut Vec<u8>) -> bool {
        bytes.resize(self.layout.slot_len(), 0);
        self.file.read_exact_at(bytes, self.layout.offset(slot)).is_ok()
            && self.layout.find(slot, bytes) == Found::Used(*key)
    }

    fn clear(&self, slot: Slot) -> Result<(), VectorError> {
        self.file
            .write_all_at(&vec![0; self.layout.slot_len()], self.layout.offset(slot))
            .map_err(|source| VectorError::Io { path: self.path.clone(), source })
    }

    /// How many slots the file has room for now, as long as it is.
    fn slots(&self) -> Result<u32, VectorError> {
        let failed = |source| VectorError::Io { path: self.path.clone(), source };
        let bytes = self.file.metadata().map_err(failed)?.len().saturating_sub(HEADER_LEN as u64);
        Ok(u32::try_from(bytes / self.layout.slot_len() as u64).unwrap_or(u32::MAX))
    }

    /// Reads every slot in order. One that cannot be read (a bad sector) is handed over as no bytes.
    fn each_slot(&self, mut visit: impl FnMut(Slot, &[u8])) -> Result<(), VectorError> {
        let failed = |source| VectorError::Io { path: self.path.clone(), source };
        let len = self.layout.slot_len();
        let whole =
            self.file.metadata().map_err(failed)?.len().saturating_sub(HEADER_LEN as u64) / len as u64;
        let end = u32::try_from(whole).unwrap_or(u32::MAX);
        let at_once = (CHUNK / len).max(1) as u32;
        let mut chunk = vec![0; at_once as usize * len];
        let mut next = 0;
        while next < end {
            let count = at_once.min(end - next);
            let bytes = &mut chunk[..count as usize * len];
            if self.file.read_exact_at(bytes, self.layout.offset(Slot(next))).is_ok() {
                for (slot, bytes) in (next..).zip(bytes.chunks_exact(len)) {
                    visit(Slot(slot), bytes);
                }
            } else {
                for slot in next..next + count {
                    let bytes = &mut chunk[..len];
                    match self.file.read_exact_at(bytes, self.layout.offset(Slot(slot))) {
                        Ok(()) => visit(Slot(slot), bytes),
                        Err(_) => visit(Slot(slot), &[]),
                    }
                }
            }
            next += count;
        }
        Ok(())
    }
}

/// A file of vectors that was opened, and whose slots are not known yet.
#[derive(Debug)]
pub(crate) struct Unread(VectorFile);

impl Unread {
    /// Reads some vectors that stand far apart in the file, at most so many.
    pub(crate) fn some(&self, count: u32, mut visit: impl FnMut(&[f32])) -> Result<(), VectorError> {
        let end = self.0.slots()?;
        let mut reader = self.0.reader();
        for slot in (0..end).step_by(end.div_ceil(count.max(1)).max(1) as usize) {
            // A slot that cannot be read is met again, and free, where all are read.
            if let Ok(Some(_)) = reader.read(Slot(slot)) {
                visit(reader.values());
            }
        }
        Ok(())
    }

    /// Reads all of it, handing over every vector; what is not to be trusted is free from now on.
    pub(crate) fn read(
        self,
        mut visit: impl FnMut(Slot, &VectorKey, &[f32]),
    ) -> Result<(VectorFile, Opened), VectorError> {
        let Self(mut file) = self;
        let mut state = State::default();
        let mut damaged = Vec::new();
        let (mut halves, mut values, mut again) = (Vec::new(), Vec::new(), Vec::new());
        file.each_slot(|slot, bytes| {
            state.end = slot.0 + 1;
            match file.layout.find(slot, bytes) {
                Found::Free => state.free.push(slot),
                Found::Damaged => damaged.push(slot),
                Found::Used(key) => {
                    file.layout.values(bytes, &mut halves, &mut values);
                    let mut twice =
                        || state.index.find(&key, |slot| file.holds(slot, &key, &mut again)).is_some();
                    if !is_direction(&values) || twice() {
                        damaged.push(slot);
                    } else {
                        state.index.insert(&key, slot);
                        visit(slot, &key, &values);
                    }
                }
            }
        })?;
        for slot in &damaged {
            // Said once, not at every start. Where it cannot be written it is still free.
            let _ = file.clear(*slot);
        }
        state.free.extend(&damaged);
        // The lowest are given first.
        state.free.sort_unstable_by(|one, other| other.cmp(one));
        let report = Opened { used: state.index.len(), damaged: damaged.len() };
        file.state = RwLock::new(state);
        Ok((file, report))
    }
}

/// Takes the file for this process alone; `false` when another has it. A child process that was just started holds what its
/// parent had open until it runs its own program, so a lock that was given back may be free only a moment later.
fn lock(file: &File) -> io::Result<bool> {
    let deadline = Instant::now() + GIVEN_BACK;
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() > deadline => return Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether stored numbers can be what an embedding was rounded to.
fn is_direction(values: &[f32]) -> bool {
    (0.9..1.1).contains(&dot(values, values))
}

/// Reads until the buffer is full or the file ends.
fn read_at_most(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads one slot after the other without asking for memory each time.
#[derive(Debug)]
pub struct SlotReader<'a> {
    file: &'a VectorFile,
    bytes: Vec<u8>,
    halves: Vec<f16>,
    values: Vec<f32>,
}

impl SlotReader<'_> {
    /// Reads and checks a slot: what it is of, and its numbers in [`SlotReader::values`]. `None` when it is free, damaged
    /// or beyond the end.
    pub fn read(&mut self, slot: Slot) -> Result<Option<VectorKey>, VectorError> {
        let layout = &self.file.layout;
        match self.file.file.read_exact_at(&mut self.bytes, layout.offset(slot)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other.map_err(|source| VectorError::Io { path: self.file.path.clone(), source })?,
        }
        let Found::Used(key) = layout.find(slot, &self.bytes) else { return Ok(None) };
        layout.values(&self.bytes, &mut self.halves, &mut self.values);
        Ok(is_direction(&self.values).then_some(key))
    }

    /// The numbers last read, of unit length but for the rounding to f16.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}
