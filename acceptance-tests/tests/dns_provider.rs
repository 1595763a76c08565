//! The `aws` block of the provider, and what of the environment stands in for it, as a zone uses them.

use std::error::Error;

use acceptance::fault_proxy::Call;
use acceptance::stage::Stage;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ZONE: &str = "resource \"socle_dns_zone\" \"main\" {\n  name = \"example.test\"\n}\n";

fn stage_with(variable: &str, value: &str) -> Result<Stage> {
    let stage = Stage::new()?;
    let terraform = stage.terraform.with_variable(variable, value);
    Ok(Stage { terraform, ..stage })
}

/// An AWS that the environment does not lead to: nobody listens there.
fn stage() -> Result<Stage> {
    stage_with("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
}

/// The provider with this `aws` block, in which `URL` stands for the simulated AWS, and a zone.
fn configuration(stage: &Stage, block: &str) -> String {
    let block = block.replace("URL", &format!("{:?}", stage.aws.url()));
    format!("provider \"socle\" {{\n  aws {{\n    {block}\n  }}\n}}\n{ZONE}")
}

fn signed_by(call: &Call) -> &str {
    let credential = call.header("authorization").split("Credential=").nth(1).unwrap_or_default();
    credential.split('/').next().unwrap_or_default()
}

#[test]
fn an_endpoint_of_the_block_comes_before_that_of_the_environment() -> Result {
    let stage = stage()?;
    stage.apply(&configuration(&stage, "endpoints {\n  route53 = URL\n}"))?;
    stage.terraform.assert_plan_is_empty();
    stage.terraform.destroy()?;
    assert_eq!(stage.route53.zones()?, []);
    Ok(())
}

#[test]
fn a_profile_of_the_block_comes_before_the_credentials_of_the_environment() -> Result {
    let stage = stage()?;
    stage
        .terraform
        .write("shared", "[work]\naws_access_key_id = of-the-profile\naws_secret_access_key = test\n")?;
    let shared = stage.terraform.folder().join("shared").display().to_string();
    let terraform = stage.terraform.with_variable("AWS_SHARED_CREDENTIALS_FILE", &shared);
    let stage = Stage { terraform, ..stage };
    stage.apply(&configuration(&stage, "profile = \"work\"\nendpoints {\n  route53 = URL\n}"))?;
    let calls = stage.aws.calls();
    assert!(!calls.is_empty() && calls.iter().all(|call| signed_by(call) == "of-the-profile"), "{calls:?}");
    Ok(())
}

#[test]
fn a_role_is_assumed_for_every_call() -> Result {
    let stage = stage()?;
    let role = r#"
assume_role {
  role_arn     = "arn:aws:iam::123456789012:role/dns"
  external_id  = "outside"
  session_name = "plan"
}
endpoints {
  route53 = URL
  sts     = URL
}"#;
    stage.apply(&configuration(&stage, role))?;
    let (asked, calls): (Vec<_>, Vec<_>) =
        stage.aws.take_calls().into_iter().partition(|call| call.action == "AssumeRole");
    assert!(asked.iter().all(|call| signed_by(call) == "test"), "{asked:?}");
    let form = String::from_utf8_lossy(&asked.first().ok_or("no role was asked for")?.body).into_owned();
    for part in ["ExternalId=outside", "RoleSessionName=plan", "role%2Fdns"] {
        assert!(form.contains(part), "{part} is missing in {form}");
    }
    assert!(!calls.is_empty() && calls.iter().all(|call| signed_by(call) != "test"), "{calls:?}");
    Ok(())
}

#[test]
fn an_endpoint_of_the_block_that_is_no_url_is_refused_where_it_stands() -> Result {
    let stage = stage()?;
    stage.write(&configuration(&stage, "endpoints {\n  route53 = \"nonsense\"\n}"))?;
    let failed = stage.terraform.plan().expect_err("nonsense is no URL");
    assert!(failed.says("`route53` must be a URL") && failed.says("nonsense"), "{failed}");
    Ok(())
}

#[test]
fn an_endpoint_of_the_environment_that_is_no_url_is_named() -> Result {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ROUTE_53"] {
        let stage = stage_with(variable, "nonsense")?;
        stage.write(ZONE)?;
        let failed = stage.terraform.apply().expect_err("nonsense is no URL");
        assert!(failed.says(variable) && failed.says("nonsense") && failed.says("http"), "{failed}");
    }
    Ok(())
}

#[test]
fn the_user_agent_names_terraform_the_provider_and_what_the_wrapper_adds() -> Result {
    let stage = stage_with("TF_APPEND_USER_AGENT", "wrapper/2 (nightly)")?;
    stage.apply(ZONE)?;
    let calls = stage.aws.calls();
    let is_named = |call: &Call| {
        let agent = call.header("user-agent");
        agent.contains(" terraform/1.")
            && agent.contains(" socle/")
            && agent.ends_with(" wrapper/2 (nightly)")
    };
    assert!(!calls.is_empty() && calls.iter().all(is_named), "{:?}", calls.first().map(|call| &call.headers));
    Ok(())
}
