//! The backup agent.
fn main() {}
