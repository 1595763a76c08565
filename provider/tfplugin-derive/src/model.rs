//! `#[derive(Model)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Ident, Token};

use crate::attribute::Attribute;
use crate::{all, documentation, hcl_name, named_fields};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = named_fields(input, "model")?;
    let attributes = all(fields.named.iter().map(Attribute::parse))?;
    let rules = rules(input, &attributes)?;
    let laws = laws(&attributes);
    let typed = typed(input, &attributes);
    let schema = schema(input, &attributes, &rules);
    let paths = paths(input, &attributes);
    Ok(quote!(#laws #typed #schema #paths))
}

/// The struct's own words: what must hold between its fields.
fn rules(input: &DeriveInput, attributes: &[Attribute]) -> syn::Result<Vec<TokenStream>> {
    let mut rules = Vec::new();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("tf")) {
        attribute.parse_nested_meta(|meta| {
            let word = meta.path.require_ident()?.to_string();
            let rule = match word.as_str() {
                "exactly_one_of" => quote!(ExactlyOneOf),
                "at_least_one_of" => quote!(AtLeastOneOf),
                "conflicts_with" => quote!(ConflictsWith),
                "required_together" => quote!(RequiredTogether),
                other => {
                    return Err(meta.error(format!(
                        "`{other}` is not a rule; there are: exactly_one_of(…), at_least_one_of(…), \
                         conflicts_with(…), required_together(…)"
                    )));
                }
            };
            let content;
            syn::parenthesized!(content in meta.input);
            let names = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
            let names = all(names.iter().map(|name| known_field(name, attributes)))?;
            rules.push(quote!(::tfplugin::validate::Rule::#rule(&[#(#names),*])));
            Ok(())
        })?;
    }
    Ok(rules)
}

fn known_field(name: &Ident, attributes: &[Attribute]) -> syn::Result<String> {
    let hcl = hcl_name(name);
    if attributes.iter().any(|attribute| attribute.name == hcl) {
        Ok(hcl)
    } else {
        Err(syn::Error::new_spanned(name, format!("there is no field `{hcl}`")))
    }
}

/// What holds of the types of the fields, as the compiler checks it.
fn laws(attributes: &[Attribute]) -> TokenStream {
    let inner = attributes.iter().map(|attribute| &attribute.inner);
    let nested =
        attributes.iter().filter(|attribute| !attribute.is_block()).map(|attribute| &attribute.inner);
    quote! {
        #(const _: () = ::core::assert!(
            !<#nested as ::tfplugin::Typed>::HAS_BLOCKS,
            "an attribute cannot hold blocks: make this field a `block`, or its blocks attributes"
        );)*
        #(const _: () = ::core::assert!(
            !<#inner as ::tfplugin::Typed>::WRITE_ONLY_IN_SET,
            "Terraform allows no write-only argument inside a set: use a list or a map"
        );)*
    }
}

fn typed(input: &DeriveInput, attributes: &[Attribute]) -> TokenStream {
    let ident = &input.ident;
    let path = path_ident(input);
    let idents: Vec<_> = attributes.iter().map(|attribute| &attribute.ident).collect();
    let names: Vec<_> = attributes.iter().map(|attribute| &attribute.name).collect();
    let inner: Vec<_> = attributes.iter().map(|attribute| &attribute.inner).collect();
    let write_only = attributes.iter().any(Attribute::is_write_only);
    let blocks = attributes.iter().any(Attribute::is_block);
    quote! {
        impl ::tfplugin::Typed for #ident {
            type Path = #path;

            const HAS_WRITE_ONLY: bool = #write_only #(|| <#inner as ::tfplugin::Typed>::HAS_WRITE_ONLY)*;
            const WRITE_ONLY_IN_SET: bool = false #(|| <#inner as ::tfplugin::Typed>::WRITE_ONLY_IN_SET)*;
            const HAS_BLOCKS: bool = #blocks;

            fn kind() -> ::tfplugin::schema::Kind {
                ::tfplugin::schema::Kind::Nested(
                    ::tfplugin::schema::Nesting::Single,
                    <Self as ::tfplugin::Model>::object(),
                )
            }

            fn from_raw(
                raw: ::tfplugin::cty::Raw,
                path: &::tfplugin::Path,
            ) -> ::core::result::Result<Self, ::tfplugin::Diagnostic> {
                let mut fields = ::tfplugin::model::Fields::new(raw, path)?;
                ::core::result::Result::Ok(Self { #(#idents: fields.take(#names)?),* })
            }

            fn into_raw(self) -> ::tfplugin::cty::Raw {
                <::tfplugin::cty::Raw as ::core::iter::FromIterator<(&'static str, ::tfplugin::cty::Raw)>>::from_iter(
                    [#((#names, self.#idents.into_raw())),*],
                )
            }
        }
    }
}

fn schema(input: &DeriveInput, attributes: &[Attribute], rules: &[TokenStream]) -> TokenStream {
    let ident = &input.ident;
    let description = documentation(&input.attrs);
    let declared = |is_block: bool| {
        attributes
            .iter()
            .filter(move |attribute| attribute.is_block() == is_block)
            .map(Attribute::declaration)
            .collect::<Vec<_>>()
    };
    let (plain, blocks) = (declared(false), declared(true));
    let timeouts = attributes.iter().find_map(Attribute::timeouts).unwrap_or_else(|| quote!(&[]));
    quote! {
        impl ::tfplugin::Model for #ident {
            fn object() -> ::tfplugin::schema::Object {
                ::tfplugin::schema::Object {
                    description: #description,
                    attributes: ::std::vec![#(#plain),*],
                    blocks: ::std::vec![#(#blocks),*],
                    rules: ::std::vec![#(#rules),*],
                    timeouts: #timeouts,
                }
            }
        }
    }
}

fn path_ident(input: &DeriveInput) -> Ident {
    format_ident!("{}Path", input.ident)
}

fn paths(input: &DeriveInput, attributes: &[Attribute]) -> TokenStream {
    let (visibility, path) = (&input.vis, path_ident(input));
    let about = format!("The typed path of a `{}`.", input.ident);
    let steps = attributes.iter().map(|attribute| {
        let Attribute { ident, name, inner, .. } = attribute;
        let about = format!("The path of `{name}`.");
        quote! {
            #[doc = #about]
            pub fn #ident(&self) -> <#inner as ::tfplugin::Typed>::Path {
                self.0.attribute(#name).into()
            }
        }
    });
    quote! {
        #[doc = #about]
        #[derive(Debug, Clone)]
        #visibility struct #path(::tfplugin::Path);

        #[allow(dead_code, reason = "a path exists for every field, whether or not a message names it")]
        impl #path {
            #(#steps)*
        }

        impl ::core::convert::From<::tfplugin::Path> for #path {
            fn from(path: ::tfplugin::Path) -> Self {
                Self(path)
            }
        }

        impl ::core::convert::From<#path> for ::tfplugin::Path {
            fn from(path: #path) -> Self {
                path.0
            }
        }
    }
}
