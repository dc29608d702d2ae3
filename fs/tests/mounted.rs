//! The tree on a real mount. As root, since that is where the kernel reads originals itself; one test goes on as
//! another user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use galleryfs_fs::{Options, Passthrough, Source, Xattrs};
use library::snapshot::fixture::Photo;
use support::mounted::{Mounted, Watcher, names, noise, options, soon};
use support::{HandClock, TestLibrary};

#[test]
fn bytes_are_the_originals() {
    for passthrough in [Passthrough::Auto, Passthrough::Off] {
        let mounted = Mounted::with(Options { passthrough, ..options() });
        let bytes = noise(3_000_001);
        mounted.library.add_plain("2024/a.jpg", &bytes);
        mounted.library.add_plain("empty.jpg", b"");
        soon("a photo", || mounted.at("all/2024/05/a.jpg").exists());
        assert_eq!(std::fs::read(mounted.at("all/2024/05/a.jpg")).unwrap(), bytes);
        assert_eq!(std::fs::read(mounted.at("folders/Pictures/2024/a.jpg")).unwrap(), bytes);
        assert_eq!(std::fs::read(mounted.at("all/2024/05/empty.jpg")).unwrap(), b"");
        assert_eq!(mounted.sh("cmp all/2024/05/a.jpg types/image/a.jpg"), "");

        // Two opens through two names, at places of their own.
        let one = std::fs::File::open(mounted.at("all/2024/05/a.jpg")).unwrap();
        let two = std::fs::File::open(mounted.at("types/jpeg/a.jpg")).unwrap();
        let mut buffer = [0; 5000];
        for at in [0, 1, 4096, 131_071, 2_999_990] {
            for file in [&one, &two] {
                let read = file.read_at(&mut buffer, at).unwrap();
                assert_eq!(buffer[..read], bytes[at as usize..][..read]);
                assert!(read == 5000 || at == 2_999_990 && read == 11);
            }
        }
        assert_eq!(one.metadata().unwrap().ino(), two.metadata().unwrap().ino());
        assert_eq!(mapped(&one, bytes.len()), bytes);

        // Open files outlive the photo.
        mounted.library.edit(|fixture| {
            let row = fixture.snapshot().by_name("a.jpg").unwrap();
            fixture.remove(row);
            vec![row]
        });
        soon("its end", || !mounted.at("all/2024/05/a.jpg").exists());
        assert_eq!(one.read_at(&mut buffer, 9).unwrap(), 5000);
        assert_eq!(one.metadata().unwrap().len(), bytes.len() as u64);
    }
}

/// The file as a mapping shows it.
#[allow(unsafe_code)]
fn mapped(file: &std::fs::File, size: usize) -> Vec<u8> {
    use std::os::fd::AsRawFd;
    // SAFETY: a fresh private mapping of a file that nobody shrinks, copied out and unmapped before anything else.
    unsafe {
        let address =
            libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0);
        assert_ne!(address, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        let bytes = std::slice::from_raw_parts(address.cast::<u8>(), size).to_vec();
        libc::munmap(address, size);
        bytes
    }
}

#[test]
fn the_kernel_reads_originals_itself_where_it_may() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", &noise(100_000));
    soon("a photo", || mounted.at("all/2024/05/a.jpg").exists());
    let file = std::fs::File::open(mounted.at("all/2024/05/a.jpg")).unwrap();
    // The kernel reads the original: bytes it has now, though nothing told the mount.
    std::fs::write(mounted.library.root.join("a.jpg"), noise(100_001).split_off(1)).unwrap();
    let mut now = vec![0; 100_000];
    file.read_exact_at(&mut now, 0).unwrap();
    assert_eq!(now, noise(100_001)[1..], "passthrough is off; this test runs as root on Linux 6.9 or later");
}

#[test]
fn what_stands_in_a_photos_place_for_a_moment_is_read_but_not_kept() {
    for passthrough in [Passthrough::Auto, Passthrough::Off] {
        let mounted = Mounted::with(Options { passthrough, ..options() });
        let (own, other) = (noise(100_000), noise(100_001).split_off(1));
        mounted.library.add_plain("a.jpg", &own);
        let shown = mounted.at("all/2024/05/a.jpg");
        soon("a photo", || shown.exists());
        let (path, aside) = (mounted.library.root.join("a.jpg"), mounted.library.root.join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        // Another time than the original's, on a file system with a coarse clock too.
        std::thread::sleep(Duration::from_millis(50));
        std::fs::write(&path, &other).unwrap();

        let file = std::fs::File::open(&shown).unwrap();
        assert_eq!(std::fs::read(&shown).unwrap(), other, "a save is no error until the library has seen it");
        assert_eq!(mapped(&file, other.len()), other);
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(std::fs::read(&shown).unwrap(), own, "while the other is still open");
        assert_eq!(mapped(&file, other.len()), other);
        drop(file);
        assert_eq!(std::fs::read(&shown).unwrap(), own);
        assert_eq!(std::fs::read(&shown).unwrap(), own);
    }
}

#[test]
fn a_sync_waits_for_the_library_and_says_when_it_failed() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"bytes");
    soon("a photo", || mounted.at("all/2024/05/a.jpg").exists());
    let file = std::fs::File::open(mounted.at("all/2024/05/a.jpg")).unwrap();
    let folder = std::fs::File::open(mounted.at("all")).unwrap();
    file.sync_all().unwrap();
    folder.sync_all().unwrap();
    assert_eq!(mounted.library.syncs.load(Ordering::Relaxed), 2);
    mounted.library.disk_failed.store(true, Ordering::Relaxed);
    for handle in [&file, &folder] {
        assert_eq!(handle.sync_all().unwrap_err().raw_os_error(), Some(libc::EIO));
    }
}

#[test]
fn what_cannot_be_written_is_erofs() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"bytes");
    let (file, dir) = (mounted.at("all/2024/05/a.jpg"), mounted.at("all/2024/05"));
    soon("a photo", || file.exists());
    let new = dir.join("new");
    let erofs = |what: &str, outcome: io::Result<()>| {
        let error = outcome.expect_err(what);
        assert_eq!(error.raw_os_error(), Some(libc::EROFS), "{what}: {error}");
    };
    let cwd = rustix::fs::CWD;
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    let readme = mounted.at("README.txt");
    erofs("open for writing", std::fs::OpenOptions::new().write(true).open(&readme).map(drop));
    erofs("open and truncate", std::fs::write(&readme, "x"));
    erofs("mkdir", std::fs::create_dir(&new));
    erofs("unlink", std::fs::remove_file(mounted.at("README.txt")));
    erofs("rmdir", std::fs::remove_dir(mounted.at("archive")));
    erofs("symlink", std::os::unix::fs::symlink("a.jpg", &new));
    erofs("chmod", std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)));
    erofs("chown", std::os::unix::fs::chown(&file, Some(1), Some(1)));
    erofs("truncate", truncate(&file));
    let fifo = rustix::fs::FileType::Fifo;
    erofs("mknod", rustix::fs::mknodat(cwd, &new, fifo, mode, 0).map_err(Into::into));
    erofs("access", rustix::fs::access(mounted.at(""), rustix::fs::Access::WRITE_OK).map_err(Into::into));
    // mkdir of what resolves never reaches us.
    assert_eq!(
        std::fs::create_dir(mounted.at("search/dog")).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"bytes");
}

#[allow(unsafe_code)]
fn truncate(path: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: a path that ends in a zero byte and lives through the call.
    if unsafe { libc::truncate(path.as_ptr(), 0) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
fn ls_find_and_du_see_one_library() {
    let mounted = Mounted::new();
    for number in 0..50 {
        let path = format!("{:02}/IMG_{number}.jpg", number % 7);
        mounted.library.add_plain(&path, &noise(1000 + number));
    }
    soon("fifty", || mounted.at("types/image").exists() && names(&mounted.at("types/image")).len() == 50);
    assert_eq!(mounted.sh("ls -lU types/image | wc -l"), "51");
    assert_eq!(mounted.sh("find all folders types/image -type f | wc -l"), "150");
    assert_eq!(mounted.sh("find . -name IMG_7.jpg -printf '%i\\n' | sort -u | wc -l"), "1");
    assert_eq!(mounted.sh("stat -c %h types/image/IMG_7.jpg"), "5", "all, by-date, folders, image, jpeg");
    assert_eq!(mounted.sh("stat -c '%A %b %o' types/image/IMG_7.jpg"), "-rw-r--r-- 2 4096");
    assert_eq!(mounted.sh("findmnt -no FSTYPE,SOURCE ."), "fuse.galleryfs galleryfs");
    let readme: u64 = mounted.sh("stat -c %s README.txt").parse().unwrap();
    let photos: u64 = (0..50).map(|number| 1000 + number).sum();
    // Every photo stands in at least seven places, and is counted once.
    assert_eq!(mounted.sh("du -s --apparent-size -B1 . | cut -f1").parse::<u64>().unwrap(), readme + photos);
    let all: u64 = mounted.sh("du -sl --apparent-size -B1 . | cut -f1").parse().unwrap();
    assert!(all > 5 * photos);
    assert_eq!(mounted.sh("tar -cf - all types 2>/dev/null | wc -c").parse::<u64>().unwrap() / 102_400, 1);
}

#[test]
fn what_comes_and_goes_is_seen_at_once() {
    let mounted = Mounted::new();
    let first = mounted.library.add_plain("a.jpg", b"one");
    soon("a photo", || mounted.at("all/2024/05/a.jpg").exists());
    let later = mounted.at("all/2024/05/b.jpg");
    assert!(!later.exists());
    assert_eq!(names(&mounted.at("all/2024/05")).len(), 1);
    mounted.library.add_plain("b.jpg", b"two");
    soon("the second", || later.exists());
    soon("the listing", || names(&mounted.at("all/2024/05")).len() == 2);

    let before = std::fs::metadata(mounted.at("all/2024/05/a.jpg")).unwrap();
    mounted.library.rewrite(first, "a.jpg", b"another version");
    // (This process announces changes itself, and may be told for a moment that a name is only about to come.)
    let photo = mounted.at("all/2024/05/a.jpg");
    let is_new = |now: std::fs::Metadata| now.ino() != before.ino() && now.len() == 15;
    soon("the new version", || std::fs::metadata(&photo).is_ok_and(is_new));
    soon("its bytes", || std::fs::read(&photo).is_ok_and(|bytes| bytes == b"another version"));

    mounted.library.remove(first);
    soon("its end", || !mounted.at("all/2024/05/a.jpg").exists());
    soon("the listing", || names(&mounted.at("types/jpeg")) == BTreeSet::from(["b.jpg".into()]));
}

#[test]
fn a_directory_that_comes_again_lives_though_somebody_holds_the_old_one() {
    let mounted = Mounted::new();
    let tagged = |path: &str| {
        let row = mounted.library.add(&Photo { path, tags: &["x/y"], ..Photo::default() }, b"bytes");
        soon("a tag", || mounted.at("tags/x/y").join(path).exists());
        row
    };
    let row = tagged("a.jpg");
    let mut holder = Command::new("sleep").arg("60").current_dir(mounted.at("tags/x/y")).spawn().unwrap();
    let old = std::fs::metadata(mounted.at("tags/x/y")).unwrap().ino();
    mounted.library.remove(row);
    soon("its end", || !mounted.at("tags/x").exists());
    tagged("b.jpg");
    assert_ne!(std::fs::metadata(mounted.at("tags/x/y")).unwrap().ino(), old);
    assert_eq!(names(&mounted.at("tags/x/y")), BTreeSet::from(["b.jpg".into()]));
    holder.kill().unwrap();
    holder.wait().unwrap();
}

/// Its end is announced when it is there again already; the kernel must not take that for the end of the new one.
#[test]
fn a_directory_that_went_and_came_at_once_is_alive() {
    let mounted = Mounted::new();
    let begun = Instant::now();
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let list = |path: PathBuf| -> io::Result<BTreeSet<String>> {
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect()
    };
    for _ in 0..2 {
        let (over, tags, below) = (Arc::clone(&over), mounted.at("tags"), mounted.at("tags/x/y"));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(60) {
                let _ = (list(tags.clone()), list(below.clone()));
            }
        });
    }
    let mut last = None;
    for round in 0..400 {
        let path = format!("{round}.jpg");
        if let Some(row) = last {
            mounted.library.remove(row);
            // Long enough, now and then, for the tree to see it and for the kernel not to be told yet.
            std::thread::sleep(Duration::from_micros(round * 37 % 1500));
        }
        let photo = Photo { path: &path, tags: &["x/y"], ..Photo::default() };
        last = Some(mounted.library.add(&photo, b"bytes"));
        if round % 2 == 0 {
            let there = BTreeSet::from([path.clone()]);
            soon("the photo", || list(mounted.at("tags/x/y")).is_ok_and(|names| names == there));
        }
    }
    over.store(true, Ordering::Relaxed);
}

#[test]
fn a_watcher_hears_of_it() {
    let mounted = Mounted::new();
    let row = mounted.library.add_plain("a.jpg", b"one");
    let dir = mounted.at("all/2024/05");
    soon("a photo", || dir.join("a.jpg").exists());
    let mut watcher = Watcher::of(&[&dir, &mounted.at("tags")]);
    mounted.library.add_plain("b.jpg", b"two");
    watcher.expect("CREATE b.jpg");
    assert_eq!(std::fs::read(dir.join("b.jpg")).unwrap(), b"two", "what was announced is there");
    mounted.library.edit(|fixture| {
        fixture.retag(row, &["news"]);
        vec![row]
    });
    watcher.expect("ATTRIB a.jpg");
    watcher.expect("CREATE,ISDIR news");
    mounted.library.remove(row);
    watcher.expect("DELETE a.jpg");
    watcher.expect("DELETE,ISDIR news");
    assert!(!dir.join("a.jpg").exists());
}

#[test]
fn attributes_are_read() {
    let mounted = Mounted::new();
    let row = mounted.library.add(
        &Photo {
            path: "a.jpg",
            taken: Some("2020-05-01T10:20:30"),
            place: Some(("Rome", "Latium", "Italy")),
            tags: &["a/b", "c"],
            rating: Some(4),
            ..Photo::default()
        },
        b"abc",
    );
    mounted.library.edit(|fixture| {
        fixture.change(row, |row| row.described = true);
        vec![row]
    });
    let file = mounted.at("recent/a.jpg");
    let get = |path: &Path, name: &str| {
        let mut value = vec![0; 256];
        let size = rustix::fs::getxattr(path, name, &mut value[..])?;
        value.truncate(size);
        Ok::<_, rustix::io::Errno>(String::from_utf8(value).unwrap())
    };
    soon("the caption", || get(&file, "user.xdg.comment").as_deref() == Ok("A caption"));
    for (name, value) in [
        ("user.xdg.tags", "a/b,c"),
        ("user.baloo.rating", "8"),
        ("user.galleryfs.sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("user.galleryfs.taken_local", "2020-05-01T10:20:30"),
        ("user.galleryfs.place", "Rome, Latium, Italy"),
        ("user.galleryfs.kind", "image"),
    ] {
        assert_eq!(get(&file, name).as_deref(), Ok(value), "{name}");
    }
    assert_eq!(get(&file, "user.other"), Err(rustix::io::Errno::NODATA));
    assert_eq!(get(&file, "security.selinux"), Err(rustix::io::Errno::NODATA));
    assert_eq!(get(&mounted.at("search/a dog"), "user.galleryfs.query").as_deref(), Ok("a dog"));
    let mut list = vec![0; 1024];
    let size = rustix::fs::listxattr(&file, &mut list[..]).unwrap();
    assert_eq!(list[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty()).count(), 8);
    let small = rustix::fs::getxattr(&file, "user.galleryfs.id", &mut [0; 3][..]);
    assert_eq!(small, Err(rustix::io::Errno::RANGE));

    let mounted = Mounted::with(Options { xattrs: Xattrs::Off, ..options() });
    assert_eq!(get(&mounted.at("README.txt"), "user.galleryfs.id"), Err(rustix::io::Errno::OPNOTSUPP));
}

#[test]
fn a_handle_is_what_it_was_until_it_is_rewound() {
    let mounted = Mounted::new();
    for number in 0..3000 {
        mounted.library.edit(|fixture| {
            let path = format!("IMG_{number:04}.jpg");
            vec![fixture.add(&Photo { path: &path, taken: Some("2024-05-01T00:00:00"), ..Photo::default() })]
        });
    }
    let dir = mounted.at("all/2024/05");
    soon("all of them", || dir.exists() && names(&dir).len() == 3000);
    let mut open = rustix::fs::Dir::new(std::fs::File::open(&dir).unwrap()).unwrap();
    assert!(open.next().is_some());
    mounted.library.edit(|fixture| {
        let row = fixture.snapshot().by_name("IMG_2999.jpg").unwrap();
        fixture.remove(row);
        vec![row]
    });
    soon("its end", || !dir.join("IMG_2999.jpg").exists());
    let mut seen = 1;
    while open.next().is_some() {
        seen += 1;
    }
    assert!((3001..=3002).contains(&seen), "all that was there or is: {seen}");
    open.rewind();
    assert_eq!(std::iter::from_fn(|| open.next()).count(), 3001);
}

#[test]
fn midnight_comes_to_the_mount() {
    let clock = HandClock::at("2026-05-01");
    let given = Arc::<HandClock>::clone(&clock);
    let mounted = Mounted::with(Options { clock: given, ..options() });
    mounted.library.add_plain("a.jpg", b"a");
    let day = mounted.at("on-this-day");
    soon("today", || names(&day) == BTreeSet::from(["a.jpg".into()]));
    clock.turn("2026-05-02");
    // The listing may know it before the kernel was told to forget the name.
    soon("tomorrow", || names(&day).is_empty() && !day.join("a.jpg").exists());
}

#[test]
fn searches_are_directories() {
    let mounted = Mounted::new();
    mounted.library.add_plain("dog.jpg", b"dog");
    mounted.library.add_plain("cat.jpg", b"cat");
    soon("both", || {
        ["cat", "dog"].iter().all(|name| mounted.at(&format!("types/image/{name}.jpg")).exists())
    });
    assert_eq!(mounted.sh("ls 'search/dog cat'"), "001 cat.jpg\n002 dog.jpg");
    assert_eq!(mounted.sh("cat 'search/dog/001 dog.jpg' search/dog/dog.jpg"), "dogdog");
    assert_eq!(mounted.sh("ls search"), "");
    assert_eq!(mounted.sh("ls search/none"), "");
    assert!(mounted.sh("ls search/bad:dog").contains("No such file"));
    assert!(!mounted.at("search/.git").exists());
    // A panic is an I/O error, and the mount lives.
    assert_eq!(std::fs::metadata(mounted.at("search/panic")).unwrap_err().raw_os_error(), Some(libc::EIO));
    assert_eq!(mounted.sh("ls search/dog"), "001 dog.jpg");
}

#[test]
fn many_readers_while_it_changes() {
    let mounted = Mounted::with(Options { passthrough: Passthrough::Off, ..options() });
    mounted.library.add_plain("stays.jpg", &noise(200_000));
    soon("a photo", || mounted.at("types/image/stays.jpg").exists());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    assert!(names(&mounted.at("types/image")).contains("stays.jpg"));
                    let mut bytes = Vec::new();
                    let mut file = std::fs::File::open(mounted.at("recent/stays.jpg")).unwrap();
                    file.read_to_end(&mut bytes).unwrap();
                    assert_eq!(bytes.len(), 200_000);
                }
            });
        }
        for number in 0..40 {
            let row = mounted.library.add_plain(&format!("{number}.jpg"), b"x");
            std::thread::sleep(Duration::from_millis(5));
            if number % 2 == 0 {
                mounted.library.remove(row);
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    soon("the end of it", || names(&mounted.at("types/image")).len() == 21);
}

#[test]
fn unreadable_files_can_still_be_read_as_bytes() {
    let mounted = Mounted::new();
    std::fs::write(mounted.library.root.join("broken.jpg"), "no photo").unwrap();
    mounted.library.set_unreadable(vec![galleryfs_fs::Unreadable {
        file: galleryfs_fs::FileSeen {
            root: library::RootId::from_bytes([2; 16]),
            path: (*b"broken.jpg").into(),
            size: 8,
            modified: jiff::Timestamp::UNIX_EPOCH,
        },
        reason: "not a JPEG".into(),
    }]);
    soon("the file", || mounted.at("unreadable/broken.jpg").exists());
    assert_eq!(mounted.sh("cat unreadable/broken.jpg"), "no photo");
    // An original that went without the library knowing is an error with a reason, not a crash.
    std::fs::remove_file(mounted.library.root.join("broken.jpg")).unwrap();
    assert!(std::fs::read(mounted.at("unreadable/broken.jpg")).is_err());
}

#[test]
fn a_busy_mount_is_taken_away_and_the_place_is_free() {
    let mut mounted = Mounted::new();
    let mut holder = Command::new("sleep").arg("60").current_dir(mounted.at("all")).spawn().unwrap();
    let source: Arc<dyn Source> = Arc::<TestLibrary>::clone(&mounted.library);
    let again = galleryfs_fs::mount(Arc::clone(&source), &mounted.at(""), options());
    assert!(matches!(again, Err(galleryfs_fs::MountError::AlreadyMounted(_))));
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        holder.kill().unwrap();
        holder.wait().unwrap();
    });
    mounted.mount.take().unwrap().unmount().unwrap();
    assert_eq!(names(&mounted.at("")), BTreeSet::new());
    killer.join().unwrap();
    mounted.mount = Some(galleryfs_fs::mount(source, &mounted.at(""), options()).unwrap());
    assert!(mounted.at("README.txt").exists());
}

/// Runs one of the ignored tests below as a process of its own.
fn child(test: &str, mut command: Command, mountpoint: &Path) -> std::process::Child {
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("GALLERYFS_TEST_MOUNTPOINT", mountpoint)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn mountpoint() -> PathBuf {
    PathBuf::from(std::env::var_os("GALLERYFS_TEST_MOUNTPOINT").expect("run by another test"))
}

#[test]
#[ignore = "run by a_killed_mount_is_cleared_at_the_next_start"]
fn child_that_is_killed() {
    let photos = tempfile::tempdir().unwrap();
    let library = TestLibrary::new(photos.path());
    let _mount = galleryfs_fs::mount(library, &mountpoint(), options()).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_killed_mount_is_cleared_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let point = dir.path().join("mnt");
    std::fs::create_dir(&point).unwrap();
    let mut killed = child("child_that_is_killed", Command::new(std::env::current_exe().unwrap()), &point);
    soon("the mount", || point.join("README.txt").exists());
    killed.kill().unwrap();
    killed.wait().unwrap();
    soon("its death", || {
        std::fs::metadata(&point).is_err_and(|error| error.raw_os_error() == Some(libc::ENOTCONN))
    });
    let photos = tempfile::tempdir().unwrap();
    let library = TestLibrary::new(photos.path());
    let mount = galleryfs_fs::mount(library, &point, options()).unwrap();
    assert!(point.join("README.txt").exists());
    mount.unmount().unwrap();
    assert!(!point.join("README.txt").exists());
}

#[test]
#[ignore = "run by another_user_mounts_with_fusermount3"]
fn child_as_another_user() {
    let point = mountpoint();
    let photos = point.parent().unwrap().join("photos");
    std::fs::create_dir(&photos).unwrap();
    let library = TestLibrary::new(&photos);
    let source = Arc::<TestLibrary>::clone(&library);
    let mount = galleryfs_fs::mount(source, &point, options()).unwrap();
    let bytes = noise(500_000);
    library.add_plain("a.jpg", &bytes);
    soon("a photo", || point.join("all/2024/05/a.jpg").exists());
    let file = point.join("all/2024/05/a.jpg");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    assert_eq!(std::fs::metadata(&file).unwrap().uid(), rustix::process::geteuid().as_raw());
    assert_ne!(std::fs::metadata(&file).unwrap().uid(), 0);
    let fixed = std::fs::remove_file(point.join("README.txt"));
    assert_eq!(fixed.unwrap_err().raw_os_error(), Some(libc::EROFS));
    let busy = std::fs::File::open(&file).unwrap();
    mount.unmount().unwrap();
    assert!(!point.join("README.txt").exists());
    drop(busy);
}

#[test]
fn another_user_mounts_with_fusermount3() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (point, program) = (dir.path().join("mnt"), dir.path().join("test"));
    std::fs::create_dir(&point).unwrap();
    std::os::unix::fs::chown(&point, Some(65534), Some(65534)).unwrap();
    // Where it was built, another user may not look.
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions("/dev/fuse", std::fs::Permissions::from_mode(0o666)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    assert!(child("child_as_another_user", command, &point).wait().unwrap().success());
}

#[test]
fn folders_that_vanish_in_each_other_are_each_announced() {
    let mounted = Mounted::new();
    mounted.library.add_plain("a.jpg", b"one");
    let top = mounted.at("by-date");
    soon("a photo", || !names(&top).is_empty());
    let inner = |dir: &Path| dir.join(names(dir).into_iter().next().unwrap());
    let year = inner(&top);
    let month = inner(&year);
    let day = inner(&month);
    let called = |dir: &Path| dir.file_name().unwrap().to_str().unwrap().to_owned();
    let mut watcher = Watcher::of(&[&top, &year, &month, &day]);
    std::fs::remove_file(day.join("a.jpg")).unwrap();
    for gone in [&day, &month, &year] {
        watcher.expect(&format!("DELETE,ISDIR {}", called(gone)));
    }
    assert!(!year.exists());
}
