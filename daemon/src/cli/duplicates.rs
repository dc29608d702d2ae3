//! `galleryfs duplicates`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::{Group, Table};
use crate::request::Request;
use crate::terminal::Page;

/// Find photos that are nearly the same picture: saved again, smaller, or shot in a burst.
///
/// The one of each group that shows most comes first. Files that are the same byte for byte are one photo anyway: `list`
/// shows all their paths. Needs a model that understands pictures.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs duplicates
  galleryfs duplicates --json | jq -r '.assets[1:][].paths[]'     all but the best of each")]
pub(super) struct Args {
    /// One JSON object a line and group
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let settings = base.settings()?;
    let backend = Backend::reach(&settings.data)?;
    if let Backend::Here(service) = &backend {
        service.understand(&settings.seeing()).map_err(|error| Exit::Failed.because(format!("{error:#}")))?;
    }
    let mut page = Page::default();
    let mut groups = 0;
    backend.ask(&Request::Duplicates, &mut |item| {
        if args.json {
            return page.line(&item);
        }
        let group: Group = serde_json::from_str(&item)?;
        let mut table = Table::default();
        for asset in group.assets {
            table.row(asset.cells());
        }
        if groups > 0 {
            page.line(&"")?;
        }
        groups += 1;
        page.write(&table.to_string())
    })?;
    if !args.json && groups == 0 {
        page.note("no two photos are nearly the same");
    }
    page.finish()
}
