//! `#[derive(Parameters)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Field, Ident, Type};

use crate::{all, documentation, hcl_name, inner_type, named_fields};

struct Parameter {
    ident: Ident,
    name: String,
    description: String,
    /// The type of one argument.
    ty: Type,
    variadic: bool,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = named_fields(input, "list of parameters")?;
    let parameters = all(fields.named.iter().map(Parameter::parse))?;
    if let Some(early) = parameters.iter().rev().skip(1).find(|parameter| parameter.variadic) {
        return Err(syn::Error::new_spanned(&early.ident, "only the last parameter can be variadic"));
    }
    let ident = &input.ident;
    let declarations = parameters.iter().map(Parameter::declaration);
    let takes = parameters.iter().enumerate().map(|(position, parameter)| parameter.take(position));
    let constants = parameters.iter().enumerate().map(|(position, parameter)| parameter.constant(position));
    Ok(quote! {
        #[allow(dead_code, reason = "a position exists for every parameter, whether or not a message names it")]
        impl #ident {
            #(#constants)*
        }

        impl ::tfplugin::function::Parameters for #ident {
            fn parameters() -> ::std::vec::Vec<::tfplugin::function::Parameter> {
                ::std::vec![#(#declarations),*]
            }

            fn from_arguments(
                arguments: ::std::vec::Vec<::tfplugin::cty::Raw>,
            ) -> ::core::result::Result<Self, ::tfplugin::function::FunctionError> {
                let mut arguments = arguments.into_iter();
                ::core::result::Result::Ok(Self { #(#takes),* })
            }
        }
    })
}

impl Parameter {
    fn parse(field: &Field) -> syn::Result<Self> {
        let ident =
            field.ident.clone().ok_or_else(|| syn::Error::new_spanned(field, "a parameter has a name"))?;
        let description = documentation(&field.attrs);
        if description.is_empty() {
            return Err(syn::Error::new_spanned(
                &ident,
                "every parameter has a description: write a doc comment",
            ));
        }
        let mut variadic = false;
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("tf")) {
            attribute.parse_nested_meta(|meta| {
                variadic = meta.path.is_ident("variadic");
                if variadic { Ok(()) } else { Err(meta.error("a parameter takes only `variadic`")) }
            })?;
        }
        let ty = if variadic { inner_type(&field.ty, "Vec") } else { Some(&field.ty) };
        let ty = ty.cloned().ok_or_else(|| {
            syn::Error::new_spanned(&field.ty, "a variadic parameter is a `Vec<…>` of what one argument is")
        })?;
        Ok(Self { name: hcl_name(&ident), ident, description, ty, variadic })
    }

    fn declaration(&self) -> TokenStream {
        let Self { name, description, ty, variadic, .. } = self;
        quote! {
            ::tfplugin::function::Parameter {
                name: #name,
                description: #description,
                ty: <#ty as ::tfplugin::function::Taken>::ty(),
                allow_null: <#ty as ::tfplugin::function::Taken>::NULL,
                allow_unknown: <#ty as ::tfplugin::function::Taken>::UNKNOWN,
                variadic: #variadic,
            }
        }
    }

    fn take(&self, position: usize) -> TokenStream {
        let ident = &self.ident;
        if self.variadic {
            quote! {
                #ident: arguments
                    .enumerate()
                    .map(|(further, raw)| ::tfplugin::function::take(raw, #position + further))
                    .collect::<::core::result::Result<_, _>>()?
            }
        } else {
            quote!(#ident: ::tfplugin::function::take(arguments.next().unwrap_or_default(), #position)?)
        }
    }

    fn constant(&self, position: usize) -> TokenStream {
        let constant = format_ident!("{}", self.name.to_uppercase());
        let about = format!("The position of `{}`.", self.name);
        quote! {
            #[doc = #about]
            pub const #constant: ::tfplugin::function::Argument = ::tfplugin::function::Argument(#position);
        }
    }
}
