//! One stylesheet from one file a thing. The build script uses this file too.

use std::{fs, io, path::Path};

/// Joins the files that `flack.css` in `folder` imports, in that order.
///
/// # Errors
/// When a file cannot be read; the error names it.
pub fn join(folder: &Path) -> io::Result<String> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    };
    read("flack.css")?
        .lines()
        .filter_map(|line| line.trim().strip_prefix("@import \"./")?.strip_suffix("\";"))
        .map(read)
        .collect()
}
