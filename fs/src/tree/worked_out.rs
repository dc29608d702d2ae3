//! What a state works out when somebody first asks, and hands on to the next for as long as no commit touches what it follows from.
//!
//! Working it out takes a look at the whole library, and most commits say something of one photo: its stars, its albums.

use std::sync::{Arc, OnceLock};

use library::{Change, Entity, Row, Snapshot};
use roaring::RoaringBitmap;

use super::groups::Groups;
use super::recent::Newest;

/// What shows in each scope.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) timeline: OnceLock<RoaringBitmap>,
    pub(super) archive: OnceLock<RoaringBitmap>,
    pub(super) everything: OnceLock<RoaringBitmap>,
    pub(super) trash: OnceLock<RoaringBitmap>,
    pub(super) anywhere: OnceLock<RoaringBitmap>,
}

/// All of it. States that agree about something share it, whichever of them works it out.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkedOut {
    pub(super) shown: Arc<Shown>,
    pub(super) places: Arc<OnceLock<Groups>>,
    pub(super) cameras: Arc<OnceLock<Groups>>,
    pub(super) tags: Arc<OnceLock<Groups>>,
    pub(super) people: Arc<OnceLock<Groups>>,
    pub(super) newest: Arc<OnceLock<Newest>>,
}

/// Both states of every asset that changed. `None` where one is new, or more than assets changed.
pub(super) fn pairs<'a>(
    old: &'a Snapshot,
    new: &'a Snapshot,
    changes: &'a [Change],
) -> Option<impl Iterator<Item = (&'a Row, &'a Row)>> {
    let of = |snapshot: &'a Snapshot, change: &Change| match change.entity {
        Entity::Asset(id) => snapshot.row(snapshot.by_id(id)?).map(|row| &**row),
        _ => None,
    };
    let is_known = |change: &Change| match change.entity {
        Entity::Asset(_) => of(old, change).is_some() && of(new, change).is_some(),
        Entity::Roots => false,
        _ => true,
    };
    let is_same_life = old.cursor().epoch == new.cursor().epoch;
    let all_known = is_same_life && changes.iter().all(is_known);
    let both = move |change: &Change| Some((of(old, change)?, of(new, change)?));
    all_known.then(|| changes.iter().filter_map(both))
}

/// Whether a row shows where it did.
pub(super) fn shows_alike(old: &Row, new: &Row) -> bool {
    let what = |row: &Row| (row.visibility, row.present, row.owner, row.kind, row.extras.host, row.added);
    what(old) == what(new)
}

impl WorkedOut {
    /// What the next state, after these changes, need not work out anew.
    pub(super) fn next(&self, old: &Snapshot, new: &Snapshot, changes: &[Change]) -> Self {
        let mut next = self.clone();
        let Some(pairs) = pairs(old, new, changes) else { return Self::default() };
        for (old, new) in pairs {
            if !shows_alike(old, new) {
                return Self::default();
            }
            if old.place != new.place {
                next.places = Arc::default();
            }
            if old.camera != new.camera {
                next.cameras = Arc::default();
            }
            if old.tags != new.tags {
                next.tags = Arc::default();
            }
            if old.extras.persons != new.extras.persons {
                next.people = Arc::default();
            }
        }
        for change in changes {
            match change.entity {
                Entity::Person(_) => next.people = Arc::default(),
                Entity::KeptTags => next.tags = Arc::default(),
                _ => {}
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::snapshot::fixture::{Fixture, Photo};
    use library::{RowNumber, Visibility};

    #[test]
    fn what_does_not_follow_from_a_change_is_handed_on() {
        let mut fixture = Fixture::default();
        let row = fixture.add(&Photo { path: "a.jpg", tags: &["x"], ..Photo::default() });
        let changed = |fixture: &mut Fixture, change: &dyn Fn(&mut Fixture, RowNumber)| {
            let (before, old) = (WorkedOut::default(), fixture.snapshot());
            change(fixture, row);
            let new = fixture.snapshot();
            let entity = Entity::Asset(new.row(row).unwrap().id);
            let next = before.next(&old, &new, &[Change { seq: Default::default(), entity, gone: false }]);
            (Arc::ptr_eq(&before.shown, &next.shown), Arc::ptr_eq(&before.tags, &next.tags))
        };
        let rated = changed(&mut fixture, &|fixture, row| fixture.change(row, |row| row.favourite = true));
        assert_eq!(rated, (true, true));
        assert_eq!(changed(&mut fixture, &|fixture, row| fixture.retag(row, &["y"])), (true, false));
        let put_away = |fixture: &mut Fixture, row| {
            fixture.change(row, |row: &mut Row| row.visibility = Visibility::Archive);
        };
        assert_eq!(changed(&mut fixture, &put_away), (false, false));
        let snapshot = fixture.snapshot();
        let kept = [Change { seq: Default::default(), entity: Entity::KeptTags, gone: false }];
        let before = WorkedOut::default();
        let next = before.next(&snapshot, &snapshot, &kept);
        assert!(Arc::ptr_eq(&before.shown, &next.shown) && !Arc::ptr_eq(&before.tags, &next.tags));
    }
}
