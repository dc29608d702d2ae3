//! A photo that is saved over keeps its people: what was said of faces in the bytes before is said of the new ones.

use std::collections::BTreeSet;

use crate::catalogue::keys::Key;
use crate::catalogue::records::SaidRecord;
use crate::catalogue::transaction::Transaction;
use crate::checksum::Checksum;
use crate::fact::{FaceSaid, Fact};
use crate::id::{AccountId, PersonId};
use crate::library::LibraryError;
use crate::metadata::PixelSize;
use crate::people::cast::existing;
use crate::people::face::same_places;
use crate::people::{FaceBox, FaceKey};

/// Whether what is in one picture is at the same places in the other. Where it was cropped or turned, nobody knows where.
fn is_alike(before: Option<PixelSize>, now: Option<PixelSize>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    let across = u64::from(before.width) * u64::from(now.height);
    let down = u64::from(before.height) * u64::from(now.width);
    across.abs_diff(down) * 100 <= across.max(down)
}

/// Says of the bytes `to` what was said of the faces in the bytes `from`. Somebody whose face may be anywhere by now is in
/// the photo, though no face is theirs.
pub(in crate::library) fn carry(
    tx: &mut Transaction<'_>,
    owner: AccountId,
    (from, before): (&Checksum, Option<PixelSize>),
    (to, now): (&Checksum, Option<PixelSize>),
) -> Result<(), LibraryError> {
    let said: SaidRecord = tx.get(&Key::said(owner, from))?.unwrap_or_default();
    if said.is_empty() {
        return Ok(());
    }
    let mut carried: SaidRecord = tx.get(&Key::said(owner, to))?.unwrap_or_default();
    let former = carried.clone();
    let (mut are, mut are_not) = (BTreeSet::new(), BTreeSet::new());
    for (_, said) in &said {
        are.extend(who(tx, said.is.as_ref())?);
        are_not.extend(who(tx, &said.not)?);
    }
    // What these bytes were long ago counts less than what was said since.
    for (_, former) in &mut carried {
        if let Some(person) = who(tx, former.is.as_ref())?.first().filter(|person| !are.contains(*person))
            && are_not.contains(person)
        {
            former.is = None;
            former.not.push(*person);
        }
    }
    if is_alike(before, now) {
        for (at, said) in said {
            let places: Vec<FaceBox> = carried.iter().map(|(at, _)| *at).collect();
            match same_places(&places, &[at])[0] {
                Some(of) => carried[of].1 = said,
                None => carried.push((at, said)),
            }
        }
    } else {
        for (_, known) in &carried {
            for person in who(tx, known.is.as_ref())? {
                are.remove(&person);
            }
        }
        let nowhere = (0..).filter_map(nowhere).filter(|at| former.iter().all(|(known, _)| known != at));
        carried.extend(
            nowhere.zip(are).map(|(at, person)| (at, FaceSaid { is: Some(person), ..FaceSaid::default() })),
        );
    }
    for (at, said) in carried {
        if !former.iter().any(|known| *known == (at, said.clone())) {
            tx.decide(Fact::Face { owner, face: FaceKey { content: *to, at }, said })?;
        }
    }
    Ok(())
}

/// A place of which no face is found.
fn nowhere(number: u16) -> Option<FaceBox> {
    let left = f32::from(number) / 10_000.0;
    FaceBox::from_fractions([left, 0.0, left + 0.0001, 0.0001])
}

/// Who these are now.
fn who<'a>(
    tx: &Transaction<'_>,
    people: impl IntoIterator<Item = &'a PersonId>,
) -> Result<Vec<PersonId>, LibraryError> {
    let mut now = Vec::new();
    for person in people {
        now.extend(existing(tx, *person)?);
    }
    Ok(now)
}
