//! Long lines on a terminal: wrapped between words, with what follows indented. Elsewhere a line
//! stays one line, so that it can be searched for.

use dirsync_cli::escape;
use dirsync_cli::output::Output;

/// Prints `head` (coloured or not, `head_width` characters wide) and `text` behind it. On a
/// terminal, lines that follow are indented by `indent`.
pub(crate) fn line(
    out: &mut Output<'_>,
    head: &str,
    head_width: usize,
    indent: usize,
    text: &str,
) -> anyhow::Result<()> {
    let text = escape::text(text);
    if !out.terminal {
        return out.line(&format!("{head}{text}"));
    }
    let width = usize::from(out.columns).max(indent + 20);
    let mut current = head.to_owned();
    let mut used = head_width;
    let mut empty = true;
    for word in text.split(' ') {
        let len = word.chars().count();
        if !empty && used + 1 + len > width {
            out.line(&current)?;
            current = " ".repeat(indent);
            used = indent;
            empty = true;
        }
        if !empty {
            current.push(' ');
            used += 1;
        }
        current.push_str(word);
        used += len;
        empty = false;
    }
    out.line(&current)
}
