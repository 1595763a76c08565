//! sshd. Values are those of its effective configuration (`sshd -T`).

use super::slug;
use crate::hardening::control::{Control, Wanted};

fn sshd(id: &str, keyword: &'static str, value: &'static str, why: &'static str) -> Control {
    Control::new(
        format!("ssh.{}", slug(id)),
        format!("{keyword} {value}"),
        why,
        Wanted::Sshd { keyword, value },
    )
}

const CRYPTO: &str = "Old algorithms can be broken or downgraded by whoever sits on the line.";
const FORWARDING: &str = "A login must not become a way around the firewall.";
const IDLE: &str = "A connection whose other end is gone must end.";
const GUESSING: &str = "Guessing must be slow.";
const TRUST: &str = "Trust in a host's name is trust in whoever answers for it.";

pub(super) fn controls() -> Vec<Control> {
    let mut all = logins();
    all.extend(algorithms());
    all.extend(limits());
    all.extend(forwarding());
    all.push(client());
    all
}

/// A user's own configuration wins over it.
fn client() -> Control {
    let text = "\
Host *
    Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr
    MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-512,hmac-sha2-256
    KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group18-sha512,diffie-hellman-group16-sha512,diffie-hellman-group-exchange-sha256
    ForwardAgent no
    ForwardX11 no
    GSSAPIAuthentication no
    HashKnownHosts yes
    HostbasedAuthentication no
    PermitLocalCommand no
    StrictHostKeyChecking ask
    Tunnel no
";
    let wanted = Wanted::Text { path: "/etc/ssh/ssh_config.d/60-socle-client.conf", text, mode: 0o644 };
    let title = "The SSH client uses current algorithms, and forwards nothing by itself";
    Control::new("ssh-client.defaults".to_owned(), title.to_owned(), CRYPTO, wanted).baseline()
}

fn logins() -> Vec<Control> {
    vec![
        sshd("permit-root-login", "PermitRootLogin", "no", "Administrators act under their own names.")
            .anssi(&[33])
            .cis(&["5.1.20"])
            .by_name("where root is the only account with a key, nobody can log in; it is refused while the session itself is root's"),
        sshd("permit-root-login-by-key", "PermitRootLogin", "prohibit-password", "root's password is guessed all day; it is replaced by ssh.permit-root-login where that is enabled.").baseline(),
        sshd("password-authentication", "PasswordAuthentication", "no", "A key cannot be guessed.")
            .by_name("accounts without an authorised key can no longer log in; it is refused where no account with sudo has one"),
        sshd("permit-empty-passwords", "PermitEmptyPasswords", "no", "An empty password is none.").cis(&["5.1.19"]).baseline(),
        sshd("hostbased-authentication", "HostbasedAuthentication", "no", TRUST).cis(&["5.1.10"]).baseline(),
        sshd("ignore-rhosts", "IgnoreRhosts", "yes", TRUST).cis(&["5.1.11"]).baseline(),
        sshd("ignore-user-known-hosts", "IgnoreUserKnownHosts", "yes", TRUST).baseline(),
        sshd("strict-modes", "StrictModes", "yes", "A key file that others may write lets them in.").baseline(),
        sshd("permit-user-environment", "PermitUserEnvironment", "no", "Variables of the user can load code into what sshd starts.").cis(&["5.1.21"]).baseline(),
        sshd("use-pam", "UsePAM", "yes", "Locks and limits of accounts live in PAM.").cis(&["5.1.22"]).baseline(),
        sshd("gssapi-authentication", "GSSAPIAuthentication", "no", "A way in that nobody uses is one more.").cis(&["5.1.9"]).baseline(),
        sshd("kerberos-authentication", "KerberosAuthentication", "no", "A way in that nobody uses is one more.").baseline(),
        sshd("kbd-interactive-authentication", "KbdInteractiveAuthentication", "no", "It is passwords by another name.")
            .by_name("logins with one-time codes or through PAM conversations stop working"),
        sshd("banner", "Banner", "/etc/issue.net", "Who logs in must know the rules.").cis(&["5.1.5"]),
        sshd("debian-banner", "DebianBanner", "no", "The exact version tells an attacker what to try.").baseline(),
        sshd("use-dns", "UseDNS", "no", "A login must not wait for, or believe, a reverse name.").baseline(),
    ]
}

fn algorithms() -> Vec<Control> {
    vec![
        sshd("ciphers", "Ciphers", "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr", CRYPTO).cis(&["5.1.6"]).baseline(),
        sshd("macs", "MACs", "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-512,hmac-sha2-256", CRYPTO).cis(&["5.1.15"]).baseline(),
        sshd("kex-algorithms", "KexAlgorithms", "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group18-sha512,diffie-hellman-group16-sha512,diffie-hellman-group-exchange-sha256", CRYPTO)
            .cis(&["5.1.12"])
            .baseline(),
        sshd("host-key-algorithms", "HostKeyAlgorithms", "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-512,rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-256", CRYPTO)
            .by_name("clients that know the host by another kind of key (ECDSA) see a changed host key and refuse to connect"),
    ]
}

fn limits() -> Vec<Control> {
    vec![
        sshd("log-level", "LogLevel", "VERBOSE", "Which key logged in must be known afterwards.")
            .anssi(&[72])
            .cis(&["5.1.14"])
            .baseline(),
        sshd("login-grace-time", "LoginGraceTime", "60", GUESSING).cis(&["5.1.13"]).baseline(),
        sshd("max-auth-tries", "MaxAuthTries", "4", GUESSING).cis(&["5.1.16"]).baseline(),
        sshd("max-sessions", "MaxSessions", "10", "One connection must not fill the host.")
            .cis(&["5.1.17"])
            .baseline(),
        sshd("max-startups", "MaxStartups", "10:30:60", GUESSING).cis(&["5.1.18"]).baseline(),
        sshd("client-alive-interval", "ClientAliveInterval", "15", IDLE).cis(&["5.1.7"]).baseline(),
        sshd("client-alive-count-max", "ClientAliveCountMax", "3", IDLE).cis(&["5.1.7"]).baseline(),
        sshd("tcp-keep-alive", "TCPKeepAlive", "no", "Keep-alives outside the encryption can be forged.")
            .baseline(),
        sshd(
            "compression",
            "Compression",
            "no",
            "Compression before or beside encryption has leaked contents.",
        ),
        sshd("print-last-log", "PrintLastLog", "yes", "Who logs in sees a login that was not his.")
            .baseline(),
    ]
}

fn forwarding() -> Vec<Control> {
    vec![
        sshd("disable-forwarding", "DisableForwarding", "yes", FORWARDING)
            .cis(&["5.1.8"])
            .by_name("jump hosts, tunnels and automation that forwards an agent stop working"),
        sshd("tcp-forwarding", "AllowTcpForwarding", "no", FORWARDING).anssi(&[63]),
        sshd(
            "agent-forwarding",
            "AllowAgentForwarding",
            "no",
            "Whoever is root on this host can use a forwarded agent.",
        )
        .anssi(&[63]),
        sshd(
            "x11-forwarding",
            "X11Forwarding",
            "no",
            "A server's program must not read the keyboard of its user.",
        )
        .anssi(&[63])
        .cis(&["5.1.8"])
        .baseline(),
        sshd("permit-tunnel", "PermitTunnel", "no", FORWARDING).baseline(),
        sshd("gateway-ports", "GatewayPorts", "no", FORWARDING).baseline(),
    ]
}
