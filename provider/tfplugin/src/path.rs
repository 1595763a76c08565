//! Where in a configuration a value stands.
//!
//! Nobody writes a path by hand: the derive gives each model a typed one, so that
//! `Zone::paths().records().key("www").values()` is checked by the compiler.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// The way from the root of a configuration to one of its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into an attribute or block of an object.
    Attribute(String),
    /// Into the entry of a map.
    Key(String),
    /// Into the element of a list.
    Index(usize),
}

impl Path {
    /// The whole object.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.then(Step::Attribute(name.to_owned()))
    }

    /// The entry of a map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// The element of a list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    /// As HCL refers to it: `records["www"].values[0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The path of a list whose elements have paths of type `P`.
#[derive(Debug, Clone)]
pub struct ListPath<P>(Path, PhantomData<P>);

/// The path of a map whose entries have paths of type `P`.
#[derive(Debug, Clone)]
pub struct MapPath<P>(Path, PhantomData<P>);

impl<P: From<Path>> ListPath<P> {
    /// The element at that position, from 0.
    pub fn index(&self, index: usize) -> P {
        self.0.index(index).into()
    }
}

impl<P: From<Path>> MapPath<P> {
    /// The entry of that key.
    pub fn key(&self, key: &str) -> P {
        self.0.key(key).into()
    }
}

macro_rules! collection_path {
    ($name:ident) => {
        impl<P> From<Path> for $name<P> {
            fn from(path: Path) -> Self {
                Self(path, PhantomData)
            }
        }

        impl<P> From<$name<P>> for Path {
            fn from(path: $name<P>) -> Self {
                path.0
            }
        }

        impl<P> Deref for $name<P> {
            type Target = Path;

            fn deref(&self) -> &Path {
                &self.0
            }
        }
    };
}
collection_path!(ListPath);
collection_path!(MapPath);
