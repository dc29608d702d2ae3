//! A door for the fuzzer to what reads the values of attributes. Built only with the feature `fuzzing`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use jiff::civil::Date;
use library::query::{Mode, Query};
use library::snapshot::fixture::{Fixture, Photo};
use library::{AlbumId, Decision, RowNumber, SearchId};

use super::acts::Says;
use super::state::{Beside, State};
use super::view;
use crate::options::Parts;
use crate::source::{AlbumDecision, Details, SearchDecision};
use crate::xattr::{Attribute, attribute_text};

const TODAY: Date = Date::constant(2024, 5, 17);
const ALBUM: AlbumId = AlbumId::from_bytes([1; 16]);
const SEARCH: SearchId = SearchId::from_bytes([2; 16]);

/// What can be set: of a photo, of an album, of a search.
pub const WRITABLE: [&str; 8] = [
    "user.xdg.tags",
    "user.xdg.comment",
    "user.baloo.rating",
    "user.galleryfs.taken",
    "user.galleryfs.taken_local",
    "user.galleryfs.order",
    "user.galleryfs.cover",
    "user.galleryfs.query",
];

/// Two photos, in an album, and a search.
#[derive(Debug)]
pub struct Gallery {
    fixture: Fixture,
    photo: RowNumber,
    description: Option<String>,
}

impl Default for Gallery {
    fn default() -> Self {
        let mut fixture = Fixture::default();
        let photo = Photo { path: "a.jpg", tags: &["A/B"], ..Photo::default() };
        let photo = fixture.add(&photo);
        let other = fixture.add(&Photo { path: "b (2).jpg", ..Photo::default() });
        fixture.album(ALBUM, None, "album", false);
        fixture.in_album(photo, ALBUM, true);
        fixture.in_album(other, ALBUM, true);
        fixture.save_search(SEARCH, Some(("search", "dog")));
        Self { fixture, photo, description: None }
    }
}

impl Gallery {
    fn directory(&self, attribute: Attribute) -> Option<(State, &'static str, [&'static [u8]; 1])> {
        let (view, name): (_, &[u8]) = match attribute {
            Attribute::Order | Attribute::Cover => ("albums", b"album"),
            Attribute::Query => ("searches", b"search"),
            _ => return None,
        };
        let (snapshot, account) = (self.fixture.snapshot(), self.fixture.account());
        let state = State::new(0, snapshot, account, Parts::Shown, TODAY, Beside::default(), 0);
        Some((state, view, [name]))
    }

    /// Sets an attribute; false where the value is refused.
    pub fn set(&mut self, attribute: &str, value: &[u8]) -> bool {
        let Some(attribute) = Attribute::of_name(OsStr::from_bytes(attribute.as_bytes())) else {
            return false;
        };
        let says = match self.directory(attribute) {
            Some((state, name, at)) => {
                let (Ok(value), Some(view)) = (attribute_text(value), view(name.as_bytes())) else {
                    return false;
                };
                view.set_attribute(&state, &at, attribute, Some(value))
            }
            None => {
                let snapshot = self.fixture.snapshot();
                let Some(row) = snapshot.row(self.photo) else { return false };
                let decision = attribute.decide(&snapshot, row, Some(value));
                decision.map(|decision| Says::OfPhotos(vec![(row.id, vec![decision])]))
            }
        };
        match says {
            Ok(says) => self.take(says),
            Err(_) => false,
        }
    }

    /// What the library makes of it.
    fn take(&mut self, says: Says) -> bool {
        match says {
            Says::OfAlbum(AlbumDecision::Order(album, order)) => self.fixture.order_album(album, &order),
            Says::OfAlbum(AlbumDecision::Cover(album, cover)) => self.fixture.cover_album(album, cover),
            Says::OfSearch(SearchDecision::Ask(search, query)) => {
                if Query::parse(&query, Mode::Strict, TODAY).is_err() {
                    return false;
                }
                self.fixture.save_search(search, Some(("search", &query)));
            }
            Says::OfPhotos(decisions) => {
                for decision in decisions.into_iter().flat_map(|(_, decisions)| decisions) {
                    match decision {
                        Decision::Tags(tags) => {
                            let tags: Vec<String> =
                                tags.unwrap_or_default().iter().map(|tag| tag.joined()).collect();
                            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                            self.fixture.retag(self.photo, &tags);
                        }
                        Decision::Description(text) => self.description = text,
                        Decision::Rating(rating) => {
                            self.fixture.change(self.photo, |row| row.rating = rating)
                        }
                        Decision::Taken(taken) => self.fixture.change(self.photo, |row| row.taken = taken),
                        _ => return false,
                    }
                }
            }
            _ => return false,
        }
        true
    }

    /// What an attribute shows.
    pub fn get(&self, attribute: &str) -> Option<String> {
        let attribute = Attribute::of_name(OsStr::from_bytes(attribute.as_bytes()))?;
        if let Some((state, name, at)) = self.directory(attribute) {
            return view(name.as_bytes())?.attribute(&state, &at, attribute);
        }
        let snapshot = self.fixture.snapshot();
        let details = Details { description: self.description.clone(), ..Details::default() };
        attribute.of_row(&snapshot, snapshot.row(self.photo)?, Some(&details))
    }
}
