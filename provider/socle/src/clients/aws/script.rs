//! An AWS that plays a script, inside the process: clocks can be paused, every request is kept.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_route53::config::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;

use super::{Aws, AwsSettings, OnceCell, SdkConfig, connect, loader};

/// The request id of every answer.
pub(crate) const REQUEST_ID: &str = "request-1";

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// The connection is cut after the request was sent.
    Cut,
    /// Nothing, ever.
    Silence,
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) user_agent: String,
    pub(crate) body: String,
}

/// The replies still to give, and the requests that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Script(Arc<Mutex<(VecDeque<Reply>, Vec<Arrived>)>>);

impl Script {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Arc::new(Mutex::new((replies.into_iter().collect(), Vec::new()))))
    }

    /// The requests, in the order of arrival.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// AWS under `settings`, with this script at the other end and made-up credentials.
    pub(crate) async fn aws(&self, settings: AwsSettings) -> Aws {
        let config = self.config(&settings).await;
        Aws { settings, config: OnceCell::new_with(Some(config)) }
    }

    async fn config(&self, settings: &AwsSettings) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let loader = loader(settings)
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .credentials_provider(Credentials::new("key", "secret", None, None, "script"));
        connect(loader, settings).await
    }

    fn play(&self, request: &HttpRequest) -> Reply {
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let arrived = Arrived {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            user_agent: request.headers().get("user-agent").unwrap_or_default().to_owned(),
            body: text(request.body().bytes()),
        };
        let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        script.1.push(arrived);
        script.0.pop_front().expect("the script has a reply for every request")
    }
}

impl Reply {
    /// An error as Route 53 and STS word it.
    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>why</Message></Error></ErrorResponse>"
        );
        Self::Answer(status, body)
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.play(&request) {
            Reply::Answer(status, body) => {
                let status = status.try_into().expect("the script gives a legal status");
                let mut response = HttpResponse::new(status, body.into());
                response.headers_mut().insert("x-amzn-requestid", REQUEST_ID);
                HttpConnectorFuture::ready(Ok(response))
            }
            Reply::Cut => {
                let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                HttpConnectorFuture::ready(Err(ConnectorError::io(cut.into())))
            }
            Reply::Silence => HttpConnectorFuture::new(pending()),
        }
    }
}
