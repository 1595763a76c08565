//! The contract of an Ansible binary module, and of the same program called over SSH.
//!
//! A program is called as `PROGRAM ARGS-FILE`, or with `-` or nothing and one JSON object on standard input. It prints
//! exactly one JSON object, also after a panic, and exits with 0, or with 1 and `failed: true`. `PROGRAM --check` is the
//! same with nothing but standard input, and in check mode whatever that says: a rule of sudo can allow it alone.
//! `PROGRAM --documentation` prints the sidecar that `ansible-doc` reads.
//!
//! Arguments are a struct that [`arguments!`] declares: names, types, defaults, choices, secrets and the documentation
//! follow from that one declaration. Keys that start with `_ansible_` are understood or ignored, others that are unknown
//! are refused with the nearest known name.

mod answer;
mod argument;
mod documentation;
mod input;
mod program;

pub use answer::Answer;
pub use argument::{Argument, Arguments, Field, Kind, Need};
pub use documentation::{About, sidecar};
pub use input::{ArgumentFault, Faults, Input};
pub use program::{Context, Module, Work, serve};

/// What the macros need from their callers' point of view.
#[doc(hidden)]
pub use serde_json;

/// Declares the arguments of a module, or of a suboption.
///
/// Each field is `required`, `optional` (with `= default`, else the type's own default; `Option` has none) or `secret`
/// (an `optional` that is masked wherever it could be shown). The comment of a field is its documentation.
///
/// ```
/// module::arguments! {
///     /// Who may come in.
///     pub struct Rule {
///         /// The port.
///         required port: u16,
///         /// Networks it is open to.
///         optional from: Vec<String> = vec!["0.0.0.0/0".to_owned()],
///     }
/// }
/// # use module::Arguments;
/// assert_eq!(Rule::fields()[0].name, "port");
/// ```
#[macro_export]
macro_rules! arguments {
    (
        $(#[doc = $about:literal])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $need:ident $field:ident : $type:ty $(= $default:expr)? , )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        $visibility struct $name {
            $( $(#[doc = $doc])* pub $field: $type, )*
        }

        impl $crate::Arguments for $name {
            fn fields() -> Vec<$crate::Field> {
                vec![$( $crate::Field {
                    name: stringify!($field),
                    description: concat!($($doc, "\n"),*),
                    need: $crate::arguments!(@need $need),
                    kind: <$type as $crate::Argument>::kind(),
                    default: $crate::arguments!(@default $need $type $(= $default)?),
                }, )*]
            }

            fn take(input: &mut $crate::Input) -> Option<Self> {
                $( let $field = $crate::arguments!(@take input $need $field $type $(= $default)?); )*
                match ($($field,)*) {
                    ($(Some($field),)*) => Some($name { $($field),* }),
                    #[allow(unreachable_patterns, reason = "arguments without a field")]
                    _ => None,
                }
            }
        }

        impl $crate::Argument for $name {
            fn kind() -> $crate::Kind {
                $crate::Kind::Suboptions(<Self as $crate::Arguments>::fields())
            }

            fn read(value: &$crate::serde_json::Value, input: &mut $crate::Input) -> Option<Self> {
                input.inside(value, <Self as $crate::Arguments>::take, &<Self as $crate::Arguments>::fields())
            }

            fn show(&self) -> $crate::serde_json::Value {
                let mut shown = $crate::serde_json::Map::new();
                $( shown.insert(stringify!($field).to_owned(), $crate::Argument::show(&self.$field)); )*
                $crate::serde_json::Value::Object(shown)
            }
        }
    };

    (@need required) => { $crate::Need::Required };
    (@need optional) => { $crate::Need::Optional };
    (@need secret) => { $crate::Need::Secret };

    (@default required $type:ty) => { $crate::serde_json::Value::Null };
    (@default $need:ident $type:ty) => { $crate::Argument::show(&<$type as Default>::default()) };
    (@default $need:ident $type:ty = $default:expr) => {{
        let default: $type = $default;
        $crate::Argument::show(&default)
    }};

    (@take $input:ident required $field:ident $type:ty) => { $input.required::<$type>(stringify!($field)) };
    (@take $input:ident $need:ident $field:ident $type:ty) => {
        $input.optional::<$type>(stringify!($field), <$type as Default>::default)
    };
    (@take $input:ident $need:ident $field:ident $type:ty = $default:expr) => {
        $input.optional::<$type>(stringify!($field), || $default)
    };
}

/// Declares an argument that is one of some words.
///
/// ```
/// module::choices! {
///     /// What to do.
///     pub enum State { Present = "present", Absent = "absent" }
/// }
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $about:literal])*
        $visibility:vis enum $name:ident { $( $(#[doc = $doc:literal])* $variant:ident = $word:literal ),* $(,)? }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name {
            $(
                #[doc = concat!("`", $word, "`")]
                $(#[doc = $doc])*
                $variant,
            )*
        }

        #[allow(dead_code, reason = "not every choice is made outside its module")]
        impl $name {
            /// All choices, in order.
            $visibility const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word that users write.
            $visibility const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word, )* }
            }

            /// The choice of this word.
            $visibility fn named(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|choice| choice.word() == word)
            }
        }

        impl $crate::Argument for $name {
            fn kind() -> $crate::Kind {
                $crate::Kind::Choice(vec![$($word),*])
            }

            fn read(value: &$crate::serde_json::Value, input: &mut $crate::Input) -> Option<Self> {
                $name::named(input.word(value, &[$($word),*])?)
            }

            fn show(&self) -> $crate::serde_json::Value {
                $crate::serde_json::Value::from(self.word())
            }
        }
    };
}
