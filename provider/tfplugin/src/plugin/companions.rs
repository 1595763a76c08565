//! The services that go-plugin expects beside the provider.

use std::future;
use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::proto::goplugin::grpc_broker_server::GrpcBroker;
use crate::proto::goplugin::grpc_controller_server::GrpcController;
use crate::proto::goplugin::grpc_stdio_server::GrpcStdio;
use crate::proto::goplugin::{ConnInfo, Empty, StdioData};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Keeps the broker's stream open. Nothing is brokered: protocol 6 has no call in the other direction.
pub(super) struct Broker(pub(super) CancellationToken);

#[tonic::async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Answers<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let until_either_side_ends = request.into_inner().take_until(self.0.clone().cancelled_owned());
        let silence = until_either_side_ends.filter_map(|_| future::ready(None));
        Ok(Response::new(Box::pin(silence)))
    }
}

/// Keeps the output stream open. Nothing is mirrored: logs go to stderr, which Terraform reads itself.
pub(super) struct Stdio(pub(super) CancellationToken);

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Answers<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let silence = stream::pending().take_until(self.0.clone().cancelled_owned());
        Ok(Response::new(Box::pin(silence)))
    }
}

/// Ends the program when Terraform is done with it.
pub(super) struct Controller(pub(super) CancellationToken);

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("shutting down");
        self.0.cancel();
        Ok(Response::new(Empty {}))
    }
}
