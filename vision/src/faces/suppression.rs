//! Many boxes over one face become one.

use super::detector::Detection;

/// Two boxes that overlap more than this (intersection over union) are one face: InsightFace's threshold.
const SAME_FACE: f32 = 0.4;

/// Keeps the best of each heap of overlapping detections; best first.
pub(super) fn strongest(mut detections: Vec<Detection>, at_most: usize) -> Vec<Detection> {
    detections.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut kept: Vec<Detection> = Vec::new();
    for detection in detections {
        if kept.len() == at_most {
            break;
        }
        if kept.iter().all(|better| better.region.overlap(&detection.region) <= SAME_FACE) {
            kept.push(detection);
        }
    }
    kept
}
