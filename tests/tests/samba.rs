//! The mount shared with Samba, by the share that docs/semantics.md shows: what a client does in it is what it means in the mount.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use galleryfs_tests::{Jpeg, Site, eventually, folder, until};

const DOCUMENT: &str = include_str!("../../docs/semantics.md");

/// Names in the document that are others here: where the mount is, and whose.
const SHOWN: [&str; 2] = ["/home/ann/Gallery", "force user = ann"];

/// A server of its own: on a port that is free, with all it keeps in one folder. Ends when dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The share as the document shows it.
fn share(mount: &Path) -> String {
    let start = DOCUMENT.find("[gallery]\n").unwrap();
    let text = DOCUMENT[start..].split("```").next().unwrap();
    assert!(SHOWN.iter().all(|shown| text.contains(shown)), "{text}");
    text.replace(SHOWN[0], mount.to_str().unwrap()).replace(SHOWN[1], "force user = root\nguest ok = yes")
}

impl Server {
    fn start(folder: &Path, mount: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut configuration = format!(
            "[global]
            server role = standalone server
            map to guest = Bad User
            disable netbios = yes
            disable spoolss = yes
            load printers = no
            interfaces = lo
            bind interfaces only = yes
            smb ports = {port}
            log file = {}/log\n",
            folder.display()
        );
        for kind in [
            "private dir",
            "state directory",
            "cache directory",
            "lock directory",
            "pid directory",
            "ncalrpc dir",
        ] {
            let path = folder.join(kind.replace(' ', "-"));
            std::fs::create_dir_all(&path).unwrap();
            configuration += &format!("{kind} = {}\n", path.display());
        }
        let file = folder.join("smb.conf");
        std::fs::write(&file, configuration + &share(mount)).unwrap();
        let mut smbd = Command::new("smbd");
        smbd.args(["--foreground", "--no-process-group", "--configfile"]).arg(&file).env("PATH", path());
        let child = smbd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, port };
        until("the server", || TcpStream::connect(("127.0.0.1", port)).ok());
        server
    }

    /// Gives a client some commands, in a folder that files are taken from and put into. What it says does not tell what failed,
    /// so that is looked at in the mount.
    fn ask(&self, folder: &Path, commands: &str) -> String {
        let port = self.port.to_string();
        let mut client = Command::new("timeout");
        client.args([
            "60",
            "smbclient",
            "--no-pass",
            "--port",
            &port,
            "//127.0.0.1/gallery",
            "--command",
            commands,
        ]);
        let done = client.current_dir(folder).env("HOME", folder).output().unwrap();
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        println!("{commands}\n{said}");
        said
    }
}

/// Where programs are, those for administrators among them.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap())
}

fn is_installed(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").env("PATH", path()).stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

#[test]
fn what_a_client_does_on_a_share_is_done_in_the_mount() {
    if !(is_installed("smbd") && is_installed("smbclient")) {
        assert!(std::env::var_os("CI").is_none(), "samba is missing: run `make test`");
        return eprintln!("skipped: needs samba");
    }
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: a server that takes on other users' rights takes root");
    }
    let site = Site::default();
    let taken = |seed: u64| Jpeg::new(seed).taken(&format!("2024:05:{seed:02} 10:20:30"));
    for (name, seed) in [("a.jpg", 1), ("b.jpg", 2), ("c.jpg", 3)] {
        site.photo(name, &taken(seed));
    }
    let daemon = site.up_with(&["--allow-other"]);
    daemon.settle();
    let (mount, client) = (site.mount(), site.folder().join("client"));
    std::fs::create_dir(&client).unwrap();
    let (long, edited) = (taken(5).padding(9_000_000).bytes(), taken(6).bytes());
    for (name, bytes) in [("new.jpg", &taken(4).bytes()), ("long.jpg", &long), ("a.jpg", &edited)] {
        std::fs::write(client.join(name), bytes).unwrap();
    }
    std::fs::write(client.join("known.jpg"), taken(2).bytes()).unwrap();
    std::fs::write(client.join("note.txt"), "no photo").unwrap();
    let server = Server::start(&site.folder().join("samba"), mount);
    let names = |directory: &str| folder::names(&mount.join(directory));
    let month = |wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        eventually("the month", &wanted, || names("all/2024/05"));
    };
    month(&["a.jpg", "b.jpg", "c.jpg"]);

    // New ones, by the inbox.
    server.ask(
        &client,
        "cd inbox; mkdir card; cd card; put new.jpg; put long.jpg; put known.jpg; put note.txt; del note.txt",
    );
    month(&["a.jpg", "b.jpg", "c.jpg", "long.jpg", "new.jpg"]);
    let stored: Vec<PathBuf> =
        ["2024/2024-05-05/long.jpg", "2024/2024-05-04/new.jpg"].map(|name| site.photos().join(name)).into();
    assert!(std::fs::read(&stored[0]).unwrap() == long);
    for path in &stored {
        let mut attributes = [0_u8; 100];
        assert_eq!(
            rustix::fs::listxattr(path, &mut attributes[..]),
            Ok(0),
            "nothing of the client's stays on a photo"
        );
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777,
            0o644
        );
    }
    assert!(names("inbox/card").iter().all(|name| name != "note.txt"));

    // Albums: made, filled, renamed, taken out of; what is no photo is told to the client.
    let said = server.ask(&client, "cd albums; mkdir A; cd A; put known.jpg; put note.txt");
    assert!(said.contains("INVALID_PARAMETER"), "{said}");
    eventually("a copy of a known photo is the photo", &vec!["b.jpg".to_owned()], || names("albums/A"));
    server.ask(
        &client,
        "rename all\\2024\\05\\c.jpg albums\\A\\c.jpg; rename albums\\A albums\\B; del albums\\B\\b.jpg",
    );
    assert_eq!(names("albums/B"), ["c.jpg"]);
    assert!(!mount.join("albums/A").exists());
    month(&["a.jpg", "b.jpg", "c.jpg", "long.jpg", "new.jpg"]);

    // Deleted, and had back.
    server.ask(&client, "del all\\2024\\05\\b.jpg");
    assert_eq!(names("trash"), ["b.jpg"]);
    assert!(site.photos().join("b.jpg").exists());
    server.ask(&client, "rename trash\\b.jpg all\\b.jpg");
    assert!(names("trash").is_empty());
    month(&["a.jpg", "b.jpg", "c.jpg", "long.jpg", "new.jpg"]);

    // Saved over: the same photo, and what it was is kept.
    let id = |name: &str| {
        let list = site.list();
        let ends = |asset: &&serde_json::Value| asset["paths"][0].as_str().unwrap().ends_with(name);
        list.iter().find(ends).unwrap()["id"].clone()
    };
    let before = id("/a.jpg");
    server.ask(&client, "put a.jpg all\\2024\\05\\a.jpg");
    eventually("it was saved", &true, || std::fs::read(site.photos().join("a.jpg")).unwrap() == edited);
    daemon.settle();
    assert_eq!(id("/a.jpg"), before);
    server.ask(&client, "get recent\\a.jpg back.jpg");
    assert!(std::fs::read(client.join("back.jpg")).unwrap() == edited);

    // Removed with all in it, which are only names.
    server.ask(&client, "deltree albums\\B");
    assert!(!mount.join("albums/B").exists());
    assert_eq!(site.list().len(), 5);
    drop(server);
    assert!(daemon.stop().success());
}
