//! Random access to bytes that may lie: every read says whether it was possible, none trusts a length.

use std::io::{self, Read, Seek, SeekFrom};

/// What [`crate::read()`] reads from: a file, or bytes in a cursor.
pub trait Source: Read + Seek {}

impl<T: Read + Seek + ?Sized> Source for T {}

/// The most one piece of metadata may take: larger ones are left out rather than loaded.
pub(crate) const LARGEST_BLOCK: usize = 64 << 20;

/// What all readers of one file together may pull from the disk, picture data for hashing aside.
const READ_BUDGET: u64 = 256 << 20;

/// How much is fetched around a small read. Headers cluster, so the next small read is usually already here.
const WINDOW: usize = 8 << 10;

/// Bytes at positions. A read beyond the end is `None`, not an error: damaged files are ordinary here.
pub(crate) trait Block {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Fills `out` from `at` on; false when not all of it is there.
    fn fill(&mut self, at: u64, out: &mut [u8]) -> bool;

    /// `len` bytes from `at` on. Refuses before it allocates when they are not there or too many.
    fn bytes(&mut self, at: u64, len: u64) -> Option<Vec<u8>> {
        if len > LARGEST_BLOCK as u64 || at.checked_add(len)? > self.len() {
            return None;
        }
        let mut out = vec![0; len as usize];
        self.fill(at, &mut out).then_some(out)
    }

    /// As many of `len` bytes from `at` on as there are.
    fn up_to(&mut self, at: u64, len: u64) -> Vec<u8> {
        let there = self.len().saturating_sub(at).min(len);
        self.bytes(at, there).unwrap_or_default()
    }
}

/// Reads of fixed width. Apart from [`Block`] so that the latter can be a trait object.
pub(crate) trait BlockExt: Block {
    /// `N` bytes from `at` on.
    fn array<const N: usize>(&mut self, at: u64) -> Option<[u8; N]> {
        let mut out = [0; N];
        self.fill(at, &mut out).then_some(out)
    }

    /// A big-endian number.
    fn be16(&mut self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// A big-endian number.
    fn be32(&mut self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// A big-endian number.
    fn be64(&mut self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_be_bytes)
    }

    /// A little-endian number.
    fn le16(&mut self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// A little-endian number.
    fn le32(&mut self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    /// A little-endian number.
    fn le64(&mut self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
}

impl<T: Block + ?Sized> BlockExt for T {}

impl Block for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn fill(&mut self, at: u64, out: &mut [u8]) -> bool {
        let Some(there) = usize::try_from(at).ok().and_then(|at| self.get(at..at.checked_add(out.len())?))
        else {
            return false;
        };
        out.copy_from_slice(there);
        true
    }
}

/// A stretch of another block, with positions counted from its start.
pub(crate) struct Part<'a> {
    whole: &'a mut dyn Block,
    start: u64,
    len: u64,
}

impl<'a> Part<'a> {
    /// The stretch from `start` on, cut where the whole ends.
    pub(crate) fn new(whole: &'a mut dyn Block, start: u64, len: u64) -> Self {
        let start = start.min(whole.len());
        let len = len.min(whole.len() - start);
        Self { whole, start, len }
    }
}

impl Block for Part<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn fill(&mut self, at: u64, out: &mut [u8]) -> bool {
        match at.checked_add(out.len() as u64) {
            Some(end) if end <= self.len => self.whole.fill(self.start + at, out),
            _ => false,
        }
    }
}

/// A file being read: a window for small reads, a budget, and the first real failure, kept for the end.
///
/// Readers see a failing disk as missing bytes and go on; [`Input::failure`] then tells the two apart, so that a
/// photo on a dying disk is not catalogued as one without a date.
pub(crate) struct Input<'a> {
    source: &'a mut dyn Source,
    len: u64,
    window: Vec<u8>,
    window_at: u64,
    budget: u64,
    failure: Option<io::Error>,
}

impl<'a> Input<'a> {
    /// Finds the length by seeking to the end.
    pub(crate) fn new(source: &'a mut dyn Source) -> io::Result<Self> {
        let len = source.seek(SeekFrom::End(0))?;
        Ok(Self { source, len, window: Vec::new(), window_at: 0, budget: READ_BUDGET, failure: None })
    }

    /// Lets so many bytes be read: whoever decodes reads the pixels too.
    pub(crate) fn with_budget(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// The first error other than an early end of file.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Passes the bytes from `at` to `end` to `take` in pieces, outside the budget. False when they were not all there.
    pub(crate) fn stream(&mut self, at: u64, end: u64, mut take: impl FnMut(&[u8])) -> bool {
        let mut buffer = vec![0; (128 << 10).min(end.saturating_sub(at) as usize)];
        let mut at = at;
        while at < end {
            let now = buffer.len().min((end - at) as usize);
            let Some(piece) = buffer.get_mut(..now) else { return false };
            if !self.fetch(at, piece) {
                return false;
            }
            take(piece);
            at += now as u64;
        }
        true
    }

    fn fetch(&mut self, at: u64, out: &mut [u8]) -> bool {
        let done = self.source.seek(SeekFrom::Start(at)).and_then(|_| self.source.read_exact(out));
        match done {
            Ok(()) => true,
            Err(error) => {
                if error.kind() != io::ErrorKind::UnexpectedEof && self.failure.is_none() {
                    self.failure = Some(error);
                }
                false
            }
        }
    }
}

impl Block for Input<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn fill(&mut self, at: u64, out: &mut [u8]) -> bool {
        let Some(end) = at.checked_add(out.len() as u64) else { return false };
        if end > self.len {
            return false;
        }
        if at >= self.window_at && end <= self.window_at + self.window.len() as u64 {
            let from = (at - self.window_at) as usize;
            if let Some(there) = self.window.get(from..from + out.len()) {
                out.copy_from_slice(there);
                return true;
            }
        }
        let fetched = if out.len() >= WINDOW { out.len() as u64 } else { (self.len - at).min(WINDOW as u64) };
        let Some(left) = self.budget.checked_sub(fetched) else { return false };
        self.budget = left;
        if out.len() >= WINDOW {
            return self.fetch(at, out);
        }
        let mut window = std::mem::take(&mut self.window);
        window.resize(fetched as usize, 0);
        if !self.fetch(at, &mut window) {
            return false;
        }
        if let Some(there) = window.get(..out.len()) {
            out.copy_from_slice(there);
        }
        self.window = window;
        self.window_at = at;
        true
    }
}

/// Where `needle` first stands in `hay`.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn small_and_large_reads_agree_with_the_bytes() {
        let bytes: Vec<u8> = (0..40_000u32).map(|n| (n % 251) as u8).collect();
        let mut cursor = Cursor::new(bytes.clone());
        let mut input = Input::new(&mut cursor).unwrap();
        for (at, len) in [(0, 4), (8190, 4), (39_996, 4), (1, 20_000), (3, 3), (12_000, 9_000)] {
            assert_eq!(input.bytes(at, len).unwrap(), bytes[at as usize..(at + len) as usize]);
        }
        assert_eq!(input.bytes(39_999, 2), None);
        assert_eq!(input.bytes(u64::MAX, 2), None);
        assert_eq!(input.up_to(39_999, 2).len(), 1);
        assert!(input.failure().is_none());
    }

    #[test]
    fn a_part_does_not_see_beyond_its_end() {
        let mut whole: &[u8] = b"0123456789";
        let mut part = Part::new(&mut whole, 4, 3);
        assert_eq!(part.bytes(0, 3).unwrap(), b"456");
        assert_eq!(part.bytes(1, 3), None);
        let mut beyond = Part::new(&mut whole, 40, 3);
        assert_eq!(beyond.bytes(0, 1), None);
    }
}
