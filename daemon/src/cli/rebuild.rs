//! `galleryfs rebuild`: everything derived thrown away and worked out again.

use anyhow::Result;

use super::{Base, ModelFlags, MountFlags, PhotoFlags, index};
use crate::exit::Exit;
use crate::running::Opening;

/// Throw away everything that can be worked out again, and work it out again.
///
/// What you decided stays, and so do ids, names and inode numbers: the library afterwards is the same. Not while a
/// daemon runs.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    photos: PhotoFlags,
    #[command(flatten)]
    models: ModelFlags,
}

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    index::here(&base.settings_with(args.photos, MountFlags::default(), args.models)?, Opening::Anew)
}
