//! The libraries that consumers use verify what the dispatcher sent, as it came out of the connection.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use countersign::dispatch::{Delivery, Dispatcher, Endpoint, Outcome};
use countersign::payload::http_signature::HttpSigner;
use countersign::payload::jose::Algorithm;
use countersign::payload::{HmacSigner, KeyId, Keyring, Scheme, Secret};
use countersign::tenant::TenantId;
use countersign::testing::{KeyAlgorithm, TestKey};
use countersign::tls::RustlsKey;

use crate::packages;
use crate::process::or_skip;
use crate::sending::{provider, to_loopback};
use crate::server::Server;
use crate::world::{HOST, Shows, World};

const NPM: [&str; 3] = [
    "standardwebhooks@1.1.1",
    "svix@1.76.1",
    "http-message-signatures@1.0.6",
];
const PYPI: [&str; 2] = ["standardwebhooks==1.1.0", "svix==2.9.1"];

#[test]
fn libraries_from_npm() {
    let Some(folder) = or_skip("libraries from npm", packages::npm("receivers", &NPM)) else {
        return;
    };
    // Beside `node_modules`, where `require` finds them.
    let script = folder.join("libraries.mjs");
    std::fs::write(&script, include_str!("libraries.mjs")).expect("a script");
    judged_by(
        Command::new("node").arg(script),
        "npm",
        &["standardwebhooks", "svix", "rfc9421"],
    );
}

#[test]
fn libraries_from_pypi() {
    let Some(python) = or_skip("libraries from PyPI", packages::pypi("receivers", &PYPI)) else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers/libraries.py");
    judged_by(
        Command::new(python).arg(script),
        "pypi",
        &["standardwebhooks", "svix"],
    );
}

fn judged_by(command: &mut Command, registry: &str, libraries: &[&str]) {
    let world = World::new(registry);
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    world.write("signing.pem", &public_pem(&key));
    let server = Server::listening(command.arg(world.directory()).arg(&world.acme.secret));
    let port = server.port("good").expect("a port");
    let dispatcher = to_loopback(&[port]).build();
    let sender = world
        .sender(Shows::Good)
        .also_signed_by(svix(&world))
        .also_signed_by(rfc9421(&world, &key));
    dispatcher
        .set_identity(world.acme.id(), sender)
        .expect("a sender");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for library in libraries {
        // The judge must be able to say no, too.
        let mut cases = vec![("", true), ("?changed", false)];
        if *library == "rfc9421" {
            cases.push(("?moved", false));
        }
        for (query, good) in cases {
            let url = format!("https://{HOST}:{port}/{library}{query}");
            let outcome = runtime.block_on(deliver(&dispatcher, &world, &url));
            let status = outcome.answer.as_ref().map(|answer| answer.status);
            let expected = if good { 204 } else { 401 };
            assert_eq!(
                status,
                Some(expected),
                "{library}{query} from {registry}: {outcome:?}"
            );
        }
    }
}

async fn deliver(dispatcher: &Dispatcher, world: &World, url: &str) -> Outcome {
    let endpoint = Endpoint::parse(world.acme.id(), url).expect("a URL");
    let delivery = Delivery::new(world.acme.id(), "msg_1", r#"{"paid":true,"by":"Zoë"}"#);
    dispatcher.deliver(&endpoint, &delivery).await
}

fn svix(world: &World) -> HmacSigner {
    let scheme = Scheme::svix();
    let keys = Keyring::builder(&scheme).key(
        TenantId::parse(&world.acme.name).expect("a name"),
        "1",
        Secret::new(&world.acme.secret),
    );
    HmacSigner::new(scheme, keys.build().expect("a key"))
}

fn rfc9421(world: &World, key: &TestKey) -> HttpSigner {
    let key = RustlsKey::from_pem(&provider(), Algorithm::Es256, key.pem().as_bytes()).expect("a key");
    HttpSigner::to_any_origin().with_key(world.acme.id(), KeyId::new("acme-2026"), Arc::new(key))
}

fn public_pem(key: &TestKey) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(key.spki_der());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}
