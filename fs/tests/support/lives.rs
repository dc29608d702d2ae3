//! A library made by hand and the reference model of it, at the beginning of a life.

#![allow(dead_code, unreachable_pub, missing_docs)]

use library::RowNumber;
use library::snapshot::fixture::Photo;

use super::TestLibrary;
use super::reference::Reference;
use super::reference::picture::{Faces, Picture};

/// Pictures as [`TestLibrary`] reads them: of any three, one shows nobody.
fn pictures(number: usize) -> Picture {
    let day = [Some("2024-05-01"), Some("2024-05-02"), Some("2023-12-31"), None][number % 4];
    let said = day.map_or("undated".to_owned(), |day| format!("taken {day}"));
    let (faces, who) = if number % 3 == 2 { (Faces::None, "nobody") } else { (Faces::Many, "people") };
    let bytes = format!("picture {number}, {said}, of {who}").into_bytes().into();
    Picture { bytes, day, faces, is_photo: true }
}

/// A few photos, and some who are in them.
pub fn with_photos(library: &TestLibrary) -> Reference {
    // Whoever this library knows is met often enough.
    let mut reference = Reference::new(pictures, 0);
    let mut add = |name: &'static str| {
        let picture = reference.draw();
        let taken = picture.day.map(|day| format!("{day}T10:20:30"));
        let photo = Photo { path: name, taken: taken.as_deref(), ..Photo::default() };
        let row = library.add(&photo, &picture.bytes);
        reference.add(name, picture);
        (name, row)
    };
    let photos = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map(&mut add);
    for (name, of) in [(Some("Ann"), &photos[..2]), (None, &[photos[0], photos[3]]), (None, &photos[1..2])] {
        let (names, rows): (Vec<&str>, Vec<RowNumber>) = of.iter().copied().unzip();
        library.person(name, &rows);
        reference.meet(name, &names);
    }
    reference
}
