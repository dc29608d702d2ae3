//! How right search by meaning is, with a real model over real photos: captions find their pictures, words find what
//! shows them and nothing for what is not there, and `things/` against what people marked.
//!
//! The model is run by `scripts/clip-pipe.py`, which says what it needs; `PYTHON` names the Python that has it.
//!
//! `PYTHON=venv/bin/python cargo run --release -p galleryfs-library --example meaning_accuracy -- ../shared`
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use library::Embedding;
use library::checksum::Checksum;
use library::id::RowNumber;
use library::meaning::{EncodeError, Encoder, PictureMeaning};
use library::pictures::Pictures;
use library::search::Meaning as _;
use library::things::Things;
use library::vectors::ModelName;
use roaring::RoaringBitmap;

/// Ordinary things that `flickr` shows, with what captions call them.
const THERE: &[(&str, &str)] = &[
    ("a dog", "dog puppy"),
    ("snow", "snow"),
    ("beach", "beach shore sand"),
    ("a bicycle", "bicycl bike biking"),
    ("mountains", "mountain"),
    ("a baby", "baby infant toddler"),
    ("a car", "car cars vehicle truck"),
    ("a boat", "boat canoe kayak raft"),
    ("ocean", "ocean sea wave"),
    ("soccer", "soccer"),
    ("swimming pool", "pool"),
    ("playground", "playground slide swing"),
    ("rock climbing", "climb"),
    ("a horse", "horse"),
    ("motorcycle", "motorcycl motorbike"),
    ("a crowd of people", "crowd people"),
    ("river", "river stream creek"),
    ("grass", "grass field lawn"),
    ("a girl in pink", "pink"),
    ("street", "street road sidewalk"),
];

/// Ordinary things that it does not show.
const NOT_THERE: &[&str] = &[
    "airplane",
    "an elephant",
    "a giraffe",
    "zebra",
    "penguins",
    "piano",
    "helicopter",
    "lighthouse",
    "castle",
    "pyramid",
    "volcano",
    "sushi",
    "submarine",
    "chess",
    "basketball",
    "a tiger",
    "windmill",
    "microwave",
    "a butterfly",
    "spaghetti",
];

/// Less ordinary ones, and such as one would take for something else.
const ALSO_THERE: &[(&str, &str)] = &[
    ("tennis", "tennis"),
    ("skateboard", "skateboard"),
    ("baseball", "baseball"),
    ("guitar", "guitar"),
    ("frisbee", "frisbee"),
    ("a bench", "bench"),
    ("swing", "swing"),
    ("bikini", "bikini"),
    ("sunglasses", "sunglasses glasses"),
    ("fountain", "fountain"),
    ("hiking", "hik"),
    ("lake", "lake water"),
    ("stroller", "stroller"),
    ("children playing", "child kids boys girls"),
    ("bed", "bed"),
    ("night", "night dark"),
    ("fire", "fire"),
    ("restaurant", "restaurant table"),
    ("bridge", "bridge"),
    ("hat", "hat hats cap"),
    ("a running dog", "dog"),
    ("sand", "sand beach"),
    ("football", "football"),
    ("a tree", "tree wood forest"),
    ("surfing", "surf"),
    ("sunset", "sunset sun"),
    ("handstand", "handstand"),
    ("a woman in a dress", "dress"),
];

const NOR_THERE: &[&str] = &[
    "a refrigerator",
    "kangaroo",
    "dinosaur",
    "a cat",
    "fireworks",
    "bride and groom",
    "lion",
    "dolphin",
    "frog",
    "owl",
    "swan",
    "violin",
    "toothbrush",
    "snake",
    "keyboard",
    "bathtub",
    "hospital",
    "cruise ship",
    "telescope",
    "passport",
    "astronaut",
    "camel",
    "newspaper",
    "sumo wrestlers",
    "ballet",
    "kitten",
    "rabbit",
    "turtle",
    "stained glass window",
    "trumpet",
    "rodeo",
    "ferris wheel",
    "nurse",
    "bulldozer",
    "broccoli",
    "strawberry",
    "teapot",
    "sewing machine",
    "cactus",
];

/// Classes of COCO that are a thing here under another name.
const CLASSES: &[(&str, &str)] = &[
    ("sofa", "couch"),
    ("television", "tv"),
    ("phone", "cell phone"),
    ("carrots", "carrot"),
    ("doughnut", "donut"),
    ("surfing", "surfboard"),
    ("skateboarding", "skateboard"),
    ("tennis", "tennis racket"),
    ("baseball", "baseball bat"),
    ("skiing", "skis"),
    ("snowboarding", "snowboard"),
    ("necktie", "tie"),
];

/// The Python pipeline.
struct Pipe {
    model: ModelName,
    width: usize,
    lines: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _child: Child,
}

impl Pipe {
    fn start(model: &Path) -> Result<Self, Box<dyn Error>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/clip-pipe.py");
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let mut child = Command::new(python)
            .arg(script)
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipe".into());
        };
        let mut output = BufReader::new(output);
        let mut width = [0; 4];
        output.read_exact(&mut width)?;
        Ok(Self {
            model: ModelName::new("standin")?,
            width: u32::from_le_bytes(width) as usize,
            lines: Mutex::new((input, output)),
            _child: child,
        })
    }

    fn ask(&self, line: &str) -> Result<Embedding, Box<dyn Error + Send + Sync>> {
        let (input, output) = &mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(input, "{line}")?;
        input.flush()?;
        let mut bytes = vec![0; self.width * 4];
        output.read_exact(&mut bytes)?;
        let values =
            bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]]));
        Ok(Embedding::new(values.collect::<Vec<f32>>())?)
    }
}

impl Encoder for Pipe {
    fn model(&self) -> &ModelName {
        &self.model
    }

    fn encode(&self, text: &str) -> Result<Embedding, EncodeError> {
        self.ask(&format!("text {text}")).map_err(EncodeError::new)
    }
}

fn photos(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jpg") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(format!("no photos in {}", folder.display()).into());
    }
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Some photos, embedded.
struct Photos {
    meaning: PictureMeaning,
    names: Vec<String>,
    all: RoaringBitmap,
    _dir: tempfile::TempDir,
}

fn embed(
    pipe: &Arc<Pipe>,
    paths: &[PathBuf],
    known: &mut HashMap<PathBuf, Embedding>,
) -> Result<Photos, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let pictures = Pictures::open(dir.path(), &pipe.model, pipe.width, Weak::new())?;
    let content = |number: u32| Checksum::of(&number.to_le_bytes());
    for (number, path) in (0..).zip(paths) {
        if !known.contains_key(path) {
            let embedding =
                pipe.ask(&format!("picture {}", path.display())).map_err(|error| error.to_string())?;
            known.insert(path.clone(), embedding);
        }
        if let Some(embedding) = known.get(path) {
            pictures.put(&content(number), embedding)?;
        }
    }
    let count = paths.len() as u32;
    pictures.tie((0..count).map(|number| (RowNumber(number), content(number))));
    let meaning = PictureMeaning::new(Arc::new(pictures), Arc::clone(pipe) as Arc<dyn Encoder>)?;
    Ok(Photos {
        meaning,
        names: paths.iter().map(|path| name(path)).collect(),
        all: (0..count).collect(),
        _dir: dir,
    })
}

impl Photos {
    /// What a search shows, as the library asks it: without words written anywhere.
    fn shown(&self, query: &str) -> Result<Vec<usize>, Box<dyn Error>> {
        let heard = self.meaning.hear(query);
        if !heard.unknown.is_empty() || heard.known.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.meaning.find(&heard.known, &self.all, usize::MAX)?;
        Ok(found.into_iter().map(|(row, _)| row.0 as usize).collect())
    }
}

type Captions = HashMap<String, Vec<String>>;

fn read_captions(path: &Path) -> Result<Captions, Box<dyn Error>> {
    let mut captions = Captions::new();
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let (image, caption) = line.split_once(',').ok_or("no caption")?;
        captions.entry(image.to_owned()).or_default().push(caption.trim_matches('"').replace("\"\"", "\""));
    }
    Ok(captions)
}

fn mentions(captions: &Captions, image: &str, stems: &str) -> bool {
    let words = captions
        .get(image)
        .into_iter()
        .flatten()
        .flat_map(|caption| caption.split(|c: char| !c.is_alphabetic()));
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    stems.split(' ').any(|stem| {
        words.iter().any(|word| {
            if stem.len() <= 3 {
                word == stem || word.strip_suffix('s') == Some(stem)
            } else {
                word.starts_with(stem)
            }
        })
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let shared = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "../shared".into()));
    let pipe = Arc::new(Pipe::start(&shared.join("models/clip/standin"))?);
    let mut known = HashMap::new();
    let flickr = photos(&shared.join("photos/flickr/images"))?;
    let captions = read_captions(&shared.join("photos/flickr/captions.csv"))?;
    let photos_of_flickr = embed(&pipe, &flickr, &mut known)?;
    ranking(&photos_of_flickr, &captions)?;
    for (title, there, not_there) in [
        ("20 ordinary queries of each kind", THERE, NOT_THERE),
        ("others, less ordinary", ALSO_THERE, NOR_THERE),
    ] {
        cutoff(title, &photos_of_flickr, &captions, there, not_there)?;
    }
    // The same photos among others, and fewer of them: no threshold may hang on how many there are.
    let mut faces = Vec::new();
    for entry in std::fs::read_dir(shared.join("photos/people/lfw"))? {
        faces.extend(photos(&entry?.path())?);
    }
    let more: Vec<PathBuf> = flickr.iter().chain(&faces).cloned().collect();
    let half: Vec<PathBuf> = flickr.iter().step_by(2).cloned().collect();
    for (title, paths) in [("flickr and lfw", &more), ("half of flickr", &half)] {
        let photos = embed(&pipe, paths, &mut known)?;
        cutoff(title, &photos, &captions, THERE, NOT_THERE)?;
    }
    let scenes = photos(&shared.join("photos/scenes/train2017"))?;
    let both: Vec<PathBuf> = flickr.iter().chain(&scenes).cloned().collect();
    let marked = read_classes(&shared.join("photos/scenes/annotations/instances_train2017.json"))?;
    things(&embed(&pipe, &both, &mut known)?, &captions, &marked)
}

/// Captions find their pictures, without a cutoff.
fn ranking(photos: &Photos, captions: &Captions) -> Result<(), Box<dyn Error>> {
    let (mut at, mut asked) = ([0_usize; 3], 0);
    for (row, image) in photos.names.iter().enumerate() {
        for caption in captions.get(image).into_iter().flatten() {
            let ranked = photos.meaning.rank_all(caption, &photos.all, 10)?;
            asked += 1;
            if let Some(rank) = ranked.iter().position(|(found, _)| found.0 as usize == row) {
                for (count, within) in at.iter_mut().zip([1, 5, 10]) {
                    *count += usize::from(rank < within);
                }
            }
        }
    }
    let share = |count: usize| count as f64 / f64::from(asked);
    println!(
        "captions of flickr, {asked}: R@1 {:.3}, R@5 {:.3}, R@10 {:.3}",
        share(at[0]),
        share(at[1]),
        share(at[2])
    );
    Ok(())
}

/// Whether anything is shown for what is there and what is not, and what.
fn cutoff(
    title: &str,
    photos: &Photos,
    captions: &Captions,
    there: &[(&str, &str)],
    not_there: &[&str],
) -> Result<(), Box<dyn Error>> {
    let (mut missed, mut precision, mut recall) = (Vec::new(), 0.0, 0.0);
    for (query, stems) in there {
        let shown = photos.shown(query)?;
        let right = |row: &&usize| mentions(captions, &photos.names[**row], stems);
        let relevant = photos.names.iter().filter(|name| mentions(captions, name, stems)).count();
        if shown.is_empty() {
            missed.push(*query);
            continue;
        }
        let hits = shown.iter().filter(right).count();
        precision += hits as f64 / shown.len() as f64;
        recall += hits as f64 / relevant.max(1) as f64;
        if ["a dog", "snow"].contains(query) {
            let first = shown.iter().take(10).filter(right).count();
            println!(
                "  {query}: {} shown, {hits} right, {relevant} there; P@10 {:.1}",
                shown.len(),
                first as f64 / shown.len().min(10) as f64
            );
        }
    }
    let mut wrongly = Vec::new();
    for query in not_there {
        let shown = photos.shown(query)?;
        if !shown.is_empty() {
            wrongly.push(format!("{query} ({})", shown.len()));
        }
    }
    let found = there.len() - missed.len();
    println!(
        "{title}: anything shown: precision {:.2}, recall {:.2}; of what is shown, by captions: precision {:.2}, recall {:.2}",
        found as f64 / (found + wrongly.len()).max(1) as f64,
        found as f64 / there.len() as f64,
        precision / found.max(1) as f64,
        recall / found.max(1) as f64,
    );
    println!("  missed: {missed:?}; shown though not there: {wrongly:?}");
    Ok(())
}

fn read_classes(path: &Path) -> Result<HashMap<String, HashSet<String>>, Box<dyn Error>> {
    let coco: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let list = |name: &str| coco[name].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let classes: HashMap<u64, String> =
        list("categories").iter().map(|one| (one["id"].as_u64().unwrap_or(0), text(&one["name"]))).collect();
    let images: HashMap<u64, String> = list("images")
        .iter()
        .map(|one| (one["id"].as_u64().unwrap_or(0), name(Path::new(&text(&one["file_name"])))))
        .collect();
    let mut marked: HashMap<String, HashSet<String>> =
        images.values().map(|name| (name.clone(), HashSet::new())).collect();
    for one in list("annotations") {
        let image = one["image_id"].as_u64().and_then(|id| images.get(&id));
        let class = one["category_id"].as_u64().and_then(|id| classes.get(&id));
        if let (Some(image), Some(class)) = (image, class) {
            marked.entry(image.clone()).or_default().insert(class.clone());
        }
    }
    Ok(marked)
}

/// Things against COCO's classes, and against the words of captions.
fn things(
    photos: &Photos,
    captions: &Captions,
    marked: &HashMap<String, HashSet<String>>,
) -> Result<(), Box<dyn Error>> {
    let things = Things::find(&photos.meaning, &photos.all)?;
    let classes: HashSet<&String> = marked.values().flatten().collect();
    let (mut coco, mut said) = ([0_usize; 2], [0_usize; 2]);
    let (mut there, mut told) = (0, 0);
    let mut lines = Vec::new();
    for group in things.groups() {
        for (label, rows) in things.of_group(group) {
            let class = CLASSES.iter().find(|(ours, _)| *ours == label).map_or(label, |(_, class)| class);
            let (mut right, mut wrong) = (0, 0);
            for row in rows {
                let image = &photos.names[row as usize];
                let is_right = match marked.get(image) {
                    Some(marked) if classes.iter().any(|known| *known == class) => {
                        let is_right = marked.contains(class);
                        coco[usize::from(!is_right)] += 1;
                        is_right
                    }
                    Some(_) => continue,
                    None if !label.contains(' ') => {
                        let is_right = mentions(captions, image, label);
                        said[usize::from(!is_right)] += 1;
                        is_right
                    }
                    None => continue,
                };
                if is_right { right += 1 } else { wrong += 1 }
            }
            lines.push((right + wrong, format!("{group}/{label} {right}+{wrong}")));
            there += classes
                .iter()
                .filter(|known| **known == class)
                .map(|_| marked.values().filter(|classes| classes.contains(class)).count())
                .sum::<usize>();
            if !label.contains(' ') {
                told += captions.keys().filter(|image| mentions(captions, image, label)).count();
            }
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.0));
    let share = |right: usize, of: usize| right as f64 / of.max(1) as f64;
    println!(
        "things over flickr and scenes: {} found; against COCO: precision {:.2} ({} of {}), recall of those labels {:.2}; against captions: precision {:.2} ({} of {}), recall {:.2}",
        lines.len(),
        share(coco[0], coco[0] + coco[1]),
        coco[0],
        coco[0] + coco[1],
        share(coco[0], there),
        share(said[0], said[0] + said[1]),
        said[0],
        said[0] + said[1],
        share(said[0], told),
    );
    let largest: Vec<&str> = lines.iter().take(30).map(|line| line.1.as_str()).collect();
    println!("  the largest (right+wrong): {}", largest.join(", "));
    Ok(())
}
