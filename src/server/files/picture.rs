//! Small copies of pictures, made within limits.

use std::{
    fs::File,
    io::{self, BufReader},
    panic::{AssertUnwindSafe, catch_unwind},
};

use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageResult, Limits,
    codecs::{
        gif::GifDecoder,
        jpeg::{JpegDecoder, JpegEncoder},
        png::{PngDecoder, PngEncoder},
        webp::WebPDecoder,
    },
    metadata::Orientation,
};

use super::metadata::Found;
use crate::domain::attachment::ImageSize;

/// The most that a small copy may take to be made, in bytes: enough for a photograph of 50 million
/// pixels. What would take more is not shown, only offered for download.
const MEMORY: u64 = 192 << 20;

/// An animation is small, or made to harm.
const GIF_MEMORY: u64 = 15 << 20;

/// A small copy fits into this box, in pixels: twice what a message shows, for screens that are as
/// sharp.
const THUMBNAIL: ImageSize = ImageSize { width: 720, height: 640 };

/// What JPEG's scale of 1 to 100 calls good.
const QUALITY: u8 = 82;

/// Of these kinds are pictures; everything else is a file like any other.
pub fn format(head: &[u8]) -> Option<ImageFormat> {
    use ImageFormat::{Gif, Jpeg, Png, WebP};
    image::guess_format(head).ok().filter(|format| matches!(format, Gif | Jpeg | Png | WebP))
}

/// A picture's size as it is looked at, and its small copy.
pub struct Picture {
    pub size: ImageSize,
    /// As JPEG, or as PNG where one can see through it.
    pub thumbnail: Vec<u8>,
}

/// Makes a small copy; none if that would take too much, or it is no whole picture.
pub fn picture(format: ImageFormat, file: &File, found: Found) -> Option<Picture> {
    // The decoders do not panic as far as their authors know.
    let made = catch_unwind(AssertUnwindSafe(|| make(format, file, found)));
    made.ok()?.ok()?
}

fn make(format: ImageFormat, file: &File, found: Found) -> ImageResult<Option<Picture>> {
    let length = file.metadata()?.len();
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    let from = || -> io::Result<BufReader<File>> {
        use std::io::Seek;
        let mut file = file.try_clone()?;
        file.rewind()?;
        Ok(BufReader::with_capacity(64 << 10, file))
    };
    let Some(cost) = cost(format, from()?, length, found)? else { return Ok(None) };
    if cost > if format == ImageFormat::Gif { GIF_MEMORY } else { MEMORY } {
        return Ok(None);
    }
    let whole = match format {
        ImageFormat::Jpeg => decode(JpegDecoder::new(from()?)?, limits)?,
        ImageFormat::Png => decode(PngDecoder::with_limits(from()?, limits.clone())?, limits)?,
        ImageFormat::WebP => decode(WebPDecoder::new(from()?)?, limits)?,
        _ => decode(GifDecoder::new(from()?)?, limits)?,
    };
    let (whole, profile) = whole;
    let is_turned = matches!(
        found.orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let stored = ImageSize { width: whole.width(), height: whole.height() };
    let turn = |size: ImageSize| match is_turned {
        true => ImageSize { width: size.height, height: size.width },
        false => size,
    };
    let size = turn(stored);
    let small = turn(size.within(THUMBNAIL.width, THUMBNAIL.height));
    let mut small = match small == stored {
        true => whole,
        false => whole.thumbnail_exact(small.width, small.height),
    };
    small.apply_orientation(found.orientation);
    Ok(Some(Picture { size, thumbnail: encode(&small, profile)? }))
}

/// Gives the profile of its colours, too, if it is one of red, green and blue.
fn decode(
    mut decoder: impl ImageDecoder,
    limits: Limits,
) -> ImageResult<(DynamicImage, Option<Vec<u8>>)> {
    decoder.set_limits(limits)?;
    // Where a profile names its colours (ICC.1:2022 §7.2).
    let is_rgb = |profile: &Vec<u8>| profile.get(16..20) == Some(b"RGB ");
    let profile = decoder.icc_profile()?.filter(is_rgb);
    Ok((DynamicImage::from_decoder(decoder)?, profile))
}

/// What it takes in memory to decode a picture, in bytes, by what its head says; none if it says
/// nothing sensible.
fn cost(
    format: ImageFormat,
    from: BufReader<File>,
    length: u64,
    found: Found,
) -> io::Result<Option<u64>> {
    let Some(head) = Head::read(format, from)? else { return Ok(None) };
    let pixels = u64::from(head.width) * u64::from(head.height);
    if pixels == 0 {
        return Ok(None);
    }
    Ok(Some(match format {
        // The file is held, and the coefficients of all of the picture if it is progressive.
        ImageFormat::Jpeg if found.is_progressive => {
            length + pixels.saturating_mul(u64::from(head.bytes) * 3)
        }
        ImageFormat::Jpeg => length + pixels.saturating_mul(head.bytes.into()),
        ImageFormat::Png => pixels.saturating_mul(head.bytes.into()),
        // The picture, its planes of brightness and colour or its copy, and the file.
        ImageFormat::WebP => length + pixels.saturating_mul(8),
        // The canvas, and a frame of it.
        _ => pixels.saturating_mul(8),
    }))
}

/// What the first bytes of a picture say of its size.
struct Head {
    width: u32,
    height: u32,
    /// Of a pixel, decoded.
    bytes: u8,
}

impl Head {
    fn read(format: ImageFormat, mut from: BufReader<File>) -> io::Result<Option<Self>> {
        use std::io::Read;
        let mut head = [0; 30];
        let read = match format {
            ImageFormat::Jpeg => return Self::of_jpeg(from),
            ImageFormat::Gif => 10,
            ImageFormat::Png => 29,
            _ => 30,
        };
        if from.read_exact(&mut head[..read]).is_err() {
            return Ok(None);
        }
        let be =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let le16 = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
        let le24 = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], 0]);
        let (width, height, bytes) = match format {
            ImageFormat::Gif => (le16(6), le16(8), 4),
            ImageFormat::Png => {
                let samples = match head[25] {
                    0 => 1,
                    4 => 2,
                    6 => 4,
                    // Colours, of a palette too; a transparent one makes a fourth.
                    3 => 4,
                    _ => 3,
                };
                (be(16), be(20), samples * if head[24] == 16 { 2 } else { 1 })
            }
            _ => match &head[12..16] {
                b"VP8X" => (le24(24) + 1, le24(27) + 1, 4),
                b"VP8L" => {
                    let bits = u32::from_le_bytes([head[21], head[22], head[23], head[24]]);
                    ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, 4)
                }
                _ => (le16(26) & 0x3FFF, le16(28) & 0x3FFF, 3),
            },
        };
        Ok(Some(Self { width, height, bytes }))
    }

    /// Goes over the segments to the one that begins the frame (ITU T.81 §B.2.2). It reads what
    /// [`super::metadata::strip`] wrote, which is well formed.
    fn of_jpeg(mut from: BufReader<File>) -> io::Result<Option<Self>> {
        use std::io::Read;
        let mut segment = [0; 4];
        from.seek_relative(2)?;
        while from.read_exact(&mut segment).is_ok() {
            let [sign, marker, high, low] = segment;
            let length = i64::from(u16::from_be_bytes([high, low]));
            let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
            if sign != 0xFF || marker == 0xDA {
                break;
            }
            if is_frame {
                let mut frame = [0; 6];
                if from.read_exact(&mut frame).is_err() {
                    break;
                }
                let [_, h1, h2, w1, w2, samples] = frame;
                let side = |one, two| u32::from(u16::from_be_bytes([one, two]));
                let bytes = if samples == 1 { 1 } else { 4.min(samples.max(3)) };
                return Ok(Some(Self { width: side(w1, w2), height: side(h1, h2), bytes }));
            }
            from.seek_relative(length - 2)?;
        }
        Ok(None)
    }
}

fn encode(small: &DynamicImage, profile: Option<Vec<u8>>) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let has_alpha = small.color().has_alpha();
    let is_opaque = !has_alpha || small.to_rgba8().pixels().all(|pixel| pixel[3] == u8::MAX);
    if is_opaque {
        let small = small.to_rgb8();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        if let Some(profile) = profile {
            // A picture with other colours than meant is better than none.
            let _ = encoder.set_icc_profile(profile);
        }
        encoder.encode_image(&small)?;
    } else {
        let mut encoder = PngEncoder::new(&mut bytes);
        if let Some(profile) = profile {
            let _ = encoder.set_icc_profile(profile);
        }
        small.to_rgba8().write_with_encoder(encoder)?;
    }
    Ok(bytes)
}
