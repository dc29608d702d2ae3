//! Dates and times as photo software writes them: EXIF's colons, XMP's ISO 8601, and everything cameras made of both.

use jiff::civil::{DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A wall clock time, and its offset from UTC where it was written beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    pub(crate) local: DateTime,
    pub(crate) offset: Option<Offset>,
    /// Only the day was written; midnight stands in for the time.
    pub(crate) date_only: bool,
}

/// What came of reading a date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parsed {
    /// A date and time.
    Moment(Moment),
    /// Blank or all zeros: the writer had none.
    Unset,
    /// Not a date, or one no calendar has.
    Impossible,
}

impl Parsed {
    /// The moment, and nothing said about why there is none.
    pub(crate) fn moment(self) -> Option<Moment> {
        match self {
            Self::Moment(moment) => Some(moment),
            Self::Unset | Self::Impossible => None,
        }
    }
}

/// Reads `2024:05:06 07:08:09.25+02:00` in all its spellings. A date without a time is midnight; a bare year or month
/// is its first day, since scanned photos are often dated so.
///
/// What is understood only in part is no date: a day misread as the first of January hides the photo among others.
pub(crate) fn parse(text: &str) -> Parsed {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if !text.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') {
        return Parsed::Unset;
    }
    let date = if text.is_ascii() { scan(text) } else { scan(&plain_marks(text)) };
    date.map_or(Parsed::Impossible, Parsed::Moment)
}

/// The words that stand between the numbers in East Asia, as the marks they stand for.
fn plain_marks(text: &str) -> String {
    let plain = |c| match c {
        '年' | '月' | '년' | '월' | '时' | '時' | '시' | '分' | '분' | '：' => ':',
        '日' | '일' | '秒' | '초' | '\u{3000}' => ' ',
        other => other,
    };
    text.chars().map(plain).collect()
}

fn scan(text: &str) -> Option<Moment> {
    const MARKS: &[u8] = b":-/. _";
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4, 4)?;
    let (mut month, mut day) = (1, 1);
    let compact = rest.first().is_some_and(u8::is_ascii_digit);
    if compact || skip(&mut rest, MARKS) {
        month = number(&mut rest, 1, 2)?;
        if compact || skip(&mut rest, MARKS) {
            day = number(&mut rest, 1, 2)?;
        }
    }
    let dated = rest;
    while skip(&mut rest, b" Tt:_,.") {}
    let date_only = !rest.first().is_some_and(u8::is_ascii_digit);
    let (clock, offset) = if date_only {
        rest = dated;
        (Clock::default(), zone(&mut rest))
    } else {
        time(&mut rest)?
    };
    // Behind a time that is whole, names of zones and the like may follow; behind less, only what fills the field.
    let strange = |byte: &u8| match clock.told {
        Told::Nothing => byte.is_ascii_alphanumeric() || !byte.is_ascii(),
        Told::Minutes => byte.is_ascii_digit(),
        Told::Seconds => false,
    };
    if rest.iter().any(strange) {
        return None;
    }
    let year = i16::try_from(year).ok()?;
    let Clock { hour, minute, second, nanos, .. } = clock;
    let local = DateTime::new(year, month as i8, day as i8, hour, minute, second, nanos).ok()?;
    (local.year() >= 1).then_some(Moment { local, offset, date_only })
}

/// Reads a date with the month's name: C's `Mon Mar 10 15:04:43 2003` and the mail's `Mon, 10 Mar 2003 15:04:43 +0100`.
pub(crate) fn parse_with_names(text: &str) -> Option<Moment> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let parts: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty()).collect();
    let (month, day, year, time, zone) = match parts.as_slice() {
        [_, month, day, time, year] if time.contains(':') => (month, day, year, time, ""),
        // As the command `date` prints it.
        [_, month, day, time, zone, year] if time.contains(':') => (month, day, year, time, *zone),
        [_, day, month, year, time] | [day, month, year, time] => (month, day, year, time, ""),
        [_, day, month, year, time, zone] => (month, day, year, time, *zone),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| month.to_lowercase().starts_with(name))? + 1;
    parse(&format!("{year}-{month:02}-{day} {time} {zone}")).moment()
}

/// Reads `07:08:09.25+02:00`, as IPTC and GPS write it on its own, seconds and zone optional.
pub(crate) fn parse_time(text: &str) -> Option<(Time, Option<Offset>)> {
    let (Clock { hour, minute, second, nanos, .. }, offset) = time(&mut text.trim().as_bytes())?;
    Some((Time::new(hour, minute, second, nanos).ok()?, offset))
}

/// How much of a time was written.
#[derive(Clone, Copy, Default)]
enum Told {
    #[default]
    Nothing,
    Minutes,
    Seconds,
}

#[derive(Default)]
struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    told: Told,
}

fn time(rest: &mut &[u8]) -> Option<(Clock, Option<Offset>)> {
    let mut hour = number(rest, 1, 2)?;
    let compact = rest.first().is_some_and(u8::is_ascii_digit);
    // One dash begins a zone, two dashes part hours, minutes and seconds.
    let dashed =
        matches!(rest, [b'-', a, b, b'-', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()));
    let marks: &[u8] = if dashed { b"-" } else { b":.;_" };
    let (mut minute, mut second, mut nanos) = (0, 0, 0);
    let mut told = Told::Nothing;
    if compact || skip(rest, marks) {
        minute = number(rest, 1, 2)?;
        told = Told::Minutes;
        if (compact && rest.first().is_some_and(u8::is_ascii_digit)) || skip(rest, marks) {
            second = number(rest, 1, 2)?;
            told = Told::Seconds;
            if skip(rest, b".,:") {
                nanos = fraction(rest);
            }
        }
    }
    (hour < 24 && minute < 60 && second <= 60).then_some(())?;
    skip_blanks(rest);
    if let [half @ (b'A' | b'a' | b'P' | b'p'), b'M' | b'm', after @ ..] = *rest
        && !after.first().is_some_and(u8::is_ascii_alphabetic)
    {
        *rest = after;
        hour = match half.to_ascii_uppercase() {
            b'A' if hour == 12 => 0,
            b'P' if hour < 12 => hour + 12,
            _ => hour,
        };
    }
    let clock = Clock { hour: hour as i8, minute: minute as i8, second: second.min(59) as i8, nanos, told };
    Some((clock, zone(rest)))
}

/// Reads `+02:00`, `-0500`, `+9`, `Z`, the real minus sign too. Beyond what any place uses it is nothing.
pub(crate) fn parse_offset(text: &str) -> Option<Offset> {
    zone(&mut text.trim_start_matches('\0').as_bytes())
}

fn zone(rest: &mut &[u8]) -> Option<Offset> {
    skip_blanks(rest);
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, behind) = rest.split_at_checked(word)?;
    if matches!(name, b"Z" | b"z" | b"UTC" | b"GMT") && !matches!(behind, [b'+' | b'-', b'0'..=b'9', ..]) {
        *rest = behind;
        return Some(Offset::UTC);
    }
    let (sign, mut digits) = match *rest {
        [b'+', after @ ..] => (1, after),
        [b'-', after @ ..] => (-1, after),
        // U+2212, the minus of typographers.
        [0xE2, 0x88, 0x92, after @ ..] => (-1, after),
        _ => return None,
    };
    let hours = number(&mut digits, 1, 2)?;
    skip(&mut digits, b":");
    let minutes = number(&mut digits, 2, 2).unwrap_or(0);
    *rest = digits;
    (hours <= 14 && minutes < 60).then_some(())?;
    Offset::from_seconds(sign * (hours as i32 * 3600 + minutes as i32 * 60)).ok()
}

fn skip_blanks(rest: &mut &[u8]) {
    while skip(rest, b" \t\0") {}
}

/// The sub-second digits of EXIF's own tag: `05` is 50 ms, padding ignored.
pub(crate) fn parse_subseconds(text: &str) -> Option<i32> {
    let mut rest = text.trim_matches(|c: char| c.is_whitespace() || c == '\0').as_bytes();
    rest.first().filter(|byte| byte.is_ascii_digit())?;
    Some(fraction(&mut rest))
}

fn fraction(rest: &mut &[u8]) -> i32 {
    let mut nanos = 0;
    let mut worth = 100_000_000;
    while let Some((digit, after)) = rest.split_first().filter(|(byte, _)| byte.is_ascii_digit()) {
        nanos += i32::from(digit - b'0') * worth;
        worth /= 10;
        *rest = after;
    }
    nanos
}

fn number(rest: &mut &[u8], least: usize, most: usize) -> Option<u32> {
    // Some cameras pad with blanks where a zero belongs: "2004: 1: 2".
    while least < 4 && most == 2 && rest.len() > 1 && rest.first() == Some(&b' ') {
        *rest = rest.get(1..)?;
    }
    let digits = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    (digits >= least).then_some(())?;
    let (digits, after) = rest.split_at_checked(digits)?;
    *rest = after;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn skip(rest: &mut &[u8], any_of: &[u8]) -> bool {
    match rest.split_first() {
        Some((first, after)) if any_of.contains(first) => {
            *rest = after;
            true
        }
        _ => false,
    }
}

/// The instant that many seconds after the start of 1904, when the clocks of Apple's and MPEG's containers start.
pub(crate) fn since_1904(seconds: u64) -> Option<DateTime> {
    const FROM_1904_TO_1970: i64 = 2_082_844_800;
    // Some writers count from 1970 all the same; read as 1904 those land before there was digital video.
    let counted = i64::try_from(seconds).ok()? - FROM_1904_TO_1970;
    since_1970(if counted < 0 { i64::try_from(seconds).ok()? } else { counted })
}

/// The UTC wall clock that many seconds after 1970; nothing for zero and what lies outside any camera's life.
pub(crate) fn since_1970(seconds: i64) -> Option<DateTime> {
    (seconds > 0).then_some(())?;
    let at = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    (1970..=2200).contains(&at.year()).then_some(at)
}

/// The offset that explains how far a local clock was from a UTC clock read at almost the same time.
///
/// A GPS fix may be a minute old, so anything within two minutes of a quarter hour counts; what no zone on Earth has is
/// a wrong clock, not an offset.
pub(crate) fn offset_between(local: DateTime, utc: DateTime) -> Option<Offset> {
    const QUARTER: i64 = 15 * 60;
    let apart = local.duration_since(utc).as_secs();
    let quarters = (apart as f64 / QUARTER as f64).round() as i64;
    let nearest = quarters * QUARTER;
    ((apart - nearest).abs() <= 120 && (-12 * 3600..=14 * 3600).contains(&nearest)).then_some(())?;
    Offset::from_seconds(i32::try_from(nearest).ok()?).ok()
}

/// Seconds as a playing time; nothing for what is not a length.
pub(crate) fn duration(seconds: f64) -> Option<SignedDuration> {
    (seconds.is_finite() && seconds > 0.0 && seconds < 1e8).then(|| SignedDuration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse(text) {
            Parsed::Moment(moment) => match moment.offset {
                Some(offset) => format!("{} {}", moment.local, offset.seconds()),
                None => moment.local.to_string(),
            },
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn spellings_of_a_date() {
        assert_eq!(shown("2024:05:06 07:08:09"), "2024-05-06T07:08:09");
        assert_eq!(shown("2024-05-06T07:08:09.25+02:00"), "2024-05-06T07:08:09.25 7200");
        assert_eq!(shown("2024:05:06 07:08:09Z"), "2024-05-06T07:08:09 0");
        assert_eq!(shown("2024-05-06T07:08-0500"), "2024-05-06T07:08:00 -18000");
        assert_eq!(shown("20240506T070809+0200"), "2024-05-06T07:08:09 7200");
        assert_eq!(shown("20240506070809"), "2024-05-06T07:08:09");
        assert_eq!(shown("2024/05/06 07:08:09 +0100"), "2024-05-06T07:08:09 3600");
        assert_eq!(shown("2004: 1: 2  3: 4: 5"), "2004-01-02T03:04:05");
        assert_eq!(shown("2024:05:06"), "2024-05-06T00:00:00");
        assert_eq!(shown("1985"), "1985-01-01T00:00:00");
        assert_eq!(shown("1985-07"), "1985-07-01T00:00:00");
        assert_eq!(shown("2016:12:31 23:59:60"), "2016-12-31T23:59:59");
        assert_eq!(shown("0000:00:00 00:00:00"), "Unset");
        assert_eq!(shown("    :  :     :  :  "), "Unset");
        assert_eq!(shown("2024:13:06 07:08:09"), "Impossible");
        assert_eq!(shown("2023:02:29 07:08:09"), "Impossible");
        assert_eq!(shown("2024:05:06 25:08:09"), "Impossible");
        assert_eq!(shown("yesterday, 5 o'clock"), "Impossible");
    }

    #[test]
    fn marks_of_other_countries_and_programs() {
        let usual = "2021-02-03T04:05:06";
        assert_eq!(shown("2021_02_03 04:05:06"), usual);
        assert_eq!(shown("2021_02_03_04_05_06"), usual);
        assert_eq!(shown("20210203_040506"), usual);
        assert_eq!(shown("2021.02.03.04.05.06"), usual);
        assert_eq!(shown("2021-02-03 04-05-06"), usual);
        assert_eq!(shown("2021-02-03, 04:05:06"), usual);
        assert_eq!(shown("2021年02月03日 04:05:06"), usual);
        assert_eq!(shown("2021年2月3日 4时5分6秒"), usual);
        assert_eq!(shown("2021년 2월 3일 04:05:06"), usual);
        assert_eq!(shown("2021:02:03 04;05;06"), usual);
    }

    #[test]
    fn months_with_names() {
        let shown = |text: &str| {
            let Moment { local, offset, .. } = parse_with_names(text)?;
            Some((local.to_string(), offset.map(Offset::seconds)))
        };
        let known = |zone| Some(("2003-03-01T05:04:43".to_owned(), zone));
        assert_eq!(shown("Sat Mar  1 05:04:43 2003"), known(None));
        assert_eq!(shown("SAT MAR 01 05:04:43 2003\n\0"), known(None));
        assert_eq!(shown("Sat Mar  1 05:04:43 CET 2003"), known(None));
        assert_eq!(shown("Sat, 01 Mar 2003 05:04:43 +0100"), known(Some(3600)));
        assert_eq!(shown("Sat, 1 March 2003 05:04:43 GMT"), known(Some(0)));
        assert_eq!(shown("1 Mar 2003 05:04:43"), known(None));
        assert_eq!(shown("Sat Foo  1 05:04:43 2003"), None);
        assert_eq!(shown("Sat Mar 32 05:04:43 2003"), None);
    }

    #[test]
    fn halves_of_the_day() {
        assert_eq!(shown("2021:02:03 04:05:06 PM"), "2021-02-03T16:05:06");
        assert_eq!(shown("2021:02:03 04:05:06pm +02:00"), "2021-02-03T16:05:06 7200");
        assert_eq!(shown("2021:02:03 12:05 am"), "2021-02-03T00:05:00");
        assert_eq!(shown("2021:02:03 12:05:06 PM"), "2021-02-03T12:05:06");
        assert_eq!(shown("2021:02:03 16:05:06 PM"), "2021-02-03T16:05:06");
    }

    #[test]
    fn what_is_understood_in_part_is_no_date() {
        for text in
            ["2021?02?03", "2021:02:03 x04:05:06", "2021:02:03 04h05", "2021:02:03 04:05x06", "2021 or so"]
        {
            assert_eq!(shown(text), "Impossible", "{text}");
        }
    }

    #[test]
    fn what_only_fills_the_field_is_left_aside() {
        assert_eq!(shown("2021:02:03 04:05:06\0\0x"), "2021-02-03T04:05:06");
        assert_eq!(shown("2021:02:03 04:05:06 CET"), "2021-02-03T04:05:06");
        assert_eq!(shown("2021-02-03T04:05:06+01:00[Europe/Rome]"), "2021-02-03T04:05:06 3600");
        assert_eq!(shown("2021:02:03   :  :  "), "2021-02-03T00:00:00");
        assert_eq!(shown("2021:02:03 --:--:--"), "2021-02-03T00:00:00");
        assert_eq!(shown("2021-02-03+01:00"), "2021-02-03T00:00:00 3600");
    }

    #[test]
    fn epochs() {
        assert_eq!(since_1904(0), None);
        assert_eq!(since_1904(3_786_825_600).unwrap().to_string(), "2023-12-31T00:00:00");
        assert_eq!(since_1904(1_700_000_000).unwrap().to_string(), "2023-11-14T22:13:20");
        assert_eq!(since_1970(0), None);
        assert_eq!(since_1970(i64::MAX), None);
    }

    #[test]
    fn offsets_from_a_gps_clock() {
        let at = |text: &str| parse(text).moment().unwrap().local;
        let seconds = |a, b| offset_between(at(a), at(b)).map(Offset::seconds);
        assert_eq!(seconds("2024:05:06 12:00:30", "2024:05:06 10:00:00"), Some(7200));
        assert_eq!(seconds("2024:05:06 12:00:30", "2024:05:06 17:45:00"), Some(-20_700));
        assert_eq!(seconds("2024:05:06 12:07:00", "2024:05:06 10:00:00"), None);
        assert_eq!(seconds("2024:05:06 12:00:00", "2024:05:07 10:00:00"), None);
    }
}
