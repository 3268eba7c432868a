//! Naming the directory server at a requestor (Config, Dir-Sync, Requestor, Registration).

use crate::core::base::address::PoName;
use crate::core::format::field::Password;
use crate::core::format::reqconf::req_options;

use super::super::edit::Edit;
use super::super::error::PoError;
use super::super::externals;
use super::super::list_error::ListError;
use super::super::lists::own_name;
use super::super::lists::waiting::reqconf;
use super::{is_server, refuse_workgroup, save_reqconf};

/// What registration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    /// The server that was named before, when it was another.
    pub previous: Option<String>,
    /// Whether anything is different now.
    pub changed: bool,
    /// What deserves a look.
    pub warnings: Vec<String>,
}

/// Names the server. Without a password the one that is set stays.
///
/// # Errors
/// Notice 42: the server must be an external postoffice here (R-ADM-029). A server cannot be the
/// requestor of another one (dsp R-ROLE-002), nor a Workgroup postoffice of anyone.
pub fn register(
    edit: &mut Edit<'_>,
    server: &PoName,
    password: Option<Password>,
) -> Result<Registered, PoError> {
    refuse_workgroup(edit)?;
    let own = own_name(edit)?;
    if *server == own {
        if !is_server(edit)? {
            return Err(ListError::Usage {
                why: format!("{own} is not a directory server"),
                hint: "`po-admin server on` makes it one and its own requestor",
            }
            .into());
        }
    } else {
        if is_server(edit)? {
            return Err(ListError::Refused {
                why: format!("{own} is a directory server and cannot be a requestor of {server}"),
                hint: "`po-admin server off` comes first",
            }
            .into());
        }
        externals::require(edit, server)?;
    }
    let mut conf = reqconf(edit)?;
    let before = conf.clone();
    let mut done = Registered::default();
    if conf.has(req_options::REGISTERED) && !super::server::registered_with(&conf, server) {
        let previous = format!(
            "{}/{}",
            conf.srv_network.to_string_850(),
            conf.srv_postoffice.to_string_850()
        );
        if conf.req_sync.get() != 0 || conf.srv_sync.get() != 0 || conf.imp_sync.get() != 0 {
            done.warnings.push(format!(
                "the numbers are still those of {previous}; reset them with `po-admin listds \
                 --requestor --zero`"
            ));
        }
        done.previous = Some(previous);
    }
    conf.srv_network = server.network_field();
    conf.srv_postoffice = server.postoffice_field();
    conf.set(req_options::REGISTERED, true);
    if let Some(password) = password {
        conf.password = password;
    }
    done.changed = conf != before;
    save_reqconf(edit, &conf)?;
    Ok(done)
}
