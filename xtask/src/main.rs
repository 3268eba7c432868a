//! Placeholder while the workspace is laid out.

mod tidy;

fn main() -> anyhow::Result<()> {
    let root = std::env::current_dir()?;
    tidy::run(&root)
}
