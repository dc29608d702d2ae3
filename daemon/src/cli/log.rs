//! `galleryfs log`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::{Record, Table};
use crate::request::Request;
use crate::terminal::Page;

/// Show the journal, newest last: everything that was decided, by people and by galleryfs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs log
  galleryfs log --json --all | jq 'select(.kind == \"version\")'")]
pub(super) struct Args {
    /// The newest so many
    #[arg(long, short = 'n', default_value_t = 100, value_name = "N")]
    limit: usize,
    /// All of it
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    let mut page = Page::default();
    let mut table = Table::with_numbers(&[0]);
    let limit = if args.all { usize::MAX } else { args.limit };
    backend.ask(&Request::Log { limit }, &mut |item| {
        if args.json {
            return page.line(&item);
        }
        table.row(serde_json::from_str::<Record>(&item)?.cells());
        Ok(())
    })?;
    page.write(&table.to_string())?;
    page.finish()
}
