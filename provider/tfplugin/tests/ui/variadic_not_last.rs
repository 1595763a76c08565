use tfplugin::prelude::*;

#[derive(Parameters)]
struct Join {
    /// What is joined.
    #[tf(variadic)]
    words: Vec<String>,
    /// What stands between.
    separator: String,
}

fn main() {}
