//! Many users from a file.
