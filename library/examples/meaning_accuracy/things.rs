//! `things/` against what people marked and wrote.

use std::collections::HashSet;
use std::error::Error;

use library::things::Things;

use crate::photos::Photos;
use crate::truth::{Captions, Classes, mentions};

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

/// What captions call a thing besides its name.
const ALSO_CALLED: &[(&str, &str)] = &[
    ("baby", "babies infant toddler"),
    ("beach", "shore"),
    ("bicycle", "bike bik cycl"),
    ("boat", "kayak canoe raft"),
    ("canoe", "kayak raft"),
    ("car", "suv taxi"),
    ("cliff", "rock ledge canyon"),
    ("climbing", "climb"),
    ("crowd", "people"),
    ("cyclist", "bicycl bike bik cycl"),
    ("desert", "dune sand"),
    ("dog", "puppy puppies"),
    ("fair", "carnival amusement"),
    ("field", "grass pasture meadow lawn"),
    ("football", "soccer"),
    ("forest", "wood tree jungle"),
    ("hiker", "hik backpack"),
    ("hiking", "hik backpack"),
    ("hill", "mountain"),
    ("lake", "pond"),
    ("meadow", "grass field pasture"),
    ("microphone", "sing"),
    ("motorcycle", "motorbike"),
    ("mountain", "hill peak"),
    ("playground", "slide swing"),
    ("puppy", "dog puppies"),
    ("river", "stream creek rapids"),
    ("road", "street"),
    ("rocks", "rock boulder stone"),
    ("rowing", "paddl kayak canoe"),
    ("running", "run race"),
    ("sea", "ocean waves"),
    ("skateboarder", "skateboard"),
    ("skateboarding", "skateboard"),
    ("skier", "ski"),
    ("skiing", "ski"),
    ("sledding", "sled"),
    ("snowboarding", "snowboard"),
    ("street", "road sidewalk"),
    ("surfing", "surf"),
    ("swimmer", "swim pool"),
    ("swimming", "swim pool"),
    ("waves", "ocean"),
];

/// Things against COCO's classes, and against the words of captions.
pub(crate) fn things(photos: &Photos, captions: &Captions, marked: &Classes) -> Result<(), Box<dyn Error>> {
    let things = Things::find(&photos.meaning, &photos.all)?;
    let classes: HashSet<&String> = marked.values().flatten().collect();
    let (mut coco, mut said) = ([0_usize; 2], [0_usize; 2]);
    let (mut there, mut told, mut otherwise) = (0, 0, 0);
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
                        let also = ALSO_CALLED.iter().find(|(ours, _)| *ours == label);
                        let called = also.is_some_and(|(_, words)| mentions(captions, image, words));
                        otherwise += usize::from(is_right || called);
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
        "things over flickr and scenes: {} found; against COCO: precision {:.2} ({} of {}), recall of those labels {:.2}; against captions: precision {:.2} ({} of {}), in other words {:.2}, recall {:.2}",
        lines.len(),
        share(coco[0], coco[0] + coco[1]),
        coco[0],
        coco[0] + coco[1],
        share(coco[0], there),
        share(said[0], said[0] + said[1]),
        said[0],
        said[0] + said[1],
        share(otherwise, said[0] + said[1]),
        share(said[0], told),
    );
    let largest: Vec<&str> = lines.iter().take(30).map(|line| line.1.as_str()).collect();
    println!("  the largest (right+wrong): {}", largest.join(", "));
    Ok(())
}
