//! A place to work in, and a daemon on it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::jpeg::Jpeg;
use crate::patience::{eventually, until};
use crate::program::program;
use crate::terminal::Terminal;

/// Folders of their own for one test: photos, data, mount.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    photos: PathBuf,
    data: PathBuf,
    mount: PathBuf,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// The lines of `--json`.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

impl Default for Site {
    fn default() -> Self {
        let mut folder = tempfile::Builder::new().prefix("galleryfs-").tempdir().expect("a temporary folder");
        // For looking at what a failed test left.
        folder.disable_cleanup(std::env::var_os("GALLERYFS_KEEP").is_some());
        let base = folder.path().canonicalize().expect("its real path");
        let [photos, data, mount] = ["photos", "data", "mount"].map(|name| base.join(name));
        std::fs::create_dir(&photos).expect("a photo folder");
        Self { folder, photos, data, mount }
    }
}

impl Site {
    /// The same with the data folder somewhere else.
    pub fn with_data(mut self, data: impl Into<PathBuf>) -> Self {
        self.data = data.into();
        self
    }

    /// The same with photos that lie somewhere else.
    pub fn with_photos(mut self, photos: impl Into<PathBuf>) -> Self {
        self.photos = photos.into();
        self
    }

    /// The folder that holds the others.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("its real path")
    }

    /// The photos.
    pub fn photos(&self) -> &Path {
        &self.photos
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The mount point.
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// Writes a file among the photos as a camera's software would: under another name first.
    pub fn put(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let target = self.photos.join(path);
        let folder = target.parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("folders");
        let part = folder.join(".arriving.part");
        std::fs::write(&part, bytes).expect("a photo");
        std::fs::rename(&part, &target).expect("its name");
        target
    }

    /// A photo among the photos.
    pub fn photo(&self, path: &str, jpeg: &Jpeg) -> PathBuf {
        self.put(path, &jpeg.bytes())
    }

    /// The program with these arguments, on this data folder, with an environment of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        // Where packages come from on this machine is none of a test's business.
        let packages = [
            "PIP_INDEX_URL",
            "PIP_CONFIG_FILE",
            "PIP_CERT",
            "PIP_FIND_LINKS",
            "SSL_CERT_FILE",
            "https_proxy",
            "HTTPS_PROXY",
        ];
        for name in ["PATH", "TMPDIR", "RUST_BACKTRACE", "LLVM_PROFILE_FILE", "GALLERYFS_LOG"]
            .into_iter()
            .chain(packages)
        {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", self.folder.path()).env("GALLERYFS_DATA", &self.data).env("TZ", "UTC");
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn ask(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Indexes everything, without a daemon.
    #[track_caller]
    pub fn index(&self) {
        let photos = self.photos.to_str().expect("UTF-8");
        let answer = self.ask(&["index", "--photos", photos]);
        assert_eq!(answer.code, Some(0), "{}", answer.err);
    }

    /// Every asset, by `list --json`.
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        self.ask(&["list", "--json"]).json()
    }

    /// The paths of every asset, sorted.
    #[track_caller]
    pub fn listed_paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self
            .list()
            .iter()
            .flat_map(|asset| asset["paths"].as_array().expect("paths").clone())
            .map(|path| path.as_str().expect("a path").into())
            .collect();
        paths.sort();
        paths
    }

    /// What `status --json` says, if anybody answers.
    pub fn status(&self) -> Option<Value> {
        let answer = self.ask(&["status", "--json"]);
        (answer.code == Some(0)).then(|| serde_json::from_str(&answer.out).expect("one object"))
    }

    /// Starts the daemon, mounted, and waits until it is.
    #[track_caller]
    pub fn up(&self) -> Daemon<'_> {
        self.up_with(&[])
    }

    /// The same with more arguments.
    #[track_caller]
    pub fn up_with(&self, more: &[&str]) -> Daemon<'_> {
        let (photos, mount) = (self.photos.to_str().expect("UTF-8"), self.mount.to_str().expect("UTF-8"));
        let mut arguments = vec!["up", "--photos", photos, "--mount", mount];
        arguments.extend(more);
        let daemon = self.start(self.command(&arguments));
        daemon.wait_mounted();
        daemon
    }

    /// Starts a daemon by a command of one's own. Waits for nothing.
    #[track_caller]
    pub fn start(&self, mut command: Command) -> Daemon<'_> {
        let log = self.folder.path().join("daemon.log");
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        command.stdout(file.try_clone().expect("a log")).stderr(file);
        self.spawn(command, log)
    }

    /// Starts a daemon with somebody at its terminal. Waits for nothing.
    #[track_caller]
    pub fn start_in(&self, terminal: &Terminal, mut command: Command) -> Daemon<'_> {
        let log = self.folder.path().join("daemon.log");
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        command.stdout(file);
        terminal.before(&mut command);
        self.spawn(command, log)
    }

    fn spawn(&self, mut command: Command, log: PathBuf) -> Daemon<'_> {
        // Its own group: a Ctrl-C at the test's terminal is the test's business.
        let child = command.process_group(0).spawn().expect("the daemon starts");
        Daemon { site: self, child, log, running: true }
    }

    /// Unmounts by force, whatever state the mount is in.
    fn clear_mount(&self) {
        if Command::new("fusermount3")
            .args(["-u", "-z", "--"])
            .arg(&self.mount)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
        {
            return;
        }
        let _ = rustix::mount::unmount(&self.mount, rustix::mount::UnmountFlags::DETACH);
    }
}

/// A running daemon: killed and unmounted when dropped.
#[derive(Debug)]
pub struct Daemon<'a> {
    site: &'a Site,
    child: Child,
    log: PathBuf,
    running: bool,
}

impl Daemon<'_> {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        let mut text = String::new();
        File::open(&self.log).and_then(|mut log| log.read_to_string(&mut text)).expect("its log");
        text
    }

    /// Waits until the mount stands.
    #[track_caller]
    pub fn wait_mounted(&self) {
        // By what this very daemon says: the kernel may remember a dead mount's files for a while.
        until("the mount", || {
            let runs = std::fs::read_link(format!("/proc/{}/exe", self.pid())).is_ok();
            assert!(runs, "the daemon ended: {}", self.said());
            let status = self.site.status()?;
            (status["pid"] == self.pid() && status["mount"].is_string()).then_some(())
        });
    }

    /// Waits until everything that was there at the call is indexed.
    #[track_caller]
    pub fn settle(&self) {
        let answer = self.site.ask(&["index"]);
        assert_eq!(answer.code, Some(0), "{}\n{}", answer.err, self.said());
        eventually("state", &"ready".to_owned(), || {
            self.site
                .status()
                .map_or_else(String::new, |status| status["state"].as_str().unwrap_or("").to_owned())
        });
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    }

    /// The end that nobody can prepare for.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        // Where it tells the kernel of a directory in which somebody waits for its answer, either waits for the other, and
        // taking the mount away is what ends that.
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().expect("its status").is_none() {
            if Instant::now() > deadline {
                let _ = std::process::Command::new("umount").arg("-f").arg(self.site.mount()).status();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.running = false;
    }

    /// The end in good order. Fails when it takes too long.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for it to end by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                self.running = false;
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if self.running {
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.site.clear_mount();
        }
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}", self.said());
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A dead mount would keep the temporary folder from being removed.
        if std::fs::metadata(&self.mount).is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN)) {
            self.clear_mount();
        }
    }
}
