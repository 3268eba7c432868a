//! One postoffice: making it, its lists, its mail.

pub mod edit;
