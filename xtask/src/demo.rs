//! `cargo xtask demo`: the network of the published LISTQ and LISTDS samples (Q96060) under
//! `target/demo`, made, run and shown with the built programs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// The three postoffices of the published listing of the server's records.
const SERVER: &str = "POLYNOMIAL/MONTGOMERY";
const OTHERS: [&str; 2] = ["POLYNOMIAL/NOVEMBER", "POLYNOMIAL/OCTOBER"];

/// Users as `po-admin fill` takes them: those of the published queue listing, and some with accents.
const USERS: [(&str, &str); 3] = [
    (
        "MONTGOMERY",
        "mailbox,name\nable,able is he who knows his limit\napple,apple\npaul,Paul\nbryan,Bryan\n\
         mark,Mark\n",
    ),
    (
        "NOVEMBER",
        "mailbox,name\nemilie,Émilie du Châtelet\njose,José Peña\nasa,Åsa Söndergård\n",
    ),
    (
        "OCTOBER",
        "mailbox,name\njurgen,Jürgen Möbius\nines,Inês Núñez\nfrancois,François Viète\n",
    ),
];

struct Demo {
    programs: std::path::PathBuf,
    dir: std::path::PathBuf,
}

impl Demo {
    /// Runs a program in the demo's directory and shows what it says.
    fn run(&self, line: &str) -> anyhow::Result<()> {
        println!("$ {line}");
        let mut words = line.split(' ');
        let program = words.next().unwrap_or_default();
        let status = Command::new(self.programs.join(program))
            .args(words)
            .current_dir(&self.dir)
            .status()
            .with_context(|| format!("{program} cannot be started"))?;
        ensure!(status.success(), "{line}: {status}");
        println!();
        Ok(())
    }
}

pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "po-admin"])
        .args(["--package", "dxa-cycle"])
        .current_dir(root)
        .status()?;
    ensure!(status.success(), "the programs cannot be built");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), std::path::PathBuf::from);
    let demo = Demo {
        programs: root.join(&target).join("debug"),
        dir: root.join(&target).join("demo"),
    };
    if demo.dir.exists() {
        std::fs::remove_dir_all(&demo.dir)?;
    }
    std::fs::create_dir_all(&demo.dir)?;
    make(&demo)?;
    demo.run("po-admin listq MONTGOMERY reqtrans")?;
    demo.run("dxa-cycle run .")?;
    demo.run("dxa-cycle status . --check")?;
    demo.run("po-admin listds MONTGOMERY --server")?;
    demo.run("po-admin gal OCTOBER --participating")?;
    println!("The trees stay in {}.", demo.dir.display());
    Ok(())
}

fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn make(demo: &Demo) -> anyhow::Result<()> {
    for name in [SERVER, OTHERS[0], OTHERS[1]] {
        demo.run(&format!("po-admin init {} {name} --zone UTC", short(name)))?;
    }
    for name in OTHERS {
        demo.run(&format!("po-admin postoffice add {} {name}", short(SERVER)))?;
        demo.run(&format!("po-admin postoffice add {} {SERVER}", short(name)))?;
    }
    demo.run(&format!("po-admin server on {}", short(SERVER)))?;
    for name in OTHERS {
        demo.run(&format!("po-admin requestor add {} {name}", short(SERVER)))?;
        demo.run(&format!("po-admin register {} {SERVER}", short(name)))?;
    }
    for (po, users) in USERS {
        let file = format!("{}.csv", po.to_lowercase());
        std::fs::write(demo.dir.join(&file), users)?;
        demo.run(&format!("po-admin fill {po} {file}"))?;
        demo.run(&format!("po-admin export {po}"))?;
    }
    Ok(())
}
