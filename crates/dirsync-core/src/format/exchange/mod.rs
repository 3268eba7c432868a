//! The files of an Exchange server's tree that no postoffice has.
//!
//! | file | module |
//! |---|---|
//! | `REGISTRY.REG` | [`registry`] |
//! | recipients as CSV | [`recipients`] |
//! | `DXADATA/XDIR.TAB` | [`xdir`] |
//! | `DXADATA/AGENT.INI` | [`agent_ini`] |

pub mod agent_ini;
pub mod recipients;
pub mod registry;
pub mod xdir;
