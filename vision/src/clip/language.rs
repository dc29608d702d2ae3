//! The language of a text, for models that want to be told: NLLB's tokenizers have a token for each of their languages,
//! named as FLORES-200 names it, and a text begins with it. Immich's server prepends it in the same way.

/// What a text without a known language is taken for.
const ENGLISH: &str = "eng_Latn";

/// FLORES-200's name for a language, by its two letters (ISO 639-1), or with a script or country where that matters.
const CODES: &[(&str, &str)] = &[
    ("ar", "arb_Arab"),
    ("bg", "bul_Cyrl"),
    ("bn", "ben_Beng"),
    ("ca", "cat_Latn"),
    ("cs", "ces_Latn"),
    ("da", "dan_Latn"),
    ("de", "deu_Latn"),
    ("el", "ell_Grek"),
    ("en", ENGLISH),
    ("es", "spa_Latn"),
    ("et", "est_Latn"),
    ("fa", "pes_Arab"),
    ("fi", "fin_Latn"),
    ("fr", "fra_Latn"),
    ("he", "heb_Hebr"),
    ("hi", "hin_Deva"),
    ("hr", "hrv_Latn"),
    ("hu", "hun_Latn"),
    ("id", "ind_Latn"),
    ("it", "ita_Latn"),
    ("ja", "jpn_Jpan"),
    ("ko", "kor_Hang"),
    ("lt", "lit_Latn"),
    ("lv", "lvs_Latn"),
    ("nb", "nob_Latn"),
    ("nl", "nld_Latn"),
    ("no", "nob_Latn"),
    ("pl", "pol_Latn"),
    ("pt", "por_Latn"),
    ("ro", "ron_Latn"),
    ("ru", "rus_Cyrl"),
    ("sk", "slk_Latn"),
    ("sl", "slv_Latn"),
    ("sr", "srp_Cyrl"),
    ("sv", "swe_Latn"),
    ("th", "tha_Thai"),
    ("tr", "tur_Latn"),
    ("uk", "ukr_Cyrl"),
    ("vi", "vie_Latn"),
    ("zh_HK", "zho_Hant"),
    ("zh_TW", "zho_Hant"),
    ("zh", "zho_Hans"),
];

/// The token that a text of this locale (`de_AT.UTF-8`) begins with, for a model that knows a token by `knows`; `None`
/// for one that wants none.
pub(super) fn token(locale: Option<&str>, knows: impl Fn(&str) -> bool) -> Option<&'static str> {
    let country = locale.unwrap_or_default().split(['.', '@']).next().unwrap_or_default();
    let language = country.split('_').next().unwrap_or_default();
    let of = |name: &str| CODES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
    let wanted = of(country).or_else(|| of(language)).unwrap_or(ENGLISH);
    [wanted, ENGLISH].into_iter().find(|code| knows(code))
}

/// The locale that this process was started in, as setlocale(3) finds it for messages.
pub(super) fn locale() -> Option<String> {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_a_language_that_the_model_knows() {
        let all = |_: &str| true;
        assert_eq!(token(Some("de_AT.UTF-8"), all), Some("deu_Latn"));
        assert_eq!(token(Some("zh_TW"), all), Some("zho_Hant"));
        assert_eq!(token(Some("zh_CN.UTF-8"), all), Some("zho_Hans"));
        for none in [None, Some("C"), Some("C.UTF-8"), Some("POSIX"), Some("")] {
            assert_eq!(token(none, all), Some("eng_Latn"));
        }
        assert_eq!(token(Some("de_DE"), |code| code == "eng_Latn"), Some("eng_Latn"));
        assert_eq!(token(Some("de_DE"), |_| false), None, "most models have no such tokens");
    }
}
