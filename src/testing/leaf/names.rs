//! Names of a leaf: subject and alternative names, also those that nobody should have.

use std::net::IpAddr;

use rcgen::CustomExtension;

use super::LeafBuilder;
use crate::testing::der::{self, Attribute};

/// Names.
impl LeafBuilder {
    /// As the type that its form shows.
    pub(super) fn named(self, name: &str) -> Self {
        match name.parse() {
            Ok(ip) => self.ip(ip),
            Err(_) if name.contains("://") => self.uri(name),
            Err(_) if name.contains('@') => self.email(name),
            Err(_) => self.dns(name),
        }
    }

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

    /// RFC 5280 §4.2.1.6: critical where there is no subject to name the certificate.
    pub(super) fn add_alternative_names(&mut self) {
        const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
        if !self.alternative_names.is_empty() {
            let names = der::sequence(&self.alternative_names);
            let mut extension = CustomExtension::from_oid_content(SUBJECT_ALT_NAME, names);
            extension.set_criticality(self.subject.is_empty());
            self.params.custom_extensions.push(extension);
        }
    }
}
