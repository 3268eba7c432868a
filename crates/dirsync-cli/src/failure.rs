//! How a program fails: a message that names what failed, a hint that says what to do next, the
//! exit code, and the id of a finding where one stands behind it.
//!
//! Programs pass [`anyhow::Error`] around; a [`Failure`] somewhere in its chain carries the code
//! and the hint. An error without one stopped the work on data or I/O: exit 5.

use std::borrow::Cow;
use std::fmt;

use dirsync_core::base::FindingId;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::exit::ExitCode;

/// Why a program ends before its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: ExitCode,
    message: String,
    hint: Cow<'static, str>,
    finding: Option<FindingId>,
}

impl Failure {
    /// A failure with any code.
    #[must_use]
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: Cow::Borrowed(""),
            finding: None,
        }
    }

    /// Exit 2: the arguments make no sense.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Exit 3: refused for safety.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Refused, message)
    }

    /// Exit 4: somebody else holds the tree.
    #[must_use]
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Busy, message)
    }

    /// Exit 5: a data or I/O error stopped the work.
    #[must_use]
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Data, message)
    }

    /// Exit 70: a fault of the program.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Internal, message)
            .hint("this is a fault of the program and not of your data: please report it, with the command and this message")
    }

    /// Exit 130: the user interrupted the work.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(ExitCode::Interrupted, "interrupted")
            .hint("nothing is half done: run the same command again to go on")
    }

    /// The same with a hint: what to do next, without a full stop.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with the id of the finding behind it.
    #[must_use]
    pub fn finding(mut self, id: FindingId) -> Self {
        self.finding = Some(id);
        self
    }

    /// How the program ends.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        self.code
    }

    /// The hint; empty when there is none.
    #[must_use]
    pub fn hint_text(&self) -> &str {
        &self.hint
    }

    /// The finding behind it.
    #[must_use]
    pub fn finding_id(&self) -> Option<FindingId> {
        self.finding
    }

    /// The failure that an error amounts to: the message is the whole chain, code, hint and id are
    /// those of the first [`Failure`] in it; without one the code is 5.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        // The first look finds contexts as well, the second what libraries wrapped.
        let carried = error
            .downcast_ref::<Self>()
            .or_else(|| error.chain().find_map(|cause| cause.downcast_ref::<Self>()));
        let mut failure = match carried {
            Some(failure) => failure.clone(),
            None => Self::data(""),
        };
        failure.message = chain_text(error);
        failure
    }
}

/// The messages of a chain joined by colons; a cause whose text the message before it repeats at
/// its end is left out.
fn chain_text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let next = cause.to_string();
        if text.is_empty() {
            text = next;
        } else if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// `{"code","message","hint"}`, and `"id"` where a finding stands behind the failure.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = if self.finding.is_some() { 4 } else { 3 };
        let mut object = serializer.serialize_struct("Failure", fields)?;
        object.serialize_field("code", &self.code.code())?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("hint", &self.hint)?;
        if let Some(id) = self.finding {
            object.serialize_field("id", id.0)?;
        }
        object.end()
    }
}

/// Gives the errors of libraries an exit code and a hint.
pub trait FailWith<T> {
    /// The error as a cause of a failure with this code and hint.
    ///
    /// # Errors
    /// The same error, with code and hint.
    fn fail_with(self, code: ExitCode, hint: impl Into<Cow<'static, str>>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> FailWith<T> for Result<T, E> {
    fn fail_with(self, code: ExitCode, hint: impl Into<Cow<'static, str>>) -> anyhow::Result<T> {
        self.map_err(|error| {
            let error: anyhow::Error = error.into();
            Failure::new(code, chain_text(&error)).hint(hint).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn an_error_of_no_kind_is_a_data_error_with_its_whole_chain() {
        let io = std::io::Error::other("disk on fire");
        let error = Err::<(), _>(io)
            .context("cannot read GLB/MASTER.GLB")
            .unwrap_err();
        let failure = Failure::of(&error);
        assert_eq!(failure.code(), ExitCode::Data);
        assert_eq!(
            failure.to_string(),
            "cannot read GLB/MASTER.GLB: disk on fire"
        );
    }

    #[test]
    fn code_hint_and_id_survive_context_on_both_sides() {
        let inner = Failure::refused("no LAYOUT.TXT")
            .hint("foreign trees are only read")
            .finding(FindingId("tree.foreign"));
        let error = anyhow::Error::from(inner).context("NET/PO");
        let failure = Failure::of(&error);
        assert_eq!(failure.code(), ExitCode::Refused);
        assert_eq!(failure.to_string(), "NET/PO: no LAYOUT.TXT");
        assert_eq!(failure.hint_text(), "foreign trees are only read");
        assert_eq!(failure.finding_id(), Some(FindingId("tree.foreign")));

        let outer = anyhow::anyhow!("locked by ADMIN").context(Failure::busy("the tree is busy"));
        let failure = Failure::of(&outer);
        assert_eq!(failure.code(), ExitCode::Busy);
        assert_eq!(failure.to_string(), "the tree is busy: locked by ADMIN");
    }

    #[test]
    fn library_errors_get_code_and_hint() {
        let error = Err::<(), _>(std::io::Error::other("locked"))
            .fail_with(ExitCode::Busy, "try again")
            .unwrap_err();
        let failure = Failure::of(&error);
        assert_eq!(
            (failure.code(), failure.hint_text()),
            (ExitCode::Busy, "try again")
        );
        assert_eq!(failure.to_string(), "locked");
    }

    #[test]
    fn its_json_has_the_three_fields_of_the_contract() {
        let failure = Failure::busy("held").hint("wait");
        assert_eq!(
            serde_json::to_string(&failure).unwrap(),
            r#"{"code":4,"message":"held","hint":"wait"}"#
        );
        let failure = failure.finding(FindingId("sortlock.left-over"));
        assert_eq!(
            serde_json::to_string(&failure).unwrap(),
            r#"{"code":4,"message":"held","hint":"wait","id":"sortlock.left-over"}"#
        );
    }
}
