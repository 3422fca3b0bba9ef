//! What does the certificate say, and what should it not?

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::ca::sign;
use super::dates::Window;
use super::der::{self, Attribute};
use super::issued::issued;
use super::keys::KeySource;
use super::{KeyAlgorithm, Serial, TestCa, TestCert, TestKey};

/// An end-entity certificate that is about to be issued: begun by [`TestCa::client`], [`TestCa::server`] and
/// [`TestCert::self_signed`].
///
/// Left alone it is a good one: P-256, valid at [`NOW`](super::NOW), `CA:FALSE`, key usage digitalSignature,
/// and the extended key usage of its role. Each method changes one thing; those that name an offence make an
/// evil twin.
///
/// Strings are written as they are: a NUL, a wildcard or a space in a name is yours to try.
///
/// # Examples
///
/// ```
/// use countersign::testing::TestCa;
///
/// let ca = TestCa::new("Acme Root");
/// let good = ca.client("spiffe://acme.example/billing").issue();
/// let renewed = ca.client("spiffe://acme.example/billing").with_key(&good).issue();
/// assert_eq!(renewed.spki_der(), good.spki_der());
/// assert_ne!(renewed.serial(), good.serial());
///
/// let two_tenants = ca.client("a.example").dns("b.example").common_name("c").common_name("d").issue();
/// let only_a_subject = ca.client("acme.example").without_san().common_name("acme").issue();
/// # let _ = (two_tenants, only_a_subject);
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is issued before `issue`"]
pub struct LeafBuilder {
    params: CertificateParams,
    subject: Vec<Attribute>,
    alternative_names: Vec<Vec<u8>>,
    policies: Vec<Vec<u8>>,
    key: KeySource,
    serial: Option<Serial>,
    issuer: Option<TestCa>,
    /// Fields that are written as given, by their position.
    raw: Vec<(usize, Vec<u8>)>,
}

/// What it is for.
impl LeafBuilder {
    pub(super) fn client(issuer: Option<TestCa>, name: &str) -> Self {
        Self::new(issuer).client_only().named(name)
    }

    pub(super) fn server(issuer: Option<TestCa>, name: &str) -> Self {
        Self::new(issuer).server_only().named(name)
    }

    fn new(issuer: Option<TestCa>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = issuer.is_some();
        Window::DEFAULT.set(&mut params);
        let (subject, alternative_names, policies) = (vec![], vec![], vec![]);
        Self {
            params,
            subject,
            alternative_names,
            policies,
            key: KeySource::default(),
            serial: None,
            issuer,
            raw: vec![],
        }
    }

    fn named(self, name: &str) -> Self {
        match name.parse() {
            Ok(ip) => self.ip(ip),
            Err(_) if name.contains("://") => self.uri(name),
            Err(_) if name.contains('@') => self.email(name),
            Err(_) => self.dns(name),
        }
    }

    /// Issues the certificate.
    pub fn issue(mut self) -> TestCert {
        let key = self.key.clone().key();
        let serial = self.serial.take().unwrap_or_else(Serial::fresh);
        self.params.serial_number = Some(serial.rcgen());
        if self.issuer.is_none() && self.subject.is_empty() {
            self = self.common_name("self-signed");
        }
        self.add_alternative_names();
        self.add_policies();
        let leaf = self.signed(&key);
        let above = self.issuer.map(|issuer| issuer.chain());
        TestCert::new(leaf, above.unwrap_or_default(), key, serial)
    }

    /// Signed by rcgen with an empty subject, and then again with the real one, as rcgen has no two of a
    /// kind.
    fn signed(&self, key: &TestKey) -> CertificateDer<'static> {
        let empty = sign(&self.params, key, self.issuer.as_ref());
        let signer = self.issuer.as_ref().map_or(key, TestCa::test_key);
        let signed = der::resigned(&empty, signer.pair(), |fields| {
            // RFC 5280 §4.1
            if let [_version, _serial, _algorithm, issuer, _validity, subject, ..] = &mut fields[..] {
                *subject = der::name(&self.subject);
                if self.issuer.is_none() {
                    issuer.clone_from(subject);
                }
            }
            der::replaced(fields, &self.raw);
        });
        signed.into()
    }
}

/// Names.
impl LeafBuilder {
    /// Adds a URI as subject alternative name.
    pub fn uri(self, uri: &str) -> Self {
        self.raw_san(6, uri.as_bytes())
    }

    /// Adds a DNS name as subject alternative name.
    pub fn dns(self, name: &str) -> Self {
        self.raw_san(2, name.as_bytes())
    }

    /// Adds an e-mail address as subject alternative name.
    pub fn email(self, address: &str) -> Self {
        self.raw_san(1, address.as_bytes())
    }

    /// Adds an IP address as subject alternative name.
    pub fn ip(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.raw_san(7, &address.octets()),
            IpAddr::V6(address) => self.raw_san(7, &address.octets()),
        }
    }

    /// Adds a subject alternative name of any kind: the tag's number in GeneralName (RFC 5280 §4.2.1.6) and
    /// the contents.
    ///
    /// Tag 0 (otherName), 3, 4 (directoryName) and 5 hold DER; 1, 2, 6 and 7 (and 8) hold bytes.
    pub fn raw_san(mut self, tag_number: u8, contents: &[u8]) -> Self {
        let constructed = if matches!(tag_number, 0 | 3..=5) { 0x20 } else { 0 };
        self.alternative_names
            .push(der::tlv(0x80 | constructed | tag_number, contents));
        self
    }

    /// Drops the subject alternative names so far.
    pub fn without_san(mut self) -> Self {
        self.alternative_names.clear();
        self
    }

    /// Adds a common name to the subject, as UTF8String. Repeated: each is added.
    pub fn common_name(self, name: &str) -> Self {
        self.raw_common_name(Attribute::UTF8_STRING, name.as_bytes())
    }

    /// Adds a common name to the subject, as any kind of string: its universal tag (12 UTF8String, 19
    /// PrintableString, 20 TeletexString, 22 IA5String, 28 UniversalString, 30 BMPString) and the bytes.
    pub fn raw_common_name(self, string_tag: u8, value: &[u8]) -> Self {
        self.attribute(Attribute::COMMON_NAME, string_tag, value)
    }

    /// Adds an organization to the subject. Repeated: each is added.
    pub fn organization(self, name: &str) -> Self {
        self.attribute(Attribute::ORGANIZATION, Attribute::UTF8_STRING, name.as_bytes())
    }

    /// Adds an organizational unit to the subject. Repeated: each is added.
    pub fn organizational_unit(self, name: &str) -> Self {
        self.attribute(
            Attribute::ORGANIZATIONAL_UNIT,
            Attribute::UTF8_STRING,
            name.as_bytes(),
        )
    }

    /// Adds a user id (UID) to the subject, as UTF8String. Repeated: each is added.
    pub fn user_id(self, id: &str) -> Self {
        self.attribute(Attribute::USER_ID, Attribute::UTF8_STRING, id.as_bytes())
    }

    /// Adds an organization identifier to the subject, as UTF8String. Repeated: each is added.
    pub fn organization_identifier(self, id: &str) -> Self {
        self.attribute(
            Attribute::ORGANIZATION_IDENTIFIER,
            Attribute::UTF8_STRING,
            id.as_bytes(),
        )
    }

    /// Writes this Name, DER with its outer SEQUENCE, in place of the subject: for relative distinguished names of
    /// several attributes, and whatever else no method here writes.
    pub fn raw_subject(mut self, name: &[u8]) -> Self {
        self.raw.push((der::SUBJECT, name.to_vec()));
        self
    }

    fn attribute(mut self, kind: &'static [u64], string_tag: u8, value: &[u8]) -> Self {
        self.subject.push(Attribute {
            kind,
            string_tag,
            value: value.to_vec(),
        });
        self
    }
}

issued!(LeafBuilder);

/// Key and number, written otherwise than anybody would.
impl LeafBuilder {
    /// Writes these contents of an INTEGER as its serial number: with leading zeros, negative, of any length.
    ///
    /// [`TestCert::serial`] does not know of it.
    pub fn raw_serial(mut self, contents: &[u8]) -> Self {
        self.raw
            .push((der::SERIAL_NUMBER, der::tlv(der::INTEGER, contents)));
        self
    }

    /// Writes this SubjectPublicKeyInfo, DER, in place of that of its key: one that nobody here holds the key of.
    pub fn raw_spki(mut self, spki: &[u8]) -> Self {
        self.raw.push((der::PUBLIC_KEY, spki.to_vec()));
        self
    }
}

/// What it may be used for.
impl LeafBuilder {
    /// Extended key usage clientAuth alone: what [`TestCa::client`] issues.
    pub fn client_only(self) -> Self {
        self.usages(&[ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// Extended key usage serverAuth alone: what [`TestCa::server`] issues.
    pub fn server_only(self) -> Self {
        self.usages(&[ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// Extended key usages clientAuth and serverAuth, as public CAs used to issue.
    pub fn client_and_server(self) -> Self {
        self.usages(&[
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ])
    }

    /// Extended key usage anyExtendedKeyUsage alone.
    pub fn any_eku(self) -> Self {
        self.usages(&[ExtendedKeyUsagePurpose::Any])
    }

    /// No extended key usage extension.
    pub fn without_eku(self) -> Self {
        self.usages(&[])
    }

    fn usages(mut self, usages: &[ExtendedKeyUsagePurpose]) -> Self {
        self.params.extended_key_usages = usages.to_vec();
        self
    }

    /// Says `CA:TRUE`.
    pub fn as_ca(mut self) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// Adds keyCertSign to its key usage.
    pub fn with_key_cert_sign(mut self) -> Self {
        self.params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        self
    }

    /// Adds cRLSign to its key usage.
    pub fn with_crl_sign(mut self) -> Self {
        self.params.key_usages.push(KeyUsagePurpose::CrlSign);
        self
    }

    /// Its key usage has keyEncipherment in place of digitalSignature.
    pub fn without_digital_signature(mut self) -> Self {
        self.params
            .key_usages
            .retain(|held| *held != KeyUsagePurpose::DigitalSignature);
        self.params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        self
    }

    /// No key usage extension.
    pub fn without_key_usage(mut self) -> Self {
        self.params.key_usages.clear();
        self
    }
}

/// Extensions.
impl LeafBuilder {
    /// Adds a policy to its certificate policies.
    ///
    /// # Panics
    ///
    /// If there are fewer than two arcs.
    pub fn policy_oid(mut self, arcs: &[u64]) -> Self {
        self.policies.push(der::sequence(&[der::oid(arcs)]));
        self
    }

    /// Adds an extension: its object identifier and its value in DER.
    pub fn extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        self.params
            .custom_extensions
            .push(CustomExtension::from_oid_content(arcs, value.to_vec()));
        self
    }

    /// Adds a critical extension: whoever does not know it must refuse the certificate (RFC 5280 §4.2).
    pub fn critical_extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
        let mut extension = CustomExtension::from_oid_content(arcs, value.to_vec());
        extension.set_criticality(true);
        self.params.custom_extensions.push(extension);
        self
    }

    /// RFC 5280 §4.2.1.6: critical where there is no subject to name the certificate.
    fn add_alternative_names(&mut self) {
        const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
        if !self.alternative_names.is_empty() {
            let names = der::sequence(&self.alternative_names);
            let mut extension = CustomExtension::from_oid_content(SUBJECT_ALT_NAME, names);
            extension.set_criticality(self.subject.is_empty());
            self.params.custom_extensions.push(extension);
        }
    }

    fn add_policies(&mut self) {
        const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
        if !self.policies.is_empty() {
            let policies = der::sequence(&self.policies);
            self.params
                .custom_extensions
                .push(CustomExtension::from_oid_content(CERTIFICATE_POLICIES, policies));
        }
    }
}

#[cfg(test)]
mod tests {
    use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
    use x509_parser::prelude::*;

    use super::super::{NOT_AFTER, NOT_BEFORE, NOW, utc};
    use super::*;

    fn ca() -> TestCa {
        TestCa::new("Root")
    }

    fn parsed(cert: &TestCert) -> X509Certificate<'_> {
        X509Certificate::from_der(cert.leaf()).expect("a certificate").1
    }

    /// The critical flag and the names.
    fn alternative_names<'a>(cert: &X509Certificate<'a>) -> Option<(bool, Vec<GeneralName<'a>>)> {
        let extension = cert.subject_alternative_name().expect("well-formed")?;
        Some((extension.critical, extension.value.general_names.clone()))
    }

    #[test]
    fn a_name_gets_the_type_that_its_form_shows() {
        for (name, expected) in [
            (
                "spiffe://acme.example/a",
                GeneralName::URI("spiffe://acme.example/a"),
            ),
            ("https://acme.example/", GeneralName::URI("https://acme.example/")),
            ("acme.example", GeneralName::DNSName("acme.example")),
            ("*.acme.example", GeneralName::DNSName("*.acme.example")),
            ("ops@acme.example", GeneralName::RFC822Name("ops@acme.example")),
            ("192.0.2.7", GeneralName::IPAddress(&[192, 0, 2, 7])),
            (
                "::1",
                GeneralName::IPAddress(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ),
        ] {
            let cert = ca().client(name).issue();
            assert_eq!(
                alternative_names(&parsed(&cert)),
                Some((true, vec![expected])),
                "{name}"
            );
        }
    }

    #[test]
    fn names_are_written_as_they_are() {
        let ca = ca();
        let cert = ca
            .client("spiffe://a/b\0c")
            .dns("\n")
            .raw_san(2, b"\xff")
            .raw_san(4, b"\x30\x00")
            .common_name("x");
        let cert = cert.issue();
        let (critical, names) = alternative_names(&parsed(&cert)).expect("names");

        assert!(!critical);
        let [uri, dns, invalid, directory] = &names[..] else {
            unreachable!("four names: {names:?}")
        };
        assert_eq!(*uri, GeneralName::URI("spiffe://a/b\0c"));
        assert_eq!(*dns, GeneralName::DNSName("\n"));
        assert!(matches!(invalid, GeneralName::Invalid(_, b"\xff")), "{invalid:?}");
        assert!(
            matches!(directory, GeneralName::DirectoryName(_)),
            "{directory:?}"
        );

        let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
        assert_eq!(leaf.valid_uri_names().collect::<Vec<_>>(), ["spiffe://a/b\0c"]);
    }

    #[test]
    fn the_subject_holds_what_was_given_in_that_order() {
        let cert = ca()
            .client("acme.example")
            .without_san()
            .common_name("one")
            .organization("Acme")
            .common_name("two")
            .organizational_unit("a")
            .organizational_unit("b")
            .raw_common_name(30, b"\0t\0h\0r\0e\0e")
            .issue();
        let parsed = parsed(&cert);
        let attributes: Vec<_> = parsed.subject().iter_attributes().collect();
        let seen: Vec<_> = attributes
            .iter()
            .map(|attribute| (attribute.attr_type().to_id_string(), attribute.attr_value().data))
            .collect();
        let seen: Vec<_> = seen.iter().map(|(kind, value)| (kind.as_str(), *value)).collect();

        let (cn, o, ou) = ("2.5.4.3", "2.5.4.10", "2.5.4.11");
        let expected: [(_, &[u8]); 6] = [
            (cn, b"one"),
            (o, b"Acme"),
            (cn, b"two"),
            (ou, b"a"),
            (ou, b"b"),
            (cn, b"\0t\0h\0r\0e\0e"),
        ];
        assert_eq!(seen, expected);
        assert_eq!(parsed.issuer().to_string(), "CN=Root");
        assert_eq!(alternative_names(&parsed), None);
    }

    /// Extended key usages, key usages, and the CA flag.
    type Uses = (Option<[bool; 3]>, Option<[bool; 3]>, Option<bool>);

    fn uses(cert: &TestCert) -> Uses {
        let cert = parsed(cert);
        let extended = cert.extended_key_usage().expect("well-formed");
        let usage = cert.key_usage().expect("well-formed");
        let constraints = cert.basic_constraints().expect("well-formed");
        (
            extended.map(|e| [e.value.client_auth, e.value.server_auth, e.value.any]),
            usage.map(|u| {
                [
                    u.value.digital_signature(),
                    u.value.key_encipherment(),
                    u.value.key_cert_sign(),
                ]
            }),
            constraints.map(|c| c.value.ca),
        )
    }

    #[test]
    fn each_verb_changes_one_use() {
        let ca = ca();
        let acme = || ca.client("acme.example");
        let client = Some([true, false, false]);
        let signs = Some([true, false, false]);
        for (case, cert, expected) in [
            ("client", acme(), (client, signs, Some(false))),
            (
                "server",
                ca.server("acme.example"),
                (Some([false, true, false]), signs, Some(false)),
            ),
            (
                "self-signed",
                TestCert::self_signed("acme.example"),
                (client, signs, Some(false)),
            ),
            (
                "server only",
                acme().server_only(),
                (Some([false, true, false]), signs, Some(false)),
            ),
            (
                "client only",
                acme().server_only().client_only(),
                (client, signs, Some(false)),
            ),
            (
                "both",
                acme().client_and_server(),
                (Some([true, true, false]), signs, Some(false)),
            ),
            (
                "any",
                acme().any_eku(),
                (Some([false, false, true]), signs, Some(false)),
            ),
            ("no EKU", acme().without_eku(), (None, signs, Some(false))),
            ("CA", acme().as_ca(), (client, signs, Some(true))),
            (
                "keyCertSign",
                acme().with_key_cert_sign(),
                (client, Some([true, false, true]), Some(false)),
            ),
            (
                "no signing",
                acme().without_digital_signature(),
                (client, Some([false, true, false]), Some(false)),
            ),
            (
                "no usage",
                acme().without_key_usage(),
                (client, None, Some(false)),
            ),
        ] {
            assert_eq!(uses(&cert.issue()), expected, "{case}");
        }
    }

    #[test]
    fn validity_is_the_one_asked_for() {
        let ca = ca();
        let acme = || ca.client("acme.example");
        for (case, cert, expected) in [
            ("default", acme(), (NOT_BEFORE, NOT_AFTER)),
            ("expired", acme().expired(), (utc(2020, 1, 1), utc(2021, 1, 1))),
            ("not yet", acme().not_yet_valid(), (utc(2090, 1, 1), NOT_AFTER)),
            (
                "own",
                acme().validity(utc(2049, 12, 31), utc(2050, 1, 1)),
                (utc(2049, 12, 31), utc(2050, 1, 1)),
            ),
        ] {
            let cert = cert.issue();
            let validity = parsed(&cert).validity().clone();
            let seen = (
                validity.not_before.timestamp() as u64,
                validity.not_after.timestamp() as u64,
            );
            assert_eq!(seen, (expected.0.as_secs(), expected.1.as_secs()), "{case}");
        }
    }

    #[test]
    fn extensions_and_policies_are_added() {
        let cert = ca()
            .client("acme.example")
            .policy_oid(&[2, 5, 29, 32, 0])
            .policy_oid(&[1, 3, 6, 1, 4, 1, 99999]);
        let cert = cert
            .extension(&[1, 2, 3], b"\x05\x00")
            .critical_extension(&[1, 2, 4], b"\x05\x00")
            .issue();
        let parsed = parsed(&cert);

        let policies = parsed
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::CertificatePolicies(policies) => Some(policies.iter()),
                _ => None,
            });
        let policies: Vec<_> = policies
            .expect("policies")
            .map(|policy| policy.policy_id.to_id_string())
            .collect();
        assert_eq!(policies, ["2.5.29.32.0", "1.3.6.1.4.1.99999"]);

        let own = parsed
            .extensions()
            .iter()
            .map(|extension| (extension.oid.to_id_string(), extension));
        let own: Vec<_> = own
            .filter(|(oid, _)| oid.starts_with("1.2."))
            .map(|(oid, e)| (oid, e.critical))
            .collect();
        assert_eq!(own, [("1.2.3".to_owned(), false), ("1.2.4".to_owned(), true)]);
    }

    #[test]
    fn serials_are_unique_or_as_asked_for() {
        let ca = ca();
        let cert = ca.client("acme.example").issue();
        let renewed = ca.client("acme.example").with_key(&cert).issue();
        assert_eq!(renewed.spki_der(), cert.spki_der());
        assert_ne!(renewed.serial(), cert.serial());

        for serial in [
            Serial::from(42),
            Serial::from(0xff),
            Serial::from(&[0x80; 20][..]),
        ] {
            let cert = ca.client("acme.example").serial(serial.clone()).issue();
            assert_eq!(parsed(&cert).serial.to_bytes_be(), serial.as_bytes());
            assert_eq!(*cert.serial(), serial);
        }
    }

    #[test]
    fn each_twin_is_refused_for_what_it_is() {
        let ca = ca();
        let acme = || ca.client("acme.example");
        let anchors = [anchor_from_trusted_cert(ca.certificate()).expect("an anchor")];
        let algorithms = rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all;
        let (early, late) = (utc(2090, 1, 1), utc(2021, 1, 1));

        for (case, cert, expected) in [
            ("good", acme(), Ok(())),
            (
                "many names",
                acme().uri("a://b").common_name("a").common_name("b"),
                Ok(()),
            ),
            (
                "expired",
                acme().expired(),
                Err(Error::CertExpired {
                    time: NOW,
                    not_after: late,
                }),
            ),
            (
                "not yet",
                acme().not_yet_valid(),
                Err(Error::CertNotValidYet {
                    time: NOW,
                    not_before: early,
                }),
            ),
            ("CA as leaf", acme().as_ca(), Err(Error::CaUsedAsEndEntity)),
            ("no EKU", acme().without_eku(), Ok(())),
            (
                "unknown critical",
                acme().critical_extension(&[1, 2, 3], b""),
                Err(Error::UnsupportedCriticalExtension),
            ),
            (
                "self-signed",
                TestCert::self_signed("acme.example"),
                Err(Error::UnknownIssuer),
            ),
        ] {
            let cert = cert.issue();
            let verified = EndEntityCert::try_from(cert.leaf()).and_then(|leaf| {
                leaf.verify_for_usage(
                    algorithms,
                    &anchors,
                    &[],
                    NOW,
                    KeyUsage::client_auth(),
                    None,
                    None,
                )
                .map(|_| ())
            });
            assert_eq!(verified, expected, "{case}");
        }
    }

    #[test]
    fn a_self_signed_certificate_is_its_own_issuer() {
        let nameless = TestCert::self_signed("acme.example").issue();
        assert_eq!(parsed(&nameless).issuer().to_string(), "CN=self-signed");

        let cert = TestCert::self_signed("acme.example").common_name("Acme").issue();
        let parsed = parsed(&cert);
        assert_eq!(parsed.subject().to_string(), "CN=Acme");
        assert_eq!(parsed.issuer(), parsed.subject());

        // Trusted by name and key, as an anchor would be.
        let anchors = [anchor_from_trusted_cert(cert.leaf()).expect("an anchor")];
        let algorithms = rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .all;
        let leaf = EndEntityCert::try_from(cert.leaf()).expect("a certificate");
        let usage = KeyUsage::client_auth();
        let verified = leaf.verify_for_usage(algorithms, &anchors, &[], NOW, usage, None, None);
        assert_eq!(verified.map(|_| ()), Ok(()));
    }
}
