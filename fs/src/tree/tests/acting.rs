//! The operations of the mount without a mount, against the reference model: all but copies of new files, which the inbox takes
//! in, and of saving the three ways in which programs do it, which the shell makes one of.

use std::collections::BTreeSet;
use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::support::lives::with_photos;
use crate::support::reference::Reference;
use crate::support::reference::act::Act;
use crate::support::reference::ops::{Op, ops};
use crate::tree::acts::Onto;

/// The tree of a few photos that follows its library, as the mount's own thread has it do, and what it should be.
struct Followed {
    tree: Arc<Tree>,
    reference: Reference,
    _dir: tempfile::TempDir,
}

impl Followed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = TestLibrary::new(dir.path());
        let reference = with_photos(&library);
        let commits = crate::Source::subscribe(&*library);
        let tree = Arc::new(tree_of(&library));
        let follower = Arc::downgrade(&tree);
        // Ends with the library, which goes with the tree.
        std::thread::spawn(move || {
            for commit in commits {
                let Some(tree) = follower.upgrade() else { return };
                let changes = advance(&tree, &commit);
                if let Some(cursor) = changes.cursor {
                    tree.told.shown(cursor, Vec::new());
                }
            }
        });
        Self { tree, reference, _dir: dir }
    }

    fn ino(&self, path: &str) -> Option<u64> {
        find(&self.tree, path).ok().map(|entry| entry.attr.ino.0)
    }

    fn is_dir(&self, path: &str) -> bool {
        find(&self.tree, path).is_ok_and(|entry| entry.attr.kind == fuser::FileType::Directory)
    }

    /// Does it as the kernel would ask for it, which sees to some of it by itself.
    fn perform(&self, act: &Act) -> Option<()> {
        let parent = |path: &str| path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().as_bytes().to_vec();
        let dir = |path: &str| match parent(path) {
            top if top.is_empty() => Some(inodes::ROOT),
            dir => self.ino(&dir),
        };
        let meant = match act {
            Act::Rename { from, to } => {
                let within = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}/"));
                let (source, target) = (self.ino(from)?, self.ino(to));
                if Some(source) == target {
                    return Some(());
                }
                let mixed = target.is_some() && self.is_dir(from) != self.is_dir(to);
                if mixed || within(to, from) || within(from, to) {
                    return None;
                }
                self.tree.rename((dir(from)?, &name(from)), (dir(to)?, &name(to)), Onto::Anything)
            }
            Act::Link { from, to } if self.ino(to).is_none() => {
                self.tree.link(self.ino(from)?, dir(to)?, &name(to))
            }
            Act::Link { .. } => return None,
            Act::Unlink(path) => self.tree.unlink(dir(path)?, &name(path)),
            Act::Mkdir(path) => self.tree.mkdir(dir(path)?, &name(path)),
            Act::Rmdir(path) => self.tree.rmdir(dir(path)?, &name(path)),
            Act::Xattr { path, name, value } => {
                let attribute = crate::xattr::Attribute::of_name(std::ffi::OsStr::new(name))?;
                self.tree.set_attribute(self.ino(path)?, attribute, Some(value.as_bytes()))
            }
            Act::Save { path, picture, .. } => {
                let row = self.tree.photo_named(dir(path)?, &name(path))?;
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&picture.bytes).unwrap();
                return self.tree.save(row, &file).ok();
            }
            Act::Copy { .. } => return None,
        };
        self.tree.carry_out(&meant.ok()?).ok()
    }

    /// What a walk finds, as [`Reference::listed`] has it.
    fn walked(&self) -> BTreeSet<String> {
        let is_compared =
            |path: &str| path.split('/').next().is_some_and(|top| Reference::VIEWS.contains(&top));
        let found = walk(&self.tree).into_iter().filter(|(path, _)| is_compared(path));
        found
            .map(|(path, attr)| if attr.kind == fuser::FileType::Directory { path + "/" } else { path })
            .collect()
    }
}

fn lives(ops: &[Op]) -> Result<(), TestCaseError> {
    let mut followed = Followed::new();
    let mut acts = Vec::new();
    for op in ops {
        let Some(act) = followed.reference.act(op) else { continue };
        if matches!(act, Act::Copy { .. }) {
            continue;
        }
        acts.push(act.clone());
        let done = followed.perform(&act).is_some();
        prop_assert_eq!(done, followed.reference.apply(&act), "the last of {:#?}", acts);
        let (found, wanted) = (followed.walked(), followed.reference.listed());
        let differ: Vec<_> = found.symmetric_difference(&wanted).collect();
        prop_assert!(differ.is_empty(), "after the last of {:#?}: {:?}", acts, differ);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("GALLERYFS_SOAK").is_some() { 5000 } else { 100 },
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_made_moved_and_removed_is_what_the_document_says(ops in prop::collection::vec(ops(), 1..40)) {
        lives(&ops)?;
    }
}
