//! Files that say to be pictures: real ones, of which some bytes are others.

#![no_main]

mod decoders;

use std::io::{BufReader, Cursor, Seek, Write};

use flack::{
    domain::attachment::FileName,
    server::files::{metadata, picture},
};
use image::{DynamicImage, ImageFormat};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
struct Uploaded<'a> {
    format: u8,
    width: u8,
    height: u8,
    /// Where, and what is there instead.
    changes: Vec<(u16, u8)>,
    /// Where, and what stands before it.
    inserted: (u16, &'a [u8]),
    name: &'a str,
}

const FORMATS: [ImageFormat; 4] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP];

impl Uploaded<'_> {
    fn bytes(&self) -> Vec<u8> {
        let (width, height) = (u32::from(self.width % 40) + 1, u32::from(self.height % 40) + 1);
        let whole = match self.height & 1 {
            0 => DynamicImage::new_rgba8(width, height),
            _ => DynamicImage::new_rgb8(width, height),
        };
        let format = FORMATS[usize::from(self.format) % FORMATS.len()];
        let whole = match format {
            ImageFormat::Jpeg => DynamicImage::ImageRgb8(whole.to_rgb8()),
            _ => whole,
        };
        let mut bytes = Cursor::new(Vec::new());
        whole.write_to(&mut bytes, format).expect("it can be written");
        let mut bytes = bytes.into_inner();
        for (place, byte) in &self.changes {
            let place = usize::from(*place) % bytes.len();
            bytes[place] = *byte;
        }
        let place = usize::from(self.inserted.0) % bytes.len();
        bytes.splice(place..place, self.inserted.1.iter().copied());
        bytes
    }
}

/// The picture without its metadata; none if it is no whole picture.
fn strip(format: ImageFormat, bytes: &[u8]) -> Option<(Vec<u8>, metadata::Found)> {
    let mut clean = Cursor::new(Vec::new());
    let found = metadata::strip(format, &mut BufReader::new(Cursor::new(bytes)), &mut clean);
    found.ok().map(|found| (clean.into_inner(), found))
}

fuzz_target!(|uploaded: Uploaded| {
    decoders::forgive();
    let name = FileName::from(uploaded.name);
    assert_eq!(FileName::from(name.as_str()), name, "clean is clean");
    assert!(!name.as_str().contains(['/', '\\', '"']) && !name.as_str().contains(char::is_control));

    let bytes = uploaded.bytes();
    let Some(format) = picture::format(&bytes) else { return };
    let Some((clean, found)) = strip(format, &bytes) else { return };
    assert!(clean.len() <= bytes.len() + 64, "{} bytes became {}", bytes.len(), clean.len());
    let again = strip(format, &clean);
    assert_eq!(again, Some((clean.clone(), found)), "nothing more to strip");

    let mut file = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile());
    let file = file.as_mut().expect("a file");
    file.write_all(&clean).and_then(|()| file.rewind()).expect("it can be written");
    if let Some(small) = picture::picture(format, file, found) {
        assert!(small.size.width > 0 && small.size.height > 0);
        assert!(picture::format(&small.thumbnail).is_some(), "a small copy is a picture");
    }
});
