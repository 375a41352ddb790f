//! Marking words as Markdown has it: bold, italic, struck through, code.

/// What has to be written in the place of the selection.
#[derive(Debug, PartialEq, Eq)]
pub struct Marked {
    /// How many characters before and after it are replaced with it.
    pub widened: (usize, usize),
    pub text: String,
    /// Where in the text the words are that stay selected, in bytes.
    pub words: (usize, usize),
}

/// Puts signs around what is selected, or takes them away if they are there already.
pub fn mark(before: &str, selected: &str, after: &str, (open, close): (&str, &str)) -> Marked {
    if before.ends_with(open) && after.starts_with(close) {
        let widened = (open.len(), close.len());
        return Marked { widened, text: selected.to_owned(), words: (0, selected.len()) };
    }
    let inner = selected.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(inner) = inner {
        return Marked { widened: (0, 0), text: inner.to_owned(), words: (0, inner.len()) };
    }
    // Spaces within the signs would make them no signs.
    let words = selected.trim();
    let start = selected.len() - selected.trim_start().len();
    let (ahead, rest) = selected.split_at(start);
    let behind = &rest[words.len()..];
    let from = start + open.len();
    let text = format!("{ahead}{open}{words}{close}{behind}");
    Marked { widened: (0, 0), text, words: (from, from + words.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::keys::Mark;

    /// The text with the selection in brackets, before and after.
    fn marked(text: &str, mark: Mark) -> String {
        let (before, rest) = text.split_once('[').unwrap();
        let (selected, after) = rest.split_once(']').unwrap();
        let signs = mark.signs(selected.contains('\n'));
        let Marked { widened, text, words: (from, to) } =
            super::mark(before, selected, after, signs);
        let (before, after) = (&before[..before.len() - widened.0], &after[widened.1..]);
        format!("{before}{}[{}]{}{after}", &text[..from], &text[from..to], &text[to..])
    }

    #[test]
    fn words_are_marked_and_unmarked() {
        assert_eq!(marked("a [word] b", Mark::Bold), "a **[word]** b");
        assert_eq!(marked("a **[word]** b", Mark::Bold), "a [word] b");
        assert_eq!(marked("a [**word**] b", Mark::Bold), "a [word] b");
        assert_eq!(marked("[größe 🎉]", Mark::Italic), "_[größe 🎉]_");
    }

    #[test]
    fn spaces_stay_outside() {
        assert_eq!(marked("a[ word ]b", Mark::Strike), "a ~~[word]~~ b");
    }

    #[test]
    fn what_is_typed_next_is_marked_where_nothing_is_selected() {
        assert_eq!(marked("a []", Mark::Code), "a `[]`");
        assert_eq!(marked("a `[]`", Mark::Code), "a []");
    }

    #[test]
    fn lines_of_code_are_a_block() {
        assert_eq!(marked("[one\ntwo]", Mark::Code), "```\n[one\ntwo]\n```");
        assert_eq!(marked("```\n[one\ntwo]\n```", Mark::Code), "[one\ntwo]");
    }
}
