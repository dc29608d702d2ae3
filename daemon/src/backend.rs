//! Who answers a command: the daemon that has the data folder, or the library opened right here.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use library::{Library, LibraryError};
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::request::Request;
use crate::service::{Service, Sink};
use crate::socket::Client;

/// How long another command that has the library open right now is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who answers.
pub enum Backend {
    /// A running daemon.
    Daemon(Client),
    /// This process.
    Here(Box<Service>),
}

impl Backend {
    /// The daemon on `data`, or else the library there.
    pub fn reach(data: &Path) -> Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(client) = Client::reach(data) {
                return Ok(Self::Daemon(client));
            }
            if !has_library(data) {
                return Err(Exit::Failed.because(format!(
                    "there is no library in {} yet; `galleryfs up --photos DIR` starts one",
                    data.display()
                )));
            }
            match open(data) {
                Ok(service) => return Ok(Self::Here(Box::new(service))),
                // Another command is about to be done with it, or a daemon about to listen.
                Err(error) if Exit::of(&error) == Exit::InUse && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks, and hands on the answer piece by piece, each one line of JSON.
    pub fn ask(&self, request: &Request, sink: Sink<'_>) -> Result<()> {
        match self {
            Self::Daemon(client) => client.ask(request, sink),
            Self::Here(service) => service.answer(request, sink),
        }
    }

    /// Asks what has one answer.
    pub fn ask_one<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let mut answer = None;
        self.ask(request, &mut |item| {
            answer = Some(serde_json::from_str(&item)?);
            Ok(())
        })?;
        answer.ok_or_else(|| Exit::Failed.because("there was no answer"))
    }
}

/// Whether somebody ever decided anything there.
pub fn has_library(data: &Path) -> bool {
    data.join("truth").is_dir()
}

fn open(data: &Path) -> Result<Service> {
    refuse_foreign(data)?;
    let (library, _) = Library::open(data).map_err(opening)?;
    Ok(Service::new(library, data))
}

/// Opened by another user, root above all, the library would get files that its owner cannot touch any more.
pub fn refuse_foreign(data: &Path) -> Result<()> {
    let own = rustix::process::geteuid().as_raw();
    match std::fs::metadata(data) {
        Ok(metadata) if metadata.uid() != own => Err(Exit::Failed.because(format!(
            "the data folder {} belongs to user {}, not to user {own}: run this command as that user",
            data.display(),
            metadata.uid()
        ))),
        _ => Ok(()),
    }
}

/// An error of opening, with the exit code that belongs to it.
pub fn opening(error: LibraryError) -> anyhow::Error {
    match error {
        LibraryError::InUse(_) => Exit::InUse.because(error),
        other => other.into(),
    }
}
