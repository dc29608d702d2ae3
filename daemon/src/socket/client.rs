//! A command's side of the socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Address, is_ours};
use crate::exit::Exit;
use crate::request::{Frame, LONGEST_LINE, Request};
use crate::service::Sink;

/// Where a daemon listens. Each request is a connection of its own.
#[derive(Debug)]
pub struct Client {
    data: PathBuf,
}

impl Client {
    /// The daemon on this data folder; `None` when none answers.
    pub fn reach(data: &Path) -> Option<Self> {
        let client = Self { data: data.to_owned() };
        client.connect().is_ok().then_some(client)
    }

    fn connect(&self) -> Result<UnixStream> {
        let stream = UnixStream::connect(&Address::in_folder(&self.data)?.path)?;
        if !is_ours(&stream) && !rustix::process::geteuid().is_root() {
            return Err(Exit::Failed.because("the daemon on this data folder belongs to another user"));
        }
        Ok(stream)
    }

    /// Asks, and hands on the answer piece by piece.
    pub fn ask(&self, request: &Request, sink: Sink<'_>) -> Result<()> {
        let stream = self.connect().context("the daemon does not answer")?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        let mut reader = BufReader::new(&stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return Err(Exit::Failed.because("the daemon ended before its answer did"));
            }
            match serde_json::from_slice(&line).context("the daemon's answer makes no sense")? {
                Frame::Item(item) => sink(item.get().to_owned())?,
                Frame::End { exit: 0, .. } => return Ok(()),
                Frame::End { exit, message } => {
                    return Err(
                        Exit::from_number(exit).because(message.unwrap_or_else(|| "it did not work".into()))
                    );
                }
            }
        }
    }
}
