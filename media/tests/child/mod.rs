//! Decoders for tests: the test program itself, started again to run its test `serves_as_a_decoder` alone.

use std::ffi::OsString;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use media::decoder::{DecodeError, Decoders, Derived, Limits, Request, serve_with};

/// In a decoder's process: serves, and does not return. In the test's own: nothing.
pub(crate) fn serve_if_started_for_it(derive: impl FnMut(&File, &Request) -> Result<Derived, DecodeError>) {
    let Ok(kind) = rustix::net::sockopt::socket_type(std::io::stdin().as_fd()) else { return };
    if kind == rustix::net::SocketType::SEQPACKET {
        let code = serve_with(derive);
        std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 1 });
    }
}

/// A pool of them.
pub(crate) fn decoders(count: usize, limits: Limits) -> Decoders {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "serves_as_a_decoder", "--test-threads=1"].map(OsString::from).to_vec();
    Decoders::with_limits(program, args, NonZeroUsize::new(count).unwrap(), limits)
}
