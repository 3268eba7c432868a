//! What each file of a tree is for, which size it must have, and what happens without it.

use std::sync::LazyLock;

use super::data_lines;

/// What is known about a file or a kind of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Folder and name, for example `GLB/MASTER.GLB` or `MBG/*.MBG`; `*` stands for any
    /// characters. A pattern without folder stands in every folder.
    pub pattern: &'static str,
    /// What the file is for.
    pub purpose: &'static str,
    /// The rule for its size in bytes.
    pub size: &'static str,
    /// What happens when it is missing or bad.
    pub missing: &'static str,
    /// The source articles; empty for files of these tools.
    pub sources: Vec<&'static str>,
}

static FILES: LazyLock<Vec<FileEntry>> = LazyLock::new(|| {
    data_lines(include_str!("files.tsv"))
        .filter_map(parse)
        .collect()
});

fn parse(line: &'static str) -> Option<FileEntry> {
    let mut columns = line.split('\t');
    let entry = FileEntry {
        pattern: columns.next()?,
        purpose: columns.next()?,
        size: columns.next()?,
        missing: columns.next()?,
        sources: columns
            .next()?
            .split(' ')
            .filter(|source| *source != "own")
            .collect(),
    };
    columns.next().is_none().then_some(entry)
}

/// All files that are known, exact names before patterns of the same folder.
#[must_use]
pub fn file_entries() -> &'static [FileEntry] {
    &FILES
}

/// What is known about a file, by name (`MASTER.GLB`, `00000004.MBG`) or path
/// (`GLB\MASTER.GLB`, `MAI/MA2/00000062.MAI`), in any case.
#[must_use]
pub fn explain_file(path: &str) -> Option<&'static FileEntry> {
    let path = path.trim().to_ascii_uppercase().replace('\\', "/");
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let (folders, name) = match path.rsplit_once('/') {
        Some((folders, name)) => (folders, name),
        None => ("", path),
    };
    if name.is_empty() {
        return None;
    }
    FILES.iter().find(|entry| {
        let (folder, pattern) = entry.pattern.split_once('/').unwrap_or(("", entry.pattern));
        let folder_fits = folders.is_empty()
            || folder.is_empty()
            || folders.split('/').any(|part| part == folder);
        folder_fits && name_fits(pattern, name)
    })
}

/// Whether a name fits a pattern with at most one `*`.
fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name
            .strip_prefix(start)
            .is_some_and(|rest| rest.len() >= end.len() && rest.ends_with(end)),
    }
}
