//! Photos that are nearly the same picture, as `duplicates` gives them.

use serde::{Deserialize, Serialize};

use super::Asset;

/// The line of `duplicates --json`. Field names and meanings are a promise (README).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Group {
    /// At least two, the one first that shows most.
    pub assets: Vec<Asset>,
}
