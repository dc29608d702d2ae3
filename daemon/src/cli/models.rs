//! `galleryfs models`: what understands pictures and knows faces.

use anyhow::Result;
use vision::models::offered::OFFERED;
use vision::models::{Installed, ModelFolder, ModelName, Task, check};

use super::{Base, ModelFlags, MountFlags, PhotoFlags, fetching};
use crate::exit::Exit;
use crate::output::{Table, bytes, safe};
use crate::seeing::Chosen;
use crate::terminal::Page;

/// List, fetch, check and choose the models that understand pictures and know faces.
///
/// They lie in the data folder's models/, or where --models says, laid out as Immich has them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  galleryfs models list
  galleryfs models pull ViT-B-32__openai
  galleryfs models check
  galleryfs models use ViT-B-32__openai")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    models: ModelFlags,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Which are there, and which are used
    List,
    /// Fetch one from the hub; what was fetched before an interruption is kept
    Pull {
        /// As `list` has it, or any other that Immich offers
        name: ModelName,
    },
    /// Load each and run it once
    Check,
    /// Use this one from now on; until it has seen every picture, search goes by the one before
    Use {
        /// As `list` has it
        name: ModelName,
    },
}

pub(super) fn run(args: Args, base: &Base) -> Result<Exit> {
    let settings = base.settings_with(PhotoFlags::default(), MountFlags::default(), args.models)?;
    let options = settings.seeing();
    let folder = ModelFolder::new(&options.models);
    let installed = folder.installed()?;
    let mut chosen = Chosen::read(&options.data);
    let mut page = Page::default();
    match args.what {
        What::List => {
            let mut table = Table::default();
            for model in &installed {
                let used = chosen.pick(&installed, model.task).is_some_and(|used| used == model);
                table.row([
                    model.name.to_string(),
                    about(model.task).to_owned(),
                    bytes(model.bytes),
                    state(model, used),
                ]);
            }
            page.write(&table.to_string())?;
            let others = OFFERED
                .iter()
                .filter(|offered| !installed.iter().any(|model| model.name.as_str() == offered.name));
            let mut table = Table::default();
            for offered in others {
                table.row([
                    offered.name.to_owned(),
                    about(offered.task).to_owned(),
                    offered.about.to_owned(),
                    offered.licence.to_owned(),
                ]);
            }
            page.line(&"\nTo be had with `galleryfs models pull NAME`:")?;
            page.write(&table.to_string())?;
            if installed.is_empty() {
                page.line(&format_args!(
                    "There are no models in {}.",
                    safe(&options.models.to_string_lossy())
                ))?;
            }
        }
        What::Pull { name } => {
            let pulled = fetching::model(&name, &options, &|| true)?;
            page.line(&format_args!(
                "{name} is in {} ({})",
                safe(&pulled.path.to_string_lossy()),
                bytes(pulled.bytes)
            ))?;
            let used = chosen.pick(&folder.installed()?, pulled.task).map(|used| used.name.clone());
            match used {
                Some(used) if used != name => {
                    page.line(&format_args!(
                        "{used} stays in use; `galleryfs models use {name}` changes that"
                    ))?;
                }
                _ => page.line(&fetching::from_when(&options.data))?,
            }
        }
        What::Check => {
            let engine = options.engine().map_err(|error| Exit::Failed.because(format!("{error:#}")))?;
            let mut broken = 0;
            for model in &installed {
                match check(&engine, model) {
                    Ok(checked) => page.line(&format_args!(
                        "{}: works on {}, embeddings of {} numbers",
                        model.name, checked.provider, checked.width
                    ))?,
                    Err(error) => {
                        broken += 1;
                        page.line(&format_args!("{}: {error}", model.name))?;
                    }
                }
            }
            if broken > 0 {
                page.finish()?;
                return Err(Exit::Failed.because("not every model works"));
            }
        }
        What::Use { name } => {
            let here = installed.iter().find(|model| model.name == name);
            let offered = || OFFERED.iter().find(|offered| offered.name == name.as_str());
            // What servers have need not lie here.
            let task = match here {
                Some(model) => Some(model.task),
                None if options.servers.is_empty() => None,
                None => offered().map(|offered| offered.task),
            };
            let task = task.ok_or_else(|| {
                Exit::NotFound
                    .because(format!("there is no model {name}: `galleryfs models list` has those there are"))
            })?;
            if let Some(model) = here.filter(|model| !model.missing.is_empty()) {
                return Err(Exit::Failed.because(format!("{name} lacks {}", model.missing.join(", "))));
            }
            chosen.choose(task, &name);
            std::fs::create_dir_all(&options.data)?;
            chosen.write(&options.data)?;
            page.line(&format_args!("{name} is chosen; {}", fetching::from_when(&options.data)))?;
        }
    }
    page.finish()
}

fn about(task: Task) -> &'static str {
    match task {
        Task::Clip => "words and pictures",
        Task::FacialRecognition => "faces",
    }
}

fn state(model: &Installed, used: bool) -> String {
    match (model.missing.is_empty(), used) {
        (false, _) => format!("lacks {}", model.missing.join(", ")),
        (true, true) => "used".to_owned(),
        (true, false) => String::new(),
    }
}
