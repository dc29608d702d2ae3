//! `galleryfs list`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::{Asset, Table};
use crate::request::Request;
use crate::terminal::Page;

/// List every photo and video that is there now, oldest first.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs list
  galleryfs list --json | jq -r 'select(.gps == null) | .paths[]'")]
pub(super) struct Args {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Lines are set in columns in groups of so many, so that the first ones show before the last are known.
const GROUP: usize = 1000;

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    let mut page = Page::default();
    let mut group = Group::default();
    backend.ask(&Request::List, &mut |item| {
        if args.json {
            return page.line(&item);
        }
        group.add(&serde_json::from_str(&item)?, &mut page)
    })?;
    group.finish(&mut page)?;
    if !args.json && group.total == 0 {
        page.note("no photos yet");
    }
    page.finish()
}

#[derive(Default)]
struct Group {
    table: Table,
    rows: usize,
    total: usize,
}

impl Group {
    fn add(&mut self, asset: &Asset, page: &mut Page) -> Result<()> {
        self.table.row(asset.cells());
        self.rows += 1;
        self.total += 1;
        if self.rows < GROUP { Ok(()) } else { self.finish(page) }
    }

    fn finish(&mut self, page: &mut Page) -> Result<()> {
        self.rows = 0;
        page.write(&std::mem::take(&mut self.table).to_string())
    }
}
