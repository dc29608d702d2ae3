//! Fetching runtimes and models, with a line that says how far it is.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;
use vision::models::hub::Hub;
use vision::models::{self, ModelFolder, ModelName};
use vision::provider::Provider;
use vision::runtime::pull::{self, Source};

use super::download::Bar;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::request::Request;
use crate::seeing::SeeingOptions;
use crate::socket::Client;

/// The hub that the environment names.
pub(super) fn hub() -> Hub {
    Hub::from_environment(&|name| std::env::var_os(name))
}

/// Fetches a runtime, for as long as `goes_on`.
pub(super) fn runtime(
    build: Provider,
    source: &Source,
    options: &SeeingOptions,
    goes_on: &dyn Fn() -> bool,
) -> Result<pull::Pulled> {
    let mut bar = Bar::default();
    let pulled = pull::pull(build, source, &options.runtimes(), &mut |name, progress| {
        bar.show(name, progress.done, progress.total);
        flow(goes_on)
    });
    bar.clear();
    pulled.map_err(|error| Exit::Failed.because(error))
}

/// Fetches a model, for as long as `goes_on`.
pub(super) fn model(
    name: &ModelName,
    options: &SeeingOptions,
    goes_on: &dyn Fn() -> bool,
) -> Result<models::Pulled> {
    let mut bar = Bar::default();
    let pulled = models::pull(&hub(), name, &ModelFolder::new(&options.models), &mut |progress| {
        bar.show(name.as_str(), progress.done, progress.total);
        flow(goes_on)
    });
    bar.clear();
    pulled.map_err(|error| Exit::Failed.because(error))
}

/// Has a daemon on `data` take up what has come, and says whether there is one.
pub(super) fn taken_up(data: &Path) -> bool {
    let Some(client) = Client::reach(data) else { return false };
    Backend::Daemon(client).ask(&Request::Models, &mut |_| Ok(())).is_ok()
}

/// When what has come is used.
pub(super) fn from_when(data: &Path) -> &'static str {
    if taken_up(data) { "the daemon takes it up now" } else { "it is used from the next start on" }
}

fn flow(goes_on: &dyn Fn() -> bool) -> ControlFlow<()> {
    if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
