//! Which half of a postoffice takes a message (DEC-051).
//!
//! On the server postoffice requests and replies wait in the same system mailbag. T2 takes what
//! goes to a server, T3 what goes to a requestor; each leaves the other's where it is. The old
//! SRVMAIN reported replies as error 133 (Q108844).

use super::Incoming;

/// The half that looks at the mailbag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// T2.
    Server,
    /// T3 on the server postoffice.
    RequestorOnServer,
    /// T3 elsewhere.
    Requestor,
}

/// What the half does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Handles it.
    Take,
    /// Leaves it for the other half.
    Leave,
    /// Logs this message number and moves it to the administrator's mailbox.
    Administrator(u16),
}

/// What becomes of a message of the mailbag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is done with.
    Remove,
    /// It stays where it is.
    Leave,
    /// It is moved to the administrator's mailbox.
    Administrator,
}

/// The route of a message.
#[must_use]
pub fn route(message: &Incoming, half: Half) -> Route {
    match (message, half) {
        (Incoming::Request(_) | Incoming::Status(_), Half::Server)
        | (Incoming::Reply(_), Half::Requestor | Half::RequestorOnServer) => Route::Take,
        // On the server postoffice whatever is no reply is T2's.
        (_, Half::RequestorOnServer) | (Incoming::Reply(_), Half::Server) => Route::Leave,
        (Incoming::Request(_) | Incoming::Status(_), Half::Requestor) => Route::Administrator(161),
        (Incoming::UnknownTask(_) | Incoming::NoTask(_), _) => Route::Administrator(155),
        (Incoming::Malformed(_), _) => Route::Administrator(124),
        (Incoming::Foreign, _) => Route::Administrator(154),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rule: dec:DEC-051
    // rule: dsp:R-T2R-005
    #[test]
    fn each_half_takes_its_own() {
        let read = |text: &str| Incoming::read(format!("[dirsync]\n{text}").as_bytes());
        use Half::{Requestor, RequestorOnServer, Server};
        use Route::{Administrator, Leave, Take};
        for task in ["reqtx", "importreq", "status", "export"] {
            let message = read(&format!("task={task}\nreqname=PCM:N/P"));
            assert_eq!(route(&message, Server), Take, "{task}");
            assert_eq!(route(&message, RequestorOnServer), Leave, "{task}");
            assert_eq!(route(&message, Requestor), Administrator(161), "{task}");
        }
        for task in ["srvtx", "importrep"] {
            let message = read(&format!("task={task}\nreqname=PCM:N/P"));
            assert_eq!(route(&message, Server), Leave, "{task}");
            assert_eq!(route(&message, RequestorOnServer), Take, "{task}");
            assert_eq!(route(&message, Requestor), Take, "{task}");
        }
        for (message, code) in [
            (Incoming::read(b"Hello"), 154),
            (read("task=dance"), 155),
            (read("reqname=PCM:N/P"), 155),
            (read("task=reqtx\nreqseq=x"), 124),
        ] {
            assert_eq!(route(&message, Server), Administrator(code));
            assert_eq!(route(&message, RequestorOnServer), Leave);
            assert_eq!(route(&message, Requestor), Administrator(code));
        }
    }
}
