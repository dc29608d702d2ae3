//! One picture of the thumbnails of all sample photos: whatever is sideways or of the wrong colour is seen at once.
//!
//! `cargo run --release -p galleryfs-media --example contact_sheet -- OUT.png [FOLDER...]`. Of every folder those files
//! are taken that exiftool calls an image. What gives no thumbnail is a crossed field and is listed with its reason; so is
//! what has another shape than exiftool says. Ends with 1 if there is any of the latter.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for people

use std::ffi::OsString;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use media::decoder::{Decoders, Derived, Request};
use media::pixels::Picture;
use serde::Deserialize;

/// Pixels of a field's side.
const FIELD: u32 = 128;

/// Between the fields.
const GAP: u32 = 4;

/// Fields in a row.
const COLUMNS: u32 = 20;

/// Folders of the samples; libheif's `fuzzing` is malformed on purpose.
const USUAL: [&str; 5] = ["formats", "heif/examples", "heif/tests", "exif", "scenes/train2017"];

/// What exiftool says of a file.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    source_file: PathBuf,
    #[serde(default, rename = "MIMEType")]
    mime_type: String,
    image_width: Option<f64>,
    image_height: Option<f64>,
    orientation: Option<f64>,
    rotation: Option<f64>,
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    if first.as_deref() == Some("decoder".as_ref()) {
        return media::decoder::serve();
    }
    let out = first.map_or_else(|| PathBuf::from("target/contact-sheet.png"), PathBuf::from);
    let mut folders: Vec<PathBuf> = args.map(PathBuf::from).collect();
    if folders.is_empty() {
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/photos");
        folders = USUAL.iter().map(|folder| photos.join(folder)).collect();
    }
    match sheet(&folders, &out) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Makes the sheet; the number of files whose shape is not what exiftool says.
fn sheet(folders: &[PathBuf], out: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let files = images(folders)?;
    let count = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let decoders = Decoders::new(std::env::current_exe()?, vec![OsString::from("decoder")], count);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(listed) = files.get(n) else { return made };
            made.push((n, derive(&decoders, &listed.source_file)));
        }
    };
    let mut made = thread::scope(|scope| {
        let workers: Vec<_> = (0..count.get()).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    made.sort_by_key(|(n, _)| *n);
    let rows = (files.len() as u32).div_ceil(COLUMNS);
    let side = |fields: u32| fields * (FIELD + GAP) + GAP;
    let mut canvas = Canvas::new(side(COLUMNS), side(rows));
    let (mut failed, mut misshapen) = (0, 0);
    for (n, derived) in &made {
        let (row, column) = (*n as u32 / COLUMNS, *n as u32 % COLUMNS);
        let corner = (side(column), side(row));
        let Some(listed) = files.get(*n) else { continue };
        let place = format!("row {:2}, field {:2}: {}", row + 1, column + 1, listed.source_file.display());
        match derived {
            Ok(derived) => {
                if let Some(picture) = &derived.picture {
                    canvas.place(picture, corner);
                }
                if let Some(wrong) = shape(listed, derived) {
                    misshapen += 1;
                    println!("{place}\n    {wrong}");
                }
            }
            Err(reason) => {
                failed += 1;
                canvas.cross(corner);
                println!("{place}\n    {reason}");
            }
        }
    }
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    image::save_buffer(out, &canvas.rgb, canvas.width, canvas.height, image::ExtendedColorType::Rgb8)?;
    println!(
        "{} files, {failed} without a thumbnail, {misshapen} of another shape: {}",
        files.len(),
        out.display()
    );
    Ok(misshapen)
}

fn images(folders: &[PathBuf]) -> Result<Vec<Listed>, Box<dyn std::error::Error>> {
    let tags = ["-File:MIMEType", "-ImageWidth", "-ImageHeight", "-Orientation", "-Rotation"];
    let said =
        Command::new("exiftool").args(["-json", "-n", "-r", "-q", "-q"]).args(tags).args(folders).output()?;
    let mut files: Vec<Listed> = serde_json::from_slice(&said.stdout)?;
    files.retain(|listed| listed.mime_type.starts_with("image/"));
    files.sort_by(|a, b| a.source_file.cmp(&b.source_file));
    Ok(files)
}

fn derive(decoders: &Decoders, path: &Path) -> Result<Derived, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let request = Request { file_name, orientation: None, thumbnails: true, picture_short_side: Some(250) };
    decoders.derive(&file, &request).map_err(|error| error.to_string())
}

/// How the picture's shape differs from what exiftool says it is, if it does.
fn shape(listed: &Listed, derived: &Derived) -> Option<String> {
    let (width, height) = (listed.image_width? as u32, listed.image_height? as u32);
    // HEIF turns by a property, everything else by EXIF.
    let heif = listed.mime_type.starts_with("image/hei") || listed.mime_type == "image/avif";
    let turned = if heif {
        listed.rotation.is_some_and(|degrees| degrees as i64 % 180 != 0)
    } else {
        listed.orientation.is_some_and(|value| value >= 5.0)
    };
    let wanted = if turned { (height, width) } else { (width, height) };
    let is = (derived.full.width, derived.full.height);
    // A clean aperture takes away the margin that a coder filled up.
    let cropped = heif && is.0 <= wanted.0 && is.1 <= wanted.1 && is.0 + 8 > wanted.0 && is.1 + 8 > wanted.1;
    (is != wanted && !cropped)
        .then(|| format!("is {} x {}, and exiftool says {} x {}", is.0, is.1, wanted.0, wanted.1))
}

struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        Self { width, height, rgb: vec![64; width as usize * height as usize * 3] }
    }

    /// The picture in the middle of the field that begins here.
    fn place(&mut self, picture: &Picture, (left, top): (u32, u32)) {
        let long = picture.width().max(picture.height());
        let side = |side: u32| (side * FIELD / long.max(FIELD)).max(1);
        let small = picture.resized(side(picture.width()), side(picture.height()));
        let (left, top) = (left + (FIELD - small.width()) / 2, top + (FIELD - small.height()) / 2);
        for (y, line) in small.rgb().chunks_exact(small.width() as usize * 3).enumerate() {
            let at = ((top as usize + y) * self.width as usize + left as usize) * 3;
            if let Some(to) = self.rgb.get_mut(at..at + line.len()) {
                to.copy_from_slice(line);
            }
        }
    }

    fn cross(&mut self, (left, top): (u32, u32)) {
        for n in 0..FIELD {
            for x in [n, FIELD - 1 - n] {
                let at = ((top + n) as usize * self.width as usize + (left + x) as usize) * 3;
                if let Some(to) = self.rgb.get_mut(at..at + 3) {
                    to.copy_from_slice(&[255, 0, 0]);
                }
            }
        }
    }
}
