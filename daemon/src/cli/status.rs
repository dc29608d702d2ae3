//! `galleryfs status`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::Status;
use crate::request::Request;
use crate::terminal::Page;

/// Tell how the library is. Without a running daemon: how it was when one last ran.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs status
  until [ \"$(galleryfs status --json | jq .pending)\" = 0 ]; do sleep 1; done")]
pub(super) struct Args {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    let mut page = Page::default();
    backend.ask(&Request::Status, &mut |item| {
        if args.json {
            return page.line(&item);
        }
        page.write(&serde_json::from_str::<Status>(&item)?.page())
    })?;
    page.finish()
}
