//! The virtual tree, and the thin FUSE shell over it.
