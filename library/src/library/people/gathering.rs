//! Faces gathered into people: what changed is told to the crowd of its account and model ([`super::telling`]), the groups
//! that come of it are given to people ([`super::giving`]) by what is known of them ([`super::known`]).
//!
//! What makes it hard, and what answers it:
//! 1. Comparing faces takes seconds, and the writer must not wait. It is done on what was read, beside the writer; only
//!    what came of it is written, and what was decided meanwhile counts, since who a group is, is worked out in that same
//!    change.
//! 2. A rebuild replays the journal first and finds the photos later, and another model looks at them one by one. Until
//!    all were looked at, a group that is nobody may be somebody whose anchors are still to come, and groups are not yet
//!    what they will be: nothing is concluded and journalled before ([`Known::waits`]).
//! 3. Anchors go away with photos. Where a person has lost many, or grew, faces from the middle of its groups are
//!    journalled anew, so that it is known again whatever goes next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::giving::{give_groups, write_groups};
use super::known::Known;
use super::telling::{SaidOf, tell};
use crate::catalogue::keys::Key;
use crate::catalogue::records::FacesRecord;
use crate::catalogue::transaction::Transaction;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::change::{Cursor, Entity};
use crate::checksum::Checksum;
use crate::id::{AccountId, AssetId};
use crate::journal::Face as Via;
use crate::library::{Library, LibraryError, locked};
use crate::people::crowd::Crowd;
use crate::people::{FaceEmbeddings, PeopleOptions};

/// How often one update looks whether something changed while it worked.
const LOOKS: usize = 8;

/// How much may be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// What changed, and what is near to it: for every few seconds while faces are being found.
    Quick,
    /// All faces, if enough of them are new: for when everything was found. It ends where gathering all at once ends.
    Settle,
}

/// What an update did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PeopleUpdate {
    /// Photos in which somebody is somebody else now, or their group is another.
    pub photos: usize,
    /// People met for the first time.
    pub founded: usize,
}

/// What gathering keeps between updates.
#[derive(Default)]
pub(crate) struct Gathering {
    from: RwLock<Option<Arc<dyn FaceEmbeddings>>>,
    options: RwLock<PeopleOptions>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Gathering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathering").field("options", &self.options).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    /// How far in the change feed it is; `None` when nothing was read yet.
    seen: Option<Cursor>,
    crowds: BTreeMap<(AccountId, String), Crowd>,
    /// The lowest group number that is free, by account.
    next: HashMap<AccountId, u32>,
    said: HashMap<AssetId, SaidOf>,
    /// Something was not concluded that may be when all was looked at.
    held_back: bool,
}

impl Library {
    /// Says where embeddings of faces come from; without it nobody is gathered.
    pub fn set_face_embeddings(&self, from: Option<Arc<dyn FaceEmbeddings>>) {
        *self.people.from.write().unwrap_or_else(PoisonError::into_inner) = from;
        *locked(&self.people.state) = State::default();
    }

    /// Says how people are made of faces.
    pub fn set_people_options(&self, options: PeopleOptions) {
        *self.people.options.write().unwrap_or_else(PoisonError::into_inner) = options;
        *locked(&self.people.state) = State::default();
    }

    /// Whether there may be something to do for [`Library::update_people`].
    pub fn pending_people(&self) -> Result<bool, LibraryError> {
        let has_source = self.people.from.read().unwrap_or_else(PoisonError::into_inner).is_some();
        Ok(has_source && locked(&self.people.state).seen != Some(self.cursor()))
    }

    /// Lets go of what gathering keeps in memory, some hundred bytes and an embedding a face. The next update reads it
    /// anew.
    pub fn rest_people(&self) {
        let mut state = locked(&self.people.state);
        let seen = state.seen;
        *state = State::default();
        // Nothing is pending because it rests.
        state.seen = seen;
    }

    /// Gathers faces that are new into people, takes away those that are gone, and founds people.
    pub fn update_people(&self, effort: Effort) -> Result<PeopleUpdate, LibraryError> {
        let from = self.people.from.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(from) = from else { return Ok(PeopleUpdate::default()) };
        let options = self.people.options.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut state = locked(&self.people.state);
        let mut update = PeopleUpdate::default();
        for _ in 0..LOOKS {
            let head = self.cursor();
            let unsettled = state.held_back || state.crowds.values().any(Crowd::is_unsettled);
            let settles = effort == Effort::Settle && unsettled;
            if state.seen == Some(head) && !settles {
                break;
            }
            self.read_changes(&mut state, head, &*from, &options)?;
            let accounts: BTreeSet<AccountId> = state.crowds.keys().map(|(account, _)| *account).collect();
            for account in accounts {
                let done = self.gather(&mut state, account, effort, &options)?;
                update.photos += done.photos;
                update.founded += done.founded;
            }
            state.seen = Some(head);
        }
        Ok(update)
    }

    /// Tells the crowds what changed since they were told last.
    fn read_changes(
        &self,
        state: &mut State,
        head: Cursor,
        from: &dyn FaceEmbeddings,
        options: &PeopleOptions,
    ) -> Result<(), LibraryError> {
        let catalogue = self.catalogue()?;
        let since = state.seen.filter(|_| !state.crowds.is_empty());
        let follows = match since {
            Some(at) => catalogue.can_follow(at)?,
            None => false,
        };
        let mut changed = BTreeSet::new();
        match since.filter(|_| follows) {
            Some(at) => {
                for change in catalogue.changes_after(at.seq) {
                    let change = change?;
                    if let Entity::Asset(asset) = change.entity {
                        changed.insert(asset);
                    }
                }
            }
            None => {
                *state = State::default();
                let accounts = super::finding::accounts(&Transaction::new(
                    &catalogue,
                    jiff::Timestamp::UNIX_EPOCH,
                    crate::journal::Sequence::START,
                ))?;
                for entry in catalogue.scan::<FacesRecord>(&Key::all_faces()) {
                    let (key, record) = entry?;
                    let Some(content) = key.get(1..33).and_then(|bytes| bytes.try_into().ok()) else {
                        continue;
                    };
                    let content = Checksum::from_bytes(content);
                    for account in accounts.iter().filter(|_| !record.faces.is_empty()) {
                        changed.extend(catalogue.get::<AssetId>(&Key::content(*account, &content))?);
                    }
                }
            }
        }
        for asset in changed {
            self.read_photo(&catalogue, state, asset, from, options)?;
        }
        for ((account, model), crowd) in &mut state.crowds {
            let made: BTreeMap<String, usize> = catalogue.get(&Key::makers(*account))?.unwrap_or_default();
            crowd.told(made.get(model).copied().unwrap_or(0));
        }
        state.seen = Some(head);
        Ok(())
    }

    fn read_photo(
        &self,
        catalogue: &Catalogue,
        state: &mut State,
        asset: AssetId,
        from: &dyn FaceEmbeddings,
        options: &PeopleOptions,
    ) -> Result<(), LibraryError> {
        let told = tell(catalogue, asset, from, options)?;
        for (whose, crowd) in &mut state.crowds {
            if told.as_ref().is_none_or(|told| (told.owner, &told.model) != (whose.0, &whose.1)) {
                crowd.put(asset, Vec::new());
            }
        }
        let Some(told) = told else {
            state.said.remove(&asset);
            return Ok(());
        };
        let highest = told.faces.iter().filter_map(|face| face.group?).max();
        let next = state.next.entry(told.owner).or_default();
        *next = (*next).max(highest.map_or(0, |group| group + 1));
        let crowd = state
            .crowds
            .entry((told.owner, told.model))
            .or_insert_with_key(|(_, model)| Crowd::new(model, options));
        crowd.put(asset, told.faces);
        if told.said.is_nothing() {
            state.said.remove(&asset);
        } else {
            state.said.insert(asset, told.said);
        }
        Ok(())
    }

    /// Groups an account's faces and gives the groups to people.
    fn gather(
        &self,
        state: &mut State,
        account: AccountId,
        effort: Effort,
        options: &PeopleOptions,
    ) -> Result<PeopleUpdate, LibraryError> {
        let State { crowds, next, said, held_back, .. } = state;
        let next = next.entry(account).or_default();
        let mut crowds: Vec<(&str, &mut Crowd)> = crowds
            .iter_mut()
            .filter(|((owner, _), _)| *owner == account)
            .map(|((_, model), crowd)| (model.as_str(), crowd))
            .collect();
        let snapshot = self.snapshot();
        let known = {
            let catalogue = self.catalogue()?;
            let tx =
                Transaction::new(&catalogue, jiff::Timestamp::UNIX_EPOCH, crate::journal::Sequence::START);
            Known::read(&tx, account, &crowds, said, &snapshot)?
        };
        let mut changed = BTreeSet::new();
        for (_, crowd) in &mut crowds {
            crowd.bind(known.bonds());
            changed.extend(crowd.update(effort == Effort::Settle, next));
        }
        let crowds: Vec<(&str, &Crowd)> = crowds.into_iter().map(|(model, crowd)| (model, &*crowd)).collect();
        let several = crowds.iter().filter(|(_, crowd)| crowd.groups().next().is_some()).count() > 1;
        self.write(account, Via::Daemon, |tx, _| {
            for asset in &changed {
                write_groups(tx, *asset, &crowds)?;
            }
            // What was decided while faces were compared counts here.
            let mut known = Known::read(tx, account, &crowds, said, &snapshot)?;
            let returning = is_returning(tx, account, effort, &known)?;
            *held_back = effort == Effort::Quick && (returning || several);
            known.incomplete = returning || *held_back;
            let founded = give_groups(tx, account, &crowds, &known, options)?;
            let makers: BTreeMap<String, usize> =
                crowds.iter().map(|(model, crowd)| ((*model).to_owned(), crowd.makers())).collect();
            if tx.get(&Key::makers(account))?.as_ref() != Some(&makers) {
                tx.put(Key::makers(account), &makers);
            }
            Ok(PeopleUpdate { photos: changed.len(), founded })
        })
    }
}

/// Whether people that the journal knows are still to be found, since the catalogue was filled anew. That has an end when
/// all files were told and all faces looked at.
fn is_returning(
    tx: &mut Transaction<'_>,
    account: AccountId,
    effort: Effort,
    known: &Known,
) -> Result<bool, CatalogueError> {
    let key = Key::people_returned(account);
    if tx.get::<()>(&key)?.is_some() {
        return Ok(false);
    }
    let all_told = tx.get::<()>(&Key::meta("scanned"))?.is_some();
    let settles = effort == Effort::Settle && all_told;
    let returning = !known.people.is_empty() && !settles;
    if !returning {
        tx.put(key, &());
    }
    Ok(returning)
}
