//! What it says of a photo that it is listed in a directory.

use library::Decision;

/// The decisions that put a photo into a directory and take it out of it. Only directories that stand for something one
/// can decide have it; all others are computed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Membership {
    /// What is decided of a photo that is put here.
    pub(crate) joins: Vec<Decision>,
    /// What is decided of a photo that is taken out.
    pub(crate) leaves: Vec<Decision>,
}
