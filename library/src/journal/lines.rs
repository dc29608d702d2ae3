//! Lines of a file, from its beginning or from its end, with a bound on what one line may take.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::record::{BadLine, MAX_LINE};

/// Reads forwards.
pub(super) struct Lines {
    reader: BufReader<Take<File>>,
    line: Vec<u8>,
    /// Where the current line begins.
    pub(super) start: u64,
    /// Where the next one begins.
    pub(super) next: u64,
    /// The current line's number, from 1.
    pub(super) number: u64,
}

impl Lines {
    /// Reads a file up to `end`, or all of it.
    pub(super) fn open(path: &Path, end: Option<u64>) -> io::Result<Self> {
        let reader = BufReader::with_capacity(1 << 18, File::open(path)?.take(end.unwrap_or(u64::MAX)));
        Ok(Self { reader, line: Vec::new(), start: 0, next: 0, number: 0 })
    }

    /// Moves to the next line: false at the end of the file.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.start = self.next;
        let read = (&mut self.reader).take(MAX_LINE as u64 + 2).read_until(b'\n', &mut self.line)?;
        self.next += read as u64;
        if read > MAX_LINE + 1 && self.line.last() != Some(&b'\n') {
            self.skip_rest()?;
        }
        self.number += 1;
        Ok(read > 0)
    }

    /// Leaves the rest of an overlong line, keeping only whether it ended.
    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let part = self.reader.fill_buf()?;
            if part.is_empty() {
                return Ok(());
            }
            let (used, ended) = match part.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (part.len(), false),
            };
            self.reader.consume(used);
            self.next += used as u64;
            if ended {
                self.line.push(b'\n');
                return Ok(());
            }
        }
    }

    /// The line without its newline.
    pub(super) fn line(&self) -> Result<&[u8], BadLine> {
        match self.line.split_last() {
            Some((b'\n', line)) if line.len() > MAX_LINE => Err(BadLine::TooLong),
            Some((b'\n', line)) => Ok(line),
            _ => Err(BadLine::Incomplete),
        }
    }
}

/// How much is read at a time backwards.
const BLOCK: usize = 1 << 16;

/// Reads backwards, so that the newest records cost what they are and not what the file is.
pub(super) struct Backward {
    file: File,
    /// Everything from here on has been read into `held` or was given out.
    position: u64,
    held: Vec<u8>,
}

impl Backward {
    /// Reads a file up to `end`, or all of it.
    pub(super) fn open(path: &Path, end: Option<u64>) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, position: end.map_or(len, |end| end.min(len)), held: Vec::new() })
    }

    /// The line before the last one given, without its newline. A line that is too long comes as a part of itself,
    /// which no checksum will pass.
    pub(super) fn retreat(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = self.held.len();
        loop {
            let found = self.held[..searched].iter().rposition(|b| *b == b'\n');
            if let Some(at) = found {
                let line = self.held.split_off(at + 1);
                self.held.truncate(at);
                // What follows the last newline is a line only if it has bytes.
                if line.is_empty() {
                    searched = self.held.len();
                    continue;
                }
                return Ok(Some(line));
            }
            if self.position == 0 {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.held.len() > MAX_LINE {
                self.held.clear();
            }
            let size = self.position.min(BLOCK as u64);
            self.position -= size;
            let mut block = vec![0; usize::try_from(size).unwrap_or(BLOCK)];
            self.file.read_exact_at(&mut block, self.position)?;
            searched = block.len();
            block.append(&mut self.held);
            self.held = block;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_give_the_same_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        for count in [0_usize, 1, 2, 3, 900] {
            let lines: Vec<Vec<u8>> =
                (0..count).map(|n| vec![b'a' + (n % 26) as u8; 1 + n * 7 % 400]).collect();
            let mut text = lines.join(&b'\n');
            if count > 0 {
                text.push(b'\n');
            }
            std::fs::write(&path, &text).unwrap();
            let mut forward = Lines::open(&path, None).unwrap();
            let mut seen = Vec::new();
            while forward.advance().unwrap() {
                seen.push(forward.line().unwrap().to_vec());
            }
            assert_eq!(seen, lines);
            assert_eq!(forward.next, text.len() as u64);
            let mut backward = Backward::open(&path, None).unwrap();
            let mut seen = Vec::new();
            while let Some(line) = backward.retreat().unwrap() {
                seen.push(line);
            }
            seen.reverse();
            assert_eq!(seen, lines);
        }
    }

    #[test]
    fn an_overlong_line_is_one_bad_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        for extra in [0, 1, 2, 3, 1 << 20] {
            let long = vec![b'x'; MAX_LINE + extra];
            std::fs::write(&path, [b"before\n", &long[..], b"\nafter\npart"].concat()).unwrap();
            let mut lines = Lines::open(&path, None).unwrap();
            assert!(lines.advance().unwrap());
            assert_eq!(lines.line(), Ok(&b"before"[..]));
            assert!(lines.advance().unwrap());
            assert_eq!(lines.line().is_err(), extra > 0, "{extra}");
            assert!(lines.advance().unwrap());
            assert_eq!(lines.line(), Ok(&b"after"[..]));
            assert!(lines.advance().unwrap());
            assert_eq!(lines.line(), Err(BadLine::Incomplete));
            assert_eq!(lines.number, 4);
            assert!(!lines.advance().unwrap());
        }
    }
}
