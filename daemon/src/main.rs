//! The program `galleryfs`.

fn main() {}
