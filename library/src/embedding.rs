//! A picture, a text or a face as a direction in space: near ones are alike.

use std::fmt;

use thiserror::Error;

/// A unit vector of any width that a model gives. Only vectors of one model can be compared.
#[derive(Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

/// Why numbers are no embedding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum EmbeddingError {
    /// It has no numbers at all, or more than [`Embedding::MAX_WIDTH`].
    #[error("an embedding has between 1 and {max} numbers, not {width}", max = Embedding::MAX_WIDTH)]
    Width {
        /// How many it has.
        width: usize,
    },
    /// One of the numbers is infinite or none.
    #[error("the embedding holds a number that is not finite, at {at}")]
    NotFinite {
        /// Which, counted from 0.
        at: usize,
    },
    /// All zeros point nowhere.
    #[error("the embedding is all zeros")]
    Zero,
}

impl Embedding {
    /// No model in use is a quarter as wide; a file that says more is damaged.
    pub const MAX_WIDTH: usize = 8192;

    /// Scales `values` to unit length.
    pub fn new(values: impl Into<Box<[f32]>>) -> Result<Self, EmbeddingError> {
        let mut values: Box<[f32]> = values.into();
        if !(1..=Self::MAX_WIDTH).contains(&values.len()) {
            return Err(EmbeddingError::Width { width: values.len() });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(EmbeddingError::NotFinite { at });
        }
        // In f64, where no square of an f32 overflows or vanishes.
        let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(EmbeddingError::Zero);
        }
        for value in &mut values {
            *value = (f64::from(*value) / length) as f32;
        }
        Ok(Self(values))
    }

    /// How many numbers it has: at least one.
    pub fn width(&self) -> usize {
        self.0.len()
    }

    /// The numbers, of unit length together.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// How alike two are: 1 the same direction, 0 nothing in common, -1 opposite. `None` when their widths differ, for
    /// then they are not of one model.
    pub fn cosine(&self, other: &Self) -> Option<f32> {
        (self.width() == other.width()).then(|| {
            self.0.iter().zip(&other.0).map(|(one, other)| one * other).sum::<f32>().clamp(-1.0, 1.0)
        })
    }
}

impl AsRef<[f32]> for Embedding {
    fn as_ref(&self) -> &[f32] {
        &self.0
    }
}

impl TryFrom<Vec<f32>> for Embedding {
    type Error = EmbeddingError;

    fn try_from(values: Vec<f32>) -> Result<Self, EmbeddingError> {
        Self::new(values)
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({} wide)", self.width())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_unit_length() {
        let embedding = Embedding::new(vec![3.0, 4.0]).unwrap();
        assert_eq!(embedding.as_slice(), [0.6, 0.8]);
        assert_eq!(embedding.width(), 2);
        // Squares of these leave the range of an f32.
        for scale in [f32::MAX, f32::MIN_POSITIVE, 1e-40] {
            let extreme = Embedding::new(vec![scale; 4]).unwrap();
            assert_eq!(extreme.as_slice(), [0.5; 4], "{scale}");
        }
    }

    #[test]
    fn what_points_nowhere_is_refused() {
        assert_eq!(Embedding::new(vec![]), Err(EmbeddingError::Width { width: 0 }));
        assert_eq!(Embedding::new(vec![1.0; 8193]), Err(EmbeddingError::Width { width: 8193 }));
        assert_eq!(Embedding::new(vec![0.0, -0.0]), Err(EmbeddingError::Zero));
        assert_eq!(Embedding::new(vec![0.0, f32::NAN]), Err(EmbeddingError::NotFinite { at: 1 }));
        assert_eq!(Embedding::new(vec![f32::NEG_INFINITY]), Err(EmbeddingError::NotFinite { at: 0 }));
    }

    #[test]
    fn cosines_are_of_one_width() {
        let east = Embedding::new(vec![1.0, 0.0]).unwrap();
        let north = Embedding::new(vec![0.0, 9.0]).unwrap();
        let west = Embedding::new(vec![-2.0, 0.0]).unwrap();
        assert_eq!(east.cosine(&east), Some(1.0));
        assert_eq!(east.cosine(&north), Some(0.0));
        assert_eq!(east.cosine(&west), Some(-1.0));
        assert_eq!(east.cosine(&Embedding::new(vec![1.0]).unwrap()), None);
    }
}
