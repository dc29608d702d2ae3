//! `galleryfs show PATH|ID`.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Base;
use crate::backend::Backend;
use crate::config::real_path;
use crate::exit::Exit;
use crate::output::Asset;
use crate::raw_path::RawPath;
use crate::request::{Request, Wanted};
use crate::terminal::Page;

/// Tell all that is known of photos and videos. A sidecar is answered with its photo.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs show ~/Pictures/2024/IMG_1.jpg
  galleryfs show ~/Gallery/search/beach/*
  galleryfs show --json 8f0f6a3e-0d0c-8a61-9b6d-3f6e1f2a4c55")]
pub(super) struct Args {
    /// The path of an original, a path in the mount, the name of a file in the mount, or an id
    #[arg(required = true, value_name = "PATH|ID")]
    what: Vec<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    let mut page = Page::default();
    let mut first = true;
    let mut unknown = Vec::new();
    for typed in &args.what {
        let request = Request::Show { what: wanted(typed) };
        let told = backend.ask(&request, &mut |item| {
            if args.json {
                return page.line(&item);
            }
            let asset: Asset = serde_json::from_str(&item)?;
            let space = if std::mem::take(&mut first) { "" } else { "\n" };
            page.write(&format!("{space}{}", asset.facts()))
        });
        match told {
            // The others are shown all the same: a pattern of the shell may well hit one that is none of ours.
            Err(error) if Exit::of(&error) == Exit::NotFound => unknown.push(error.to_string()),
            told => told?,
        }
    }
    let shown = page.finish()?;
    if unknown.is_empty() { Ok(shown) } else { Err(Exit::NotFound.because(unknown.join("\n"))) }
}

pub(super) fn wanted(typed: &Path) -> Wanted {
    let text = typed.to_str();
    Wanted {
        id: text.and_then(|text| text.parse().ok()),
        inode: std::fs::metadata(typed).ok().map(|metadata| metadata.ino()),
        path: std::path::absolute(typed).ok().map(|path| RawPath(real_path(&path).unwrap_or(path))),
        name: text.map(str::to_owned),
        typed: typed.display().to_string(),
    }
}
