//! `cargo xtask tidy`: rules of the source tree that the compiler does not know.
//!
//! * An offset table in the head of a format module (`| Off | Size | Name | Trust | Source |`) says
//!   what the struct says: one row for each field, in order, offsets adding up to the size that the
//!   module asserts. Every struct with an asserted size has such a table. A line before the table
//!   names its struct in backticks. Rows whose size is no number may follow; they describe what
//!   comes after the fixed part.
//! * Inside `dirsync-core`, `base` does not use `format` or `protocol`, `format` not `protocol`.
//! * No source file is longer than 900 lines, and every crate obeys the lints of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context;
use syn::visit::Visit;

/// Lines that a source file may have.
const MAX_LINES: usize = 900;
const CORE: &str = "crates/dirsync-core/src/";
const HEAD: [&str; 5] = ["Off", "Size", "Name", "Trust", "Source"];
const TRUST: [&str; 3] = ["DOCUMENTED", "INFERRED", "ASSIGNED"];

/// One text file of the workspace.
struct Source {
    /// Path below the root with `/`.
    path: String,
    text: String,
}

/// Checks the workspace at `root`; every problem goes to stderr.
///
/// # Errors
/// A file cannot be read, or there are problems.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let sources = read(root)?;
    anyhow::ensure!(
        !sources.is_empty(),
        "{} holds no workspace: start from its root",
        root.display()
    );
    let problems = check(&sources);
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    anyhow::ensure!(
        problems.is_empty(),
        "tidy found {} problems",
        problems.len()
    );
    Ok(())
}

/// Sources and manifests of `crates`, `xtask` and `tests`, without what is generated.
fn read(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for top in ["crates", "xtask", "tests"] {
        let walk = walkdir::WalkDir::new(root.join(top)).sort_by_file_name();
        let skip = ["target", "generated", "dirsync-core/fuzz"];
        let entries = walk
            .into_iter()
            .filter_entry(|entry| !skip.iter().any(|name| entry.path().ends_with(name)));
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.depth() == 0 => continue,
                Err(error) => return Err(error).context("walking the workspace"),
            };
            let name = entry.file_name().to_string_lossy();
            if !(name.ends_with(".rs") || name == "Cargo.toml") || !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path();
            let text =
                fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            let below = path.strip_prefix(root).unwrap_or(path);
            let names: Vec<_> = below
                .components()
                .map(|part| part.as_os_str().to_string_lossy())
                .collect();
            sources.push(Source {
                path: names.join("/"),
                text,
            });
        }
    }
    Ok(sources)
}

fn check(sources: &[Source]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources {
        let mut add = |what: String| problems.push(format!("{}: {what}", source.path));
        if source.path.ends_with("Cargo.toml") {
            if source.text.lines().any(|line| line.trim() == "[package]")
                && !obeys_workspace_lints(&source.text)
            {
                add("[lints] workspace = true is missing".to_owned());
            }
            continue;
        }
        let generated = source
            .text
            .lines()
            .take(5)
            .any(|line| line.contains("@generated"));
        let lines = source.text.lines().count();
        if lines > MAX_LINES && !generated {
            add(format!("{lines} lines, {MAX_LINES} are allowed"));
        }
        let Some(below) = source.path.strip_prefix(CORE) else {
            continue;
        };
        let file = match syn::parse_file(&source.text) {
            Ok(file) => file,
            Err(error) => {
                add(format!("is no Rust source: {error}"));
                continue;
            }
        };
        let forbidden: &[&str] = match below.split(['/', '.']).next() {
            Some("base") => &["format", "protocol"],
            Some("format") => &["protocol"],
            _ => &[],
        };
        for used in floors(&file, below, forbidden) {
            add(format!("uses {used}, which stands on a higher floor"));
        }
        if below.starts_with("format/") {
            tables(&file, &source.text, &mut add);
        }
    }
    problems
}

fn obeys_workspace_lints(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let bare: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        (section == "[lints]" && bare == "workspace=true") || bare == "lints.workspace=true"
    })
}

/// The forbidden top modules that a file of the core uses.
fn floors(file: &syn::File, below: &str, forbidden: &[&str]) -> BTreeSet<String> {
    let stem = below.trim_end_matches(".rs");
    let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|name| name == "mod" || name == "lib")
    {
        module.pop();
    }
    let mut visitor = Floors {
        module,
        forbidden,
        found: BTreeSet::new(),
    };
    visitor.visit_file(file);
    visitor.found
}

struct Floors<'a> {
    module: Vec<String>,
    forbidden: &'a [&'a str],
    found: BTreeSet<String>,
}

impl Floors<'_> {
    /// Notes a path whose first name below the crate is forbidden.
    fn note(&mut self, path: &[String]) {
        let mut place = match path.first().map(String::as_str) {
            Some("crate" | "$crate") => Vec::new(),
            Some("super" | "self") => self.module.clone(),
            _ => return,
        };
        for name in path {
            match name.as_str() {
                "crate" | "$crate" | "self" => {}
                "super" => {
                    place.pop();
                }
                name => place.push(name.to_owned()),
            }
        }
        if let Some(top) = place.first()
            && self.forbidden.contains(&top.as_str())
        {
            self.found.insert(top.clone());
        }
    }

    fn note_tree(&mut self, before: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.note_tree(before, &path.tree);
                before.pop();
            }
            syn::UseTree::Name(syn::UseName { ident, .. })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident.to_string());
                self.note(before);
                before.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_tree(before, tree);
                }
            }
            _ => self.note(before),
        }
    }
}

impl<'ast> Visit<'ast> for Floors<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.note(&names);
        syn::visit::visit_path(self, path);
    }

    /// The inside of a macro is no syntax yet: paths are looked for in its words.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        let text: String = item.tokens.to_string().split_whitespace().collect();
        let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for word in text.split(|c| !is_name(c)) {
            let names: Vec<_> = word.split("::").map(str::to_owned).collect();
            // Without blanks a keyword may stick to the front: `usecrate::format`.
            let start = names[0].find("crate").or_else(|| names[0].find("super"));
            if let Some(start) = start
                && names.len() > 1
            {
                let mut names = names;
                names[0] = names[0][start..].to_owned();
                self.note(&names);
            }
        }
    }
}

/// One row of an offset table.
struct Row {
    off: String,
    size: String,
    name: String,
    trust: String,
    source: String,
}

/// An offset table and the names in backticks that stand between it and the table before.
struct Table {
    names: Vec<String>,
    rows: Vec<Row>,
}

/// A struct whose size the module asserts.
struct Layout {
    size: u64,
    /// Name and size of each field; no size when the type is not known here.
    fields: Vec<(String, Option<u64>)>,
}

fn tables(file: &syn::File, text: &str, add: &mut impl FnMut(String)) {
    let layouts = layouts(file, text);
    let mut open: BTreeSet<&String> = layouts
        .iter()
        .filter(|(_, layout)| layout.size > 0)
        .map(|(name, _)| name)
        .collect();
    for table in doc_tables(text) {
        check_words(&table, add);
        let named = table.names.iter().rev().find_map(|name| {
            let (name, layout) = layouts.get_key_value(name)?;
            Some((name, layout))
        });
        // A module with one layout need not name it.
        let only = || layouts.iter().next().filter(|_| layouts.len() == 1);
        match named.or_else(only) {
            Some((name, layout)) => {
                if !open.remove(name) {
                    add(format!("`{name}` has two offset tables"));
                }
                compare(name, layout, &table, add);
            }
            None if layouts.is_empty() => check_offsets(&table, add),
            None => add("an offset table does not name its struct in backticks".to_owned()),
        }
    }
    for name in open {
        add(format!("`{name}` has no offset table"));
    }
}

fn check_words(table: &Table, add: &mut impl FnMut(String)) {
    if table.rows.is_empty() {
        add("an offset table has no rows".to_owned());
    }
    for row in &table.rows {
        if !TRUST.contains(&row.trust.as_str()) {
            add(format!(
                "row {}: {:?} is not {TRUST:?}",
                row.name, row.trust
            ));
        }
        if row.source.is_empty() {
            add(format!("row {}: the source is missing", row.name));
        }
    }
}

/// Without a struct the offsets must still add up as far as they are numbers.
fn check_offsets(table: &Table, add: &mut impl FnMut(String)) {
    for pair in table.rows.windows(2) {
        let numbers = [&pair[0].off, &pair[0].size, &pair[1].off].map(|n| n.parse::<u64>().ok());
        if let [Some(off), Some(size), Some(next)] = numbers
            && off.checked_add(size) != Some(next)
        {
            add(format!(
                "row {}: the offset is {next}, not {off} + {size}",
                pair[1].name
            ));
        }
    }
}

fn compare(name: &str, layout: &Layout, table: &Table, add: &mut impl FnMut(String)) {
    let mut off = 0u64;
    let mut rows = table.rows.iter();
    for (field, size) in &layout.fields {
        let Some(size) = size else {
            add(format!(
                "`{name}`: the size of the type of {field} is not known to tidy"
            ));
            return;
        };
        let Some(row) = rows.next() else {
            add(format!("`{name}`: no row for {field}"));
            return;
        };
        if &row.name != field {
            add(format!(
                "`{name}`: the row {} stands where {field} is",
                row.name
            ));
            return;
        }
        if row.off != off.to_string() {
            add(format!(
                "`{name}`: {field} is at {off}, the row says {}",
                row.off
            ));
        }
        if row.size != size.to_string() {
            add(format!(
                "`{name}`: {field} has {size} bytes, the row says {}",
                row.size
            ));
        }
        off = off.saturating_add(*size);
    }
    for row in rows {
        // What follows the fixed part has no fixed length.
        if row.size.parse::<u64>().is_ok() {
            add(format!("`{name}`: no field for the row {}", row.name));
        }
    }
    if off != layout.size {
        add(format!(
            "`{name}`: the rows add up to {off}, {} is asserted",
            layout.size
        ));
    }
}

/// The tables in the `//!` lines.
fn doc_tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut names = Vec::new();
    let mut inside = false;
    for line in text.lines().filter_map(|line| line.strip_prefix("//!")) {
        let line = line.trim();
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if line.starts_with('|') && cells == HEAD {
            inside = true;
            tables.push(Table {
                names: std::mem::take(&mut names),
                rows: Vec::new(),
            });
        } else if inside && line.starts_with('|') {
            let rule = cells
                .iter()
                .all(|cell| cell.chars().all(|c| "-: ".contains(c)));
            if let (false, Some(table)) = (rule, tables.last_mut()) {
                let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
                table.rows.push(Row {
                    off: cell(0).to_owned(),
                    size: cell(1).to_owned(),
                    name: cell(2).trim_matches('`').to_owned(),
                    trust: cell(3).to_owned(),
                    source: cell(4).to_owned(),
                });
            }
        } else {
            inside = false;
            names.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    tables
}

/// The structs of a module whose size is asserted, tests left out.
fn layouts(file: &syn::File, text: &str) -> BTreeMap<String, Layout> {
    let sizes = asserted_sizes(file, text);
    let structs: BTreeMap<String, &syn::ItemStruct> = file
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Struct(item) => Some((item.ident.to_string(), item)),
            _ => None,
        })
        .collect();
    let field = |field: &syn::Field| {
        let name = field.ident.as_ref().map(ToString::to_string);
        (name.unwrap_or_default(), type_size(&field.ty, &structs, 0))
    };
    sizes
        .into_iter()
        .filter_map(|(name, size)| {
            let fields = structs.get(&name)?.fields.iter().map(field).collect();
            Some((name, Layout { size, fields }))
        })
        .collect()
}

/// Sizes from `fixed_record!(T, "name", 43, …)` and `size_of::<T>() == 43`.
fn asserted_sizes(file: &syn::File, text: &str) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for item in &file.items {
        if let syn::Item::Macro(item) = item
            && item
                .mac
                .path
                .segments
                .last()
                .is_some_and(|s| s.ident == "fixed_record")
        {
            let tokens = item.mac.tokens.to_string();
            let mut parts = tokens.splitn(4, ',').map(str::trim);
            let name = parts.next().unwrap_or_default();
            if let Some(size) = parts.nth(1).and_then(number) {
                sizes.insert(name.to_owned(), size);
            }
        }
    }
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .flat_map(|line| line.chars().filter(|c| !c.is_whitespace()))
        .collect();
    for part in code.split("size_of::<").skip(1) {
        if let Some((name, rest)) = part.split_once(">()==") {
            let digits = rest.split(|c: char| !c.is_ascii_digit() && c != '_').next();
            if let Some(size) = digits.and_then(number) {
                sizes.insert(name.to_owned(), size);
            }
        }
    }
    sizes
}

fn number(text: &str) -> Option<u64> {
    text.replace('_', "").parse().ok()
}

/// The size of a field's type: the types of `format::field`, integers of known order, arrays, and
/// structs of the same module.
fn type_size(
    ty: &syn::Type,
    structs: &BTreeMap<String, &syn::ItemStruct>,
    depth: u32,
) -> Option<u64> {
    if depth > 8 {
        return None;
    }
    match ty {
        syn::Type::Array(array) => {
            let syn::Expr::Lit(len) = &array.len else {
                return None;
            };
            type_size(&array.elem, structs, depth + 1)?.checked_mul(literal(&len.lit)?)
        }
        syn::Type::Path(path) => {
            let last = path.path.segments.last()?;
            match last.ident.to_string().as_str() {
                "u8" | "i8" => Some(1),
                "U16" | "I16" => Some(2),
                "U32" | "I32" => Some(4),
                "U64" | "I64" => Some(8),
                "Hex8" => Some(9),
                "Password" => Some(16),
                "CpField" | "Reserved" => match &last.arguments {
                    syn::PathArguments::AngleBracketed(list) => match list.args.first()? {
                        syn::GenericArgument::Const(syn::Expr::Lit(len)) => literal(&len.lit),
                        _ => None,
                    },
                    _ => None,
                },
                name => structs
                    .get(name)?
                    .fields
                    .iter()
                    .try_fold(0u64, |sum, field| {
                        sum.checked_add(type_size(&field.ty, structs, depth + 1)?)
                    }),
            }
        }
        _ => None,
    }
}

fn literal(lit: &syn::Lit) -> Option<u64> {
    match lit {
        syn::Lit::Int(number) => number.base10_parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"//! A record.
//!
//! `Rec`, 45 bytes:
//!
//! | Off | Size | Name | Trust | Source |
//! |---|---|---|---|---|
//! | 0 | 1 | state | DOCUMENTED | Q1 |
//! | 1 | 31 | alias | INFERRED | Q1 |
//! | 32 | 9 | mailbag | ASSIGNED | decisions 2 |
//! | 41 | 4 | number | ASSIGNED | decisions 2 |

pub struct Rec {
    pub state: u8,
    pub alias: CpField<31>,
    pub mailbag: Hex8,
    pub number: U32,
}
fixed_record!(Rec, "rec", 45, "Q1", { state: 0 });
"#;

    fn problems(path: &str, text: &str) -> Vec<String> {
        check(&[Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }])
    }

    fn format(text: &str) -> Vec<String> {
        problems("crates/dirsync-core/src/format/rec.rs", text)
    }

    #[track_caller]
    fn broken(from: &str, to: &str, wanted: &str) {
        assert!(GOOD.contains(from), "{from}");
        let found = format(&GOOD.replace(from, to));
        assert!(
            found.iter().any(|problem| problem.contains(wanted)),
            "{found:?}"
        );
    }

    #[test]
    fn a_table_that_says_what_the_struct_says_is_good() {
        assert_eq!(format(GOOD), Vec::<String>::new());
        let assert = "const _: () = assert!(size_of::<Rec>() == 45);";
        let at = GOOD.find("fixed_record!").unwrap();
        let text = format!("{}{assert}\n", &GOOD[..at]);
        assert_eq!(format(&text), Vec::<String>::new());
        let tail = "//! | 41 | 4 | number | ASSIGNED | decisions 2 |\n//! | 45 | n | text | ASSIGNED | x |";
        let text = GOOD.replace("//! | 41 | 4 | number | ASSIGNED | decisions 2 |", tail);
        assert_eq!(format(&text), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_found() {
        broken("| 1 | 31 |", "| 2 | 31 |", "alias is at 1");
        broken("| 1 | 31 |", "| 1 | 30 |", "alias has 31 bytes");
        broken("| alias |", "| name |", "stands where alias is");
        broken(
            "//! | 41 | 4 | number | ASSIGNED | decisions 2 |\n",
            "",
            "no row for number",
        );
        broken("    pub number: U32,\n", "", "no field for the row number");
        broken("\"rec\", 45", "\"rec\", 46", "46 is asserted");
        broken("INFERRED", "GUESSED", "GUESSED");
        broken("| INFERRED | Q1 |", "| INFERRED | |", "source is missing");
        broken("U32", "Mystery", "not known to tidy");
        broken(
            "//! | Off | Size",
            "//! | Offset | Size",
            "has no offset table",
        );
    }

    #[test]
    fn with_two_structs_a_table_names_its_own() {
        let second = "pub struct Other { x: U16 }\nfixed_record!(Other, \"o\", 2, \"Q1\", {});\n";
        let text = format!("{GOOD}{second}");
        assert_eq!(format(&text).len(), 1, "{:?}", format(&text));
        let text = text.replace("`Rec`", "Rec");
        assert!(
            format(&text)
                .iter()
                .any(|p| p.contains("does not name its struct"))
        );
    }

    #[test]
    fn offsets_without_a_struct_still_add_up() {
        let at = GOOD.find("pub struct").unwrap();
        assert_eq!(format(&GOOD[..at]), Vec::<String>::new());
        let text = GOOD[..at].replace("| 32 | 9", "| 33 | 9");
        assert_eq!(format(&text).len(), 2);
    }

    #[test]
    fn floors_are_kept() {
        for text in [
            "use crate::format::nme;",
            "use super::super::format::nme::X;",
            "use crate::{base, format};",
            "fn f() { crate::protocol::go(); }",
            "fn f(x: &crate::format::X) {}",
            "mod tests { use super::super::super::format::X; }",
            "fn f() { assert_eq!(1, crate::format::ONE); }",
            "proptest! { fn f() { use crate::format::X; } }",
        ] {
            let found = problems("crates/dirsync-core/src/base/tid.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
        }
        for text in [
            "use crate::base::format;",
            "use super::format::X;",
            "fn f() { let x = format!(\"crate\"); }",
            "use std::fmt::format;",
        ] {
            let found = problems("crates/dirsync-core/src/base/tid.rs", text);
            assert_eq!(found, Vec::<String>::new(), "{text}");
        }
        assert_eq!(
            format("use crate::base::X; use super::nme;"),
            Vec::<String>::new()
        );
        assert_eq!(format("use crate::protocol::X;").len(), 1);
        assert_eq!(
            problems(
                "crates/dirsync-core/src/protocol/x.rs",
                "use crate::format::X;"
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn long_files_and_crates_without_lints_are_found() {
        let long = "//\n".repeat(MAX_LINES + 1);
        assert_eq!(problems("xtask/src/x.rs", &long).len(), 1);
        assert!(problems("xtask/src/x.rs", &long[3..]).is_empty());
        let generated = format!("// @generated\n{long}");
        assert!(problems("xtask/src/x.rs", &generated).is_empty());
        let manifest = "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n";
        assert!(problems("crates/x/Cargo.toml", manifest).is_empty());
        let without = manifest.replace("[lints]", "[dependencies]");
        assert_eq!(problems("crates/x/Cargo.toml", &without).len(), 1);
    }

    #[test]
    fn this_workspace_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        run(root).unwrap();
    }
}
