//! Eight who write and eight who look, all at once: no request waits for ever, what comes of it is what was done, and nothing piles
//! up in the daemon.
//!
//! Every writer has photos and albums of its own, so it knows what must come of them. `GALLERYFS_SOAK=1` makes it ten minutes. A
//! failure names its seed: `GALLERYFS_SEED` runs it again.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use galleryfs_tests::{Jpeg, Random, Site, eventually, folder, until};

const WRITERS: usize = 8;
const READERS: usize = 8;
/// Photos and albums of one writer, at most.
const PHOTOS: usize = 12;
const ALBUMS: usize = 4;
/// No operation takes that long on any machine, unless it waits for one that waits for it.
const FOR_EVER: Duration = Duration::from_secs(120);

/// What everybody is doing, and since when.
struct Watch {
    doing: Vec<Mutex<Option<(Instant, String)>>>,
    /// What everybody has done: tells what led to a failure.
    done: Vec<Mutex<Vec<String>>>,
    daemon: u32,
    begun: Instant,
}

impl Watch {
    /// What somebody did of late that a word is in.
    fn last(&self, who: usize, word: &str) -> String {
        let done = self.done[who].lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = done.iter().rev().filter(|line| line.contains(word)).take(12).cloned().collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn during<T>(&self, who: usize, what: impl Into<String>, work: impl FnOnce() -> T) -> T {
        let slot = || self.doing[who].lock().unwrap_or_else(PoisonError::into_inner);
        let what = what.into();
        let at = format!("{:?} {what}", self.begun.elapsed());
        self.done[who].lock().unwrap_or_else(PoisonError::into_inner).push(at);
        *slot() = Some((Instant::now(), what));
        let done = work();
        *slot() = None;
        done
    }

    /// Ends the whole test when somebody waits for ever: a thread that waits in the kernel can not be ended by itself.
    fn look(&self) {
        for slot in &self.doing {
            let doing = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some((since, what)) = doing.filter(|(since, _)| since.elapsed() > FOR_EVER) else { continue };
            eprintln!("waits for {:?}: {what}", since.elapsed());
            for process in [self.daemon, std::process::id()] {
                print_stacks(process);
            }
            let _ = Command::new("kill").args(["-9", &self.daemon.to_string()]).status();
            std::process::exit(101);
        }
    }
}

/// Where the threads of a process are in the kernel.
fn print_stacks(process: u32) {
    for task in std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        eprintln!("{process} {}: {}\n{}", read("comm").trim(), read("wchan"), read("stack"));
    }
}

/// A photo, as its writer knows it.
struct Photo {
    bytes: Vec<u8>,
    albums: BTreeSet<String>,
    favourite: bool,
    tagged: bool,
    trashed: bool,
}

/// One who writes, and all that must come of it.
struct Writer<'a> {
    number: usize,
    random: Random,
    serial: u64,
    mount: &'a Path,
    /// The folder where all photos end up.
    photos_on_disk: &'a Path,
    /// A folder of its own outside the mount.
    desk: PathBuf,
    watch: &'a Watch,
    photos: BTreeMap<String, Photo>,
    albums: BTreeSet<String>,
}

impl Writer<'_> {
    fn at(&self, path: &str) -> PathBuf {
        self.mount.join(path)
    }

    /// Where a photo is listed by its date, which tells the writers apart.
    fn home(&self, photo: &str) -> PathBuf {
        self.at(&format!("all/{}/05", 2001 + self.number)).join(photo)
    }

    fn album(&self, album: &str) -> PathBuf {
        self.at("albums").join(self.number.to_string()).join(album)
    }

    fn tag(&self) -> PathBuf {
        self.at(&format!("tags/of {}", self.number))
    }

    /// Bytes that nobody else has.
    fn picture(&mut self) -> Vec<u8> {
        self.serial += 1;
        let seed = 1_000_000 * (self.number as u64 + 1) + self.serial;
        let taken = format!("{}:05:01 10:20:30", 2001 + self.number);
        Jpeg::new(seed).taken(&taken).padding(self.random.below(60_000)).bytes()
    }

    /// One of the photos that are not in the trash.
    fn any(&mut self) -> Option<String> {
        let shown: Vec<_> =
            self.photos.iter().filter(|(_, photo)| !photo.trashed).map(|(name, _)| name.clone()).collect();
        self.random.pick(&shown).cloned()
    }

    fn any_album(&mut self) -> Option<String> {
        let albums: Vec<_> = self.albums.iter().cloned().collect();
        self.random.pick(&albums).cloned()
    }

    fn new_name(&mut self, end: &str) -> String {
        self.serial += 1;
        format!("{}-{}{end}", self.number, self.serial)
    }

    /// Does something that must succeed.
    #[track_caller]
    fn succeed<T>(&self, what: &str, path: &Path, work: impl FnOnce() -> std::io::Result<T>) -> T {
        let done = self.watch.during(self.number, format!("{what} {}", path.display()), work);
        done.unwrap_or_else(|error| {
            let is_there = [path, path.parent().unwrap()].map(Path::exists);
            // What was done to it, to the folder it is in and to whatever else it is about.
            let names = [path.file_name(), path.parent().unwrap().file_name()];
            let names = names.map(|name| name.unwrap().to_str().unwrap()).into_iter();
            let about = what.split([' ', ':']).filter(|word| word.contains('-'));
            let before: Vec<_> = names.chain(about).map(|name| self.watch.last(self.number, name)).collect();
            let (number, before) = (self.number, before.join("\n--\n"));
            panic!(
                "writer {number}: {what} {}: {error}, there now: {is_there:?}, after\n{before}",
                path.display()
            )
        })
    }

    /// `cp`, which looks at what a close says. The error, if there was one.
    fn copy(&mut self, bytes: &[u8], to: &Path) -> Result<(), String> {
        let from = self.desk.join("copied");
        std::fs::write(&from, bytes).unwrap();
        let copy = || Command::new("cp").arg(&from).arg(to).output().unwrap();
        let done = self.watch.during(self.number, format!("cp {}", to.display()), copy);
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
    }

    fn step(&mut self) {
        match self.random.below(11) {
            0 | 1 => self.arrive(),
            2 => self.make_album(),
            3 => self.end_album(),
            4 | 5 => self.put(),
            6 => self.take_out(),
            7 => self.change_album(),
            8 => self.save(),
            9 => self.trash(),
            _ => self.restore(),
        }
    }

    fn arrive(&mut self) {
        if self.photos.len() >= PHOTOS {
            return;
        }
        let (name, bytes) = (self.new_name(".jpg"), self.picture());
        let to = self.at("inbox").join(&name);
        self.copy(&bytes, &to).unwrap();
        let home = self.home(&name);
        until("a photo that was copied", || home.exists().then_some(()));
        let photo = Photo { bytes, albums: BTreeSet::new(), favourite: false, tagged: false, trashed: false };
        self.photos.insert(name, photo);
    }

    fn make_album(&mut self) {
        if self.albums.len() < ALBUMS {
            let name = self.new_name("");
            let path = self.album(&name);
            self.succeed("mkdir", &path, || std::fs::create_dir(&path));
            self.albums.insert(name);
        }
    }

    /// Removes an album that is empty, or gives it another name.
    fn end_album(&mut self) {
        let Some(name) = self.any_album() else { return };
        let path = self.album(&name);
        self.albums.remove(&name);
        if self.photos.values().any(|photo| photo.albums.contains(&name)) {
            let new = self.new_name("");
            let to = self.album(&new);
            self.succeed("mv", &path, || std::fs::rename(&path, &to));
            for photo in self.photos.values_mut() {
                if photo.albums.remove(&name) {
                    photo.albums.insert(new.clone());
                }
            }
            self.albums.insert(new);
        } else {
            self.succeed("rmdir", &path, || std::fs::remove_dir(&path));
        }
    }

    /// Puts a photo somewhere, where it is not yet.
    fn put(&mut self) {
        let (Some(name), album) = (self.any(), self.any_album()) else { return };
        let where_to = self.random.below(4);
        let (home, album_path) = (self.home(&name), album.as_ref().map(|album| self.album(album)));
        let (favourites, tag) = (self.at("favourites"), self.tag());
        let photo = self.photos.get_mut(&name).unwrap();
        let directory = match (where_to, album) {
            (0, _) if !photo.favourite => {
                photo.favourite = true;
                favourites
            }
            (1, _) if !photo.tagged => {
                photo.tagged = true;
                tag
            }
            (2 | 3, Some(album)) if photo.albums.insert(album.clone()) => album_path.unwrap(),
            _ => return,
        };
        let to = directory.join(&name);
        self.succeed("ln", &to, || std::fs::hard_link(&home, &to));
    }

    fn take_out(&mut self) {
        let Some(name) = self.any() else { return };
        let (favourites, tag) = (self.at("favourites"), self.tag());
        let first = self.photos[&name].albums.first().cloned();
        let from_album = first.as_ref().map(|album| self.album(album));
        let photo = self.photos.get_mut(&name).unwrap();
        let directory = if let (Some(album), Some(path)) = (first, from_album) {
            photo.albums.remove(&album);
            path
        } else if std::mem::take(&mut photo.favourite) {
            favourites
        } else if std::mem::take(&mut photo.tagged) {
            tag
        } else {
            return;
        };
        let path = directory.join(&name);
        self.succeed("rm", &path, || std::fs::remove_file(&path));
    }

    /// Moves a photo from one album to another, where it is not yet.
    fn change_album(&mut self) {
        let (Some(name), Some(to)) = (self.any(), self.any_album()) else { return };
        let Some(from) = self.photos[&name].albums.first().cloned() else { return };
        if self.photos[&name].albums.contains(&to) {
            return;
        }
        let (old, new) = (self.album(&from).join(&name), self.album(&to).join(&name));
        self.succeed(&format!("mv to {to}:"), &old, || std::fs::rename(&old, &new));
        let photo = self.photos.get_mut(&name).unwrap();
        photo.albums.remove(&from);
        photo.albums.insert(to);
    }

    /// Saves over a photo, in place or by a new file.
    fn save(&mut self) {
        let Some(name) = self.any() else { return };
        let (home, bytes) = (self.home(&name), self.picture());
        if self.random.below(2) == 0 {
            match self.copy(&bytes, &home) {
                // Somebody reads it past the daemon.
                Err(said) if said.contains("busy") => return,
                done => done.unwrap(),
            }
        } else {
            let new = home.with_file_name(format!(".{name}.new"));
            self.copy(&bytes, &new).unwrap();
            self.succeed("save", &home, || std::fs::rename(&new, &home));
        }
        self.photos.get_mut(&name).unwrap().bytes = bytes;
    }

    fn trash(&mut self) {
        let Some(name) = self.any() else { return };
        let home = self.home(&name);
        self.succeed("rm", &home, || std::fs::remove_file(&home));
        self.photos.get_mut(&name).unwrap().trashed = true;
    }

    fn restore(&mut self) {
        let trashed = self.photos.iter().find(|(_, photo)| photo.trashed).map(|(name, _)| name.clone());
        let Some(name) = trashed else { return };
        let (from, to) = (self.at("trash").join(&name), self.at("all").join(&name));
        self.succeed("mv", &from, || std::fs::rename(&from, &to));
        self.photos.get_mut(&name).unwrap().trashed = false;
    }

    /// Holds what the mount shows against what was done.
    fn check(&self) {
        let names = |is_in: &dyn Fn(&Photo) -> bool| -> Vec<String> {
            self.photos.iter().filter(|(_, photo)| is_in(photo)).map(|(name, _)| name.clone()).collect()
        };
        let mine = |directory: &Path| {
            let mut all = folder::names(directory);
            all.retain(|name| name.starts_with(&format!("{}-", self.number)));
            all
        };
        let shown = |photo: &Photo| !photo.trashed;
        let what = |place: &str| format!("writer {}, {place}", self.number);
        eventually(&what("all"), &names(&shown), || mine(self.home("").as_path()));
        eventually(&what("trash"), &names(&|photo| photo.trashed), || mine(&self.at("trash")));
        eventually(&what("favourites"), &names(&|photo| shown(photo) && photo.favourite), || {
            mine(&self.at("favourites"))
        });
        eventually(&what("tag"), &names(&|photo| shown(photo) && photo.tagged), || mine(&self.tag()));
        let albums: Vec<String> = self.albums.iter().cloned().collect();
        eventually(&what("albums"), &albums, || {
            let mut all: Vec<_> =
                std::fs::read_dir(self.album("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            all.sort();
            all.into_iter().map(|name| name.into_string().unwrap()).collect()
        });
        for album in &self.albums {
            let wanted = names(&|photo| shown(photo) && photo.albums.contains(album));
            eventually(&what(album), &wanted, || mine(&self.album(album)));
        }
        for (name, photo) in self.photos.iter().filter(|(_, photo)| !photo.trashed) {
            let same = || match std::fs::read(self.home(name)).unwrap() {
                read if read == photo.bytes => String::new(),
                read => {
                    let on_disk = folder::contents(self.photos_on_disk);
                    let is = |bytes: &[u8]| -> Vec<String> {
                        let same = on_disk.iter().filter(|(_, there)| **there == bytes);
                        same.map(|(path, _)| path.display().to_string()).collect()
                    };
                    let stat = std::fs::metadata(self.home(name)).unwrap();
                    format!(
                        "{} bytes (stat: {}, inode {}) for {}; it read what is in {:?}, and what was written is in {:?}; after\n{}",
                        read.len(),
                        stat.len(),
                        stat.ino(),
                        photo.bytes.len(),
                        is(&read),
                        is(&photo.bytes),
                        self.watch.last(self.number, name)
                    )
                }
            };
            eventually(&format!("the bytes of {name}"), &String::new(), same);
        }
    }
}

/// One who looks: lists, reads and asks for attributes, in all of the mount.
fn look_around(who: usize, mut random: Random, mount: &Path, watch: &Watch, over: &AtomicBool) {
    let tops = [
        "all",
        "by-date",
        "albums",
        "tags",
        "favourites",
        "recent",
        "trash",
        "folders",
        "types",
        "inbox",
        "search/-",
    ];
    let may_vanish = |error: &std::io::Error| {
        assert!(matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE)), "a reader: {error}");
    };
    while !over.load(Ordering::Relaxed) {
        let top = mount.join(random.pick(&tops).unwrap());
        let what = format!("ls -lR {}", top.display());
        let found: Vec<PathBuf> = watch.during(who, what, || folder::tree(&top).into_keys().collect());
        for _ in 0..5 {
            let Some(path) = random.pick(&found).map(|path| top.join(path)) else { break };
            watch.during(who, format!("read {}", path.display()), || {
                let mut bytes = Vec::new();
                match std::fs::File::open(&path).and_then(|mut file| {
                    if file.metadata()?.is_file() { file.read_to_end(&mut bytes) } else { Ok(0) }
                }) {
                    Ok(_) => {}
                    Err(error) => may_vanish(&error),
                }
                let mut value = [0; 1000];
                match rustix::fs::getxattr(&path, "user.xdg.tags", &mut value[..]) {
                    Ok(_) | Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => {}
                    Err(error) => may_vanish(&error.into()),
                }
            });
        }
    }
}

/// How many descriptors a process has, and how much memory of its own.
fn held(process: u32) -> (usize, u64) {
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    (descriptors, memory.trim().trim_end_matches(" kB").parse().unwrap())
}

#[test]
fn many_who_write_and_many_who_look() {
    let phase = Duration::from_secs(if galleryfs_tests::soaks() { 300 } else { 6 });
    let seed = galleryfs_tests::seed();
    let site = Site::default();
    let desk = tempfile::tempdir().unwrap();
    let daemon = site.up_with(&["--trash-guard", "1000000"]);
    daemon.settle();
    let everybody = WRITERS + READERS;
    let watch = Watch {
        doing: (0..everybody).map(|_| Mutex::default()).collect(),
        done: (0..everybody).map(|_| Mutex::default()).collect(),
        daemon: daemon.pid(),
        begun: Instant::now(),
    };
    let mut random = Random::new(seed);
    let mut writers: Vec<Writer<'_>> = (0..WRITERS)
        .map(|number| Writer {
            number,
            random: Random::new(random.number()),
            serial: 0,
            mount: site.mount(),
            photos_on_disk: site.photos(),
            desk: desk.path().join(number.to_string()),
            watch: &watch,
            photos: BTreeMap::new(),
            albums: BTreeSet::new(),
        })
        .collect();
    for writer in &writers {
        std::fs::create_dir(&writer.desk).unwrap();
        std::fs::create_dir(writer.album("")).unwrap();
        std::fs::create_dir(writer.tag()).unwrap();
    }
    let mut after = Vec::new();
    for _ in 0..2 {
        let (until, over) = (Instant::now() + phase, AtomicBool::new(false));
        let steps: usize = std::thread::scope(|scope| {
            let watching = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    watch.look();
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
            let readers: Vec<_> = (0..READERS)
                .map(|number| {
                    let (random, over, watch) = (Random::new(random.number()), &over, &watch);
                    let mount = site.mount();
                    scope.spawn(move || look_around(WRITERS + number, random, mount, watch, over))
                })
                .collect();
            let writing: Vec<_> = writers
                .iter_mut()
                .map(|writer| {
                    scope.spawn(move || {
                        let mut steps = 0;
                        while Instant::now() < until {
                            writer.step();
                            steps += 1;
                        }
                        steps
                    })
                })
                .collect();
            let steps: Vec<_> = writing.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
            over.store(true, Ordering::Relaxed);
            let looked: Vec<_> = readers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
            watching.join().unwrap();
            assert!(looked.into_iter().all(|done| done.is_ok()), "seed {seed}: a reader failed");
            steps
                .into_iter()
                .map(|done| done.unwrap_or_else(|_| panic!("seed {seed}: a writer failed")))
                .sum()
        });
        daemon.settle();
        for writer in &writers {
            writer.check();
        }
        let status = site.status().unwrap();
        assert_eq!(status["unreadable"].as_array().unwrap().len(), 0, "seed {seed}: {status}");
        if galleryfs_tests::soaks() {
            // Names of what came in lead to it for a minute.
            std::thread::sleep(Duration::from_secs(75));
        }
        after.push(held(daemon.pid()));
        println!("{steps} steps; descriptors and kB held: {:?}", after.last());
    }
    let [(descriptors, memory), (later, more)] = after[..] else { unreachable!() };
    // What came in is held by one descriptor for a minute.
    let spare = if galleryfs_tests::soaks() { 50 } else { WRITERS * PHOTOS + 50 };
    assert!(later <= descriptors + spare, "seed {seed}: {descriptors} descriptors were {later}");
    assert!(more <= memory + 100_000, "seed {seed}: {memory} kB were {more}");
    assert!(daemon.stop().success());
}
