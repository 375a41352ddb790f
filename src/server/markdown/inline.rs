//! What is in a paragraph: emphasis, code, links, and words.
//!
//! `pulldown-cmark` finds the markup, and says where. What is shown is always taken from the text as it
//! was typed, so whatever the parser thinks of that is no markup here (HTML, pictures, entities) stays.
//! It gets a paragraph as one line, so that it finds no blocks in it: line breaks as vertical tabs,
//! which no message has, and one more before the first character. Addresses and names it gets as
//! letters, because an underscore or an asterisk in them is none of its business.

use std::ops::Range;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::DEPTH_LIMIT;
use crate::domain::name::is_ignorable;

/// Ranges are of the paragraph, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Open(Style),
    Close,
    Text(Range<usize>),
    Code(Range<usize>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Style {
    Emphasis,
    Strong,
    Strikethrough,
    Link(String),
}

/// An address that was written as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub place: Range<usize>,
    pub href: String,
}

/// The addresses in a paragraph, in their order.
pub fn links(text: &str) -> Vec<Link> {
    if !text.contains("://") && !text.contains('@') {
        return Vec::new();
    }
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]);
    finder
        .links(text)
        .filter_map(|found| link(text, found.kind(), found.start()..found.end()))
        .collect()
}

fn link(text: &str, kind: &LinkKind, found: Range<usize>) -> Option<Link> {
    let Range { mut start, mut end } = found;
    // Marks that no one sees, or that turn around what one sees, are in no address.
    end = text[start..end].find(is_hidden).map_or(end, |place| start + place);
    let before = &text[..start];
    // Emphasis around it.
    for mark in ['_', '~'] {
        let mut opened = before.len() - before.trim_end_matches(mark).len();
        while opened > 0 && text[start..end].ends_with(mark) {
            opened -= 1;
            end -= 1;
        }
    }
    let href = if matches!(kind, LinkKind::Email) {
        const SCHEME: &str = "mailto:";
        let named = start.checked_sub(SCHEME.len()).filter(|named| {
            text.get(*named..start).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
        });
        let address = &text[start..end];
        start = named.unwrap_or(start);
        format!("{SCHEME}{address}")
    } else {
        text[start..end].to_owned()
    };
    Some(Link { place: start..end, href: safe(href)? })
}

fn is_hidden(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_ignorable(c)
}

/// The address, if it is one of those that a message may lead to.
fn safe(href: String) -> Option<String> {
    let behind = |scheme: &str| {
        let is_it = href.get(..scheme.len())?.eq_ignore_ascii_case(scheme);
        is_it.then(|| &href[scheme.len()..])
    };
    let is_host = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let is_web = behind("https://").or_else(|| behind("http://")).is_some_and(is_host);
    let is_mail = behind("mailto:").is_some_and(|rest| !rest.is_empty());
    ((is_web || is_mail) && !href.contains(is_hidden)).then_some(href)
}

/// Takes a paragraph apart. `links` are its addresses, `names` where people are called by their names.
pub fn pieces(text: &str, links: &[Link], names: &[Range<usize>]) -> Vec<Piece> {
    let line = one_line(text, links, names);
    // What it finds is one byte further on than in the text.
    let back = |range: Range<usize>| range.start.saturating_sub(1)..range.end.saturating_sub(1);
    let events: Vec<(Event, Range<usize>)> = Parser::new_ext(&line, Options::ENABLE_STRIKETHROUGH)
        .into_offset_iter()
        .map(|(event, range)| (event, back(range)))
        .collect();
    let mut walk = Walk { text, reached: 0, pieces: Vec::new(), ends: Vec::new(), depth: 0 };
    for (place, (event, range)) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            Event::Start(tag) => {
                walk.text_up_to(range.start);
                walk.open(style(text, tag, range, &events[place + 1..], links), range);
            }
            Event::End(_) => walk.close(range),
            Event::Code(_) => walk.code(range),
            _ => {
                walk.text_up_to(range.start);
                walk.text_up_to(range.end);
            }
        }
    }
    walk.text_up_to(text.len());
    walk.pieces
}

/// The paragraph as the parser gets it, of the same length and one byte.
fn one_line(text: &str, links: &[Link], names: &[Range<usize>]) -> String {
    let mut line = format!("\u{b}{}", text.replace('\n', "\u{b}"));
    // HTML is none of its business either, but `<https://example.org>` is.
    let is_bracketed = |place: &Range<usize>| text[..place.start].ends_with('<');
    for (place, _) in text.match_indices('<') {
        if !links.iter().any(|link| link.place.start == place + 1) {
            line.replace_range(place + 1..place + 2, "%");
        }
    }
    // Who calculates means no emphasis. Among scripts without spaces (of East and South-East Asia) it is one.
    let has_spaces = |c: char| {
        let is_without =
            matches!(c, '\u{e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..);
        !is_without
    };
    let is_of_word = |c: char| c.is_alphanumeric() && has_spaces(c);
    // Where a link leads is no text.
    let is_where = |place: usize| {
        let target = text[..place].rfind("](").map(|at| &text[at..place]);
        target.is_some_and(|target| !target.contains(|c: char| c.is_whitespace() || c == ')'))
    };
    for (place, _) in text.match_indices('*') {
        let is_within =
            text[..place].ends_with(is_of_word) && text[place + 1..].starts_with(is_of_word);
        if is_within && !is_where(place) && !links.iter().any(|link| link.place.contains(&place)) {
            line.replace_range(place + 1..place + 2, "x");
        }
    }
    let is_target = |place: &Range<usize>| {
        text[..place.start].trim_end_matches([' ', '\n']).ends_with("](") || is_bracketed(place)
    };
    let links = links.iter().map(|link| &link.place).filter(|place| !is_target(place));
    for place in links.chain(names) {
        let letters: String =
            text[place.clone()].bytes().map(|byte| if byte == b'`' { '`' } else { 'x' }).collect();
        line.replace_range(place.start + 1..place.end + 1, &letters);
    }
    line
}

/// How a tag is shown, and how many bytes its marks have before and behind what they are about. None if
/// it is not shown at all.
fn style(
    text: &str,
    tag: &Tag,
    range: &Range<usize>,
    within: &[(Event, Range<usize>)],
    links: &[Link],
) -> Option<(Style, usize, usize)> {
    match tag {
        Tag::Emphasis => Some((Style::Emphasis, 1, 1)),
        Tag::Strong => Some((Style::Strong, 2, 2)),
        Tag::Strikethrough if text[range.clone()].starts_with("~~") => {
            Some((Style::Strikethrough, 2, 2))
        }
        Tag::Link { link_type, dest_url, title, .. } => {
            let mut inner = within.iter().take_while(|(_, inner)| inner.end < range.end);
            let end = inner.by_ref().last()?.1.end;
            let shown = range.start + 1..end;
            let words = text.get(shown.clone())?;
            // A link that is not seen, or that says it leads elsewhere, is none.
            let is_seen = !words.chars().all(is_hidden);
            let href = match link_type {
                LinkType::Email => format!("mailto:{dest_url}"),
                _ => dest_url.to_string(),
            };
            let is_elsewhere = |link: &Link| {
                shown.start < link.place.end && link.place.start < shown.end && link.href != href
            };
            let is_link = is_seen && title.is_empty() && !links.iter().any(is_elsewhere);
            Some((Style::Link(safe(href).filter(|_| is_link)?), 1, range.end - end))
        }
        _ => None,
    }
}

/// On the way through what the parser found.
struct Walk<'a> {
    text: &'a str,
    /// Everything before this is in the pieces, or was markup.
    reached: usize,
    pieces: Vec<Piece>,
    /// Of all that is open: how many bytes its closing marks have; none if it is not shown.
    ends: Vec<Option<usize>>,
    depth: usize,
}

impl Walk<'_> {
    /// Takes the text up to there as it is, but for a backslash that spares what follows.
    fn text_up_to(&mut self, end: usize) {
        let start = self.reached;
        if end <= start {
            return;
        }
        self.reached = end;
        let end = if self.is_spared(end) { end - 1 } else { end };
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) if text.end == start => text.end = end,
            _ if start < end => self.pieces.push(Piece::Text(start..end)),
            _ => {}
        }
    }

    /// Whether there is a backslash before this place that keeps a mark from being one. Others, as in
    /// the names of files, are there to be seen; so is the arm of `¯\_(ツ)_/¯`.
    fn is_spared(&self, place: usize) -> bool {
        let (before, after) = self.text.split_at(place);
        let Some(before) = before.strip_suffix('\\') else { return false };
        let is_mark = match after.chars().next() {
            Some('*' | '_' | '~' | '`' | '[' | ']' | '<' | '@' | ':') => true,
            Some('-' | '>') => before.is_empty() || before.ends_with('\n'),
            _ => false,
        };
        is_mark && !before.ends_with(['\\', '¯'])
    }

    fn open(&mut self, style: Option<(Style, usize, usize)>, range: &Range<usize>) {
        let shown = style.filter(|_| self.depth < DEPTH_LIMIT);
        self.ends.push(shown.as_ref().map(|(_, _, after)| *after));
        if let Some((style, before, _)) = shown {
            self.depth += 1;
            self.reached = range.start + before;
            self.pieces.push(Piece::Open(style));
        }
    }

    fn close(&mut self, range: &Range<usize>) {
        if let Some(Some(after)) = self.ends.pop() {
            self.depth -= 1;
            self.text_up_to(range.end - after);
            self.reached = range.end;
            self.pieces.push(Piece::Close);
        }
    }

    fn code(&mut self, range: &Range<usize>) {
        self.text_up_to(range.start);
        let code = &self.text[range.clone()];
        let ticks = code.len() - code.trim_start_matches('`').len();
        let mut inner = range.start + ticks..range.end - ticks;
        let code = &self.text[inner.clone()];
        if code.trim().is_empty() {
            self.text_up_to(range.end);
            return;
        }
        // So that code can begin with a backtick (CommonMark §6.1).
        if code.starts_with(' ') && code.ends_with(' ') {
            inner = inner.start + 1..inner.end - 1;
        }
        self.pieces.push(Piece::Code(inner));
        self.reached = range.end;
    }
}
