//! The HTML. Everything that was typed goes through [`Writer::escaped`].

use std::{fmt::Write as _, ops::Range};

use unicode_segmentation::UnicodeSegmentation;

use super::{
    COLOURED_LIMIT,
    block::{Block, Item},
    highlight::{self, Token},
    inline::{Link, Piece, Style, links, pieces},
    mention::Names,
};
use crate::domain::person::{Person, PersonId};

/// A message of so many emoji and nothing else shows them large.
const FEW_EMOJI: usize = 3;

/// None if all of it looks as it was typed.
pub fn write(blocks: &[Block], people: &[Person]) -> Option<String> {
    let coloured = written(blocks, people, true);
    let is_too_large = coloured.has_colours && coloured.html.len() > COLOURED_LIMIT;
    let writer = if is_too_large { written(blocks, people, false) } else { coloured };
    writer.is_marked.then_some(writer.html)
}

fn written<'a>(blocks: &[Block], people: &'a [Person], may_colour: bool) -> Writer<'a> {
    let mut writer = Writer {
        html: String::new(),
        names: Names::new(people),
        may_colour,
        has_colours: false,
        is_marked: false,
        is_in_link: false,
    };
    match blocks {
        [Block::Paragraph(text)] if is_few_emoji(&with_emoji(text)) => {
            writer.is_marked = true;
            writer.put("<p class=\"large\">");
            writer.paragraph(text);
            writer.put("</p>");
        }
        _ => writer.blocks(blocks, " dir=\"auto\""),
    }
    writer
}

struct Writer<'a> {
    html: String,
    names: Names<'a>,
    /// Whether words of code are told apart.
    may_colour: bool,
    has_colours: bool,
    /// Whether anything does not look as it was typed.
    is_marked: bool,
    /// Links cannot be in links.
    is_in_link: bool,
}

/// What some words of a paragraph are.
enum Word {
    Address(String),
    Name(PersonId),
}

impl Writer<'_> {
    /// `dir` is the attribute of each block that says in which direction it runs. Those in other
    /// blocks have none.
    fn blocks(&mut self, blocks: &[Block], dir: &str) {
        for block in blocks {
            self.is_marked |= !matches!(block, Block::Paragraph(_));
            match block {
                Block::Paragraph(text) => {
                    self.put(format_args!("<p{dir}>"));
                    self.paragraph(text);
                    self.put("</p>");
                }
                Block::Quote(blocks) => {
                    self.put(format_args!("<blockquote{dir}>"));
                    self.blocks(blocks, "");
                    self.put("</blockquote>");
                }
                Block::List(items) => self.list(items, dir),
                Block::Code { language, text } => self.code(language, text),
            }
        }
    }

    fn list(&mut self, items: &[Item], dir: &str) {
        let first = items.first().and_then(|item| item.number);
        let mut next = first;
        match first {
            Some(1) => self.put(format_args!("<ol{dir}>")),
            Some(first) => self.put(format_args!("<ol{dir} start=\"{first}\">")),
            None => self.put(format_args!("<ul{dir}>")),
        }
        let mut last = None;
        for Item { number, blocks } in items {
            // Some people number all items alike, and mean that they be counted.
            if *number == next || *number == last {
                self.put("<li>");
            } else {
                next = *number;
                self.put(format_args!("<li value=\"{}\">", number.unwrap_or_default()));
            }
            last = *number;
            next = next.map(|number| number + 1);
            match blocks.split_first() {
                Some((Block::Paragraph(text), rest)) => {
                    self.paragraph(text);
                    self.blocks(rest, "");
                }
                _ => self.blocks(blocks, ""),
            }
            self.put("</li>");
        }
        self.put(if first.is_some() { "</ol>" } else { "</ul>" });
    }

    fn code(&mut self, language: &str, text: &str) {
        // It can be scrolled, by keyboard too.
        self.put("<pre class=\"code\" dir=\"ltr\" tabindex=\"0\"");
        if !language.is_empty() {
            self.put(" data-language=\"");
            self.escaped(language);
            self.put("\"");
        }
        self.put("><code>");
        let language = if self.may_colour { language } else { "" };
        for (token, words) in highlight::tokens(language, text) {
            match token {
                Token::Plain => self.escaped(words),
                _ => {
                    self.has_colours = true;
                    self.put(format_args!("<span class=\"{}\">", token.class()));
                    self.escaped(words);
                    self.put("</span>");
                }
            }
        }
        self.put("</code></pre>");
    }

    fn paragraph(&mut self, text: &str) {
        let links = links(text);
        let names = self.names.find(text, &links);
        let places: Vec<Range<usize>> = names.iter().map(|(place, _)| place.clone()).collect();
        let pieces = pieces(text, &links, &places);
        self.is_marked |= pieces != [Piece::Text(0..text.len())];
        let mut words: Vec<(Range<usize>, Word)> = links
            .into_iter()
            .map(|Link { place, href }| (place, Word::Address(href)))
            .chain(names.into_iter().map(|(place, person)| (place, Word::Name(person))))
            .collect();
        words.sort_by_key(|(place, _)| place.start);
        let mut open = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Open(style) => {
                    self.open(&style);
                    open.push(style);
                }
                Piece::Close => {
                    if let Some(style) = open.pop() {
                        self.close(&style);
                    }
                }
                Piece::Text(run) => self.words(text, run, &words),
                Piece::Code(run) => {
                    self.put("<code>");
                    self.lines(&text[run]);
                    self.put("</code>");
                }
            }
        }
    }

    fn open(&mut self, style: &Style) {
        match style {
            Style::Emphasis => self.put("<em>"),
            Style::Strong => self.put("<strong>"),
            Style::Strikethrough => self.put("<del>"),
            Style::Link(href) => {
                self.link(href);
                self.is_in_link = true;
            }
        }
    }

    fn close(&mut self, style: &Style) {
        self.is_in_link &= !matches!(style, Style::Link(_));
        self.put(match style {
            Style::Emphasis => "</em>",
            Style::Strong => "</strong>",
            Style::Strikethrough => "</del>",
            Style::Link(_) => "</a>",
        });
    }

    fn link(&mut self, href: &str) {
        self.put("<a href=\"");
        self.escaped(href);
        self.put("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
    }

    /// A run of text, in which some words are addresses or names.
    fn words(&mut self, text: &str, run: Range<usize>, words: &[(Range<usize>, Word)]) {
        let mut reached = run.start;
        for (place, word) in words {
            if place.start < reached || place.end > run.end {
                continue;
            }
            match word {
                Word::Address(_) if self.is_in_link => continue,
                Word::Address(href) => {
                    self.plain(&text[reached..place.start]);
                    self.link(href);
                    self.lines(&text[place.clone()]);
                    self.put("</a>");
                }
                Word::Name(person) => {
                    self.plain(&text[reached..place.start]);
                    self.put(format_args!("<span class=\"mention\" data-person=\"{}\">", person.0));
                    self.lines(&text[place.clone()]);
                    self.put("</span>");
                }
            }
            self.is_marked = true;
            reached = place.end;
        }
        self.plain(&text[reached..run.end]);
    }

    /// Words, with emoji in place of their names.
    fn plain(&mut self, text: &str) {
        let shown = with_emoji(text);
        self.is_marked |= shown != text;
        self.lines(&shown);
    }

    fn lines(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                self.put("<br>");
            }
            self.escaped(line);
        }
    }

    /// What was typed, so that it is nothing but text, also within quotes.
    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.put("&amp;"),
                '<' => self.put("&lt;"),
                '>' => self.put("&gt;"),
                '"' => self.put("&quot;"),
                '\'' => self.put("&#39;"),
                c => self.html.push(c),
            }
        }
    }

    fn put(&mut self, html: impl std::fmt::Display) {
        write!(self.html, "{html}").expect("writing into memory succeeds");
    }
}

/// The text with emoji in place of their names, such as `:tada:`.
fn with_emoji(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        let (before, after) = (&rest[..colon], &rest[colon + 1..]);
        let name = after.bytes().take_while(|byte| is_in_emoji_name(*byte)).count();
        let behind = after[name..].strip_prefix(':');
        // Not the minutes in 10:100:20.
        let is_apart = !before.ends_with(|c: char| c.is_ascii_alphanumeric())
            && behind
                .is_some_and(|behind| !behind.starts_with(|c: char| c.is_ascii_alphanumeric()));
        shown.push_str(before);
        match (emojis::get_by_shortcode(&after[..name]), behind) {
            (Some(emoji), Some(behind)) if is_apart => {
                shown.push_str(emoji.as_str());
                rest = behind;
            }
            _ => {
                shown.push_str(&rest[colon..=colon + name]);
                rest = &after[name..];
            }
        }
    }
    shown.push_str(rest);
    shown
}

fn is_in_emoji_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'+' | b'-')
}

/// Whether there is nothing in it but a few emoji, which are shown large.
pub fn is_few_emoji(text: &str) -> bool {
    const LONGEST: usize = 40; // of an emoji, in bytes
    if text.is_ascii() || text.len() > FEW_EMOJI * LONGEST {
        return false;
    }
    let mut shown = text.graphemes(true).filter(|shown| !shown.trim().is_empty());
    let few = shown.by_ref().take(FEW_EMOJI);
    few.map(emojis::get).all(|emoji| emoji.is_some()) && shown.next().is_none()
}
