//! When two names cannot be told apart by eye.
//!
//! Unicode's confusables (UTS #39 §4) give every name a skeleton, which names that look the same
//! share. Letter case changes looks: `I` is like `l`, while `i` is like neither. So a name has two
//! looks, as it is typed and without letter case, and names are alike when they share one.

use std::collections::BTreeSet;

use caseless::Caseless;
use unicode_security::confusable_detection::skeleton;

use crate::domain::name::{ChannelName, DisplayName};

/// Names that could be taken for the server itself, for those who run it, or for everybody.
const RESERVED: [&str; 15] = [
    "Admin",
    "Administrator",
    "All",
    "Anonymous",
    "Channel",
    "Deleted",
    "Everybody",
    "Everyone",
    "Flack",
    "Here",
    "Moderator",
    "Nobody",
    "Operator",
    "Support",
    "System",
];

/// What a name looks like. Two names that share one of these cannot be told apart.
pub type Looks = BTreeSet<String>;

pub fn of_person(name: &DisplayName) -> Looks {
    looks(name.as_str(), &name.key())
}

pub fn of_channel(name: &ChannelName) -> Looks {
    looks(name.as_str(), &name.key())
}

/// Whether nobody may be called this, nor something that looks the same.
pub fn is_reserved(name: &DisplayName) -> bool {
    let own = of_person(name);
    RESERVED.iter().any(|reserved| !own.is_disjoint(&looks(reserved, &reserved.to_lowercase())))
}

fn looks(name: &str, key: &str) -> Looks {
    let folded = |name: &str| skeleton(name).default_case_fold().collect();
    Looks::from([folded(name), folded(key)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looks_of(name: &str) -> Looks {
        of_person(&DisplayName::try_from(name).expect("a name"))
    }

    fn are_alike(one: &str, other: &str) -> bool {
        !looks_of(one).is_disjoint(&looks_of(other))
    }

    #[test]
    fn what_the_eye_cannot_tell_apart_is_alike() {
        for (one, other) in [
            ("Ada", "ADA"),
            ("Ada", "Аdа"),     // Cyrillic
            ("Ada", "Αda"),     // Greek
            ("Ada", "Ａｄａ"),  // full width
            ("Ada", "𝐀𝐝𝐚"),     // mathematical
            ("Alice", "AIice"), // a capital i
            ("Alice", "A1ice"), // a one
            ("Alice", "ALICE"),
            ("Maria", "rnaria"), // r and n
            ("Bob", "B0b"),      // a zero
            ("Paul", "Ρaul"),    // a Greek rho
            ("O’Brien", "O'Brien"),
            ("Jean-Luc", "Jean‐Luc"), // another hyphen
            ("Сергей", "Cepгeй"),     // Latin letters in a Cyrillic name
            ("scope", "ѕсоре"),       // all Cyrillic
            ("Νίκος", "Nίκος"),       // a Latin N
        ] {
            assert!(
                are_alike(one, other),
                "{one} {:?} {other} {:?}",
                looks_of(one),
                looks_of(other)
            );
        }
    }

    /// Five of each of twelve scripts, all different, and all at once in one team.
    #[test]
    fn ordinary_names_of_twelve_scripts_are_nobody_elses() {
        let names = [
            ["Ada", "Adam", "Zoe", "Zoë", "Łukasz"],
            ["Анна", "Яна", "Сергей", "Ольга", "Олег"],
            ["Ελένη", "Νίκος", "Γιάννης", "Μαρία", "Σοφία"],
            ["محمد", "أحمد", "فاطمة", "علی‌رضا", "زينب"],
            ["דוד", "שרה", "משה", "רחל", "נועה"],
            ["अनीता", "अनिता", "राजेश", "प्रिया", "सुनील"],
            ["தமிழ்", "கார்த்திக்", "மீனா", "ரவி", "லதா"],
            ["สมชาย", "สมหญิง", "มาลี", "วิชัย", "นภา"],
            ["李小龍", "王芳", "张伟", "陈静", "林美玲"],
            ["さくら", "ひろし", "ケンジ", "ユキ", "みどり"],
            ["김민준", "이서연", "박지훈", "최수빈", "정하은"],
            ["ნინო", "გიორგი", "მარიამ", "Արամ", "Անահիտ"],
        ];
        let names = names.as_flattened();
        for (number, name) in names.iter().enumerate() {
            assert!(!is_reserved(&DisplayName::try_from(*name).expect("a name")), "{name}");
            for other in &names[..number] {
                assert!(!are_alike(name, other), "{name} and {other}");
            }
        }
    }

    #[test]
    fn nobody_is_called_like_the_house() {
        for name in ["flack", "FIack", "Admin", "аdmin", "Adrnin", "Everyone", "h3re", "Ｓystem"]
        {
            let is_ours = is_reserved(&DisplayName::try_from(name).expect("a name"));
            assert_eq!(is_ours, name != "h3re", "{name}");
        }
        for name in ["Alla", "Channing", "Ada Admin", "Heredia", "Flacko"] {
            assert!(!is_reserved(&DisplayName::try_from(name).expect("a name")), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_like_itself_in_any_case(raw in "[a-zA-Zà-öø-ÿ0-9 ]{1,20}") {
            if let Ok(name) = DisplayName::try_from(raw.as_str()) {
                prop_assert!(are_alike(name.as_str(), &name.as_str().to_lowercase()));
                prop_assert!(looks_of(name.as_str()).iter().all(|look| !look.is_empty()));
            }
        }

        #[test]
        fn nothing_that_is_a_name_lacks_a_look(raw in any::<String>()) {
            if let Ok(name) = DisplayName::try_from(raw.as_str()) {
                prop_assert!(!of_person(&name).is_empty());
                let _ = is_reserved(&name);
            }
        }
    }
}
