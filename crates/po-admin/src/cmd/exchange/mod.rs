//! What only Exchange servers have: `init-exchange`, `recipient`, `registry`, and the settings of
//! their directory objects.

pub(crate) mod connector;
pub(crate) mod init;
pub(crate) mod object;
pub(crate) mod options;
pub(crate) mod recipient;
pub(crate) mod registry;
