//! Numbers, names and tables as people read them.

use unicode_width::UnicodeWidthStr as _;

/// Rows of cells, lined up in columns when printed.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: &'static [usize],
}

impl Table {
    /// A table whose columns `right` are set flush right: numbers.
    pub fn with_numbers(right: &'static [usize]) -> Self {
        Self { rows: Vec::new(), right }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    /// Whether there is nothing to print.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let space = " ".repeat(width - cell.width());
                if at > 0 {
                    line.push_str("  ");
                }
                if self.right.contains(&at) {
                    line.push_str(&space);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&space);
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A size as file managers show it: powers of 1000.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if size < 1000 {
        return format!("{size} B");
    }
    let mut value = size as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A number with its thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 photo`, `1,234 photos`.
pub fn plural(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// A length of time: `0.42 s`, `1:05`, `2:03:04`.
pub fn elapsed(seconds: f64) -> String {
    if seconds < 60.0 {
        return if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.0} s") };
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Text from a file without what could steer a terminal: a file name is the photographer's, or an attacker's.
pub fn safe(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let sizes: Vec<String> =
            [0, 999, 1000, 999_499, 999_500, 12_345_678].into_iter().map(bytes).collect();
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "999 kB", "1.0 MB", "12 MB"]);
        assert_eq!([count(7), count(1234), count(1_234_567)], ["7", "1,234", "1,234,567"]);
        assert_eq!(
            [elapsed(0.421), elapsed(42.0), elapsed(65.0), elapsed(7384.0)],
            ["0.42 s", "42 s", "1:05", "2:03:04"]
        );
        assert_eq!(safe("a\n\u{1b}[31m.jpg"), "a\\n\\u{1b}[31m.jpg");
    }

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let mut table = Table::with_numbers(&[1]);
        table.row(["東京".to_owned(), "1".to_owned(), "x".to_owned()]);
        table.row(["Rome".to_owned(), "22".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "東京   1  x\nRome  22\n");
    }
}
