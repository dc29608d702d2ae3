//! `galleryfs trash allow`.

use anyhow::Result;
use clap::Subcommand;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::safe;
use crate::request::Request;
use crate::terminal::Page;

/// Say that many deletions at once are meant.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// For ten minutes, let any number of photos go into the trash
    ///
    /// More than a few hundred within a minute are taken for a slip and refused (`trash-guard` in the configuration says
    /// how many). What is in the trash can be moved out again.
    Allow,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let What::Allow = args.what;
    let mut page = Page::default();
    Backend::reach(&base.settings()?.data)?
        .ask(&Request::AllowTrash, &mut |item| page.line(&safe(&serde_json::from_str::<String>(&item)?)))?;
    page.finish()
}
