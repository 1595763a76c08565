//! Schemas: what users may write, what it means, and how changes of it are planned.
//!
//! Nothing here is written by hand: `#[derive(Model)]` makes it from a struct. The same table drives validation,
//! planning, the answer to Terraform, and the registry pages.

mod audit;

use std::sync::Arc;

pub use audit::audit;

use crate::cty::{ObjectType, Raw, Type};
use crate::path::Path;
use crate::validate::{Check, Rule};
use crate::value::Typed;

/// The attributes and blocks of a resource, a block, or a nested attribute.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// What it is, as Markdown.
    pub description: &'static str,
    /// Arguments and results, in the order of their declaration.
    pub attributes: Vec<Attribute>,
    /// Nested blocks, in the order of their declaration.
    pub blocks: Vec<Block>,
    /// What must hold between attributes.
    pub rules: Vec<Rule>,
    /// The operations that its `timeouts` block can limit, each with the default.
    pub timeouts: &'static [(&'static str, &'static str)],
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name in HCL.
    pub name: &'static str,
    /// What it is, with unit, default and source, as Markdown.
    pub description: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Who sets it.
    pub presence: Presence,
    /// Hidden in Terraform's output (the state still has it).
    pub sensitive: bool,
    /// Never in a plan or a state.
    pub write_only: bool,
    /// What to use instead, when it is on its way out.
    pub deprecated: Option<&'static str>,
    /// Taken where the configuration says nothing.
    pub default: Option<Raw>,
    /// What a value must satisfy.
    pub checks: Vec<Check>,
    /// Whether a change of it needs a new object.
    pub replace: Replace,
    /// Once made, it stays as it is: a change elsewhere does not make it unknown.
    pub use_state_for_unknown: bool,
}

/// One kind of nested block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its name in HCL.
    pub name: &'static str,
    /// What it is, as Markdown.
    pub description: &'static str,
    /// One, or a list or set of them.
    pub nesting: Nesting,
    /// Must there be (at least) one?
    pub required: bool,
    /// What stands in it.
    pub object: Object,
}

/// The type of an attribute, as a schema declares it.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A value of one type.
    Plain(Type),
    /// An attribute with attributes of its own, each with a description.
    Nested(Nesting, Object),
}

/// How many objects stand in a nested attribute or block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// One.
    Single,
    /// An ordered list.
    List,
    /// A set.
    Set,
    /// A map.
    Map,
}

/// Who sets an attribute. The combinations that make no sense cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The user, and not to null.
    Required,
    /// The user; null is a legal answer, but it must be written out.
    RequiredNullable,
    /// The user, who may leave it out.
    Optional,
    /// The provider.
    Computed,
    /// The user, else the provider.
    OptionalComputed,
}

/// Says of an old and a new value whether the change needs a new object.
pub type Decide = Arc<dyn Fn(&Raw, &Raw) -> bool + Send + Sync>;

/// Whether a changed attribute means a new object. It never fires on an unknown value.
#[derive(Clone, Default)]
pub enum Replace {
    /// Changed in place.
    #[default]
    Never,
    /// Always a new object.
    Always,
    /// A new object when the function says so of the old and the new value.
    If(Decide),
}

impl Replace {
    /// A new object when `decide` says so of the old and the new value.
    pub fn when<T: Typed>(decide: impl Fn(&T, &T) -> bool + Send + Sync + 'static) -> Self {
        Self::If(Arc::new(move |before, after| {
            let read = |raw: &Raw| T::from_raw(raw.clone(), &Path::root()).ok();
            // From or to null there is nothing to compare: the values differ, and no typed rule speaks of it.
            read(before).zip(read(after)).is_none_or(|(before, after)| decide(&before, &after))
        }))
    }
}

impl Block {
    /// A block of this model, or a list, set or map of it.
    pub fn of<T: Typed>(name: &'static str, description: &'static str, required: bool) -> Self {
        let (nesting, object) = match T::kind() {
            Kind::Nested(nesting, object) => (nesting, object),
            // The derive takes a model or a collection of one; a plain type has no attributes to write.
            Kind::Plain(_) => (Nesting::Single, Object::default()),
        };
        Self { name, description, nesting, required, object }
    }
}

impl std::fmt::Debug for Replace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Never => "Never",
            Self::Always => "Always",
            Self::If(_) => "If(…)",
        })
    }
}

impl Presence {
    /// Must the user write it?
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Required | Self::RequiredNullable)
    }

    /// May the user leave it out?
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Optional | Self::OptionalComputed)
    }

    /// May the provider set it?
    pub const fn is_computed(self) -> bool {
        matches!(self, Self::Computed | Self::OptionalComputed)
    }
}

impl Kind {
    /// The type of the values.
    pub fn ty(&self) -> Type {
        match self {
            Self::Plain(ty) => ty.clone(),
            Self::Nested(nesting, object) => nesting.of(object.ty()),
        }
    }

    /// A collection of these: objects become a nested attribute, everything else a plain collection.
    pub(crate) fn collected(self, nesting: Nesting, plain: impl FnOnce(Box<Type>) -> Type) -> Self {
        match self {
            Self::Nested(Nesting::Single, object) => Self::Nested(nesting, object),
            other => Self::Plain(plain(Box::new(other.ty()))),
        }
    }
}

impl Nesting {
    fn of(self, object: Type) -> Type {
        match self {
            Self::Single => object,
            Self::List => Type::List(Box::new(object)),
            Self::Set => Type::Set(Box::new(object)),
            Self::Map => Type::Map(Box::new(object)),
        }
    }
}

impl Object {
    /// The type of such an object.
    pub fn ty(&self) -> Type {
        let attributes =
            self.attributes.iter().map(|attribute| (attribute.name.to_owned(), attribute.kind.ty()));
        let blocks =
            self.blocks.iter().map(|block| (block.name.to_owned(), block.nesting.of(block.object.ty())));
        Type::Object(ObjectType { attributes: attributes.chain(blocks).collect(), ..ObjectType::default() })
    }
}
