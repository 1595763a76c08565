//! One field of a model: the words it was given, and whether they go together.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Field, Ident, LitStr, Token, Type};

use crate::{documentation, hcl_name, inner_type};

/// A field that is an attribute or a block, every combination of words checked.
pub(crate) struct Attribute {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    /// `T` of `Value<T>`.
    pub(crate) inner: Type,
    description: String,
    words: Words,
}

/// What stood in `#[tf(…)]`, each word with its place.
#[derive(Default)]
struct Words {
    required: Option<Span>,
    nullable: Option<Span>,
    optional: Option<Span>,
    computed: Option<Span>,
    sensitive: Option<Span>,
    write_only: Option<Span>,
    block: Option<Span>,
    use_state_for_unknown: Option<Span>,
    requires_replace: Option<Span>,
    requires_replace_if: Option<(Span, Expr)>,
    deprecated: Option<LitStr>,
    default: Option<(Span, Expr)>,
    validate: Vec<Expr>,
    timeouts: Option<Vec<(String, LitStr)>>,
}

const WORDS: &str = "required, nullable, optional, computed, sensitive, write_only, block, use_state_for_unknown, \
                     requires_replace, requires_replace_if(…), deprecated = \"…\", default = …, validate(…), \
                     timeouts(…)";

impl Attribute {
    pub(crate) fn parse(field: &Field) -> syn::Result<Self> {
        let ident =
            field.ident.clone().ok_or_else(|| syn::Error::new_spanned(field, "a field has a name"))?;
        let words = Words::parse(field)?;
        let description = documentation(&field.attrs);
        if description.is_empty() {
            let message =
                "every attribute has a description: write a doc comment with its unit, default and source";
            return Err(syn::Error::new_spanned(&ident, message));
        }
        let inner = inner_type(&field.ty, "Value").cloned().ok_or_else(|| {
            syn::Error::new_spanned(
                &field.ty,
                "a field of a model is a `Value<…>`: it may be null or unknown",
            )
        })?;
        words.check(&ident)?;
        Ok(Self { name: hcl_name(&ident), ident, inner, description, words })
    }

    /// Does it stand among the blocks of its object?
    pub(crate) fn is_block(&self) -> bool {
        self.words.block.is_some() || self.words.timeouts.is_some()
    }

    pub(crate) fn is_write_only(&self) -> bool {
        self.words.write_only.is_some()
    }

    /// The operations of a `timeouts` block, each with its default.
    pub(crate) fn timeouts(&self) -> Option<TokenStream> {
        let operations =
            self.words.timeouts.as_ref()?.iter().map(|(name, default)| quote!((#name, #default)));
        Some(quote!(&[#(#operations),*]))
    }

    /// The expression that declares it in a schema.
    pub(crate) fn declaration(&self) -> TokenStream {
        let Self { name, description, inner, words, .. } = self;
        match &words.timeouts {
            Some(operations) => timeouts_block(description, operations),
            None if words.block.is_some() => {
                let required = words.required.is_some();
                quote!(::tfplugin::schema::Block::of::<#inner>(#name, #description, #required))
            }
            None => self.attribute(),
        }
    }

    fn attribute(&self) -> TokenStream {
        let Self { name, description, inner, words, .. } = self;
        let presence = words.presence();
        let (sensitive, write_only) = (words.sensitive.is_some(), words.write_only.is_some());
        let keep = words.use_state_for_unknown.is_some();
        let deprecated = optional(words.deprecated.as_ref().map(|instead| quote!(#instead)));
        let default = optional(words.default.as_ref().map(|(_, value)| default_value(value, inner)));
        let checks = words.validate.iter().map(|validator| {
            quote!({
                #[allow(unused_imports, reason = "a validator may also be one of the author's")]
                use ::tfplugin::validate::*;
                Check::new::<#inner>(#validator)
            })
        });
        let replace = words.replace(inner);
        quote! {
            ::tfplugin::schema::Attribute {
                name: #name,
                description: #description,
                kind: <#inner as ::tfplugin::Typed>::kind(),
                presence: ::tfplugin::schema::Presence::#presence,
                sensitive: #sensitive,
                write_only: #write_only,
                deprecated: #deprecated,
                default: #default,
                checks: ::std::vec![#(#checks),*],
                replace: #replace,
                use_state_for_unknown: #keep,
            }
        }
    }
}

fn timeouts_block(description: &str, operations: &[(String, LitStr)]) -> TokenStream {
    let attributes = operations.iter().map(|(operation, default)| {
        let description = format!("How long {operation} may take. Default: `{}`.", default.value());
        quote!(::tfplugin::timeouts::attribute(#operation, #description))
    });
    quote!(::tfplugin::timeouts::block(#description, ::std::vec![#(#attributes),*]))
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::std::option::Option::None),
        |value| quote!(::std::option::Option::Some(#value)),
    )
}

/// A string literal becomes a `String`; everything else is of the attribute's type already.
fn default_value(value: &Expr, inner: &Type) -> TokenStream {
    let owned = match value {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
            quote!(::std::string::String::from(#text))
        }
        other => quote!(#other),
    };
    quote!({
        let default: #inner = #owned;
        <#inner as ::tfplugin::Typed>::into_raw(default)
    })
}

/// Whether it was made, where it stands, and the cure.
type Mistake = (bool, Option<Span>, &'static str);

impl Words {
    fn parse(field: &Field) -> syn::Result<Self> {
        let mut words = Self::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("tf")) {
            attribute.parse_nested_meta(|meta| words.word(&meta))?;
        }
        Ok(words)
    }

    fn word(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        let ident = meta.path.require_ident()?;
        let span = Some(ident.span());
        match ident.to_string().as_str() {
            "required" => self.required = span,
            "nullable" => self.nullable = span,
            "optional" => self.optional = span,
            "computed" => self.computed = span,
            "sensitive" => self.sensitive = span,
            "write_only" => self.write_only = span,
            "block" => self.block = span,
            "use_state_for_unknown" => self.use_state_for_unknown = span,
            "requires_replace" => self.requires_replace = span,
            "requires_replace_if" => {
                let content;
                syn::parenthesized!(content in meta.input);
                self.requires_replace_if = Some((ident.span(), content.parse()?));
            }
            "deprecated" => self.deprecated = Some(meta.value()?.parse()?),
            "default" => self.default = Some((ident.span(), meta.value()?.parse()?)),
            "validate" => {
                let content;
                syn::parenthesized!(content in meta.input);
                self.validate.extend(Punctuated::<Expr, Token![,]>::parse_terminated(&content)?);
            }
            "timeouts" => {
                let mut operations = Vec::new();
                meta.parse_nested_meta(|meta| {
                    let operation = hcl_name(meta.path.require_ident()?);
                    operations.push((operation, meta.value()?.parse()?));
                    Ok(())
                })?;
                self.timeouts = Some(operations);
            }
            other => return Err(meta.error(format!("`{other}` is not a word of `tf`; there are: {WORDS}"))),
        }
        Ok(())
    }

    /// Refuses what makes no sense together, and says what would.
    fn check(&self, ident: &Ident) -> syn::Result<()> {
        if self.timeouts.is_some() {
            return self.check_timeouts(ident);
        }
        if self.block.is_some() {
            return self.check_block();
        }
        let mistakes = [self.of_presence(ident), self.of_value(), self.of_change()].concat();
        let mistakes = mistakes.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        let mistakes =
            mistakes.map(|(_, span, cure)| Err(syn::Error::new(span.unwrap_or(ident.span()), cure)));
        crate::all::<()>(mistakes).map(drop)
    }

    /// Who sets it.
    fn of_presence(&self, ident: &Ident) -> Vec<Mistake> {
        vec![
            (
                self.required.is_some() && self.optional.is_some(),
                self.optional,
                "`required` or `optional`: not both",
            ),
            (
                self.required.is_some() && self.computed.is_some(),
                self.computed,
                "what the user must write, the provider cannot compute: use `optional, computed`, or one of the two",
            ),
            (
                self.nullable.is_some() && self.required.is_none(),
                self.nullable,
                "`nullable` goes with `required`: it must be written, and null is a legal answer",
            ),
            (
                self.required.or(self.optional).or(self.computed).is_none(),
                Some(ident.span()),
                "say who sets it: `#[tf(required)]`, `#[tf(optional)]`, `#[tf(computed)]`, \
                 `#[tf(optional, computed)]` or `#[tf(block)]`",
            ),
        ]
    }

    /// What it may hold.
    fn of_value(&self) -> Vec<Mistake> {
        let has_default = self.default.as_ref().map(|(span, _)| *span);
        vec![
            (
                has_default.is_some() && self.optional.or(self.computed).is_none(),
                has_default,
                "a default is for what the user may leave out: use `optional`",
            ),
            (
                has_default.is_some() && self.computed.is_some(),
                has_default,
                "an attribute with a default is never computed otherwise: use `optional` without `computed`",
            ),
            (
                self.write_only.is_some() && self.computed.is_some(),
                self.write_only,
                "a write-only argument is in no state, so the provider cannot compute it",
            ),
            (
                self.write_only.is_some() && has_default.is_some(),
                has_default,
                "a write-only argument is in no plan, so it has no default: leave `default` out",
            ),
        ]
    }

    /// What a change of it means.
    fn of_change(&self) -> Vec<Mistake> {
        let replaces = self.requires_replace.or(self.requires_replace_if.as_ref().map(|(span, _)| *span));
        let result_only = self.computed.is_some() && self.optional.is_none();
        vec![
            (
                self.write_only.is_some() && replaces.is_some(),
                replaces,
                "a change of a write-only argument cannot be seen: put `requires_replace` on its version",
            ),
            (
                self.use_state_for_unknown.is_some() && self.computed.is_none(),
                self.use_state_for_unknown,
                "only what the provider sets can become unknown: use `computed`",
            ),
            (
                result_only && !self.validate.is_empty(),
                self.validate.first().map(Spanned::span),
                "what only the provider sets needs no validator: leave `validate` out",
            ),
            (
                result_only && replaces.is_some(),
                replaces,
                "what only the provider sets cannot be changed by the user: leave `requires_replace` out",
            ),
            (
                self.requires_replace.is_some() && self.requires_replace_if.is_some(),
                self.requires_replace,
                "`requires_replace` or `requires_replace_if(…)`: not both",
            ),
        ]
    }

    /// What stands in a block has words of its own; the block as a whole is there or not.
    fn check_block(&self) -> syn::Result<()> {
        let presence = self.optional.or(self.computed).or(self.nullable);
        match presence.or(self.of_an_attribute()) {
            None => Ok(()),
            Some(span) => Err(syn::Error::new(
                span,
                "a block is `block` or `block, required`: put every other word on the fields inside",
            )),
        }
    }

    fn check_timeouts(&self, ident: &Ident) -> syn::Result<()> {
        if hcl_name(ident) != "timeouts" {
            return Err(syn::Error::new_spanned(ident, "name this field `timeouts`, as users know it"));
        }
        let presence = self.required.or(self.optional).or(self.computed).or(self.nullable).or(self.block);
        match presence.or(self.of_an_attribute()) {
            None => Ok(()),
            Some(span) => {
                Err(syn::Error::new(span, "`timeouts(…)` is always an optional block: leave this out"))
            }
        }
    }

    /// The first word that only an attribute takes, beyond who sets it.
    fn of_an_attribute(&self) -> Option<Span> {
        let flags =
            self.sensitive.or(self.write_only).or(self.use_state_for_unknown).or(self.requires_replace);
        let values = self.requires_replace_if.as_ref().or(self.default.as_ref()).map(|(span, _)| *span);
        let others = self.deprecated.as_ref().map(Spanned::span).or(self.validate.first().map(Spanned::span));
        flags.or(values).or(others)
    }

    fn replace(&self, inner: &Type) -> TokenStream {
        match (&self.requires_replace, &self.requires_replace_if) {
            (Some(_), _) => quote!(::tfplugin::schema::Replace::Always),
            (None, Some((_, decide))) => quote!(::tfplugin::schema::Replace::when::<#inner>(#decide)),
            (None, None) => quote!(::tfplugin::schema::Replace::Never),
        }
    }

    fn presence(&self) -> Ident {
        let name = match (self.required.is_some(), self.optional.is_some(), self.computed.is_some()) {
            (true, ..) if self.nullable.is_some() => "RequiredNullable",
            (true, ..) => "Required",
            (_, true, true) => "OptionalComputed",
            (_, true, false) => "Optional",
            _ => "Computed",
        };
        Ident::new(name, Span::call_site())
    }
}
