//! Terraform's side of the conversation, with models in place of bytes.

use tfplugin::cty::{self, Raw};
use tfplugin::proto::tfplugin6::provider_server::Provider as _;
use tfplugin::proto::tfplugin6::{self as pb, DynamicValue};
use tfplugin::{Model, Path, Server};
use tonic::{Request, Response, Status};

use crate::provider::{Config, Corner, Thing};

/// A provider in this process.
pub(crate) struct Terraform {
    pub(crate) server: Server<Corner>,
}

/// What an apply, a read or an import left: the state, the diagnostics as `severity path: summary`, private notes.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome<M = Thing> {
    pub(crate) state: Option<M>,
    pub(crate) told: Vec<String>,
    pub(crate) private: Vec<u8>,
}

impl<M> Outcome<M> {
    /// The state, when all went well.
    pub(crate) fn ok(self) -> M {
        assert!(!self.told.iter().any(|line| line.starts_with("error")), "{:?}", self.told);
        self.state.expect("a state")
    }

    pub(crate) fn notes(&self) -> serde_json::Value {
        serde_json::from_slice(&self.private).expect("notes")
    }
}

/// The answer of a call; a failed call is a defect, for errors travel as diagnostics.
pub(crate) fn answered<T>(response: Result<Response<T>, Status>) -> T {
    response.expect("an answer").into_inner()
}

/// A request that asks for nothing in particular.
pub(crate) fn plain<T: Default>() -> Request<T> {
    Request::new(T::default())
}

#[expect(clippy::unnecessary_wraps, reason = "messages have it so")]
pub(crate) fn encoded<M: Model>(model: Option<M>) -> Option<DynamicValue> {
    let raw = model.map_or(Raw::Null, M::into_raw);
    Some(DynamicValue { msgpack: cty::encode(&raw, &M::object().ty()), json: Vec::new() })
}

pub(crate) fn decoded<M: Model>(value: Option<DynamicValue>) -> Option<M> {
    let raw = cty::decode(&value?.msgpack, &M::object().ty()).expect("a value of the type");
    (!raw.is_null()).then(|| M::from_raw(raw, &Path::root()).expect("a model"))
}

pub(crate) fn told(diagnostics: &[pb::Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(line).collect()
}

fn line(diagnostic: &pb::Diagnostic) -> String {
    let severity = if diagnostic.severity() == pb::diagnostic::Severity::Error { "error" } else { "warning" };
    let place = diagnostic.attribute.as_ref().map(|path| format!(" {}", written(path))).unwrap_or_default();
    format!("{severity}{place}: {}", diagnostic.summary)
}

pub(crate) fn written(path: &pb::AttributePath) -> String {
    use pb::attribute_path::step::Selector;
    let steps = path.steps.iter().map(|step| match step.selector.as_ref().expect("a step") {
        Selector::AttributeName(name) => name.clone(),
        Selector::ElementKeyString(key) => format!("[{key:?}]"),
        Selector::ElementKeyInt(index) => format!("[{index}]"),
    });
    steps.collect::<Vec<_>>().join(".")
}

impl Terraform {
    pub(crate) fn unconfigured() -> Self {
        Self { server: Server::new() }
    }

    pub(crate) async fn new() -> Self {
        let terraform = Self::unconfigured();
        assert_eq!(terraform.configure(Config::default(), "1.11.4").await, [""; 0]);
        terraform
    }

    pub(crate) async fn configure(&self, config: Config, version: &str) -> Vec<String> {
        let request = pb::configure_provider::Request {
            terraform_version: version.to_owned(),
            config: encoded(Some(config)),
            ..Default::default()
        };
        told(&answered(self.server.configure_provider(Request::new(request)).await).diagnostics)
    }

    pub(crate) async fn validate(&self, config: Thing) -> Vec<String> {
        self.validate_for(config, true).await
    }

    pub(crate) async fn validate_for(
        &self,
        config: Thing,
        write_only_attributes_allowed: bool,
    ) -> Vec<String> {
        let capabilities = pb::ClientCapabilities { write_only_attributes_allowed, ..Default::default() };
        let request = pb::validate_resource_config::Request {
            type_name: "corner_thing".to_owned(),
            config: encoded(Some(config)),
            client_capabilities: Some(capabilities),
        };
        told(&answered(self.server.validate_resource_config(Request::new(request)).await).diagnostics)
    }

    /// Plans; what the configuration leaves out is proposed as it was.
    pub(crate) async fn plan(
        &self,
        prior: Option<&Thing>,
        config: Option<&Thing>,
    ) -> pb::plan_resource_change::Response {
        let proposed = config.map(|config| {
            let prior = prior.cloned().unwrap_or_default();
            Thing {
                id: prior.id,
                secret_length: prior.secret_length,
                colour: config.colour.clone().or(prior.colour),
                amount: config.amount.clone().or(prior.amount),
                ..config.clone()
            }
        });
        let request = pb::plan_resource_change::Request {
            type_name: "corner_thing".to_owned(),
            prior_state: encoded(prior.cloned()),
            proposed_new_state: encoded(proposed),
            config: encoded(config.cloned()),
            prior_private: b"{\"kept\":1}".to_vec(),
            ..Default::default()
        };
        answered(self.server.plan_resource_change(Request::new(request)).await)
    }

    /// Plans and applies.
    pub(crate) async fn apply(&self, prior: Option<&Thing>, config: Option<&Thing>) -> Outcome {
        let planned = self.plan(prior, config).await;
        assert_eq!(told(&planned.diagnostics), [""; 0], "the plan");
        let request = pb::apply_resource_change::Request {
            type_name: "corner_thing".to_owned(),
            prior_state: encoded(prior.cloned()),
            planned_state: planned.planned_state,
            config: encoded(config.cloned()),
            planned_private: planned.planned_private,
            ..Default::default()
        };
        let answer = answered(self.server.apply_resource_change(Request::new(request)).await);
        Outcome { state: decoded(answer.new_state), told: told(&answer.diagnostics), private: answer.private }
    }

    pub(crate) async fn read(&self, state: &Thing) -> Outcome {
        let request = pb::read_resource::Request {
            type_name: "corner_thing".to_owned(),
            current_state: encoded(Some(state.clone())),
            private: b"{\"reads\":1}".to_vec(),
            ..Default::default()
        };
        let answer = answered(self.server.read_resource(Request::new(request)).await);
        Outcome { state: decoded(answer.new_state), told: told(&answer.diagnostics), private: answer.private }
    }
}
