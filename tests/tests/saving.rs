//! Photos saved over in the mount by the programs that people use: the photo stays the same one, what it was is kept as it was,
//! and a kill in the middle loses neither.
//!
//! `GALLERYFS_SOAK=1` makes it many kills. A failure names its seed: `GALLERYFS_SEED` runs it again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use galleryfs_tests::{Jpeg, Random, Site, eventually, folder};

/// The files of the folder, and what of them was replaced, in the order in which it was.
fn files(site: &Site) -> (Vec<String>, Vec<Vec<u8>>) {
    let contents = folder::contents(site.photos());
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let shown = contents.keys().map(text).filter(|path| !path.starts_with(".galleryfs/")).collect();
    let kept = contents.iter().filter(|(path, _)| text(path).starts_with(".galleryfs/versions/"));
    (shown, kept.map(|(_, bytes)| bytes.clone()).collect())
}

fn run(program: &str, arguments: &[&std::ffi::OsStr]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
}

fn exiftool(photo: &Path, arguments: &[&str]) {
    let mut all: Vec<&std::ffi::OsStr> = arguments.iter().map(std::ffi::OsStr::new).collect();
    all.push(photo.as_os_str());
    run("exiftool", &all);
}

/// What `show --json` says of the only photo.
fn shown(site: &Site) -> serde_json::Value {
    let list = site.list();
    assert_eq!(list.len(), 1, "{list:?}");
    list.into_iter().next().unwrap()
}

#[test]
fn a_photo_edited_by_programs_stays_the_photo_and_keeps_what_it_was() {
    let site = Site::default();
    let original = Jpeg::new(1).taken("2024:05:01 10:20:30").bytes();
    site.put("in/a.jpg", &original);
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/2024/05/a.jpg");
    std::fs::hard_link(&photo, site.mount().join("favourites/a.jpg")).unwrap();
    let before = shown(&site)["id"].clone();

    // The name of a new file.
    exiftool(&photo, &["-overwrite_original", "-ImageDescription=at the sea"]);
    let first = std::fs::read(&photo).unwrap();
    assert_ne!(first, original);
    assert_eq!(std::fs::read(site.photos().join("in/a.jpg")).unwrap(), first, "on the disk");
    assert_eq!(std::fs::read(site.mount().join("favourites/a.jpg")).unwrap(), first, "still a favourite");
    assert_eq!(files(&site), (vec!["in/a.jpg".to_owned()], vec![original.clone()]));
    eventually("the caption", &true, || shown(&site).to_string().contains("at the sea"));

    // The dance with a name aside.
    exiftool(&photo, &["-Rating=4"]);
    let second = std::fs::read(&photo).unwrap();
    eventually("the stars", &vec!["a.jpg".to_owned()], || folder::names(&site.mount().join("rated/4")));
    assert_eq!(files(&site).1, [original.clone(), first.clone()]);

    // In place, and by another date than before: it is the same photo all the same.
    let other = Jpeg::new(2).taken("2019:01:02 03:04:05").bytes();
    let source = site.folder().join("other.jpg");
    std::fs::write(&source, &other).unwrap();
    run("cp", &[source.as_os_str(), photo.as_os_str()]);
    let photo = site.mount().join("all/2019/01/a.jpg");
    eventually("its new date", &true, || photo.exists());
    assert_eq!(std::fs::read(&photo).unwrap(), other);
    assert_eq!(files(&site), (vec!["in/a.jpg".to_owned()], vec![original, first, second]));
    assert_eq!(shown(&site)["id"], before);

    // What is no photo, and what is another photo's, is refused and changes nothing.
    std::fs::write(&source, "no picture").unwrap();
    let refused = Command::new("cp").arg(&source).arg(&photo).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Invalid argument"), "{refused:?}");
    let third = Jpeg::new(3).taken("2018:01:02 03:04:05").bytes();
    site.put("in/b.jpg", &third);
    eventually("another photo", &true, || site.mount().join("all/2018/01/b.jpg").exists());
    std::fs::write(&source, &third).unwrap();
    assert!(!Command::new("cp").arg(&source).arg(&photo).output().unwrap().status.success());
    assert_eq!(std::fs::read(&photo).unwrap(), other);
    assert_eq!(files(&site).1.len(), 3);

    assert!(daemon.stop().success());
    let daemon = site.up();
    daemon.settle();
    assert_eq!(std::fs::read(site.mount().join("favourites/a.jpg")).unwrap(), other);
}

#[test]
fn versions_are_gone_back_from_one_by_one_and_go_with_their_photo() {
    let site = Site::default();
    let pictures = [1, 2, 3].map(|seed| Jpeg::new(seed).taken("2024:05:01 10:20:30").bytes());
    site.put("in/a.jpg", &pictures[0]);
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/2024/05/a.jpg");
    let versions = site.mount().join("versions/a.jpg");
    let (before, source) = (shown(&site)["id"].clone(), site.folder().join("new.jpg"));
    for picture in &pictures[1..] {
        std::fs::write(&source, picture).unwrap();
        run("cp", &[source.as_os_str(), photo.as_os_str()]);
    }
    let listed = || folder::names(&versions);
    assert_eq!(listed(), ["0001 a.jpg", "0002 a.jpg", "0003 a.jpg"]);
    assert!(daemon.stop().success());
    let daemon = site.up();
    daemon.settle();
    for (name, picture) in listed().iter().zip(&pictures) {
        assert_eq!(&std::fs::read(versions.join(name)).unwrap(), picture, "{name}");
    }
    std::fs::remove_file(versions.join("0003 a.jpg")).unwrap();
    assert_eq!(std::fs::read(&photo).unwrap(), pictures[1]);
    assert_eq!(std::fs::read(site.photos().join("in/a.jpg")).unwrap(), pictures[1], "on the disk");
    assert_eq!(listed(), ["0001 a.jpg", "0002 a.jpg"]);
    assert_eq!(shown(&site)["id"], before);
    let kept = files(&site).1;
    assert!(kept.contains(&pictures[0]) && kept.contains(&pictures[2]), "what was gone back from is kept");
    daemon.kill();
    let daemon = site.up();
    daemon.settle();
    assert_eq!(std::fs::read(&photo).unwrap(), pictures[1]);
    std::fs::remove_file(versions.join("0002 a.jpg")).unwrap();
    eventually("the first again", &true, || std::fs::read(&photo).is_ok_and(|bytes| bytes == pictures[0]));
    eventually("nothing to go back to", &Vec::<String>::new(), || {
        folder::names(&site.mount().join("versions"))
    });
    // What was gone back from can be saved again.
    std::fs::write(&source, &pictures[2]).unwrap();
    run("cp", &[source.as_os_str(), photo.as_os_str()]);
    assert_eq!(listed(), ["0001 a.jpg", "0002 a.jpg"]);
    std::fs::remove_file(&photo).unwrap();
    std::fs::remove_file(site.mount().join("trash/a.jpg")).unwrap();
    assert_eq!(files(&site), (vec![], vec![]), "all of it went");
}

/// Found by the reference model: killed while it went back, what was kept was kept twice.
#[test]
fn a_copy_that_a_kill_left_of_what_is_kept_is_no_version() {
    let site = Site::default();
    let [first, second, third] = [1, 2, 3].map(|seed| Jpeg::new(seed).taken("2024:05:01 10:20:30").bytes());
    site.put("a.jpg", &first);
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/2024/05/a.jpg");
    for bytes in [&second, &third] {
        std::fs::write(&photo, bytes).unwrap();
    }
    let versions = site.mount().join("versions/a.jpg");
    let listed = folder::names(&versions);
    assert_eq!(listed.len(), 3);
    let id = shown(&site)["id"].as_str().unwrap().to_owned();
    assert!(daemon.stop().success());
    let left = site.photos().join(".galleryfs/versions").join(id).join("changing");
    // On its way to be the photo again; and what was the photo when another took its place, which is kept nowhere else.
    for (bytes, more) in [(&second, 0), (&first, 1)] {
        std::fs::write(&left, bytes).unwrap();
        let daemon = site.up();
        daemon.settle();
        eventually("the versions", &(listed.len() + more), || folder::names(&versions).len());
        assert!(!left.exists());
        assert!(daemon.stop().success());
    }
}

#[test]
fn a_photo_that_stands_in_two_folders_is_saved_over_in_both_and_gone_back_from_in_both() {
    let site = Site::default();
    let [was, is] = [1, 2].map(|seed| Jpeg::new(seed).taken("2024:05:01 10:20:30").bytes());
    let places = ["family/a.jpg", "in/a.jpg"];
    places.iter().for_each(|place| drop(site.put(place, &was)));
    site.put("family/a.jpg.xmp", FOUR_STARS.as_bytes());
    site.put("in/a.jpg.xmp", FOUR_STARS.as_bytes());
    let daemon = site.up();
    daemon.settle();
    let starred = site.mount().join("rated/4/a.jpg");
    eventually("its stars", &true, || starred.exists());
    let id = shown(&site)["id"].clone();
    let before = folder::names(starred.parent().unwrap()).len();
    let source = site.folder().join("new.jpg");
    std::fs::write(&source, &is).unwrap();
    let root = site.mount().join("folders").join(site.photos().file_name().unwrap());
    let seen = |place: &str| root.join(place);
    run("cp", &[source.as_os_str(), seen(places[1]).as_os_str()]);
    let has = |picture: &[u8]| {
        for place in places {
            assert_eq!(std::fs::read(site.photos().join(place)).unwrap(), picture, "{place} on the disk");
            assert_eq!(std::fs::read(seen(place)).unwrap(), picture, "{place} in the mount");
        }
    };
    has(&is);
    daemon.settle();
    assert_eq!(shown(&site)["id"], id, "one photo still");
    eventually("its stars still", &true, || starred.exists());
    let parts = folder::names(starred.parent().unwrap()).len();
    assert_eq!(parts, before, "and its sidecars");
    let versions = site.mount().join("versions/a.jpg");
    assert_eq!(folder::names(&versions), ["0001 a.jpg", "0002 a.jpg"], "kept once");
    std::fs::remove_file(versions.join("0002 a.jpg")).unwrap();
    has(&was);
    daemon.settle();
    assert_eq!(shown(&site)["id"], id);
    assert_eq!(files(&site).0, ["family/a.jpg", "family/a.jpg.xmp", "in/a.jpg", "in/a.jpg.xmp"]);
}

#[test]
fn vim_and_an_appending_shell_save_versions() {
    let site = Site::default();
    let original = Jpeg::new(1).taken("2024:05:01 10:20:30").bytes();
    site.put("a.jpg", &original);
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/2024/05/a.jpg");
    let script = ["-u", "NONE", "-N", "-es", "-b", "-c", "$put ='more'", "-c", "wq"];
    let mut arguments: Vec<&std::ffi::OsStr> = script.iter().map(std::ffi::OsStr::new).collect();
    arguments.push(photo.as_os_str());
    run("vim", &arguments);
    let edited = std::fs::read(&photo).unwrap();
    assert_ne!(edited, original);
    assert_eq!(files(&site), (vec!["a.jpg".to_owned()], vec![original.clone()]));
    let shell = format!("printf tail >> '{}'", photo.display());
    run("sh", &["-c".as_ref(), shell.as_ref()]);
    assert_eq!(std::fs::read(&photo).unwrap(), [&edited[..], b"tail"].concat());
    assert_eq!(files(&site).1, [original, edited]);
}

/// A sidecar that gives four stars.
const FOUR_STARS: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
                          <rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'/></rdf:RDF></x:xmpmeta>";

#[test]
fn what_a_sidecar_says_of_a_photo_is_said_of_its_version() {
    let site = Site::default();
    site.put("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30").bytes());
    site.put("a.jpg.xmp", FOUR_STARS.as_bytes());
    let daemon = site.up();
    daemon.settle();
    let starred = site.mount().join("rated/4/a.jpg");
    eventually("its stars", &true, || starred.exists());
    let edited = Jpeg::new(2).taken("2024:05:01 10:20:30").bytes();
    std::fs::write(site.mount().join("all/2024/05/a.jpg"), &edited).unwrap();
    daemon.settle();
    eventually("its stars still", &true, || starred.exists());
    assert_eq!(std::fs::read(&starred).unwrap(), edited);
}

#[test]
fn mogrify_turns_a_photo_in_place() {
    let site = Site::default();
    let made = site.folder().join("made.jpg");
    run("convert", &["-size".as_ref(), "64x32".as_ref(), "plasma:".as_ref(), made.as_os_str()]);
    let original = std::fs::read(&made).unwrap();
    site.put("a.jpg", &original);
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/undated/a.jpg");
    run("mogrify", &["-rotate".as_ref(), "90".as_ref(), photo.as_os_str()]);
    let turned = std::fs::read(&photo).unwrap();
    assert_ne!(turned, original);
    assert_eq!(files(&site), (vec!["a.jpg".to_owned()], vec![original]));
    eventually("its size", &true, || shown(&site)["width"] == 32);
}

#[test]
fn a_kill_while_photos_are_saved_loses_neither_what_was_nor_what_was_saved() {
    let seed = galleryfs_tests::seed();
    println!("GALLERYFS_SEED={seed}");
    let mut random = Random::new(seed);
    let site = Site::default();
    let original = Jpeg::new(1).taken("2024:05:01 10:20:30").padding(200_000).bytes();
    site.put("a.jpg", &original);
    let mut ever: BTreeSet<Vec<u8>> = BTreeSet::from([original.clone()]);
    let mut last = original;
    let rounds = if galleryfs_tests::soaks() { 100 } else { 4 };
    for round in 0..rounds {
        let daemon = site.up();
        daemon.settle();
        let photo = site.mount().join("all/2024/05/a.jpg");
        assert_eq!(std::fs::read(&photo).unwrap(), last, "round {round}");
        let kill_after = Duration::from_millis(random.number() % 300);
        let writer = std::thread::spawn({
            let (photo, file) = (photo.clone(), site.photos().join("a.jpg"));
            move || {
                let (mut done, mut begun) = (Vec::new(), Vec::new());
                for number in 0..1000 {
                    let seed = 1000 + round as u64 * 1000 + number;
                    let bytes = Jpeg::new(seed).taken("2024:05:01 10:20:30").padding(200_000).bytes();
                    begun = bytes.clone();
                    // A close that fails says so to nobody here: what is in the folder does.
                    if std::fs::write(&photo, &bytes).is_err() || std::fs::read(&file).unwrap() != bytes {
                        break;
                    }
                    done.push(bytes);
                }
                (done, begun)
            }
        });
        std::thread::sleep(kill_after);
        daemon.kill();
        let (done, begun) = writer.join().unwrap();
        // What is there is the last that returned success, or the one that was on its way.
        let now = std::fs::read(site.photos().join("a.jpg")).unwrap();
        let saved = done.last().cloned().unwrap_or(last);
        assert!(now == saved || now == begun, "round {round}: neither is there");
        ever.extend(done);
        last = now;
        let (_, kept) = files(&site);
        for bytes in ever.iter().filter(|bytes| **bytes != last) {
            assert!(kept.contains(bytes), "round {round}: a version is lost");
        }
        ever.insert(last.clone());
    }
    assert!(ever.len() > 1, "nothing was ever saved");
    println!("{} versions in {rounds} rounds", ever.len());
}

/// The kernel takes the photo for the file that was given its name until it is told otherwise, which takes a moment.
#[test]
fn what_is_done_right_after_a_save_is_done_to_the_photo() {
    let site = Site::default();
    site.photo("a.jpg", &Jpeg::new(1).taken("2024:05:01 10:20:30"));
    let daemon = site.up();
    daemon.settle();
    let photo = site.mount().join("all/2024/05/a.jpg");
    std::fs::create_dir(site.mount().join("albums/A")).unwrap();
    let (new, listed) = (photo.with_file_name(".a.jpg.new"), site.mount().join("albums/A/a.jpg"));
    let bytes = |seed: u64| Jpeg::new(seed).taken("2024:05:01 10:20:30").bytes();
    for round in 1..=20 {
        std::fs::write(&new, bytes(round * 10)).unwrap();
        std::fs::rename(&new, &photo).unwrap();
        std::fs::hard_link(&photo, &listed).unwrap();
        std::fs::remove_file(&listed).unwrap();
        std::fs::write(&new, bytes(round * 10 + 1)).unwrap();
        std::fs::rename(&new, &photo).unwrap();
        let again = bytes(round * 10 + 2);
        std::fs::write(&photo, &again).unwrap();
        std::fs::hard_link(&photo, &listed).unwrap();
        std::fs::remove_file(&listed).unwrap();
        assert!(std::fs::read(site.photos().join("a.jpg")).unwrap() == again, "round {round}");
    }
    assert!(daemon.stop().success());
}
