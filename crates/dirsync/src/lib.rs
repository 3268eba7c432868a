//! Directory synchronization of Microsoft Mail postoffices: the library people use.

pub mod progress;
