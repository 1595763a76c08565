use super::*;

#[test]
fn a_quoted_text_is_one_word_whatever_is_in_it() {
    assert_eq!(quoted("it's $HOME; `x`"), r"'it'\''s $HOME; `x`'");
}

#[test]
fn of_a_long_complaint_its_end_is_shown_whole_letters_only() {
    let text = "é".repeat(3000);
    let shown = excerpt(&text);
    assert!(shown.len() <= 2000 && shown.chars().all(|letter| letter == 'é'));
}

fn ssh() -> Ssh {
    let vault = Arc::new(Vault::new(super::super::vault::VaultSettings::default()));
    Ssh::new(
        SshSettings { user: Some("admin".to_owned()), ..SshSettings::default() },
        vault,
        Programs::default(),
    )
}

fn said(status: u32, stderr: &str) -> Output {
    Output { status, stdout: Vec::new(), stderr: stderr.to_owned() }
}

#[test]
fn sudo_that_wants_a_password_is_told_apart_from_a_command_that_fails() {
    let (ssh, host) = (ssh(), Host { address: "h".into(), port: 22, ..Host::default() });
    let wants = ssh.succeeded(&host, "step", said(1, "sudo: a password is required"));
    assert!(matches!(wants, Err(SshError::NoSudo { .. })), "{wants:?}");
    let fails = ssh.succeeded(&host, "step", said(1, "cp: no space left on device"));
    assert!(matches!(fails, Err(SshError::Failed { status: 1, .. })), "{fails:?}");
}

#[test]
fn root_needs_no_sudo() {
    let host = Host::default();
    assert_eq!(ssh().as_root(&host), "sudo -n -- ");
    assert_eq!(ssh().as_root(&host.with_user("root")), "");
}

#[tokio::test(start_paused = true)]
async fn hosts_are_worked_on_in_parallel_and_answered_in_order() {
    let answers = in_parallel([30, 10, 20], |wait: u64| async move {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        wait
    });
    assert_eq!(answers.await, [30, 10, 20]);
}
