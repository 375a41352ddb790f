//! The words of code, told apart for their colours.
//!
//! One reader for all languages, and what differs between them as a table: what begins a comment, what
//! is a string, which words are the language's own. It is a guess as good as colours need, reads every
//! character once, takes no memory, and cannot be made slow by what it reads. The crates of the field
//! weigh more than that: see `ARCHITECTURE.md`.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Plain,
    Comment,
    Text,
    Number,
    Keyword,
    /// A type, a key or an attribute.
    Name,
    Function,
    Added,
    Removed,
}

impl Token {
    /// Short, because there are hundreds in a message.
    pub fn class(self) -> &'static str {
        match self {
            Token::Plain => "",
            Token::Comment => "com",
            Token::Text => "str",
            Token::Number => "num",
            Token::Keyword => "kw",
            Token::Name => "name",
            Token::Function => "fn",
            Token::Added => "add",
            Token::Removed => "del",
        }
    }
}

/// What makes a language's code look as it does.
struct Language {
    /// What it is called behind the backticks.
    names: &'static [&'static str],
    keywords: &'static str,
    /// What begins a comment that ends with its line.
    line_comments: &'static [&'static str],
    comments: &'static [(&'static str, &'static str)],
    quotes: &'static [Quote],
    /// What words may have in them beside letters, digits and `_`.
    in_words: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Types begin with capitals.
    Capitals,
    /// Words and strings before a `:` or `=` are keys.
    Keys,
    /// Letter case does not matter.
    Caseless,
    /// Words behind `<` are tags, and quotes are only behind `=`.
    Tags,
    Other,
}

struct Quote {
    open: &'static str,
    close: &'static str,
    /// Whether a backslash spares what follows.
    has_escapes: bool,
    /// Whether it goes on over the end of the line.
    has_lines: bool,
    /// Whether there is one character in it, and else it is no quote.
    is_character: bool,
}

const fn quote(mark: &'static str) -> Quote {
    Quote { open: mark, close: mark, has_escapes: true, has_lines: false, is_character: false }
}

const fn long(open: &'static str, close: &'static str) -> Quote {
    Quote { open, close, has_escapes: true, has_lines: true, is_character: false }
}

const fn raw(open: &'static str, close: &'static str) -> Quote {
    Quote { open, close, has_escapes: false, has_lines: true, is_character: false }
}

const CHARACTER: Quote =
    Quote { open: "'", close: "'", has_escapes: true, has_lines: false, is_character: true };
const QUOTES: &[Quote] = &[quote("\""), quote("'")];
const C_QUOTES: &[Quote] = &[quote("\""), CHARACTER];
const C_COMMENTS: &[(&str, &str)] = &[("/*", "*/")];
const TAG_COMMENTS: &[(&str, &str)] = &[("<!--", "-->")];

const LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs"],
        keywords: "as async await break const continue crate dyn else enum extern false fn for if impl \
                   in let loop match mod move mut pub ref return self Self static struct super trait \
                   true type union unsafe use where while yield",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: &[raw("r#\"", "\"#"), raw("r\"", "\""), long("\"", "\""), CHARACTER],
        in_words: "",
        kind: Kind::Capitals,
    },
    Language {
        names: &["c", "h", "cpp", "c++", "cc", "hpp", "objc", "arduino"],
        keywords: "alignas auto bool break case catch char class const constexpr continue co_await \
                   co_return co_yield default define delete do double else endif enum explicit extern \
                   false final float for friend goto if ifdef ifndef include inline int int8_t int16_t \
                   int32_t int64_t long namespace new noexcept NULL nullptr operator override pragma \
                   private protected public register return short signed size_t sizeof static struct \
                   switch template this throw true try typedef typename uint8_t uint16_t uint32_t \
                   uint64_t union unsigned using virtual void volatile while",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: C_QUOTES,
        in_words: "",
        kind: Kind::Capitals,
    },
    Language {
        names: &["java", "kotlin", "kt", "scala", "groovy", "dart"],
        keywords: "abstract as async await assert boolean break by byte case catch char class companion \
                   const continue data def default do double else enum extends final finally float for \
                   fun if implements import in init instanceof int interface internal is late lateinit \
                   lazy let long match new null object open operator override package private protected \
                   public record required return sealed short static super suspend switch synchronized \
                   this throw throws trait transient true false try type val var void volatile when \
                   while with yield",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: &[raw("\"\"\"", "\"\"\""), quote("\""), quote("'")],
        in_words: "@",
        kind: Kind::Capitals,
    },
    Language {
        names: &["csharp", "cs", "c#"],
        keywords: "abstract as async await base bool break byte case catch char checked class const \
                   continue decimal default delegate do double else enum event explicit extern false \
                   finally fixed float for foreach get if implicit in init int interface internal is \
                   lock long nameof namespace new null object operator out override params private \
                   protected public readonly record ref return sealed set short sizeof static string \
                   struct switch this throw true try typeof uint ulong unsafe ushort using var virtual \
                   void volatile when where while with yield",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: &[raw("\"\"\"", "\"\"\""), raw("@\"", "\""), quote("\""), CHARACTER],
        in_words: "",
        kind: Kind::Capitals,
    },
    Language {
        names: &["go", "golang"],
        keywords: "any bool break byte case chan const continue default defer else error fallthrough \
                   false float32 float64 for func go goto if import int int32 int64 interface iota map \
                   nil package range return rune select string struct switch true type uint uint32 \
                   uint64 var",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: &[raw("`", "`"), quote("\""), CHARACTER],
        in_words: "",
        kind: Kind::Capitals,
    },
    Language {
        names: &["javascript", "js", "jsx", "mjs", "typescript", "ts", "tsx", "node"],
        keywords: "abstract any as async await boolean break case catch class const constructor \
                   continue debugger declare default delete do else enum export extends false finally \
                   for from function get if implements import in infer instanceof interface is keyof \
                   let namespace never new null number of private protected public readonly return \
                   satisfies set static string super switch this throw true try type typeof undefined \
                   unknown var void while with yield",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: &[long("`", "`"), quote("\""), quote("'")],
        in_words: "$",
        kind: Kind::Capitals,
    },
    Language {
        names: &["python", "py", "python3", "starlark"],
        keywords: "and as assert async await break case class continue def del elif else except False \
                   finally for from global if import in is lambda match None nonlocal not or pass \
                   raise return self True try while with yield",
        line_comments: &["#"],
        comments: &[],
        quotes: &[long("\"\"\"", "\"\"\""), long("'''", "'''"), quote("\""), quote("'")],
        in_words: "@",
        kind: Kind::Capitals,
    },
    Language {
        names: &["ruby", "rb", "elixir", "ex", "exs", "crystal"],
        keywords: "alias and begin break case class cond def defmodule defp defstruct do else elsif end \
                   ensure extend false fn for if import in include module next nil not or private \
                   protected public raise receive redo require rescue retry return self super then \
                   true undef unless until use when while with yield",
        line_comments: &["#"],
        comments: &[],
        quotes: QUOTES,
        in_words: "@?!",
        kind: Kind::Capitals,
    },
    Language {
        names: &["php"],
        keywords: "abstract and array as bool break case catch class clone const continue declare \
                   default do echo else elseif empty enum extends false final finally float fn for \
                   foreach function global if implements include instanceof int interface isset list \
                   match mixed namespace new null or print private protected public readonly require \
                   require_once return static string switch this throw trait true try unset use var \
                   void while yield",
        line_comments: &["//", "#"],
        comments: C_COMMENTS,
        quotes: &[long("\"", "\""), long("'", "'")],
        in_words: "$",
        kind: Kind::Capitals,
    },
    Language {
        names: &["swift"],
        keywords: "actor any as associatedtype async await break case catch class continue default \
                   defer deinit do else enum extension fallthrough false fileprivate final for func \
                   guard if import in init inout internal is lazy let mutating nil open operator \
                   override private protocol public repeat rethrows return self Self some static \
                   struct subscript super switch throw throws true try typealias var weak where while",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: &[long("\"\"\"", "\"\"\""), quote("\"")],
        in_words: "@",
        kind: Kind::Capitals,
    },
    Language {
        names: &["lua", "haskell", "hs"],
        keywords: "and break case class data deriving do else elseif end false for function goto if \
                   import in infix instance let local module newtype nil not of or qualified repeat \
                   return then true type until where while",
        line_comments: &["--"],
        comments: &[("--[[", "]]"), ("{-", "-}")],
        quotes: &[raw("[[", "]]"), quote("\""), CHARACTER],
        in_words: "",
        kind: Kind::Capitals,
    },
    Language {
        names: &["bash", "sh", "shell", "zsh", "fish", "console", "powershell", "ps1"],
        keywords: "alias begin break case cd continue declare do done echo elif else end esac eval exec \
                   exit export false fi for foreach function if in local param read readonly return \
                   select set shift source sudo test then trap true unset until while",
        line_comments: &["#"],
        comments: &[],
        quotes: &[long("\"", "\""), raw("'", "'")],
        in_words: "$-",
        kind: Kind::Other,
    },
    Language {
        names: &["sql", "postgres", "postgresql", "mysql", "sqlite", "psql"],
        keywords: "add all alter and any as asc begin between bigint bool boolean by cascade case cast \
                   check collate column commit constraint create cross current_timestamp database \
                   date default delete desc distinct drop else end except exists explain false \
                   foreign from full grant group having if in index inner insert integer int interval \
                   into is join key left like limit not null numeric offset on or order outer over \
                   partition pragma primary real references replace returning right rollback select \
                   set table temporary text then timestamp to transaction trigger true truncate union \
                   unique update using vacuum values varchar view when where window with",
        line_comments: &["--"],
        comments: C_COMMENTS,
        quotes: &[raw("'", "'"), raw("\"", "\"")],
        in_words: "",
        kind: Kind::Caseless,
    },
    Language {
        names: &["json", "jsonc", "json5"],
        keywords: "true false null",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: QUOTES,
        in_words: "",
        kind: Kind::Keys,
    },
    Language {
        names: &["yaml", "yml"],
        keywords: "true false null yes no on off",
        line_comments: &["#"],
        comments: &[],
        quotes: QUOTES,
        in_words: "-.",
        kind: Kind::Keys,
    },
    Language {
        names: &["toml", "ini", "conf", "cfg", "env", "properties", "nginx", "systemd"],
        keywords: "true false on off",
        line_comments: &["#", ";"],
        comments: &[],
        quotes: &[long("\"\"\"", "\"\"\""), quote("\""), quote("'")],
        in_words: "-.",
        kind: Kind::Keys,
    },
    Language {
        names: &["css", "scss", "less"],
        keywords: "!important @container @import @layer @media @mixin @include @property @supports \
                   @keyframes @use and from not to",
        line_comments: &["//"],
        comments: C_COMMENTS,
        quotes: QUOTES,
        in_words: "-@!#",
        kind: Kind::Keys,
    },
    Language {
        names: &["html", "xml", "svg", "vue", "svelte", "xhtml"],
        keywords: "",
        line_comments: &[],
        comments: TAG_COMMENTS,
        quotes: &[raw("\"", "\""), raw("'", "'")],
        in_words: "-:",
        kind: Kind::Tags,
    },
    Language {
        names: &[
            "dockerfile",
            "docker",
            "makefile",
            "make",
            "cmake",
            "nix",
            "terraform",
            "hcl",
            "tf",
        ],
        keywords: "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN SHELL STOPSIGNAL \
                   USER VOLUME WORKDIR AS data define else endef endif export false ifdef ifeq ifndef \
                   ifneq in include inherit let locals module output override provider rec resource \
                   then true variable with",
        line_comments: &["#"],
        comments: C_COMMENTS,
        quotes: QUOTES,
        in_words: "-$",
        kind: Kind::Other,
    },
];

/// The code in pieces, which are all of it. Code of an unknown language is one plain piece.
pub fn tokens<'a>(language: &str, code: &'a str) -> Vec<(Token, &'a str)> {
    let name = language.to_ascii_lowercase();
    if matches!(name.as_str(), "diff" | "patch") {
        return code.split_inclusive('\n').map(|line| (of_difference(line), line)).collect();
    }
    match LANGUAGES.iter().find(|language| language.names.contains(&name.as_str())) {
        Some(language) => {
            let mut reader = Reader { language, code, reached: 0, tokens: Vec::new() };
            while reader.reached < code.len() {
                reader.step();
            }
            reader.tokens
        }
        None => vec![(Token::Plain, code)],
    }
}

fn of_difference(line: &str) -> Token {
    match line.as_bytes() {
        [b'+', ..] => Token::Added,
        [b'-', ..] => Token::Removed,
        [b'@', b'@', ..] | [b'd', b'i', b'f', b'f', b' ', ..] => Token::Comment,
        _ => Token::Plain,
    }
}

struct Reader<'a> {
    language: &'a Language,
    code: &'a str,
    reached: usize,
    tokens: Vec<(Token, &'a str)>,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.code[self.reached..]
    }

    fn before(&self) -> Option<char> {
        self.code[..self.reached].chars().next_back()
    }

    /// Takes so many bytes, which are at least one.
    fn take(&mut self, token: Token, len: usize) {
        let start = self.reached;
        self.reached += len;
        match self.tokens.last_mut() {
            Some((Token::Plain, before)) if token == Token::Plain => {
                *before = &self.code[start - before.len()..self.reached];
            }
            _ => self.tokens.push((token, &self.code[start..self.reached])),
        }
    }

    fn step(&mut self) {
        let rest = self.rest();
        let first = rest.chars().next().expect("there is more to read");
        let (token, len) = self
            .comment(rest)
            .or_else(|| self.quoted(rest))
            .or_else(|| self.number(first, rest))
            .or_else(|| self.word(rest))
            .unwrap_or((Token::Plain, first.len_utf8()));
        self.take(token, len);
    }

    fn comment(&self, rest: &str) -> Option<(Token, usize)> {
        let behind = |open: &str, close: &str| {
            let within = &rest[open.len()..];
            within.find(close).map_or(rest.len(), |end| open.len() + end + close.len())
        };
        let comments = self.language.comments.iter();
        let long = comments.copied().find(|(open, _)| rest.starts_with(open));
        if let Some((open, close)) = long {
            return Some((Token::Comment, behind(open, close)));
        }
        let mark = self.language.line_comments.iter().find(|mark| rest.starts_with(**mark))?;
        // Elsewhere it may be part of a word, such as an address.
        let is_apart = self.before().is_none_or(|c| c.is_whitespace() || ";{}()".contains(c));
        let line = rest.find('\n').unwrap_or(rest.len());
        (is_apart || (mark.len() > 1 && self.before() != Some(':')))
            .then_some((Token::Comment, line))
    }

    fn quoted(&self, rest: &str) -> Option<(Token, usize)> {
        let quote = self.language.quotes.iter().find(|quote| rest.starts_with(quote.open))?;
        if self.language.kind == Kind::Tags && self.before() != Some('=') {
            return None;
        }
        let len = quoted(quote, rest)?;
        let is_key = self.language.kind == Kind::Keys && is_key(&rest[len..]);
        Some((if is_key { Token::Name } else { Token::Text }, len))
    }

    fn number(&self, first: char, rest: &str) -> Option<(Token, usize)> {
        if !first.is_ascii_digit() {
            return None;
        }
        let mut len = 0;
        for (place, c) in rest.char_indices() {
            let is_point = c == '.' && rest[place + 1..].starts_with(|c: char| c.is_ascii_digit());
            if !(c.is_ascii_alphanumeric() || c == '_' || is_point) {
                break;
            }
            len = place + 1;
        }
        Some((Token::Number, len))
    }

    fn word(&self, rest: &str) -> Option<(Token, usize)> {
        let is_in_word =
            |c: char| c.is_alphanumeric() || c == '_' || self.language.in_words.contains(c);
        let len = rest.find(|c| !is_in_word(c)).unwrap_or(rest.len());
        if len == 0 {
            return None;
        }
        let (word, after) = rest.split_at(len);
        let token = match self.language.kind {
            Kind::Tags => match &self.code.as_bytes()[..self.reached] {
                [.., b'<'] | [.., b'<', b'/'] => Token::Keyword,
                _ if after.starts_with('=') => Token::Name,
                _ => Token::Plain,
            },
            kind if is_keyword(self.language.keywords, word, kind) => Token::Keyword,
            Kind::Keys if is_key(after) => Token::Name,
            Kind::Capitals if after.starts_with('(') => Token::Function,
            Kind::Capitals if is_type(word) => Token::Name,
            Kind::Other if word.starts_with('$') => Token::Name,
            _ => Token::Plain,
        };
        Some((token, len))
    }
}

/// How long a quote is; none if it is none.
fn quoted(quote: &Quote, rest: &str) -> Option<usize> {
    let within = &rest[quote.open.len()..];
    if quote.is_character {
        // One, or an escape such as `\u{1f600}`.
        let mut after = within.char_indices();
        let longest = if after.next()?.1 == '\\' { 11 } else { 1 };
        let skipped = usize::from(longest > 1);
        let (place, _) = after.skip(skipped).take(longest).find(|(_, c)| *c == '\'')?;
        return Some(place + 2);
    }
    let mut is_spared = false;
    for (place, c) in within.char_indices() {
        if !is_spared && within[place..].starts_with(quote.close) {
            return Some(quote.open.len() + place + quote.close.len());
        }
        if c == '\n' && !quote.has_lines {
            return Some(quote.open.len() + place);
        }
        is_spared = c == '\\' && !is_spared && quote.has_escapes;
    }
    Some(rest.len())
}

fn is_key(after: &str) -> bool {
    after.trim_start_matches(' ').starts_with([':', '='])
}

fn is_keyword(keywords: &str, word: &str, kind: Kind) -> bool {
    keywords.split_ascii_whitespace().any(|keyword| match kind {
        Kind::Caseless => keyword.eq_ignore_ascii_case(word),
        _ => keyword == word,
    })
}

fn is_type(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is not plain.
    fn coloured(language: &str, code: &str) -> Vec<(Token, String)> {
        let tokens = tokens(language, code).into_iter();
        tokens
            .filter(|(token, _)| *token != Token::Plain)
            .map(|(token, words)| (token, words.to_owned()))
            .collect()
    }

    fn words(tokens: &[(Token, &str)]) -> Vec<(Token, String)> {
        tokens.iter().map(|(token, words)| (*token, (*words).to_owned())).collect()
    }

    #[test]
    fn words_of_rust() {
        use Token::{Comment, Function, Keyword, Name, Number, Text};
        let code = "fn main<'a>() -> Option<&'a str> {\n    // Says \"hi\"\n    hello(\"a\\\"b\", 'c', \
                    '\\'', 1_000.5);\n}";
        let expected = words(&[
            (Keyword, "fn"),
            (Name, "Option"),
            (Comment, "// Says \"hi\""),
            (Function, "hello"),
            (Text, "\"a\\\"b\""),
            (Text, "'c'"),
            (Text, "'\\''"),
            (Number, "1_000.5"),
        ]);
        assert_eq!(coloured("rust", code), expected);
        assert_eq!(coloured("RS", code), expected);
    }

    #[test]
    fn words_of_others() {
        use Token::{Added, Comment, Function, Keyword, Name, Number, Removed, Text};
        for (language, code, expected) in [
            (
                "python",
                "def f():\n  '''a\nb''' # c",
                &[(Keyword, "def"), (Function, "f"), (Text, "'''a\nb'''"), (Comment, "# c")][..],
            ),
            (
                "json",
                r#"{"a": ["b", 2, null]}"#,
                &[(Name, "\"a\""), (Text, "\"b\""), (Number, "2"), (Keyword, "null")],
            ),
            (
                "sql",
                "Select a from b -- c",
                &[(Keyword, "Select"), (Keyword, "from"), (Comment, "-- c")],
            ),
            (
                "html",
                "<a href='x'>don't</a><!-- b -->",
                &[
                    (Keyword, "a"),
                    (Name, "href"),
                    (Text, "'x'"),
                    (Keyword, "a"),
                    (Comment, "<!-- b -->"),
                ],
            ),
            ("diff", "+a\n-b\n c", &[(Added, "+a\n"), (Removed, "-b\n")]),
            (
                "sh",
                "echo \"$a\" $b # c",
                &[(Keyword, "echo"), (Text, "\"$a\""), (Name, "$b"), (Comment, "# c")],
            ),
            ("yaml", "a-b: 'c'", &[(Name, "a-b"), (Text, "'c'")]),
            ("js", "x = 'a\ny", &[(Text, "'a")]),
        ] {
            assert_eq!(coloured(language, code), words(expected), "{language}");
        }
        assert_eq!(coloured("klingon", "fn main() {}"), []);
    }

    proptest! {
        #[test]
        fn all_of_the_code_is_there(
            language in 0..LANGUAGES.len(),
            code in "([a-z$#@<>='\"`/*\\\\ \n\\-0-9é]|\\PC|//|--|/\\*|\\*/|\"\"\"|<!--){0,200}",
        ) {
            let language = LANGUAGES[language].names[0];
            let again: String = tokens(language, &code).iter().map(|(_, words)| *words).collect();
            prop_assert_eq!(again, code);
        }
    }
}
