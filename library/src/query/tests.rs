//! The language as a table, and what must hold for any text.

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

fn today() -> Date {
    Date::constant(2024, 5, 17)
}

fn strict(text: &str) -> Result<Query, QueryError> {
    Query::parse(text, Mode::Strict, today())
}

fn typing(text: &str) -> Query {
    Query::parse(text, Mode::Typing, today()).unwrap()
}

/// What is typed, and what it is read as.
const GOLDEN: &[(&str, &str)] = &[
    ("", ""),
    ("  dog   in park ", "dog in park"),
    ("dog-in-park", "dog-in-park"),
    ("-dog", "-dog"),
    ("--dog", "--dog"),
    ("do*", "do*"),
    ("\"dog in park\" -\"cat\"", "\"dog in park\" -\"cat\""),
    ("“dog in park”", "\"dog in park\""),
    ("\"a \\\"b\\\" c\"", "\"a \\\"b\\\" c\""),
    ("12:30 http://example.org C: note: 5\" E=mc2", "12:30 http://example.org C: note: 5\" E=mc2"),
    ("person:Alice person:\"Bob B\"", "person:Alice person:\"Bob B\""),
    ("people:Alice WHO:Al*", "person:Alice person:Al*"),
    ("person:\"Bob B\"*", "person:\"Bob B\"*"),
    ("person=Bob_B", "person=Bob_B"),
    ("person=Alice", "person:Alice"),
    ("person=Al+", "person:Al*"),
    ("person:*", "person:*"),
    ("place:rome place=New_York", "place:rome place=New_York"),
    ("date:2024", "date:2024"),
    ("date=2024-05..2024-07", "date:2024-05..2024-07"),
    ("date:2024/5 date=2024.05.17", "date:2024-05 date:2024-05-17"),
    ("date:..2023 date:2024.. date>=2024", "date:..2023 date:2024.. date:2024.."),
    ("date:TODAY taken:yesterday", "date:today date:yesterday"),
    ("camera:canon lens:50mm", "camera:canon lens:50mm"),
    ("type:VIDEO type:photo type:raw type:jpg type:nef", "type:video type:image type:raw type:jpeg type:nef"),
    ("rating:>=4 rating=4+ rating>3", "rating:>=4 rating:>=4 rating:>=4"),
    (
        "rating:4 rating:3..4 rating:<=2 rating:none rating:0",
        "rating:4 rating:3..4 rating:0..2 rating:none rating:none",
    ),
    ("tag:holiday/rome tag=A.B", "tag:holiday/rome tag=A.B"),
    ("-tag:work not=tag=work not:dog", "-tag:work -tag:work -dog"),
    ("is:favorite is:archived has:faces has:gps", "is:favourite is:archived has:people has:gps"),
    ("in:2024/rome folder=2024.rome in:\"a b\"", "in:2024/rome in=2024.rome in:\"a b\""),
    ("name:IMG_12 name=IMG_12", "name:IMG_12 name=IMG_12"),
    ("iso:>=800 f:2.8 focal:50MM size>5MB", "iso:>=800 f:2.8 focal:50mm size:>5mb"),
    ("width:4000+ height:..3000 duration:1m..5m", "width:4000+ height:..3000 duration:1m..5m"),
];

#[test]
fn queries_are_read_as_meant() {
    for (text, meant) in GOLDEN {
        let query = strict(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(query.to_string(), *meant, "{text}");
        assert_eq!(strict(meant).unwrap(), query, "{text}");
    }
}

#[test]
fn errors_say_which_word_and_what_would_be_right() {
    for (text, says) in [
        ("dog foo:bar", "`foo:bar`: there is no operator `foo`"),
        ("persn:Bob", "did you mean `person:`?"),
        ("date:2024-13", "`date:2024-13` is no date: write date:2024, date:2024-05, date:2024-05-17"),
        ("date:2025..2024", "`date:2025..2024` ends before it begins"),
        ("rating:6", "`rating:6` is no rating: write rating:4"),
        ("rating:>5", "is no rating"),
        ("type:sidecar", "is no type"),
        ("type:xmp", "is no type"),
        ("is:nice", "`is:nice` is no property: write is:favourite"),
        ("has:fun", "`has:fun` is no thing to have"),
        ("person:", "`person:` says nothing: write person:Alice"),
        ("person:\"\"", "says nothing"),
        ("dog \"in park", "`\"in park` has a quote that is never closed"),
        ("size:big", "`size:big` is no size"),
        ("dog - cat", "`-` excludes nothing"),
    ] {
        let error = strict(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_is_half_typed_is_never_an_error() {
    for (text, meant) in [
        ("do", "do*"),
        ("dog ", "dog"),
        ("dog pa", "dog pa*"),
        ("person:", "person:*"),
        ("person:Al", "person:Al*"),
        ("person:Al ", "person:Al"),
        ("person:\"Bob", "person:Bob*"),
        ("person:\"Bob B\"", "person:\"Bob B\""),
        ("tag=holiday.ro", "tag=holiday.ro+"),
        ("\"dog in pa", "\"dog in pa\"*"),
        ("\"", ""),
        ("\" ", ""),
        ("\"dog in ", "\"dog in \"*"),
        ("dog -", "dog"),
        ("dog - ", "dog"),
        ("dog date:2024-", "dog"),
        ("date:2024- dog", "\"date:2024-\" dog*"),
        ("rating:>", ""),
        ("date:2024-05", "date:2024-05"),
        ("is:fav", "is:favourite"),
        ("is:favo", ""),
        ("foo:bar", "\"foo:bar\""),
        ("note:", "note:"),
    ] {
        let query = typing(text);
        let shown = query.to_string();
        assert_eq!(shown, meant, "{text}");
        assert_eq!(strict(&shown).unwrap(), query, "{text} shown as {shown}");
    }
}

#[test]
fn what_is_said_is_plain_words() {
    assert_eq!(strict("dog-in-park person:Bob -cat \"at night\"").unwrap().spoken(), "dog in park at night");
}

/// Text that is often nearly a query.
fn queryish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" ".to_owned()),
        Just("\"".to_owned()),
        Just("-".to_owned()),
        Just(":".to_owned()),
        Just("=".to_owned()),
        Just("*".to_owned()),
        Just("+".to_owned()),
        Just("..".to_owned()),
        Just("_".to_owned()),
        Just("\\".to_owned()),
        Just(">=".to_owned()),
        Just("not=".to_owned()),
        Just("2024-05".to_owned()),
        Just("4".to_owned()),
        proptest::sample::select(Operator::ALL.iter().flat_map(|one| one.spellings()).collect::<Vec<_>>())
            .prop_map(|word| format!("{word}:")),
        proptest::sample::select(State::ALL.to_vec()).prop_map(|word| word.to_string()),
        "[a-zA-Zé京“”]{1,3}",
        ".{0,2}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_shown_reads_as_the_same(text in queryish()) {
        if let Ok(query) = strict(&text) {
            let shown = query.to_string();
            prop_assert_eq!(strict(&shown), Ok(query), "shown as {}", shown);
        }
        let query = typing(&text);
        let shown = query.to_string();
        prop_assert_eq!(strict(&shown), Ok(query), "shown as {}", shown);
    }

    /// Found at random: a quote in the middle of a value began a quoted one when it was read again.
    #[test]
    fn a_value_with_a_quote_in_it_is_shown_in_quotes(letter in "[:a=]") {
        let query = strict(&format!("tag:\"{letter}\\\"\"")).unwrap();
        prop_assert_eq!(strict(&query.to_string()), Ok(query));
        let query = typing(&format!("tag:\"{letter}\\\""));
        prop_assert_eq!(strict(&query.to_string()), Ok(query));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".*") {
        let _ = strict(&text);
        typing(&text);
    }
}
