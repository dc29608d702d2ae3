//! `galleryfs people`: who is in the photos.

use std::path::PathBuf;

use anyhow::Result;

use super::{Base, show};
use crate::backend::Backend;
use crate::exit::Exit;
use crate::output::{Person, Table, safe};
use crate::request::{self, Request};
use crate::terminal::Page;

/// Tell who is in the photos; name people, merge and split them.
///
/// People are found by themselves; what you say of them is kept for ever. A person is meant by name, by number or by id.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  galleryfs people
  galleryfs people name 3 Alice                     person 3 is Alice
  galleryfs people merge 7 Alice                    and so is person 7
  galleryfs people split Alice IMG_1.jpg --as Bob   but in this photo it is Bob
  galleryfs people --json | jq -r 'select(.name == null) | .number'")]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Give a person a name; one that somebody else has makes them one person
    Name {
        /// Who: a number, a name, an id
        person: String,
        /// What they are called
        name: String,
    },
    /// Take a person's name away
    Unname {
        /// Who
        person: String,
    },
    /// Make two people one
    Merge {
        /// Who is the same as the other
        from: String,
        /// Who stays: name, number and id are theirs
        into: String,
    },
    /// Say that in some photos of a person it is somebody else
    Split {
        /// Of whom
        person: String,
        /// Photos: paths, names in the mount, ids
        #[arg(required = true)]
        photos: Vec<PathBuf>,
        /// What the other is called
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
    /// Leave a person out of people/
    Hide {
        /// Who
        person: String,
    },
    /// Put a person back into people/
    Unhide {
        /// Who
        person: String,
    },
}

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let backend = Backend::reach(&base.settings()?.data)?;
    let mut page = Page::default();
    let mut ask = |what| {
        backend.ask(&Request::People { what }, &mut |item| {
            page.line(&safe(&serde_json::from_str::<String>(&item)?))
        })
    };
    match args.what {
        Some(What::Name { person, name }) => ask(request::People::Name { person, name })?,
        Some(What::Unname { person }) => ask(request::People::Unname { person })?,
        Some(What::Merge { from, into }) => ask(request::People::Merge { from, into })?,
        Some(What::Split { person, photos, name }) => {
            let photos = photos.iter().map(|photo| show::wanted(photo)).collect();
            ask(request::People::Split { person, photos, name })?;
        }
        Some(What::Hide { person }) => ask(request::People::Hide { person, hidden: true })?,
        Some(What::Unhide { person }) => ask(request::People::Hide { person, hidden: false })?,
        None => {
            let mut table = Table::with_numbers(&[0]);
            backend.ask(&Request::People { what: request::People::List }, &mut |item| {
                if args.json {
                    return page.line(&item);
                }
                table.row(serde_json::from_str::<Person>(&item)?.cells());
                Ok(())
            })?;
            page.write(&table.to_string())?;
        }
    }
    page.finish()
}
