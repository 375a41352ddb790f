//! The sources keep the arrows and the names that `ARCHITECTURE.md` promises.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use flack::words::Language;

/// A file of `src`, without its comments.
struct Source {
    /// Such as `domain/name.rs`.
    path: String,
    code: String,
}

impl Source {
    /// The directory under `src` that it is in; empty for `lib.rs` and `main.rs`.
    fn layer(&self) -> &str {
        self.path.split_once('/').map_or("", |(layer, _)| layer)
    }

    fn is_in(&self, layers: &[&str]) -> bool {
        layers.contains(&self.layer())
    }

    /// What follows `root::` anywhere in it, as in `root::a::b` and `root::{a::b, c}`.
    fn names_in(&self, root: &str) -> BTreeSet<&str> {
        let path = format!("{root}::");
        let places = self.code.match_indices(&path).filter(|(place, _)| {
            let before = self.code[..*place].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':'))
        });
        places.flat_map(|(place, _)| heads(&self.code[place + path.len()..])).collect()
    }

    fn has_word(&self, word: &str) -> bool {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(word).any(|(place, _)| {
            !self.code[..place].ends_with(is_part)
                && !self.code[place + word.len()..].starts_with(is_part)
        })
    }
}

/// The first name of a path, or of each path in a group.
fn heads(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut depth = 1;
    let mut start = 0;
    let mut heads = Vec::new();
    for (place, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                heads.push(name(&group[start..place]));
                start = place + 1;
            }
            _ => {}
        }
        if depth == 0 {
            heads.push(name(&group[start..place]));
            break;
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn name(path: &str) -> &str {
    let path = path.trim_start();
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    &path[..end]
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 30, "these are all sources: {files:?}");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("sources can be read");
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let code = lines.collect::<Vec<_>>().join("\n");
        let path = path.strip_prefix(&root).expect("it is in there").display().to_string();
        Source { path, code }
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn paths_are_read_as_the_compiler_does() {
    let code =
        "use crate::{\n    domain::{name::X, y},\n    sync,\n};\nfn f() { crate::ui::app() }";
    let source = Source { path: "client/x.rs".to_owned(), code: code.to_owned() };
    assert_eq!(source.names_in("crate"), BTreeSet::from(["domain", "sync", "ui"]));
    assert!(source.has_word("sync") && !source.has_word("syn"));
}

#[test]
fn dependencies_point_one_way() {
    for source in sources() {
        let allowed: &[&str] = match (source.layer(), source.path.as_str()) {
            ("words", _) => &["words"],
            ("domain", _) => &["domain", "words"],
            ("sync", _) => &["sync", "domain"],
            // Of the server functions their addresses, for forms.
            ("client", _) => &["client", "sync", "api", "domain", "words"],
            ("ui", _) => &["ui", "client", "sync", "api", "domain", "words"],
            // The bodies of the server functions, which only the server has.
            ("api", _) => &["domain", "words", "server"],
            // To render it, and to tell it where its files are.
            ("server", "server/assets.rs") => &["server", "domain", "words", "ui"],
            // The addresses, too, to which forms are sent.
            ("server", path) if path.starts_with("server/http/") => {
                &["server", "api", "domain", "words", "ui"]
            }
            ("server", "server/forms.rs") => &["server", "api", "domain", "words"],
            ("server", _) => &["server", "domain", "words"],
            ("", "lib.rs" | "main.rs") => continue,
            (layer, path) => panic!("what may {path} in {layer:?} know?"),
        };
        for known in source.names_in("crate") {
            assert!(allowed.contains(&known), "{} knows {known}", source.path);
        }
    }
}

#[test]
fn nothing_steps_around_the_arrows() {
    for source in sources() {
        let path = &source.path;
        assert!(!source.code.contains("super::super"), "{path}: say crate:: instead");
        // From the top of a layer, super is the crate.
        let is_top = source.layer().is_empty() || path.ends_with("/mod.rs") && depth(path) == 1;
        let is_out = source.code.lines().any(|line| line.starts_with("use super::"));
        assert!(!(is_top && is_out), "{path}: say crate:: instead");
    }
}

fn depth(path: &str) -> usize {
    path.matches('/').count()
}

#[test]
fn domain_and_sync_are_nothing_but_logic() {
    let crates: BTreeSet<String> = dependencies();
    let allowed = [
        "caseless",
        "chrono",
        "percent_encoding",
        "proptest",
        "serde",
        "serde_json",
        "unicode_normalization",
        "unicode_properties",
        "unicode_segmentation",
    ];
    for source in sources().iter().filter(|source| source.is_in(&["domain", "sync"])) {
        let path = &source.path;
        for name in &crates {
            let is_used = source.code.contains(&format!("{name}::"));
            // Small letters, of which browsers have a table.
            if path == "domain/letters.rs" && name == "js_sys" {
                continue;
            }
            assert!(!is_used || allowed.contains(&name.as_str()), "{path} uses {name}");
        }
        for module in source.names_in("std") {
            let outside = ["env", "fs", "io", "net", "os", "process", "thread", "time"];
            assert!(!outside.contains(&module), "{path} uses std::{module}");
        }
        for word in ["Utc::now", "Local::now", "Instant", "SystemTime", "println!", "eprintln!"] {
            assert!(!source.has_word(word), "{path}: {word} has to come in as a value");
        }
    }
}

/// What the page shows as HTML was escaped there.
#[test]
fn html_is_made_in_one_place() {
    let sources = sources();
    let places = |code: &str| -> BTreeSet<&str> {
        let with = sources.iter().filter(|source| source.code.contains(code));
        with.map(|source| source.path.as_str()).collect()
    };
    assert_eq!(places("Html::rendered"), BTreeSet::from(["server/markdown/mod.rs"]));
    // And two sheets that the server has: of emoji, and of keys. Nobody types them.
    let shown = ["ui/components/emoji.rs", "ui/components/keys.rs", "ui/components/message.rs"];
    assert_eq!(places("inner_html"), BTreeSet::from(shown));
}

/// What people read is in the tables of `words`, and every text there is said somewhere.
#[test]
fn words_for_people_are_in_one_place() {
    /// The name, what is printed on keys, and a mark that the server stores.
    const NAMES: [&str; 13] = [
        "Flack",
        "ArrowDown",
        "ArrowLeft",
        "ArrowRight",
        "ArrowUp",
        "Control+K Meta+K",
        "Alt",
        "End",
        "Enter",
        "Escape",
        "Esc",
        "Home",
        "Shift",
    ];
    const MARKS: [&str; 2] = ["Tab", "Unknown device"];
    let sources = sources();
    for source in sources.iter().filter(|source| source.is_in(&["ui"])) {
        let code = source.code.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines() {
            // Between the first quotation mark and the second, and so on.
            for literal in line.split('"').skip(1).step_by(2) {
                let mut letters = literal.trim_start().chars();
                let is_sentence = letters.next().is_some_and(char::is_uppercase)
                    && letters.next().is_some_and(|letter| letter.is_lowercase());
                let is_name = NAMES.contains(&literal) || MARKS.contains(&literal);
                assert!(!is_sentence || is_name, "{}: {literal:?}", source.path);
            }
        }
    }
    let english = Language::English;
    let texts = [english.words().texts(), english.documents().texts()].concat();
    for (name, _) in texts {
        let use_of = format!("words.{name}");
        let called = format!("words().{name}");
        let is_said = sources.iter().any(|source| {
            !source.is_in(&["words"]) && (source.has_word(&use_of) || source.has_word(&called))
        });
        assert!(is_said, "nobody says {name}");
    }
}

#[test]
fn the_browser_is_behind_one_module() {
    let browser = ["web_sys", "js_sys", "wasm_bindgen", "gloo_storage"];
    for source in sources() {
        for name in browser.into_iter().filter(|name| source.has_word(name)) {
            let places = ["client/browser/", "domain/letters.rs", "lib.rs"];
            let is_its_place = places.iter().any(|place| source.path.starts_with(place));
            assert!(is_its_place, "{} uses {name}", source.path);
        }
    }
}

/// All crates that Cargo.toml names, as the code names them.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().expect("valid TOML");
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let names = tables.into_iter().filter_map(|table| manifest.get(table)?.as_table());
    names.flat_map(|table| table.keys()).map(|name| name.replace('-', "_")).collect()
}

/// The matrix of who may do what, `tests/server/authority.rs`, covers the routes of this list.
#[test]
fn every_route_is_in_the_list_of_routes() {
    let sources = sources();
    let ways = [".route(", ".route_service(", ".fallback(", ".fallback_service(", ".nest"];
    let added = |source: &Source| ways.map(|way| source.code.matches(way).count()).iter().sum();
    let counts: Vec<(&str, usize)> =
        sources.iter().map(|it| (it.path.as_str(), added(it))).filter(|(_, it)| *it > 0).collect();
    assert_eq!(counts, [("server/http/mod.rs", flack::server::http::Route::ALL.len())]);
}

#[test]
fn modules_are_called_what_they_are() {
    const EMPTY: [&str; 7] =
        ["utils", "helpers", "common", "types", "models", "manager", "service"];
    for source in sources() {
        for part in source.path.trim_end_matches(".rs").split('/') {
            let is_empty =
                EMPTY.iter().any(|word| part == *word || part == word.trim_end_matches('s'));
            assert!(!is_empty, "{}: what is in it?", source.path);
        }
        for word in EMPTY {
            let module = format!("mod {word}");
            assert!(!source.has_word(&module), "{} has {module}", source.path);
        }
    }
}

#[test]
fn the_two_builds_differ_in_few_places() {
    let sources = sources();
    let lines = sources.iter().flat_map(|source| {
        let lines = source.code.lines().filter(|line| line.contains("feature = \""));
        lines.map(|line| format!("{}: {}", source.path, line.trim()))
    });
    let lines: Vec<String> = lines.collect();
    assert!(lines.len() <= 10, "{lines:#?}");
}

#[test]
fn the_readme_says_what_each_part_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("there is one");
    for folder in ["src/domain", "src/server"] {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{folder}/` |")));
        let row = row.unwrap_or_else(|| panic!("{folder} is missing"));
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let module = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            assert!(module == "mod" || row.contains(&format!("`{module}`")), "{folder}/{module}");
        }
    }
}
