//! Lines, and what they are together.
//!
//! People write chats by the line: a quote ends with its line, and a list with its last item. So there
//! is none of CommonMark's guessing at what a later line belongs to.

use super::DEPTH_LIMIT;

#[derive(Debug)]
pub enum Block {
    /// Lines that follow one another, with line breaks between them.
    Paragraph(String),
    Quote(Vec<Block>),
    /// With numbers, or with bullets.
    List(Vec<Item>),
    Code {
        /// What was written after the backticks; may be empty.
        language: String,
        text: String,
    },
}

#[derive(Debug)]
pub struct Item {
    /// As it was typed; none in a list with bullets.
    pub number: Option<u32>,
    pub blocks: Vec<Block>,
}

pub fn blocks(text: &str) -> Vec<Block> {
    parse(&text.split('\n').collect::<Vec<_>>(), 0)
}

/// What some lines are, and how many. No block if they are as they were typed.
type Found = (Option<Block>, usize);

fn parse(lines: &[&str], depth: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut rest = lines;
    while let Some(line) = rest.first() {
        let deeper = depth + 1;
        let is_in_depth = depth < DEPTH_LIMIT;
        let (block, used) = code(rest)
            .or_else(|| is_in_depth.then(|| quote(rest, deeper)).flatten())
            .or_else(|| is_in_depth.then(|| list(rest, deeper)).flatten())
            .unwrap_or((None, 1));
        let (these, after) = rest.split_at(used);
        if block.is_some() || is_blank(line) {
            end(&mut paragraph, &mut blocks);
        } else {
            paragraph.extend(these);
        }
        blocks.extend(block);
        rest = after;
    }
    end(&mut paragraph, &mut blocks);
    blocks
}

fn end(paragraph: &mut Vec<&str>, blocks: &mut Vec<Block>) {
    if !paragraph.is_empty() {
        blocks.push(Block::Paragraph(paragraph.join("\n")));
        paragraph.clear();
    }
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// How far a line is indented, in bytes of blanks.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The line without its indentation, as far as that is not deeper than `up_to`.
fn dedent(line: &str, up_to: usize) -> &str {
    &line[indent(line).min(up_to)..]
}

/// Code between lines of three or more backticks. The last ones may stand at the end of its last line,
/// or be forgotten.
fn code(lines: &[&str]) -> Option<Found> {
    let (first, rest) = lines.split_first()?;
    let indent = indent(first);
    let info = first[indent..].trim_start_matches('`');
    let ticks = first.len() - indent - info.len();
    let info = info.trim();
    if ticks < 3 || info.contains('`') {
        return None;
    }
    let mut code = Vec::new();
    let is_language = info.chars().all(|c| c.is_alphanumeric() || "+#._-".contains(c))
        && (info.is_empty() || info.contains(char::is_alphanumeric));
    if !is_language {
        code.push(info);
    }
    let mut used = 1;
    for line in rest {
        used += 1;
        let line = dedent(line, indent);
        let before = line.trim_end().trim_end_matches('`');
        if line.trim_end().len() - before.len() >= ticks {
            if !is_blank(before) {
                code.push(before);
            }
            break;
        }
        code.push(line);
    }
    let text = code.join("\n");
    let language = if is_language { info.to_owned() } else { String::new() };
    (!is_blank(&text)).then_some((Some(Block::Code { language, text }), used))
}

/// Lines that begin with `>` and a blank. If there is nothing behind any of them, none is a quote, and
/// none is looked at again.
fn quote(lines: &[&str], depth: usize) -> Option<Found> {
    let quoted: Vec<&str> = lines.iter().map_while(|line| quoted(line)).collect();
    let is_any = quoted.iter().any(|line| !is_blank(line));
    let block = is_any.then(|| Block::Quote(parse(&quoted, depth)));
    (!quoted.is_empty()).then_some((block, quoted.len()))
}

/// What is behind the `>`. A face such as `>_<` is no quote.
fn quoted(line: &str) -> Option<&str> {
    let quoted = dedent(line, 3).strip_prefix('>')?;
    match quoted.bytes().next() {
        None | Some(b'>') => Some(quoted),
        Some(b' ' | b'\t') => Some(&quoted[1..]),
        Some(_) => None,
    }
}

/// How an item of a list begins.
struct Marker<'a> {
    number: Option<u32>,
    /// How far what belongs to the item is indented.
    offset: usize,
    content: &'a str,
}

/// `-`, `*` or a number of up to three digits with a dot, then a blank and something to list.
fn marker(line: &str) -> Option<Marker<'_>> {
    let indent = indent(line);
    let rest = &line[indent..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = match digits {
        0 => (None, rest.strip_prefix(['-', '*'])?),
        1..=3 => (Some(rest[..digits].parse().ok()?), rest[digits..].strip_prefix('.')?),
        _ => return None,
    };
    let content = rest.strip_prefix([' ', '\t'])?;
    // Not the line that `- - -` is in some places.
    let is_any = content.contains(|c: char| !c.is_whitespace() && !matches!(c, '-' | '*'));
    let is_item = indent <= 3 && is_any;
    is_item.then(|| Marker { number, offset: line.len() - content.len(), content })
}

fn list(lines: &[&str], depth: usize) -> Option<Found> {
    let first = marker(lines.first()?)?;
    let is_numbered = first.number.is_some();
    let base = indent(lines[0]);
    let mut items: Vec<(Marker, Vec<&str>)> = Vec::new();
    let mut used = 0;
    while used < lines.len() {
        // A blank line ends the list, unless it goes on behind it.
        let blanks = lines[used..].iter().take_while(|line| is_blank(line)).count();
        let Some(line) = lines.get(used + blanks) else { break };
        let deeper = indent(line) > base + 1;
        match (marker(line), items.last_mut()) {
            (Some(marker), _) if !deeper && marker.number.is_some() == is_numbered => {
                let content = vec![marker.content];
                items.push((marker, content));
            }
            (_, Some((marker, content))) if deeper => {
                if blanks > 0 {
                    content.push("");
                }
                content.push(dedent(line, marker.offset));
            }
            _ => break,
        }
        used += blanks + 1;
    }
    let items = items
        .into_iter()
        .map(|(marker, content)| Item { number: marker.number, blocks: parse(&content, depth) });
    Some((Some(Block::List(items.collect())), used))
}
