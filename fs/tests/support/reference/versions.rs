//! Photos saved over, gone back from, and new ones copied in.

use super::picture::{Picture, mark};
use super::{Known, Reference, split};

/// What a file stands for that is copied somewhere.
enum Came {
    Known(usize),
    New,
}

impl Reference {
    /// The photo that has these bytes now.
    fn of_bytes(&self, picture: &Picture) -> Option<usize> {
        (0..self.photos.len()).find(|at| !self.photos[*at].gone && self.photos[*at].now() == picture)
    }

    /// Somebody saves other bytes over a photo.
    pub(super) fn save(&mut self, path: &str, picture: &Picture) -> Option<()> {
        let photo = self.file_at(path)?;
        if self.photos[photo].trashed || !picture.is_photo {
            return None;
        }
        match self.of_bytes(picture) {
            Some(same) if same == photo => {}
            Some(_) => return None,
            None => self.photos[photo].versions.push(picture.clone()),
        }
        Some(())
    }

    fn versions_of(photo: &Known) -> impl Iterator<Item = (String, &Picture)> {
        let listed = photo.versions.len() > 1 && !photo.gone && !photo.trashed;
        let versions = photo.versions.iter().enumerate().filter(move |_| listed);
        let name = &photo.name;
        versions.map(move |(at, picture)| (format!("versions/{name}/{:04} {name}", at + 1), picture))
    }

    /// What is listed of versions, and what it holds.
    pub(super) fn versions(&self) -> impl Iterator<Item = (String, &Picture)> {
        self.photos.iter().flat_map(Self::versions_of)
    }

    /// Removing the last goes back to the one before.
    pub(super) fn go_back(&mut self, path: &str) -> Option<()> {
        let is_it = |photo: &Known| Self::versions_of(photo).last().is_some_and(|(last, _)| last == path);
        let photo = self.photos.iter_mut().find(|photo| is_it(photo))?;
        photo.versions.pop().map(drop)
    }

    /// A file is copied to where no photo is called so.
    pub(super) fn create(&mut self, path: &str, picture: &Picture) -> Option<()> {
        let (dir, name) = split(path);
        let class = self.class(dir);
        if dir == "inbox" && !picture.is_photo {
            self.left.insert(path.to_owned());
            return Some(());
        }
        if dir != "inbox" && !Self::is_decided(&class) || !picture.is_photo {
            return None;
        }
        let came = self.of_bytes(picture).map_or(Came::New, Came::Known);
        let photo = match came {
            Came::Known(photo) => photo,
            Came::New => {
                self.add(name, picture.clone());
                self.photos.len() - 1
            }
        };
        self.photos[photo].trashed = false;
        if dir != "inbox" {
            self.join(photo, &class)?;
        }
        Some(())
    }

    /// What each file that is walked holds, by its path: of photos, where they are in `all/` or the trash.
    pub fn contents(&self) -> std::collections::BTreeMap<String, u64> {
        let is_read = |path: &String| path.starts_with("all/") || path.starts_with("trash/");
        let files = self.files().into_iter().filter(|(path, _)| is_read(path));
        let photos = files.map(|(path, photo)| (path, self.photos[photo].now()));
        let all = photos.chain(self.versions());
        all.map(|(path, picture)| (path, mark(&picture.bytes))).collect()
    }
}
