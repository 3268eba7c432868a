//! Part 5: MASTER.GLB, the identity of the postoffice (Q132744, Q123376).

use std::ops::ControlFlow;

use crate::core::base::Severity;
use crate::core::format::FixedRecord as _;
use crate::core::format::access::ACCESS2;
use crate::core::format::master::MasterRecord;
use crate::core::format::record::LIVE;
use crate::tree::TreeError;

use super::super::findings::kinds;
use super::{Check, read};

kinds! {
    NO_MAGIC = "master.no-magic" Error ("assigned Q128358"):
        "MASTER.GLB does not begin as we write it: it is damaged. Names and options of the postoffice cannot be trusted; restore it from a backup.";
    BAD_IDENTITY = "master.bad-identity" Error ("assigned Q118932"):
        "The network or postoffice name in MASTER.GLB cannot be read.";
    USER_LIMIT = "master.user-limit" Warning ("Q123376 Q126592"):
        "The postoffice has more than 500 users; clients of the time show garbage or stop.";
}

/// Users that the clients can handle (Q123376).
const USERS_LIMIT: u64 = 500;

pub(super) fn run(check: &mut Check<'_>) -> Result<(), TreeError> {
    if !check.is_ours() {
        return Ok(());
    }
    let view = check.view();
    if let Some(file) = read::small(view, "GLB/MASTER.GLB", MasterRecord::SIZE as u64)?
        && let Ok(master) = MasterRecord::decode(&file.bytes)
    {
        if !master.has_magic() {
            let message = format!(
                "MASTER.GLB begins with \"{}\".",
                master.magic.escape_ascii()
            );
            check.report(&NO_MAGIC, file.path.as_str(), Some(0), message, None);
        } else {
            for (offset, name, field) in [
                (8, "network", &master.network),
                (19, "postoffice", &master.postoffice),
            ] {
                if field.is_empty() || !field.is_terminated() {
                    let raw = field.raw().escape_ascii();
                    let message = format!("The {name} name \"{raw}\" cannot be read.");
                    check.report(
                        &BAD_IDENTITY,
                        file.path.as_str(),
                        Some(offset),
                        message,
                        None,
                    );
                }
            }
        }
    }
    let mut users = 0u64;
    read::records(view, "GLB/ACCESS2.GLB", &ACCESS2, &mut |_, user| {
        users += u64::from(user.state == LIVE);
        ControlFlow::Continue(())
    })?;
    if users > USERS_LIMIT {
        let severity = if check.options().strict_limits {
            Severity::Error
        } else {
            Severity::Warning
        };
        let path = read::path(view, "GLB/ACCESS2.GLB")?;
        let message =
            format!("The postoffice has {users} users, the limit of the clients is {USERS_LIMIT}.");
        check.report_as(&USER_LIMIT, severity, path.as_str(), None, message, None);
    }
    Ok(())
}
