//! What gathering faces into people costs at a given number of faces and width of embeddings: made-up people, as far from
//! each other and as near to themselves as those of LFW are to the stand-in model.
//!
//! `cargo run --release -p galleryfs-library --example bench_people -- 100000 128`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use library::people::{DetectedFace, FaceEmbeddings};
use library::{
    Checksum, Digests, Effort, Embedding, FaceBox, FaceKey, FilePath, FileStat, Library, Metadata,
    Observation, RootSpec,
};

/// How large the moment is against the person: the cosine of two of one is 1 / (1 + 0.7²) = 0.67.
const MOMENT: f32 = 0.7;

/// Embeddings made when they are asked for: kept elsewhere they are not part of what is measured.
struct Made {
    width: usize,
    who: HashMap<FaceKey, (u64, u64)>,
}

impl FaceEmbeddings for Made {
    fn get(&self, _: &str, face: &FaceKey) -> Option<Embedding> {
        let (who, moment) = *self.who.get(face)?;
        let base = direction(who, self.width);
        let moment = direction(moment, self.width);
        Embedding::new(base.zip(moment).map(|(base, moment)| base + MOMENT * moment).collect::<Vec<_>>()).ok()
    }
}

fn direction(seed: u64, width: usize) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..width).map(move |_| next() + next() + next())
}

/// People as in a family's photos: a few in thousands, many in a handful, a third of all faces strangers met once.
fn person(at: u64) -> u64 {
    let mixed = (at + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32;
    match mixed % 12 {
        0..=3 => 1_000_000 + at,
        4..=6 => mixed / 12 % 8,
        7..=9 => 100 + mixed / 12 % 300,
        _ => 1000 + mixed / 12 % 4000,
    }
}

fn main() {
    let argument =
        |at, otherwise: u64| std::env::args().nth(at).and_then(|arg| arg.parse().ok()).unwrap_or(otherwise);
    let (count, width) = (argument(1, 100_000), argument(2, 128) as usize);
    let data = tempfile::tempdir().unwrap();
    let (library, _) = Library::open(data.path()).unwrap();
    let root = library.set_roots(library.account(), &[RootSpec { path: "/pictures".into() }]).unwrap()[0];
    let mut who = HashMap::new();
    let mut photos: Vec<(Checksum, Vec<DetectedFace>)> = Vec::new();
    let mut at = 0;
    while at < count {
        let content = Digests::of(&at.to_be_bytes()).checksum;
        let faces = 1 + at % 3;
        let found = (0..faces).map(|face| {
            let left = 0.1 + face as f32 * 0.25;
            let place = FaceBox::from_fractions([left, 0.2, left + 0.2, 0.5]).unwrap();
            who.insert(FaceKey { content, at: place }, (person(at + face), 1 << 40 | (at + face)));
            DetectedFace { at: place, score: 0.8, side_px: 100.0, sharpness: 150.0 }
        });
        photos.push((content, found.collect()));
        at += faces;
    }
    let begun = Instant::now();
    let seen: Vec<Observation> = photos
        .iter()
        .enumerate()
        .map(|(at, (content, _))| Observation::Asset {
            path: FilePath::new(root, format!("{}/IMG_{at:07}.jpg", at % 100).as_bytes()),
            stat: FileStat { size: 1, mtime_ns: 1, ctime_ns: 0, device: 1, inode: at as u64 },
            digests: Digests { checksum: *content, ..Digests::of(&at.to_be_bytes()) },
            metadata: Box::<Metadata>::default(),
            sidecars: Vec::new(),
        })
        .collect();
    for batch in seen.chunks(200) {
        library.observe(batch.to_vec()).unwrap();
    }
    drop(seen);
    println!("{} photos, {count} faces {width} wide: taken in {:.1?}", photos.len(), begun.elapsed());
    library.set_face_embeddings(Some(Arc::new(Made { width, who })));
    let without = resident_mb();
    let begun = Instant::now();
    let (mut quick, mut slowest) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    for batch in photos.chunks(1000) {
        for (content, found) in batch {
            library.put_faces(content, "standin", found).unwrap();
        }
        let begun = Instant::now();
        library.update_people(Effort::Quick).unwrap();
        quick += begun.elapsed();
        slowest = slowest.max(begun.elapsed());
    }
    let all = begun.elapsed();
    println!(
        "faces put {:.1?}; gathered in passing {quick:.1?}, the slowest thousand photos {slowest:.1?}",
        all - quick
    );
    let people = library.people(library.account());
    println!("people {}, memory {} MB more", people.len(), resident_mb() - without);
    let begun = Instant::now();
    let update = library.update_people(Effort::Settle).unwrap();
    let people = library.people(library.account());
    println!(
        "settled {:.1?}: {update:?}, people {}, memory {} MB more",
        begun.elapsed(),
        people.len(),
        resident_mb() - without
    );
    for effort in [Effort::Quick, Effort::Settle] {
        let begun = Instant::now();
        let (content, found) = &photos[photos.len() / 2];
        library.put_faces(content, "standin", &[]).unwrap();
        library.update_people(effort).unwrap();
        library.put_faces(content, "standin", found).unwrap();
        library.update_people(effort).unwrap();
        println!("one photo away and back, {effort:?}: {:.1?}", begun.elapsed());
    }
    library.rest_people();
    println!("rested: memory {} MB more", resident_mb() - without);
    let begun = Instant::now();
    let largest = people.iter().max_by_key(|person| person.faces).unwrap();
    library.name_person(library::journal::Face::Cli, largest.id, "Ann").unwrap();
    println!("named one in {} photos: {:.1?}", largest.faces, begun.elapsed());
    let begun = Instant::now();
    library.update_people(Effort::Quick).unwrap();
    println!("woken: {:.1?}", begun.elapsed());
    let begun = Instant::now();
    library.merge_people(library::journal::Face::Cli, people[people.len() / 2].id, largest.id).unwrap();
    println!("merged two: {:.1?}", begun.elapsed());
    drop(library);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let begun = Instant::now();
    let _library = Library::open(data.path()).unwrap();
    println!("opened {:.1?}", begun.elapsed());
}

/// RssAnon of this process in MB.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
