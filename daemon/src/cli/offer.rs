//! What a first start in a terminal offers: models, with what they weigh and under which licence. Nothing is fetched
//! that was not agreed to, and nobody is asked twice.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use vision::models::hub::Hub;
use vision::models::offered::{DEFAULT_CLIP, DEFAULT_FACES, OFFERED};
use vision::models::{ModelFolder, ModelName, Task};
use vision::provider::Provider;
use vision::runtime::pull::{PipSettings, Source, pinned};

use super::{fetching, runtime};
use crate::backend::has_library;
use crate::config::Settings;
use crate::output::{Table, bytes};
use crate::seeing::{Chosen, SeeingOptions};
use crate::service::Service;
use crate::socket::Client;

/// What the user agreed to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Agreed {
    runtime: Option<Provider>,
    models: Vec<ModelName>,
}

/// Something to be fetched, as it is shown.
struct Thing {
    name: &'static str,
    does: &'static str,
    bytes: Option<u64>,
    licence: &'static str,
}

/// Offers what is missing, where there is somebody to answer who was never asked. `None`: nothing was offered.
pub(super) fn ask(settings: &Settings) -> Option<Agreed> {
    let options = settings.seeing();
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    // A start that will fail has no questions.
    let starts = !settings.photos.is_empty() || has_library(&settings.data);
    if !somebody || !starts || !options.servers.is_empty() || Chosen::read(&options.data).offered {
        return None;
    }
    let installed = ModelFolder::new(&options.models).installed().unwrap_or_default();
    if !installed.is_empty() || Client::reach(&options.data).is_some() {
        return None;
    }
    let hub = fetching::hub();
    let (Some(clip), Some(faces)) = (
        thing(&hub, DEFAULT_CLIP, "understands words and pictures"),
        thing(&hub, DEFAULT_FACES, "knows faces"),
    ) else {
        // Another start may have a network.
        return None;
    };
    let build = (!runtime::has_one(&options)).then(vision::runtime::best_here);
    let computes = build.map(|build| Thing {
        name: "ONNX Runtime",
        does: "computes with them",
        bytes: pinned::wheels(build).map(|wheels| wheels.iter().map(|wheel| wheel.bytes).sum()),
        licence: if build == Provider::Cuda { "MIT; CUDA: NVIDIA's" } else { "MIT" },
    });
    show(&[Some(clip), Some(faces), computes].into_iter().flatten().collect::<Vec<_>>());
    let name = |name: &str| name.parse().ok();
    let models: Vec<ModelName> = match answer() {
        Answer::All => [name(DEFAULT_CLIP), name(DEFAULT_FACES)].into_iter().flatten().collect(),
        Answer::Words => name(DEFAULT_CLIP).into_iter().collect(),
        Answer::Nothing => {
            eprintln_safe("Nothing is fetched. `galleryfs models` does it whenever you like.");
            Vec::new()
        }
    };
    Some(Agreed { runtime: build.filter(|_| !models.is_empty()), models })
}

fn thing(hub: &Hub, name: &'static str, does: &'static str) -> Option<Thing> {
    let offered = OFFERED.iter().find(|offered| offered.name == name)?;
    match hub.list(&name.parse().ok()?) {
        Ok(listing) => Some(Thing { name, does, bytes: Some(listing.bytes()), licence: offered.licence }),
        Err(error) => {
            tracing::debug!("no models are offered: {error}");
            None
        }
    }
}

fn show(things: &[Thing]) {
    let mut table = Table::default();
    for thing in things {
        let size = thing.bytes.map_or_else(String::new, bytes);
        table.row([format!("  {}", thing.name), thing.does.to_owned(), size, thing.licence.to_owned()]);
    }
    eprintln_safe(&format!(
        "galleryfs can find photos by what they show, and people by their faces. All of it happens on this\nmachine. \
         It needs models, which can be fetched while your photos are read:\n\n{table}"
    ));
}

/// What was typed.
#[derive(Debug, PartialEq)]
enum Answer {
    All,
    Words,
    Nothing,
}

fn answer() -> Answer {
    let mut lines = io::stdin().lock().lines();
    for _ in 0..3 {
        let _ = write!(io::stderr(), "Fetch them? [y]es, [w]ithout faces, [N]o: ");
        let Some(Ok(line)) = lines.next() else { break };
        if let Some(answer) = understood(&line) {
            return answer;
        }
    }
    Answer::Nothing
}

fn understood(line: &str) -> Option<Answer> {
    match line.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(Answer::All),
        "w" | "without" | "without faces" => Some(Answer::Words),
        "" | "n" | "no" => Some(Answer::Nothing),
        _ => None,
    }
}

fn eprintln_safe(text: &str) {
    // Nobody is left to be told when stderr is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Remembers that somebody was asked.
pub(super) fn remember(data: &Path) {
    let chosen = Chosen { offered: true, ..Chosen::read(data) };
    if let Err(error) = chosen.write(data) {
        tracing::warn!("the models will be offered again: {error}");
    }
}

/// What was agreed to, being fetched while all else goes on.
pub(super) struct Fetching {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fetching {
    /// Begins. What comes is taken up at once; what does not is said, with the command that tries again.
    pub(super) fn start(agreed: Agreed, options: SeeingOptions, service: Arc<Service>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || {
            let goes_on = || !stopped.load(Ordering::Relaxed);
            let failed = |error: &anyhow::Error, again: &str| {
                if goes_on() {
                    tracing::warn!("{error:#}. `galleryfs {again}` tries again");
                }
            };
            if let Some(build) = agreed.runtime {
                let source = Source::Index(PipSettings::of_this_machine());
                match fetching::runtime(build, &source, &options, &goes_on) {
                    Ok(_) => tracing::info!("ONNX Runtime is there"),
                    Err(error) => failed(&error, &format!("runtime pull {build}")),
                }
            }
            for name in &agreed.models {
                match fetching::model(name, &options, &goes_on) {
                    Ok(pulled) => {
                        let does = match pulled.task {
                            Task::Clip => "search understands what photos show",
                            Task::FacialRecognition => "people are found by their faces",
                        };
                        tracing::info!("{name} is there: {does} from now on");
                        if let Some(seeing) = service.seeing() {
                            seeing.open_eyes_again();
                        }
                    }
                    Err(error) => failed(&error, &format!("models pull {name}")),
                }
            }
        };
        let thread = std::thread::Builder::new().name("fetch".into()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What is fetched half is gone on with the next time.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert_eq!(understood(" Yes\n"), Some(Answer::All));
        assert_eq!(understood("w"), Some(Answer::Words));
        for no in ["", "\n", "n", "NO"] {
            assert_eq!(understood(no), Some(Answer::Nothing));
        }
        assert_eq!(understood("yikes"), None, "it is asked again");
    }
}
