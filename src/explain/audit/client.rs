//! Concerns about a client of one's own, and about the layers in front of a handler.

use super::checks::concern;
use super::{ClientTls, Concern, FirstLayer, RequestLayers, Severity};
use crate::codes::Seen;

pub(super) fn client(client: &ClientTls, found: &mut Vec<Concern>) {
    let name = Seen::of(&client.name);
    if client.versions.is_empty() {
        return found.push(concern(
            Severity::Error,
            "audit.no_hello",
            format!("no handshake with {name} comes as far as the server's certificate"),
            "Give the client a version and a cipher suite that its crypto provider has.",
        ));
    }
    found.extend(identities(client));
    found.extend(habits(client));
    if client.versions.contains(&"TLS 1.2") {
        found.push(concern(
            Severity::Note,
            "audit.tls12",
            format!("TLS 1.2 is offered to {name}: our certificate travels in the clear"),
            "Leave `Tls::allow_tls12` out, unless a receiver cannot do better.",
        ));
    }
}

/// Who is shown, and who is believed.
fn identities(client: &ClientTls) -> impl Iterator<Item = Concern> {
    let name = Seen::of(&client.name);
    let found = [
        (
            !client.verifies_server,
            Severity::Error,
            "audit.server_not_verified",
            format!("{name} is believed with a certificate that nobody has issued"),
            "Give the configuration a `HandshakeVerifier`, or make it with `Tls::client_config`.",
        ),
        (
            !client.shows_certificate,
            Severity::Error,
            "audit.no_client_certificate",
            format!("there is no certificate to show to {name}"),
            "Give it `Credentials`: `Tls::client_config` takes them.",
        ),
        (
            client.public_authorities,
            Severity::Note,
            "audit.public_servers",
            format!("{name} is believed by whichever authority of the web vouches for its name"),
            "Trust the receiver's own authority (`PrivateCa`), where it has one.",
        ),
        (
            !client.names_server && client.name.parse::<std::net::IpAddr>().is_err(),
            Severity::Warning,
            "audit.no_server_name",
            format!("{name} is not told which server is wanted: where it is one of several, another answers"),
            "Set `enable_sni`.",
        ),
    ];
    of(found)
}

/// What it does beside.
fn habits(client: &ClientTls) -> impl Iterator<Item = Concern> {
    let found = [
        (
            client.early_data,
            Severity::Error,
            "audit.early_data",
            "early data (0-RTT) is sent, which anybody can replay".to_owned(),
            "Set `enable_early_data` to false.",
        ),
        (
            client.key_log,
            Severity::Error,
            "audit.key_log",
            "the secrets of connections are written to a log".to_owned(),
            "Take the `key_log` out of the configuration; it is for debugging.",
        ),
        (
            client.resumes,
            Severity::Warning,
            "audit.client_resumption",
            "sessions are taken up again by the server's name: neither is its certificate asked for again, nor whose certificate began them".to_owned(),
            "Set `resumption` to `Resumption::disabled()`, as `Tls::client_config` does.",
        ),
    ];
    of(found)
}

type Found = (bool, Severity, &'static str, String, &'static str);

fn of<const N: usize>(found: [Found; N]) -> impl Iterator<Item = Concern> {
    let found = found.into_iter().filter(|(is_so, ..)| *is_so);
    found.map(|(_, severity, code, evidence, remedy)| concern(severity, code, evidence, remedy))
}

pub(super) fn layers(layers: &RequestLayers) -> Option<Concern> {
    let target = Seen::of(&layers.target);
    let (severity, code, evidence, remedy) = match layers.first {
        FirstLayer::Caller => return None,
        FirstLayer::Payload => (
            Severity::Warning,
            "audit.no_caller_layer",
            format!(
                "{target} asks for a signature, and not who is connected: nothing there is countersigned"
            ),
            "Put `CallerLayer` around `PayloadLayer`.",
        ),
        FirstLayer::Missing(what) => (
            Severity::Error,
            "audit.no_layer",
            format!("{target} answers nobody: {what} is missing"),
            "Put `CallerLayer` and `PayloadLayer` around the route.",
        ),
        FirstLayer::None => (
            Severity::Error,
            "audit.no_layer",
            format!("{target} answers a request that has neither certificate nor signature"),
            "Put `CallerLayer` around `PayloadLayer`, and both around the route.",
        ),
    };
    Some(concern(severity, code, evidence, remedy))
}
