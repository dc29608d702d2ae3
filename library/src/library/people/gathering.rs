//! Faces gathered into people: what changed is told to the crowd of its account and model, the groups that come of it are
//! given to people, and who is nobody yet becomes somebody.
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

use crate::catalogue::keys::{Key, id_of};
use crate::catalogue::records::{AssetRecord, CastRecord, FacesRecord, PersonRecord, SaidRecord};
use crate::catalogue::transaction::Transaction;
use crate::catalogue::{Catalogue, CatalogueError};
use crate::change::{Cursor, Entity};
use crate::checksum::Checksum;
use crate::fact::Fact;
use crate::id::{AccountId, AssetId, FaceId, PersonId};
use crate::journal::Face as Via;
use crate::library::{Library, LibraryError, locked};
use crate::people::cast::{existing, found, takes_part};
use crate::people::claims::{Claim, Claimant, claim};
use crate::people::crowd::{Bonds, Crowd, GroupView, Part, Seen};
use crate::people::face::{drawn_around, same_places};
use crate::people::linkage::{Ties, likeness};
use crate::people::{FaceBox, FaceEmbeddings, FaceKey, PeopleOptions, names};
use crate::snapshot::Snapshot;

/// Faces by which a person is known again.
const ANCHORS: usize = 8;

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

/// What was said of the faces of one photo.
#[derive(Default)]
struct SaidOf {
    /// Who they are, by the word of the user.
    is: HashMap<FaceId, PersonId>,
    /// Who they are not.
    not: HashMap<FaceId, Vec<PersonId>>,
    /// Who they are, by the word of the file; only of those that the user said nothing of.
    drawn: HashMap<FaceId, PersonId>,
}

impl SaidOf {
    fn is_nothing(&self) -> bool {
        self.is.is_empty() && self.not.is_empty() && self.drawn.is_empty()
    }
}

/// A photo's faces, ready for the crowd.
struct Told {
    owner: AccountId,
    model: String,
    faces: Vec<Seen>,
    said: SaidOf,
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

/// A photo as the crowd is told of it; `None` when its faces do not count.
fn tell(
    catalogue: &Catalogue,
    asset: AssetId,
    from: &dyn FaceEmbeddings,
    options: &PeopleOptions,
) -> Result<Option<Told>, CatalogueError> {
    let Some(record) = catalogue.get::<AssetRecord>(&Key::asset(asset))?.filter(takes_part) else {
        return Ok(None);
    };
    let (owner, content) = (record.owner, record.digests.checksum);
    let Some(found) = catalogue.get::<FacesRecord>(&Key::faces(&content))? else { return Ok(None) };
    if found.faces.is_empty() {
        return Ok(None);
    }
    let cast: CastRecord = catalogue.get(&Key::cast(asset))?.unwrap_or_default();
    let marks: SaidRecord = catalogue.get(&Key::said(owner, &content))?.unwrap_or_default();
    let places: Vec<FaceBox> = found.faces.iter().map(|face| face.at).collect();
    let said_at: Vec<FaceBox> = marks.iter().map(|(at, _)| *at).collect();
    let said_of = same_places(&said_at, &places);
    let mut drawn: Vec<(FaceBox, PersonId)> = Vec::new();
    for region in record.metadata.iter().flat_map(|metadata| &metadata.faces) {
        let Some(name) = region.name.as_deref().and_then(names::clean) else { continue };
        let person = catalogue.get::<PersonId>(&Key::person_name(owner, &names::folded(&name)))?;
        drawn.extend(FaceBox::of_region(region).zip(person));
    }
    let drawn_at: Vec<FaceBox> = drawn.iter().map(|(at, _)| *at).collect();
    let drawn_of = drawn_around(&drawn_at, &places);
    let (mut faces, mut said) = (Vec::new(), SaidOf::default());
    for (at, face) in found.faces.iter().enumerate() {
        let mark = said_of[at].map(|of| &marks[of].1);
        if mark.is_some_and(|mark| mark.none) {
            continue;
        }
        if let Some(mark) = mark {
            said.is.extend(mark.is.map(|person| (face.id, person)));
            if !mark.not.is_empty() {
                said.not.insert(face.id, mark.not.clone());
            }
        } else if let Some(of) = drawn_of[at] {
            said.drawn.insert(face.id, drawn[of].1);
        }
        let key = FaceKey { content, at: face.at };
        let Some(embedding) = from.get(&found.model, &key) else { continue };
        let known = cast.faces.iter().find(|cast| cast.id == face.id && cast.compared);
        let part = match mark {
            _ if !options.is_good(&face.detected()) => Part::JoinsIfClear,
            Some(_) => Part::Joins,
            None => Part::Makes,
        };
        faces.push(Seen { key, id: face.id, part, embedding, group: known.map(|known| known.group) });
    }
    Ok(Some(Told { owner, model: found.model, faces, said }))
}

/// What the journal and the photos say about an account's people.
struct Known {
    people: BTreeMap<PersonId, PersonRecord>,
    /// Who a face is, by the user's word.
    is: HashMap<FaceId, PersonId>,
    /// Who it is not.
    not: HashMap<FaceId, Vec<PersonId>>,
    /// Who it is, by the word of its file.
    drawn: HashMap<FaceId, PersonId>,
    /// The anchors that are there, by who journalled them.
    anchors: BTreeMap<PersonId, Vec<FaceId>>,
    /// Models by which photos with anchors were looked at; `None` for one that was not looked at.
    anchor_models: BTreeSet<Option<String>>,
    /// Not all faces that will be there are there.
    incomplete: bool,
}

impl Known {
    fn read(
        tx: &Transaction<'_>,
        account: AccountId,
        crowds: &[(&str, impl std::borrow::Borrow<Crowd>)],
        said: &HashMap<AssetId, SaidOf>,
        snapshot: &Snapshot,
    ) -> Result<Self, CatalogueError> {
        let mut people = BTreeMap::new();
        for (key, record) in tx.scan::<PersonRecord>(&Key::people())? {
            if let Some(id) = id_of(&key).filter(|_| record.owner == account) {
                people.insert(PersonId::from_bytes(id), record);
            }
        }
        let mut known = Self {
            people,
            is: HashMap::new(),
            not: HashMap::new(),
            drawn: HashMap::new(),
            anchors: BTreeMap::new(),
            anchor_models: BTreeSet::new(),
            incomplete: false,
        };
        for said in said.values() {
            for (face, person) in &said.is {
                known.is.extend(known.now(*person).map(|person| (*face, person)));
            }
            for (face, person) in &said.drawn {
                known.drawn.extend(known.now(*person).map(|person| (*face, person)));
            }
            for (face, people) in &said.not {
                let mut people: Vec<PersonId> =
                    people.iter().filter_map(|person| known.now(*person)).collect();
                people.sort_unstable();
                people.dedup();
                known.not.insert(*face, people);
            }
        }
        let mut anchors = BTreeMap::new();
        let mut models = BTreeSet::new();
        let mut looked_at: HashMap<Checksum, Option<(AssetId, Option<String>)>> = HashMap::new();
        for (person, record) in &known.people {
            let Some(now) = known.now(*person) else { continue };
            let mut there = Vec::new();
            for anchor in &record.anchors {
                let photo = match looked_at.get(&anchor.content) {
                    Some(known) => known.clone(),
                    None => {
                        let photo = photo_of(tx, account, &anchor.content, snapshot)?;
                        looked_at.insert(anchor.content, photo.clone());
                        photo
                    }
                };
                let Some((asset, model)) = photo else { continue };
                // One that is away cannot be looked at: nobody waits for it.
                let row = snapshot.by_id(asset).and_then(|row| snapshot.row(row));
                if row.is_some_and(|row| row.present) {
                    models.insert(model);
                }
                let face = crowds.iter().find_map(|(_, crowd)| crowd.borrow().face_at(asset, anchor.at));
                // What the user said something of makes no groups, and so says nothing of any.
                let is_theirs = |face: &FaceId| {
                    known.drawn.get(face).is_none_or(|person| *person == now)
                        && !known.is.contains_key(face)
                        && !known.not.contains_key(face)
                };
                there.extend(face.filter(is_theirs));
            }
            anchors.insert(*person, there);
        }
        (known.anchors, known.anchor_models) = (anchors, models);
        Ok(known)
    }

    /// Who somebody is now.
    fn now(&self, mut person: PersonId) -> Option<PersonId> {
        loop {
            match self.people.get(&person)?.into {
                Some(into) => person = into,
                None => return Some(person),
            }
        }
    }

    /// Whether faces, anchors above all, are still to come into the crowd of a model: then a group that is nobody may yet
    /// be somebody, and nothing is to be concluded from it.
    fn waits(&self, model: &str) -> bool {
        self.incomplete || self.anchor_models.iter().any(|by| by.as_deref() != Some(model))
    }

    fn is_named(&self, person: PersonId) -> bool {
        self.people.get(&person).is_some_and(|record| record.name.is_some())
    }

    /// What faces may be grouped with what.
    fn bonds(&self) -> Bonds {
        let mut bonds = Bonds::new();
        for (face, person) in &self.drawn {
            bonds.entry(*face).or_default().is = Some(*person);
        }
        let unwanted: BTreeSet<PersonId> = self.not.values().flatten().copied().collect();
        for (face, people) in &self.not {
            bonds.entry(*face).or_default().not.clone_from(people);
        }
        for (person, faces) in &self.anchors {
            let Some(now) = self.now(*person) else { continue };
            for face in faces {
                if self.is_named(now) {
                    bonds.entry(*face).or_default().is.get_or_insert(now);
                } else if unwanted.contains(&now) {
                    bonds.entry(*face).or_default().anchors.push(now);
                }
            }
        }
        for ties in bonds.values_mut() {
            ties.anchors.sort_unstable();
            ties.anchors.dedup();
        }
        bonds.retain(|_, ties| *ties != Ties::default());
        bonds
    }
}

/// The photo that has these bytes now, if it is there and counts, and the model that looked at it.
fn photo_of(
    tx: &Transaction<'_>,
    account: AccountId,
    content: &Checksum,
    snapshot: &Snapshot,
) -> Result<Option<(AssetId, Option<String>)>, CatalogueError> {
    let Some(asset) = tx.get::<AssetId>(&Key::content(account, content))? else { return Ok(None) };
    // Most photos are there: only of those is more to be read.
    if snapshot.by_id(asset).is_none() {
        return Ok(None);
    }
    let record = tx.get::<AssetRecord>(&Key::asset(asset))?;
    let counts = |record: &AssetRecord| takes_part(record) && record.digests.checksum == *content;
    if !record.as_ref().is_some_and(counts) {
        return Ok(None);
    }
    let found = tx.get::<FacesRecord>(&Key::faces(content))?;
    Ok(Some((asset, found.map(|found| found.model))))
}

/// Writes which groups the faces of a photo are in.
fn write_groups(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    crowds: &[(&str, &Crowd)],
) -> Result<(), CatalogueError> {
    let mut cast: CastRecord = tx.get(&Key::cast(asset))?.unwrap_or_default();
    let groups: HashMap<FaceId, Option<u32>> =
        crowds.iter().flat_map(|(_, crowd)| crowd.grouped(asset)).collect();
    for face in &mut cast.faces {
        if let Some(group) = groups.get(&face.id) {
            (face.compared, face.group) = (true, *group);
        }
    }
    tx.put(Key::cast(asset), &cast);
    // Who is in it is worked out anew.
    tx.asset_mut(asset)?;
    Ok(())
}

/// Says who each group is, and founds people of those that are nobody. Gives how many.
fn give_groups(
    tx: &mut Transaction<'_>,
    account: AccountId,
    crowds: &[(&str, &Crowd)],
    known: &Known,
    options: &PeopleOptions,
) -> Result<usize, CatalogueError> {
    let group_of = |face: &FaceId| crowds.iter().find_map(|(_, crowd)| crowd.group_of_face(*face));
    let mut sure: BTreeMap<u32, PersonId> = BTreeMap::new();
    for (face, person) in &known.drawn {
        if let Some(group) = group_of(face) {
            let lowest = sure.entry(group).or_insert(*person);
            *lowest = (*lowest).min(*person);
        }
    }
    let claimants: Vec<Claimant> = known
        .anchors
        .iter()
        .filter_map(|(person, faces)| {
            let now = known.now(*person)?;
            let number = known.people.get(&now)?.number;
            let anchors = faces.iter().filter_map(group_of).collect();
            Some(Claimant { person: *person, now, number, named: known.is_named(now), anchors })
        })
        .collect();
    let groups: BTreeMap<u32, GroupView<'_>> =
        crowds.iter().flat_map(|(_, crowd)| crowd.groups()).map(|group| (group.number, group)).collect();
    let of = |number: u32| {
        let group = groups.get(&number);
        let size = group.map_or(0, GroupView::len);
        (size >= options.found_at, (std::cmp::Reverse(size), group.and_then(GroupView::lowest)))
    };
    let mut whose = claim(&sure, &claimants, of);
    let mut before: BTreeMap<u32, PersonId> = BTreeMap::new();
    for (key, person) in tx.scan::<PersonId>(&Key::groups(account))? {
        if let Some(group) = key.get(17..21).and_then(|bytes| bytes.try_into().ok()) {
            before.insert(u32::from_be_bytes(group), person);
        }
    }
    follow(crowds, known, &mut whose);
    stay(crowds, known, &before, &mut whose);
    let founded = found_people(tx, account, crowds, known, options, &mut whose)?;
    renew_anchors(tx, crowds, known, &whose)?;
    let mut turned: BTreeSet<u32> = BTreeSet::new();
    for (group, claim) in &whose {
        let was = match before.remove(group) {
            Some(was) => existing(tx, was)?,
            None => None,
        };
        if was != Some(claim.now) {
            tx.put(Key::group(account, *group), &claim.now);
            turned.insert(*group);
        }
    }
    for group in before.into_keys() {
        tx.remove(Key::group(account, group));
        turned.insert(group);
    }
    if !turned.is_empty() {
        for (asset, group) in crowds.iter().flat_map(|(_, crowd)| crowd.photos_grouped()) {
            if turned.contains(&group) {
                tx.asset_mut(asset)?;
            }
        }
    }
    Ok(founded)
}

/// A group that is nobody's is the person whose faces, of those that the user pointed out, it is near to.
fn follow(crowds: &[(&str, &Crowd)], known: &Known, whose: &mut BTreeMap<u32, Claim>) {
    let mut pointed_out: BTreeMap<PersonId, Vec<FaceId>> = BTreeMap::new();
    for (face, person) in &known.is {
        pointed_out.entry(*person).or_default().push(*face);
    }
    for (_, crowd) in crowds.iter().filter(|(model, _)| !known.waits(model)) {
        let mut means: Vec<(PersonId, Vec<f32>)> = Vec::new();
        for (person, faces) in &mut pointed_out {
            faces.sort_unstable();
            let vectors: Vec<&[f32]> = faces.iter().filter_map(|face| crowd.vector(*face)).collect();
            let Some(width) = vectors.first().map(|vector| vector.len()) else { continue };
            let share = 1.0 / vectors.len() as f32;
            let sum = |at: usize| vectors.iter().filter_map(|vector| vector.get(at)).sum::<f32>() * share;
            means.push((*person, (0..width).map(sum).collect()));
        }
        if means.is_empty() {
            continue;
        }
        for group in crowd.groups().filter(|group| !whose.contains_key(&group.number)).collect::<Vec<_>>() {
            let near = means
                .iter()
                .map(|(person, mean)| (likeness(group.mean(), mean), *person))
                .filter(|(likeness, person)| *likeness >= crowd.cutoff() && group.may_be(*person))
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            if let Some((_, person)) = near {
                whose.insert(group.number, Claim { by: person, now: person });
            }
        }
    }
}

/// Whoever lost all anchors at once, because photos went away, stays who their groups were; they get others now.
fn stay(
    crowds: &[(&str, &Crowd)],
    known: &Known,
    before: &BTreeMap<u32, PersonId>,
    whose: &mut BTreeMap<u32, Claim>,
) {
    let mut claimed: BTreeSet<PersonId> = whose.values().map(|claim| claim.now).collect();
    let anchored = known.anchors.iter().filter(|(_, faces)| !faces.is_empty());
    claimed.extend(anchored.filter_map(|(person, _)| known.now(*person)));
    let mut groups: Vec<_> = crowds.iter().flat_map(|(_, crowd)| crowd.groups()).collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.lowest()));
    for group in groups.into_iter().filter(|group| before.contains_key(&group.number)) {
        let was = before.get(&group.number).and_then(|was| known.now(*was));
        let is_free = !whose.contains_key(&group.number);
        if let Some(now) = was.filter(|now| is_free && !claimed.contains(now) && group.may_be(*now)) {
            whose.insert(group.number, Claim { by: now, now });
            claimed.insert(now);
        }
    }
}

/// Makes people of groups that are nobody, if they are large enough and nobody's anchors are still to come.
fn found_people(
    tx: &mut Transaction<'_>,
    account: AccountId,
    crowds: &[(&str, &Crowd)],
    known: &Known,
    options: &PeopleOptions,
    whose: &mut BTreeMap<u32, Claim>,
) -> Result<usize, CatalogueError> {
    let mut founded = 0;
    for (_, crowd) in crowds.iter().filter(|(model, _)| !known.waits(model)) {
        for group in crowd.groups() {
            if group.len() >= options.found_at && !whose.contains_key(&group.number) {
                let person = found(tx, account)?;
                tx.decide(Fact::PersonAnchors { person, faces: group.middle(ANCHORS) })?;
                whose.insert(group.number, Claim { by: person, now: person });
                founded += 1;
            }
        }
    }
    Ok(founded)
}

/// Journals other anchors for people who have lost theirs, or have grown.
fn renew_anchors(
    tx: &mut Transaction<'_>,
    crowds: &[(&str, &Crowd)],
    known: &Known,
    whose: &BTreeMap<u32, Claim>,
) -> Result<(), CatalogueError> {
    if crowds.iter().any(|(model, _)| known.waits(model)) {
        return Ok(());
    }
    let mut groups: BTreeMap<PersonId, Vec<GroupView<'_>>> = BTreeMap::new();
    for group in crowds.iter().flat_map(|(_, crowd)| crowd.groups()) {
        if let Some(claim) = whose.get(&group.number) {
            groups.entry(claim.by).or_default().push(group);
        }
    }
    for (person, mut groups) in groups {
        // Whoever was founded just now has all there are.
        let Some(record) = known.people.get(&person) else { continue };
        let faces: usize = groups.iter().map(crate::people::crowd::GroupView::len).sum();
        let numbers: BTreeSet<u32> = groups.iter().map(|group| group.number).collect();
        let there = known.anchors.get(&person).map(Vec::as_slice).unwrap_or_default();
        let in_them = |face: &FaceId| {
            let group = crowds.iter().find_map(|(_, crowd)| crowd.group_of_face(*face));
            group.is_some_and(|group| numbers.contains(&group))
        };
        let good = there.iter().filter(|face| in_them(face)).count();
        if good * 2 >= faces.min(ANCHORS) {
            continue;
        }
        let mut anchors: Vec<FaceKey> = Vec::new();
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        // Each of their groups is to be known again, the largest best.
        let share = ANCHORS.div_ceil(groups.len());
        for group in groups.iter().take(ANCHORS) {
            anchors.extend(group.middle(share.min(ANCHORS - anchors.len().min(ANCHORS))));
        }
        if anchors != record.anchors {
            tx.decide(Fact::PersonAnchors { person, faces: anchors })?;
        }
    }
    Ok(())
}
