//! A bucket of a simulated S3, as Terraform makes it and as a stranger sees it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acceptance::fault_rule::Rule;
use acceptance::http_client::{Answer, HttpClient};
use acceptance::stage::Stage;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The store in the state.
pub(crate) const STORE: &str = "socle_backup_store.main";

const PATIENCE: Duration = Duration::from_mins(1);

/// moto asks for a signature on objects, and does not look at it.
const ANYBODY: &str = "AWS4-HMAC-SHA256 Credential=anybody/20260101/eu-west-3/s3/aws4_request, SignedHeaders=host, \
                       Signature=none";

/// The bucket of one test.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) stage: Stage,
    http: HttpClient,
}

/// The configuration of a store.
pub(crate) fn store(bucket: &str, arguments: &str) -> String {
    // The simulated S3 is spoken to without TLS.
    format!(
        "resource \"socle_backup_store\" \"main\" {{\n  bucket = \"{bucket}\"\n  tls_only = false\n  {arguments}\n}}\n"
    )
}

impl Bucket {
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Names of buckets are shared by all accounts.
        let name = format!("socle-test-{}-{number}", std::process::id());
        Ok(Self { name, stage: Stage::new()?, http: HttpClient::new() })
    }

    /// A call of S3 as somebody else: `?policy`, `/key`, or nothing for the bucket itself.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, target: &str, body: &str) -> Answer {
        let url = format!("{}/{}{target}", self.stage.aws.url(), self.name);
        let header = |name: &str| name.parse().expect("a name");
        let headers = [(header("authorization"), ANYBODY), (header("content-type"), "application/xml")];
        self.http.send(method, &url, &headers, body).expect("an answer")
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> String {
        self.send("GET", target, "").text()
    }

    #[track_caller]
    pub(crate) fn put(&self, target: &str, body: &str) {
        let answer = self.send("PUT", target, body);
        assert!(answer.status < 300, "PUT {target}: {} {}", answer.status, answer.text());
    }

    /// Checks with S3 itself that every safeguard is there.
    #[track_caller]
    pub(crate) fn assert_safe(&self, days: u32) {
        let says = |target: &str, wanted: &[&str]| {
            let said = self.get(target);
            for word in wanted {
                assert!(said.contains(word), "{target} lacks {word}:\n{said}");
            }
        };
        says("?versioning", &["<Status>Enabled</Status>"]);
        says("?encryption", &["AES256"]);
        let block = self.get("?publicAccessBlock").to_lowercase();
        assert_eq!(block.matches(">true<").count(), 4, "{block}");
        let kept = format!("<NoncurrentDays>{days}</NoncurrentDays>");
        says(
            "?lifecycle",
            &[&kept, "<DaysAfterInitiation>7</DaysAfterInitiation>", "<Status>Enabled</Status>"],
        );
    }

    /// Applies a store and kills Terraform and the provider while this call is under way.
    pub(crate) fn kill_apply_at(&self, action: &str) -> Result {
        self.stage.write(&store(&self.name, ""))?;
        self.stage.terraform.validate()?;
        self.stage.aws.inject(Rule::on(action).delay(PATIENCE * 2));
        let mut command = self.stage.terraform.command(&self.stage.terraform.folder().join(".settings"));
        command.args(["apply", "-auto-approve", "-input=false"]).process_group(0);
        let mut run = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        assert!(self.stage.aws.await_call(action, PATIENCE), "{}", self.stage.aws.summary());
        let killed = Command::new("kill").args(["-KILL", "--", &format!("-{}", run.id())]).status()?;
        assert!(killed.success(), "kill");
        run.wait()?;
        self.stage.aws.heal();
        Ok(())
    }
}
