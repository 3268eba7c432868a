//! The simulator of a network of postoffices: a script of changes and troubles from a seed, run
//! over the state machines of the protocol or over real trees, and an oracle that says whether
//! every list came to what its owner says.
//!
//! One run:
//!
//! ```text
//! seed -> generate::script -> Script (events that can be left out one by one)
//!   -> run::run: cycles of T0, T1, delivery, T2, delivery, T3 with the script's troubles
//!        Network trait: pure::PureNet (node: a requestor, hub: the server, transit: mail)
//!                       trees::TreeNet (the steps of the library on disks in memory)
//!   -> run::settle: the troubles end; late mail comes; admin::Admin does the documented remedies
//!        for what was logged and for what he did himself, never by looking at the truth
//!   -> oracle: at most 3 + ceil(backlog / limit) cycles later every list equals its owner's, all
//!        is confirmed, a further cycle changes nothing
//! a failure -> shrink::shrink -> the shortest script that still fails
//! ```
//!
//! Checked at every step besides: numbers that only grow, no transaction taken twice, master
//! numbers without holes, no purge past a requestor that was heard and has not confirmed, and at
//! every moment each list equals what the master list says up to that postoffice's q.S (not while a
//! server was set back).
//!
//! | module | owns |
//! |---|---|
//! | [`dice`] | randomness from a seed |
//! | [`script`], [`generate`] | what happens in a run |
//! | [`run`] | the cycles, the quiet end, the oracle; the [`run::Network`] it drives |
//! | [`admin`] | the administrator and his remedies |
//! | [`pure`] | a network of state machines in memory |
//! | [`sabotage`] | rules broken on purpose |
//! | [`trees`] | a network of real trees in memory |
//! | [`shrink`] | the shortest failing script |

pub mod admin;
pub mod dice;
pub mod generate;
mod hub;
pub mod lists;
mod mail;
mod node;
pub mod pure;
pub mod run;
pub mod sabotage;
pub mod script;
pub mod shrink;
pub mod trees;

pub use generate::Sizes;
pub use run::Settled;
pub use sabotage::Rule;
pub use script::Script;

/// What went wrong, in words.
pub type Res<T> = Result<T, String>;

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Sizes of the scripts.
    pub sizes: Sizes,
    /// A rule to break; over state machines only.
    pub sabotage: Option<Rule>,
    /// Real trees on disks in memory.
    pub trees: bool,
}

/// Runs a script over state machines.
///
/// # Errors
/// What the oracle says.
pub fn run_pure(script: &Script, sabotage: Option<Rule>) -> Res<Settled> {
    let mut net = pure::PureNet::new(script, sabotage)?;
    run::run(&mut net, script)
}

/// Runs a script over real trees.
///
/// # Errors
/// What the oracle says, or a command that fails.
pub fn run_trees(script: &Script) -> Res<Settled> {
    let mut net = trees::TreeNet::new(script)?;
    run::run(&mut net, script)
}

/// Runs a seed.
///
/// # Errors
/// The shortest script found that fails, and what the oracle says of it.
pub fn simulate(seed: u64, options: &Options) -> Result<Settled, (Script, String)> {
    let mut script = generate::script(seed, options.sizes);
    if options.trees {
        script = trees::for_trees(script);
    }
    let go = |script: &Script| {
        if options.trees {
            run_trees(script)
        } else {
            run_pure(script, options.sabotage)
        }
    };
    go(&script).map_err(|why| shrink::shrink(script, why, &go))
}
