//! What is to become of one sidecar, worked out from its bytes alone.
//!
//! What makes it hard, and what answers it:
//! 1. What is taken back must be as it was. So what was decided is always put into the sidecar as it would be without
//!    us ([`Written::without`]), never into what we made of it before.
//! 2. Other programs write into it after us. What they changed of what we wrote stays, until that is decided again.
//! 3. Nothing must be written for nothing: they would answer.

use library::metadata::TagPath;
use library::{Decisions, FilePath};
use media::sidecar::writing::{Decided, Field, Says, WritingError, merged};

use super::ledger::{State, Touched, Written};

/// What is to be done.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Plan {
    /// It is as it should be.
    Nothing,
    /// It becomes these bytes.
    Write { bytes: Vec<u8>, written: Box<Written> },
    /// It says what it should by another's hand, and this is to be known of it.
    Note(Box<Written>),
    /// There is to be none: it is ours, whole.
    Remove,
}

/// Works it out for the sidecar at a path: `known` is what we wrote into it, `now` what it is, and `said_tags` gives the tags
/// that the photo has where its sidecar is this.
pub(super) fn plan<E: From<WritingError>>(
    path: &FilePath,
    known: Option<&Written>,
    now: Option<&[u8]>,
    decided: &Decisions,
    said_tags: impl FnOnce(Option<&[u8]>) -> Result<Vec<TagPath>, E>,
) -> Result<Plan, E> {
    let base = match (known, now) {
        (Some(known), Some(now)) => known.without(now)?,
        (_, now) => now.map(<[u8]>::to_vec),
    };
    let there =
        known.zip(now).map(|(known, now)| Ok::<_, WritingError>((known, known.says(now)?))).transpose()?;
    let said = if decided.tags.is_empty() { Vec::new() } else { said_tags(base.as_deref())? };
    let tags = (!decided.tags.is_empty()).then(|| decided.tags_over(said.clone()));
    let mut wanted = Decided {
        rating: decided.rating.map(Into::into).into(),
        tags: tags.into(),
        description: decided.description.clone().into(),
        taken: decided.taken.into(),
    };
    let yielded = match (&there, now) {
        (Some((known, there)), Some(now)) => yields(&mut wanted, known, (now, there), decided),
        _ => Decisions::default(),
    };
    let new = merged(base.as_deref(), &wanted)?.or_else(|| base.clone());
    let Some(bytes) = new else {
        return Ok(if now.is_some() { Plan::Remove } else { Plan::Nothing });
    };
    let after = State::of(&bytes)?;
    let before = now.map(State::of).transpose()?;
    // What others wrote may say it all in other words.
    let is_so = match (&there, now) {
        (_, Some(now)) if *now == *bytes => true,
        (Some((_, there)), Some(now)) => {
            merged(Some(now), &difference(&wanted, there, &after.says))?.is_none()
        }
        _ => false,
    };
    let states = if is_so { Vec::from_iter(before) } else { before.into_iter().chain([after]).collect() };
    let (root, file, decided) = (path.root, path.relative.to_vec(), decided.clone());
    let written = Box::new(Written { root, file, base, states, said, decided, yielded });
    let is_noted = |known: &Written| {
        now.is_some_and(|now| known.knows(now))
            && (&known.decided, &known.yielded) == (&written.decided, &written.yielded)
    };
    Ok(match known {
        _ if !is_so => Plan::Write { bytes, written },
        Some(known) if !is_noted(known) => Plan::Note(written),
        _ => Plan::Nothing,
    })
}

/// Leaves what others changed of what we wrote as it is where nothing else was decided since, and says of what that is so.
fn yields(
    wanted: &mut Decided,
    known: &Written,
    (now, there): (&[u8], &Says),
    decided: &Decisions,
) -> Decisions {
    let touched = if known.knows(now) { Touched::default() } else { known.touched(there) };
    let (before, already) = (&known.decided, &known.yielded);
    let mut yielded = Decisions::default();
    if decided.rating.is_some()
        && (touched.rating && before.rating == decided.rating || already.rating == decided.rating)
    {
        wanted.rating = there.rating.into();
        yielded.rating = decided.rating;
    }
    if !decided.tags.is_empty()
        && (touched.tags && before.tags == decided.tags || already.tags == decided.tags)
    {
        wanted.tags = Field::Set(there.tags.clone());
        yielded.tags.clone_from(&decided.tags);
    }
    if decided.description.is_some()
        && (touched.description && before.description == decided.description
            || already.description == decided.description)
    {
        wanted.description = there.description.clone().into();
        yielded.description.clone_from(&decided.description);
    }
    if decided.taken.is_some()
        && (touched.taken && before.taken == decided.taken || already.taken == decided.taken)
    {
        wanted.taken = there.taken.into();
        yielded.taken = decided.taken;
    }
    yielded
}

/// What would have to be done to have a sidecar that says `there` say `after`, and what is wanted.
fn difference(wanted: &Decided, there: &Says, after: &Says) -> Decided {
    fn one<T: PartialEq + Clone>(wanted: &Field<T>, there: &Option<T>, after: &Option<T>) -> Field<T> {
        match wanted {
            Field::Kept if there == after => Field::Kept,
            Field::Kept => after.clone().map_or(Field::Removed, Field::Set),
            wanted => wanted.clone(),
        }
    }
    let tags = match &wanted.tags {
        Field::Kept if there.folded_tags() != after.folded_tags() => Field::Set(after.tags.clone()),
        wanted => wanted.clone(),
    };
    Decided {
        rating: one(&wanted.rating, &there.rating, &after.rating),
        tags,
        description: one(&wanted.description, &there.description, &after.description),
        taken: one(&wanted.taken, &there.taken, &after.taken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use library::RootId;
    use library::metadata::Rating;
    use media::sidecar::writing::{Verdict, says};

    /// A sidecar as it lies there, what we know of it, and what the photo itself has for tags.
    #[derive(Default)]
    struct Beside {
        now: Option<Vec<u8>>,
        known: Option<Written>,
        embedded: Vec<TagPath>,
    }

    fn tag(words: &str) -> TagPath {
        TagPath::new(words.split('/')).unwrap()
    }

    fn tagged(tags: &[(&str, bool)]) -> Decisions {
        let tags = tags.iter().map(|(words, has)| (tag(words), *has)).collect();
        Decisions { tags, ..Decisions::default() }
    }

    fn stars(stars: i64) -> Decisions {
        Decisions { rating: Rating::new(stars), ..Decisions::default() }
    }

    impl Beside {
        /// What the photo says all in all, where that is its sidecar.
        fn tags(embedded: &[TagPath], sidecar: Option<&[u8]>) -> Vec<TagPath> {
            let beside = sidecar.map(|bytes| says(bytes).unwrap().tags).unwrap_or_default();
            if beside.is_empty() { embedded.to_vec() } else { beside }
        }

        fn decide(&mut self, decided: &Decisions) -> Plan {
            let path = FilePath::new(RootId::from_bytes([1; 16]), b"a.jpg.xmp".as_slice());
            let embedded = self.embedded.clone();
            let look = |now: Option<&[u8]>, known: Option<&Written>| {
                plan::<WritingError>(&path, known, now, decided, |base| Ok(Self::tags(&embedded, base)))
                    .unwrap()
            };
            let done = look(self.now.as_deref(), self.known.as_ref());
            match &done {
                Plan::Nothing => {}
                Plan::Note(written) => self.known = Some((**written).clone()),
                Plan::Remove => (self.now, self.known) = (None, None),
                Plan::Write { bytes, written } => {
                    (self.now, self.known) = (Some(bytes.clone()), Some((**written).clone()));
                }
            }
            assert_eq!(look(self.now.as_deref(), self.known.as_ref()), Plan::Nothing, "once more");
            done
        }

        fn said(&self) -> Says {
            self.now.as_deref().map(|now| says(now).unwrap()).unwrap_or_default()
        }

        fn words(&self) -> Vec<String> {
            self.said().tags.iter().map(TagPath::joined).collect()
        }

        /// Another program writes this.
        fn others(&mut self, decided: &Decided) {
            self.now = merged(self.now.as_deref(), decided).unwrap();
        }
    }

    /// Another program's, with something of its own.
    fn darktable(rating: &str) -> Vec<u8> {
        format!(
            "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
             <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
             xmlns:darktable=\"http://darktable.sf.net/\" xmp:Rating=\"{rating}\" darktable:history_end=\"3\"/>\
             </rdf:RDF></x:xmpmeta>"
        )
        .into_bytes()
    }

    #[test]
    fn what_is_taken_back_is_byte_for_byte_as_it_was() {
        let mut ours = Beside::default();
        assert!(matches!(ours.decide(&stars(4)), Plan::Write { .. }));
        assert_eq!(ours.said().rating, Rating::new(4).map(Verdict::Stars));
        ours.decide(&Decisions { description: Some("words".into()), ..stars(5) });
        assert_eq!(ours.said().description.as_deref(), Some("words"));
        assert_eq!(ours.decide(&Decisions::default()), Plan::Remove);

        let original = darktable("-1");
        let mut theirs = Beside { now: Some(original.clone()), ..Beside::default() };
        theirs.decide(&Decisions { description: Some("words".into()), ..stars(5) });
        theirs.decide(&stars(0));
        assert_eq!(
            (theirs.said().description, theirs.said().rating),
            (None, Rating::new(0).map(Verdict::Stars))
        );
        theirs.decide(&Decisions::default());
        assert_eq!(theirs.now.unwrap(), original);
    }

    #[test]
    fn one_tag_of_several_is_taken_back() {
        let mut photo = Beside { embedded: vec![tag("dog"), tag("sea")], ..Beside::default() };
        photo.decide(&tagged(&[("Rome", true), ("dog", false)]));
        assert_eq!(photo.words(), ["Rome", "sea"]);
        photo.decide(&tagged(&[("Rome", true)]));
        assert_eq!(photo.words(), ["Rome", "dog", "sea"], "it is in the photo");
        photo.decide(&tagged(&[("dog", false), ("sea", false)]));
        assert_eq!(photo.words(), Vec::<String>::new());
        photo.decide(&Decisions::default());
        assert_eq!(photo.now, None);
    }

    #[test]
    fn what_other_programs_add_since_stays() {
        let mut photo = Beside { embedded: vec![tag("dog")], ..Beside::default() };
        photo.decide(&Decisions { rating: Rating::new(4), ..tagged(&[("Rome", true)]) });
        let caption = Field::Set("theirs".to_owned());
        let tags = Field::Set(vec![tag("Rome"), tag("dog"), tag("cat")]);
        photo.others(&Decided { description: caption, tags, ..Decided::default() });
        photo.decide(&Decisions { rating: Rating::new(4), ..tagged(&[("Rome", true), ("sea", true)]) });
        assert_eq!(photo.words(), ["Rome", "cat", "dog", "sea"]);
        photo.decide(&tagged(&[("sea", true)]));
        assert_eq!(
            (photo.words(), photo.said().rating),
            (vec!["cat".into(), "dog".into(), "sea".into()], None)
        );
        photo.decide(&Decisions::default());
        assert_eq!(
            (photo.words(), photo.said().description.unwrap()),
            (vec!["cat".into(), "dog".into()], "theirs".into())
        );
    }

    #[test]
    fn what_other_programs_change_of_it_stays_until_it_is_decided_again() {
        let mut photo = Beside { now: Some(darktable("2")), ..Beside::default() };
        photo.decide(&stars(5));
        photo.others(&Decided { rating: Field::Set(Verdict::Rejected), ..Decided::default() });
        assert!(matches!(photo.decide(&stars(5)), Plan::Note(_)));
        assert_eq!(photo.said().rating, Some(Verdict::Rejected));
        photo.decide(&Decisions { description: Some("words".into()), ..stars(5) });
        assert_eq!(photo.said().rating, Some(Verdict::Rejected), "only the caption was decided");
        photo.decide(&stars(4));
        assert_eq!(photo.said().rating, Rating::new(4).map(Verdict::Stars));
        photo.decide(&Decisions::default());
        assert_eq!(photo.said().rating, Some(Verdict::Rejected), "as it was left by them");
        // Back to what it was before us, and to what is decided here only then.
        photo.decide(&stars(5));
        photo.others(&Decided { rating: Field::Set(Verdict::Rejected), ..Decided::default() });
        photo.others(&Decided { description: Field::Set("theirs".into()), ..Decided::default() });
        photo.decide(&stars(5));
        assert_eq!(photo.said().rating, Some(Verdict::Rejected));
        photo.others(&Decided {
            rating: Field::Set(Verdict::Stars(Rating::new(3).unwrap())),
            ..Decided::default()
        });
        photo.decide(&stars(3));
        photo.others(&Decided { rating: Field::Set(Verdict::Rejected), ..Decided::default() });
        photo.decide(&stars(3));
        assert_eq!(photo.said().rating, Some(Verdict::Rejected));
    }

    #[test]
    fn a_kill_between_the_ledger_and_the_sidecar_changes_nothing_of_that() {
        let original = darktable("2");
        let mut photo = Beside { now: Some(original.clone()), ..Beside::default() };
        photo.decide(&stars(4));
        let before = photo.now.clone();
        photo.decide(&stars(5));
        photo.now = before;
        let plan = photo.decide(&Decisions::default());
        assert!(matches!(plan, Plan::Write { bytes, .. } if bytes == original));
    }

    #[test]
    fn a_sidecar_that_went_is_made_anew_and_what_was_so_already_is_left() {
        let mut photo = Beside { now: Some(darktable("4")), ..Beside::default() };
        assert_eq!(photo.decide(&stars(4)), Plan::Nothing);
        photo.decide(&stars(5));
        photo.now = None;
        assert!(matches!(photo.decide(&stars(5)), Plan::Write { .. }));
        assert_eq!(photo.decide(&Decisions::default()), Plan::Remove);
        let mut broken = Beside { now: Some(b"<x".to_vec()), ..Beside::default() };
        let path = FilePath::new(RootId::from_bytes([1; 16]), b"a.jpg.xmp".as_slice());
        let refused = plan::<WritingError>(&path, None, broken.now.as_deref(), &stars(1), |_| Ok(Vec::new()));
        assert!(refused.is_err());
        broken.now = None;
    }
}
