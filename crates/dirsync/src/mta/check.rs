//! The one pass that judges a database (work in progress: the types come first).
