//! One page.

use super::examples::Examples;
use super::{function, joined, schema};
use crate::schema::Object;
use crate::serve::{ServedFunction, ServedResource};

/// A page before it is written.
pub(super) struct Page {
    place: Place,
    provider: &'static str,
    /// The full type name, or the name of the function or provider.
    name: String,
    subcategory: &'static str,
    /// One line for the registry's list.
    summary: String,
    description: String,
    /// The sections after the example, headings included.
    body: String,
    identity: Option<Object>,
}

/// Where the registry shows it.
#[derive(Clone, Copy)]
enum Place {
    Provider,
    Resource,
    DataSource,
    Ephemeral,
    Function,
}

impl Place {
    /// Its folder, and the name of its example.
    fn files(self) -> (&'static str, &'static str) {
        match self {
            Self::Provider => ("provider", "provider.tf"),
            Self::Resource => ("resources", "resource.tf"),
            Self::DataSource => ("data-sources", "data-source.tf"),
            Self::Ephemeral => ("ephemeral-resources", "ephemeral-resource.tf"),
            Self::Function => ("functions", "function.tf"),
        }
    }

    /// As the registry calls it.
    fn kind(self) -> &'static str {
        match self {
            Self::Provider => "Provider",
            Self::Resource => "Resource",
            Self::DataSource => "Data Source",
            Self::Ephemeral => "Ephemeral Resource",
            Self::Function => "function",
        }
    }
}

impl Page {
    fn of(place: Place, provider: &'static str, name: String, object: &Object) -> Self {
        Self {
            place,
            provider,
            name,
            subcategory: "",
            summary: summary(object.description),
            description: object.description.to_owned(),
            body: schema::section(object),
            identity: None,
        }
    }

    pub(super) fn provider(name: &'static str, config: &Object) -> Self {
        Self::of(Place::Provider, name, name.to_owned(), config)
    }

    pub(super) fn resource<C>(provider: &'static str, own: &str, resource: &dyn ServedResource<C>) -> Self {
        let identity = resource.identity_object();
        Self {
            subcategory: resource.subcategory(),
            identity: Some(identity.clone()).filter(|identity| !identity.attributes.is_empty()),
            ..Self::of(Place::Resource, provider, format!("{provider}_{own}"), resource.object())
        }
    }

    pub(super) fn data_source(
        provider: &'static str,
        own: &str,
        object: &Object,
        subcategory: &'static str,
    ) -> Self {
        Self { subcategory, ..Self::of(Place::DataSource, provider, format!("{provider}_{own}"), object) }
    }

    pub(super) fn ephemeral(
        provider: &'static str,
        own: &str,
        object: &Object,
        subcategory: &'static str,
    ) -> Self {
        Self { subcategory, ..Self::of(Place::Ephemeral, provider, format!("{provider}_{own}"), object) }
    }

    pub(super) fn function(provider: &'static str, name: &str, function: &dyn ServedFunction) -> Self {
        Self {
            place: Place::Function,
            provider,
            name: name.to_owned(),
            subcategory: "",
            summary: summary(function.summary()),
            description: function.description().to_owned(),
            body: function::sections(name, function),
            identity: None,
        }
    }

    /// Its path below the folder `docs`; names are without the provider's prefix there.
    pub(super) fn path(&self) -> String {
        let own = self
            .name
            .strip_prefix(self.provider)
            .and_then(|rest| rest.strip_prefix('_'))
            .unwrap_or(&self.name);
        match self.place {
            Place::Provider => "index.md".to_owned(),
            place => format!("{}/{own}.md", place.files().0),
        }
    }

    /// The path of its example below the folder `examples`.
    pub(super) fn example(&self) -> String {
        let (folder, file) = self.place.files();
        match self.place {
            Place::Provider => format!("{folder}/{file}"),
            _ => format!("{folder}/{}/{file}", self.name),
        }
    }

    /// The page as Markdown with front matter.
    pub(super) fn text(&self, examples: &Examples) -> String {
        let mut parts = vec![self.front_matter(), self.title(), self.description.clone()];
        if let Some(example) = examples.get(&self.example()) {
            parts.push(format!("## Example Usage\n\n{}", code("terraform", example)));
        }
        parts.push(self.body.clone());
        parts.extend(self.import(examples));
        joined(parts.iter().map(String::as_str)) + "\n"
    }

    fn front_matter(&self) -> String {
        let Self { name, provider, subcategory, summary, .. } = self;
        let kind = self.place.kind();
        // The registry lists no page beside the provider's own, so it takes no subcategory there.
        let (title, subcategory) = match self.place {
            Place::Provider => (format!("{name} {kind}"), String::new()),
            _ => (format!("{name} {kind} - {provider}"), format!("subcategory: \"{subcategory}\"\n")),
        };
        format!("---\npage_title: \"{title}\"\n{subcategory}description: |-\n  {summary}\n---")
    }

    fn title(&self) -> String {
        let (name, kind) = (&self.name, self.place.kind());
        match self.place {
            Place::Provider => format!("# {name} {kind}"),
            Place::Function => format!("# {kind}: {name}"),
            _ => format!("# {name} ({kind})"),
        }
    }

    /// How an existing object comes under Terraform's hand, as far as there are examples of it.
    fn import(&self, examples: &Examples) -> Option<String> {
        let (folder, _) = self.place.files();
        let example = |file: &str| examples.get(&format!("{folder}/{}/{file}", self.name));
        let block = "the [`import` block](https://developer.hashicorp.com/terraform/language/import)";
        let ways = [
            example("import-by-identity.tf").map(|text| {
                let identity = self.identity.as_ref().map(schema::identity).unwrap_or_default();
                let text = code("terraform", text);
                format!("Since Terraform 1.12, {block} takes an `identity`:\n\n{text}\n\n{identity}")
            }),
            example("import-by-string-id.tf").map(|text| {
                format!("Since Terraform 1.5, {block} takes an `id`:\n\n{}", code("terraform", text))
            }),
            example("import.sh").map(|text| format!("On the command line:\n\n{}", code("shell", text))),
        ];
        let ways: Vec<_> = ways.into_iter().flatten().map(|way| way.trim().to_owned()).collect();
        (!ways.is_empty()).then(|| format!("## Import\n\n{}", ways.join("\n\n")))
    }
}

fn code(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```", text.trim())
}

/// The first paragraph on one line, without marks: the registry shows it in lists and search results.
fn summary(markdown: &str) -> String {
    let paragraph = markdown.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = paragraph.split_whitespace().collect();
    let mut plain = String::new();
    let mut rest = words.join(" ").replace('`', "").replace("**", "");
    // `[text](address)` becomes `text`.
    while let Some((before, text, after)) = link(&rest) {
        plain.push_str(before);
        plain.push_str(text);
        rest = after.to_owned();
    }
    plain + &rest
}

fn link(markdown: &str) -> Option<(&str, &str, &str)> {
    let (before, link) = markdown.split_once('[')?;
    let (text, after) = link.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    Some((before, text, after))
}
