//! A child process on a short leash: bounded output, bounded time, ended with everything it started.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

/// How it ended.
pub(super) enum Ended {
    /// By itself.
    Exited {
        /// In words.
        status: String,
        /// What it said.
        output: String,
        /// What it complained of.
        complaint: String,
    },
    /// It was ended, since it took too long.
    TimedOut,
}

/// Runs `program`, gives it `input`, and waits at most `patience` for its end.
pub(super) fn run(
    program: &Path,
    arguments: &[OsString],
    input: &[u8],
    patience: Duration,
    limit: u64,
) -> std::io::Result<Ended> {
    let deadline = Instant::now() + patience;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, to be ended as a whole.
        .process_group(0)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that does not read has ended, or will be by the deadline; the input fits into a pipe.
        let _ = stdin.write_all(input);
    }
    let output = child.stdout.take().map(|stream| drain(stream, limit));
    let complaint = child.stderr.take().map(|stream| drain(stream, limit));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() >= deadline {
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // Whatever it started goes with it. The group's number is the child's; while it is not waited for, nobody else's.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let Some(status) = status else {
        let _ = child.kill();
        child.wait()?;
        return Ok(Ended::TimedOut);
    };
    // A grandchild in another group may hold the pipes open: what was said is there by now, or never.
    let text = |stream: Option<Receiver<Vec<u8>>>| {
        let bytes =
            stream.and_then(|stream| stream.recv_timeout(Duration::from_secs(1)).ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Ended::Exited { status: in_words(status), output: text(output), complaint: text(complaint) })
}

/// Reads to the end, keeping the last `limit` bytes at least, so that the child never waits for a full pipe.
fn drain(mut stream: impl Read + Send + 'static, limit: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = bounded(1);
    let limit = limit as usize;
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..read]);
            if kept.len() > 2 * limit {
                kept.drain(..kept.len() - limit);
            }
        }
        let _ = sender.send(kept);
    });
    receiver
}

fn in_words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit {code}"),
        (None, None) => "no exit status".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, patience: Duration) -> Ended {
        run(Path::new("/bin/sh"), &["-c".into(), script.into()], b"hello\n", patience, 1 << 16).unwrap()
    }

    #[test]
    fn what_it_says_and_how_it_ends_is_told() {
        let Ended::Exited { status, output, complaint } =
            sh("cat; echo no >&2; exit 3", Duration::from_secs(60))
        else {
            panic!("it timed out");
        };
        assert_eq!((status.as_str(), output.as_str(), complaint.as_str()), ("exit 3", "hello\n", "no\n"));
        let Ended::Exited { status, .. } = sh("kill -SEGV $$", Duration::from_secs(60)) else {
            panic!("it timed out");
        };
        assert_eq!(status, "signal 11");
    }

    #[test]
    fn what_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}.new; mv {0}.new {0}; wait", pid.display());
        let started = std::thread::spawn(move || sh(&script, Duration::from_secs(2)));
        assert!(matches!(started.join().unwrap(), Ended::TimedOut));
        let sleeper: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let sleeper = rustix::process::Pid::from_raw(sleeper).unwrap();
        // It is gone, or a zombie until init has waited for it.
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", sleeper.as_raw_nonzero()));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_flood_of_output_is_cut() {
        let Ended::Exited { output, .. } = sh("yes | head -c 10000000; echo end", Duration::from_secs(60))
        else {
            panic!("it timed out");
        };
        assert!(output.len() < 1 << 18 && output.ends_with("end\n"));
    }
}
