//! Takes out of a picture what its author may not know to be in it: where it was taken, with which
//! device, when, and what an editor noted. What shows stays as it is, bit by bit.
//!
//! What is kept is listed, the rest goes, so that a kind of metadata that nobody here has heard of
//! goes too. All but the orientation of Exif, which a picture is wrong without; it stays as an Exif
//! block with that one entry. Nothing after a picture's end is kept.
//!
//! It reads and writes as it goes. Libraries that take pictures apart keep the file in memory and a
//! record of every piece: with 25 MiB of pieces of four bytes, half a GiB.

use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

use flate2::Crc;
use image::{ImageFormat, metadata::Orientation};

/// The largest Exif block that is looked at: the most that a JPEG can hold.
const EXIF_LIMIT: u64 = 65_535;

/// What was found while it was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub orientation: Orientation,
    /// Whether all of a picture has to be in memory before any of it shows: a progressive JPEG.
    pub is_progressive: bool,
}

/// Copies a picture without its metadata.
///
/// # Errors
/// When it is no such picture, or cannot be read or written. [`io::ErrorKind::InvalidData`] and
/// [`io::ErrorKind::UnexpectedEof`] are the picture's fault.
pub fn strip(
    format: ImageFormat,
    from: &mut (impl BufRead + Seek),
    to: &mut (impl Write + Seek),
) -> io::Result<Found> {
    let mut found = Found { orientation: Orientation::NoTransforms, is_progressive: false };
    match format {
        ImageFormat::Jpeg => jpeg(from, to, &mut found)?,
        ImageFormat::Png => png(from, to, &mut found)?,
        ImageFormat::WebP => webp(from, to, &mut found)?,
        ImageFormat::Gif => gif(from, to)?,
        _ => return Err(broken()),
    }
    Ok(found)
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn bytes<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn copy(from: &mut impl BufRead, to: &mut impl Write, length: u64) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let part = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&buffer[..part])?;
        from.consume(part);
        left -= part as u64;
    }
    Ok(())
}

/// Whether it was all there is not asked: whatever follows will miss it.
fn skip(from: &mut impl Seek, length: u64) -> io::Result<()> {
    from.seek_relative(length.try_into().map_err(|_| broken())?)
}

/// An Exif block with an orientation and nothing else (Exif 3.0 §4.6, TIFF 6.0 §2).
fn exif(orientation: Orientation) -> [u8; 26] {
    let mut block = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    block[19] = orientation.to_exif();
    block
}

/// The orientation that an Exif block asks for, if it asks for one.
fn orientation(block: &[u8]) -> Option<Orientation> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    Orientation::from_exif_chunk(block).filter(|it| *it != Orientation::NoTransforms)
}

/// ITU T.81 Annex B.
fn jpeg(
    from: &mut (impl BufRead + Seek),
    to: &mut impl Write,
    found: &mut Found,
) -> io::Result<()> {
    if bytes(from)? != [0xFF, 0xD8] {
        return Err(broken());
    }
    to.write_all(&[0xFF, 0xD8])?;
    let mut is_in_scan = false;
    loop {
        let marker = match marker(from, to, is_in_scan) {
            // A picture that is cut off shows as far as it goes.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && is_in_scan => 0xD9,
            marker => marker?,
        };
        match marker {
            0xD9 => return to.write_all(&[0xFF, 0xD9]),
            0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        let length = u16::from_be_bytes(bytes(from)?);
        let content = u64::from(length).checked_sub(2).ok_or_else(broken)?;
        let mut keep = |from: &mut _, head: &[u8]| {
            to.write_all(&[0xFF, marker])?;
            to.write_all(&length.to_be_bytes())?;
            to.write_all(head)?;
            copy(from, to, content - head.len() as u64)
        };
        match marker {
            0xE1 => {
                let mut block = Vec::new();
                from.take(content).read_to_end(&mut block)?;
                let is_first = found.orientation == Orientation::NoTransforms;
                if block.starts_with(b"Exif\0\0")
                    && is_first
                    && let Some(orientation) = orientation(&block)
                {
                    found.orientation = orientation;
                    to.write_all(b"\xFF\xE1\0\x22Exif\0\0")?;
                    to.write_all(&exif(orientation))?;
                }
            }
            // How the picture is to be read: JFIF, the colour profile, and Adobe's kinds of colour.
            0xE0 | 0xE2 | 0xEE => {
                let sign: &[u8] = match marker {
                    0xE0 => b"JFIF\0",
                    0xE2 => b"ICC_PROFILE\0",
                    _ => b"Adobe",
                };
                let mut head = vec![0; sign.len().min(content as usize)];
                from.read_exact(&mut head)?;
                if head == sign {
                    keep(from, &head)?;
                } else {
                    skip(from, content - head.len() as u64)?;
                }
            }
            // What applications noted, and comments.
            0xE3..=0xED | 0xEF | 0xFE => skip(from, content)?,
            _ => {
                is_in_scan |= marker == 0xDA;
                found.is_progressive |= matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
                keep(from, &[])?;
            }
        }
    }
}

/// Goes on to the next marker, and copies what is before it if that is a part of the picture.
fn marker(from: &mut impl BufRead, to: &mut impl Write, is_in_scan: bool) -> io::Result<u8> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let sign = buffer.iter().position(|byte| *byte == 0xFF);
        let before = sign.unwrap_or(buffer.len());
        if is_in_scan {
            to.write_all(&buffer[..before])?;
        } else if before > 0 {
            return Err(broken());
        }
        let is_sign = sign.is_some();
        from.consume(before + usize::from(is_sign));
        if !is_sign {
            continue;
        }
        let mut next = 0xFF;
        while next == 0xFF {
            [next] = bytes(from)?;
        }
        match next {
            // Not a marker but a byte of the picture, or a place to start over in it.
            0x00 | 0xD0..=0xD7 if is_in_scan => to.write_all(&[0xFF, next])?,
            marker => return Ok(marker),
        }
    }
}

/// The chunks of a PNG that say what it looks like (PNG 3rd edition §11, APNG among them).
const PNG_CHUNKS: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"mDCV", b"cLLI", b"bKGD", b"acTL", b"fcTL", b"fdAT",
];

fn png(from: &mut (impl BufRead + Seek), to: &mut impl Write, found: &mut Found) -> io::Result<()> {
    const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
    if bytes(from)? != SIGNATURE {
        return Err(broken());
    }
    to.write_all(&SIGNATURE)?;
    let mut has_pixels = false;
    loop {
        let length: [u8; 4] = match bytes(from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && has_pixels => {
                return Ok(());
            }
            length => length?,
        };
        let kind: [u8; 4] = bytes(from)?;
        let size = u64::from(u32::from_be_bytes(length));
        if PNG_CHUNKS.contains(&&kind) {
            has_pixels |= kind == *b"IDAT";
            to.write_all(&length)?;
            to.write_all(&kind)?;
            match copy(from, to, size + 4) {
                // A picture that is cut off shows as far as it goes.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && has_pixels => {
                    return Ok(());
                }
                copied => copied?,
            }
            if kind == *b"IEND" {
                return Ok(());
            }
        } else if kind == *b"eXIf" && size <= EXIF_LIMIT {
            let mut block = Vec::new();
            from.take(size).read_to_end(&mut block)?;
            let _crc: [u8; 4] = bytes(from)?;
            if let Some(orientation) = orientation(&block) {
                found.orientation = orientation;
                let content = exif(orientation);
                to.write_all(&(content.len() as u32).to_be_bytes())?;
                let mut crc = Crc::new();
                for part in [&kind[..], &content] {
                    crc.update(part);
                    to.write_all(part)?;
                }
                to.write_all(&crc.sum().to_be_bytes())?;
            }
        } else {
            skip(from, size + 4)?;
        }
    }
}

/// The WebP container specification; its numbers begin with the lowest byte.
fn webp(
    from: &mut (impl BufRead + Seek),
    to: &mut (impl Write + Seek),
    found: &mut Found,
) -> io::Result<()> {
    const EXIF: u8 = 0x08;
    const XMP: u8 = 0x04;
    let head: [u8; 12] = bytes(from)?;
    if !head.starts_with(b"RIFF") || !head.ends_with(b"WEBP") {
        return Err(broken());
    }
    to.write_all(&head)?;
    let declared = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    let end = declared.saturating_add(8);
    let mut flags: Option<(u64, u8)> = None;
    while from.stream_position()? < end {
        let kind: [u8; 4] = match bytes(from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            kind => kind?,
        };
        let length: [u8; 4] = bytes(from)?;
        let size = u64::from(u32::from_le_bytes(length));
        let padded = size + size % 2;
        match &kind {
            b"VP8X" | b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ANMF" | b"ICCP" => {
                to.write_all(&kind)?;
                to.write_all(&length)?;
                let mut rest = padded;
                if kind == *b"VP8X" && size > 0 {
                    let [own]: [u8; 1] = bytes(from)?;
                    let own = own & !(EXIF | XMP);
                    flags = Some((to.stream_position()?, own));
                    to.write_all(&[own])?;
                    rest -= 1;
                }
                copy(from, to, rest)?;
            }
            b"EXIF" if size <= EXIF_LIMIT => {
                let mut block = Vec::new();
                from.take(padded).read_to_end(&mut block)?;
                if let Some(orientation) = orientation(&block)
                    && flags.is_some()
                {
                    found.orientation = orientation;
                    let content = exif(orientation);
                    to.write_all(&kind)?;
                    to.write_all(&(content.len() as u32).to_le_bytes())?;
                    to.write_all(&content)?;
                }
            }
            _ => skip(from, padded)?,
        }
    }
    if let Some((place, own)) = flags
        && found.orientation != Orientation::NoTransforms
    {
        to.seek(SeekFrom::Start(place))?;
        to.write_all(&[own | EXIF])?;
    }
    let length = to.seek(SeekFrom::End(0))?;
    let length = u32::try_from(length - 8).map_err(|_| broken())?;
    to.seek(SeekFrom::Start(4))?;
    to.write_all(&length.to_le_bytes())?;
    to.seek(SeekFrom::End(0)).map(|_| ())
}

/// The GIF89a specification.
fn gif(from: &mut (impl BufRead + Seek), to: &mut impl Write) -> io::Result<()> {
    let head: [u8; 13] = bytes(from)?;
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        return Err(broken());
    }
    to.write_all(&head)?;
    copy(from, to, colours(head[10]))?;
    let mut has_pixels = false;
    loop {
        let [kind]: [u8; 1] = match bytes(from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && has_pixels => [0x3B],
            kind => kind?,
        };
        match kind {
            0x3B => return to.write_all(&[0x3B]),
            0x2C => {
                let head: [u8; 9] = bytes(from)?;
                to.write_all(&[kind])?;
                to.write_all(&head)?;
                // The colours, and the size of the codes that follow.
                copy(from, to, colours(head[8]) + 1)?;
                has_pixels = true;
                blocks(from, Some(&mut *to))?;
            }
            0x21 => {
                let [label]: [u8; 1] = bytes(from)?;
                match label {
                    // How long a picture stays.
                    0xF9 => {
                        to.write_all(&[kind, label])?;
                        blocks(from, Some(&mut *to))?;
                    }
                    // How often it begins again, among what applications noted.
                    0xFF => {
                        let [size]: [u8; 1] = bytes(from)?;
                        let mut name = vec![0; size.into()];
                        from.read_exact(&mut name)?;
                        if name == b"NETSCAPE2.0" || name == b"ANIMEXTS1.0" {
                            to.write_all(&[kind, label, size])?;
                            to.write_all(&name)?;
                            blocks(from, Some(&mut *to))?;
                        } else {
                            blocks(from, None::<&mut &mut [u8]>)?;
                        }
                    }
                    _ => blocks(from, None::<&mut &mut [u8]>)?,
                }
            }
            _ => return Err(broken()),
        }
    }
}

/// The size of a table of colours, by the byte that says whether there is one.
fn colours(packed: u8) -> u64 {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

/// Goes over a chain of blocks, each with its size before it; the last one is empty.
fn blocks(from: &mut (impl BufRead + Seek), mut to: Option<&mut impl Write>) -> io::Result<()> {
    loop {
        let [size]: [u8; 1] = bytes(from)?;
        match &mut to {
            Some(to) => {
                to.write_all(&[size])?;
                copy(from, *to, size.into())?;
            }
            None => skip(from, size.into())?,
        }
        if size == 0 {
            return Ok(());
        }
    }
}
