//! Damaged trees: what the check finds in each, and what mending makes of it.

mod damages;
mod hostile;
mod random;
mod rules;
mod sample;
