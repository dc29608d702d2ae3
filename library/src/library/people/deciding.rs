//! What the user decides about people. Each decision is journalled before the call returns and shows at once; what follows
//! from it for other faces is worked out when faces are next gathered into people.

use std::collections::BTreeSet;

use crate::catalogue::CatalogueError;
use crate::catalogue::keys::Key;
use crate::catalogue::records::{CastRecord, FacesRecord, PersonRecord, SaidRecord};
use crate::catalogue::transaction::Transaction;
use crate::checksum::Checksum;
use crate::fact::{FaceSaid, Fact};
use crate::id::{AccountId, AssetId, FaceId, PersonId};
use crate::journal::Face as Via;
use crate::library::{Library, LibraryError};
use crate::people::cast::{existing, found};
use crate::people::face::same_places;
use crate::people::names::{clean, folded};
use crate::people::{FaceBox, FaceKey, PeopleError};

/// What became of a naming.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// The person is called so now.
    As(PersonId),
    /// Somebody was called so already, and the unnamed person is that one now.
    Merged {
        /// Who it is.
        into: PersonId,
    },
}

impl Library {
    /// Names a person. An unnamed person that is given somebody's name is that one: the two are merged. A person with a
    /// name of their own is not, and the answer is [`PeopleError::NameTaken`]. Case and composition do not count.
    pub fn name_person(&self, via: Via, person: PersonId, name: &str) -> Result<Named, LibraryError> {
        let name = proper(name)?;
        self.write(self.account(), via, |tx, _| {
            let (person, record) = known(tx, person)?;
            match holder(tx, record.owner, &name)?.filter(|(other, _)| *other != person) {
                None => {
                    if record.name.as_deref() != Some(&name) {
                        tx.decide(Fact::PersonName { person, name: Some(name) })?;
                    }
                    Ok(Named::As(person))
                }
                Some((into, _)) if record.name.is_none() => {
                    tx.decide(Fact::PersonMerge { person, into })?;
                    Ok(Named::Merged { into })
                }
                Some((other, holds)) => Err(taken(other, holds, name).into()),
            }
        })
    }

    /// Takes a person's name away.
    pub fn unname_person(&self, via: Via, person: PersonId) -> Result<(), LibraryError> {
        self.write(self.account(), via, |tx, _| {
            let (person, record) = known(tx, person)?;
            if record.name.is_some() {
                tx.decide(Fact::PersonName { person, name: None })?;
            }
            Ok(())
        })
    }

    /// Makes a person of this name, who is in no photo yet.
    pub fn new_person(&self, via: Via, account: AccountId, name: &str) -> Result<PersonId, LibraryError> {
        let name = proper(name)?;
        self.write(account, via, |tx, _| {
            if let Some((other, holds)) = holder(tx, account, &name)? {
                return Err(taken(other, holds, name).into());
            }
            let person = found(tx, account)?;
            tx.decide(Fact::PersonName { person, name: Some(name) })?;
            Ok(person)
        })
    }

    /// Makes two people one. The number and the names of `from` mean `into` from now on; if only `from` has a name, it
    /// stays.
    pub fn merge_people(&self, via: Via, from: PersonId, into: PersonId) -> Result<(), LibraryError> {
        self.write(self.account(), via, |tx, _| {
            let ((from, goes), (into, stays)) = (known(tx, from)?, known(tx, into)?);
            if from == into {
                return Err(PeopleError::Same.into());
            }
            if goes.owner != stays.owner {
                return Err(PeopleError::OtherAccount.into());
            }
            tx.decide(Fact::PersonMerge { person: from, into })?;
            if let (None, Some(name)) = (stays.name, goes.name) {
                tx.decide(Fact::PersonName { person: into, name: Some(name) })?;
            }
            Ok(())
        })
    }

    /// Makes a new person of some faces of one, and gives who that is. These faces are that person for good, and never the
    /// one they were; the others stay.
    pub fn split_person(
        &self,
        via: Via,
        person: PersonId,
        faces: &[FaceId],
    ) -> Result<PersonId, LibraryError> {
        self.write(self.account(), via, |tx, _| {
            let (person, record) = known(tx, person)?;
            let mut going = Vec::new();
            for face in faces.iter().collect::<BTreeSet<_>>() {
                let place = place(tx, *face)?;
                if who(tx, record.owner, &place)? == Some(person) {
                    going.push(place);
                }
            }
            if going.is_empty() {
                return Err(PeopleError::NothingToSplit.into());
            }
            if going.len() as u32 >= record.faces {
                return Err(PeopleError::NothingLeft.into());
            }
            let split = found(tx, record.owner)?;
            for place in going {
                say(tx, record.owner, &place, |said| {
                    said.is = Some(split);
                    said.not.push(person);
                })?;
            }
            Ok(split)
        })
    }

    /// Hides a person, or shows them again.
    pub fn hide_person(&self, via: Via, person: PersonId, hidden: bool) -> Result<(), LibraryError> {
        self.write(self.account(), via, |tx, _| {
            let (person, record) = known(tx, person)?;
            if record.hidden != hidden {
                tx.decide(Fact::PersonHidden { person, hidden })?;
            }
            Ok(())
        })
    }

    /// Says who a face is.
    pub fn assign_face(
        &self,
        via: Via,
        account: AccountId,
        face: FaceId,
        person: PersonId,
    ) -> Result<(), LibraryError> {
        self.write(account, via, |tx, _| {
            let (person, record) = known(tx, person)?;
            if record.owner != account {
                return Err(PeopleError::OtherAccount.into());
            }
            let place = place(tx, face)?;
            let mut not = BTreeSet::new();
            for other in said_of(tx, account, &place)?.map(|(_, said)| said.not).unwrap_or_default() {
                if existing(tx, other)? != Some(person) {
                    not.insert(other);
                }
            }
            say(tx, account, &place, |said| {
                *said = FaceSaid { is: Some(person), not: not.into_iter().collect(), none: false };
            })
        })
    }

    /// Says who a face is not: it will never be put to that person again.
    pub fn reject_face(
        &self,
        via: Via,
        account: AccountId,
        face: FaceId,
        person: PersonId,
    ) -> Result<(), LibraryError> {
        self.write(account, via, |tx, _| {
            let (person, _) = known(tx, person)?;
            let place = place(tx, face)?;
            let was = said_of(tx, account, &place)?.and_then(|(_, said)| said.is);
            let was = match was {
                Some(was) => existing(tx, was)?,
                None => None,
            };
            say(tx, account, &place, |said| {
                if was == Some(person) {
                    said.is = None;
                }
                said.not.push(person);
            })
        })
    }

    /// Says that a face is none: a statue, a pattern. It is nobody, and shows nowhere.
    pub fn no_face(&self, via: Via, account: AccountId, face: FaceId) -> Result<(), LibraryError> {
        self.write(account, via, |tx, _| {
            let place = place(tx, face)?;
            say(tx, account, &place, |said| {
                said.is = None;
                said.none = true;
            })
        })
    }

    /// Takes back all that was said of a face.
    pub fn free_face(&self, via: Via, account: AccountId, face: FaceId) -> Result<(), LibraryError> {
        self.write(account, via, |tx, _| {
            let place = place(tx, face)?;
            say(tx, account, &place, |said| *said = FaceSaid::default())
        })
    }
}

/// Says that somebody is in a photo: of the one face there that it can mean.
pub(in crate::library) fn is_in(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    person: PersonId,
) -> Result<(), LibraryError> {
    let (person, _) = known(tx, person)?;
    let (owner, faces) = faces_of(tx, asset)?;
    if faces.iter().any(|face| face.who == Some(person)) {
        return Ok(());
    }
    // A face that is somebody by the word of the user is that one; what else was made of it may be wrong.
    let open: Vec<_> = faces.iter().filter(|face| !face.is_settled).collect();
    let unknown: Vec<_> = open.iter().filter(|face| !face.is_named).collect();
    let face = match (open.as_slice(), unknown.as_slice()) {
        ([], _) => return Err(PeopleError::NoFaceToSay.into()),
        ([only], _) => &only.key,
        (_, [only]) => &only.key,
        (open, _) => return Err(PeopleError::ManyFaces(open.len()).into()),
    };
    say(tx, owner, face, |said| {
        *said = FaceSaid { is: Some(person), not: std::mem::take(&mut said.not), none: false };
        said.not.retain(|other| *other != person);
    })
}

/// Says that somebody is not in a photo.
pub(in crate::library) fn is_not_in(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    person: PersonId,
) -> Result<(), LibraryError> {
    let (person, _) = known(tx, person)?;
    let (owner, faces) = match faces_of(tx, asset) {
        // Nobody need have looked at it for somebody to be in it: what was said before it was saved over counts.
        Err(LibraryError::People(PeopleError::NotLookedAt)) => (owner_of(tx, asset)?, Vec::new()),
        faces => faces?,
    };
    let theirs: Vec<_> = faces.iter().filter(|face| face.who == Some(person)).collect();
    let was_said = said_without_face(tx, asset, person)?;
    if theirs.is_empty() && was_said.is_empty() {
        let cast: CastRecord = tx.get(&Key::cast(asset))?.unwrap_or_default();
        for other in &cast.others {
            if existing(tx, *other)? == Some(person) {
                return Err(PeopleError::SaidByFile.into());
            }
        }
    }
    for face in theirs {
        say(tx, owner, &face.key, |said| {
            said.is = None;
            said.not.push(person);
        })?;
    }
    for (face, mut said) in was_said {
        said.is = None;
        said.not.push(person);
        tx.decide(Fact::Face { owner, face, said })?;
    }
    Ok(())
}

/// What was said of faces that are not found any more and that are somebody's by it.
fn said_without_face(
    tx: &mut Transaction<'_>,
    asset: AssetId,
    person: PersonId,
) -> Result<Vec<(FaceKey, FaceSaid)>, LibraryError> {
    let record = tx.asset(asset)?.ok_or(LibraryError::NoAsset(asset))?;
    let (owner, content) = (record.owner, record.digests.checksum);
    let said: SaidRecord = tx.get(&Key::said(owner, &content))?.unwrap_or_default();
    let found: FacesRecord = tx.get(&Key::faces(&content))?.unwrap_or_default();
    let said_at: Vec<FaceBox> = said.iter().map(|(at, _)| *at).collect();
    let places: Vec<FaceBox> = found.faces.iter().map(|face| face.at).collect();
    let of = same_places(&said_at, &places);
    let mut theirs = Vec::new();
    for (number, (at, said)) in said.into_iter().enumerate() {
        if let Some(is) = said.is.filter(|_| !of.contains(&Some(number)))
            && existing(tx, is)? == Some(person)
        {
            theirs.push((FaceKey { content, at }, said));
        }
    }
    Ok(theirs)
}

/// A face in a photo, and what is known of it.
struct KnownFace {
    key: FaceKey,
    /// Who it is now.
    who: Option<PersonId>,
    /// Whether that is somebody with a name.
    is_named: bool,
    /// Whether the user said who it is, or that it is none.
    is_settled: bool,
}

fn owner_of(tx: &mut Transaction<'_>, asset: AssetId) -> Result<AccountId, LibraryError> {
    Ok(tx.asset(asset)?.ok_or(LibraryError::NoAsset(asset))?.owner)
}

fn faces_of(tx: &mut Transaction<'_>, asset: AssetId) -> Result<(AccountId, Vec<KnownFace>), LibraryError> {
    let record = tx.asset(asset)?.ok_or(LibraryError::NoAsset(asset))?;
    let (owner, content) = (record.owner, record.digests.checksum);
    let found: FacesRecord = tx.get(&Key::faces(&content))?.ok_or(PeopleError::NotLookedAt)?;
    let mut faces = Vec::new();
    for face in &found.faces {
        let key = FaceKey { content, at: face.at };
        let said = said_of(tx, owner, &key)?.map(|(_, said)| said).unwrap_or_default();
        // What was said a moment ago, in this very change, counts before what was made of it earlier.
        let mut not = BTreeSet::new();
        for other in &said.not {
            not.extend(existing(tx, *other)?);
        }
        let who = match said.is {
            Some(is) => existing(tx, is)?,
            None => who(tx, owner, &key)?.filter(|who| !not.contains(who)),
        };
        let is_named = match who {
            Some(who) => tx.get::<PersonRecord>(&Key::person(who))?.is_some_and(|who| who.name.is_some()),
            None => false,
        };
        faces.push(KnownFace { key, who, is_named, is_settled: said.is.is_some() || said.none });
    }
    Ok((owner, faces))
}

fn proper(name: &str) -> Result<String, PeopleError> {
    clean(name).ok_or_else(|| PeopleError::BadName(name.to_owned()))
}

fn taken(person: PersonId, holds: PersonRecord, name: String) -> PeopleError {
    PeopleError::NameTaken { name: holds.name.unwrap_or(name), person, number: holds.number }
}

/// Who somebody is now, with what is known of them.
fn known(tx: &Transaction<'_>, person: PersonId) -> Result<(PersonId, PersonRecord), LibraryError> {
    let now = existing(tx, person)?.ok_or(PeopleError::NoPerson(person))?;
    let record = tx.get::<PersonRecord>(&Key::person(now))?.ok_or(PeopleError::NoPerson(person))?;
    Ok((now, record))
}

/// Who is called so now. Former names are free.
fn holder(
    tx: &Transaction<'_>,
    owner: AccountId,
    name: &str,
) -> Result<Option<(PersonId, PersonRecord)>, CatalogueError> {
    let folded_name = folded(name);
    let Some(person) = tx.get::<PersonId>(&Key::person_name(owner, &folded_name))? else { return Ok(None) };
    let Some(person) = existing(tx, person)? else { return Ok(None) };
    let record = tx.get::<PersonRecord>(&Key::person(person))?;
    let holds = |record: &PersonRecord| record.name.as_deref().map(folded).as_ref() == Some(&folded_name);
    Ok(record.filter(holds).map(|record| (person, record)))
}

/// Where a face is.
fn place(tx: &Transaction<'_>, face: FaceId) -> Result<FaceKey, LibraryError> {
    let content = tx.get::<Checksum>(&Key::face(face))?.ok_or(PeopleError::NoFace(face))?;
    let found: FacesRecord = tx.get(&Key::faces(&content))?.unwrap_or_default();
    let found = found.faces.iter().find(|found| found.id == face).ok_or(PeopleError::NoFace(face))?;
    Ok(FaceKey { content, at: found.at })
}

/// Who a face is now.
fn who(tx: &Transaction<'_>, owner: AccountId, place: &FaceKey) -> Result<Option<PersonId>, CatalogueError> {
    let Some(asset) = tx.get::<AssetId>(&Key::content(owner, &place.content))? else { return Ok(None) };
    let found: FacesRecord = tx.get(&Key::faces(&place.content))?.unwrap_or_default();
    let cast: CastRecord = tx.get(&Key::cast(asset))?.unwrap_or_default();
    let face = found.faces.iter().find(|face| face.at == place.at);
    let person = face.and_then(|face| cast.faces.iter().find(|cast| cast.id == face.id)?.person);
    match person {
        Some(person) => existing(tx, person),
        None => Ok(None),
    }
}

/// What was said of the face at this place, and the box it was said of.
fn said_of(
    tx: &Transaction<'_>,
    owner: AccountId,
    place: &FaceKey,
) -> Result<Option<(FaceBox, FaceSaid)>, CatalogueError> {
    let said: SaidRecord = tx.get(&Key::said(owner, &place.content))?.unwrap_or_default();
    let found: FacesRecord = tx.get(&Key::faces(&place.content))?.unwrap_or_default();
    let said_at: Vec<FaceBox> = said.iter().map(|(at, _)| *at).collect();
    let places: Vec<FaceBox> = found.faces.iter().map(|face| face.at).collect();
    let of = same_places(&said_at, &places);
    let at = places.iter().position(|at| *at == place.at);
    Ok(at.and_then(|at| of[at]).map(|of| said[of].clone()))
}

/// Changes what is said of a face. It stays tied to the box that it was first said of.
fn say(
    tx: &mut Transaction<'_>,
    owner: AccountId,
    place: &FaceKey,
    change: impl FnOnce(&mut FaceSaid),
) -> Result<(), LibraryError> {
    let before = said_of(tx, owner, place)?;
    let (at, before) = before.unwrap_or_else(|| (place.at, FaceSaid::default()));
    let mut said = before.clone();
    change(&mut said);
    said.not.sort_unstable();
    said.not.dedup();
    if said != before {
        tx.decide(Fact::Face { owner, face: FaceKey { content: place.content, at }, said })?;
    }
    Ok(())
}
