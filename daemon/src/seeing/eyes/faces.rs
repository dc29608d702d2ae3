//! Pictures to faces.

use std::sync::Arc;

use anyhow::Result;
use library::metadata::PixelSize;
use library::people::{DetectedFace, FaceBox};
use library::vectors::{ModelName, VectorKey};
use library::{Checksum, Embedding};
use media::pixels::Picture;
use vision::faces::detector::{self, MIN_SCORE};
use vision::faces::{Faces, Quality};
use vision::remote::Servers;

use super::face_vectors::FaceVectors;
use super::{Preview, Sources, either, pixels};

/// What finds faces and tells them apart.
pub(in crate::seeing) struct FacesEye {
    pub(in crate::seeing) vectors: Arc<FaceVectors>,
    servers: Option<Arc<Servers>>,
    here: Option<Faces>,
}

/// A face, whoever found it.
struct Seen {
    region: detector::FaceBox,
    score: f32,
    quality: Quality,
    embedding: Embedding,
}

impl FacesEye {
    /// Opens the models of that name, those that lie here where there are some; `known` is what is open of them already.
    pub(super) fn open(
        sources: &Sources<'_>,
        model: &ModelName,
        known: Option<Arc<FaceVectors>>,
    ) -> Result<Self> {
        let here = match sources.engine.filter(|_| sources.has_faces(model)) {
            Some(engine) => {
                let faces = Faces::open(engine, &sources.folder.faces(&model.as_str().parse()?));
                sources.or_servers(model, faces.map_err(anyhow::Error::from))?
            }
            None => None,
        };
        let vectors = match known {
            Some(known) => known,
            None => Arc::new(FaceVectors::open(sources.library, model, here.as_ref().map(Faces::width))?),
        };
        Ok(Self { vectors, servers: sources.servers.cloned(), here })
    }

    /// Whose.
    pub(in crate::seeing) fn model(&self) -> &ModelName {
        self.vectors.model()
    }

    /// Whether the models lie here.
    pub(super) fn is_here(&self) -> bool {
        self.here.is_some()
    }

    /// The faces of a picture. Their embeddings are kept first: a face that is known has one.
    pub(in crate::seeing) fn look(
        &self,
        content: &Checksum,
        picture: &Picture,
        preview: &Preview<'_>,
    ) -> Result<Vec<DetectedFace>> {
        let pixels = pixels(picture)?;
        let by_servers = |servers: &Servers| {
            let faces = servers.faces(self.model().as_str(), &preview()?, MIN_SCORE)?;
            let seen = faces.into_iter().map(|face| Seen {
                region: face.region,
                score: face.score,
                // Servers tell no more than where it is.
                quality: Quality::of_region(pixels, &face.region),
                embedding: face.embedding,
            });
            Ok(seen.collect::<Vec<_>>())
        };
        let here = self.here.as_ref().map(|here| {
            move || {
                let seen = here.find(pixels, MIN_SCORE)?.into_iter().map(|face| Seen {
                    region: face.region,
                    score: face.score,
                    quality: face.quality,
                    embedding: face.embedding,
                });
                Ok(seen.collect())
            }
        });
        let size = PixelSize { width: picture.width(), height: picture.height() };
        let mut known = Vec::new();
        for face in either(self.servers.as_deref(), by_servers, here)? {
            let region = [face.region.x1, face.region.y1, face.region.x2, face.region.y2];
            let Some(at) = FaceBox::from_pixels(region, size) else { continue };
            self.vectors.put(&VectorKey::face(*content, at), &face.embedding)?;
            known.push(DetectedFace {
                at,
                score: face.score,
                side_px: face.quality.size,
                sharpness: face.quality.sharpness,
            });
        }
        Ok(known)
    }
}
