//! Which rows a query's filters select: sets first, columns last.
//!
//! What makes it hard: at a million rows, looking at each takes a tenth of a second, and a search box asks at every
//! keystroke. So whatever a set answers is answered by sets, names are compared once per distinct name and not once per
//! row, and what only the rows themselves know (numbers) is asked last, of the rows that are left.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use jiff::civil::Date;
use roaring::{MultiOps, RoaringBitmap};

use super::filter::{Filter, RatingFilter, State, Thing, TypeFilter};
use super::folder;
use super::value::Value;
use super::{Query, What};
use crate::format::Kind;
use crate::id::{AccountId, RowNumber};
use crate::metadata::Rating;
use crate::snapshot::{
    AlbumRow, CameraId, Facet, LensId, PersonNameId, PersonRow, PlaceId, Row, Snapshot, TagId,
};
use crate::visibility::Scope;

/// How a filter is answered.
enum Selection {
    /// By sets: these rows, whatever their owner and visibility.
    Set(RoaringBitmap),
    /// By asking the rows left over.
    Rows(Box<dyn Fn(&Row) -> bool>),
}

impl Query {
    /// The rows that `account` sees and every filter selects. Free words are not filters; the archive is searched only
    /// with `is:archived`, and what is locked never.
    pub fn rows(&self, snapshot: &Snapshot, account: AccountId) -> RoaringBitmap {
        let archived =
            |term: &&super::Term| !term.excluded && term.what == What::Filter(Filter::Is(State::Archived));
        let scope =
            if self.terms().iter().any(|term| archived(&term)) { Scope::Archive } else { Scope::Timeline };
        let mut rows = snapshot.shown(account, scope);
        let mut later = Vec::new();
        for (filter, excluded) in self.filters() {
            match filter.select(snapshot, account) {
                Selection::Set(set) if excluded => rows -= set,
                Selection::Set(set) => rows &= set,
                Selection::Rows(asks) => later.push((asks, excluded)),
            }
            if rows.is_empty() {
                return rows;
            }
        }
        if later.is_empty() {
            return rows;
        }
        let holds = |row: &Row| later.iter().all(|(asks, excluded)| asks(row) != *excluded);
        keep(snapshot, &rows, holds)
    }
}

impl Filter {
    /// The rows of `within` that this filter selects. `within` decides owner and visibility.
    pub fn rows(&self, snapshot: &Snapshot, account: AccountId, within: &RoaringBitmap) -> RoaringBitmap {
        match self.select(snapshot, account) {
            Selection::Set(set) => set & within,
            Selection::Rows(asks) => keep(snapshot, within, asks),
        }
    }

    fn select(&self, snapshot: &Snapshot, account: AccountId) -> Selection {
        let set = match self {
            Self::Person(name) => people(snapshot, account, name),
            Self::Place(name) => places(snapshot, name),
            Self::Camera(name) => cameras(snapshot, name),
            Self::Lens(name) => lenses(snapshot, name),
            Self::Tag(name) => tags(snapshot, name),
            Self::Folder(name) => folder::rows_below(snapshot, account, name),
            Self::Date(range) => days(snapshot, range.first(), range.last()),
            Self::Added(range) => union(snapshot, Facet::Added(range.first())..=Facet::Added(range.last())),
            Self::Type(TypeFilter::Kind(kind)) => one(snapshot, Facet::Kind(*kind)),
            Self::Type(TypeFilter::Raw) => one(snapshot, Facet::Raw),
            Self::Type(TypeFilter::Format(format)) => one(snapshot, Facet::Format(*format)),
            Self::Rating(RatingFilter::None) => return not(snapshot, &stars(snapshot, 1, 5)),
            Self::Rating(RatingFilter::Stars(low, high)) => stars(snapshot, *low, *high),
            Self::Is(state) => return state.select(snapshot, account),
            Self::Has(thing) => thing.rows(snapshot),
            Self::Name(name) => named(snapshot, name),
            Self::Number(column, range) => {
                let (column, range) = (*column, range.clone());
                return Selection::Rows(Box::new(move |row| {
                    column.of(row).is_some_and(|number| range.contains(number))
                }));
            }
        };
        Selection::Set(set)
    }
}

impl State {
    fn select(self, snapshot: &Snapshot, account: AccountId) -> Selection {
        Selection::Set(match self {
            Self::Favourite => one(snapshot, Facet::Favourite),
            Self::Archived => snapshot.shown(account, Scope::Archive),
            Self::Live => live(snapshot),
            Self::Motion => one(snapshot, Facet::Motion),
            Self::Raw => one(snapshot, Facet::Raw),
            Self::Stacked => one(snapshot, Facet::Stacked),
            Self::Rated => stars(snapshot, 1, 5),
            Self::Unrated => return not(snapshot, &stars(snapshot, 1, 5)),
            Self::Tagged => Thing::Tags.rows(snapshot),
            Self::Untagged => return not(snapshot, &Thing::Tags.rows(snapshot)),
            Self::Dated => return not(snapshot, &one(snapshot, Facet::Undated)),
            Self::Undated => one(snapshot, Facet::Undated),
            Self::Photo => one(snapshot, Facet::Kind(Kind::Image)),
            Self::Video => one(snapshot, Facet::Kind(Kind::Video)),
        })
    }
}

impl Thing {
    fn rows(self, snapshot: &Snapshot) -> RoaringBitmap {
        match self {
            Self::Gps => one(snapshot, Facet::Positioned),
            Self::Date => everything(snapshot) - one(snapshot, Facet::Undated),
            Self::People => {
                let in_files =
                    Facet::PersonName(PersonNameId::LOWEST)..=Facet::PersonName(PersonNameId::HIGHEST);
                let here = Facet::Person(PersonRow::LOWEST)..=Facet::Person(PersonRow::HIGHEST);
                union(snapshot, in_files) | union(snapshot, here)
            }
            Self::Description => one(snapshot, Facet::Described),
            Self::Tags => union(snapshot, Facet::Tag(TagId::LOWEST)..=Facet::Tag(TagId::HIGHEST)),
            Self::Place => union(snapshot, Facet::Place(PlaceId::LOWEST)..=Facet::Place(PlaceId::HIGHEST)),
            Self::Rating => stars(snapshot, 1, 5),
            Self::Camera => {
                union(snapshot, Facet::Camera(CameraId::LOWEST)..=Facet::Camera(CameraId::HIGHEST))
            }
            Self::Lens => union(snapshot, Facet::Lens(LensId::LOWEST)..=Facet::Lens(LensId::HIGHEST)),
            Self::Album => {
                let albums = Facet::Album(AlbumRow::LOWEST)..=Facet::Album(AlbumRow::HIGHEST);
                // What was in an album that is gone still is, should it come back.
                let is_there = |facet: &Facet| match facet {
                    Facet::Album(album) => snapshot.album(*album).is_some(),
                    _ => false,
                };
                together(snapshot.facets(albums).filter(|(facet, _)| is_there(facet)).map(|(_, set)| set))
            }
            Self::Parts => one(snapshot, Facet::WithParts),
            Self::Warnings => one(snapshot, Facet::Warned),
        }
    }
}

fn keep(snapshot: &Snapshot, rows: &RoaringBitmap, holds: impl Fn(&Row) -> bool) -> RoaringBitmap {
    let kept = rows.iter().filter(|row| snapshot.row(RowNumber(*row)).is_some_and(|row| holds(row)));
    RoaringBitmap::from_sorted_iter(kept).unwrap_or_default()
}

fn one(snapshot: &Snapshot, facet: Facet) -> RoaringBitmap {
    snapshot.facet(facet).cloned().unwrap_or_default()
}

fn union(snapshot: &Snapshot, facets: RangeInclusive<Facet>) -> RoaringBitmap {
    if facets.start() > facets.end() {
        return RoaringBitmap::new();
    }
    together(snapshot.facets(facets).map(|(_, set)| set))
}

/// The union of sets. Thousands of small ones (the days of some years) are put into plain bits first: merging them one
/// by one moves the same rows again and again.
fn together<'a>(sets: impl Iterator<Item = &'a RoaringBitmap>) -> RoaringBitmap {
    let sets: Vec<&RoaringBitmap> = sets.collect();
    if sets.len() < 32 {
        return sets.union();
    }
    let end = sets.iter().filter_map(|set| set.max()).max().map_or(0, |max| max as usize + 1);
    let mut bits = vec![0_u8; end.div_ceil(8)];
    for row in sets.into_iter().flatten() {
        bits[row as usize / 8] |= 1 << (row % 8);
    }
    RoaringBitmap::from_lsb0_bytes(0, &bits)
}

fn everything(snapshot: &Snapshot) -> RoaringBitmap {
    one(snapshot, Facet::Kind(Kind::Image)) | one(snapshot, Facet::Kind(Kind::Video))
}

fn not(snapshot: &Snapshot, set: &RoaringBitmap) -> Selection {
    Selection::Set(everything(snapshot) - set)
}

/// The rows of a range of days. A range that holds most days is cheaper to tell by what it leaves out.
fn days(snapshot: &Snapshot, first: Date, last: Date) -> RoaringBitmap {
    let inside = Facet::Day(first)..=Facet::Day(last);
    let all = Facet::Day(Date::MIN)..=Facet::Day(Date::MAX);
    if snapshot.facets(inside.clone()).count() * 2 <= snapshot.facets(all).count() {
        return union(snapshot, inside);
    }
    let mut rows = everything(snapshot) - one(snapshot, Facet::Undated);
    if let Ok(before) = first.yesterday() {
        rows -= union(snapshot, Facet::Day(Date::MIN)..=Facet::Day(before));
    }
    if let Ok(after) = last.tomorrow() {
        rows -= union(snapshot, Facet::Day(after)..=Facet::Day(Date::MAX));
    }
    rows
}

fn stars(snapshot: &Snapshot, low: u8, high: u8) -> RoaringBitmap {
    let rating = |stars: u8| Rating::new(i64::from(stars));
    match (rating(low), rating(high)) {
        (Some(low), Some(high)) => union(snapshot, Facet::Rating(low)..=Facet::Rating(high)),
        _ => RoaringBitmap::new(),
    }
}

/// Stills with a moving part, inside or beside.
fn live(snapshot: &Snapshot) -> RoaringBitmap {
    let inside = one(snapshot, Facet::Motion);
    let candidates = (one(snapshot, Facet::WithParts) & one(snapshot, Facet::Kind(Kind::Image))) - &inside;
    let moves =
        |part: &RowNumber| snapshot.row(*part).is_some_and(|part| part.present && part.kind == Kind::Video);
    keep(snapshot, &candidates, |row| row.extras.parts.iter().any(moves)) | inside
}

/// By the names that people have here and those that files give them. `person:"person 7"` is who has that number and no
/// name.
fn people(snapshot: &Snapshot, account: AccountId, wanted: &Value) -> RoaringBitmap {
    let matcher = wanted.name_matcher();
    let any = wanted.is_anything();
    let in_files = snapshot.person_names().filter(|(_, name)| any || matcher.within(name));
    let in_files = in_files.filter_map(|(id, _)| snapshot.facet(Facet::PersonName(id)));
    let here =
        snapshot.everybody().filter(|person| person.owner == account).filter(|person| match &person.name {
            Some(name) => any || matcher.within(name),
            None => matcher.is_exactly(&person.title()),
        });
    let here = here.filter_map(|person| snapshot.facet(Facet::Person(person.row)));
    together(in_files.chain(here))
}

fn cameras(snapshot: &Snapshot, wanted: &Value) -> RoaringBitmap {
    // Model numbers are known by their beginnings: `40` for a 40D.
    let matcher = wanted.name_matcher().open_ended();
    let any = wanted.is_anything();
    let named = snapshot.cameras().filter(|(_, camera)| {
        any || matcher.within_model(&camera.model)
            || matcher.within_model(&format!("{} {}", camera.make, camera.model))
    });
    together(named.filter_map(|(id, _)| snapshot.facet(Facet::Camera(id))))
}

fn lenses(snapshot: &Snapshot, wanted: &Value) -> RoaringBitmap {
    let matcher = wanted.name_matcher().open_ended();
    let any = wanted.is_anything();
    let named = snapshot.lenses().filter(|(_, lens)| any || matcher.within_model(lens));
    together(named.filter_map(|(id, _)| snapshot.facet(Facet::Lens(id))))
}

/// `place:rome` by city, region or country; `place:italy/rome` and `place:"rome, italy"` by several.
fn places(snapshot: &Snapshot, wanted: &Value) -> RoaringBitmap {
    let any = wanted.is_anything();
    let whole = wanted.name_matcher();
    let parts: Vec<_> = wanted.parts().iter().map(Value::name_matcher).collect();
    let named = snapshot.places().filter(|(_, place)| {
        let leads = |matcher: &super::value::NameMatcher| {
            [&place.city, &place.region, &place.country].into_iter().any(|name| matcher.leads(name))
        };
        any || leads(&whole) || parts.len() > 1 && parts.iter().all(leads)
    });
    together(named.filter_map(|(id, _)| snapshot.facet(Facet::Place(id))))
}

fn tags(snapshot: &Snapshot, wanted: &Value) -> RoaringBitmap {
    let matcher = wanted.path_matcher();
    let any = wanted.is_anything();
    let named = snapshot.tags().filter(|(_, tag)| any || matcher.matches(tag.parts()));
    together(named.filter_map(|(id, _)| snapshot.facet(Facet::Tag(id))))
}

/// The rows with a file name that holds the text wanted, or begins with it when that is a prefix; at any of its paths.
fn named(snapshot: &Snapshot, wanted: &Value) -> RoaringBitmap {
    let readings = wanted.readings();
    readings.iter().map(|wanted_text| snapshot.rows_named(wanted_text, wanted.is_prefix())).union()
}
