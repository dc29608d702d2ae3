//! A library on a real mount, and what inotify says of it.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::collections::BTreeSet;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use galleryfs_fs::{Mount, Options};

use super::{HandClock, TestLibrary};

/// A mounted library. Unmounted before its files go.
pub struct Mounted {
    pub library: Arc<TestLibrary>,
    pub mount: Option<Mount>,
    dir: tempfile::TempDir,
}

pub fn options() -> Options {
    Options { clock: HandClock::at("2026-05-01"), tick: Duration::from_millis(20), ..Options::default() }
}

impl Mounted {
    pub fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("mnt")).unwrap();
        std::fs::create_dir(dir.path().join("photos")).unwrap();
        let library = TestLibrary::new(&dir.path().join("photos"));
        let source = Arc::<TestLibrary>::clone(&library);
        let mount = galleryfs_fs::mount(source, &dir.path().join("mnt"), options).unwrap();
        Self { library, mount: Some(mount), dir }
    }

    pub fn new() -> Self {
        Self::with(options())
    }

    /// Unmounted, and mounted once more.
    pub fn again(mut self) -> Self {
        self.mount.take().unwrap().unmount().unwrap();
        let source = Arc::<TestLibrary>::clone(&self.library);
        self.mount = Some(galleryfs_fs::mount(source, &self.dir.path().join("mnt"), options()).unwrap());
        self
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("mnt").join(path)
    }

    pub fn sh(&self, command: &str) -> String {
        let output = Command::new("sh").arg("-c").arg(command).current_dir(self.at("")).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim_end().to_owned()
    }
}

/// Waits for what comes after the commit, which tells the kernel from another thread.
pub fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not in ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn noise(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

pub fn names(path: &Path) -> BTreeSet<String> {
    std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub fn listed(dir: &Path) -> Vec<String> {
    names(dir).into_iter().collect()
}

/// What inotify says of some directories.
pub struct Watcher {
    child: std::process::Child,
    heard: crossbeam_channel::Receiver<String>,
    /// Of two directories, neither need be told first.
    unclaimed: Vec<String>,
}

impl Watcher {
    pub fn of(dirs: &[&Path]) -> Self {
        let mut child = Command::new("inotifywait")
            .args(["-m", "-e", "create,delete,attrib", "--format", "%e %f"])
            .args(dirs)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Watches established") {
            line.clear();
            assert_ne!(errors.read_line(&mut line).unwrap(), 0);
        }
        // Only what was listed is announced.
        dirs.iter().for_each(|dir| drop(names(dir)));
        let (lines, heard) = crossbeam_channel::unbounded();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in io::BufReader::new(output).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        Self { child, heard, unclaimed: Vec::new() }
    }

    pub fn expect(&mut self, wanted: &str) {
        while !self.unclaimed.iter().any(|line| line == wanted) {
            match self.heard.recv_timeout(Duration::from_secs(10)) {
                Ok(line) => self.unclaimed.push(line),
                Err(_) => panic!("no {wanted:?}, but {:?}", self.unclaimed),
            }
        }
        self.unclaimed.retain(|line| line != wanted);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
