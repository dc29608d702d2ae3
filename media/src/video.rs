//! Videos: one frame, how long they play and how they are coded, by the system's ffmpeg and ffprobe.
//!
//! Both are given the file as their standard input, which they open again through `/proc/self/fd/0` to be able to seek:
//! they know no name and no folder. The demuxer is the one of the format we saw, so a playlist in a file called `.mp4` is
//! a damaged MP4; nothing but files may be opened, and only this one is there ([`crate::decoder`]).

use std::fs::File;

use jiff::SignedDuration;
use library::Format;
use library::metadata::PixelSize;
use serde::{Deserialize, Serialize};

use crate::pixels::{DecodeError, Decoded, Picture, budget};
use crate::program::{GIVEN, program, run};

/// The most ffprobe may say. Files with a hundred streams say less.
const LONGEST_ANSWER: u64 = 1 << 20;

/// How far into the video the frame is taken, as a part of its length: first frames are often black.
const POSTER_AT: f64 = 0.1;

/// But no further than this, in seconds: seeking in long videos costs.
const POSTER_LATEST: f64 = 10.0;

/// How a video plays.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct VideoFacts {
    /// Playing time.
    pub duration: Option<SignedDuration>,
    /// ffmpeg's name of the video codec: `h264`, `hevc`, `vp9`.
    pub codec: Option<String>,
}

/// A frame from near the beginning, upright and at least `least` pixels at its short side where the video has so many.
pub(crate) fn poster(file: &File, format: Format, least: Option<u32>) -> Result<Decoded, DecodeError> {
    let demuxer = demuxer(format).ok_or_else(|| {
        DecodeError::Unsupported(format!("galleryfs takes no frames from {}", format.word()))
    })?;
    let probed = probe(file, demuxer)?;
    let full = probed.upright_size();
    budget::sides(u64::from(full.width), u64::from(full.height))?;
    let wanted = Wanted::of(full, least);
    let seconds = probed.seconds().map_or(0.0, |seconds| (seconds * POSTER_AT).min(POSTER_LATEST));
    let high = probed.high_dynamic_range();
    // Some files cannot be sought in, or say they are longer than they are; some ffmpegs are built without what maps tones.
    let attempts = [(seconds, high), (0.0, high), (0.0, false)];
    let mut picture = Err(DecodeError::Damaged(String::new()));
    for (n, (at, tone_mapped)) in attempts.into_iter().enumerate() {
        if matches!(picture, Err(DecodeError::Damaged(_)))
            && !attempts.iter().take(n).any(|tried| *tried == (at, tone_mapped))
        {
            picture = frame(file, demuxer, at, tone_mapped, wanted);
        }
    }
    let picture = picture?;
    let duration = probed.seconds().and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    Ok(Decoded { picture, full, whole: full, video: Some(VideoFacts { duration, codec: probed.codec }) })
}

/// What ffmpeg calls the format.
fn demuxer(format: Format) -> Option<&'static str> {
    Some(match format {
        Format::Mp4 | Format::Mov | Format::Threegp => "mov",
        Format::Mkv | Format::Webm => "matroska",
        Format::Avi => "avi",
        Format::Flv => "flv",
        Format::Mts => "mpegts",
        Format::Mpeg => "mpeg",
        Format::Mxf => "mxf",
        Format::Wmv => "asf",
        _ => return None,
    })
}

/// What ffprobe says of the first video stream.
#[derive(Debug)]
struct Probed {
    stored: PixelSize,
    /// How wide a pixel is for its height.
    pixel_shape: f64,
    turn: i64,
    codec: Option<String>,
    duration: Option<f64>,
    transfer: Option<String>,
}

impl Probed {
    fn upright_size(&self) -> PixelSize {
        let width = (f64::from(self.stored.width) * self.pixel_shape).round().clamp(1.0, 1e6) as u32;
        let size = PixelSize { width, height: self.stored.height };
        if self.turn.rem_euclid(180) == 90 { size.turned() } else { size }
    }

    fn seconds(&self) -> Option<f64> {
        self.duration.filter(|seconds| seconds.is_finite() && *seconds > 0.0 && *seconds < 1e8)
    }

    fn high_dynamic_range(&self) -> bool {
        matches!(self.transfer.as_deref(), Some("smpte2084" | "arib-std-b67"))
    }
}

/// What ffprobe prints, as far as it is of use.
#[derive(Deserialize)]
struct Printed {
    #[serde(default)]
    streams: Vec<PrintedStream>,
    format: Option<PrintedFormat>,
}

#[derive(Deserialize)]
struct PrintedFormat {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct PrintedStream {
    codec_name: Option<String>,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    sample_aspect_ratio: Option<String>,
    duration: Option<String>,
    color_transfer: Option<String>,
    #[serde(default)]
    tags: PrintedTags,
    #[serde(default)]
    side_data_list: Vec<PrintedSideData>,
}

#[derive(Deserialize, Default)]
struct PrintedTags {
    rotate: Option<String>,
}

#[derive(Deserialize)]
struct PrintedSideData {
    rotation: Option<f64>,
}

/// Reads what ffprobe printed.
fn read_probe(json: &[u8]) -> Result<Probed, DecodeError> {
    let printed: Printed = serde_json::from_slice(json)
        .map_err(|_| DecodeError::Damaged("ffprobe cannot make sense of it".to_owned()))?;
    let Some(stream) = printed.streams.into_iter().next() else {
        return Err(DecodeError::Damaged("it has no picture in it, only sound".to_owned()));
    };
    let seconds = |words: &Option<String>| words.as_ref().and_then(|words| words.parse::<f64>().ok());
    let side_data = stream.side_data_list.iter().find_map(|data| data.rotation);
    let turn = side_data.or_else(|| stream.tags.rotate.as_ref()?.parse().ok()).unwrap_or(0.0);
    let pixel_shape = stream.sample_aspect_ratio.as_deref().and_then(ratio).unwrap_or(1.0);
    Ok(Probed {
        stored: PixelSize { width: stream.width, height: stream.height },
        pixel_shape,
        turn: if turn.is_finite() { turn.round() as i64 } else { 0 },
        duration: printed
            .format
            .and_then(|format| seconds(&format.duration))
            .or_else(|| seconds(&stream.duration)),
        codec: stream.codec_name,
        transfer: stream.color_transfer,
    })
}

/// For the fuzzer: all that is made of what ffprobe printed.
#[cfg(feature = "fuzzing")]
pub(crate) fn probed(json: &[u8]) {
    if let Ok(probed) = read_probe(json) {
        Wanted::of(probed.upright_size(), Some(1440));
        probed.seconds().and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
    }
}

/// `4:3`, where it is one that a screen could have.
fn ratio(words: &str) -> Option<f64> {
    let (above, below) = words.split_once(':')?;
    let ratio = above.parse::<f64>().ok()? / below.parse::<f64>().ok()?;
    (0.05..20.0).contains(&ratio).then_some(ratio)
}

fn probe(file: &File, demuxer: &str) -> Result<Probed, DecodeError> {
    let mut command = program("ffprobe", file)?;
    command.args(["-v", "error", "-select_streams", "v:0", "-show_streams", "-show_format", "-of", "json"]);
    command.args(input(demuxer));
    let (said, _) = run(command, LONGEST_ANSWER)?;
    read_probe(&said)
}

/// The size of the frame that is asked for; ffmpeg shrinks while it decodes.
#[derive(Clone, Copy)]
struct Wanted {
    width: u32,
    height: u32,
}

impl Wanted {
    fn of(full: PixelSize, least: Option<u32>) -> Self {
        let short = full.width.min(full.height).max(1);
        let scale = least.map_or(1.0, |least| (f64::from(least) / f64::from(short)).min(1.0));
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        Self { width: side(full.width), height: side(full.height) }
    }
}

fn frame(
    file: &File,
    demuxer: &str,
    at: f64,
    tone_mapped: bool,
    wanted: Wanted,
) -> Result<Picture, DecodeError> {
    let Wanted { width, height } = wanted;
    let count = budget::pixels(u64::from(width), u64::from(height), 3)?;
    let mut filter = format!("scale={width}:{height}:flags=area+accurate_rnd+full_chroma_int,setsar=1");
    if tone_mapped {
        // Bright light is bent into what an ordinary screen can show, as Immich does it.
        filter = format!(
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,\
             zscale=t=bt709:m=bt709:r=tv,format=yuv420p,{filter}"
        );
    }
    let mut command = program("ffmpeg", file)?;
    command.args(["-v", "error", "-nostdin", "-threads", "1"]);
    if at > 0.0 {
        command.args(["-ss", &format!("{at:.3}")]);
    }
    command.args(input(demuxer));
    command.args(["-map", "0:v:0", "-frames:v", "1", "-vf", &filter, "-threads", "1"]);
    command.args(["-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]);
    let (rgb, complaint) = run(command, count as u64 * 3 + 1)?;
    Picture::new(width, height, rgb).ok_or_else(|| {
        let first = complaint.lines().next().unwrap_or("ffmpeg found no frame in it");
        DecodeError::Damaged(first.chars().take(200).collect())
    })
}

/// How both are told what to read, and what not.
fn input(demuxer: &str) -> [&str; 6] {
    ["-protocol_whitelist", "file", "-f", demuxer, "-i", GIVEN]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ffprobe_prints_of_a_phones_video() {
        let json = br#"{"streams": [{"codec_name": "hevc", "width": 1920, "height": 1080, "color_transfer": "bt709",
            "sample_aspect_ratio": "1:1", "side_data_list": [{"side_data_type": "Display Matrix", "rotation": -90}]}],
            "format": {"duration": "2.866667"}}"#;
        let probed = read_probe(json).unwrap();
        assert_eq!(probed.upright_size(), PixelSize { width: 1080, height: 1920 });
        assert_eq!((probed.codec.as_deref(), probed.seconds()), (Some("hevc"), Some(2.866667)));
        assert!(!probed.high_dynamic_range());
    }

    #[test]
    fn what_ffprobe_prints_of_other_things() {
        let wide = br#"{"streams": [{"width": 720, "height": 576, "sample_aspect_ratio": "64:45",
            "tags": {"rotate": "180"}}], "format": {"duration": "N/A"}}"#;
        let probed = read_probe(wide).unwrap();
        assert_eq!(probed.upright_size(), PixelSize { width: 1024, height: 576 });
        assert_eq!(probed.seconds(), None);
        assert!(matches!(read_probe(b"{\"streams\": []}"), Err(DecodeError::Damaged(_))));
        assert!(matches!(read_probe(b"ffprobe: not a number"), Err(DecodeError::Damaged(_))));
        let silly =
            read_probe(br#"{"streams": [{"width": 1, "height": 1, "sample_aspect_ratio": "0:0"}]}"#).unwrap();
        assert_eq!(silly.upright_size(), PixelSize { width: 1, height: 1 });
    }

    #[test]
    fn every_kind_of_video_has_its_demuxer() {
        let videos = Format::ALL.iter().filter(|format| format.kind() == library::Kind::Video);
        for format in videos {
            assert!(demuxer(*format).is_some(), "{}", format.word());
        }
    }
}
