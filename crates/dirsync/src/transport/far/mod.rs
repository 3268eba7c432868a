//! The wall around each tree: whoever moves mail speaks to a tree by requests and replies, and never
//! waits for it longer than a deadline.
//!
//! [`FarSide`] has two implementations: [`Local`] answers in this process (tests, the simulator),
//! [`Child`] in a child process of the same program, which is killed or left alone when it does not
//! answer in time. Both use the same [`Local::answer`]. A tree is opened for one request and closed
//! before the reply: no lock outlives an answer.
//!
//! A program takes part by calling [`run_if_child`] first thing in `main`.

mod answer;
mod child;
mod frame;
mod mta;
mod protocol;

pub use answer::Local;
pub use child::{CHILD_COMMAND, Child, ChildConnector, run_if_child};
pub(crate) use protocol::sync_failed;
pub use protocol::{Failure, FailureClass, PlanStep, Problem, Reply, Request};

/// Why a far side gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FarError {
    /// The tree says no, or cannot be read or written.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// Nothing came within the deadline; the child was killed or left alone.
    #[error("no answer within {seconds} seconds")]
    Silent {
        /// The deadline.
        seconds: u64,
    },
    /// The child ended.
    #[error("the process that serves this tree ended: {0}")]
    Ended(String),
    /// The reply makes no sense.
    #[error("the process that serves this tree does not speak the protocol: {0}")]
    Protocol(String),
}

impl FarError {
    /// Whether the whole tree is out of reach for this run, and not only this request.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        !matches!(self, Self::Failed(failure) if !failure.last)
    }

    /// Whether it counts as an attempt over a link: a tree that is busy or full is there (Q111558).
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Failed(failure)
            if failure.full || failure.class == FailureClass::Busy)
    }

    /// The next step for the reader.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failed(failure) => failure.hint.clone(),
            Self::Silent { .. } => Some(
                "look at the disk or the network the tree stands on; its mail waits, the next run \
                 tries again"
                    .to_owned(),
            ),
            Self::Ended(_) | Self::Protocol(_) => None,
        }
    }
}

/// Somebody who answers for one tree.
pub trait FarSide: Send {
    /// Asks and waits, not longer than the deadline.
    ///
    /// # Errors
    /// See [`FarError`]. After one that [`FarError::is_gone`] every further call fails at once.
    fn call(&mut self, request: Request) -> Result<Reply, FarError>;
}

/// Makes far sides by the path of their tree.
pub trait Connector {
    /// A far side for the tree at `path`.
    ///
    /// # Errors
    /// The child cannot be started, or the tree cannot be opened.
    fn connect(&self, path: &str) -> Result<Box<dyn FarSide>, FarError>;

    /// Whether several far sides may be asked at once, so that one that is slow does not keep the
    /// others waiting. What they answer must not depend on it.
    fn at_once(&self) -> bool {
        false
    }
}
