//! Console blocks of texts for readers, as trycmd wants them and back.

/// The blocks as trycmd wants them: a blank line behind the last output.
#[must_use]
pub fn for_trycmd(text: &str) -> String {
    change_fences(text, "\n\n```\n")
}

/// The blocks as a reader wants them.
#[must_use]
pub fn for_readers(text: &str) -> String {
    change_fences(text, "\n```\n")
}

/// Ends every console block with `fence`.
fn change_fences(text: &str, fence: &str) -> String {
    let mut parts = text.split("```console\n");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (block, rest) = part.split_once("\n```\n").unwrap_or((part, ""));
        out.push_str("```console\n");
        out.push_str(block.trim_end_matches('\n'));
        out.push_str(fence);
        out.push_str(rest);
    }
    out
}
