//! `POST /predict`: a form with `entries` (JSON) and `image` or `text`; the answer, read with suspicion.

use library::Embedding;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use super::RemoteFace;
use crate::faces::FaceBox;

/// A picture with more faces is a pattern, or a lie.
const MAX_FACES: usize = 1000;

/// What is wrong with an answer.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("the answer makes no sense: {0}")]
pub struct AnswerError(String);

/// What is asked.
pub(super) enum Question<'a> {
    /// A picture, as a file.
    Picture(&'a [u8]),
    /// Words.
    Text(&'a str),
}

pub(super) fn clip_visual(model: &str) -> Value {
    json!({"clip": {"visual": {"modelName": model, "options": {}}}})
}

pub(super) fn clip_textual(model: &str) -> Value {
    json!({"clip": {"textual": {"modelName": model, "options": {}}}})
}

pub(super) fn faces(model: &str, min_score: f32) -> Value {
    json!({"facial-recognition": {
        "detection": {"modelName": model, "options": {"minScore": min_score}},
        "recognition": {"modelName": model, "options": {}},
    }})
}

/// The form's bytes and its content type.
pub(super) fn form(entries: &Value, question: &Question<'_>) -> (Vec<u8>, String) {
    let content: &[u8] = match question {
        Question::Picture(bytes) => bytes,
        Question::Text(text) => text.as_bytes(),
    };
    // A boundary must not occur in what it bounds; one made of the content's hash does not, but by a miracle.
    let boundary = format!("galleryfs-{}", hex::encode(&sha(content)[..16]));
    let mut body = Vec::with_capacity(content.len() + 512);
    let mut part = |header: &str, content: &[u8]| {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; {header}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("name=\"entries\"", entries.to_string().as_bytes());
    match question {
        Question::Picture(bytes) => {
            part("name=\"image\"; filename=\"image\"\r\nContent-Type: application/octet-stream", bytes);
        }
        Question::Text(text) => part("name=\"text\"", text.as_bytes()),
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (body, format!("multipart/form-data; boundary={boundary}"))
}

fn sha(content: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(content).to_vec()
}

/// The embedding in the answer to a picture or a text: a list of numbers, in a string (as Immich sends it) or plain.
pub fn clip_answer(json: &[u8]) -> Result<Embedding, AnswerError> {
    #[derive(Deserialize)]
    struct Answer {
        clip: Numbers,
    }
    let answer: Answer = serde_json::from_slice(json).map_err(wrong)?;
    answer.clip.embedding()
}

/// The faces in the answer to a picture.
pub fn faces_answer(json: &[u8]) -> Result<Vec<RemoteFace>, AnswerError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "facial-recognition")]
        faces: Vec<Face>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Face {
        bounding_box: FaceCorners,
        embedding: Numbers,
        score: f32,
    }
    #[derive(Deserialize)]
    struct FaceCorners {
        x1: f32,
        y1: f32,
        x2: f32,
        y2: f32,
    }
    let answer: Answer = serde_json::from_slice(json).map_err(wrong)?;
    if answer.faces.len() > MAX_FACES {
        return Err(AnswerError(format!("{} faces", answer.faces.len())));
    }
    let faces: Vec<RemoteFace> = answer
        .faces
        .into_iter()
        .map(|face| {
            let FaceCorners { x1, y1, x2, y2 } = face.bounding_box;
            let sound = [x1, y1, x2, y2, face.score].into_iter().all(f32::is_finite) && x1 < x2 && y1 < y2;
            if !sound || !(0.0..=1.0).contains(&face.score) {
                return Err(AnswerError(format!("a face at {x1},{y1},{x2},{y2} with score {}", face.score)));
            }
            let region = FaceBox { x1, y1, x2, y2 };
            Ok(RemoteFace { region, score: face.score, embedding: face.embedding.embedding()? })
        })
        .collect::<Result<_, _>>()?;
    if faces.windows(2).any(|pair| pair[0].embedding.width() != pair[1].embedding.width()) {
        return Err(AnswerError("embeddings of several widths".to_owned()));
    }
    Ok(faces)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    Written(String),
    Plain(Vec<f32>),
}

impl Numbers {
    fn embedding(self) -> Result<Embedding, AnswerError> {
        let numbers = match self {
            Self::Written(text) => serde_json::from_str(&text).map_err(wrong)?,
            Self::Plain(numbers) => numbers,
        };
        Embedding::new(numbers).map_err(|error| AnswerError(error.to_string()))
    }
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn wrong(error: serde_json::Error) -> AnswerError {
    AnswerError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_come_in_strings() {
        let embedding = clip_answer(br#"{"clip": "[3.0, 4.0]", "imageHeight": 1, "imageWidth": 1}"#).unwrap();
        assert_eq!(embedding.as_slice(), [0.6, 0.8]);
        assert_eq!(clip_answer(br#"{"clip": [0, 2]}"#).unwrap().as_slice(), [0.0, 1.0]);
        for wrong in [
            &b"<html>"[..],
            b"{}",
            br#"{"clip": "[]"}"#,
            br#"{"clip": "[0, 0]"}"#,
            br#"{"clip": "[1e99]"}"#,
            br#"{"clip": {}}"#,
        ] {
            assert!(clip_answer(wrong).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn faces_are_checked() {
        let answer = |corners: &str, score: &str, numbers: &str| {
            faces_answer(
                format!(
                    r#"{{"facial-recognition": [{{"boundingBox": {corners}, "embedding": "{numbers}", "score": {score}}}], "imageHeight": 9, "imageWidth": 9}}"#
                )
                .as_bytes(),
            )
        };
        let good = r#"{"x1": 1, "y1": 2, "x2": 3, "y2": 4}"#;
        let faces = answer(good, "0.9", "[1, 0]").unwrap();
        assert_eq!(faces[0].region, FaceBox { x1: 1.0, y1: 2.0, x2: 3.0, y2: 4.0 });
        assert!(answer(good, "7", "[1, 0]").is_err());
        assert!(answer(good, "0.9", "[]").is_err());
        assert!(answer(r#"{"x1": 3, "y1": 2, "x2": 1, "y2": 4}"#, "0.9", "[1, 0]").is_err());
        assert_eq!(faces_answer(br#"{"facial-recognition": []}"#).unwrap().len(), 0);
    }

    #[test]
    fn a_form_holds_the_question() {
        let (body, kind) = form(&clip_textual("some"), &Question::Text("a dog"));
        let body = String::from_utf8(body).unwrap();
        let boundary = kind.split("boundary=").nth(1).unwrap();
        assert!(
            body.contains("name=\"text\"\r\n\r\na dog\r\n") && body.ends_with(&format!("--{boundary}--\r\n"))
        );
    }
}
