//! What the tree is computed from: one snapshot, whose library it is, and what day it is.

use std::sync::Arc;

use jiff::civil::Date;
use library::things::Things;
use library::{AccountId, Change, Entity, RootId, Row, RowNumber, Scope, Snapshot, Visibility};
use roaring::RoaringBitmap;

use super::lingering::Lingering;
use super::trash_info::TrashInfos;
use super::unreadable::UnreadableFiles;
use super::versions::Versions;
use super::worked_out::WorkedOut;
use crate::options::Parts;

/// Longest chain from a part to what it is a part of: a sidecar of a live photo's video is two.
const MAX_CHAIN: usize = 4;

/// What is known beside the snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// The files that could not be read.
    pub(crate) unreadable: Arc<UnreadableFiles>,
    /// What a model sees in the pictures.
    pub(crate) things: Arc<Things>,
    /// What photos were before they were saved over.
    pub(crate) versions: Arc<Versions>,
}

/// One state of the tree. Immutable; what only some views need is worked out when the first of them asks.
#[derive(Debug)]
pub(crate) struct State {
    /// Counts states, so that two can be told apart.
    pub(crate) number: u64,
    /// Who mounted it.
    pub(super) uid: u32,
    /// The library.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Today.
    pub(crate) today: Date,
    /// What is known beside it.
    pub(crate) beside: Beside,
    /// The directories that can be found though nothing is in them.
    pub(super) lingering: Arc<Lingering>,
    /// What file managers wrote of what they deleted.
    pub(super) infos: Arc<TrashInfos>,
    account: AccountId,
    parts: Parts,
    pub(super) worked_out: WorkedOut,
}

impl State {
    pub(crate) fn new(
        number: u64,
        snapshot: Arc<Snapshot>,
        account: AccountId,
        parts: Parts,
        today: Date,
        beside: Beside,
        uid: u32,
    ) -> Self {
        Self {
            number,
            uid,
            snapshot,
            today,
            beside,
            lingering: Arc::default(),
            infos: Arc::default(),
            account,
            parts,
            worked_out: WorkedOut::default(),
        }
    }

    /// The next state, with this of it changed.
    pub(crate) fn next(
        &self,
        snapshot: Arc<Snapshot>,
        changes: &[Change],
        today: Date,
        beside: Beside,
    ) -> Self {
        let worked_out = self.worked_out.next(&self.snapshot, &snapshot, changes);
        let next = Self {
            lingering: Arc::clone(&self.lingering),
            infos: Arc::clone(&self.infos),
            worked_out,
            ..Self::new(self.number + 1, snapshot, self.account, self.parts, today, beside, self.uid)
        };
        for change in changes {
            let Entity::Asset(id) = change.entity else { continue };
            let in_trash = |state: &Self| {
                let row = state.row(state.snapshot.by_id(id)?)?;
                state.shows(row, Scope::Trash).then(|| Arc::clone(row))
            };
            if let Some(was) = in_trash(self)
                && in_trash(&next).is_none()
            {
                self.infos.leaves(&was.name);
            }
        }
        next
    }

    /// Whose library it is.
    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    /// The listed assets that show in `scope`.
    pub(crate) fn shown(&self, scope: Scope) -> &RoaringBitmap {
        let shown = &self.worked_out.shown;
        let set = match scope {
            Scope::Trash => &shown.trash,
            Scope::Anywhere => &shown.anywhere,
            Scope::Timeline => &shown.timeline,
            Scope::Archive => &shown.archive,
            Scope::Everything => &shown.everything,
        };
        set.get_or_init(|| self.snapshot.shown(self.account, scope))
    }

    /// A row by number.
    pub(crate) fn row(&self, number: RowNumber) -> Option<&Arc<Row>> {
        self.snapshot.row(number)
    }

    /// The root that a row lies in; of several, the one that is looked into first.
    pub(crate) fn root_of(&self, number: RowNumber) -> Option<RootId> {
        let dir = self.row(number)?.paths().next()?.dir;
        self.snapshot.folders().dir(dir).map(|dir| dir.root)
    }

    /// Whether a row is listed by itself in `scope`: what [`State::shown`] says, from the row alone.
    pub(crate) fn shows(&self, row: &Row, scope: Scope) -> bool {
        row.is_listed() && row.owner == self.account && scope.shows().contains(&row.visibility)
    }

    /// Whether parts stand beside their photo.
    pub(crate) fn shows_parts(&self) -> bool {
        self.parts == Parts::Shown
    }

    /// Whether a part may show where its host does.
    fn part_shows(&self, part: &Row) -> bool {
        part.present && part.owner == self.account && part.visibility != Visibility::Locked
    }

    /// What stands for a row where assets are listed: itself, or what it is a part of. `None` when either of them
    /// may not show in `scope`.
    pub(crate) fn host(&self, number: RowNumber, scope: Scope) -> Option<(RowNumber, &Arc<Row>)> {
        let (mut number, mut row) = (number, self.row(number)?);
        for _ in 0..MAX_CHAIN {
            match row.extras.host {
                None => return self.shows(row, scope).then_some((number, row)),
                Some(_) if !self.part_shows(row) => return None,
                Some(host) => {
                    let above = self.row(host)?;
                    // Both must say so, or the listing and the lookup would disagree while they are paired anew.
                    if !above.extras.parts.contains(&number) {
                        return None;
                    }
                    (number, row) = (host, above);
                }
            }
        }
        None
    }

    /// Adds the parts of a row, and theirs, that may show.
    pub(crate) fn parts_of(&self, number: RowNumber, found: &mut Vec<RowNumber>) {
        self.parts_below(number, MAX_CHAIN, found);
    }

    fn parts_below(&self, number: RowNumber, depth: usize, found: &mut Vec<RowNumber>) {
        let Some(row) = self.row(number) else { return };
        for part in &row.extras.parts {
            if let Some(below) = self.row(*part)
                && below.extras.host == Some(number)
                && self.part_shows(below)
                && depth > 1
            {
                found.push(*part);
                self.parts_below(*part, depth - 1, found);
            }
        }
    }
}
