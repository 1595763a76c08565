//! The example, called over its real boundary.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use tfplugin::cty::{self, ObjectType, Raw, Type};
use tfplugin::proto::tfplugin6 as pb;
use tfplugin::proto::tfplugin6::provider_client::ProviderClient;
use tonic::transport::Channel;

use crate::terraform::{Plugin, connect_plainly, patiently};

/// What a message of this test may weigh, in bytes.
const LIMIT: usize = 64 << 20;

/// The example, configured with a folder of its own.
struct Notes {
    plugin: Plugin,
    channel: Channel,
    client: ProviderClient<Channel>,
    folder: TempDir,
}

/// A value of an object whose attributes are all strings; null without values.
fn object<const N: usize>(attributes: [&str; N], values: Option<[&str; N]>) -> pb::DynamicValue {
    let types = attributes.iter().map(|name| ((*name).to_owned(), Type::String)).collect();
    let ty = Type::Object(ObjectType { attributes: types, ..ObjectType::default() });
    let object = values.map(|values| attributes.into_iter().zip(values.map(Raw::from)).collect());
    pb::DynamicValue { msgpack: cty::encode(&object.unwrap_or(Raw::Null), &ty), json: Vec::new() }
}

#[expect(clippy::unnecessary_wraps, reason = "messages have it so")]
fn note(values: Option<[&str; 2]>) -> Option<pb::DynamicValue> {
    Some(object(["title", "text"], values))
}

impl Notes {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let plugin = Plugin::start_notes(variables).await;
        let channel = connect_plainly(plugin.socket()).await.expect("a connection");
        let mut client = ProviderClient::new(channel.clone())
            .max_decoding_message_size(LIMIT)
            .max_encoding_message_size(LIMIT);
        let folder = tempfile::tempdir().expect("a folder");
        let config = object(["folder"], Some([folder.path().to_str().expect("text")]));
        let request = pb::configure_provider::Request { config: Some(config), ..Default::default() };
        let answer = client.configure_provider(request).await.expect("an answer").into_inner();
        assert_eq!(answer.diagnostics, []);
        Self { plugin, channel, client, folder }
    }

    /// Plans and applies a new note; returns its state.
    async fn create(&mut self, title: &str, text: &str) -> Option<pb::DynamicValue> {
        let request = pb::plan_resource_change::Request {
            type_name: "notes_note".to_owned(),
            prior_state: note(None),
            proposed_new_state: note(Some([title, text])),
            config: note(Some([title, text])),
            ..Default::default()
        };
        let planned =
            patiently(self.client.plan_resource_change(request)).await.expect("a plan").into_inner();
        assert_eq!(planned.diagnostics, []);
        let request = pb::apply_resource_change::Request {
            type_name: "notes_note".to_owned(),
            prior_state: note(None),
            planned_state: planned.planned_state,
            config: note(Some([title, text])),
            ..Default::default()
        };
        let applied =
            patiently(self.client.apply_resource_change(request)).await.expect("a state").into_inner();
        assert_eq!(applied.diagnostics, []);
        applied.new_state
    }

    /// Ends the process; returns the lines that it logged.
    async fn log(self) -> Vec<Value> {
        self.plugin.shut_down(self.channel).await;
        let (_, stderr, _) = self.plugin.end().await;
        stderr.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
    }
}

#[tokio::test]
async fn a_value_of_many_megabytes_is_planned_and_applied() {
    let mut notes = Notes::start(&[]).await;
    let text = "A word. ".repeat(2 << 20);
    let state = notes.create("long", &text).await;
    assert!(state == note(Some(["long", &text])), "the value came back changed");
    let written = fs::read_to_string(notes.folder.path().join("long")).expect("a note");
    assert!(written == text, "{} bytes of {}", written.len(), text.len());
}

#[tokio::test]
async fn every_call_logs_what_it_was_and_how_long_it_took() {
    let mut notes = Notes::start(&[("TF_LOG", "DEBUG")]).await;
    notes.create("short", "A word.").await;
    let lines = notes.log().await;
    let answered: Vec<_> = lines.iter().filter(|line| line["@message"] == "answered").collect();
    let calls: Vec<_> = answered.iter().map(|line| (&line["tf_rpc"], &line["tf_resource_type"])).collect();
    let resource = &Value::from("notes_note");
    let expected = [
        (&"ConfigureProvider".into(), &Value::Null),
        (&"PlanResourceChange".into(), resource),
        (&"ApplyResourceChange".into(), resource),
    ];
    assert_eq!(calls, expected);
    for line in &answered {
        assert!(line["tf_req_duration_ms"].is_u64() && line["@timestamp"].is_string(), "{line}");
    }
    let mut ids: Vec<_> = answered.iter().filter_map(|line| line["tf_req_id"].as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each call has an id of its own: {ids:?}");
}
