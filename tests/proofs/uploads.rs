//! Files come in at the speed of the disk without filling memory, whatever is in them; and while the
//! largest picture is made small, others are answered.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use flack::domain::attachment::Attachment;
use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use tempfile::TempDir;

use crate::{
    report::{Form, Report},
    support::{guest::Guest, program::Program},
};

/// The largest file, by default.
const SIZE: usize = 25 << 20;

const ROUNDS: usize = 7;

pub fn run(form: Form) -> Report {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(prove(form))
}

async fn prove(form: Form) -> Report {
    let dir = TempDir::new().expect("a directory");
    let program = Program::start(dir.path(), &[]);
    let (ada, bob) = (program.join("Ada").await, program.join("Bob").await);
    let (address, mut report) = (program.address, Report::default());

    // Once, so that what is kept for the next is there.
    send(address, &ada, "warm", &[0; 100_000]);
    let mut memory = 0;
    let (mut uploads, mut writes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let content: Vec<u8> = (0..SIZE).map(|byte| (byte * 31 + round) as u8).collect();
        let before = Memory::of(&program);
        let begun = Instant::now();
        let file = send(address, &ada, "large", &content);
        uploads.push(begun.elapsed());
        memory = memory.max(before.grown());
        assert_eq!(file.size, SIZE as u64);
        writes.push(write(dir.path(), &content));
    }
    let (upload, disk) = (speed(&mut uploads), speed(&mut writes));
    report.did("files of 25 MiB", ROUNDS as u64, ROUNDS as u64);
    report.at_most("MiB of memory for one", memory, 8);
    // Only the finished program is made to be quick.
    let bar = form.pick(1, 200.min(disk * 8 / 10));
    report.at_least("MB/s to its answer", upload, bar);
    report.did("MB/s of this disk, written and synced", disk, 1);

    let photograph = photograph();
    let before = Memory::of(&program);
    let (mut worst, mut answers) = (Duration::ZERO, 0);
    let begun = Instant::now();
    let (file, took) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(address, &ada, "photo.jpg", &photograph));
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                while !sending.is_finished() {
                    let asked = Instant::now();
                    bob.post("general", "Still there?").await;
                    worst = worst.max(asked.elapsed());
                    answers += 1;
                }
            });
        });
        (sending.join().expect("it is taken"), begun.elapsed())
    });
    let size = file.image.expect("it is shown");
    let pixels = u64::from(size.width) * u64::from(size.height);
    report.did("pixels of a photograph", pixels, 50_000_000);
    report.did("answers to others meanwhile", answers, 1);
    report.at_most("MiB of memory for its small copy", before.grown(), 200);
    report.within("its answer", took, Duration::from_secs(10));
    report.within("the slowest answer to others", worst, Duration::from_secs(1));

    let before = Memory::of(&program);
    let bombs = bombs();
    for (name, content) in &bombs {
        assert_eq!(send(address, &bob, name, content).image, None, "{name}");
    }
    report.did("pictures made to harm", bombs.len() as u64, 4);
    report.at_most("MiB of memory for them", before.grown(), 16);
    report
}

/// Uploads a file from a thread of its own, as quickly as it is taken.
fn send(address: SocketAddr, guest: &Guest, name: &str, content: &[u8]) -> Attachment {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /files?name={name} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        address,
        guest.cookie,
        content.len()
    );
    stream.write_all(head.as_bytes()).expect("it listens");
    stream.write_all(content).expect("it takes all of it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    serde_json::from_str(body).expect("an attachment")
}

/// The same on the same disk, without a server.
fn write(dir: &Path, content: &[u8]) -> Duration {
    let path = dir.join("written");
    let begun = Instant::now();
    let mut file = File::create(&path).expect("a new file");
    file.write_all(content).expect("room for it");
    file.sync_all().expect("a disk that syncs");
    let took = begun.elapsed();
    fs::remove_file(path).expect("it is there");
    took
}

/// The median, in millions of bytes a second.
fn speed(times: &mut [Duration]) -> u64 {
    times.sort_unstable();
    (SIZE as f64 / times[times.len() / 2].as_secs_f64() / 1e6) as u64
}

/// How much of a program is in memory; what it takes from now on is compared with that.
struct Memory {
    status: String,
    before: u64,
}

impl Memory {
    fn of(program: &Program) -> Self {
        let process = format!("/proc/{}", program.id());
        // Begins the record of the most anew (proc(5)).
        fs::write(format!("{process}/clear_refs"), "5").expect("a process of ours");
        let status = format!("{process}/status");
        Self { before: kibibytes(&status, "VmRSS:"), status }
    }

    /// The most that was added at any time, in MiB.
    fn grown(&self) -> u64 {
        (kibibytes(&self.status, "VmHWM:").saturating_sub(self.before)).div_ceil(1_024)
    }
}

fn kibibytes(status: &str, name: &str) -> u64 {
    let status = fs::read_to_string(status).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// 50 million pixels, with something in each.
fn photograph() -> Vec<u8> {
    let mut picture = RgbImage::new(8_660, 5_774);
    let mut random = fastrand::Rng::with_seed(50);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let grain = random.u8(0..24);
        *pixel = Rgb([(x / 40) as u8, (y / 30) as u8, ((x + y) / 60) as u8].map(|it| it ^ grain));
    }
    let mut content = Vec::new();
    JpegEncoder::new_with_quality(&mut content, 70).encode_image(&picture).expect("a picture");
    assert!(content.len() < SIZE, "{}", content.len());
    content
}

/// Small files that say they are large pictures, and a large one of nothing but pieces.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let mut header = 50_000_u32.to_be_bytes().repeat(2);
    header.extend_from_slice(&[8, 6, 0, 0, 0]);
    let mut pixels = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..256).for_each(|_| pixels.write_all(&[0; 1 << 20]).expect("memory"));
    let pixels = pixels.finish().expect("memory");
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", &header), (b"IDAT", &pixels), (b"IEND", &vec![])] {
        png.extend_from_slice(&(content.len() as u32).to_be_bytes());
        let mut crc = flate2::Crc::new();
        for part in [&kind[..], content] {
            crc.update(part);
            png.extend_from_slice(part);
        }
        png.extend_from_slice(&crc.sum().to_be_bytes());
    }
    let mut gif = b"GIF89a\xFF\xFF\xFF\xFF\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
    for _ in 0..10_000 {
        gif.extend_from_slice(b"\x2C\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\x02\x44\x01\0");
    }
    gif.push(0x3B);
    let mut jpeg =
        b"\xFF\xD8\xFF\xC2\0\x11\x08\xFF\xDC\xFF\xDC\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"
            .to_vec();
    jpeg.extend_from_slice(b"\xFF\xDA\0\x0c\x03\x01\0\x02\x11\x03\x11\0\x3f\0\x12\x34\xFF\xD9");
    let mut chunks = png[..33].to_vec();
    while chunks.len() < SIZE - 100 {
        chunks.extend_from_slice(b"\0\0\0\0tRNS\0\0\0\0");
    }
    chunks.extend_from_slice(&png[33..33 + 12]);
    vec![("bomb.png", png), ("bomb.gif", gif), ("bomb.jpg", jpeg), ("chunks.png", chunks)]
}
