//! A model's session in ONNX Runtime: opened on the provider that was proved, its interface read and checked.

use std::path::Path;

use ort::environment::Environment;
use ort::ep;
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{Outlet, Shape, Tensor, TensorElementType};

use crate::error::{InferenceError, ModelError};
use crate::provider::Provider;

/// OpenVINO's devices in the order they are tried: a GPU of Intel's where there is one, else the processor.
const OPENVINO_DEVICES: [&str; 2] = ["GPU", "CPU"];

/// Opens `model` on `provider`.
pub(crate) fn open(
    environment: &Environment,
    model: &Path,
    provider: Provider,
) -> Result<Session, ModelError> {
    std::fs::File::open(model).map_err(|source| ModelError::Unreadable { path: model.to_owned(), source })?;
    let opened = match provider {
        Provider::Cpu => build(environment, model, None),
        Provider::Cuda => build(environment, model, Some(ep::CUDA::default().build())),
        Provider::OpenVino => {
            let on = |device| {
                build(environment, model, Some(ep::OpenVINO::default().with_device_type(device).build()))
            };
            let [gpu, cpu] = OPENVINO_DEVICES;
            on(gpu).or_else(|_| on(cpu))
        }
    };
    opened.map_err(|error| ModelError::Graph { path: model.to_owned(), reason: error.message().to_owned() })
}

fn build(
    environment: &Environment,
    model: &Path,
    provider: Option<ep::ExecutionProviderDispatch>,
) -> ort::Result<Session> {
    let mut builder = Session::builder(environment)?;
    if let Some(provider) = provider {
        // A provider that is not there is an error, not the processor in its name.
        builder = builder.with_execution_providers([provider.error_on_failure()])?;
    }
    builder.commit_from_file(model)
}

/// One input or output as the graph declares it: name, element type, dimensions (-1: any).
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) element: TensorElementType,
    pub(crate) shape: Vec<i64>,
}

impl Port {
    fn of(outlet: &Outlet) -> Option<Self> {
        let element = outlet.dtype().tensor_type()?;
        let shape = outlet.dtype().tensor_shape()?.iter().copied().collect();
        Some(Self { name: outlet.name().to_owned(), element, shape })
    }

    /// As it is written in messages: `image: f32 [?, 3, 224, 224]`.
    pub(crate) fn describe(&self) -> String {
        let sides: Vec<String> =
            self.shape.iter().map(|side| if *side < 0 { "?".to_owned() } else { side.to_string() }).collect();
        format!("{}: {} [{}]", self.name, self.element, sides.join(", "))
    }
}

/// What a graph takes and gives. Anything but tensors is left out, and found missing by whoever needs it.
pub(crate) fn ports(session: &Session) -> (Vec<Port>, Vec<Port>) {
    let read = |outlets: &[Outlet]| outlets.iter().filter_map(Port::of).collect();
    (read(session.inputs()), read(session.outputs()))
}

/// What is expected of a model whose only input is a batch of pictures.
pub(crate) struct PictureInput {
    pub(crate) name: String,
    /// How many pictures a run may take: `None` for any number.
    pub(crate) batch: Option<usize>,
    /// Rows and columns, where the graph fixes them.
    pub(crate) height: Option<u32>,
    pub(crate) width: Option<u32>,
}

impl PictureInput {
    /// Reads it from the graph's declaration, or says why it is none.
    pub(crate) fn of(session: &Session, model: &Path, expected: &'static str) -> Result<Self, ModelError> {
        let interface = |reason: String| ModelError::Interface { path: model.to_owned(), expected, reason };
        let (inputs, _) = ports(session);
        let [input] = inputs.as_slice() else {
            return Err(interface(format!("it takes {} inputs, not one", inputs.len())));
        };
        let side = |at: usize| (input.shape[at] > 0).then(|| u32::try_from(input.shape[at]).ok()).flatten();
        if input.element != TensorElementType::Float32
            || input.shape.len() != 4
            || !matches!(input.shape[1], 3 | -1)
        {
            return Err(interface(format!("it takes {}, not pictures: f32 [?, 3, ?, ?]", input.describe())));
        }
        let batch = usize::try_from(input.shape[0]).ok().filter(|batch| *batch > 0);
        if batch.is_some_and(|batch| batch != 1) {
            return Err(interface(format!(
                "it takes {}: neither one picture nor any number",
                input.describe()
            )));
        }
        Ok(Self { name: input.name.clone(), batch, height: side(2), width: side(3) })
    }
}

/// A tensor of `values`, for [`run`].
pub(crate) fn tensor<T>(shape: &[usize], values: Vec<T>) -> Result<SessionInputValue<'static>, InferenceError>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    let shape = Shape::new(shape.iter().map(|side| *side as i64));
    Ok(Tensor::from_array((shape, values)).map_err(run_error)?.into())
}

/// Runs the graph.
pub(crate) fn run<'s>(
    session: &'s mut Session,
    inputs: Vec<(String, SessionInputValue<'_>)>,
) -> Result<SessionOutputs<'s>, InferenceError> {
    let inputs: Vec<(std::borrow::Cow<'_, str>, SessionInputValue<'_>)> =
        inputs.into_iter().map(|(name, value)| (name.into(), value)).collect();
    session.run(inputs).map_err(run_error)
}

/// The first output as `rows` rows of equal width: what embedding models give.
pub(crate) fn rows(outputs: &SessionOutputs<'_>, rows: usize) -> Result<Vec<Vec<f32>>, InferenceError> {
    let output = outputs
        .values()
        .next()
        .ok_or_else(|| InferenceError::Answer { reason: "it has no output".to_owned() })?;
    let (shape, values) = output.try_extract_tensor::<f32>().map_err(run_error)?;
    if rows == 0 || shape.first().copied() != i64::try_from(rows).ok() || values.is_empty() {
        return Err(InferenceError::Answer { reason: format!("{rows} went in, {shape:?} came out") });
    }
    Ok(values.chunks_exact(values.len() / rows).map(<[f32]>::to_vec).collect())
}

#[allow(clippy::needless_pass_by_value)] // for map_err
pub(crate) fn run_error(error: ort::Error) -> InferenceError {
    InferenceError::Run { reason: error.message().to_owned() }
}
