//! Pictures: what is shown of them, what is taken out of them, and what only says it is one.

use std::{fs, io::Cursor, time::Duration};

use flack::domain::attachment::{Attachment, ImageSize};
use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::{gif::GifEncoder, jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};

use crate::support::{guest::Guest, house::House, soon};

/// Red on the left, blue on the right, so that its sides can be told apart.
fn flag(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| match x < width / 2 {
        true => Rgb([230, 20, 20]),
        false => Rgb([20, 20, 230]),
    })
}

/// An Exif block as a camera writes it: an orientation, and a place (Exif 3.0 §4.6).
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II\x2a\0\x08\0\0\0\x02\0".to_vec();
    block.extend_from_slice(&[0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend_from_slice(&[0x25, 0x88, 4, 0, 1, 0, 0, 0, 38, 0, 0, 0]);
    block.extend_from_slice(&[0, 0, 0, 0]);
    // The directory of the place: north, as a letter.
    block.extend_from_slice(&[1, 0, 1, 0, 2, 0, 2, 0, 0, 0, b'N', 0, 0, 0, 0, 0, 0, 0]);
    block.extend_from_slice(b"GPS-59-20-N");
    block
}

/// A colour profile, as far as anybody here looks at it.
fn profile() -> Vec<u8> {
    let mut profile = vec![0; 128];
    profile[16..20].copy_from_slice(b"RGB ");
    profile.extend_from_slice(b"PROFILE-OF-COLOURS");
    profile
}

fn jpeg(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.set_icc_profile(profile()).unwrap();
    encoder.encode_image(picture).unwrap();
    // What editors add, and what cameras put behind the end.
    let mut segments = Vec::new();
    for (marker, content) in [
        (0xE1, &b"http://ns.adobe.com/xap/1.0/\0<x>GPS-59-20-N</x>"[..]),
        (0xED, b"Photoshop 3.0\0GPS-59-20-N"),
        (0xFE, b"GPS-59-20-N, said in a comment"),
        (0xE2, b"MPF\0GPS-59-20-N"),
    ] {
        segments.extend_from_slice(&[0xFF, marker]);
        segments.extend_from_slice(&(content.len() as u16 + 2).to_be_bytes());
        segments.extend_from_slice(content);
    }
    bytes.splice(2..2, segments);
    bytes.extend_from_slice(b"\xFF\xD8 another picture, GPS-59-20-N");
    bytes
}

fn png(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.set_icc_profile(profile()).unwrap();
    let (width, height) = picture.dimensions();
    encoder.write_image(picture, width, height, ExtendedColorType::Rgb8).unwrap();
    let text = b"tEXtComment\0GPS-59-20-N";
    let mut chunk = (text.len() as u32 - 4).to_be_bytes().to_vec();
    chunk.extend_from_slice(text);
    chunk.extend_from_slice(&[0; 4]);
    // After the header, which has 8 and 25 bytes.
    bytes.splice(33..33, chunk);
    bytes.extend_from_slice(b"GPS-59-20-N");
    bytes
}

fn webp(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.set_icc_profile(profile()).unwrap();
    let (width, height) = picture.dimensions();
    encoder.write_image(picture, width, height, ExtendedColorType::Rgb8).unwrap();
    bytes
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

async fn original(guest: &Guest, file: &Attachment) -> Vec<u8> {
    guest.get(&file.path()).await.expect(200).bytes
}

async fn thumbnail(guest: &Guest, file: &Attachment) -> DynamicImage {
    let answer = guest.get(&file.thumbnail_path()).await.expect(200);
    let format = ImageFormat::from_mime_type(answer.header("content-type")).expect("a picture");
    image::load_from_memory_with_format(&answer.bytes, format).expect("it can be decoded")
}

/// What a pixel is, as far as an encoder lets one tell.
fn colour(picture: &DynamicImage, x: f64, y: f64) -> &'static str {
    let picture = picture.to_rgb8();
    let (width, height) = picture.dimensions();
    let at = |side: u32, share: f64| (f64::from(side) * share) as u32;
    match picture.get_pixel(at(width, x), at(height, y)).0 {
        [150..=255, _, 0..100] => "red",
        [0..100, _, 150..=255] => "blue",
        _ => "neither",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_is_taken_out_and_what_shows_stays() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let picture = flag(900, 600);
    for (name, content, media_type) in [
        ("a.jpg", jpeg(&picture, 1), "image/jpeg"),
        ("a.png", png(&picture, 1), "image/png"),
        ("a.webp", webp(&picture, 1), "image/webp"),
    ] {
        assert!(contains(&content, b"GPS-59-20-N"), "it is in {name}");
        let file = ada.upload(name, &content).await;
        assert_eq!(file.media_type, media_type);
        assert_eq!(file.image, Some(ImageSize { width: 900, height: 600 }));
        let answer = ada.get(&file.path()).await.expect(200);
        assert_eq!(answer.header("content-type"), media_type);
        assert!(answer.header("content-disposition").starts_with("inline; "));
        assert_eq!(answer.bytes.len() as u64, file.size);
        for gone in [&b"GPS-59-20-N"[..], b"another picture", b"xap/1.0", b"Photoshop"] {
            assert!(!contains(&answer.bytes, gone), "{name} has {gone:?}");
        }
        // Every pixel is as it was, bit by bit.
        let before = image::load_from_memory(&content).unwrap();
        let after = image::load_from_memory(&answer.bytes).unwrap();
        assert_eq!(before.as_bytes(), after.as_bytes(), "{name}");
        if name != "a.png" {
            // A PNG has it compressed.
            assert!(contains(&answer.bytes, b"PROFILE-OF-COLOURS"), "{name}");
        }
        let small = thumbnail(&ada, &file).await;
        assert_eq!((small.width(), small.height()), (720, 480));
        assert_eq!((colour(&small, 0.2, 0.5), colour(&small, 0.8, 0.5)), ("red", "blue"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turned_picture_is_shown_upright() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let picture = flag(900, 600);
    for (name, content) in
        [("a.jpg", jpeg(&picture, 6)), ("a.png", png(&picture, 6)), ("a.webp", webp(&picture, 6))]
    {
        let file = ada.upload(name, &content).await;
        // It says: turn me by 90 degrees clockwise.
        assert_eq!(file.image, Some(ImageSize { width: 600, height: 900 }), "{name}");
        let small = thumbnail(&ada, &file).await;
        assert_eq!((small.width(), small.height()), (426, 640), "{name}");
        assert_eq!((colour(&small, 0.5, 0.2), colour(&small, 0.5, 0.8)), ("red", "blue"), "{name}");
        // The original still says so, and nothing else.
        let bytes = original(&ada, &file).await;
        assert!(!contains(&bytes, b"GPS"), "{name}");
        let mut reader = image::ImageReader::new(Cursor::new(&bytes));
        reader.set_format(ImageFormat::from_path(name).unwrap());
        let mut decoder = reader.into_decoder().unwrap();
        let orientation = image::ImageDecoder::orientation(&mut decoder).unwrap();
        assert_eq!(orientation.to_exif(), 6, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_can_see_through_stays_so() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut picture = RgbaImage::from_pixel(40, 30, Rgba([10, 200, 10, 255]));
    picture.put_pixel(3, 3, Rgba([0, 0, 0, 0]));
    let mut content = Vec::new();
    picture.write_to(&mut Cursor::new(&mut content), ImageFormat::Png).unwrap();
    let file = ada.upload("icon.png", &content).await;
    let small = thumbnail(&ada, &file).await;
    assert_eq!((small.width(), small.height()), (40, 30), "it is not blown up");
    assert_eq!(small.to_rgba8().get_pixel(3, 3)[3], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animation_is_shown_by_its_first_frame_and_kept() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let mut content = Vec::new();
    {
        let mut encoder = GifEncoder::new(&mut content);
        encoder.set_repeat(image::codecs::gif::Repeat::Infinite).unwrap();
        for colour in [[230, 20, 20, 255], [20, 20, 230, 255]] {
            let frame = image::Frame::new(RgbaImage::from_pixel(60, 40, Rgba(colour)));
            encoder.encode_frame(frame).unwrap();
        }
    }
    // A comment, before the end.
    let end = content.len() - 1;
    content.splice(end..end, *b"\x21\xFE\x0bGPS-59-20-N\0");
    let file = ada.upload("a.gif", &content).await;
    assert_eq!(file.image, Some(ImageSize { width: 60, height: 40 }));
    let bytes = original(&ada, &file).await;
    assert!(!contains(&bytes, b"GPS"));
    let decoder = image::codecs::gif::GifDecoder::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(image::AnimationDecoder::into_frames(decoder).count(), 2);
    assert!(contains(&bytes, b"NETSCAPE2.0"), "it begins again");
    assert_eq!(colour(&thumbnail(&ada, &file).await, 0.5, 0.5), "red");
}

/// Hostile input 9.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_not_shown_whatever_it_is_called() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let page = b"<!DOCTYPE html><html><script>alert(1)</script></html>".to_vec();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec();
    let mut script = b"GIF89a=1;alert(1)//".to_vec();
    script.extend_from_slice(&[b' '; 64]);
    let mut broken = b"\x89PNG\r\n\x1a\n".to_vec();
    broken.extend_from_slice(&page);
    for content in [page.clone(), svg, script, broken, b"\xFF\xD8\xFF\xE0".to_vec(), Vec::new()] {
        let file = ada.upload("photo.png", &content).await;
        assert_eq!(file.image, None, "{content:?}");
        let answer = ada.get(&file.path()).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-disposition").starts_with("attachment; "));
        assert!(
            answer.header("content-security-policy").starts_with("sandbox; default-src 'none'")
        );
        assert_eq!(answer.bytes, content, "kept byte for byte");
        ada.get(&file.thumbnail_path()).await.expect(404);
    }
    // A picture with a page behind its end: the page is gone, and what is left is a picture.
    let mut both = png(&flag(20, 20), 1);
    both.extend_from_slice(&page);
    let file = ada.upload("photo.html", &both).await;
    let answer = ada.get(&file.path()).await.expect(200);
    assert_eq!(answer.header("content-type"), "image/png");
    assert!(!contains(&answer.bytes, b"<script>"));
}

/// A PNG with this header, and as many bytes of nothing, compressed, as its author likes.
fn claimed_png(width: u32, height: u32) -> Vec<u8> {
    use std::io::Write;
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = width.to_be_bytes().to_vec();
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 6, 0, 0, 0]);
    let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..64 {
        pixels.write_all(&[0; 1 << 20]).unwrap();
    }
    for (kind, content) in
        [(b"IHDR", header), (b"IDAT", pixels.finish().unwrap()), (b"IEND", vec![])]
    {
        bytes.extend_from_slice(&(content.len() as u32).to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(&content);
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(&content);
        bytes.extend_from_slice(&crc.sum().to_be_bytes());
    }
    bytes
}

/// Hostile input 10. How much memory it takes is in `tests/proofs/uploads.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_take_too_much_is_offered_but_not_shown() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    // A screen of 65,535 pixels square, and a picture as large in it.
    let mut gif = b"GIF89a\xFF\xFF\xFF\xFF\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
    for _ in 0..1_000 {
        gif.extend_from_slice(b"\x2C\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\x02\x44\x01\0");
    }
    gif.push(0x3B);
    // Many chunks of nothing.
    let mut chunks = b"\x89PNG\r\n\x1a\n".to_vec();
    for _ in 0..200_000 {
        chunks.extend_from_slice(b"\0\0\0\0tEXt\0\0\0\0");
    }
    for (name, content) in [
        ("bomb.png", claimed_png(50_000, 50_000)),
        ("bomb.gif", gif),
        ("tall.png", claimed_png(1, u32::MAX)),
        ("none.png", claimed_png(0, 0)),
        ("chunks.png", chunks),
    ] {
        let size = content.len() as u64;
        let file = ada.upload(name, &content).await;
        assert_eq!(file.image, None, "{name}");
        assert!(file.size <= size, "{name}");
        ada.get(&file.thumbnail_path()).await.expect(404);
        let answer = ada.get(&file.path()).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/octet-stream", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_cut_off_loses_its_place_too() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    for (name, mut content) in
        [("a.jpg", jpeg(&flag(400, 300), 3)), ("a.png", png(&flag(400, 300), 3))]
    {
        content.truncate(content.len() * 2 / 3);
        let file = ada.upload(name, &content).await;
        assert!(!contains(&original(&ada, &file).await, b"GPS"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_copy_goes_with_its_picture() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let file = ada.upload("a.jpg", &jpeg(&flag(30, 30), 1)).await;
    let files = || fs::read_dir(house.files()).unwrap().count();
    assert_eq!(files(), 2);
    ada.delete_file(&file).await.expect(204);
    assert_eq!(files(), 0);
}

/// One at a time, and others are answered meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_pictures_do_not_keep_others_waiting() {
    let house = House::open().await;
    let (ada, bob) = (house.join("Ada").await, house.join("Bob").await);
    let content = jpeg(&flag(5_000, 4_000), 1);
    let uploads = tokio::spawn(async move {
        let all = (0..4).map(|number| {
            let (ada, content) = (ada.clone(), content.clone());
            tokio::spawn(async move { ada.upload(&format!("{number}.jpg"), &content).await })
        });
        let all: Vec<_> = all.collect();
        for upload in all {
            assert!(upload.await.unwrap().image.is_some());
        }
    });
    let mut slowest = Duration::ZERO;
    let mut posts = 0;
    while !uploads.is_finished() {
        let begun = std::time::Instant::now();
        bob.post("general", "Still there?").await;
        slowest = slowest.max(begun.elapsed());
        posts += 1;
    }
    uploads.await.unwrap();
    assert!(posts > 3, "{posts}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

/// Whoever leaves takes nothing back: it goes on in its turn, and is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_finished_though_its_sender_has_left() {
    let house = House::open().await;
    let ada = house.join("Ada").await;
    let picture = png(&flag(3_000, 2_000), 1);
    let length = format!("content-length: {}", picture.len());
    let stream = ada.begin("/files?name=flag", &length, &picture).await;
    // It has come in whole when its copy without metadata is made.
    soon("the copy", async {
        while house.passing() < 2 && house.contents().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    drop(stream);
    soon("the picture", async {
        while house.metric("flack_uploads_total").await < 1.0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(house.contents().len(), 1, "{:?}", house.contents());
    assert_eq!(house.passing(), 0);
}
