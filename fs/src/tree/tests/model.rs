//! The whole tree against a naive model, while assets come, go and change.

use proptest::prelude::*;

use super::*;

/// A photo as the model knows it.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    path: String,
    day: Option<&'static str>,
    place: Option<(&'static str, &'static str, &'static str)>,
    tags: Vec<&'static str>,
    rating: Option<i64>,
    visibility: Visibility,
    present: bool,
    part: Option<(String, String)>,
}

const DAYS: [Option<&str>; 4] = [None, Some("2020-05-01"), Some("2020-05-02"), Some("2021-12-31")];
const PLACES: [Option<(&str, &str, &str)>; 3] =
    [None, Some(("Rome", "Latium", "Italy")), Some(("", "", "Italy"))];
const TAGS: [&[&str]; 5] = [&[], &["x"], &["X/y"], &["x", "z"], &["X", "x/y"]];
const FOLDERS: [&str; 3] = ["", "one/", "one/two/"];
const SHOWN: [Visibility; 4] =
    [Visibility::Timeline, Visibility::Timeline, Visibility::Archive, Visibility::Locked];

/// Something that happens to a library. Indices are taken modulo what is there, so that shrinking keeps them valid.
#[derive(Clone, Debug)]
enum Op {
    Add { folder: usize, day: usize, place: usize, tags: usize, rating: i64, shown: usize },
    Part(usize),
    Remove(usize),
    Move(usize, usize),
    Retag(usize, usize),
    Rate(usize, i64),
    Show(usize, usize),
    Rename(usize),
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..3usize, 0..4usize, 0..3usize, 0..5usize, -1..6i64, 0..4usize).prop_map(
            |(folder, day, place, tags, rating, shown)| Op::Add { folder, day, place, tags, rating, shown }
        ),
        1 => any::<usize>().prop_map(Op::Part),
        2 => any::<usize>().prop_map(Op::Remove),
        1 => (any::<usize>(), 0..3usize).prop_map(|(at, folder)| Op::Move(at, folder)),
        2 => (any::<usize>(), 0..5usize).prop_map(|(at, tags)| Op::Retag(at, tags)),
        1 => (any::<usize>(), -1..6i64).prop_map(|(at, stars)| Op::Rate(at, stars)),
        1 => (any::<usize>(), 0..4usize).prop_map(|(at, shown)| Op::Show(at, shown)),
        1 => any::<usize>().prop_map(Op::Rename),
    ]
}

/// Does it to the library and to the model.
fn run(op: &Op, library: &TestLibrary, model: &mut Vec<Known>, serial: &mut usize) -> Option<Commit> {
    *serial += 1;
    let count = model.len();
    // Rows and the model's photos are numbered apart, since parts are rows too.
    let row_of = |model: &[Known], at: usize| {
        let snapshot = crate::Source::snapshot(library);
        snapshot.by_name(&model[at % count].name).unwrap()
    };
    if count == 0 && !matches!(op, Op::Add { .. }) {
        return None;
    }
    Some(match *op {
        Op::Add { folder, day, place, tags, rating, shown } => {
            let known = Known {
                name: format!("IMG_{serial}.jpg"),
                path: format!("{}disk{serial}.jpg", FOLDERS[folder]),
                day: DAYS[day],
                place: PLACES[place],
                tags: TAGS[tags].to_vec(),
                rating: (0..=5).contains(&rating).then_some(rating),
                visibility: SHOWN[shown],
                present: true,
                part: None,
            };
            let taken = known.day.map(|day| format!("{day}T12:00:00"));
            let commit = library.edit(|fixture| {
                vec![fixture.add(&Photo {
                    path: &known.path,
                    name: Some(&known.name),
                    taken: taken.as_deref(),
                    place: known.place,
                    tags: &known.tags,
                    rating: known.rating,
                    visibility: known.visibility,
                    ..Photo::default()
                })]
            });
            model.push(known);
            commit
        }
        Op::Part(at) => {
            let host = row_of(model, at);
            let known = &mut model[at % count];
            if known.part.is_some() {
                return None;
            }
            let (name, path) = (format!("MOV_{serial}.mov"), format!("one/disk{serial}.mov"));
            known.part = Some((name.clone(), path.clone()));
            library.edit(|fixture| {
                let visibility = Visibility::Hidden;
                let part = Photo {
                    path: &path,
                    name: Some(&name),
                    host: Some(host),
                    visibility,
                    ..Photo::default()
                };
                vec![fixture.add(&part)]
            })
        }
        Op::Remove(at) => {
            let row = row_of(model, at);
            model[at % count].present = false;
            library.remove(row)
        }
        Op::Move(at, folder) => {
            let row = row_of(model, at);
            let known = &mut model[at % count];
            known.path = format!("{}disk{serial}.jpg", FOLDERS[folder]);
            known.present = true;
            let path = known.path.clone();
            library.edit(|fixture| {
                fixture.move_to(row, &path);
                fixture.change(row, |row| row.present = true);
                vec![row]
            })
        }
        Op::Retag(at, tags) => {
            let row = row_of(model, at);
            model[at % count].tags = TAGS[tags].to_vec();
            library.edit(|fixture| {
                fixture.retag(row, TAGS[tags]);
                vec![row]
            })
        }
        Op::Rate(at, stars) => {
            let row = row_of(model, at);
            model[at % count].rating = (0..=5).contains(&stars).then_some(stars);
            library.edit(|fixture| {
                fixture.change(row, |row| row.rating = library::metadata::Rating::new(stars));
                vec![row]
            })
        }
        Op::Show(at, shown) => {
            let row = row_of(model, at);
            model[at % count].visibility = SHOWN[shown];
            library.edit(|fixture| {
                fixture.change(row, |row| row.visibility = SHOWN[shown]);
                vec![row]
            })
        }
        Op::Rename(at) => {
            let row = row_of(model, at);
            let known = &mut model[at % count];
            // On disk it keeps the name it had.
            known.name = format!("IMG_{serial}.jpg");
            let name = known.name.clone();
            library.edit(|fixture| {
                fixture.rename(row, &name);
                vec![row]
            })
        }
    })
}

/// Every file of the tree, the slow and plain way: path to name of the asset.
fn expected(model: &[Known]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let shown: Vec<&Known> =
        model.iter().filter(|known| known.present && known.visibility != Visibility::Locked).collect();
    let timeline = |known: &Known| known.visibility == Visibility::Timeline;
    // The first spelling in byte order of each level, among what shows.
    let mut spelled: BTreeMap<String, String> = BTreeMap::new();
    for known in shown.iter().filter(|known| timeline(known)) {
        for tag in &known.tags {
            let mut level = String::new();
            for word in tag.split('/') {
                level = format!("{level}/{}", word.to_lowercase());
                let spelling = spelled.entry(level.clone()).or_insert_with(|| word.to_owned());
                if word < spelling.as_str() {
                    *spelling = word.to_owned();
                }
            }
        }
    }
    let tag_dir = |tag: &str| {
        let (mut level, mut dir) = (String::new(), String::from("tags"));
        for word in tag.split('/') {
            level = format!("{level}/{}", word.to_lowercase());
            dir = format!("{dir}/{}", spelled[&level]);
        }
        dir
    };
    for known in shown {
        let mut dirs = BTreeSet::new();
        match known.day {
            Some(day) => dirs.insert(format!("all/{}/{}", &day[..4], &day[5..7])),
            None => dirs.insert("all/undated".into()),
        };
        if known.visibility == Visibility::Archive {
            dirs.insert("archive".into());
        } else {
            dirs.insert("types/image".into());
            dirs.insert("types/jpeg".into());
            dirs.insert("recent".into());
            if known.part.is_some() {
                dirs.insert("types/live".into());
            }
            if let Some(day) = known.day {
                dirs.insert(format!("by-date/{}/{}/{day}", &day[..4], &day[..7]));
                if day.ends_with("05-01") {
                    dirs.insert("on-this-day".into());
                }
            }
            if let Some((city, region, country)) = known.place {
                let words: Vec<&str> =
                    ["places", country, region, city].into_iter().filter(|word| !word.is_empty()).collect();
                dirs.insert(words.join("/"));
            }
            if let Some(stars) = known.rating.filter(|stars| *stars > 0) {
                dirs.insert(format!("rated/{stars}"));
            }
            dirs.extend(known.tags.iter().map(|tag| tag_dir(tag)));
        }
        for dir in dirs {
            files.insert(format!("{dir}/{}", known.name), known.name.clone());
            if let Some((part, _)) = &known.part {
                files.insert(format!("{dir}/{part}"), part.clone());
            }
        }
        files.insert(format!("folders/Pictures/{}", known.path), known.name.clone());
        if let Some((part, path)) = &known.part {
            files.insert(format!("folders/Pictures/{path}"), part.clone());
        }
    }
    files
}

/// A kernel's caches: what it was told and not told to forget.
#[derive(Default)]
struct Cache {
    /// Directory inode and name to inode.
    entries: BTreeMap<(u64, String), u64>,
    attrs: BTreeMap<u64, FileAttr>,
    listings: BTreeMap<u64, BTreeSet<String>>,
}

impl Cache {
    fn learn(found: &BTreeMap<String, FileAttr>) -> Self {
        let mut cache = Self::default();
        for (path, attr) in found {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let dir = found.get(parent).map_or(inodes::ROOT, |attr| attr.ino.0);
            cache.entries.insert((dir, name.to_owned()), attr.ino.0);
            cache.listings.entry(dir).or_default().insert(name.to_owned());
            if attr.kind == fuser::FileType::Directory {
                cache.listings.entry(attr.ino.0).or_default();
            } else {
                cache.attrs.insert(attr.ino.0, *attr);
            }
        }
        cache
    }

    fn forget(&mut self, changes: &Changes) {
        for (ino, _, dir) in &changes.dirs {
            self.listings.remove(ino);
            for changed in dir.appeared.iter().chain(&dir.vanished).chain(&dir.altered) {
                self.entries.remove(&(*ino, String::from_utf8_lossy(&changed.name).into_owned()));
            }
        }
        for ino in &changes.attrs {
            self.attrs.remove(ino);
        }
    }

    /// What is still believed must be true of what can still be reached.
    fn check(&self, now: &Self) {
        let reachable = |dir: &u64| *dir == inodes::ROOT || now.listings.contains_key(dir);
        for (key, ino) in self.entries.iter().filter(|((dir, _), _)| reachable(dir)) {
            assert_eq!(now.entries.get(key), Some(ino), "{key:?} is still believed");
        }
        for (dir, names) in self.listings.iter().filter(|(dir, _)| reachable(dir)) {
            assert_eq!(Some(names), now.listings.get(dir), "the listing of {dir:x} is still believed");
        }
        for (ino, attr) in &self.attrs {
            if let Some(now) = now.attrs.get(ino) {
                assert_eq!(attr, now, "the attributes of {ino:x} are still believed");
            }
        }
    }
}

/// The names in the tree, against the model's.
fn compare(found: &BTreeMap<String, FileAttr>, model: &[Known], library: &TestLibrary) {
    let snapshot = crate::Source::snapshot(library);
    let inode = |name: &str| snapshot.row(snapshot.by_name(name).unwrap()).unwrap().inode.get();
    let expected: BTreeMap<String, u64> =
        expected(model).into_iter().map(|(path, name)| (path, inode(&name))).collect();
    let files: BTreeMap<String, u64> = found
        .iter()
        .filter(|(path, attr)| attr.kind == fuser::FileType::RegularFile && path.contains('/'))
        .map(|(path, attr)| (path.clone(), attr.ino.0))
        .collect();
    assert_eq!(files, expected);
    let mut links: BTreeMap<u64, u32> = BTreeMap::new();
    for (path, ino) in files {
        if !path.starts_with("recent/") && !path.starts_with("on-this-day/") {
            *links.entry(ino).or_default() += 1;
        }
    }
    for (path, attr) in found.iter().filter(|(_, attr)| links.contains_key(&attr.ino.0)) {
        assert_eq!(attr.nlink, links[&attr.ino.0], "links of {path}");
    }
    let dirs: BTreeSet<u64> = found
        .values()
        .filter(|attr| attr.kind == fuser::FileType::Directory)
        .map(|attr| attr.ino.0)
        .collect();
    let count = found.values().filter(|attr| attr.kind == fuser::FileType::Directory).count();
    assert_eq!(dirs.len(), count, "a directory has one parent");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_is_the_models_and_the_kernel_believes_nothing_false(ops in proptest::collection::vec(ops(), 1..24)) {
        let library = library();
        let tree = tree_of(&library);
        let (mut model, mut serial) = (Vec::new(), 0);
        let mut cache = Cache::learn(&walk(&tree));
        let mut owners: BTreeMap<String, library::AssetId> = BTreeMap::new();
        for op in &ops {
            let Some(commit) = run(op, &library, &mut model, &mut serial) else { continue };
            let changes = advance(&tree, &commit);
            let found = walk(&tree);
            compare(&found, &model, &library);
            cache.forget(&changes);
            let now = Cache::learn(&found);
            cache.check(&now);
            cache = now;
            for (_, row) in commit.snapshot.rows() {
                let owner = *owners.entry(row.name.to_string()).or_insert(row.id);
                prop_assert_eq!(owner, row.id, "a name came to mean another photo");
            }
        }
    }
}

#[test]
fn twenty_readers_see_whole_states_while_it_changes() {
    let library = library();
    let tree = tree_of(&library);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let Ok(dir) = find(&tree, "tags/pair") else { continue };
                    let Ok(listing) = tree.list(dir.attr.ino.0) else { continue };
                    let count = lines(&tree, dir.attr.ino.0, &listing, 2).len();
                    assert!(count.is_multiple_of(2) && count > 0, "half a commit: {count}");
                }
            });
        }
        for round in 0..100 {
            let mut rows = Vec::new();
            let commit = library.edit(|fixture| {
                for twin in ["a", "b"] {
                    let path = format!("{round}{twin}.jpg");
                    rows.push(fixture.add(&Photo { path: &path, tags: &["pair"], ..Photo::default() }));
                }
                rows.clone()
            });
            advance(&tree, &commit);
            if round % 3 == 0 {
                let commit = library.edit(|fixture| {
                    rows.iter().for_each(|row| fixture.remove(*row));
                    rows.clone()
                });
                advance(&tree, &commit);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
