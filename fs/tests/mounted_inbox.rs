//! Files copied into `inbox/` on a real mount, by the programs that people use.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt};

use std::time::Duration;

use support::mounted::{Mounted, Watcher, listed, noise, soon};

fn errno<T: std::fmt::Debug>(outcome: io::Result<T>) -> i32 {
    outcome.unwrap_err().raw_os_error().unwrap()
}

#[test]
fn a_file_that_is_copied_in_is_in_the_library_when_it_is_closed() {
    let mounted = Mounted::new();
    let (inbox, month) = (mounted.at("inbox"), mounted.at("all/2024/05"));
    let bytes = noise(300_000);
    std::fs::write(inbox.join("a.jpg"), &bytes).unwrap();
    assert_eq!(std::fs::read(mounted.library.root.join("in/a.jpg")).unwrap(), bytes, "on the disk");
    soon("a photo", || month.join("a.jpg").exists());
    assert_eq!(std::fs::read(month.join("a.jpg")).unwrap(), bytes);
    // It is still called so where it was copied to, for those who look after it.
    assert_eq!(listed(&inbox), ["a.jpg"]);
    let file = File::open(inbox.join("a.jpg")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 300_000);
    let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(then).unwrap();
    let original = mounted.library.root.join("in/a.jpg").metadata().unwrap();
    assert_eq!(original.modified().unwrap(), then);
    // The same once more, under another name.
    std::fs::write(inbox.join("b.jpg"), &bytes).unwrap();
    assert_eq!(listed(&mounted.library.root.join("in")), ["a.jpg"]);
    assert_eq!(listed(&inbox), ["a.jpg", "b.jpg"]);
    assert_eq!(std::fs::metadata(inbox.join("b.jpg")).unwrap().len(), 300_000);
    std::fs::remove_file(inbox.join("a.jpg")).unwrap();
    assert_eq!(listed(&mounted.library.root.join("in")), ["a.jpg"], "only its name here is gone");
}

#[test]
fn what_is_no_photo_stays_and_says_why() {
    let mounted = Mounted::new();
    let note = mounted.at("inbox/note.txt");
    std::fs::write(&note, "no photo").unwrap();
    let mut value = [0; 100];
    let size = rustix::fs::getxattr(&note, "user.galleryfs.last_error", &mut value[..]).unwrap();
    assert_eq!(&value[..size], b"it is no photo");
    assert_eq!(std::fs::read(&note).unwrap(), b"no photo");
    std::fs::rename(&note, mounted.at("inbox/other.txt")).unwrap();
    assert_eq!(
        errno(std::fs::rename(mounted.at("inbox/other.txt"), mounted.at("favourites/x"))),
        libc::EPERM
    );
    std::fs::remove_file(mounted.at("inbox/other.txt")).unwrap();
    assert_eq!(listed(&mounted.at("inbox")), [""; 0]);
}

#[test]
fn a_temporary_name_is_waited_out() {
    let mounted = Mounted::new();
    let (inbox, library) = (mounted.at("inbox"), mounted.library.root.join("in"));
    for temporary in [".a.jpg.x1y2z3", "a.jpg.part", ".goutputstream-AB"] {
        std::fs::write(inbox.join(temporary), temporary).unwrap();
        assert!(!library.join("a.jpg").exists());
        std::fs::rename(inbox.join(temporary), inbox.join("a.jpg")).unwrap();
        soon("it is taken in", || {
            std::fs::read(library.join("a.jpg")).is_ok_and(|is| is == temporary.as_bytes())
        });
        std::fs::remove_file(library.join("a.jpg")).unwrap();
    }
    soon("it is still called so", || listed(&inbox) == ["a.jpg"]);
}

#[test]
fn what_was_taken_in_is_not_written_to() {
    let mounted = Mounted::new();
    let (path, library) = (mounted.at("inbox/a.jpg"), mounted.library.root.join("in"));
    std::fs::write(&path, "one").unwrap();
    let original = library.join("a.jpg");
    let ino = original.metadata().unwrap().ino();
    // Again under the same name: another photo. (The library of this test replaces what is called so.)
    std::fs::write(&path, "three").unwrap();
    assert_ne!(original.metadata().unwrap().ino(), ino, "another file");
    assert_eq!(std::fs::read(&original).unwrap(), b"three");
    let kept = File::open(&original).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b" four").unwrap();
    let mut bytes = String::new();
    (&kept).read_to_string(&mut bytes).unwrap();
    assert_eq!(bytes, "three", "the one that was there is as it was");
    assert_eq!(std::fs::read(&original).unwrap(), b"three four");
    let size = File::options().write(true).open(&path).unwrap();
    size.set_len(2).unwrap();
    drop(size);
    assert_eq!(std::fs::read(&original).unwrap(), b"th");
    assert_eq!(errno(std::fs::hard_link(&path, mounted.at("inbox/b.jpg"))), libc::EPERM);
}

#[test]
fn a_shell_that_opens_first_and_writes_later_is_waited_for() {
    let mounted = Mounted::new();
    let library = mounted.library.root.join("in");
    mounted.sh("{ printf one; sleep 0.1; printf two; } > inbox/a.jpg");
    assert_eq!(std::fs::read(library.join("a.jpg")).unwrap(), b"onetwo");
    mounted.sh("exec 5> inbox/b.jpg; printf x >&5; printf y >&5; exec 5>&-");
    assert_eq!(std::fs::read(library.join("b.jpg")).unwrap(), b"xy");
    // Two writers: the last to close.
    let path = mounted.at("inbox/c.jpg");
    let mut one = File::create(&path).unwrap();
    let mut two = OpenOptions::new().write(true).open(&path).unwrap();
    one.write_all(b"abc").unwrap();
    two.seek(io::SeekFrom::Start(1)).unwrap();
    two.write_all(b"B").unwrap();
    drop(one);
    assert!(!library.join("c.jpg").exists());
    drop(two);
    assert_eq!(std::fs::read(library.join("c.jpg")).unwrap(), b"aBc");
}

#[test]
fn the_inbox_is_a_disk_to_those_who_need_one() {
    let mounted = Mounted::new();
    let at = |path: &str| mounted.at("inbox").join(path);
    std::fs::create_dir_all(at("card/DCIM/100")).unwrap();
    std::fs::create_dir(at("card/empty")).unwrap();
    assert_eq!(errno(std::fs::create_dir(at("card"))), libc::EEXIST);
    std::fs::write(at("card/no.txt"), "no").unwrap();
    std::fs::set_permissions(at("card/no.txt"), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(std::fs::metadata(at("card/no.txt")).unwrap().mode() & 0o7777, 0o640);
    std::fs::hard_link(at("card/no.txt"), at("card/also.txt")).unwrap();
    let (one, two) =
        (std::fs::metadata(at("card/no.txt")).unwrap(), std::fs::metadata(at("card/also.txt")).unwrap());
    assert_eq!((one.ino(), one.nlink()), (two.ino(), 2));
    std::os::unix::fs::symlink("/etc/passwd", at("card/link")).unwrap();
    assert_eq!(std::fs::read_link(at("card/link")).unwrap().to_str(), Some("/etc/passwd"));
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, at("card/fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(std::fs::symlink_metadata(at("card/fifo")).unwrap().file_type().is_fifo());
    std::fs::rename(at("card"), at("moved")).unwrap();
    assert_eq!(listed(&at("moved")), ["DCIM", "also.txt", "empty", "fifo", "link", "no.txt"]);
    assert_eq!(errno(std::fs::remove_dir(at("moved"))), libc::ENOTEMPTY);
    let file = File::options().read(true).write(true).open(at("moved/no.txt")).unwrap();
    file.set_len(10).unwrap();
    file.write_all_at(b"no!", 100).unwrap();
    file.sync_all().unwrap();
    let mut bytes = [0; 103];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!((&bytes[..3], &bytes[100..]), (b"no\0".as_slice(), b"no!".as_slice()));
    // What is open can be read after its name is gone.
    std::fs::remove_file(at("moved/no.txt")).unwrap();
    std::fs::remove_file(at("moved/also.txt")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 103);
    drop(file);
    std::fs::remove_dir_all(at("moved")).unwrap();
    assert_eq!(listed(&mounted.at("inbox")), [""; 0]);
    assert!(
        rustix::fs::statvfs(mounted.at("inbox")).unwrap().f_bavail > 0,
        "file managers look for room first"
    );
}

#[test]
fn copiers_are_content() {
    let mounted = Mounted::new();
    let from = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(from.path().join("DCIM/100")).unwrap();
    for at in 0..5 {
        std::fs::write(from.path().join(format!("DCIM/100/{at}.jpg")), noise(50_000 + at)).unwrap();
    }
    let library = mounted.library.root.join("in");
    let from = from.path().display();
    let copiers = [
        format!("cp -a {from}/DCIM inbox/"),
        format!("rsync -a {from}/DCIM inbox/"),
        format!("rsync -a --inplace {from}/DCIM inbox/in-place"),
        format!("tar -C {from} -cf - DCIM | tar -C inbox -xf -"),
        format!("cp -r {from}/DCIM/100/. inbox/"),
        format!(
            "cp -r {from}/DCIM copy && mv copy inbox/ || {{ cp -r {from}/DCIM {from}/copy; mv {from}/copy inbox/copied; }} 2>/dev/null"
        ),
    ];
    for copier in copiers {
        let said = mounted.sh(&format!("{{ {copier}; }} 2>&1 && echo done"));
        assert!(said.ends_with("done"), "{copier}: {said}");
        soon(&copier, || library.exists() && listed(&library).len() == 5);
        for at in 0..5 {
            let bytes = std::fs::read(library.join(format!("{at}.jpg"))).unwrap();
            assert_eq!(bytes, noise(50_000 + at), "{copier}");
        }
        std::fs::remove_dir_all(&library).unwrap();
        mounted.sh("rm -rf inbox/*");
    }
}

#[test]
fn what_was_complete_when_the_daemon_ended_is_taken_in_and_what_was_not_is_not() {
    let mounted = Mounted::new();
    let inbox = mounted.library.root.parent().unwrap().join("inbox");
    std::fs::write(inbox.join("cut.jpg"), "half").unwrap();
    std::fs::write(inbox.join("whole.jpg"), "whole").unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(inbox.join("whole.jpg"), "user.galleryfs.complete", b"1", flags).unwrap();
    let mounted = mounted.again();
    soon("it is taken in", || mounted.library.root.join("in/whole.jpg").exists());
    let mut value = [0; 100];
    soon("it says why", || {
        rustix::fs::getxattr(mounted.at("inbox/cut.jpg"), "user.galleryfs.last_error", &mut value[..]).is_ok()
    });
    assert!(!mounted.library.root.join("in/cut.jpg").exists());
}

#[test]
fn a_copy_into_a_directory_that_is_decided_takes_the_photo_in_and_decides_it() {
    let mounted = Mounted::new();
    let at = |path: &str| mounted.at(path);
    mounted.library.add_plain("known.jpg", b"known");
    soon("a photo", || at("all/2024/05/known.jpg").exists());
    std::fs::create_dir(at("albums/A")).unwrap();
    std::fs::create_dir(at("tags/T")).unwrap();
    // One that the library has, as its bytes; a new one; one that comes by a temporary name.
    std::fs::write(at("albums/A/known.jpg"), "known").unwrap();
    assert_eq!(listed(&at("albums/A")), ["known.jpg"]);
    assert!(!mounted.library.root.join("in").exists(), "not kept twice");
    std::fs::write(at("albums/A/new.jpg"), "new").unwrap();
    assert_eq!(std::fs::metadata(at("albums/A/new.jpg")).unwrap().len(), 3);
    std::fs::write(at("albums/A/.third.jpg.Xy12"), "third").unwrap();
    std::fs::rename(at("albums/A/.third.jpg.Xy12"), at("albums/A/third.jpg")).unwrap();
    soon("all three", || listed(&at("albums/A")) == ["known.jpg", "new.jpg", "third.jpg"]);
    assert_eq!(std::fs::read(mounted.library.root.join("in/third.jpg")).unwrap(), b"third");
    let copied =
        mounted.sh("cp albums/A/new.jpg favourites/ && cp all/2024/05/known.jpg rated/4/ && echo done");
    assert_eq!(copied, "done");
    assert_eq!(
        (listed(&at("favourites")), listed(&at("rated/4"))),
        (vec!["new.jpg".into()], vec!["known.jpg".into()])
    );
    // Right after, it is taken out again.
    std::fs::write(at("tags/T/new.jpg"), "new").unwrap();
    soon("it has the tag", || listed(&at("tags/T")) == ["new.jpg"]);
    std::fs::remove_file(at("tags/T/new.jpg")).unwrap();
    assert_eq!(listed(&at("tags/T")), [""; 0]);
    soon("it is not there", || !at("tags/T/new.jpg").exists());
    // What is no photo cannot be copied there, and nothing of it stays.
    let said = mounted.sh("printf 'no photo' > ../note.txt; cp ../note.txt albums/A/");
    assert!(said.contains("Invalid argument"), "{said}");
    soon("nothing of it is there", || !at("albums/A/note.txt").exists());
    let mut value = [0; 100];
    let size = rustix::fs::getxattr(at("albums/A"), "user.galleryfs.last_error", &mut value[..]).unwrap();
    assert_eq!(&value[..size], b"it is no photo");
    assert_eq!(listed(&at("albums/A")), ["known.jpg", "new.jpg", "third.jpg"]);
    assert_eq!(errno(std::fs::write(at("all/2024/05/x.jpg"), "x")), libc::EPERM);
}

#[test]
fn what_is_written_after_the_bytes_of_a_known_photo_is_not_lost() {
    let mounted = Mounted::new();
    mounted.library.add_plain("known.jpg", b"known");
    // The first program closes its copy of the handle when only the known bytes are written.
    mounted.sh("printf known > ../known; { cat ../known; printf ' and more'; } > inbox/x.jpg");
    assert_eq!(std::fs::read(mounted.library.root.join("in/x.jpg")).unwrap(), b"known and more");
    assert_eq!(std::fs::read(mounted.library.root.join("known.jpg")).unwrap(), b"known");
    // Without more, it goes when it is closed for good.
    std::fs::write(mounted.at("inbox/y.jpg"), "known").unwrap();
    let real = mounted.library.root.parent().unwrap().join("inbox/y.jpg");
    soon("it is not kept twice", || !real.exists());
    assert_eq!(std::fs::read(mounted.at("inbox/y.jpg")).unwrap(), b"known", "though it is still found");
}

#[test]
fn a_copy_of_a_photo_within_the_mount_moves_no_byte_until_it_becomes_another() {
    let mounted = Mounted::new();
    let bytes = support::mounted::noise(300_000);
    mounted.library.add_plain("a.jpg", &bytes);
    let at = |path: &str| mounted.at(path);
    soon("a photo", || at("all/2024/05/a.jpg").exists());
    std::fs::create_dir(at("albums/A")).unwrap();
    assert_eq!(
        mounted.sh("cp all/2024/05/a.jpg albums/A/ && cp -a all/2024/05/a.jpg inbox/b.jpg && echo done"),
        "done"
    );
    assert_eq!(listed(&at("albums/A")), ["a.jpg"]);
    let copy = |to: &str| {
        let from = std::fs::File::open(at("all/2024/05/a.jpg")).unwrap();
        let to = std::fs::File::options().read(true).write(true).create_new(true).open(at(to)).unwrap();
        let copied = rustix::fs::copy_file_range(&from, None, &to, None, 1 << 30).unwrap();
        assert_eq!((copied, to.metadata().unwrap().len()), (300_000, 300_000));
        to
    };
    drop(copy("favourites/a.jpg"));
    assert_eq!(listed(&at("favourites")), ["a.jpg"]);
    assert_eq!(
        mounted.library.imports.load(std::sync::atomic::Ordering::Relaxed),
        0,
        "no bytes were looked at"
    );
    // Whoever reads it back, reads it.
    let file = copy("inbox/c.jpg");
    let mut read = vec![0; 5];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, 299_000).unwrap();
    assert_eq!(read, bytes[299_000..299_005]);
    drop(file);
    // Whoever writes into it has made another photo, with all that it did not write.
    let file = copy("inbox/d.jpg");
    std::os::unix::fs::FileExt::write_all_at(&file, b"other", 100).unwrap();
    drop(file);
    soon("another photo", || listed(&at("recent")).contains(&"d.jpg".to_owned()));
    let mut other = bytes.clone();
    other[100..105].copy_from_slice(b"other");
    assert!(std::fs::read(at("recent/d.jpg")).unwrap() == other);
    assert!(std::fs::read(at("recent/a.jpg")).unwrap() == bytes);
    // What goes on standing there after it was closed has its bytes, and its own times.
    assert_eq!(mounted.sh("cp -p all/2024/05/a.jpg inbox/e.jpg.part && echo done"), "done");
    let waits = mounted.library.root.with_file_name("inbox").join("e.jpg.part");
    assert!(std::fs::read(&waits).unwrap() == bytes);
    let times = |path: &std::path::Path| path.metadata().unwrap().modified().unwrap();
    assert_eq!(times(&waits), times(&at("all/2024/05/a.jpg")));
    std::fs::remove_file(at("inbox/e.jpg.part")).unwrap();
    let file = copy("inbox/f.jpg");
    std::fs::hard_link(at("inbox/f.jpg"), at("inbox/g.part")).unwrap();
    drop(file);
    assert!(std::fs::read(at("inbox/g.part")).unwrap() == bytes);
    let file = copy("inbox/h.jpg");
    file.sync_all().unwrap();
    assert!(std::fs::read(waits.with_file_name("h.jpg")).unwrap() == bytes, "on the disk");
    drop(file);
    // Only of a whole one: half of it is another.
    let from = std::fs::File::open(at("all/2024/05/a.jpg")).unwrap();
    let to = std::fs::File::create(at("inbox/half.jpg")).unwrap();
    let mut copied = 0;
    while copied < 150_000 {
        copied += rustix::fs::copy_file_range(&from, None, &to, None, 150_000 - copied).unwrap();
    }
    drop(to);
    soon("half of it", || std::fs::read(at("recent/half.jpg")).is_ok_and(|half| half == bytes[..150_000]));
}

#[test]
fn a_written_name_that_does_not_stay_goes_from_the_windows_that_show_it() {
    let mounted = Mounted::new();
    let (inbox, album) = (mounted.at("inbox"), mounted.at("albums/Trip"));
    std::fs::create_dir(&album).unwrap();
    mounted.library.add_plain("a.jpg", b"one");
    soon("a photo", || mounted.at("all/2024/05/a.jpg").exists());
    let mut watcher = Watcher::of(&[&inbox, &album]);
    std::fs::write(inbox.join("new.jpg"), b"two").unwrap();
    watcher.expect("CREATE new.jpg");
    watcher.expect("DELETE new.jpg");
    std::fs::copy(mounted.at("all/2024/05/a.jpg"), album.join("001 a.jpg")).unwrap();
    watcher.expect("CREATE 001 a.jpg");
    watcher.expect("CREATE a.jpg");
    watcher.expect("DELETE 001 a.jpg");
    assert_eq!(listed(&album), ["a.jpg"]);
    assert!(album.join("001 a.jpg").exists(), "whoever copied it still finds it");
    assert!(std::fs::write(album.join("note.txt"), b"no photo").is_ok());
    watcher.expect("CREATE note.txt");
    watcher.expect("DELETE note.txt");
    // What has such a name again is not announced as gone, and is there.
    std::fs::write(inbox.join("note.txt"), b"no photo").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(listed(&inbox).contains(&"note.txt".to_owned()));
}

#[test]
fn removing_the_name_that_a_photo_was_copied_under_takes_it_out_again() {
    let mounted = Mounted::new();
    let album = mounted.at("albums/Trip");
    std::fs::create_dir(&album).unwrap();
    mounted.library.add_plain("a.jpg", b"one");
    let photo = mounted.at("all/2024/05/a.jpg");
    soon("a photo", || photo.exists());
    std::fs::copy(&photo, album.join("copy.jpg")).unwrap();
    assert_eq!(listed(&album), ["a.jpg"]);
    std::fs::remove_file(album.join("copy.jpg")).unwrap();
    assert_eq!(listed(&album), [""; 0]);
    assert!(!album.join("copy.jpg").exists() && photo.exists());
    // One that was there before stays.
    std::fs::hard_link(&photo, album.join("a.jpg")).unwrap();
    std::fs::copy(&photo, album.join("copy.jpg")).unwrap();
    std::fs::remove_file(album.join("copy.jpg")).unwrap();
    assert_eq!(listed(&album), ["a.jpg"]);
}
