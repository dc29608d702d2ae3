//! How near looking comes to what it is made of: `galleryfs index` over photos, against decoding them and running the bare
//! model sessions on prepared tensors, one after the other, in the same run.
//!
//! `cargo run --release -p galleryfs --example pipeline_speed [PHOTOS MODELS]`, after `cargo build --release`. Reads `shared`
//! beside the repository unless folders are given. What one photo alone takes (start, models being opened and proved,
//! the end) is subtracted. Ends with 1 when the ratio is below 0.9.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for people

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use media::decoder::{Decoders, Request};
use media::thumbnails::PREVIEW_SHORT_SIDE;
use ort::environment::{Environment, GlobalThreadPoolOptions};
use ort::session::Session;
use ort::value::Tensor;

/// How often each is measured; the better time counts.
const ROUNDS: usize = 3;

/// As many as the product puts into one run on a processor.
const BATCH: usize = 4;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match measure() {
        Ok(ratio) if ratio >= 0.9 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Outcome<f64> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let mut given = std::env::args_os().skip(1).map(PathBuf::from);
    let photos = given.next().unwrap_or_else(|| shared.join("photos/flickr/images"));
    let models = given.next().unwrap_or_else(|| shared.join("models"));
    let program = std::env::current_exe()?.ancestors().nth(2).ok_or("no folder")?.join("galleryfs");
    let mut files: Vec<PathBuf> =
        photos.read_dir()?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    let one = tempfile::tempdir()?;
    let first = files.first().ok_or("there are no photos")?;
    std::fs::copy(first, one.path().join("one.jpg"))?;
    let runtime = tempfile::tempdir()?;
    let library = pull(&program, runtime.path())?;

    let index = |photos: &Path| index(&program, photos, &models, &library);
    let (mut whole, mut start, mut faces) = (Duration::MAX, Duration::MAX, 0);
    let (mut decoding, mut thumbnails) = (Duration::MAX, Duration::MAX);
    let mut bare = Bare::open(&library, &models)?;
    let mut sessions = Duration::MAX;
    for _ in 0..ROUNDS {
        let (took, found) = index(&photos)?;
        whole = whole.min(took);
        faces = found;
        start = start.min(index(one.path())?.0);
        decoding = decoding.min(decode(&program, &files, false)?);
        thumbnails = thumbnails.min(decode(&program, &files, true)?);
        sessions = sessions.min(bare.run(files.len(), faces)?);
    }
    let product = whole.saturating_sub(start);
    let rate = |time: Duration| files.len() as f64 / time.as_secs_f64();
    println!("{} photos, {faces} faces", files.len());
    println!("galleryfs index: {:.1} photos/s, in {product:.2?} after a start of {start:.2?}", rate(product));
    println!("decoding alone: {:.1}/s; with thumbnails: {:.1}/s", rate(decoding), rate(thumbnails));
    println!("bare sessions alone: {:.1}/s", rate(sessions));
    let ratio = |parts: Duration| parts.as_secs_f64() / product.as_secs_f64();
    println!("ratio to sessions and decoding {:.2} x", ratio(sessions + decoding));
    let fair = ratio(sessions + thumbnails);
    println!("ratio to sessions and decoding with thumbnails {fair:.2} x");
    Ok(fair)
}

/// Fetches ONNX Runtime as a user would.
fn pull(program: &Path, data: &Path) -> Outcome<PathBuf> {
    let status = Command::new(program)
        .args(["runtime", "pull", "cpu", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("runtime pull: {status}").into());
    }
    let folder = data.join("onnxruntime/lib");
    let mut libraries = folder.read_dir()?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_it = |path: &PathBuf| path.to_string_lossy().contains("libonnxruntime.so");
    libraries.find(is_it).ok_or_else(|| "no runtime was pulled".into())
}

/// Indexes photos in a new library, and says how long it took and how many faces were found.
fn index(program: &Path, photos: &Path, models: &Path, library: &Path) -> Outcome<(Duration, usize)> {
    let data = tempfile::tempdir()?;
    let command = |words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).arg("--data").arg(data.path()).stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let begun = Instant::now();
    let status = command(&["index"])
        .arg("--photos")
        .arg(photos)
        .arg("--models")
        .arg(models)
        .arg("--onnxruntime")
        .arg(library)
        .args(["--provider", "cpu"])
        .stdout(Stdio::null())
        .status()?;
    let took = begun.elapsed();
    if !status.success() {
        return Err(format!("index: {status}").into());
    }
    let list = command(&["list", "--json"]).output()?;
    let faces = |line: &[u8]| {
        let asset: serde_json::Value = serde_json::from_slice(line).ok()?;
        asset["faces"].as_array().map(Vec::len)
    };
    Ok((took, list.stdout.split(|byte| *byte == b'\n').filter_map(faces).sum()))
}

/// Decodes all files as the product does, on all cores.
fn decode(program: &Path, files: &[PathBuf], thumbnails: bool) -> Outcome<Duration> {
    let count = thread::available_parallelism()?;
    let decoders = Decoders::new(program.to_owned(), vec![OsString::from("decoder")], count);
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = File::open(path).map_err(|error| error.to_string())?;
            let request = Request {
                file_name: "a.jpg".to_owned(),
                orientation: None,
                thumbnails,
                picture_short_side: Some(PREVIEW_SHORT_SIDE),
            };
            decoders.derive(&file, &request).map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count.get()).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a thread panicked".to_owned())))
    })?;
    Ok(started.elapsed())
}

/// Sessions and nothing else.
struct Bare {
    clip: Session,
    detector: Session,
    recogniser: Session,
    // Last: the sessions are of it.
    _environment: Environment,
}

impl Bare {
    fn open(library: &Path, models: &Path) -> Outcome<Self> {
        // In this order: nothing of ONNX Runtime is there before its library is named.
        let builder = ort::init_from(library)?;
        let pool = GlobalThreadPoolOptions::default();
        let environment = builder.with_telemetry(false).with_global_thread_pool(pool).build()?;
        let open = |path: &str| -> Outcome<Session> {
            Ok(Session::builder(&environment)?.commit_from_file(models.join(path))?)
        };
        Ok(Self {
            clip: open("clip/standin/visual/model.onnx")?,
            detector: open("facial-recognition/standin/detection/model.onnx")?,
            recogniser: open("facial-recognition/standin/recognition/model.onnx")?,
            _environment: environment,
        })
    }

    /// So many pictures with so many faces.
    fn run(&mut self, pictures: usize, faces: usize) -> Outcome<Duration> {
        let begun = Instant::now();
        run(&mut self.clip, pictures, BATCH, 224)?;
        run(&mut self.detector, pictures, 1, 640)?;
        run(&mut self.recogniser, faces, BATCH, 112)?;
        Ok(begun.elapsed())
    }
}

/// Runs a session over so many squares, made beforehand, in batches.
fn run(session: &mut Session, count: usize, batch: usize, side: usize) -> Outcome<()> {
    let declared = session.inputs().first().ok_or("a graph without inputs")?;
    let name = declared.name().to_owned();
    let batch = if declared.dtype().tensor_shape().is_some_and(|shape| shape.first() == Some(&1)) {
        1
    } else {
        batch
    };
    let tensor = |count: usize| {
        let values: Vec<f32> =
            (0..count * 3 * side * side).map(|at| (at % 255) as f32 / 127.5 - 1.0).collect();
        Tensor::from_array(([count, 3, side, side], values))
    };
    let full = tensor(batch)?;
    let mut left = count;
    while left >= batch {
        session.run(ort::inputs![name.as_str() => &full])?;
        left -= batch;
    }
    if left > 0 {
        session.run(ort::inputs![name.as_str() => &tensor(left)?])?;
    }
    Ok(())
}
