//! The daemon's side of the socket: a thread a connection, few of them, every line limited.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::value::RawValue;

use super::{Address, NAME, is_ours};
use crate::exit::Exit;
use crate::request::{Frame, LONGEST_REQUEST, Request};
use crate::service::Service;

/// More commands than this at a time are told to come back.
const CONNECTIONS: usize = 32;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens until dropped.
pub struct Server {
    path: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    closing: AtomicBool,
    open: Mutex<HashMap<u64, UnixStream>>,
}

impl Server {
    /// Binds the socket in `data`, whose lock the caller holds: whatever lies there is from a process that is gone.
    pub fn start(data: &Path, service: Arc<Service>) -> Result<Self> {
        let path = data.join(NAME);
        let address = Address::in_folder(data)?;
        match std::fs::remove_file(&address.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old {}", path.display()));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&address.path)
            .with_context(|| format!("cannot open the socket {}", path.display()))?;
        // The data folder is ours alone (0700), so nobody gets in between.
        std::fs::set_permissions(&address.path, std::fs::Permissions::from_mode(0o600))?;
        let shared = Arc::<Shared>::default();
        let accepting = shared.clone();
        std::thread::Builder::new()
            .name("socket".into())
            .spawn(move || accept(&listener, &accepting, &service))?;
        Ok(Self { path, shared })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        // Wakes the accepting thread. Nobody finds the socket after that.
        if let Some(address) = self.path.parent().and_then(|data| Address::in_folder(data).ok()) {
            let _ = UnixStream::connect(&address.path);
            let _ = std::fs::remove_file(&address.path);
        }
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>, service: &Arc<Service>) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.closing.load(Ordering::Relaxed) {
            return;
        }
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                // Out of descriptors, most likely: they come back.
                tracing::warn!("a command could not connect: {error}");
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        if !is_ours(&stream) {
            tracing::warn!("a process of another user knocked at the socket and was turned away");
            continue;
        }
        let (registered, service) = (shared.clone(), service.clone());
        {
            let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.len() >= CONNECTIONS {
                let _ =
                    end(&mut (&stream), Err(Exit::Failed.because("too many commands at a time; try again")));
                continue;
            }
            if let Ok(copy) = stream.try_clone() {
                open.insert(number, copy);
            }
        }
        let serving = std::thread::Builder::new().name("command".into()).spawn(move || {
            if let Err(error) = serve(&stream, &service) {
                tracing::debug!("a command went away: {error:#}");
            }
            registered.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        });
        if serving.is_err() {
            shared.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        }
    }
}

/// One request, one answer. The error is the connection's: what the request ran into goes to the client.
fn serve(stream: &UnixStream, service: &Service) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = Vec::new();
    BufReader::new(stream.take(LONGEST_REQUEST)).read_until(b'\n', &mut line)?;
    let mut writer = BufWriter::new(stream);
    if line.is_empty() {
        return Ok(());
    }
    let outcome = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => {
            tracing::debug!("asked: {request:?}");
            service.answer(&request, &mut |item| {
                let frame = Frame::Item(RawValue::from_string(item)?);
                serde_json::to_writer(&mut writer, &frame)?;
                Ok(writer.write_all(b"\n")?)
            })
        }
        Err(error) => {
            Err(Exit::Usage.because(format!("the daemon does not understand this request: {error}")))
        }
    };
    end(&mut writer, outcome)?;
    Ok(writer.flush()?)
}

fn end(writer: &mut impl std::io::Write, outcome: Result<()>) -> Result<()> {
    let frame = match outcome {
        Ok(()) => Frame::End { exit: Exit::Done as u8, message: None },
        Err(error) => Frame::End { exit: Exit::of(&error) as u8, message: Some(format!("{error:#}")) },
    };
    serde_json::to_writer(&mut *writer, &frame)?;
    Ok(writer.write_all(b"\n")?)
}
