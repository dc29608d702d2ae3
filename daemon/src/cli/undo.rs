//! `galleryfs undo`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::safe;
use crate::request::Request;
use crate::terminal::Page;

/// Take back what was done last: in the mount, by commands, anywhere.
///
/// One thing is what was done at a stroke, were it a folder of a thousand photos moved to the trash. What you do in your
/// own folders is not among it. Removals from the trash, and two people made one, cannot be taken back.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs undo
  galleryfs undo 3
  galleryfs log        what was done")]
pub(super) struct Args {
    /// How many things, newest first
    #[arg(default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let mut page = Page::default();
    let request = Request::Undo { count: args.count.into() };
    Backend::reach(&base.settings()?.data)?
        .ask(&request, &mut |item| page.line(&safe(&serde_json::from_str::<String>(&item)?)))?;
    page.finish()
}
