//! What messages look like: the Markdown that chats have, as HTML of a closed set of tags.
//!
//! - [`block`] tells lines apart: quotes, lists, code, and paragraphs, where a line break is one.
//! - [`inline`] tells apart what is in a paragraph, by `pulldown-cmark`: emphasis, code and links.
//! - [`mention`] finds where names may stand.
//! - [`highlight`] tells the words of code apart.
//! - [`write`] makes the HTML. It is the only code that does, and escapes all that was typed.
//!
//! What is no markup here (headings, tables, pictures, HTML, footnotes) stays as it was typed, and so
//! does markup that is nested too deep. HTML is never stored: it is rendered when a message is accepted
//! and when it is read, so that these rules can change.

use self::block::blocks;
use crate::domain::{
    message::{Html, MessageText},
    person::Person,
};

mod block;
mod highlight;
mod inline;
mod mention;
mod write;

pub use mention::called;

/// How deep quotes and lists may be in each other, and so may emphasis.
const DEPTH_LIMIT: usize = 6;

/// In bytes. A text whose HTML would be larger is shown as it was typed. Only one of hundreds of links
/// or blocks is: a message of quotation marks alone, the longest escape, has 24,000.
const HTML_LIMIT: usize = 32 * 1024;

/// In bytes. Where colours would make the HTML larger, code has none: it goes to every reader.
const COLOURED_LIMIT: usize = 16 * 1024;

/// The words as HTML; none if they look as they were typed. Those of `people` who are
/// [called](called) by their names are marked.
pub fn render(text: &MessageText, people: &[Person]) -> Option<Html> {
    if is_plain(text.as_str()) {
        return None;
    }
    let html = write::write(&blocks(text.as_str()), people)?;
    (html.len() <= HTML_LIMIT).then(|| Html::rendered(html))
}

/// Whether there is surely no markup in it: most messages are done with this.
fn is_plain(text: &str) -> bool {
    const MARKS: &[u8] = b"*_~`[<\\:@";
    let begins_block = |line: &str| {
        line.trim_start().starts_with(|c: char| matches!(c, '>' | '-') || c.is_ascii_digit())
    };
    !text.bytes().any(|byte| MARKS.contains(&byte))
        && !text.lines().any(begins_block)
        && !write::is_few_emoji(text)
}

#[cfg(test)]
mod tests;
