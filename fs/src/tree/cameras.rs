//! `cameras/MAKE MODEL/`.

use library::snapshot::CameraName;
use library::{Facet, Row, RowNumber};

use super::groups::{Groups, Word};
use super::path::DirPath;
use super::state::State;
use super::view::{At, Contents, View};

/// `cameras/`.
#[derive(Debug)]
pub(crate) struct Cameras;

/// Maker and model as people say them: `Canon EOS 40D`, not `Canon Canon EOS 40D`, nor `NIKON CORPORATION NIKON D90`.
fn label(camera: &CameraName) -> Option<String> {
    let (make, model) = (camera.make.trim(), camera.model.trim());
    let first = |text: &str| text.split_whitespace().next().map(str::to_lowercase);
    let label = match (make, model) {
        ("", "") => return None,
        (only, "") | ("", only) => only.to_owned(),
        _ if first(make) == first(model) => model.to_owned(),
        _ => format!("{make} {model}"),
    };
    Some(label)
}

fn groups(state: &State) -> &Groups {
    state.worked_out.cameras.get_or_init(|| {
        let cameras = state.snapshot.cameras();
        Groups::of(
            state,
            cameras.map(|(id, camera)| Word::of(Facet::Camera(id), label(camera).into_iter().collect())),
        )
    })
}

impl View for Cameras {
    fn name(&self) -> &'static str {
        "cameras"
    }

    fn about(&self) -> &'static str {
        "by the camera or phone that took it"
    }

    fn stands(&self, state: &State, _number: RowNumber, row: &Row) -> Vec<DirPath> {
        row.camera
            .and_then(|camera| groups(state).path(self.name(), Facet::Camera(camera)))
            .into_iter()
            .collect()
    }

    fn has(&self, state: &State, at: At<'_>) -> bool {
        groups(state).has(at)
    }

    fn contents(&self, state: &State, at: At<'_>) -> Contents {
        groups(state).contents(state, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_are_not_said_twice() {
        for (make, model, said) in [
            ("Canon", "Canon EOS 40D", "Canon EOS 40D"),
            ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
            ("Apple", "iPhone 12", "Apple iPhone 12"),
            ("SONY", "", "SONY"),
            ("", " E5 ", "E5"),
        ] {
            let camera = CameraName { make: make.into(), model: model.into() };
            assert_eq!(label(&camera).as_deref(), Some(said));
        }
        assert_eq!(label(&CameraName { make: " ".into(), model: String::new() }), None);
    }
}
