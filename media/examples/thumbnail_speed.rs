//! Thumbnails and preview from 12-megapixel JPEGs, against `vipsthumbnail` making the same two sizes in the same run.
//!
//! `cargo run --release -p galleryfs-media --example thumbnail_speed [FILES]`. vips' two runs are added up; each gets all
//! files at once, so that its own start counts once. Ours makes four things of a file: 250, 480, 1440 and the thumbhash.
//! Ends with 1 when the ratio is below 1.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for people

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use media::decoder::{Decoders, Request};

/// The pictures' sides in pixels.
const SIDES: (usize, usize) = (4000, 3000);

/// How often each side is measured; the better time counts.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let first = std::env::args_os().nth(1);
    if first.as_deref() == Some("decoder".as_ref()) {
        return media::decoder::serve();
    }
    let count = first.and_then(|count| count.to_str()?.parse().ok()).unwrap_or(24);
    match measure(count) {
        Ok(ratio) if ratio >= 1.0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn measure(count: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let files: Vec<PathBuf> = (0..count).map(|n| folder.path().join(format!("photo-{n}.jpg"))).collect();
    let mut bytes = 0;
    for (n, path) in files.iter().enumerate() {
        let jpeg = photo(n as u64 + 1)?;
        bytes += jpeg.len();
        fs::write(path, jpeg)?;
    }
    let (mut ours, mut small, mut preview) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        ours = ours.min(galleryfs(&files)?);
        small = small.min(vips(&files, "x250", folder.path(), "%s-250.webp[Q=80]")?);
        preview = preview.min(vips(&files, "x1440", folder.path(), "%s-1440.jpg[Q=80]")?);
    }
    let theirs = small + preview;
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    println!("{count} JPEGs of {} x {}, {:.1} MB each", SIDES.0, SIDES.1, bytes as f64 / count as f64 / 1e6);
    println!(
        "galleryfs: {:.1}/s; vipsthumbnail: {:.1}/s (250: {:.1}/s, 1440: {:.1}/s)",
        rate(ours),
        rate(theirs),
        rate(small),
        rate(preview)
    );
    println!("ratio {ratio:.2} x");
    Ok(ratio)
}

fn galleryfs(files: &[PathBuf]) -> Result<Duration, Box<dyn std::error::Error>> {
    let count = thread::available_parallelism()?;
    let decoders = Decoders::new(std::env::current_exe()?, vec![OsString::from("decoder")], count);
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = File::open(path).map_err(|error| error.to_string())?;
            let request = Request {
                file_name: "a.jpg".to_owned(),
                orientation: None,
                thumbnails: true,
                picture_short_side: None,
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

fn vips(
    files: &[PathBuf],
    size: &str,
    folder: &Path,
    out: &str,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let started = Instant::now();
    let status =
        Command::new("vipsthumbnail").args(["--size", size, "-o"]).arg(folder.join(out)).args(files).status();
    let status = status.map_err(|error| format!("vipsthumbnail: {error} (apt install libvips-tools)"))?;
    if status.success() { Ok(started.elapsed()) } else { Err(format!("vipsthumbnail: {status}").into()) }
}

/// A picture with what costs decoders time in photos: soft gradients, edges, and noise as of a sensor.
fn photo(seed: u64) -> std::io::Result<Vec<u8>> {
    let (width, height) = SIDES;
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let noise = (random % 25) as f64 - 12.0;
            let wave = ((x as f64 / 37.0).sin() + (y as f64 / 53.0 + seed as f64).cos()) * 30.0;
            let edge = if (x / 211 + y / 173).is_multiple_of(2) { 40.0 } else { -20.0 };
            let light = 110.0 + wave + edge + noise;
            let across = x as f64 / width as f64 * 50.0;
            rgb.extend([light + across, light, light - across].map(|value| value.clamp(0.0, 255.0) as u8));
        }
    }
    let mut jpeg = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    jpeg.set_fastest_defaults();
    jpeg.set_size(width, height);
    jpeg.set_quality(90.0);
    jpeg.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
    let mut started = jpeg.start_compress(Vec::new())?;
    started.write_scanlines(&rgb)?;
    started.finish()
}
