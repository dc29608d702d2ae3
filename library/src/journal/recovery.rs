//! Finding out at open what is there, mending what can be mended, and saying so.

use std::cmp::Reverse;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;

use super::Options;
use super::compaction::{ARCHIVE, replaces};
use super::disk::Disk;
use super::error::{Damage, Doing, JournalError};
use super::segment::{FirstLine, Header, Segment, Span};
use super::survey::{End, Survey, Tail, survey};
use crate::id::LibraryId;

/// The journal as it stands after mending.
pub(super) struct Found {
    pub(super) library: LibraryId,
    /// The segments that count, in order.
    pub(super) live: Vec<Segment>,
    pub(super) archive: Vec<Segment>,
    /// The last sequence that was given out.
    pub(super) head: u64,
    /// The last segment, when it can be gone on with, and its length.
    pub(super) active: Option<(File, u64)>,
    pub(super) damage: Vec<Damage>,
    /// A segment in a format we do not know.
    pub(super) newer: Option<String>,
    /// The highest segment number that a file of another library bears: it is not to be written over.
    pub(super) taken: u64,
}

/// What the folder holds, before anything is judged.
struct Listing {
    segments: Vec<Segment>,
    archive: Vec<Segment>,
    /// Files whose first line is not complete.
    headless: Vec<Segment>,
    drafts: Vec<std::path::PathBuf>,
    newer: Option<(String, u64)>,
}

/// Reads and mends a journal. `None` when there is none yet.
pub(super) fn recover(disk: &Disk, folder: &Path, options: &Options) -> Result<Option<Found>, JournalError> {
    let Some(mut listing) = list(folder)? else { return Ok(None) };
    if listing.segments.is_empty() && listing.headless.is_empty() && listing.newer.is_none() {
        if listing.archive.is_empty() {
            return Ok(None);
        }
        return Err(JournalError::NoSegments { folder: folder.to_owned() });
    }
    let mut damage = Vec::new();
    let library = library_of(&listing, folder)?;
    let taken = drop_foreign(&mut listing, library, &mut damage);
    if let Some((name, format)) = listing.newer.take() {
        return read_only(listing, library, damage, &name, format).map(Some);
    }
    set_headless_aside(disk, folder, &mut listing, &mut damage)?;
    for draft in &listing.drafts {
        discard(disk, draft);
    }
    let mut segments = listing.segments;
    let Settled { live, survey, hidden } =
        settle(disk, folder, options, &mut segments, &listing.archive, &mut damage)?;
    damage.extend(survey.damage);
    let mut head = survey.next - 1;
    let mut active = None;
    if let (Some(last), Some(tail)) = (live.last(), survey.tail)
        && last.header.is_some()
    {
        let file = OpenOptions::new().read(true).write(true).open(&last.path).doing("open", &last.path)?;
        if tail.cut < tail.len {
            head = tail.next - 1;
            let kept = cut(disk, folder, &file, &tail).doing("cut the incomplete end of", &last.path)?;
            damage.push(Damage::TornTail { segment: last.name(), bytes: tail.len - tail.cut, kept });
        }
        // What we are about to report as there has to stay there.
        disk.sync(&file).doing("sync", &last.path)?;
        active = Some((file, tail.cut));
    }
    // What is hidden now may be read again once something follows it: its sequences are taken.
    let head = head.max(hidden);
    Ok(Some(Found { library, live, archive: listing.archive, head, active, damage, newer: None, taken }))
}

/// A newer program wrote here: we read what we can and change nothing.
fn read_only(
    listing: Listing,
    library: LibraryId,
    mut damage: Vec<Damage>,
    name: &str,
    format: u64,
) -> Result<Found, JournalError> {
    let (live, _) = select(&listing.segments);
    let survey = survey(&live, 1, End::Grows)?;
    damage.extend(survey.damage);
    let newer = format!(
        "{name} was written by a newer galleryfs (journal format {format}). Start that version again, or a later one; \
         until then nothing can be decided, and decisions in that file are not seen"
    );
    let head = survey.tail.map_or(survey.next, |tail| tail.next) - 1;
    Ok(Found {
        library,
        live,
        archive: listing.archive,
        head,
        active: None,
        damage,
        newer: Some(newer),
        taken: 0,
    })
}

fn list(folder: &Path) -> Result<Option<Listing>, JournalError> {
    let mut listing = Listing {
        segments: Vec::new(),
        archive: Vec::new(),
        headless: Vec::new(),
        drafts: Vec::new(),
        newer: None,
    };
    for (folder, archive) in [(folder.to_owned(), false), (folder.join(ARCHIVE), true)] {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if archive {
                    continue;
                }
                return Ok(None);
            }
            Err(error) => return Err(error).doing("list", &folder),
        };
        for entry in entries {
            let entry = entry.doing("list", &folder)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let path = entry.path();
            if let Some(span) = Span::of_name(name) {
                let mut segment = Segment { path, span, first: 0, header: None, end: None };
                match Header::read(&segment.path).doing("read", &segment.path)? {
                    FirstLine::Header(header) if header.span == span => {
                        segment.first = header.first;
                        segment.header = Some(header);
                    }
                    FirstLine::Header(_) | FirstLine::Bad => {}
                    FirstLine::Newer(format) => {
                        listing.newer = Some((name.to_owned(), format));
                        continue;
                    }
                    FirstLine::Incomplete if archive => {}
                    FirstLine::Incomplete => {
                        listing.headless.push(segment);
                        continue;
                    }
                }
                if archive { &mut listing.archive } else { &mut listing.segments }.push(segment);
            } else if name.ends_with(".journal.tmp") || name.ends_with(".txt.tmp") {
                listing.drafts.push(path);
            }
        }
    }
    listing.segments.sort_by_key(|segment| (segment.span.from, Reverse(segment.span.to)));
    listing.archive.sort_by_key(|segment| segment.span);
    Ok(Some(listing))
}

fn library_of(listing: &Listing, folder: &Path) -> Result<LibraryId, JournalError> {
    let headers =
        listing.segments.iter().chain(&listing.archive).filter_map(|segment| segment.header.as_ref());
    headers.map(|header| header.library).next().ok_or_else(|| match &listing.newer {
        Some((name, format)) => JournalError::Newer { segment: name.clone(), format: *format },
        None => JournalError::NoHeader { folder: folder.to_owned() },
    })
}

/// Leaves out what belongs to another library; gives the highest segment number among that.
fn drop_foreign(listing: &mut Listing, library: LibraryId, damage: &mut Vec<Damage>) -> u64 {
    let mut taken = 0;
    let mut keep = |segment: &Segment| {
        let ours = segment.header.as_ref().is_none_or(|header| header.library == library);
        if !ours {
            taken = taken.max(segment.span.to);
            damage.push(Damage::Foreign { segment: segment.name() });
        }
        ours
    };
    listing.segments.retain(&mut keep);
    listing.archive.retain(&mut keep);
    taken
}

/// A file that ends inside its first line holds no record. We never leave one; a copy that was broken off does.
fn set_headless_aside(
    disk: &Disk,
    folder: &Path,
    listing: &mut Listing,
    damage: &mut Vec<Damage>,
) -> Result<(), JournalError> {
    for segment in std::mem::take(&mut listing.headless) {
        let bytes = segment.path.metadata().doing("look at", &segment.path)?.len();
        let kept = free_name(folder, &format!("torn-segment-{}", segment.span));
        disk.rename(&segment.path, &kept).doing("set aside", &segment.path)?;
        damage.push(Damage::TornTail { segment: segment.name(), bytes, kept });
    }
    Ok(())
}

/// The segments that count, and those that one of them replaces.
pub(super) fn select(segments: &[Segment]) -> (Vec<Segment>, Vec<Segment>) {
    let (mut live, mut replaced): (Vec<Segment>, Vec<Segment>) = (Vec::new(), Vec::new());
    for segment in segments {
        match live.last() {
            Some(last) if last.span.contains(segment.span) => replaced.push(segment.clone()),
            _ => live.push(segment.clone()),
        }
    }
    (live, replaced)
}

/// What counts, as [`settle`] decided.
struct Settled {
    live: Vec<Segment>,
    survey: Survey,
    /// The highest sequence in segments that a damaged compaction hides.
    hidden: u64,
}

/// Decides between compacted segments and what they replace, and removes the latter once the former are proven.
fn settle(
    disk: &Disk,
    folder: &Path,
    options: &Options,
    segments: &mut Vec<Segment>,
    archive: &[Segment],
    damage: &mut Vec<Damage>,
) -> Result<Settled, JournalError> {
    'again: loop {
        let (live, replaced) = select(segments);
        let found = survey(&live, 1, End::Grows)?;
        let mut proven = Vec::new();
        let mut hidden = 0;
        for new in live.iter().filter(|segment| segment.span.is_compacted()) {
            let old: Vec<Segment> =
                replaced.iter().filter(|segment| new.span.contains(segment.span)).cloned().collect();
            if old.is_empty() {
                continue;
            }
            let sound = !found.unsound.contains(&new.span);
            if sound && !is_due(new, options) {
                continue;
            }
            if sound && replaces(new, archive, &old)? {
                proven.extend(old);
                continue;
            }
            let follower = live.iter().find(|segment| segment.span.from > new.span.to && segment.first > 0);
            let undone = match follower {
                Some(follower) => stands_for(&old, new.span, Some(follower.first))?,
                // Nobody says where the next record begins. While the old segments stay hidden, numbering would begin
                // again below them, and what is decided then would be hidden when they are read again.
                None => new.header.is_none() && stands_for(&old, new.span, None)?,
            };
            damage.push(Damage::BadCompaction { segment: new.name(), undone });
            if undone {
                let aside = free_name(folder, &format!("unverified-{}", new.span));
                disk.rename(&new.path, &aside).doing("set aside", &new.path)?;
                segments.retain(|segment| segment.span != new.span);
                continue 'again;
            }
            hidden = hidden.max(survey(&select(&old).0, 1, End::Grows)?.next - 1);
        }
        for segment in &proven {
            discard(disk, &segment.path);
        }
        return Ok(Settled { live, survey: found, hidden });
    }
}

/// Whether what a compaction replaced has been kept for long enough.
///
/// A copy of the folder that began before the compaction, and so does not list its result, still finds what it did
/// list.
fn is_due(segment: &Segment, options: &Options) -> bool {
    segment.header.as_ref().is_some_and(|header| {
        Timestamp::now().duration_since(header.made).unsigned_abs() >= options.keep_replaced
            && Timestamp::now() >= header.made
    })
}

/// Whether these segments are whole and cover all of `span`, up to `next`.
fn stands_for(old: &[Segment], span: Span, next: Option<u64>) -> Result<bool, JournalError> {
    let (live, _) = select(old);
    let ends = live.first().zip(live.last());
    let tiled = ends.is_some_and(|(first, last)| first.span.from == span.from && last.span.to == span.to)
        && live.windows(2).all(|pair| pair[0].span.to + 1 == pair[1].span.from)
        && live.iter().all(|segment| segment.first > 0);
    let end = next.map_or(End::Grows, End::Before);
    Ok(tiled && survey(&live, live[0].first, end)?.is_whole())
}

/// Moves the incomplete end of the last segment into a file of its own.
fn cut(disk: &Disk, folder: &Path, file: &File, tail: &Tail) -> io::Result<std::path::PathBuf> {
    let kept = free_name(folder, &format!("torn-{}", tail.next));
    let name = kept.file_name().and_then(|name| name.to_str()).unwrap_or("torn.txt");
    let copy = |to: &File| {
        let mut block = vec![0; 1 << 20];
        let mut from = tail.cut;
        while from < tail.len {
            let size = usize::try_from(tail.len - from).unwrap_or(usize::MAX).min(block.len());
            file.read_exact_at(&mut block[..size], from)?;
            disk.write_at(to, &block[..size], from - tail.cut)?;
            from += size as u64;
        }
        Ok(tail.len - tail.cut)
    };
    disk.publish(folder, name, copy).map_err(io::Error::other)?;
    disk.truncate(file, tail.cut)?;
    Ok(kept)
}

/// A name that is not taken.
fn free_name(folder: &Path, stem: &str) -> std::path::PathBuf {
    let first = folder.join(format!("{stem}.txt"));
    let more = (2..).map(|n: u32| folder.join(format!("{stem}-{n}.txt")));
    std::iter::once(first.clone()).chain(more).find(|path| !path.exists()).unwrap_or(first)
}

/// Removes what is not needed. That it cannot is no reason not to open: the next open tries again.
fn discard(disk: &Disk, path: &Path) {
    if let Err(error) = disk.remove(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove a journal file that is not needed any more");
    }
}
