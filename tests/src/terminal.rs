//! A terminal with somebody at it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::patience::until;

/// A pseudo-terminal: what a program writes to it is read, and what is typed it reads.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    program: File,
    screen: Arc<Mutex<String>>,
}

impl Default for Terminal {
    fn default() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let path = std::path::PathBuf::from(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let program = File::options().read(true).write(true).open(path).unwrap();
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut from, shown) = (keyboard.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It ends with an error when the program's end is closed.
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { keyboard, program, screen }
    }
}

impl Terminal {
    /// Has a command read from it and complain to it.
    pub fn before(&self, command: &mut Command) {
        command.stdin(Stdio::from(self.program.try_clone().unwrap()));
        command.stderr(Stdio::from(self.program.try_clone().unwrap()));
    }

    /// What was written so far.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits until `words` are to be read.
    #[track_caller]
    pub fn shows(&self, words: &str) {
        until(words, || self.screen().contains(words).then_some(()));
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }
}
