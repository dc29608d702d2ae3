//! What the program `galleryfs` is made of: the watcher, which finds out what happens to the user's folders, and the
//! pipeline, which reads the files and tells the library.

pub mod pipeline;
pub mod watch;
