//! `galleryfs search QUERY`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::{Hit, Table};
use crate::request::Request;
use crate::terminal::Page;

/// Find photos and videos, best first.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs search beach
  galleryfs search 'place:rome date:2024-05..2024-07 camera:canon -tag:work'
  galleryfs search --json --limit 10 'rating:>=4 type:video' | jq -r '.paths[0]'

Words are looked for in the pictures themselves (with a model: `galleryfs models`), and in file names,
descriptions, tags, places, cameras and people. Filters: date:
place: camera: lens: type: rating: tag: person: is: has: in: and more. A `-` before a word or filter
excludes; a query that begins with one stands after `--`. The same query is a folder of the mount:
~/Gallery/search/beach")]
pub(super) struct Args {
    /// What to look for
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 50, value_name = "N")]
    limit: usize,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let settings = base.settings()?;
    let backend = Backend::reach(&settings.data)?;
    if let Backend::Here(service) = &backend
        && let Err(error) = service.understand(&settings.seeing())
    {
        tracing::debug!("only words that are written down are searched: {error:#}");
    }
    let request = Request::Search { query: args.query.join(" "), limit: args.limit };
    let mut page = Page::default();
    let mut table = Table::with_numbers(&[0]);
    backend.ask(&request, &mut |item| {
        if args.json {
            return page.line(&item);
        }
        let hit: Hit = serde_json::from_str(&item)?;
        let mut cells = vec![hit.rank.to_string()];
        cells.extend(hit.asset.cells());
        table.row(cells);
        Ok(())
    })?;
    page.write(&table.to_string())?;
    if !args.json && table.is_empty() {
        page.note("nothing found");
    }
    page.finish()
}
