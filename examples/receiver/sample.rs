//! A curl command that reaches the receiver.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use axum::http::HeaderValue;
use countersign::gate::Caller;
use countersign::identity::{Name, PeerChain};
use countersign::payload::{HmacSigner, Outgoing, SignPayload as _};
use countersign::tenant::TenantId;
use rustls::pki_types::UnixTime;

use crate::files::in_option;
use crate::options::Options;
use crate::{Mistake, Receiver};

/// A delivery, signed now, and so good for the five minutes that the scheme's tolerance allows.
pub(crate) fn curl(options: &Options, receiver: &Receiver, address: SocketAddr) -> Result<String, Mistake> {
    let Some(host) = host(&options.cert)? else {
        return Ok("# no curl command: the server's certificate names no host exactly".into());
    };
    let now = receiver.clock.now();
    let tenant = match &options.client {
        Some(client) => identify(&client.cert, receiver, now)?,
        None => receiver.first_tenant.clone(),
    };
    let body = format!(r#"{{"type":"order.paid","at":{}}}"#, now.as_secs());
    let headers = sign(receiver, &tenant, &body, now)?;

    let port = address.port();
    let (cert, key) = match &options.client {
        Some(client) => (client.cert.as_path(), client.key.as_path()),
        None => (Path::new("client.pem"), Path::new("client.key")),
    };
    let mut words = vec![
        r"curl -sS -w '%{http_code}\n'".to_owned(),
        // The certificate itself is what curl trusts: the authority that issued it need not be at hand.
        format!("--cacert {}", quoted(&options.cert.display())),
        format!("--cert {}", quoted(&cert.display())),
        format!("--key {}", quoted(&key.display())),
        format!(
            "--resolve {}",
            quoted(&format!("{host}:{port}:{}", reachable(address.ip())))
        ),
        "-H 'content-type: application/json'".to_owned(),
    ];
    words.extend(headers.iter().map(|header| format!("-H {}", quoted(header))));
    words.push(format!("--data-binary {}", quoted(&body)));
    words.push(quoted(&format!("https://{host}:{port}/hooks")));
    Ok(format!(
        "# a delivery of {tenant}'s, good for five minutes:\n{}",
        words.join(" \\\n  ")
    ))
}

/// The header fields to send with the body.
fn sign(receiver: &Receiver, tenant: &TenantId, body: &str, now: UnixTime) -> Result<Vec<String>, Mistake> {
    let id = format!("msg_{}", now.as_secs());
    let signer = HmacSigner::new(receiver.scheme.clone(), receiver.keys.clone());
    let headers = signer
        .sign_payload(&Outgoing::new(tenant, &id, body.as_bytes(), now))
        .map_err(in_option("--keys"))?;
    let line =
        |(name, value): (_, &HeaderValue)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    Ok(headers.iter().map(line).collect())
}

/// Whose certificate it is by the receiver's own policy: a sample that would be refused is a mistake to tell now.
fn identify(cert: &Path, receiver: &Receiver, now: UnixTime) -> Result<TenantId, Mistake> {
    let refused = |why: &dyn Display, code: &str| {
        format!(
            "--client-cert: {} would be refused ({code}: {why}); give another, or none",
            cert.display()
        )
    };
    let chain = chain("--client-cert", cert)?;
    let caller = Caller::identify(&receiver.policy, chain, now);
    caller
        .map(|caller| caller.tenant().clone())
        .map_err(|refusal| refused(&refusal, refusal.code()))
}

/// A name that the server's certificate is valid for.
fn host(cert: &Path) -> Result<Option<String>, Mistake> {
    let chain = chain("--cert", cert)?;
    let host = |name: &Name| match name {
        Name::Dns(name) => Some(name.to_string()),
        Name::Ip(IpAddr::V4(address)) => Some(address.to_string()),
        Name::Ip(IpAddr::V6(address)) => Some(format!("[{address}]")),
        _ => None,
    };
    Ok(chain.leaf().names().iter().find_map(host))
}

fn chain(option: &str, file: &Path) -> Result<PeerChain, Mistake> {
    let wrong = |why: &dyn Display| {
        format!(
            "{option}: {}: {why}; give the certificate chain as PEM, the leaf first",
            file.display()
        )
    };
    let text = std::fs::read(file).map_err(|error| wrong(&error))?;
    let certificates = countersign::pem::certificates(&text).map_err(|invalid| wrong(&invalid))?;
    PeerChain::parse(certificates).map_err(|malformed| wrong(&malformed))
}

/// Where a server that listens on every address can be reached from here.
fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        one => one,
    }
}

/// One word for a shell, whatever stands in it.
pub(crate) fn quoted(text: &impl ToString) -> String {
    format!("'{}'", text.to_string().replace('\'', r"'\''"))
}
