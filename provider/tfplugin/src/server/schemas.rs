//! `GetMetadata`, `GetProviderSchema`, `GetResourceIdentitySchemas`, `GetFunctions`.

use std::collections::BTreeMap;

use super::{Server, encode};
use crate::proto::tfplugin6 as pb;
use crate::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) fn get_metadata(&self) -> pb::get_metadata::Response {
        use pb::get_metadata as m;
        let name = |own: &&str| full_name::<P>(own);
        pb::get_metadata::Response {
            server_capabilities: Some(capabilities()),
            data_sources: (self.served.data_sources.keys())
                .map(|own| m::DataSourceMetadata { type_name: name(own) })
                .collect(),
            resources: (self.served.resources.keys())
                .map(|own| m::ResourceMetadata { type_name: name(own) })
                .collect(),
            functions: (self.served.functions.keys())
                .map(|own| m::FunctionMetadata { name: (*own).to_owned() })
                .collect(),
            ephemeral_resources: (self.served.ephemerals.keys())
                .map(|own| m::EphemeralMetadata { type_name: name(own) })
                .collect(),
            ..Default::default()
        }
    }

    pub(super) fn get_provider_schema(&self) -> pb::get_provider_schema::Response {
        pb::get_provider_schema::Response {
            provider: Some(encode::schema(&self.provider, 0)),
            // Never null: Terraform takes its absence for "no schema of provider_meta".
            provider_meta: Some(pb::Schema { version: 0, block: Some(pb::schema::Block::default()) }),
            resource_schemas: (self.served.resources.iter())
                .map(|(own, served)| (full_name::<P>(own), encode::schema(served.object(), served.version())))
                .collect(),
            data_source_schemas: (self.served.data_sources.iter())
                .map(|(own, served)| (full_name::<P>(own), encode::schema(served.object(), 0)))
                .collect(),
            ephemeral_resource_schemas: (self.served.ephemerals.iter())
                .map(|(own, served)| (full_name::<P>(own), encode::schema(served.object(), 0)))
                .collect(),
            functions: self.functions(),
            server_capabilities: Some(capabilities()),
            ..Default::default()
        }
    }

    pub(super) fn get_resource_identity_schemas(&self) -> pb::get_resource_identity_schemas::Response {
        let with_identity = self
            .served
            .resources
            .iter()
            .filter(|(_, served)| !served.identity_object().attributes.is_empty());
        let identity_schemas = with_identity
            .map(|(own, served)| (full_name::<P>(own), encode::identity_schema(served.identity_object())))
            .collect();
        pb::get_resource_identity_schemas::Response { identity_schemas, diagnostics: Vec::new() }
    }

    pub(super) fn get_functions(&self) -> pb::get_functions::Response {
        pb::get_functions::Response { functions: self.functions(), diagnostics: Vec::new() }
    }

    fn functions(&self) -> BTreeMap<String, pb::Function> {
        let functions = self.served.functions.iter();
        functions.map(|(own, served)| ((*own).to_owned(), encode::function(served.as_ref()))).collect()
    }
}

fn full_name<P: Provider>(own: &str) -> String {
    format!("{}_{own}", P::NAME)
}

fn capabilities() -> pb::ServerCapabilities {
    pb::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        // Terraform's own generation from the state suffices.
        generate_resource_config: false,
    }
}
