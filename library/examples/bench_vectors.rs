//! How long a search by meaning takes without the encoder: the scan, the cutoff, and what it finds compared with
//! comparing everything, over made-up embeddings (100,000 of 512 numbers, or as many as the first argument says) and, with
//! `--real FILE`, over real ones strewn with noise. The budgets are in `docs/performance.md`.
//!
//! `cargo run --release -p galleryfs-library --example bench_vectors -- 1000000`
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use library::Embedding;
use library::checksum::Checksum;
use library::id::RowNumber;
use library::meaning::{EncodeError, Encoder, PictureMeaning};
use library::pictures::Pictures;
use library::vectors::ModelName;
use roaring::RoaringBitmap;

const WIDTH: usize = 512;
const QUERIES: usize = 200;
const NEAREST: usize = 10;

/// A small generator, so that every run makes the same vectors.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Nearly normal, spread 1: the sum of four parts of one number.
    fn number(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| bits >> (part * 16) & 0xffff).sum();
        (sum as f32 / 65_536.0 - 2.0) * 1.732
    }

    fn around(&mut self, middle: &[f32], spread: f32) -> Embedding {
        let scale = spread / (middle.len() as f32).sqrt();
        let values: Vec<f32> = middle.iter().map(|value| value + scale * self.number()).collect();
        Embedding::new(values).unwrap_or_else(|_| unreachable!("a sum of noise is not all zeros"))
    }
}

/// As embeddings of photos are: all have something in common, most of what is left lies in few directions, and there
/// are scenes within scenes.
fn scenes(dice: &mut Dice) -> Vec<Vec<f32>> {
    let common: Vec<f32> = (0..WIDTH).map(|_| dice.number()).collect();
    let common = dice.around(&common, 0.0);
    let kinds: Vec<Embedding> = (0..60).map(|_| dice.around(common.as_slice(), 1.2)).collect();
    (0..2000).map(|at| dice.around(kinds[at % kinds.len()].as_slice(), 0.7).as_slice().to_vec()).collect()
}

/// Stands for a text tower that costs nothing: what is measured is all but the encoder.
struct Answers {
    model: ModelName,
    answers: Vec<Embedding>,
}

impl Encoder for Answers {
    fn model(&self) -> &ModelName {
        &self.model
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        let hash = Checksum::of(text.as_bytes());
        let number = u32::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1], hash.as_bytes()[2], 0]);
        let chosen: usize =
            text.rsplit(' ').next().and_then(|last| last.parse().ok()).unwrap_or(number as usize);
        Ok(self.answers[chosen % self.answers.len()].clone())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut count = 100_000;
    let mut real = None;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--real" => real = args.next(),
            "--open" => {
                let (Some(dir), Some(count)) = (args.next(), args.next()) else {
                    return Err("no folder".into());
                };
                return report_open(Path::new(&dir), count.parse()?);
            }
            number => count = number.parse()?,
        }
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let middles = match &real {
        None => scenes(&mut dice),
        Some(file) => std::fs::read(file)?
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect::<Vec<f32>>()
            .chunks_exact(WIDTH)
            .map(<[f32]>::to_vec)
            .collect(),
    };
    let spread = if real.is_some() { 0.35 } else { 0.6 };
    let dir = tempfile::tempdir()?;
    let model = ModelName::new("bench")?;
    println!("{count} embeddings of {WIDTH} numbers, {}", real.as_deref().unwrap_or("made up"));

    let mut exact: Vec<Embedding> = Vec::with_capacity(count);
    {
        let pictures = Pictures::open(dir.path(), &model, WIDTH, Weak::new())?;
        let start = Instant::now();
        for number in 0..count {
            let embedding = dice.around(&middles[number % middles.len()], spread);
            pictures.put(&Checksum::of(&number.to_le_bytes()), &embedding)?;
            exact.push(embedding);
        }
        println!("put: {:.0} a second", count as f64 / start.elapsed().as_secs_f64());
    }
    // In a process of its own, which never held anything else.
    let child = std::process::Command::new(std::env::current_exe()?)
        .args(["--open", &dir.path().to_string_lossy(), &count.to_string()])
        .output()?;
    print!("{}", String::from_utf8_lossy(&child.stdout));
    let (pictures, _) = open(dir.path(), &model, count)?;

    let answers: Vec<Embedding> =
        (0..QUERIES).map(|at| dice.around(&middles[at * 7 % middles.len()], spread)).collect();
    let all: RoaringBitmap = (0..count as u32).collect();
    let encoder = Answers { model: model.clone(), answers: answers.clone() };
    let meaning = PictureMeaning::new(Arc::clone(&pictures), Arc::new(encoder))?;
    meaning.prepare()?;

    let (mut right, mut plain) = (0, Vec::new());
    for (number, query) in answers.iter().enumerate() {
        let start = Instant::now();
        let mut scores: Vec<(f32, u32)> = exact
            .iter()
            .zip(0..)
            .map(|(one, row)| (one.as_slice().iter().zip(query.as_slice()).map(|(a, b)| a * b).sum(), row))
            .collect();
        scores.select_nth_unstable_by(NEAREST, |one, other| other.0.total_cmp(&one.0));
        plain.push(start.elapsed());
        let found = meaning.rank_all(&format!("query {number}"), &all, NEAREST)?;
        right +=
            scores[..NEAREST].iter().filter(|(_, row)| found.iter().any(|(one, _)| one.0 == *row)).count();
    }
    println!(
        "recall@{NEAREST} against all compared in f32: {:.4}",
        right as f64 / (NEAREST * QUERIES) as f64
    );
    drop(exact);

    let third: RoaringBitmap = (0..count as u32).filter(|row| row % 3 == 0).collect();
    let few: RoaringBitmap = (0..count as u32).filter(|row| row % 997 == 0).collect();
    let plain = report("f32, all compared, plainly", plain, None);
    for (name, allowed) in [("all", &all), ("a third", &third), ("one in 997", &few)] {
        let mut times = Vec::new();
        for number in 0..QUERIES {
            let text = format!("query {number}");
            let start = Instant::now();
            meaning.rank_all(&text, allowed, 500)?;
            times.push(start.elapsed());
        }
        report(&format!("nearest 500, {name}"), times, Some(plain));
    }
    for round in ["first time", "again"] {
        let (mut times, mut hits) = (Vec::new(), 0);
        for number in 0..QUERIES {
            let text = format!("query {number}");
            let start = Instant::now();
            hits += meaning.find(&text, &all, 500)?.len();
            times.push(start.elapsed());
        }
        report(&format!("search with its cutoff, {round} ({} found)", hits / QUERIES), times, Some(plain));
    }
    Ok(())
}

fn open(dir: &Path, model: &ModelName, count: usize) -> Result<(Arc<Pictures>, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let pictures = Pictures::open(dir, model, WIDTH, Weak::new())?;
    let took = start.elapsed();
    pictures.tie((0..count).map(|number| (RowNumber(number as u32), Checksum::of(&number.to_le_bytes()))));
    Ok((Arc::new(pictures), took))
}

fn report_open(dir: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    let before = memory_mb();
    let (pictures, took) = open(dir, &ModelName::new("bench")?, count)?;
    let memory = memory_mb() - before;
    let each = memory * 1e6 / pictures.len() as f64;
    println!("opened in {:.2} s, {memory:.0} MB of memory ({each:.0} bytes each)", took.as_secs_f64());
    Ok(())
}

fn report(name: &str, mut times: Vec<Duration>, than: Option<Duration>) -> Duration {
    times.sort_unstable();
    let median = times[times.len() / 2];
    let late = times[(times.len() * 99 / 100).min(times.len() - 1)];
    let ratio = than.map(|than| format!(", {:.1} x faster", than.as_secs_f64() / median.as_secs_f64()));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("{name}: p50 {:.2} ms, p99 {:.2} ms{}", ms(median), ms(late), ratio.unwrap_or_default());
    median
}

/// Memory of this process that no file backs, in MB.
fn memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    anonymous
        .and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok())
        .map_or(0.0, |kilobytes| kilobytes * 1024.0 / 1e6)
}
