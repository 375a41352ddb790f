use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::domain::{name::DisplayName, person::PersonId, position::Position};

fn person(id: u64, name: &str) -> Person {
    Person { id: PersonId(Position(id)), name: DisplayName::stored(name.to_owned()) }
}

fn rendered(text: &str, people: &[Person]) -> Option<String> {
    let html = render(&MessageText::stored(text.to_owned()), people);
    html.map(|html| html.as_str().to_owned())
}

/// The HTML of one paragraph, without its tag; what was typed if there is none.
fn line(text: &str) -> String {
    let Some(html) = rendered(text, &[]) else { return text.to_owned() };
    let inner = html.strip_prefix("<p dir=\"auto\">").and_then(|html| html.strip_suffix("</p>"));
    inner.unwrap_or_else(|| panic!("{html} is one paragraph")).to_owned()
}

fn html(text: &str) -> String {
    rendered(text, &[]).unwrap_or_default()
}

#[test]
fn a_quote_has_the_words_without_their_marks() {
    let words = |text: &str| {
        let html = render(&MessageText::stored(text.to_owned()), &[]).expect("it is marked");
        html.words().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(words("**Two** `things`:\n- a <b> & c's\n- &lt;"), "Two things: a <b> & c's &lt;");
    assert_eq!(words("> _wh_at?\n```rust\nfn main() {}\n```"), "_wh_at? fn main() {}");
    assert_eq!(words("one **two**\nthree"), "one two three");
}

/// What a browser shows of it, and a reader would copy.
fn shown(html: &str) -> String {
    let mut shown = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        shown += &rest[..start];
        let end = rest.find('>').expect("a tag ends");
        if let Some((_, language)) = rest[start..end].split_once("data-language=\"") {
            shown += language.trim_end_matches('"');
            shown.push('\n');
        }
        if matches!(&rest[start..=end], "<br>" | "</p>" | "</li>" | "</pre>") {
            shown.push('\n');
        }
        rest = &rest[end + 1..];
    }
    shown += rest;
    for (escaped, c) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        shown = shown.replace(escaped, c);
    }
    shown
}

/// The tags in it, each once. Fails if one is not closed in its place.
fn tags(html: &str) -> Vec<&str> {
    let mut open: Vec<&str> = Vec::new();
    let mut tags: Vec<&str> = Vec::new();
    for part in html.split('<').skip(1) {
        let tag = part.split_once('>').expect("a tag ends").0;
        let (name, _) = tag.split_once(' ').unwrap_or((tag, ""));
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "{html}"),
            None if name == "br" => {}
            None => open.push(name),
        }
        if !name.starts_with('/') {
            tags.push(tag);
        }
    }
    assert_eq!(open, [""; 0], "{html}");
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Holds for whatever anybody typed.
fn assert_safe(html: &str) {
    const BARE: [&str; 13] = [
        "blockquote",
        "br",
        "code",
        "del",
        "em",
        "li",
        "ol",
        "p",
        "p class=\"large\"",
        "strong",
        "ul",
        "p dir=\"auto\"",
        "blockquote dir=\"auto\"",
    ];
    for tag in tags(html) {
        let is_link = tag.strip_prefix("a href=\"").is_some_and(|rest| {
            let (href, rest) = rest.split_once('"').expect("an end");
            let lower = href.to_ascii_lowercase();
            let is_allowed =
                ["http://", "https://", "mailto:"].iter().any(|s| lower.starts_with(s));
            is_allowed && rest == " target=\"_blank\" rel=\"noopener noreferrer nofollow\""
        });
        let is_number =
            |rest: &str| rest.strip_suffix('"').is_some_and(|n| n.parse::<u32>().is_ok());
        let is_numbered = ["li value=\"", "ol start=\"", "ol dir=\"auto\" start=\""]
            .iter()
            .any(|start| tag.strip_prefix(start).is_some_and(is_number));
        let is_other =
            ["ul dir=\"auto\"", "ol dir=\"auto\"", "pre class=\"code\" dir=\"ltr\" tabindex=\"0\""]
                .contains(&tag)
                || tag.starts_with("span class=\"")
                || tag
                    .starts_with("pre class=\"code\" dir=\"ltr\" tabindex=\"0\" data-language=\"");
        let quotes = tag.bytes().filter(|byte| *byte == b'"').count();
        assert!(BARE.contains(&tag) || is_link || is_numbered || is_other, "{tag} in {html}");
        assert!(quotes <= 8 && quotes.is_multiple_of(2), "{tag} in {html}");
    }
}

#[test]
fn plain_words_cost_nothing() {
    for text in [
        "Lunch at noon?\nThe usual place.",
        "2*3*4=24, a*b*c",
        "2 * 3 * 4 = 24 and a_b_c, ~5 or ~6",
        "# No heading\n## Neither",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "Title\n=====\nText\n---",
        "1) one\n+ two\n>_<\n2024. A year",
        "    indented   and spaced",
        "at 10:30:45, C:\\new\\table, \\\\server\\share, ¯\\_(ツ)_/¯",
        "<b>bold</b> & <svg onload=alert(1)> &amp; &lt;",
        "![a picture](x.png) [^1] [ ] [x] [a](b)",
        "*",
        "**",
        "***",
        "`",
        "``",
        "> ",
        "-",
        "- ",
        "1.",
        "[]()",
        "~~",
        "@",
        ":",
        "```",
        "```\n```",
        "* * *",
        "\u{202e}abc",
    ] {
        assert_eq!(rendered(text, &[]), None, "{text}");
    }
}

#[test]
fn emphasis_is_as_in_other_chats() {
    for (text, html) in [
        ("**bold**", "<strong>bold</strong>"),
        ("*it* and _it_", "<em>it</em> and <em>it</em>"),
        ("***both***", "<em><strong>both</strong></em>"),
        ("~~gone~~ ~not~", "<del>gone</del> ~not~"),
        ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
        ("**two\nlines**", "<strong>two<br>lines</strong>"),
        ("`a *b* <c> &amp;`", "<code>a *b* &lt;c&gt; &amp;amp;</code>"),
        ("`` `a` ``", "<code>`a`</code>"),
        ("snake_case_name *x*", "snake_case_name <em>x</em>"),
        ("2*3*4=24, a*b*c *x*", "2*3*4=24, a*b*c <em>x</em>"),
        ("中文*强调*中文", "中文<em>强调</em>中文"),
        ("ภาษา*เน้น*ไทย", "ภาษา<em>เน้น</em>ไทย"),
        ("\\*not\\* *x\\* y*", "*not* <em>x* y</em>"),
        ("# **a**", "# <strong>a</strong>"),
        ("| **a** |", "| <strong>a</strong> |"),
        ("<b>*a*</b>", "&lt;b&gt;<em>a</em>&lt;/b&gt;"),
        ("*a* &lt;b&gt; \"'", "<em>a</em> &amp;lt;b&amp;gt; &quot;&#39;"),
        ("  *a*  b", "  <em>a</em>  b"),
    ] {
        assert_eq!(line(text), html, "{text}");
    }
}

#[test]
fn blocks_are_made_of_lines() {
    for (text, expected) in [
        ("> a\n> b\nc", "<blockquote dir=\"auto\"><p>a<br>b</p></blockquote><p dir=\"auto\">c</p>"),
        (
            "> a\n>> b",
            "<blockquote dir=\"auto\"><p>a</p><blockquote><p>b</p></blockquote></blockquote>",
        ),
        ("- a\n- b\nc", "<ul dir=\"auto\"><li>a</li><li>b</li></ul><p dir=\"auto\">c</p>"),
        ("x\n* a\n\n* b", "<p dir=\"auto\">x</p><ul dir=\"auto\"><li>a</li><li>b</li></ul>"),
        ("- a\n  - b\n  c", "<ul dir=\"auto\"><li>a<ul><li>b</li></ul><p>c</p></li></ul>"),
        ("1. a\n1. b\n2. c", "<ol dir=\"auto\"><li>a</li><li>b</li><li value=\"2\">c</li></ol>"),
        ("3. a\n4. b", "<ol dir=\"auto\" start=\"3\"><li>a</li><li>b</li></ol>"),
        ("**a**\n\nb", "<p dir=\"auto\"><strong>a</strong></p><p dir=\"auto\">b</p>"),
        (
            "```\n<a> *b*\n\n  c\n```\nd",
            "<pre class=\"code\" dir=\"ltr\" tabindex=\"0\"><code>&lt;a&gt; *b*\n\n  c</code></pre>\
             <p dir=\"auto\">d</p>",
        ),
        (
            "```x\" y=\"\nlet a = 1;```",
            "<pre class=\"code\" dir=\"ltr\" tabindex=\"0\"><code>x&quot; y=&quot;\nlet a = \
             1;</code></pre>",
        ),
        (
            "```rs\nlet a = 1;",
            "<pre class=\"code\" dir=\"ltr\" tabindex=\"0\" data-language=\"rs\"><code>\
             <span class=\"kw\">let</span> a = <span class=\"num\">1</span>;</code></pre>",
        ),
    ] {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn signs_with_nothing_behind_them_are_no_quote() {
    assert_eq!(line("*a*\n>\n> \nb"), "<em>a</em><br>&gt;<br>&gt; <br>b");
    assert_eq!(
        html(">\n> a\n>"),
        "<blockquote dir=\"auto\"><p>a</p></blockquote>",
        "one with words is"
    );
    assert_eq!(html(">>\n>>"), "<blockquote dir=\"auto\"><p>&gt;<br>&gt;</p></blockquote>",);
}

#[test]
fn colours_do_not_make_a_message_large() {
    let fenced = |code: &str| format!("```rust\n{code}");
    let cut = |code: &str| fenced(&code.chars().take(3_990).collect::<String>());
    // What people paste keeps them.
    for code in [include_str!("block.rs"), include_str!("inline.rs"), include_str!("write.rs")] {
        let html = html(&cut(code));
        assert!(html.contains("<span"), "{html}");
    }
    // Without them, all is shown as code.
    let numbers = "1 ".repeat(1_990);
    let plain = html(&cut(&numbers));
    assert!(!plain.contains("<span") && plain.len() < 5_000, "{plain}");
    assert!(plain.contains("data-language=\"rust\"") && plain.contains(&numbers), "{plain}");
    // The longest escape.
    let quotes = html(&cut(&"\"".repeat(3_990)));
    assert_eq!(quotes.matches("&quot;").count(), 3_990);
    // It is the message that counts.
    let several = format!("{}\n```\n", fenced("let a = 1;")).repeat(150);
    assert!(!html(&several).contains("<span"));
    assert!(html(&fenced("let a = 1;")).contains("<span"));
}

/// A link as it is written, with what it shows.
fn link(href: &str, words: &str) -> String {
    format!("<a href=\"{href}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">{words}</a>")
}

#[test]
fn addresses_are_links() {
    let url = "https://example.org/a_b_(c)?d=*e*&f#__g__";
    let escaped = "https://example.org/a_b_(c)?d=*e*&amp;f#__g__";
    for (text, html) in [
        (format!("see {url}."), format!("see {}.", link(escaped, escaped))),
        (format!("({url})"), format!("({})", link(escaped, escaped))),
        (format!("**{url}**"), format!("<strong>{}</strong>", link(escaped, escaped))),
        (format!("_{url}_"), format!("<em>{}</em>", link(escaped, escaped))),
        (format!("<{url}>"), link(escaped, escaped)),
        (format!("[**a**]({url})"), link(escaped, "<strong>a</strong>")),
        (format!("[a] ({url})"), format!("[a] ({})", link(escaped, escaped))),
        (format!("![a]({url})"), format!("![a]({})", link(escaped, escaped))),
        ("mailto:a@b.org".to_owned(), link("mailto:a@b.org", "mailto:a@b.org")),
        ("a@b.org".to_owned(), link("mailto:a@b.org", "a@b.org")),
        ("[a](mailto:a@b.org)".to_owned(), link("mailto:a@b.org", "a")),
        ("HTTP://EXAMPLE.ORG".to_owned(), link("HTTP://EXAMPLE.ORG", "HTTP://EXAMPLE.ORG")),
        (
            "http://localhost:3000/x".to_owned(),
            link("http://localhost:3000/x", "http://localhost:3000/x"),
        ),
        (
            "https://bücher.example".to_owned(),
            link("https://bücher.example", "https://bücher.example"),
        ),
        (
            "https://a.org/\u{202e}gpj.exe".to_owned(),
            format!("{}\u{202e}gpj.exe", link("https://a.org/", "https://a.org/")),
        ),
        (format!("`{url}`"), format!("<code>{escaped}</code>")),
    ] {
        assert_eq!(line(&text), html, "{text}");
    }
}

#[test]
fn no_link_leads_astray() {
    for target in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "javascript&colon;alert(1)",
        "&#106;avascript:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "<javascript:alert(1)>",
        "< javascript:alert(1)>",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//example.org",
        "/api/sign_out",
        "https:example.org",
        "https://",
        "http:///x",
        "https://a.org\u{202e}",
        "x:https://a.org",
    ] {
        for text in [format!("[a *b*]({target})"), format!("<{target}>"), format!("![a]({target})")]
        {
            let html = html(&text);
            assert!(
                !html.contains("<a href=\"") || html.contains("href=\"https://a.org\""),
                "{html}"
            );
            if !html.is_empty() {
                assert_safe(&html);
                assert_eq!(shown(&html).trim_end(), text.replace('*', ""), "{html}");
            }
        }
    }
    // What says it leads elsewhere, or cannot be seen, is shown as it is.
    for text in ["[https://a.org](https://b.org)", "[](https://b.org)", "[\u{200b}](https://b.org)"]
    {
        assert!(
            line(text).ends_with(&format!("]({})", link("https://b.org", "https://b.org"))),
            "{text}"
        );
    }
    // Nothing ends an attribute.
    let html =
        html("[a](https://a.org/\"onmouseover=alert(1)//'<>) https://a.org/'\"><svg/onload=x>");
    assert_safe(&html);
    assert!(!html.contains("<svg"), "{html}");
}

#[test]
fn emoji_are_called_by_their_names() {
    assert_eq!(line("well done :tada:, :+1: *all*"), "well done 🎉, 👍 <em>all</em>");
    assert_eq!(
        line("`:tada:` :no_such_thing: 10:100:20"),
        "<code>:tada:</code> :no_such_thing: 10:100:20"
    );
    for text in ["🎉", "👩🏽‍💻 ❤️ 🇩🇪", ":tada: :+1:"] {
        assert!(html(text).starts_with("<p class=\"large\">"), "{text}");
    }
    for text in ["🎉🎉🎉🎉", "🎉!", "a"] {
        assert_eq!(rendered(text, &[]), None, "{text}");
    }
}

#[test]
fn the_longest_name_is_marked() {
    let people = [person(2, "Ada"), person(3, "Ada Lovelace"), person(4, "*x*"), person(5, "a_b")];
    let mention = |id: u64, name: &str| {
        format!("<span class=\"mention\" data-person=\"{id}\">@{name}</span>")
    };
    for (text, html) in [
        ("@Ada, hi", format!("{}, hi", mention(2, "Ada"))),
        ("**@ada lovelace**", format!("<strong>{}</strong>", mention(3, "ada lovelace"))),
        ("@Ada  Lovelace's", format!("{}&#39;s", mention(3, "Ada  Lovelace"))),
        ("@Ada L", format!("{} L", mention(2, "Ada"))),
        ("@*x* _@a_b_", format!("{} <em>{}</em>", mention(4, "*x*"), mention(5, "a_b"))),
        ("`@Ada` @Adam x@Ada.x", "<code>@Ada</code> @Adam x@Ada.x".to_owned()),
    ] {
        let expected = format!("<p dir=\"auto\">{html}</p>");
        assert_eq!(rendered(text, &people).as_deref(), Some(&*expected), "{text}");
    }
    let seen = render(&MessageText::stored("@Ada @a_b".to_owned()), &people).unwrap();
    assert_eq!(seen.seen_by(PersonId(Position(2))).matches("mention--own").count(), 1);
    assert_eq!(seen.seen_by(PersonId(Position(9))), seen.as_str());
}

/// Texts of 4,000 characters that have made other renderers slow, deep or large.
fn hostile() -> impl Iterator<Item = String> {
    let parts = [
        "[",
        "]",
        "(",
        "*",
        "_",
        "**",
        "~~",
        "`",
        "``",
        "> ",
        ">",
        "- ",
        "1. ",
        "<",
        "<a",
        "&",
        "\\",
        "\"",
        "![",
        "[](",
        "[a](",
        "*a ",
        "**a _b ",
        "a*",
        "*a*",
        "*a_",
        "`a``b```c````",
        "<!--",
        "<!A ",
        "<?",
        "@",
        "@a ",
        "@a b c d e f g ",
        "@-\u{301}\u{301}\u{301}",
        "@\u{fdfa}-",
        ":",
        ":a",
        ":+1:",
        "http://",
        "http://a",
        "http://a ",
        "a@b",
        "a@b.c",
        "mailto:",
        "\n",
        "- a\n",
        "> a\n",
        ">\n",
        ">>\n",
        "-\n",
        " \n",
        "```\n",
        "```\na\n",
        "\u{202e}",
        "🎉",
        "e\u{301}",
        "*[a",
        "_a*b",
        "[a]: b\n",
        "a://",
        "x@",
        "https://[",
        "((((",
        "://",
        "&#1;",
        "*\\*",
    ];
    let repeated = parts.map(|part| part.chars().cycle().take(4_000).collect());
    let nested = [
        ("[", "]"),
        ("*", "*"),
        ("**a ", " b**"),
        ("_", "_"),
        ("[", "](https://a.org)"),
        ("<", ">"),
    ]
    .map(|(open, close)| {
        let depth = 4_000 / (open.len() + close.len());
        format!("{}a{}", open.repeat(depth), close.repeat(depth))
    });
    let code =
        ["\"", "'", "/*", "a", "1", "#", "'\\", "<a b=\"", "r#\"", "A(", "\"\"\"", "0x", "// \n"]
            .map(|part| {
                let code: String = part.chars().cycle().take(3_990).collect();
                format!("```rust\n{code}")
            });
    let indented = (0..60).map(|depth| format!("{}- a\n", "  ".repeat(depth))).collect();
    let fences = (3..80).map(|ticks| format!("{}\na\n", "`".repeat(ticks))).collect();
    // Calls whose names have one character of thousands of marks.
    let marks = "\u{301}".repeat(3_900);
    let towers = format!("{}a{marks}{}", "@-".repeat(15), "!".repeat(69));
    repeated.into_iter().chain(nested).chain(code).chain([indented, fences, towers])
}

/// Hostile input 8 of the promises.
#[test]
fn what_is_made_to_harm_is_shown_within_50_ms() {
    let people: Vec<Person> = (0..20).map(|id| person(id, &format!("a b c {id}"))).collect();
    let mut slow = Vec::new();
    // Builds for tests are many times slower.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });
    for text in hostile() {
        let message = MessageText::stored(text.clone());
        let time = || {
            let began = Instant::now();
            called(&message);
            render(&message, &people);
            began.elapsed()
        };
        let begins: String = text.chars().take(24).collect();
        // The machine may be busy with other tests: the best of three counts.
        let took: Vec<Duration> = (0..3).map(|_| time()).take_while(|took| *took > limit).collect();
        if took.len() == 3 {
            slow.push((begins.clone(), took));
        }
        if let Some(html) = render(&message, &people) {
            assert_safe(html.as_str());
            assert!(html.as_str().len() <= HTML_LIMIT, "{begins:?}");
        }
    }
    assert_eq!(slow, []);
}

/// Something with markup in it, of parts that are apt to meet badly.
fn typed() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "ä",
        "B",
        "7",
        "é",
        "漢",
        "🎉",
        " ",
        "  ",
        "\n",
        "\n\n",
        "*",
        "**",
        "_",
        "~~",
        "`",
        "```",
        "> ",
        "- ",
        "1. ",
        "    ",
        "#",
        "|",
        "<b>",
        "</b>",
        "<",
        ">",
        "&",
        "&amp;",
        "\\",
        "\"",
        "'",
        "[",
        "](",
        ")",
        "!",
        "@",
        "@Ada",
        "@Ada B",
        ":",
        ":tada:",
        "https://a.org/x_y",
        "a@b.org",
        "javascript:alert",
        "```rs\n",
        "let x = 1;",
        "\u{202e}",
        "\u{200d}",
        "\t",
    ]);
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// What is left of a text when all that can be markup is taken away.
fn words(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() && !c.is_ascii_digit()).collect()
}

proptest! {
    /// Nothing that was typed is lost but the marks of markup, and addresses behind their words.
    #[test]
    fn every_word_is_shown(text in typed()) {
        // These are shown as something else.
        let text = text.replace(":tada:", "ü").replace("](", "] (");
        let people = [person(2, "Ada")];
        if let Some(html) = rendered(&text, &people) {
            let shown = shown(&html);
            prop_assert_eq!(words(&shown), words(&text), "{}", html);
            // What is never markup is all there: at most it is a mark in another place.
            for c in ['#', '|', '&', '!', '"', '\'', '@', ')', '(', '\u{202e}', '\u{200d}', '🎉'] {
                prop_assert_eq!(shown.matches(c).count(), text.matches(c).count(), "{} {}", c, html);
            }
        }
    }

    /// Nothing is shown that was not typed, in another order, or twice.
    #[test]
    fn nothing_is_made_up(text in typed()) {
        let text = text.replace(":tada:", "ü");
        if let Some(html) = rendered(&text, &[]) {
            let mut rest = text.chars().filter(|c| !c.is_whitespace());
            for c in shown(&html).chars().filter(|c| !c.is_whitespace()) {
                prop_assert!(rest.any(|typed| typed == c), "{} of {}", c, html);
            }
        }
    }

    #[test]
    fn whatever_is_typed_is_safe(text in typed(), noise in any::<String>()) {
        for text in [&text, &noise, &format!("{noise}{text}")] {
            if let Some(html) = rendered(text, &[person(2, "Ada"), person(3, "\"><b>")]) {
                assert_safe(&html);
            }
        }
    }
}
