//! The operations of the mount without a mount, against the reference model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::support::reference::{Act, Op, Reference, ops};
use crate::tree::acts::Onto;

/// The tree of a few photos that follows its library, as the mount's own thread has it do, and what it should be.
struct Followed {
    tree: Arc<Tree>,
    reference: Reference,
}

impl Followed {
    fn new() -> Self {
        let library = library();
        let mut reference = Reference::default();
        let days = [Some("2024-05-01"), Some("2024-05-02"), Some("2023-12-31"), None];
        for (path, day) in ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].into_iter().zip(days) {
            let taken = day.map(|day| format!("{day}T10:00:00"));
            add(&library, &Photo { path, taken: taken.as_deref(), ..Photo::default() });
            reference.add(path, day);
        }
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
        Self { tree, reference }
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
        // No file is behind these photos that could be removed.
        if matches!(&act, Act::Unlink(path) if path.starts_with("trash/")) {
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
