//! `galleryfs sync`.

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::request::Request;

/// Wait until everything decided so far is on the disk, safe from a power cut.
#[derive(clap::Args, Debug)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    backend.ask(&Request::Sync, &mut |_| Ok(()))?;
    Ok(Exit::Done)
}
