//! Prepares what the server serves to browsers: the stylesheet, the client and the icons.
//!
//! In release builds they are compressed once, here, and become part of the binary, under names
//! with a hash of their content. In debug builds the server reads them from disk, so that a change
//! of a stylesheet needs no build.
//!
//! What `tools/client` has made small is taken from `target/site/pkg`. The stylesheet is one file a
//! thing in `style/`; where nobody has made it small, the list in `style/flack.css` is followed here.
//! The list of emoji is made from a crate, and the words of each language from their table; both are files
//! like the others.

#[cfg(not(feature = "ssr"))]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}

#[cfg(feature = "ssr")]
fn main() {
    embed::main();
}

#[cfg(feature = "ssr")]
#[path = "src/server/emoji.rs"]
mod emoji;
#[cfg(feature = "ssr")]
#[path = "src/server/stylesheet.rs"]
mod stylesheet;
#[cfg(feature = "ssr")]
#[path = "src/words/mod.rs"]
#[expect(dead_code, reason = "the server uses all of it")]
mod words;

#[cfg(feature = "ssr")]
mod embed {
    use std::{
        env,
        fmt::Write as _,
        fs,
        io::Write as _,
        path::{Path, PathBuf},
    };

    use flate2::{Compression, write::GzEncoder};
    use sha2::{Digest, Sha256};

    use crate::{emoji, stylesheet, words::Language};

    pub fn main() {
        let sources = ["build.rs", "src/server/emoji.rs", "src/server/stylesheet.rs"];
        for input in sources.into_iter().chain(["src/words", "style", "public", "target/site/pkg"])
        {
            println!("cargo::rerun-if-changed={input}");
        }
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
        let mut table = String::from("&[\n");
        if is_release {
            for (name, content) in files() {
                table.push_str(&embed(&out, &name, &content));
            }
        }
        table.push_str("]\n");
        fs::write(out.join("assets.rs"), table).expect("OUT_DIR can be written");
    }

    /// The files to embed: what is in `pkg/` is hashed, what is not has an address of its own.
    fn files() -> Vec<(String, Vec<u8>)> {
        let built = Path::new("target/site/pkg");
        let sheet = fs::read(built.join("flack.css"))
            .or_else(|_| stylesheet::join(Path::new("style")).map(String::into_bytes))
            .expect("the stylesheet is complete");
        let mut files = vec![
            ("emoji.txt".to_owned(), emoji::list().into_bytes()),
            ("pkg/flack.css".to_owned(), sheet),
        ];
        for name in ["flack.js", "flack.wasm"] {
            match fs::read(built.join(name)) {
                Ok(content) => files.push((format!("pkg/{name}"), content)),
                Err(_) => println!(
                    "cargo::warning=target/site/pkg/{name} is missing: this server has no client. \
                     Run `make build`, which builds the client first."
                ),
            }
        }
        // Only what `tools/client` makes is in two parts.
        for name in ["flack-rest.wasm", "flack-rest.css"] {
            if let Ok(content) = fs::read(built.join(name)) {
                files.push((format!("pkg/{name}"), content));
            }
        }
        let words = |language: Language| (language.file(), language.words().lines().into_bytes());
        files.extend(Language::ALL.map(words));
        let icons = fs::read_dir("public").expect("public/ is there");
        for icon in icons.map(|entry| entry.expect("public/ can be read")) {
            let name = icon.file_name().into_string().expect("file names are UTF-8");
            files.push((name, fs::read(icon.path()).expect("public/ can be read")));
        }
        files.sort();
        files
    }

    /// Writes a file and its compressed forms, and gives its row of the table.
    fn embed(out: &Path, name: &str, content: &[u8]) -> String {
        let hash: String =
            Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let (stem, extension) = name.rsplit_once('.').expect("assets have an extension");
        let address = match stem.strip_prefix("pkg/") {
            Some(stem) => format!("/pkg/{stem}-{hash}.{extension}"),
            None => format!("/{name}"),
        };
        let file = format!("{}-{hash}.{extension}", stem.replace('/', "-"));
        let forms = [
            (file.clone(), content.to_vec()),
            (format!("{file}.br"), brotli(content)),
            (format!("{file}.gz"), gzip(content)),
        ];
        let mut row =
            format!("    Asset {{ name: {name:?}, address: {address:?}, hash: {hash:?}, forms: [");
        for (file, bytes) in forms {
            fs::write(out.join(&file), bytes).expect("OUT_DIR can be written");
            let path = format!("/{file}");
            write!(row, "include_bytes!(concat!(env!(\"OUT_DIR\"), {path:?})), ")
                .expect("writing into memory succeeds");
        }
        row.push_str("] },\n");
        row
    }

    fn brotli(content: &[u8]) -> Vec<u8> {
        let mut compressed = Vec::new();
        let params =
            brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
        brotli::BrotliCompress(&mut &content[..], &mut compressed, &params)
            .expect("compressing memory succeeds");
        compressed
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("compressing memory succeeds");
        encoder.finish().expect("compressing memory succeeds")
    }
}
