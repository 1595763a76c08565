//! Declarations that make no sense do not compile, and say what would.
//!
//! Each file of `ui/` holds one mistake and is named for it. `TRYBUILD=overwrite` writes the messages anew.

#[test]
fn mistakes_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
