//! `galleryfs forget PATH`.

use std::path::PathBuf;

use anyhow::Result;

use super::{Base, absolute};
use crate::backend::Backend;
use crate::config::real_path;
use crate::exit::Exit;
use crate::output::safe;
use crate::raw_path::RawPath;
use crate::request::Request;
use crate::terminal::Page;

/// Accept that what is away or missing under a path will not come back.
///
/// A folder that vanished at a stroke (a disk pulled out, a share not mounted) is hidden, not forgotten: this is how
/// you say that it is gone for good. What you decided about its photos stays in the journal, so should the files turn
/// up again, all of it returns.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  galleryfs forget /media/old-disk/photos")]
pub(super) struct Args {
    /// A folder or file that is away: `galleryfs status` names them
    path: PathBuf,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    let path = RawPath(real_path(&absolute(&args.path)?)?);
    let mut page = Page::default();
    backend.ask(&Request::Forget { path }, &mut |item| {
        page.line(&safe(&serde_json::from_str::<String>(&item)?))
    })?;
    page.finish()
}
