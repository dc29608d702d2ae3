//! The main job, as a new user does it: index, mount, look, change the folder, watch the mount follow.

// A test that cannot go on says so where it stands, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;

use galleryfs_tests::{Daemon, Entry, Jpeg, Site, differences, eventually, folder, tree};

fn rome(seed: u64) -> Jpeg {
    Jpeg::new(seed)
        .taken("2024:05:01 10:20:30")
        .offset("+02:00")
        .camera("Canon", "Canon EOS 40D")
        .gps(41.9, 12.5)
}

#[test]
fn a_folder_becomes_a_mounted_library() {
    let site = Site::default();
    let original = site.photo("2024/rome.jpg", &rome(1));
    site.photo("plain.jpg", &Jpeg::new(2));
    let daemon = site.up();
    daemon.settle();

    let day = site.mount().join("by-date/2024/2024-05/2024-05-01");
    assert_eq!(folder::names(&day), ["rome.jpg"]);
    assert_eq!(std::fs::read(day.join("rome.jpg")).unwrap(), std::fs::read(&original).unwrap());
    assert_eq!(folder::names(&site.mount().join("all/undated")), ["plain.jpg"]);
    assert_eq!(folder::names(&site.mount().join("places/Italy")), ["rome.jpg"]);
    assert_eq!(folder::names(&site.mount().join("cameras/Canon EOS 40D")), ["rome.jpg"]);
    assert_eq!(folder::names(&site.mount().join("folders/photos/2024")), ["rome.jpg"]);
    assert!(site.mount().join("search/canon").read_dir().unwrap().count() == 1);

    // The same file is the same inode in every view, and find and du see it through.
    let find = Command::new("find")
        .arg(site.mount())
        .args(["-name", "rome.jpg", "-printf", "%i\n"])
        .output()
        .unwrap();
    let inodes: std::collections::BTreeSet<_> = find.stdout.split(|byte| *byte == b'\n').collect();
    assert_eq!(inodes.len(), 2, "one number and the end: {inodes:?}");

    // Nobody decides where photos are computed to be.
    let error = std::fs::write(site.mount().join("all/undated/new.jpg"), "x").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    assert!(daemon.stop().success());
    assert!(!site.mount().exists(), "the mount point was made by galleryfs, which takes it away again");
}

#[test]
fn the_mount_follows_the_folder() {
    let site = Site::default();
    let daemon = site.up();
    daemon.settle();
    let undated = site.mount().join("all/undated");
    let is = |what: &str, names: &[&str]| {
        let wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        eventually(what, &wanted, || folder::names(&undated));
    };
    is("an empty library", &[]);

    // cp
    let outside = site.folder().join("outside.jpg");
    std::fs::write(&outside, Jpeg::new(1).padding(100_000).bytes()).unwrap();
    let copied = site.photos().join("copied.jpg");
    std::fs::copy(&outside, &copied).unwrap();
    is("a copied photo", &["copied.jpg"]);
    let id = site.list()[0]["id"].clone();

    // mv: the asset stays itself, and its name in the views as well.
    std::fs::create_dir(site.photos().join("album")).unwrap();
    let moved = site.photos().join("album/moved.jpg");
    std::fs::rename(&copied, &moved).unwrap();
    eventually("a moved photo", &vec![moved.clone()], || site.listed_paths());
    assert_eq!(site.list()[0]["id"], id, "a move keeps the asset");
    eventually("its folder", &vec!["moved.jpg".to_owned()], || {
        folder::names(&site.mount().join("folders/photos/album"))
    });

    // edit: other bytes at its path are a new version of the same asset.
    std::fs::write(&moved, Jpeg::new(9).taken("2020:01:02 03:04:05").bytes()).unwrap();
    eventually("the edited photo's date", &"2020-01-02T03:04:05".into(), || {
        site.list()[0]["taken_local"].clone()
    });
    assert_eq!(site.list()[0]["id"], id, "an edit keeps the asset");
    eventually("the edited photo's day", &1, || {
        folder::names(&site.mount().join("by-date/2020/2020-01/2020-01-02")).len()
    });
    is("no longer undated", &[]);

    // rm
    std::fs::remove_file(&moved).unwrap();
    eventually("a removed photo", &Vec::<PathBuf>::new(), || site.listed_paths());
    // ... and back: what was removed returns as what it was.
    std::fs::write(&moved, Jpeg::new(9).taken("2020:01:02 03:04:05").bytes()).unwrap();
    eventually("the returned photo", &vec![moved.clone()], || site.listed_paths());
    assert_eq!(site.list()[0]["id"], id);
    assert!(daemon.stop().success());
}

#[test]
fn a_photo_never_keeps_the_bytes_that_stood_in_its_place() {
    let site = Site::default();
    let original = site.photo("rome.jpg", &rome(1).padding(100_000));
    let daemon = site.up_with(&["--passthrough", "off"]);
    daemon.settle();
    let shown = site.mount().join("folders/photos/rome.jpg");
    let (own, aside) = (std::fs::read(&original).unwrap(), site.folder().join("aside.jpg"));
    let other: Vec<u8> = own.iter().map(|byte| !byte).collect();

    // Read before anything could be told of the change, and so under the photo's own inode number.
    std::fs::rename(&original, &aside).unwrap();
    std::fs::write(&original, &other).unwrap();
    assert_eq!(std::fs::read(&shown).unwrap(), other);
    std::fs::rename(&aside, &original).unwrap();
    eventually("the photo's own bytes", &true, || std::fs::read(&shown).is_ok_and(|read| read == own));
    daemon.settle();
    assert_eq!(std::fs::read(&shown).unwrap(), own);
    assert!(daemon.stop().success());
}

#[test]
fn the_same_bytes_twice_are_one_asset() {
    let site = Site::default();
    let (a, b) = (site.photo("a/one.jpg", &rome(1)), site.photo("b/two.jpg", &rome(1)));
    site.index();
    assert_eq!(site.list().len(), 1);
    assert_eq!(site.listed_paths(), [a, b]);
}

#[test]
fn a_folder_pulled_away_is_hidden_and_comes_back_as_it_was() {
    let site = Site::default();
    for seed in 0..5 {
        site.photo(&format!("trip/{seed}.jpg"), &rome(seed));
    }
    let daemon = site.up();
    daemon.settle();
    let before = tree(site.mount());
    let aside = site.folder().join("aside");
    std::fs::rename(site.photos(), &aside).unwrap();
    eventually("the root is offline", &1, || {
        site.status().map_or(0, |status| status["offline"].as_array().unwrap().len())
    });
    eventually("nothing is shown", &0, || folder::names(&site.mount().join("all")).len());
    std::fs::rename(&aside, site.photos()).unwrap();
    // The same files under the same names and numbers. A folder made again in one run has a new number, since the old
    // one would stay dead for whoever still holds it.
    let files = |mut tree: std::collections::BTreeMap<PathBuf, Entry>| {
        tree.values_mut().filter(|entry| entry.is_dir).for_each(|entry| entry.inode = 0);
        tree
    };
    let before = files(before);
    eventually("the same tree again", &Vec::new(), || differences(&before, &files(tree(site.mount()))));
    eventually("nothing is offline", &0, || {
        site.status().map_or(9, |status| status["offline"].as_array().unwrap().len())
    });
    assert!(daemon.stop().success());
}

#[test]
fn what_is_away_is_forgotten_only_when_the_user_says_so() {
    let site = Site::default();
    site.photo("kept.jpg", &rome(1));
    let stick = site.folder().join("stick");
    std::fs::create_dir(&stick).unwrap();
    std::fs::write(stick.join("away.jpg"), rome(2).bytes()).unwrap();
    let daemon = site.up_with(&["--photos", stick.to_str().unwrap()]);
    daemon.settle();
    assert_eq!(site.list().len(), 2);
    assert_eq!(site.ask(&["forget", stick.to_str().unwrap()]).code, Some(1), "it is there");
    std::fs::rename(&stick, site.folder().join("aside")).unwrap();
    eventually("the stick is offline", &1, || {
        site.status().map_or(0, |status| status["offline"].as_array().unwrap().len())
    });
    let answer = site.ask(&["forget", stick.to_str().unwrap()]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert_eq!(site.listed_paths(), [site.photos().join("kept.jpg")]);
    assert_eq!(site.ask(&["forget", "/no/such/root"]).code, Some(3));
    assert!(daemon.stop().success());
}

#[test]
fn a_rebuild_gives_the_identical_library() {
    let site = Site::default();
    // Two photos of one name, told apart by an ordinal; one edited, so that its id is not of its bytes.
    site.photo("a/IMG_1.jpg", &rome(1));
    let edited = site.photo("b/IMG_1.jpg", &rome(2));
    site.photo("c/IMG_1.JPG", &Jpeg::new(3).taken("2019:12:31 23:59:59"));
    let daemon = site.up();
    daemon.settle();
    std::fs::write(&edited, rome(4).description("edited").bytes()).unwrap();
    eventually("the edit", &1, || {
        site.list().iter().filter(|asset| asset["description"] == "edited").count()
    });
    daemon.settle();
    let (before, listed) = (tree(site.mount()), site.list());
    assert!(daemon.stop().success());

    std::fs::remove_dir_all(site.data().join("derived")).unwrap();
    let answer = site.ask(&["rebuild"]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let daemon = site.up();
    daemon.settle();
    assert_eq!(differences(&before, &tree(site.mount())), [""; 0], "names and inode numbers");
    assert_eq!(site.list(), listed, "ids and all that is known");
    assert!(daemon.stop().success());
}

#[test]
fn after_a_kill_the_next_start_clears_the_dead_mount() {
    let site = Site::default();
    site.photo("one.jpg", &rome(1));
    let daemon = site.up();
    daemon.settle();
    let before = tree(site.mount());
    daemon.kill();
    let dead = std::fs::metadata(site.mount()).unwrap_err();
    assert_eq!(dead.raw_os_error(), Some(libc::ENOTCONN));

    let daemon = site.up();
    daemon.settle();
    assert_eq!(differences(&before, &tree(site.mount())), [""; 0]);
    daemon.kill();
    // Without a next start, `unmount` clears it too.
    let answer = site.ask(&["unmount", site.mount().to_str().unwrap()]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    assert!(Path::new(site.mount()).read_dir().unwrap().next().is_none());
}

#[test]
fn a_restart_reads_only_what_changed() {
    let site = Site::default();
    for seed in 0..20 {
        site.photo(&format!("{seed}.jpg"), &rome(seed));
    }
    site.index();
    site.photo("20.jpg", &rome(20));
    let daemon: Daemon<'_> = site.up();
    eventually("the new one", &21, || site.list().len());
    let busy = site.status().unwrap()["busy"].clone();
    assert_eq!((busy["read"].as_u64(), busy["unchanged"].as_u64()), (Some(1), Some(20)), "{busy}");
    assert!(daemon.stop().success());
}
