//! What a proof did and found, as a row of the table in `docs/promises.md`.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// How much a proof does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With every submission.
    Short,
    /// As promised.
    Full,
}

impl Form {
    /// One of two amounts.
    pub fn pick<T>(self, short: T, full: T) -> T {
        match self {
            Form::Short => short,
            Form::Full => full,
        }
    }

    fn name(self) -> &'static str {
        self.pick("short", "full")
    }
}

/// What a proof did and found. It fails when it did too little as well as when it found a fault.
#[derive(Debug, Default)]
pub struct Report {
    did: Vec<String>,
    found: Vec<String>,
    has_failed: bool,
}

impl Report {
    /// A proof that did not come to its end.
    pub fn broken() -> Self {
        Self { found: vec!["broke off".to_owned()], has_failed: true, ..Self::default() }
    }

    /// Counts what was done; less than `at_least` proves nothing.
    pub fn did(&mut self, what: &str, count: u64, at_least: u64) {
        self.did.push(format!("{} {what}", grouped(count)));
        if count < at_least {
            self.found.push(format!("FEWER THAN {} {what}", grouped(at_least)));
            self.has_failed = true;
        }
    }

    /// Counts what must not happen.
    pub fn never(&mut self, what: &str, count: u64) {
        self.found.push(format!("{} {what}", grouped(count)));
        self.has_failed |= count > 0;
    }

    /// Notes the worst of a duration that has a limit.
    pub fn within(&mut self, what: &str, worst: Duration, limit: Duration) {
        self.found.push(format!("{what} {} ≤ {}", time(worst), time(limit)));
        self.has_failed |= worst > limit;
    }

    /// Notes a figure that has no limit.
    pub fn figure(&mut self, what: &str, figure: &str) {
        self.found.push(format!("{what} {figure}"));
    }

    /// Notes the least of a count that has a bar.
    pub fn at_least(&mut self, what: &str, least: u64, bar: u64) {
        self.found.push(format!("{what} {} ≥ {}", grouped(least), grouped(bar)));
        self.has_failed |= least < bar;
    }

    /// Notes the most of a count that has a limit.
    pub fn at_most(&mut self, what: &str, most: u64, limit: u64) {
        self.found.push(format!("{what} {} ≤ {}", grouped(most), grouped(limit)));
        self.has_failed |= most > limit;
    }
}

/// With spaces between the thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn time(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// A report as it is kept for the table.
#[derive(Debug, Serialize, Deserialize)]
pub struct Row {
    pub number: String,
    pub name: String,
    pub form: String,
    pub did: String,
    pub found: String,
    pub seconds: u64,
    pub passed: bool,
}

impl Row {
    pub fn new(number: &str, name: &str, form: Form, took: Duration, report: &Report) -> Self {
        Self {
            number: number.to_owned(),
            name: name.to_owned(),
            form: form.name().to_owned(),
            did: report.did.join(", "),
            found: report.found.join(", "),
            seconds: took.as_secs(),
            passed: !report.has_failed && !report.did.is_empty(),
        }
    }

    /// Keeps the row for the [table]; the newest of a proof counts.
    pub fn save(&self) {
        let place = place(&self.name);
        fs::create_dir_all(place.parent().expect("a directory")).expect("a place for the rows");
        let text = serde_json::to_string(self).expect("a row is plain data");
        fs::write(place, text).expect("the row is written");
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "holds" } else { "FAILED" };
        let Self { number, name, form, did, found, seconds, .. } = self;
        write!(f, "| {number} {name} ({form}) | {did} | {found} | {seconds} s | {verdict} |")
    }
}

/// Where the row of a proof is kept; the browser's proof writes its own there.
fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/proven/{name}.json"))
}

/// Prints the rows of the last runs, as Markdown. It is no success if one of `names` has none.
pub fn table(names: impl Iterator<Item = &'static str>) -> ExitCode {
    let mut has_failed = false;
    let mut rows: Vec<Row> = Vec::new();
    for name in names {
        let text = fs::read_to_string(place(name));
        match text.ok().and_then(|text| serde_json::from_str(&text).ok()) {
            Some(row) => rows.push(row),
            None => {
                eprintln!("{name} has not come to its end");
                has_failed = true;
            }
        }
    }
    rows.sort_by(|a, b| a.number.cmp(&b.number));
    println!("| proof | did | found | took | verdict |\n|---|---|---|---|---|");
    rows.iter().for_each(|row| println!("{row}"));
    has_failed |= rows.iter().any(|row| !row.passed);
    if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
