//! Cuts a query into chunks at spaces, with quotes that keep spaces in.

/// One chunk of a query, between spaces that no quote holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Chunk {
    /// As typed, quotes and all.
    pub(super) raw: String,
    /// Whether a `-` stands before it.
    pub(super) excluded: bool,
    /// What stands before the first quote, the `-` aside.
    pub(super) bare: String,
    /// What stands in the quotes; `None` without quotes.
    pub(super) quoted: Option<String>,
    /// Whether the quote was never closed.
    pub(super) open: bool,
    /// Whether a `*` stands right after the closing quote.
    pub(super) star: bool,
}

fn is_quote(letter: char) -> bool {
    // Phones put the curly ones, and they are allowed where `"` is not.
    matches!(letter, '"' | '“' | '”' | '„')
}

/// Cuts `text` into chunks. A quote counts at the beginning of a chunk or where a value begins (`person:"Bob B"`); the
/// closing quote ends the chunk. In quotes, `\"` is a quote and `\\` a backslash.
pub(super) fn chunks(text: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(first) = letters.next() {
        if first.is_whitespace() || first.is_control() {
            continue;
        }
        let mut chunk = Chunk::default();
        chunk.raw.push(first);
        let mut at = Some(first);
        if first == '-' && letters.peek().is_some_and(|next| !next.is_whitespace() && !next.is_control()) {
            chunk.excluded = true;
            at = letters.next_if(|_| true);
            chunk.raw.extend(at);
        }
        while let Some(letter) = at {
            if is_quote(letter) && value_begins(&chunk.bare) {
                chunk.open = true;
                let quoted = chunk.quoted.get_or_insert_default();
                while let Some(letter) = letters.next() {
                    chunk.raw.push(letter);
                    if is_quote(letter) {
                        chunk.open = false;
                        break;
                    }
                    let escaped =
                        letter == '\\' && letters.peek().is_some_and(|next| is_quote(*next) || *next == '\\');
                    match letters.next_if(|_| escaped) {
                        Some(next) => {
                            chunk.raw.push(next);
                            quoted.push(next);
                        }
                        None => quoted.push(letter),
                    }
                }
                chunk.star = letters.next_if(|next| *next == '*' && !chunk.open).is_some();
                if chunk.star {
                    chunk.raw.push('*');
                }
                break;
            }
            chunk.bare.push(letter);
            at = letters.next_if(|next| !next.is_whitespace() && !next.is_control());
            chunk.raw.extend(at);
        }
        chunks.push(chunk);
    }
    chunks
}

/// Whether a quote after `bare` opens a phrase or a value, rather than being a character of a word (`12"`).
fn value_begins(bare: &str) -> bool {
    bare.is_empty() || bare.ends_with([':', '='])
}

/// `text` in quotes, so that [`chunks`] reads it back.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        if is_quote(letter) || letter == '\\' {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(bool, String, Option<String>)> {
        chunks(text).into_iter().map(|chunk| (chunk.excluded, chunk.bare, chunk.quoted)).collect()
    }

    #[test]
    fn spaces_cut_and_quotes_hold() {
        assert_eq!(
            cut(" dog  person:\"Bob B\" -\"a b\"c -x - “x y”"),
            [
                (false, "dog".into(), None),
                (false, "person:".into(), Some("Bob B".into())),
                (true, String::new(), Some("a b".into())),
                (false, "c".into(), None),
                (true, "x".into(), None),
                (false, "-".into(), None),
                (false, String::new(), Some("x y".into())),
            ]
        );
        assert_eq!(cut("12\" rock"), [(false, "12\"".into(), None), (false, "rock".into(), None)]);
        assert!(chunks("\"dog in").last().unwrap().open);
        assert_eq!(cut(&quoted("a \\\" “b")), [(false, String::new(), Some("a \\\" “b".into()))]);
    }
}
