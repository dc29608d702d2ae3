//! Missing or offline: what it means that files are not where they were.
//!
//! A disk pulled out and a folder deleted look alike for a while. Losing few files is believed at once (they are
//! *missing*: hidden, and back with their bytes); losing much at a stroke is not (*offline*: hidden, nothing
//! forgotten, until it returns or the user says that it is gone).

use std::collections::HashMap;

use library::{FilePath, Observation, RootId};

/// A loss of up to this many files is believed.
pub const BELIEVED_FILES: usize = 100;

/// A loss of up to this share of a root, in percent, is believed.
pub const BELIEVED_PERCENT: usize = 20;

/// The most single files that are named offline one by one; beyond it the rest is missing.
const MOST_SINGLE: usize = 1000;

/// A file that is not where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    /// Where it was, below the root.
    pub(super) path: Box<[u8]>,
    /// Another device is there now than it was on.
    pub(super) device_left: bool,
    /// It was found elsewhere.
    pub(super) moved: bool,
}

/// What is to be told of lost files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Folders (or single files) to be hidden as offline, and why.
    pub(super) offline: Vec<(Box<[u8]>, String)>,
    /// Files that are simply missing.
    pub(super) missing: Vec<Box<[u8]>>,
    /// How many of the missing were lost, not moved.
    pub(super) believed: usize,
}

impl Verdict {
    /// The offline ones as observations.
    pub(super) fn observations(&self, root: RootId) -> Vec<Observation> {
        self.offline
            .iter()
            .map(|(folder, reason)| Observation::Offline {
                root,
                folder: folder.clone(),
                reason: reason.clone(),
            })
            .collect()
    }
}

/// Judges losses; what has moved is none. `known` counts the files below a root that should be there, by the folder they
/// lie in; `before` are those that were called missing just before; `is_empty` says that nothing at all is left in the
/// root.
pub(super) fn judge(
    lost: Vec<Lost>,
    known: &HashMap<Box<[u8]>, usize>,
    before: usize,
    is_empty: bool,
) -> Verdict {
    let (moved, lost): (Vec<_>, Vec<_>) = lost.into_iter().partition(|lost| lost.moved);
    let mut verdict = judge_lost(lost, known, before, is_empty);
    verdict.believed = verdict.missing.len();
    verdict.missing.extend(moved.into_iter().map(|lost| lost.path));
    verdict
}

fn judge_lost(
    mut lost: Vec<Lost>,
    known: &HashMap<Box<[u8]>, usize>,
    before: usize,
    is_empty: bool,
) -> Verdict {
    let total: usize = known.values().sum();
    let mut verdict = Verdict::default();
    if is_empty && lost.len() > 1 && lost.len() >= total {
        verdict.offline.push((Box::default(), "the folder is suddenly empty".into()));
        return verdict;
    }
    let together = lost.len() + before;
    let too_many = together > BELIEVED_FILES && together * 100 > (total + before) * BELIEVED_PERCENT;
    let doubted = |lost: &Lost| too_many || lost.device_left;
    if !lost.iter().any(doubted) {
        verdict.missing.extend(lost.into_iter().map(|lost| lost.path));
        return verdict;
    }
    lost.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    let known = with_ancestors(known.iter().map(|(folder, count)| (folder.as_ref(), *count)));
    let gone = with_ancestors(lost.iter().map(|lost| (folder_of(&lost.path), 1)));
    let percent = together * 100 / (total + before).max(1);
    let mut last: Option<Box<[u8]>> = None;
    let mut single = 0;
    // Only to ask whether one path lies under another: which root does not matter.
    let root = RootId::from_bytes([0; 16]);
    for lost in &lost {
        let path = FilePath::new(root, lost.path.clone());
        if !doubted(lost) {
            verdict.missing.push(path.relative);
            continue;
        }
        if last.as_ref().is_some_and(|last| path.is_under(last)) {
            continue;
        }
        let folder = ancestors(&path.relative).find(|folder| gone.get(*folder) >= known.get(*folder));
        if folder.is_none() {
            single += 1;
            if single > MOST_SINGLE {
                verdict.missing.push(path.relative);
                continue;
            }
        }
        let away: Box<[u8]> = folder.unwrap_or(&path.relative).into();
        let reason = if lost.device_left {
            "its disk is not there".to_owned()
        } else {
            format!("{together} files ({percent} % of the folder) disappeared at once")
        };
        last = Some(Box::clone(&away));
        verdict.offline.push((away, reason));
    }
    // Sorted by path, `a.b/x` stands between `a/x` and `a/y`: a folder may have been named twice.
    verdict.offline.sort_unstable();
    verdict.offline.dedup_by(|one, other| one.0 == other.0);
    verdict
}

/// The folder a path lies in.
pub(super) fn folder_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at])
}

/// The folders above a path, outermost first, the root included.
pub(super) fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::once(&path[..0])
        .chain(path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at]))
}

/// Adds every folder's count to the folders above it.
fn with_ancestors<'a>(counts: impl Iterator<Item = (&'a [u8], usize)>) -> HashMap<&'a [u8], usize> {
    let mut all = HashMap::new();
    for (folder, count) in counts {
        for above in ancestors(folder) {
            *all.entry(above).or_default() += count;
        }
        if !folder.is_empty() {
            *all.entry(folder).or_default() += count;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(paths: impl IntoIterator<Item = String>) -> Vec<Lost> {
        paths
            .into_iter()
            .map(|path| Lost { path: path.into_bytes().into(), device_left: false, moved: false })
            .collect()
    }

    fn known(counts: &[(&str, usize)]) -> HashMap<Box<[u8]>, usize> {
        counts.iter().map(|(folder, count)| (folder.as_bytes().into(), *count)).collect()
    }

    fn folders(verdict: &Verdict) -> Vec<String> {
        verdict.offline.iter().map(|(folder, _)| String::from_utf8_lossy(folder).into_owned()).collect()
    }

    #[test]
    fn a_hundred_files_or_a_fifth_are_believed() {
        let hundred = (0..100).map(|n| format!("a/{n}"));
        assert_eq!(judge(lost(hundred), &known(&[("a", 100), ("b", 10)]), 0, false).missing.len(), 100);
        let more = || (0..101).map(|n| format!("a/{n}"));
        assert_eq!(judge(lost(more()), &known(&[("a", 101), ("b", 404)]), 0, false).missing.len(), 101);
        let verdict = judge(lost(more()), &known(&[("a", 101), ("b", 403)]), 0, false);
        assert_eq!((folders(&verdict), verdict.missing.len()), (vec!["a".into()], 0));
    }

    #[test]
    fn what_was_believed_just_before_counts() {
        let rest = || (0..20).map(|n| format!("a/{n}"));
        assert_eq!(judge(lost(rest()), &known(&[("a", 20), ("b", 10)]), 80, false).believed, 20);
        let verdict = judge(lost(rest()), &known(&[("a", 20), ("b", 10)]), 90, false);
        assert_eq!((folders(&verdict), verdict.believed), (vec!["a".into()], 0));
        assert_eq!(verdict.offline[0].1, "110 files (91 % of the folder) disappeared at once");
    }

    #[test]
    fn the_outermost_folder_that_lost_all_is_named_and_no_living_file_hidden() {
        let paths = (0..60).flat_map(|n| [format!("x/a/{n}"), format!("x/b/{n}"), format!("y/{n}")]);
        let verdict = judge(lost(paths), &known(&[("x/a", 60), ("x/b", 60), ("y", 61), ("", 1)]), 0, false);
        assert_eq!(folders(&verdict)[0], "x");
        assert_eq!(verdict.offline.len(), 61, "60 single files of y, where one is left");
    }

    #[test]
    fn a_pulled_disk_is_offline_however_small() {
        let mut card = lost(["card/1".into(), "2".into()]);
        card[0].device_left = true;
        let verdict = judge(card, &known(&[("card", 1), ("", 5)]), 0, false);
        assert_eq!((folders(&verdict), verdict.missing), (vec!["card".into()], vec![b"2".as_slice().into()]));
    }

    #[test]
    fn an_empty_root_is_offline_unless_it_held_one_file() {
        let verdict = judge(lost(["1".into(), "a/2".into()]), &known(&[("", 1), ("a", 1)]), 0, true);
        assert_eq!(folders(&verdict), [""]);
        assert_eq!(judge(lost(["1".into()]), &known(&[("", 1)]), 0, true).missing.len(), 1);
    }
}
