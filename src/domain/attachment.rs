//! Files that people put into messages.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{hex::hex, name::is_ignorable};
use crate::words::{Words, count};

/// What an attachment is known by: 128 random bits, as 32 hexadecimal digits.
///
/// It says nothing of the content, so that knowing a file gives nothing, nor does knowing its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttachmentId(String);

impl AttachmentId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(hex(&bytes))
    }
}

/// Something that cannot be the id of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAttachmentId;

impl TryFrom<String> for AttachmentId {
    type Error = NotAnAttachmentId;

    fn try_from(raw: String) -> Result<Self, NotAnAttachmentId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_id = raw.len() == 32 && raw.bytes().all(is_digit);
        is_id.then_some(Self(raw)).ok_or(NotAnAttachmentId)
    }
}

impl From<AttachmentId> for String {
    fn from(id: AttachmentId) -> String {
        id.0
    }
}

impl fmt::Display for NotAnAttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a file has 32 hexadecimal digits")
    }
}

/// A file of a message, as everyone sees it who sees the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub id: AttachmentId,
    pub name: FileName,
    /// What its content is, as the server found out: a media type (RFC 6838).
    #[serde(rename = "type")]
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// If it is a picture that can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSize>,
}

impl Attachment {
    /// Where its content is.
    pub fn path(&self) -> String {
        format!("/files/{}", self.id.as_str())
    }

    /// Where a small copy of a picture is.
    pub fn thumbnail_path(&self) -> String {
        format!("/files/{}/thumbnail", self.id.as_str())
    }

    /// What kind of file it is, in a word such as PDF, if there is one; what its content says counts more
    /// than its name.
    pub fn kind(&self) -> Option<String> {
        let subtype = match self.media_type.as_str() {
            "text/html" => Some("HTML"),
            "image/svg+xml" => Some("SVG"),
            _ => None,
        };
        subtype.or_else(|| self.name.extension()).map(str::to_ascii_uppercase)
    }
}

/// The size of a picture as it is looked at, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSize {
    pub width: u32,
    pub height: u32,
}

impl ImageSize {
    /// The same shape, small enough for a box of this size; never larger than it is, and never
    /// without any pixel.
    pub fn within(self, width: u32, height: u32) -> Self {
        let (own_width, own_height) = (u64::from(self.width.max(1)), u64::from(self.height.max(1)));
        let (box_width, box_height) = (u64::from(width), u64::from(height));
        if own_width <= box_width && own_height <= box_height {
            return self;
        }
        let is_wide = own_width * box_height > own_height * box_width;
        let scaled = |side: u64, numerator: u64, denominator: u64| {
            u32::try_from((side * numerator / denominator).max(1)).unwrap_or(u32::MAX)
        };
        if is_wide {
            Self { width, height: scaled(own_height, box_width, own_width) }
        } else {
            Self { width: scaled(own_width, box_height, own_height), height }
        }
    }
}

/// What a file is called: 1 to [`FileName::LIMIT`] characters that others can see, without
/// folders and without what means something to a file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// In Unicode scalar values.
    pub const LIMIT: usize = 120;

    /// What a file is called whose name has nothing to keep.
    const NAMELESS: &str = "file";

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What comes after the last dot: up to eight ASCII letters and digits.
    pub fn extension(&self) -> Option<&str> {
        let (stem, extension) = self.0.rsplit_once('.')?;
        let is_short = (1..=8).contains(&extension.len());
        let is_plain = extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_short && is_plain && !stem.is_empty()).then_some(extension)
    }
}

/// Any name can be cleaned, so that no file is refused for what somebody's camera called it.
impl From<&str> for FileName {
    fn from(raw: &str) -> Self {
        let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
        let seen = last.chars().filter_map(|c| match c {
            // Scripts that need these two to be read keep them.
            '\u{200C}' | '\u{200D}' => Some(c),
            // Line separators are no control characters.
            '\u{2028}' | '\u{2029}' => None,
            // It picks the look of an emoji.
            '\u{FE0F}' => Some(c),
            _ if c.is_control() || is_ignorable(c) => None,
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => Some('_'),
            _ if c.is_whitespace() => Some(' '),
            _ => Some(c),
        });
        let seen: String = seen.collect();
        let is_blank = |c: char| c.is_whitespace() || is_ignorable(c);
        let is_blank_or_dot = |c: char| c == '.' || is_blank(c);
        let name = seen.trim_start_matches(is_blank).trim_end_matches(is_blank_or_dot);
        if name.is_empty() {
            return Self(Self::NAMELESS.to_owned());
        }
        let count = name.chars().count();
        if count <= Self::LIMIT {
            return Self(name.to_owned());
        }
        // The extension says how to open it.
        let whole = Self(name.to_owned());
        let ending = whole.extension().map(|it| format!(".{it}")).unwrap_or_default();
        let stem: String = name.chars().take(Self::LIMIT - ending.len()).collect();
        let stem = stem.trim_end_matches(is_blank_or_dot);
        Self(format!("{}{ending}", if stem.is_empty() { Self::NAMELESS } else { stem }))
    }
}

impl From<String> for FileName {
    fn from(raw: String) -> Self {
        Self::from(raw.as_str())
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> String {
        name.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much a message may carry on this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentLimits {
    /// Bytes of a file.
    pub file: u64,
    /// Files of a message.
    pub files: usize,
}

/// A number of bytes as people read it: `812 bytes`, `3.4 KB`, `25 MB`; a KB has 1,024 bytes.
pub fn size_in_words(bytes: u64, words: &Words) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if let Ok(bytes @ ..1_024) = usize::try_from(bytes) {
        return count(bytes, words.byte, words.bytes);
    }
    // In tenths, rounded up: no file is said to be smaller than it is.
    let mut tenths = bytes.saturating_mul(10).div_ceil(1_024);
    let mut unit = 0;
    while tenths >= 10_240 && unit < UNITS.len() - 1 {
        tenths = tenths.div_ceil(1_024);
        unit += 1;
    }
    let unit = UNITS[unit];
    match (tenths / 10, tenths % 10) {
        (whole, tenth @ 1..) if whole < 10 => {
            format!("{whole}{}{tenth} {unit}", words.decimal_sign)
        }
        (whole, 0) => format!("{whole} {unit}"),
        (whole, _) => format!("{} {unit}", whole + 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::Language;

    fn name(raw: &str) -> String {
        FileName::from(raw).0
    }

    #[test]
    fn a_name_keeps_what_people_see() {
        for same in ["report.pdf", "Ferien in Köln (2).jpg", "تقرير.docx", ".env", "日本.tar.gz"]
        {
            assert_eq!(name(same), same);
        }
    }

    #[test]
    fn folders_controls_and_marks_are_left_out() {
        for (raw, clean) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\photo.png", "photo.png"),
            ("a\0b\r\nSet-Cookie: x.txt", "abSet-Cookie_ x.txt"),
            ("say \"hello\".txt", "say _hello_.txt"),
            ("cv\u{202E}fdp.exe", "cvfdp.exe"),
            ("\u{2067}\u{200F}x\u{2069}.png", "x.png"),
            ("..", "file"),
            ("", "file"),
            ("...", "file"),
            ("\u{200B}\u{FEFF}", "file"),
            ("\u{200D}", "file"),
            ("a/", "file"),
            ("notes. . ", "notes"),
            ("tab\tand\u{2003}space.md", "taband space.md"),
        ] {
            assert_eq!(name(raw), clean, "{raw:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let long = name(&format!("{}.jpeg", "x".repeat(300)));
        assert_eq!(long.chars().count(), FileName::LIMIT);
        assert!(long.ends_with("x.jpeg"));
        assert_eq!(name(&format!("{}_r.jpeg", ".".repeat(130))), "file.jpeg");
        assert_eq!(name(&format!("{}_r", ".".repeat(130))), "file");
    }

    #[test]
    fn a_shape_is_kept() {
        let size = |width, height| ImageSize { width, height };
        assert_eq!(size(8_000, 6_000).within(360, 320), size(360, 270));
        assert_eq!(size(600, 1_200).within(360, 320), size(160, 320));
        assert_eq!(size(20, 10).within(360, 320), size(20, 10));
        assert_eq!(size(60_000, 1).within(360, 320), size(360, 1));
        assert_eq!(size(0, 9_000).within(360, 320), size(1, 320));
    }

    #[test]
    fn sizes_are_told_in_words() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1_023, "1023 bytes"),
            (1_024, "1 KB"),
            (1_600, "1.6 KB"),
            (25 << 20, "25 MB"),
            ((25 << 20) + 1, "26 MB"),
            (10 << 30, "10 GB"),
            (1_048_575, "1 MB"),
        ] {
            assert_eq!(size_in_words(bytes, Language::English.words()), words, "{bytes}");
        }
        assert_eq!(size_in_words(1_600, Language::German.words()), "1,6 KB");
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(raw in "[. /\u{200D}\u{FE0F}a-c]{0,200}") {
            let clean = FileName::from(raw.as_str());
            prop_assert!(!clean.as_str().is_empty());
            prop_assert_eq!(FileName::from(clean.as_str()), clean);
        }

        #[test]
        fn any_name_becomes_a_harmless_one(raw in any::<String>()) {
            let clean = name(&raw);
            prop_assert!((1..=FileName::LIMIT).contains(&clean.chars().count()));
            let is_bad = |c: char| c.is_control() || "/\\\"<>:|?*".contains(c)
                || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}');
            prop_assert!(!clean.contains(is_bad), "{:?}", clean);
            prop_assert!(!clean.chars().all(|c| c == '.'));
            prop_assert_eq!(&name(&clean), &clean);
        }

        #[test]
        fn what_is_scaled_fits(width in any::<u32>(), height in any::<u32>()) {
            let size = ImageSize { width, height }.within(720, 640);
            prop_assert!(size.width <= 720 && size.height <= 640);
        }
    }
}
