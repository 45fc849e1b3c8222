//! The `pastiche` command.
fn main() {}
