//! Every mistake in the file is told in one line: the file, the line, the key, and what to do.

use super::world::{Platform, SAMPLE};
use crate::cookbook;
use crate::process::run;
use crate::senders::binary;
use std::process::Command;

/// What is written in the place of what, and what is said.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str)] = &[
    ("listen = \"127.0.0.1:8443\"", "", "proxy.toml, line 1, listen: is missing; write listen = \"0.0.0.0:8443\""),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1\"", "proxy.toml, line 1, listen: 127.0.0.1: invalid socket address; give an address of this machine and a free port, such as 0.0.0.0:8443"),
    ("listen = \"127.0.0.1:8443\"", "listen = 8443", "proxy.toml, line 1, listen: is a number; write text, in quotes"),
    ("listen = \"127.0.0.1:8443\"", "lisen = \"127.0.0.1:8443\"", "proxy.toml, line 1, lisen: is not known here; known are listen, drain_seconds, balancers, redis, limits, integration"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443", "proxy.toml, line 1: invalid basic string, expected `\"`; write TOML: key = \"value\""),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nlisten = \"127.0.0.1:8444\"", "proxy.toml, line 2: duplicate key; write TOML: key = \"value\""),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\ndrain_seconds = 0", "proxy.toml, line 2, drain_seconds: is out of range; write a number from 1 to 86400"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\ndrain_seconds = \"30\"", "proxy.toml, line 2, drain_seconds: is text; write a number"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nbalancers = [\"10.0.0.0/99\"]", "proxy.toml, line 2, balancers: not a network; write it as 10.7.0.0/16 or fd00:7::/32, with no bit set beyond the prefix, and IPv4 never as ::ffff:10.7.0.0/112"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nbalancers = []", "proxy.toml, line 2, balancers: names nobody; write the addresses of the load balancers, or leave it out"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nredis = { env = \"NOT_SET\" }", "proxy.toml, line 2, redis.env: names a variable that is not set; set it before the start"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nredis = { env = \"swordfish\" }", "proxy.toml, line 2, redis.env: names a variable that is not set; set it before the start"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nredis = \"redis://:swordfish@10.0.0.7\"", "proxy.toml, line 2, redis: names a file that cannot be read (No such file or directory (os error 2)); write the name of the file that holds it"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nredis = \"empty\"", "proxy.toml, line 2, redis: empty: cannot be connected to: Redis URL did not parse - InvalidClientConfig; give redis://user:password@host:port/database"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nlimits = 7", "proxy.toml, line 2, limits: is a number; write a table, [limits]"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nlimits = { body_byte = 7 }", "proxy.toml, line 2, limits.body_byte: is not known here; known are body_bytes, body_seconds, deliveries, deliveries_per_tenant, connect_seconds, answer_seconds, silence_seconds, websocket_seconds"),
    ("listen = \"127.0.0.1:8443\"", "listen = \"127.0.0.1:8443\"\nlimits = { deliveries = -1 }", "proxy.toml, line 2, limits.deliveries: is out of range; write a number from 1 to 1048576"),
    ("[[integration]]", "[integration]", "proxy.toml, line 3, integration: is a table; write [[integration]]"),
    ("cert = \"server.pem\"", "", "proxy.toml, line 3, integration.cert: is missing; write cert = \"FILE\", the chain in PEM with the leaf first"),
    ("cert = \"server.pem\"", "cert = \"missing.pem\"", "proxy.toml, line 4, integration.cert: missing.pem cannot be read (No such file or directory (os error 2)); check that it is a text file and that this process may read it"),
    ("cert = \"server.pem\"", "cert = \"empty\"", "proxy.toml, line 4, integration.cert: empty: it holds no certificate; it must hold the chain as PEM sections \"BEGIN CERTIFICATE\", the leaf first"),
    ("cert = \"server.pem\"", "cert = 7", "proxy.toml, line 4, integration.cert: is neither a file nor a variable; write \"FILE\" or { env = \"NAME\" }"),
    ("cert = \"server.pem\"", "cert = { file = \"server.pem\" }", "proxy.toml, line 4, integration.cert.file: is not known here; known are env"),
    ("cert = \"server.pem\"", "cert = { env = \"A-B\" }", "proxy.toml, line 4, integration.cert.env: is no name of an environment variable; write letters, digits and _"),
    ("cert = \"server.pem\"", "cert = \"\"\"-----BEGIN CERTIFICATE-----\n\"\"\"", "proxy.toml, line 4, integration.cert: holds a text in the place of a file's name; write the name of the file that holds it"),
    ("key = \"server.key\"", "key = \"acme.key\"", "proxy.toml, line 5, integration.key: acme.key: the private key in it is not that of the first certificate in it; give the key that its request was made with"),
    ("key = \"server.key\"", "key = \"server.pem\"", "proxy.toml, line 5, integration.key: server.pem: it holds no private key in PEM (PKCS#8, SEC1 or PKCS#1, not encrypted)"),
    ("key = \"server.key\"", "key = \"server.key\"\ntls12 = \"yes\"", "proxy.toml, line 6, integration.tls12: is text; write true or false"),
    ("key = \"server.key\"", "key = \"server.key\"\nhosts = []", "proxy.toml, line 6, integration.hosts: names no host; write some, or leave it out for every host that no other integration has"),
    ("key = \"server.key\"", "key = \"server.key\"\nhosts = \"pay.example\"", "proxy.toml, line 6, integration.hosts: is text; write a list, [ .. ]"),
    ("key = \"server.key\"", "key = \"server.key\"\nhosts = [\"pay.example\", \"pay.example:8443\"]", "proxy.toml, line 6, integration.hosts: \"pay.example:8443\" is no server name: give a DNS name in its ASCII form, without a port"),
    ("key = \"server.key\"", "key = \"server.key\"\nhosts = [\"pay.example\", \"PAY.example\"]", "proxy.toml, line 6, integration.hosts: \"PAY.example\" is there twice: which site it means cannot be told"),
    ("key = \"server.key\"", "key = \"server.key\"\nmutual_tls = \"always\"", "proxy.toml, line 6, integration.mutual_tls: is neither; write \"demanded\", \"offered\", or a list of the hosts that demand it"),
    ("key = \"server.key\"", "key = \"server.key\"\nmutual_tls = \"offered\"", "proxy.toml, line 22, integration.route: demands nothing of anybody; write mutual_tls = \"demanded\", or a scheme with keys, or open = true"),
    ("key = \"server.key\"", "key = \"server.key\"\nmutual_tls = []", "proxy.toml, line 6, integration.mutual_tls: names no host; write some, or \"offered\""),
    ("key = \"server.key\"", "key = \"server.key\"\nmutual_tls = [\"pay.example:8443\"]", "proxy.toml, line 6, integration.mutual_tls: \"pay.example:8443\" is no host: give a DNS name in its ASCII form, with `*.` before it for all names of one label more, or an address; without a port"),
    ("key = \"server.key\"", "key = \"server.key\"\nhosts = [\"pay.example\"]\nmutual_tls = [\"pay.exmaple\"]", "proxy.toml, line 7, integration.mutual_tls: is no host of this integration; write it as in hosts, or leave it out"),
    ("[integration.clients]", "[integration.client]", "proxy.toml, line 7, integration.client: is not known here; known are hosts, cert, key, tls12, mutual_tls, clients, route"),
    ("ca = \"platform-ca.pem\"", "", "proxy.toml, line 7, integration.clients.ca: is missing; write ca = \"FILE\", the authorities that issue to clients, in PEM"),
    ("ca = \"platform-ca.pem\"", "ca = \"server.pem\"", "proxy.toml, line 8, integration.clients.ca: server.pem:  is not a certificate authority (basicConstraints cA is false); give its issuer, or trust it as a leaf"),
    ("ca = \"platform-ca.pem\"", "ca = \"empty\"", "proxy.toml, line 8, integration.clients.ca: empty: holds no certificate; give the CA certificates as PEM sections \"BEGIN CERTIFICATE\""),
    ("ca = \"platform-ca.pem\"", "ca = \"platform-ca.pem\"\ncrls = \"empty\"", "proxy.toml, line 9, integration.clients.crls: empty: no CRL is there; give them as PEM sections \"BEGIN X509 CRL\""),
    ("pins = \"pins.txt\"", "pins = \"empty\"", "proxy.toml, line 9, integration.clients.pins: empty: holds no pin, so nobody could call; add one a line, or leave pins out"),
    ("pins = \"pins.txt\"", "pins = \"bad-pins.txt\"", "proxy.toml, line 9, integration.clients.pins: bad-pins.txt: line 2: not a SHA-256 digest but 11 other characters; write it as sha256/<44 characters of base64> or as 64 hexadecimal digits"),
    ("tenants = [\"acme\", \"globex\"]", "", "proxy.toml, line 7, integration.clients.tenants: is missing; write tenants = [\"NAME\"], those who may call"),
    ("tenants = [\"acme\", \"globex\"]", "tenants = []", "proxy.toml, line 10, integration.clients.tenants: names nobody, so nobody could call; write the tenants' names"),
    ("tenants = [\"acme\", \"globex\"]", "tenants = [\"acme\", 7]", "proxy.toml, line 10, integration.clients.tenants: is a number; write text, in quotes"),
    ("tenants = [\"acme\", \"globex\"]", "tenants = [\" acme\"]", "proxy.toml, line 10, integration.clients.tenants: a tenant's name is 1 to 128 printable ASCII characters without a space at either end"),
    ("rules = [\"URI:spiffe://platform.example/tenant/{tenant}\"]", "", "proxy.toml, line 7, integration.clients.rules: is missing; write rules = [..], each such as \"URI:spiffe://pay.example/tenant/{tenant}\": what in a certificate says whose it is"),
    ("rules = [\"URI:spiffe://platform.example/tenant/{tenant}\"]", "rules = []", "proxy.toml, line 11, integration.clients.rules: holds no rule, so nobody could call; write one, such as \"URI:spiffe://pay.example/tenant/{tenant}\": what in a certificate says whose it is"),
    ("rules = [\"URI:spiffe://platform.example/tenant/{tenant}\"]", "rules = [\"hooks.acme.example -> acme\"]", "proxy.toml, line 11, integration.clients.rules: a rule begins with a name after `URI:`, `DNS:`, `email:`, `IP:`, `CN=`, `OU=`, `UID=` or `organizationIdentifier=`, with `host NAME`, `pin HASH` or `issuer HASH`"),
    ("path = \"/hooks\"", "", "proxy.toml, line 14, integration.route.path: is missing; write path = \"/hooks\", or \"/hooks/*\" for all below it"),
    ("path = \"/hooks\"", "path = \"hooks\"", "proxy.toml, line 15, integration.route.path: is no path that every server reads alike; write \"/a/b\", or \"/a/b/*\" for all below it, without %, //, .. or a slash at the end"),
    ("path = \"/hooks\"", "path = \"/erp/*/\"", "proxy.toml, line 15, integration.route.path: is no path that every server reads alike; write \"/a/b\", or \"/a/b/*\" for all below it, without %, //, .. or a slash at the end"),
    ("path = \"/hooks\"", "path = \"/Status\"", "proxy.toml, line 27, integration.route.path: is there already; write each path once, whatever its case"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhook\"", "proxy.toml, line 16, integration.route.scheme: no scheme is named \"standard_webhook\"; near it: standard_webhooks; write the name of an HMAC preset of docs/presets.md"),
    ("scheme = \"standard_webhooks\"", "scheme = \"discord\"", "proxy.toml, line 16, integration.route.scheme: is not verified by one HMAC, and so not here; write the name of an HMAC preset of docs/presets.md"),
    ("scheme = \"standard_webhooks\"", "", "proxy.toml, line 17, integration.route.keys: counts only where payloads are signed; write scheme = \"NAME\" too, or leave this out"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nopen = true", "proxy.toml, line 17, integration.route.open: leaves nothing to demand, and scheme or mutual_tls demands something; leave one of them out"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nreplay = \"refuse\"", "proxy.toml, line 17, integration.route.replay: is no answer to a replay; write \"acknowledge\" (200), \"conflict\" (409) or \"forbid\" (403)"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nbody_bytes = 0", "proxy.toml, line 17, integration.route.body_bytes: is out of range; write a number from 1 to 1073741824"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nwebsocket = \"pass\"", "proxy.toml, line 17, integration.route.websocket: has no payload that a scheme could sign; leave scheme or this out"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nwebsocket = \"maybe\"", "proxy.toml, line 17, integration.route.websocket: is neither; write \"refuse\" or \"pass\""),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nanswer_seconds = 100000", "proxy.toml, line 17, integration.route.answer_seconds: is out of range; write a number from 1 to 86400"),
    ("scheme = \"standard_webhooks\"", "scheme = \"standard_webhooks\"\nmutual_tls = \"never\"", "proxy.toml, line 17, integration.route.mutual_tls: is neither; write \"demanded\", \"offered\", or a list of the hosts that demand it"),
    ("keys = \"keys.txt\"", "", "proxy.toml, line 14, integration.route.keys: is missing; write keys = \"FILE\" or { env = \"NAME\" }, a key a line: tenant key-name secret"),
    ("keys = \"keys.txt\"", "keys = \"acme 2026 whsec_c3dvcmRmaXNo\"", "proxy.toml, line 17, integration.route.keys: names a file that cannot be read (No such file or directory (os error 2)); write the name of the file that holds it"),
    ("keys = \"keys.txt\"", "keys = \"whsec_c3dvcmRmaXNo\"", "proxy.toml, line 17, integration.route.keys: names a file that cannot be read (No such file or directory (os error 2)); write the name of the file that holds it"),
    ("keys = \"keys.txt\"", "keys = \"empty\"", "proxy.toml, line 17, integration.route.keys: empty: holds no key; add one a line: tenant key-name secret"),
    ("keys = \"keys.txt\"", "keys = \"two-words.txt\"", "proxy.toml, line 17, integration.route.keys: two-words.txt, line 2: not three words; write: tenant key-name secret"),
    ("keys = \"keys.txt\"", "keys = \"short.txt\"", "proxy.toml, line 17, integration.route.keys: short.txt, line 1: the secret has 9 bytes; use at least 16, random"),
    ("backend = \"127.0.0.1:8080\"", "", "proxy.toml, line 14, integration.route.backend: is missing; write backend = \"127.0.0.1:8080\", where the service listens for plain HTTP"),
    ("backend = \"127.0.0.1:8080\"", "backend = \"http://127.0.0.1:8080\"", "proxy.toml, line 18, integration.route.backend: is no host and port; write \"127.0.0.1:8080\", without http:// and without a path"),
    ("backend = \"127.0.0.1:8080\"", "backend = \"127.0.0.1\"", "proxy.toml, line 18, integration.route.backend: is no host and port; write \"127.0.0.1:8080\", without http:// and without a path"),
    ("open = true", "open = \"yes\"", "proxy.toml, line 28, integration.route.open: is text; write true or false"),
    ("open = true", "open = true\nmutual_tls = \"demanded\"", "proxy.toml, line 28, integration.route.open: leaves nothing to demand, and scheme or mutual_tls demands something; leave one of them out"),
    ("open = true", "open = true\nkeys = \"keys.txt\"", "proxy.toml, line 29, integration.route.keys: counts only where payloads are signed; write scheme = \"NAME\" too, or leave this out"),
    ("open = true", "mutual_tls = \"offered\"", "proxy.toml, line 26, integration.route: demands nothing of anybody; write mutual_tls = \"demanded\", or a scheme with keys, or open = true"),
    ("open = true", "open = false\nmutual_tls = \"offered\"", "proxy.toml, line 26, integration.route: demands nothing of anybody; write mutual_tls = \"demanded\", or a scheme with keys, or open = true"),
    ("[integration.clients]\nca = \"platform-ca.pem\"\npins = \"pins.txt\"\ntenants = [\"acme\", \"globex\"]\nrules = [\"URI:spiffe://platform.example/tenant/{tenant}\"]\n", "mutual_tls = \"demanded\"\n", "proxy.toml, line 7, integration.mutual_tls: asks for certificates, and there is no [integration.clients] to judge them by; add it, or leave this out"),
    ("[integration.clients]\nca = \"platform-ca.pem\"\npins = \"pins.txt\"\ntenants = [\"acme\", \"globex\"]\nrules = [\"URI:spiffe://platform.example/tenant/{tenant}\"]\n", "", "proxy.toml, line 16, integration.route: demands nothing of anybody; write mutual_tls = \"demanded\", or a scheme with keys, or open = true"),
    ("# Outside mutual TLS.\n", "[[integration]]\ncert = \"server.pem\"\nkey = \"server.key\"\n", "proxy.toml, line 25, integration: has no hosts, and another has none either; write hosts = [\"NAME\"] in one of the two"),
];

#[test]
fn every_mistake_is_one_line() {
    let platform = Platform::new("mistakes");
    for (file, text) in [
        ("empty", ""),
        ("two-words.txt", "\nacme swordfish\n"),
        ("short.txt", "acme 2026 whsec_c3dvcmRmaXNo\n"),
        ("bad-pins.txt", "# acme\nsha256/AAAA\n"),
    ] {
        platform.write(file, text);
    }
    let folder = platform.path("").display().to_string();
    let mut wrong = Vec::new();
    for (from, to, expected) in MISTAKES {
        assert!(SAMPLE.contains(from), "{from}");
        let outcome = run(&mut platform.command(&SAMPLE.replacen(from, to, 1)));
        let told = outcome.stderr.replace(&folder, "");
        let told = (outcome.status.code(), outcome.stdout.as_str(), told.as_str());
        let expected = format!("incoming_proxy: {expected}\n");
        if told != (Some(2), "", expected.as_str()) {
            wrong.push(format!("{from:?} -> {to:?}: {told:?}"));
        }
        for secret in ["swordfish", "c3dvcmRmaXNo"] {
            assert!(!outcome.text().contains(secret), "{to}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_on_the_command_line() {
    let told = |options: &[&str]| {
        let outcome = run(Command::new(binary("incoming_proxy")).args(options));
        (outcome.status.code(), outcome.stderr)
    };
    for (options, expected) in [
        (
            &[][..],
            "--config FILE is missing; --help explains it, and --demo tries it without",
        ),
        (
            &["--config"],
            "missing argument for option '--config'; --help lists the options",
        ),
        (
            &["--config", "missing.toml"],
            "--config missing.toml cannot be read (No such file or directory (os error 2)); check that it is a text file and that this process may read it",
        ),
        (
            &["--config", "a", "--config", "b"],
            "--config stands twice; give it once",
        ),
        (
            &["--config", "a", "--demo"],
            "--demo brings its own files; leave the other options out",
        ),
        (
            &["proxy.toml"],
            "unexpected argument \"proxy.toml\"; --help lists the options",
        ),
    ] {
        assert_eq!(
            told(options),
            (Some(2), format!("incoming_proxy: {expected}\n")),
            "{options:?}"
        );
    }
}

/// The cookbook shows what the demo runs on.
#[test]
fn the_cookbook_shows_the_file_of_the_demo() {
    assert_eq!(
        cookbook::block("# proxy.toml: what the demo runs on"),
        SAMPLE.trim_end()
    );
}

/// The page of examples shows what it prints.
#[test]
fn the_demo_judges_itself_and_stands_on_its_page() {
    let outcome = run(Command::new(binary("incoming_proxy")).arg("--demo"));
    assert_eq!(
        (outcome.status.code(), outcome.stderr.as_str()),
        (Some(0), ""),
        "{}",
        outcome.stdout
    );
    let page = include_str!("../../../examples/README.md");
    let lines: Vec<_> = outcome.stdout.lines().map(str::trim_end).collect();
    assert!(
        page.contains(&lines.join("\n")),
        "examples/README.md does not show:\n{}",
        outcome.stdout
    );
}
