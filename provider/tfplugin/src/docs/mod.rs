//! Registry pages, written from the declarations.
//!
//! The layout is that of `tfplugindocs`, so the registry shows the pages; `tfplugindocs validate` (0.24) accepts them.
//! What the declarations know is written out: constraints, defaults, what forces a new object, what must hold between
//! arguments. Only the examples come from files, because a test can apply those.

mod examples;
mod function;
mod page;
mod schema;

use std::collections::{BTreeMap, BTreeSet};

pub use examples::{Examples, ReadError};

use crate::model::Model as _;
use crate::provider::Provider;
use page::Page;

/// Every page of the provider's documentation, as path below the folder `docs` (`resources/dns_zone.md`) and text.
///
/// A pure function of the declarations and the examples; write the pages out, and let a test compare.
pub fn pages<P: Provider>(examples: &Examples) -> BTreeMap<String, String> {
    let write = |page: Page| (page.path(), page.text(examples));
    pages_of::<P>().into_iter().map(write).collect()
}

/// What the folder of examples lacks: an example of something that is served; and what it has too much: an example of
/// something that is not. A test asserts that there is none.
pub fn problems<P: Provider>(examples: &Examples) -> Vec<String> {
    let pages = pages_of::<P>();
    let wanted: BTreeSet<_> = pages.iter().map(Page::example).collect();
    let missing = wanted.iter().filter(|path| examples.get(path).is_none());
    let missing = missing.map(|path| format!("{path} is missing: add an example that can be applied"));
    let folders: BTreeSet<_> =
        wanted.iter().filter_map(|path| path.rsplit_once('/')).map(|(folder, _)| folder).collect();
    let unknown = examples.folders().filter(|folder| !folders.contains(folder));
    let unknown = unknown.map(|folder| format!("{folder} is the example of something that is not served"));
    missing.chain(unknown).collect()
}

/// Paragraphs, sections or pages made of parts, of which some may be empty.
fn joined<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let parts: Vec<_> = parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

fn pages_of<P: Provider>() -> Vec<Page> {
    let served = P::serves();
    let mut pages = vec![Page::provider(P::NAME, &P::Config::object())];
    for (own, resource) in &served.resources {
        pages.push(Page::resource(P::NAME, own, resource.as_ref()));
    }
    for (own, source) in &served.data_sources {
        pages.push(Page::data_source(P::NAME, own, source.object(), source.subcategory()));
    }
    for (own, ephemeral) in &served.ephemerals {
        pages.push(Page::ephemeral(P::NAME, own, ephemeral.object(), ephemeral.subcategory()));
    }
    for (own, function) in &served.functions {
        pages.push(Page::function(P::NAME, own, function.as_ref()));
    }
    pages
}
