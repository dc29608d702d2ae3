//! Small JPEGs that every decoder reads, with the EXIF a test asks for.
//!
//! Baseline, grey, one flat 8x8 block after another: all the coding there is to write is the DC differences.

/// A photo to be made. The picture differs from seed to seed.
#[derive(Clone, Debug, Default)]
pub struct Jpeg {
    /// Makes the picture, and so the bytes, different.
    pub seed: u64,
    /// Stored pixels across and down; 0 means 16.
    pub size: (u16, u16),
    /// `2024:05:01 10:20:30`.
    pub taken: Option<String>,
    /// `+02:00`.
    pub offset: Option<String>,
    /// Make and model.
    pub camera: Option<(String, String)>,
    /// Latitude and longitude in degrees.
    pub gps: Option<(f64, f64)>,
    /// EXIF orientation; 0 means none.
    pub orientation: u16,
    /// Caption.
    pub description: Option<String>,
    /// Bytes of padding after the picture, to make a bigger file.
    pub padding: usize,
}

impl Jpeg {
    /// A photo with nothing but a picture.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Taken then: `2024:05:01 10:20:30`.
    pub fn taken(mut self, taken: &str) -> Self {
        self.taken = Some(taken.to_owned());
        self
    }

    /// In that zone: `+02:00`.
    pub fn offset(mut self, offset: &str) -> Self {
        self.offset = Some(offset.to_owned());
        self
    }

    /// With that camera.
    pub fn camera(mut self, make: &str, model: &str) -> Self {
        self.camera = Some((make.to_owned(), model.to_owned()));
        self
    }

    /// There.
    pub fn gps(mut self, lat: f64, lon: f64) -> Self {
        self.gps = Some((lat, lon));
        self
    }

    /// Stored turned like this.
    pub fn orientation(mut self, orientation: u16) -> Self {
        self.orientation = orientation;
        self
    }

    /// With this caption.
    pub fn description(mut self, description: &str) -> Self {
        self.description = Some(description.to_owned());
        self
    }

    /// So many pixels, as stored.
    pub fn pixels(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    /// So many more bytes.
    pub fn padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = vec![0xff, 0xd8];
        let exif = self.exif();
        if !exif.is_empty() {
            segment(&mut file, 0xe1, &[b"Exif\0\0".as_slice(), &exif].concat());
        }
        self.picture(&mut file);
        file.extend(std::iter::repeat_n(0, self.padding));
        file
    }

    fn exif(&self) -> Vec<u8> {
        let mut main = Directory::default();
        if let Some((make, model)) = &self.camera {
            main.text(0x010f, make);
            main.text(0x0110, model);
        }
        if let Some(description) = &self.description {
            main.text(0x010e, description);
        }
        if self.orientation != 0 {
            main.short(0x0112, self.orientation);
        }
        let mut exif = Directory::default();
        if let Some(taken) = &self.taken {
            exif.text(0x9003, taken);
        }
        if let Some(offset) = &self.offset {
            exif.text(0x9011, offset);
        }
        let mut gps = Directory::default();
        if let Some((lat, lon)) = self.gps {
            gps.text(1, if lat < 0.0 { "S" } else { "N" });
            gps.degrees(2, lat);
            gps.text(3, if lon < 0.0 { "W" } else { "E" });
            gps.degrees(4, lon);
        }
        if main.entries.is_empty() && exif.entries.is_empty() && gps.entries.is_empty() {
            return Vec::new();
        }
        // The directories lie one after the other, and the main one points at the others.
        let pointers = usize::from(!exif.entries.is_empty()) + usize::from(!gps.entries.is_empty());
        let mut at = 8 + main.length_with(pointers);
        let (exif_at, exif_length) = (at, exif.length_with(0));
        if !exif.entries.is_empty() {
            main.long(0x8769, exif_at as u32);
            at += exif_length;
        }
        let gps_at = at;
        if !gps.entries.is_empty() {
            main.long(0x8825, gps_at as u32);
        }
        let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
        main.write(&mut tiff);
        if !exif.entries.is_empty() {
            exif.write(&mut tiff);
        }
        if !gps.entries.is_empty() {
            gps.write(&mut tiff);
        }
        tiff
    }

    fn picture(&self, file: &mut Vec<u8>) {
        let (width, height) = (self.size.0.max(1), self.size.1.max(1));
        let (width, height) = if self.size == (0, 0) { (16, 16) } else { (width, height) };
        segment(file, 0xdb, &[&[0][..], &[1; 64]].concat());
        let [h1, h0] = height.to_be_bytes();
        let [w1, w0] = width.to_be_bytes();
        segment(file, 0xc0, &[8, h1, h0, w1, w0, 1, 1, 0x11, 0]);
        // DC categories 0 to 11 as four-bit codes, and an AC table that knows only "the block ends".
        let mut dc = vec![0x00, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        dc.extend(0..12);
        segment(file, 0xc4, &dc);
        segment(file, 0xc4, &[0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        segment(file, 0xda, &[1, 1, 0x00, 0, 63, 0]);
        let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
        let mut random = crate::Random::new(self.seed);
        let mut bits = Bits::default();
        let mut before = 0;
        for _ in 0..blocks {
            let level = random.below(2000) as i32 - 1000;
            bits.dc(level - before);
            bits.put(0, 1);
            before = level;
        }
        file.extend(bits.finish());
        file.extend([0xff, 0xd9]);
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((content.len() as u16 + 2).to_be_bytes());
    file.extend(content);
}

/// One TIFF directory: entries in order of their tags, what does not fit into one behind them.
#[derive(Default)]
struct Directory {
    entries: Vec<(u16, u16, u32, Vec<u8>)>,
}

impl Directory {
    fn text(&mut self, tag: u16, text: &str) {
        let bytes = [text.as_bytes(), b"\0"].concat();
        self.entries.push((tag, 2, bytes.len() as u32, bytes));
    }

    fn short(&mut self, tag: u16, value: u16) {
        self.entries.push((tag, 3, 1, value.to_be_bytes().to_vec()));
    }

    fn long(&mut self, tag: u16, value: u32) {
        self.entries.push((tag, 4, 1, value.to_be_bytes().to_vec()));
    }

    /// Degrees, minutes and millionths of seconds.
    fn degrees(&mut self, tag: u16, degrees: f64) {
        let degrees = degrees.abs();
        let minutes = degrees.fract() * 60.0;
        let seconds = (minutes.fract() * 60.0 * 1e6).round() as u32;
        let parts = [degrees as u32, 1, minutes as u32, 1, seconds, 1_000_000];
        self.entries.push((tag, 5, 3, parts.into_iter().flat_map(u32::to_be_bytes).collect()));
    }

    fn length_with(&self, more: usize) -> usize {
        let outside: usize = self
            .entries
            .iter()
            .map(|(.., bytes)| if bytes.len() > 4 { bytes.len().next_multiple_of(2) } else { 0 })
            .sum();
        2 + (self.entries.len() + more) * 12 + 4 + outside
    }

    fn write(mut self, tiff: &mut Vec<u8>) {
        self.entries.sort_by_key(|(tag, ..)| *tag);
        let mut outside = tiff.len() + 2 + self.entries.len() * 12 + 4;
        let mut behind = Vec::new();
        tiff.extend((self.entries.len() as u16).to_be_bytes());
        for (tag, kind, count, mut bytes) in self.entries {
            tiff.extend(tag.to_be_bytes());
            tiff.extend(kind.to_be_bytes());
            tiff.extend(count.to_be_bytes());
            if bytes.len() > 4 {
                tiff.extend((outside as u32).to_be_bytes());
                bytes.resize(bytes.len().next_multiple_of(2), 0);
                outside += bytes.len();
                behind.extend(bytes);
            } else {
                bytes.resize(4, 0);
                tiff.extend(bytes);
            }
        }
        tiff.extend([0; 4]);
        tiff.extend(behind);
    }
}

/// Bits on their way into a scan, with the zero after every 0xff.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn dc(&mut self, difference: i32) {
        let category = 32 - difference.unsigned_abs().leading_zeros();
        self.put(category, 4);
        let value = if difference < 0 { difference + (1 << category) - 1 } else { difference };
        self.put(value as u32, category);
    }

    fn put(&mut self, value: u32, width: u32) {
        for at in (0..width).rev() {
            self.pending = self.pending << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.pending as u8);
                if self.pending as u8 == 0xff {
                    self.bytes.push(0);
                }
                (self.pending, self.count) = (0, 0);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while self.count != 0 {
            self.put(1, 1);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Jpeg;

    #[test]
    fn different_seeds_are_different_photos() {
        assert_ne!(Jpeg::new(1).bytes(), Jpeg::new(2).bytes());
        assert_eq!(Jpeg::new(1).bytes(), Jpeg::new(1).bytes());
        assert!(Jpeg::new(1).gps(41.9, 12.5).taken("2024:05:01 10:20:30").bytes().len() < 400);
    }
}
