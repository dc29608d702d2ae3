//! The proof of a provider: a real inference that agrees with the processor's.

use std::path::Path;

use ort::session::{Session, SessionInputValue};
use ort::value::TensorElementType;

use super::agreement::{ENOUGH, agreement};
use super::load;
use super::probe::{Prober, Rejection};
use crate::provider::{Choice, Provider, Refused, WantedProvider};
use crate::session::{self, Port};

/// Two convolutions, a pooling and a matrix product, made by `scripts/make-proof-model`: enough to see whether a
/// provider works where no model is installed yet.
const SMALL_MODEL: &[u8] = include_bytes!("proof.onnx");

/// The first of the wanted providers that proves itself on `model` (or on a small model of our own), each in a child
/// process. The processor needs no proof: the others are compared with it.
pub fn choose(prober: &Prober, library: &Path, model: Option<&Path>, wanted: WantedProvider) -> Choice {
    let mut refused = Vec::new();
    for provider in wanted.candidates().iter().copied() {
        if provider == Provider::Cpu {
            break;
        }
        let reason = match provide(library, provider) {
            Some(lacking) => lacking,
            None => match prober.prove(library, model, provider) {
                Ok(cosine) if cosine > ENOUGH => return Choice { provider, refused },
                Ok(cosine) => {
                    format!(
                        "it computes something else than the processor: cosine {cosine:.3}, at least {ENOUGH}"
                    )
                }
                Err(Rejection::Failed(reason)) => reason,
                Err(rejection) => rejection.to_string(),
            },
        };
        refused.push(Refused { provider, reason });
    }
    Choice { provider: Provider::Cpu, refused }
}

/// What this runtime visibly lacks for the provider, without loading anything.
fn provide(library: &Path, provider: Provider) -> Option<String> {
    let file = match provider {
        Provider::Cuda => "libonnxruntime_providers_cuda.so",
        Provider::OpenVino => "libonnxruntime_providers_openvino.so",
        Provider::Cpu => return None,
    };
    let beside = std::fs::canonicalize(library).ok()?.parent()?.join(file);
    (!beside.exists())
        .then(|| format!("this runtime comes without it: `galleryfs runtime pull {provider}` fetches one"))
}

/// Runs in the child: the cosine between a run on the processor and one on `provider`.
pub(super) fn prove(library: &Path, model: Option<&Path>, provider: Provider) -> Result<f32, String> {
    let environment = load::open(library, 0)?;
    let own = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::fs::write(own.path(), SMALL_MODEL).map_err(|error| error.to_string())?;
    let model = model.unwrap_or_else(|| own.path());
    let run = |provider| -> Result<Vec<Vec<f32>>, String> {
        let mut session = session::open(&environment, model, provider).map_err(|error| error.to_string())?;
        outputs(&mut session)
    };
    // The provider first: where it is not there at all, nothing else need be loaded.
    let theirs = run(provider)?;
    Ok(agreement(&theirs, &run(Provider::Cpu)?))
}

/// What the model makes of an input that is always the same.
fn outputs(session: &mut Session) -> Result<Vec<Vec<f32>>, String> {
    let (ports, _) = session::ports(session);
    let mut inputs = Vec::new();
    for port in ports {
        let input = input(&port).map_err(|error| error.to_string())?;
        inputs.push((port.name, input));
    }
    let outputs = session::run(session, inputs).map_err(|error| error.to_string())?;
    outputs
        .values()
        .map(|output| {
            output
                .try_extract_tensor::<f32>()
                .map(|(_, values)| values.to_vec())
                .map_err(|error| error.message().to_owned())
        })
        .collect()
}

/// An input of the port's shape: one of a batch, a picture of the detector's size where that is open, waves for
/// numbers, the first few words of any vocabulary for tokens.
fn input(port: &Port) -> Result<SessionInputValue<'static>, crate::error::InferenceError> {
    let rank = port.shape.len();
    let shape: Vec<usize> = port
        .shape
        .iter()
        .enumerate()
        .map(|(at, side)| match usize::try_from(*side) {
            Ok(side @ 1..) => side,
            _ if at == 0 => 1,
            _ if rank == 4 && at > 1 => 640,
            _ if rank == 4 => 3,
            _ => 16,
        })
        .collect();
    let count: usize = shape.iter().product();
    let token = |at: usize| if port.name.contains("mask") { 1 } else { 1 + (at % 50) as i64 };
    match port.element {
        TensorElementType::Int32 => session::tensor(&shape, (0..count).map(|at| token(at) as i32).collect()),
        TensorElementType::Int64 => session::tensor(&shape, (0..count).map(token).collect()),
        _ => session::tensor(&shape, (0..count).map(|at| ((at * at % 7919) as f32 * 0.37).sin()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_without_a_provider_is_told_what_brings_it() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libonnxruntime.so");
        std::fs::write(&library, b"").unwrap();
        // No child is asked: this program is none that could answer.
        let prober = Prober::new("/nonexistent", [""; 0]);
        let choice = choose(&prober, &library, None, WantedProvider::Auto);
        assert_eq!(choice.provider, Provider::Cpu);
        let told: Vec<_> =
            choice.refused.iter().map(|refused| (refused.provider, refused.reason.as_str())).collect();
        assert!(
            matches!(told.as_slice(), [(Provider::Cuda, cuda), (Provider::OpenVino, openvino)]
            if cuda.contains("runtime pull cuda") && openvino.contains("runtime pull openvino")),
            "{told:?}"
        );
    }
}
