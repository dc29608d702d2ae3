//! The list of things.

/// A thing to look for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label {
    /// The folder it is in.
    pub(super) group: &'static str,
    /// What it is called.
    pub(super) name: &'static str,
    /// What the model is asked.
    pub(super) prompt: &'static str,
}

/// Everything that is looked for, in the order of the list.
pub(super) fn labels() -> impl Iterator<Item = Label> {
    include_str!("things.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .flat_map(|(group, things)| {
            things.split(',').map(move |thing| {
                let (name, prompt) = thing.split_once('=').unwrap_or((thing, thing));
                Label { group: group.trim(), name: name.trim(), prompt: prompt.trim() }
            })
        })
}

/// What the model is asked for each thing.
pub(crate) fn all_prompts() -> impl Iterator<Item = &'static str> {
    labels().map(|label| label.prompt)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_is_whole_and_its_names_are_folders() {
        let labels: Vec<Label> = labels().collect();
        assert!(labels.len() > 300, "{}", labels.len());
        let mut seen = HashSet::new();
        for label in &labels {
            assert!(seen.insert((label.group, label.name)), "{label:?} stands twice");
            for part in [label.group, label.name, label.prompt] {
                assert!(!part.is_empty() && part.trim() == part, "{label:?}");
                assert!(part.chars().all(|char| char.is_ascii_lowercase() || char == ' '), "{label:?}");
            }
        }
        assert!(labels.contains(&Label { group: "animals", name: "dog", prompt: "dog" }));
        assert!(labels.contains(&Label { group: "animals", name: "seal", prompt: "a seal animal" }));
    }
}
