//! A disk that does not answer, and a model that does not: who waits for them waits, and nobody else.
//!
//! `GALLERYFS_SOAK=1` has the disk stop again and again for some minutes, with everybody at work.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use galleryfs_tests::http::{Reply, Server};
use galleryfs_tests::{Answer, Daemon, Jpeg, Site, StallingDisk, eventually, folder, until};

/// Whoever does not wait for the disk has an answer by then, on a busy machine too.
const SOON: Duration = Duration::from_secs(10);

/// How many wait for the disk at a time: more than any pool has threads.
const MANY: usize = 12;

/// Where photos are listed, and what that is worked out from.
const VIEWS: [&str; 20] = [
    "",
    "albums",
    "all",
    "archive",
    "by-date",
    "cameras",
    "favourites",
    "folders",
    "on-this-day",
    "people",
    "places",
    "rated",
    "recent",
    "search/jpg",
    "searches",
    "similar",
    "tags",
    "things",
    "types",
    "versions",
];

/// Does something that must not wait.
#[track_caller]
fn soon<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, answer) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    match answer.recv_timeout(SOON) {
        Ok(done) => done,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: waits"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{what}: failed"),
    }
}

/// Does something to one path that must not wait, and must succeed.
#[track_caller]
fn succeeds(what: &str, path: &Path, work: impl FnOnce(&Path) -> std::io::Result<()> + Send + 'static) {
    let at = path.to_owned();
    soon(what, move || work(&at)).unwrap_or_else(|error| panic!("{what} {}: {error}", path.display()));
}

/// Does something that waits, `MANY` times at once.
fn wait_for<T: Send + 'static>(
    work: impl Fn(usize) -> T + Send + Sync + Clone + 'static,
) -> Vec<JoinHandle<T>> {
    let all = (0..MANY).map(|number| {
        let work = work.clone();
        std::thread::spawn(move || work(number))
    });
    all.collect()
}

#[track_caller]
fn still_wait<T>(what: &str, waiting: &[JoinHandle<T>]) {
    let through = waiting.iter().filter(|thread| thread.is_finished()).count();
    assert_eq!(through, 0, "{what}: did not wait, so nothing was tried");
}

/// A command of the program, which must not wait.
#[track_caller]
fn ask(site: &Site, arguments: &[&str]) -> Answer {
    let mut command = site.command(arguments);
    let output = soon(arguments[0], move || command.output().unwrap());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A photo taken on a day of May, of which somebody knows the year and `seed` all else.
fn photo(year: u16, seed: u64) -> Vec<u8> {
    Jpeg::new(seed).taken(&format!("{year}:05:01 10:20:30")).padding(150_000).bytes()
}

/// A gallery of two folders, one of which lies on a disk that can be stopped.
struct Two {
    disk: StallingDisk,
    slow: PathBuf,
    behind: PathBuf,
    site: Site,
    /// What is in the photos, by name. Those of the slow disk begin with an `s`.
    bytes: BTreeMap<String, Vec<u8>>,
}

impl Two {
    fn make() -> Option<Self> {
        let site = Site::default();
        let (behind, slow) = (site.folder().join("behind"), site.folder().join("slow"));
        let disk = StallingDisk::over(&behind, &slow)?;
        let mut bytes = BTreeMap::new();
        for number in 0..2 * MANY {
            let (here, there) = (format!("h{number}.jpg"), format!("s{number}.jpg"));
            bytes.insert(here.clone(), photo(2001, number as u64));
            bytes.insert(there.clone(), photo(2002, 1000 + number as u64));
            site.put(&here, &bytes[&here]);
            std::fs::write(behind.join(&there), &bytes[&there]).unwrap();
        }
        Some(Self { disk, slow, behind, site, bytes })
    }

    fn up(&self, more: &[&str]) -> Daemon<'_> {
        let mut arguments = vec!["--photos", self.slow.to_str().unwrap()];
        arguments.extend(more);
        self.site.up_with(&arguments)
    }

    /// A photo by its date.
    fn at(&self, name: &str) -> PathBuf {
        let year = if name.starts_with('s') { "2002" } else { "2001" };
        self.site.mount().join("all").join(year).join("05").join(name)
    }
}

/// Looks through every view, and for names that are in none.
#[track_caller]
fn look_around(mount: &Path) {
    for view in VIEWS {
        let top = mount.join(view);
        let listed = top.clone();
        soon(&format!("ls -l {view}"), move || {
            for entry in std::fs::read_dir(&listed).unwrap() {
                entry.unwrap().metadata().unwrap();
            }
        });
        for name in ["none.jpg", ".hidden"] {
            let path = top.join(name);
            // In `similar/` and `search/` a name may be asked for.
            soon(&format!("stat {view}/{name}"), move || drop(std::fs::symlink_metadata(path)));
        }
        // `inbox/` is the disk itself.
        let top = mount.join(view);
        if !view.is_empty() {
            soon(&format!("ls -lR {view}"), move || folder::tree(&top));
        }
    }
}

/// Decides all that can be decided of a photo, and takes some of it back.
#[track_caller]
fn decide(mount: &Path, photo: &Path, round: usize) {
    let name = photo.file_name().unwrap().to_owned();
    let (album, other) =
        (mount.join(format!("albums/one {round}")), mount.join(format!("albums/two {round}")));
    succeeds("mkdir", &album, |path| std::fs::create_dir(path));
    succeeds("mkdir", &mount.join(format!("tags/tag {round}")), |path| std::fs::create_dir(path));
    for directory in [album.clone(), mount.join("favourites"), mount.join(format!("tags/tag {round}"))] {
        let from = photo.to_owned();
        succeeds("ln", &directory.join(&name), move |to| std::fs::hard_link(from, to));
    }
    let to = other.clone();
    succeeds("mv of an album", &album, move |from| std::fs::rename(from, to));
    let to = mount.join("rated/3").join(&name);
    succeeds("mv", &mount.join("favourites").join(&name), move |from| std::fs::rename(from, to));
    succeeds("rm", &mount.join("rated/3").join(&name), |path| std::fs::remove_file(path));
    succeeds("setfattr", photo, |path| {
        let flags = rustix::fs::XattrFlags::empty();
        Ok(rustix::fs::setxattr(path, "user.xdg.comment", b"said while it waits", flags)?)
    });
    let said = photo.to_owned();
    let said = soon("getfattr", move || {
        let mut value = [0; 100];
        let length = rustix::fs::getxattr(&said, "user.xdg.comment", &mut value[..]).unwrap();
        value[..length].to_vec()
    });
    assert_eq!(said, b"said while it waits");
    succeeds("rm", photo, |path| std::fs::remove_file(path));
    let to = mount.join("all").join(&name);
    succeeds("mv out of the trash", &mount.join("trash").join(&name), move |from| std::fs::rename(from, to));
    assert!(soon("stat", {
        let path = other.join(&name);
        move || path.exists()
    }));
}

/// What was decided by [`decide`] is so.
fn is_decided(mount: &Path, name: &str, round: usize) {
    for directory in [format!("albums/two {round}"), format!("tags/tag {round}")] {
        eventually(&directory, &vec![name.to_owned()], || folder::names(&mount.join(&directory)));
    }
    assert!(!mount.join("favourites").join(name).exists() && !mount.join("rated/3").join(name).exists());
}

fn others_go_on(passthrough: &str) {
    let Some(two) = Two::make() else { return };
    let daemon = two.up(&["--passthrough", passthrough]);
    daemon.settle();
    let (site, mount) = (&two.site, two.site.mount());
    assert_eq!(site.list().len(), 4 * MANY);
    // Open, and closed while the disk does not answer: who closes is not the one to wait.
    let open: Vec<File> =
        (0..MANY).map(|number| File::open(two.at(&format!("s{number}.jpg"))).unwrap()).collect();

    let stalled = two.disk.stall();
    let paths: Vec<PathBuf> = (0..2 * MANY).map(|number| two.at(&format!("s{number}.jpg"))).collect();
    soon("close", move || drop(open));
    let reading = wait_for({
        let paths = paths.clone();
        move |number| std::fs::read(&paths[number])
    });
    let writing = wait_for({
        let paths = paths.clone();
        move |number| {
            let mut file = File::options().write(true).truncate(true).open(&paths[MANY + number])?;
            file.write_all(&photo(2002, 2000 + number as u64))
        }
    });
    std::thread::sleep(Duration::from_secs(1));
    look_around(mount);
    decide(mount, &two.at("s0.jpg"), 0);
    decide(mount, &two.at("h0.jpg"), 1);

    // The other disk is read, written and looked at as ever.
    for number in 0..MANY {
        let (name, path) = (format!("h{number}.jpg"), two.at(&format!("h{number}.jpg")));
        assert!(soon("read", move || std::fs::read(path)).unwrap() == two.bytes[&name]);
    }
    let new = photo(2001, 500);
    let (bytes, to) = (new.clone(), mount.join("inbox/new.jpg"));
    soon("cp into inbox/", move || std::fs::write(to, bytes)).unwrap();
    site.put("found.jpg", &photo(2001, 501));
    for name in ["new.jpg", "found.jpg"] {
        let home = two.at(name);
        let deadline = Instant::now() + SOON;
        while !soon("stat", {
            let home = home.clone();
            move || home.exists()
        }) {
            assert!(Instant::now() < deadline, "{name} does not come to be known");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let (saved, at) = (photo(2001, 502), two.at("h1.jpg"));
    soon("save", {
        let bytes = saved.clone();
        move || std::fs::write(at, bytes)
    })
    .unwrap();
    let at = two.at("h1.jpg");
    eventually("what was saved", &true, || {
        soon("read", {
            let at = at.clone();
            move || std::fs::read(at)
        })
        .unwrap()
            == saved
    });
    succeeds("rm", &two.at("h2.jpg"), |path| std::fs::remove_file(path));
    succeeds("rm in the trash", &mount.join("trash/h2.jpg"), |path| std::fs::remove_file(path));
    assert!(!site.photos().join("h2.jpg").exists());

    // What would keep all others out of a directory for as long as the disk does not answer is given up.
    let is_given_up = |what: &str, done: std::io::Result<()>| {
        assert_eq!(done.unwrap_err().raw_os_error(), Some(libc::EIO), "{what}");
    };
    let trash = mount.join("trash");
    succeeds("rm", &two.at("s11.jpg"), |path| std::fs::remove_file(path));
    let path = trash.join("s11.jpg");
    is_given_up("rm in the trash", soon("rm in the trash", move || std::fs::remove_file(path)));
    let (new, to) = (two.at(".s10.jpg.new"), two.at("s10.jpg"));
    let saved = soon("save", move || {
        std::fs::write(&new, photo(2002, 4000))?;
        std::fs::rename(&new, to)
    });
    is_given_up("save", saved);
    look_around(mount);
    decide(mount, &two.at("h3.jpg"), 2);
    let path = two.at("h4.jpg");
    soon("read", move || std::fs::read(path)).unwrap();
    for arguments in [&["status"][..], &["list"], &["search", "h1"], &["log"], &["show", "h5.jpg"]] {
        let answer = ask(site, arguments);
        assert_eq!(answer.code, Some(0), "{arguments:?}: {}", answer.err);
    }
    still_wait("reading", &reading);
    still_wait("writing", &writing);

    drop(stalled);
    for (number, reading) in reading.into_iter().enumerate() {
        assert!(reading.join().unwrap().unwrap() == two.bytes[&format!("s{number}.jpg")]);
    }
    for writing in writing {
        writing.join().unwrap().unwrap();
    }
    std::fs::remove_file(two.at(".s10.jpg.new")).unwrap();
    assert_eq!(folder::names(&trash), ["s11.jpg"], "nothing came of it");
    std::fs::remove_file(trash.join("s11.jpg")).unwrap();
    assert!(!two.behind.join("s11.jpg").exists());
    // Something new there, which is found when it is looked for.
    std::fs::write(two.behind.join("s-late.jpg"), photo(2002, 3000)).unwrap();
    daemon.settle();
    let check = || {
        is_decided(mount, "h0.jpg", 1);
        is_decided(mount, "h3.jpg", 2);
        assert_eq!(site.list().len(), 4 * MANY + 3 - 2, "{:?}", site.listed_paths());
        for number in 0..MANY {
            let is = std::fs::read(&paths[MANY + number]).unwrap();
            assert!(is == photo(2002, 2000 + number as u64), "what was saved there");
        }
        assert_eq!(site.status().unwrap()["unreadable"].as_array().unwrap().len(), 0);
        assert_eq!(site.status().unwrap()["offline"].as_array().unwrap().len(), 0);
    };
    check();
    assert!(daemon.stop().success());
    let daemon = two.up(&["--passthrough", passthrough]);
    daemon.settle();
    check();
    assert!(daemon.stop().success());
}

#[test]
fn a_disk_that_does_not_answer_is_waited_for_by_none_but_who_needs_it() {
    others_go_on("off");
}

#[test]
fn nor_where_the_kernel_reads_originals_itself() {
    others_go_on("auto");
}

/// All photos there are, and where new ones go.
#[test]
fn with_the_only_disk_away_one_can_still_look_and_decide() {
    let site = Site::default();
    let behind = site.folder().join("behind");
    let Some(disk) = StallingDisk::over(&behind, site.photos()) else { return };
    for number in 0..MANY {
        std::fs::write(behind.join(format!("s{number}.jpg")), photo(2002, number as u64)).unwrap();
    }
    let daemon = site.up_with(&["--passthrough", "off"]);
    daemon.settle();
    let mount = site.mount();
    // Something has been on its way into these directories.
    let made = mount.join("albums/made");
    std::fs::create_dir(&made).unwrap();
    for directory in [&made, &mount.join("favourites")] {
        std::fs::write(directory.join("n.jpg"), photo(2002, 100)).unwrap();
        until("the photo that was copied", || directory.join("n.jpg").exists().then_some(()));
    }
    daemon.settle();
    let open: Vec<File> = (0..MANY).map(|_| File::open(mount.join("all/2002/05/s0.jpg")).unwrap()).collect();
    let begun: Vec<File> = (0..MANY)
        .map(|number| {
            let mut file = File::create(mount.join(format!("inbox/.begun{number}"))).unwrap();
            file.write_all(b"some").unwrap();
            file
        })
        .collect();

    let stalled = disk.stall();
    let room = wait_for({
        let mount = mount.to_owned();
        move |_| rustix::fs::statvfs(&mount).map(drop)
    });
    let reading = wait_for({
        let mount = mount.to_owned();
        move |number| std::fs::read(mount.join(format!("all/2002/05/s{number}.jpg")))
    });
    let closing = std::thread::spawn(move || drop((open, begun)));
    std::thread::sleep(Duration::from_secs(1));
    look_around(mount);
    for (round, number) in [1, 2, 3].into_iter().enumerate() {
        decide(mount, &mount.join(format!("all/2002/05/s{number}.jpg")), round);
    }
    let photo_there = mount.join("all/2002/05/s4.jpg");
    let from = photo_there.clone();
    succeeds("ln", &made.join("s4.jpg"), move |to| std::fs::hard_link(from, to));
    succeeds("rm", &made.join("s4.jpg"), |path| std::fs::remove_file(path));
    still_wait("df", &room);
    still_wait("reading", &reading);

    drop(stalled);
    closing.join().unwrap();
    for room in room {
        room.join().unwrap().unwrap();
    }
    for (number, reading) in reading.into_iter().enumerate() {
        assert!(reading.join().unwrap().unwrap() == photo(2002, number as u64));
    }
    for (round, number) in [1, 2, 3].into_iter().enumerate() {
        is_decided(mount, &format!("s{number}.jpg"), round);
    }
    assert!(daemon.stop().success());
}

#[test]
fn a_disk_that_does_not_answer_at_the_start_is_there_when_it_does() {
    let Some(two) = Two::make() else { return };
    let (site, mount) = (&two.site, two.site.mount());
    let daemon = two.up(&[]);
    daemon.settle();
    // A version is kept there.
    std::fs::write(two.at("s1.jpg"), photo(2002, 5000)).unwrap();
    daemon.settle();
    assert_eq!(folder::names(&mount.join("versions")).len(), 2);
    assert!(daemon.stop().success());

    let stalled = two.disk.stall();
    let daemon = two.up(&[]);
    look_around(mount);
    decide(mount, &two.at("s2.jpg"), 0);
    let path = two.at("h1.jpg");
    assert!(soon("read", move || std::fs::read(path)).unwrap() == two.bytes["h1.jpg"]);
    site.put("found.jpg", &photo(2001, 501));
    let home = two.at("found.jpg");
    eventually("a new photo", &true, || {
        soon("stat", {
            let home = home.clone();
            move || home.exists()
        })
    });
    drop(stalled);
    daemon.settle();
    is_decided(mount, "s2.jpg", 0);
    eventually("the versions", &2, || folder::names(&mount.join("versions")).len());
    assert!(std::fs::read(two.at("s3.jpg")).unwrap() == two.bytes["s3.jpg"]);
    assert_eq!(site.list().len(), 4 * MANY + 1);
    assert!(daemon.stop().success());
}

/// Stops the disk again and again, with everybody at work.
#[test]
fn a_disk_that_comes_and_goes_loses_nothing() {
    let Some(two) = Two::make() else { return };
    let rounds = if galleryfs_tests::soaks() { 60 } else { 2 };
    let daemon = two.up(&["--passthrough", "off"]);
    daemon.settle();
    let mount = two.site.mount();
    let held = || std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    let mut before = 0;
    for round in 0..rounds {
        let stalled = two.disk.stall();
        let reading = wait_for({
            let paths: Vec<_> = (0..MANY).map(|number| two.at(&format!("s{number}.jpg"))).collect();
            move |number| {
                let mut bytes = Vec::new();
                File::open(&paths[number]).and_then(|mut file| file.read_to_end(&mut bytes)).map(|_| bytes)
            }
        });
        look_around(mount);
        decide(mount, &two.at(&format!("s{}.jpg", round % MANY)), 10 * round);
        decide(mount, &two.at(&format!("h{}.jpg", round % MANY)), 10 * round + 1);
        drop(stalled);
        for (number, reading) in reading.into_iter().enumerate() {
            assert!(reading.join().unwrap().unwrap() == two.bytes[&format!("s{number}.jpg")]);
        }
        is_decided(mount, &format!("s{}.jpg", round % MANY), 10 * round);
        if round == 0 {
            before = held();
        }
    }
    eventually("nothing piles up", &true, || held() <= before + MANY);
    assert!(daemon.stop().success());
}

/// A server that is asked what is seen in photos, and answers for as long as `answers` says so.
fn server(answers: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        let faces = request.body.windows(6).any(|window| window == b"facial");
        match request.path.as_str() {
            path if !answers(path) => Reply::Silence,
            "/ping" => Reply::Body("text/plain", b"pong".to_vec()),
            _ if faces => {
                let none = br#"{"facial-recognition": [], "imageHeight": 50, "imageWidth": 60}"#;
                Reply::Body("application/json", none.to_vec())
            }
            _ => Reply::Body("application/json", br#"{"clip": "[3.0, 4.0]"}"#.to_vec()),
        }
    })
}

/// A site with photos that a model may look at.
fn to_be_looked_at() -> Site {
    let site = Site::default();
    for number in 0..MANY {
        site.put(&format!("h{number}.jpg"), &photo(2001, number as u64));
    }
    site
}

#[track_caller]
fn goes_on_without_an_answer(site: &Site) {
    let mount = site.mount();
    for round in 0..3 {
        look_around(mount);
        decide(mount, &mount.join(format!("all/2001/05/h{round}.jpg")), round);
        for words in ["dog in park", "red", "a h1 b"] {
            let directory = mount.join("search").join(words);
            soon("ls of a search", move || std::fs::read_dir(directory).unwrap().count());
        }
        assert_eq!(ask(site, &["search", "dog"]).code, Some(0));
        assert_eq!(ask(site, &["status"]).code, Some(0));
    }
    let found = mount.join("search/h1");
    assert!(soon("ls of a search", move || std::fs::read_dir(found).unwrap().count()) > 0, "by words alone");
}

#[test]
fn a_model_that_never_answers_holds_up_nobody() {
    for answers_pings in [true, false] {
        let site = to_be_looked_at();
        let server = server(move |path| answers_pings && path == "/ping");
        let daemon = site.up_with(&["--servers", &server.url()]);
        until("it is asked", || (!server.seen().is_empty()).then_some(()));
        eventually("the photos", &MANY, || folder::names(&site.mount().join("all")).len());
        goes_on_without_an_answer(&site);
        assert!(daemon.stop().success());
    }
}

#[test]
fn nor_does_one_that_answers_no_more() {
    let site = to_be_looked_at();
    let silent = Arc::new(AtomicBool::new(false));
    let server = server({
        let silent = Arc::clone(&silent);
        move |_| !silent.load(Ordering::SeqCst)
    });
    let daemon = site.up_with(&["--servers", &server.url()]);
    daemon.settle();
    assert_eq!(site.status().unwrap()["stages"]["meaning"]["done"], MANY);
    silent.store(true, Ordering::SeqCst);
    site.put("later.jpg", &photo(2001, 100));
    eventually("the new photo", &true, || site.mount().join("all/2001/05/later.jpg").exists());
    goes_on_without_an_answer(&site);
    assert!(daemon.stop().success());
}
