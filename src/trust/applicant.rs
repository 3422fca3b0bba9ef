use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, UnixTime};

use super::algorithms::Algorithms;
use super::anchors::subject_text;
use super::untrusted::check_validity;
use super::{Presented, PrivateCa, Profile, Role, Untrusted, VerifiedPeer};
use crate::date::Date;
use crate::identity::{Name, PeerChain, SpkiHash};

/// A peer that has proved to hold its key, and whom nobody trusts yet: what to put into the configuration to let it in.
///
/// An [`Enrolment`](crate::tls::Enrolment) reports it. Written out (`Display`) it is text for a file of [`PinSet`](super::PinSet):
/// comments, and one pin.
///
/// # Security
/// All that it says, a stranger says of itself, but for the key. Whose the key is, is for you to find out, by another way than the
/// connection it came by: compare the pin with one that the sender tells you.
///
/// ```
/// use countersign::identity::PeerChain;
/// use countersign::testing::{NOW, TestCa};
/// use countersign::trust::{Applicant, PinSet};
///
/// # let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
/// let chain = PeerChain::parse(
///     TestCa::new("Acme Root").client("spiffe://acme.example/tenant/acme").issue().chain()
/// )?;
/// let applicant = Applicant::of(chain, algorithms, NOW);
/// let pins: PinSet = applicant.to_string().parse()?;
/// assert_eq!(pins.len(), 1, "what it prints is a file of pins");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Applicant {
    chain: PeerChain,
    anchor: Anchor,
}

/// Below what it can be trusted.
#[derive(Debug, Clone)]
enum Anchor {
    /// An authority that it has shown, and that has issued its certificate.
    Authority(CertificateDer<'static>),
    /// Nothing but itself.
    Itself,
    /// Nothing: the strict profile refuses it whatever is configured.
    Nothing(Box<Untrusted>),
}

impl Applicant {
    /// What is to be said of a chain whose leaf's key its peer has just proved to hold.
    ///
    /// Tries out up to seven authorities, which takes milliseconds: not for whoever has proved nothing.
    pub fn of(chain: PeerChain, algorithms: Algorithms, now: UnixTime) -> Self {
        let anchor = anchor(&chain, algorithms, now);
        Self { chain, anchor }
    }

    /// Its key: the pin to allow.
    pub fn spki(&self) -> SpkiHash {
        self.chain.leaf().spki()
    }

    /// Its names, as it states them: each may be the one to name its tenant by, or the one to expect.
    pub fn names(&self) -> &[Name] {
        self.chain.leaf().names()
    }

    /// The authority to trust, in PEM: the highest that it has shown and that has issued its certificate. None where it has shown
    /// none, or one that issues to anybody.
    pub fn authority_pem(&self) -> Option<String> {
        match &self.anchor {
            Anchor::Authority(der) => Some(pem(der)),
            Anchor::Itself | Anchor::Nothing(_) => None,
        }
    }

    /// Its own certificate, in PEM, to be trusted as it is ([`PrivateCaBuilder::leaf_pem`](super::PrivateCaBuilder::leaf_pem)) until it
    /// is renewed: for one that is self-signed, or whose authority is not at hand.
    pub fn leaf_pem(&self) -> String {
        pem(self.chain.leaf().der())
    }

    /// The reason why the strict profile would refuse it, whatever is configured.
    pub fn refused(&self) -> Option<&Untrusted> {
        match &self.anchor {
            Anchor::Nothing(untrusted) => Some(untrusted),
            Anchor::Authority(_) | Anchor::Itself => None,
        }
    }

    fn purposes(&self) -> String {
        let Some(usage) = self.chain.leaf().facts().extended_key_usage else {
            return "none stated".to_owned();
        };
        let stated = [
            (usage.client_auth, "clientAuth"),
            (usage.server_auth, "serverAuth"),
        ];
        let stated = stated.iter().filter_map(|(is, name)| is.then_some(*name));
        match stated.collect::<Vec<_>>().as_slice() {
            [] => "others".to_owned(),
            purposes => purposes.join(", "),
        }
    }
}

impl fmt::Display for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = self.chain.leaf();
        writeln!(
            f,
            "# a client that has proved to hold this key; what it says of itself:"
        )?;
        for name in leaf.names() {
            writeln!(f, "#   name: {}", Line(&name.to_string()))?;
        }
        writeln!(f, "#   purposes: {}", self.purposes())?;
        let validity = leaf.validity();
        writeln!(
            f,
            "#   valid: {} to {}",
            Date(validity.not_before),
            Date(validity.not_after)
        )?;
        writeln!(f, "#   issuer: {}", Line(&leaf.issuer_text()))?;
        for der in self.chain.others() {
            writeln!(f, "#   above it: {}", Line(&subject_text(der)))?;
        }
        if let Anchor::Nothing(untrusted) = &self.anchor {
            writeln!(f, "#   refused all the same: {}", Line(&untrusted.to_string()))?;
        }
        write!(f, "{}", leaf.spki())
    }
}

/// Of a stranger's text, one line that draws nothing on a terminal.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        let mut chars = self.0.chars();
        for char in chars.by_ref().take(LONGEST) {
            if char == ' ' || char.is_ascii_graphic() {
                write!(f, "{char}")?;
            } else {
                write!(f, "{}", char.escape_unicode())?;
            }
        }
        if chars.next().is_some() {
            f.write_str("..")?;
        }
        Ok(())
    }
}

/// Tried out, so that what is reported does let it in. From the highest down: that one changes the least.
fn anchor(chain: &PeerChain, algorithms: Algorithms, now: UnixTime) -> Anchor {
    let verified = |authorities: PrivateCa| {
        VerifiedPeer::verify(&authorities, chain.clone(), Role::Client, now).map(|_| ())
    };
    for der in chain.others().iter().rev() {
        // Not to be trusted as an authority (a public one, an expired one, no authority at all): then the next below it.
        let built = PrivateCa::builder(algorithms).der(der.clone()).build(now);
        if built.is_ok_and(|authorities| verified(authorities).is_ok()) {
            return Anchor::Authority(der.clone());
        }
    }
    let itself = PrivateCa::builder(algorithms).leaf_pem(pem(chain.leaf().der()).as_bytes());
    match itself.build(now).map(verified) {
        Ok(Ok(())) => Anchor::Itself,
        Ok(Err(untrusted)) => Anchor::Nothing(Box::new(untrusted)),
        Err(_) => Anchor::Nothing(Box::new(why_not(chain, now))),
    }
}

/// Why a certificate cannot be an anchor of its own.
fn why_not(chain: &PeerChain, now: UnixTime) -> Untrusted {
    let leaf = chain.leaf();
    let shown = Presented::first(chain, Role::Client, now);
    let checked = check_validity(leaf.validity(), now).and_then(|()| Profile::strict().check_leaf(&shown));
    checked.err().unwrap_or(Untrusted::Path)
}

/// RFC 7468 §5.
fn pem(der: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
