//! The derive macros of `tfplugin`: one declaration becomes schema, model, attribute paths and documentation.
//!
//! Use them through `tfplugin`, whose front page explains the words that a field takes. Every field of a
//! declaration that is wrong is reported, not only the first, each where it stands and with the cure.

mod attribute;
mod model;
mod parameters;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, Fields, FieldsNamed, parse_macro_input};

/// Makes a struct the model of a resource, a data source, a block or a nested attribute.
#[proc_macro_derive(Model, attributes(tf))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    model::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a struct the parameters of a function.
#[proc_macro_derive(Parameters, attributes(tf))]
pub fn derive_parameters(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    parameters::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn named_fields<'i>(input: &'i DeriveInput, what: &str) -> syn::Result<&'i FieldsNamed> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields),
            _ => {
                Err(syn::Error::new_spanned(&input.ident, format!("a {what} is a struct with named fields")))
            }
        },
        _ => Err(syn::Error::new_spanned(&input.ident, format!("a {what} is a struct"))),
    }
}

/// Joins the mistakes of many fields into one error.
fn all<T>(results: impl Iterator<Item = syn::Result<T>>) -> syn::Result<Vec<T>> {
    let mut good = Vec::new();
    let mut bad: Option<syn::Error> = None;
    for result in results {
        match (result, &mut bad) {
            (Ok(value), _) => good.push(value),
            (Err(error), Some(bad)) => bad.combine(error),
            (Err(error), None) => bad = Some(error),
        }
    }
    bad.map_or(Ok(good), Err)
}

/// The name in HCL: `r#type` is `type`.
fn hcl_name(ident: &syn::Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").unwrap_or(&name).to_owned()
}

/// The text of the doc comment.
fn documentation(attributes: &[syn::Attribute]) -> String {
    let lines =
        attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            match &attribute.meta.require_name_value().ok()?.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            }
        });
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// `T` of a field `outer<T>`.
fn inner_type<'t>(ty: &'t syn::Type, outer: &str) -> Option<&'t syn::Type> {
    let syn::Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == outer)?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}
