//! The socket in the data folder, through which commands ask a running daemon.

mod client;
mod server;

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};

pub use self::client::Client;
pub use self::server::Server;

/// Its name in the data folder.
const NAME: &str = "socket";

/// The longest path that a socket address holds, with its final zero.
const ADDRESS: usize = 108;

/// A path for the socket in `data` that fits into an address: where the real one is too long, a way over the opened
/// data folder, which must stay open meanwhile.
struct Address {
    path: PathBuf,
    _folder: Option<OwnedFd>,
}

impl Address {
    fn in_folder(data: &Path) -> std::io::Result<Self> {
        let path = data.join(NAME);
        if path.as_os_str().len() < ADDRESS {
            return Ok(Self { path, _folder: None });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, data, flags, Mode::empty())?;
        Ok(Self {
            path: format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()).into(),
            _folder: Some(folder),
        })
    }
}

/// Whether the process at the other end is ours: the same user, or root, who may do anything anyway.
fn is_ours(stream: &std::os::unix::net::UnixStream) -> bool {
    let own = rustix::process::geteuid();
    rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == own || peer.uid.is_root())
}
