//! Groups by average linkage: the two groups with the highest mean cosine between their faces become one, again and
//! again, down to a cutoff; two that must not be one are passed over.
//!
//! What makes it hard, and what answers it:
//! 1. *All pairs of 100,000 faces are 40 GB.* The mean cosine of two groups is the product of their mean vectors, so no
//!    matrix of pairs is kept: a mean a group, and for each group the few nearest others.
//! 2. *The order of merging decides the result.* Average linkage is reducible: a merged group is never nearer to a third
//!    than the nearer of its halves was. So pairs that are nearest to each other may merge in any order with the result
//!    of merging the globally nearest first (Bruynooghe 1977; Müllner, "Modern hierarchical, agglomerative clustering
//!    algorithms", 2011), and a nearest neighbour stays nearest until it merges itself. A forbidden pair counts as
//!    infinitely far and stays so, since what forbids it only grows: that keeps the property.
//! 3. *Looking through all for each neighbour that was lost.* Each group lists its nearest others and knows how near one
//!    that is not listed can be at most. While the best listed one is nearer than that, nothing is looked through; the
//!    bound of a merged group is the mean of its halves'.
//! 4. *Rounding.* Every product is summed in one order, so the same faces give the same groups, whatever their order of
//!    arrival: the caller sorts them, and ties go to the lower number.

use crate::id::PersonId;

/// How many near ones a group lists when it looks through all.
const LISTED: usize = 24;

/// How many it may inherit from its halves.
const INHERITED: usize = 48;

/// Rows compared with each of the others while they are in the nearest cache.
const TILE: usize = 16;

/// What a face, or a group that is taken as a whole, may not be grouped with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ties {
    /// Photos it is in, sorted.
    pub(crate) photos: Vec<u32>,
    /// Who it is for certain.
    pub(crate) is: Option<PersonId>,
    /// Whose anchors are in it, sorted; of interest only where somebody is not to be with them.
    pub(crate) anchors: Vec<PersonId>,
    /// Who it is not, sorted.
    pub(crate) not: Vec<PersonId>,
}

impl Ties {
    /// Whether two may be one person.
    pub(crate) fn allow(&self, other: &Self) -> bool {
        let apart = matches!((self.is, other.is), (Some(one), Some(two)) if one != two);
        !apart && self.tolerates(other) && other.tolerates(self) && !have_common(&self.photos, &other.photos)
    }

    fn tolerates(&self, other: &Self) -> bool {
        self.not.is_empty()
            || other.is.is_none_or(|person| self.not.binary_search(&person).is_err())
                && !have_common(&self.not, &other.anchors)
    }

    /// Takes in what binds another.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.is = self.is.or(other.is);
        join(&mut self.photos, &other.photos);
        join(&mut self.anchors, &other.anchors);
        join(&mut self.not, &other.not);
    }
}

fn have_common<T: Ord>(one: &[T], two: &[T]) -> bool {
    let (small, large) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    if small.len() * 16 < large.len() {
        return small.iter().any(|wanted| large.binary_search(wanted).is_ok());
    }
    let (mut a, mut b) = (0, 0);
    while a < small.len() && b < large.len() {
        match small[a].cmp(&large[b]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => return true,
        }
    }
    false
}

fn join<T: Ord + Copy>(into: &mut Vec<T>, more: &[T]) {
    if !more.is_empty() {
        into.extend_from_slice(more);
        into.sort_unstable();
        into.dedup();
    }
}

/// What is grouped: a face, or a group taken as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    /// Its embedding, or the mean of its faces' (not of unit length).
    pub(crate) mean: &'a [f32],
    /// How many faces it is.
    pub(crate) size: u32,
    pub(crate) ties: Ties,
}

/// The mean cosine of two groups, from their means. Summed in one order, in lanes that a compiler makes one of.
pub(crate) fn likeness(one: &[f32], two: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (ones, twos) = (one.chunks_exact(LANES), two.chunks_exact(LANES));
    let rest: f32 = ones.remainder().iter().zip(twos.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in ones.zip(twos) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Groups items: gives the indices of each group's, sorted, the group with the lowest first.
pub(crate) fn link(items: Vec<Item<'_>>, cutoff: f32) -> Vec<Vec<u32>> {
    let mut linkage = Linkage::new(items, cutoff);
    linkage.look_through_all();
    while linkage.round() {}
    linkage.groups()
}

/// A listed neighbour, as it was when they were compared.
#[derive(Clone, Copy)]
struct Near {
    likeness: f32,
    other: u32,
    merges: u32,
}

struct Node<'a> {
    item: Item<'a>,
    /// Once it has merged: its own mean.
    merged: Option<Box<[f32]>>,
    members: Vec<u32>,
    near: Vec<Near>,
    /// How near an allowed one that is not listed can be; `None` when all down to the cutoff are listed.
    unlisted: Option<f32>,
    /// How often it has merged.
    merges: u32,
    /// Who took it in.
    into: Option<u32>,
    nearest: Option<Near>,
}

impl Node<'_> {
    fn mean(&self) -> &[f32] {
        self.merged.as_deref().unwrap_or(self.item.mean)
    }

    /// Lists a neighbour if it is among the nearest.
    fn list(&mut self, near: Near) {
        if self.near.len() < LISTED {
            self.near.push(near);
            return;
        }
        let mut dropped = near.likeness;
        if let Some(farthest) = self.near.iter_mut().min_by(|a, b| a.likeness.total_cmp(&b.likeness))
            && farthest.likeness < near.likeness
        {
            dropped = farthest.likeness;
            *farthest = near;
        }
        self.unlisted = Some(self.unlisted.map_or(dropped, |known| known.max(dropped)));
    }
}

struct Linkage<'a> {
    nodes: Vec<Node<'a>>,
    active: Vec<u32>,
    cutoff: f32,
}

impl<'a> Linkage<'a> {
    fn new(items: Vec<Item<'a>>, cutoff: f32) -> Self {
        let node = |(at, item)| Node {
            item,
            merged: None,
            members: vec![at as u32],
            near: Vec::new(),
            unlisted: None,
            merges: 0,
            into: None,
            nearest: None,
        };
        let nodes: Vec<_> = items.into_iter().enumerate().map(node).collect();
        let active = (0..nodes.len() as u32).collect();
        Self { nodes, active, cutoff }
    }

    /// The first look: each pair is compared once.
    fn look_through_all(&mut self) {
        let count = self.nodes.len();
        for start in (0..count).step_by(TILE) {
            let end = (start + TILE).min(count);
            for right in start + 1..count {
                for left in start..end.min(right) {
                    let likeness = likeness(self.nodes[left].item.mean, self.nodes[right].item.mean);
                    if likeness >= self.cutoff
                        && self.nodes[left].item.ties.allow(&self.nodes[right].item.ties)
                    {
                        let near = |other: usize| Near { likeness, other: other as u32, merges: 0 };
                        self.nodes[left].list(near(right));
                        self.nodes[right].list(near(left));
                    }
                }
            }
        }
    }

    /// Merges all pairs that are nearest to each other; `false` when there is none.
    fn round(&mut self) -> bool {
        for at in 0..self.active.len() {
            let node = self.active[at];
            let is_current = |near: &Near| {
                let other = &self.nodes[near.other as usize];
                other.into.is_none() && other.merges == near.merges
            };
            if !self.nodes[node as usize].nearest.as_ref().is_some_and(is_current) {
                self.nodes[node as usize].nearest = self.find_nearest(node);
            }
        }
        let nearest = |node: u32| self.nodes[node as usize].nearest.map(|near| near.other);
        let mutual = |node: &u32| {
            let other = nearest(*node)?;
            (*node < other && nearest(other) == Some(*node)).then_some((*node, other))
        };
        let pairs: Vec<_> = self.active.iter().filter_map(mutual).collect();
        for (node, other) in &pairs {
            self.merge(*node, *other);
        }
        // Without a neighbour now there is none later: a node that merges with nobody is done.
        self.active.retain(|node| {
            let node = &self.nodes[*node as usize];
            node.into.is_none() && (node.nearest.is_some() || node.merges > 0)
        });
        !pairs.is_empty()
    }

    /// The nearest of all that are allowed, down to the cutoff.
    fn find_nearest(&mut self, node: u32) -> Option<Near> {
        self.refresh_list(node);
        if let Some(found) = self.best_listed(node) {
            return Some(found);
        }
        self.nodes[node as usize].unlisted?;
        let mut looking = std::mem::take(&mut self.nodes[node as usize].near);
        looking.clear();
        self.nodes[node as usize].near = looking;
        self.nodes[node as usize].unlisted = None;
        for at in 0..self.active.len() {
            let other = self.active[at];
            if other != node {
                self.compare(node, other);
            }
        }
        let listed = self.nodes[node as usize].near.iter().copied();
        listed.reduce(nearer)
    }

    /// The nearest listed one, if no other can be nearer.
    fn best_listed(&self, node: u32) -> Option<Near> {
        let node = &self.nodes[node as usize];
        let best = node.near.iter().copied().reduce(nearer)?;
        node.unlisted.is_none_or(|bound| best.likeness > bound).then_some(best)
    }

    /// Compares a node with another and lists it.
    fn compare(&mut self, node: u32, other: u32) {
        let (this, that) = (&self.nodes[node as usize], &self.nodes[other as usize]);
        if that.into.is_some() {
            return;
        }
        let likeness = likeness(this.mean(), that.mean());
        if likeness >= self.cutoff && this.item.ties.allow(&that.item.ties) {
            let near = Near { likeness, other, merges: that.merges };
            self.nodes[node as usize].list(near);
        }
    }

    /// Brings a list up to date: what has merged since is compared again, as what it became.
    fn refresh_list(&mut self, node: u32) {
        let listed = std::mem::take(&mut self.nodes[node as usize].near);
        let mut kept: Vec<Near> = Vec::with_capacity(listed.len());
        for near in listed {
            let other = self.root(near.other);
            if other == node || kept.iter().any(|kept| kept.other == other) {
                continue;
            }
            let (this, that) = (&self.nodes[node as usize], &self.nodes[other as usize]);
            if other == near.other && that.merges == near.merges {
                kept.push(near);
                continue;
            }
            let likeness = likeness(this.mean(), that.mean());
            if likeness >= self.cutoff && this.item.ties.allow(&that.item.ties) {
                kept.push(Near { likeness, other, merges: that.merges });
            }
        }
        self.nodes[node as usize].near = kept;
    }

    fn root(&self, mut node: u32) -> u32 {
        while let Some(into) = self.nodes[node as usize].into {
            node = into;
        }
        node
    }

    /// Makes one group of two. The lower number stays.
    fn merge(&mut self, node: u32, other: u32) {
        let that = &mut self.nodes[other as usize];
        let (ties, size) = (std::mem::take(&mut that.item.ties), that.item.size);
        let (members, near) = (std::mem::take(&mut that.members), std::mem::take(&mut that.near));
        let unlisted = that.unlisted;
        let mean = that.merged.take().unwrap_or_else(|| that.item.mean.into());
        that.into = Some(node);
        let cutoff = self.cutoff;
        let this = &mut self.nodes[node as usize];
        let (ours, theirs) = (this.item.size as f32, size as f32);
        let all = ours + theirs;
        let joint = this.mean().iter().zip(&mean).map(|(a, b)| (a * ours + b * theirs) / all).collect();
        this.merged = Some(joint);
        this.item.size += size;
        this.item.ties.absorb(&ties);
        this.members.extend(members);
        this.merges += 1;
        this.nearest = None;
        this.unlisted = match (this.unlisted, unlisted) {
            (None, None) => None,
            (one, two) => Some((one.unwrap_or(cutoff) * ours + two.unwrap_or(cutoff) * theirs) / all),
        };
        this.near.extend(near);
        // All must be compared anew: the mean has changed.
        for near in &mut this.near {
            near.merges = u32::MAX;
        }
        self.refresh_list(node);
        let this = &mut self.nodes[node as usize];
        if this.near.len() > INHERITED {
            this.near.sort_unstable_by(|a, b| b.likeness.total_cmp(&a.likeness).then(a.other.cmp(&b.other)));
            let dropped = this.near[INHERITED].likeness;
            this.near.truncate(INHERITED);
            this.unlisted = Some(this.unlisted.map_or(dropped, |known| known.max(dropped)));
        }
    }

    fn groups(self) -> Vec<Vec<u32>> {
        let roots = self.nodes.into_iter().filter(|node| node.into.is_none());
        roots
            .map(|mut node| {
                node.members.sort_unstable();
                node.members
            })
            .collect()
    }
}

/// The nearer of two; of equals the lower number.
fn nearer(one: Near, two: Near) -> Near {
    match one.likeness.total_cmp(&two.likeness).then(two.other.cmp(&one.other)) {
        std::cmp::Ordering::Less => two,
        _ => one,
    }
}

#[cfg(test)]
mod tests;
