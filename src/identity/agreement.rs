//! The agreement of two readers of one certificate: what webpki reads is what we read.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::extensions::GeneralName;

use super::Malformed;
use super::der::{Elements, SEQUENCE};
use super::names::is_dns_name;
use super::outline::Outline;

/// The certificate as webpki reads it, which decides trust: it must be the same that we read.
pub(super) fn agreed<'a>(
    read: &Outline<'_>,
    alternative_names: &[GeneralName<'_>],
    der: &'a CertificateDer<'_>,
) -> Result<EndEntityCert<'a>, Malformed> {
    let trusted = EndEntityCert::try_from(der).map_err(|error| unreadable(&error, read))?;
    let dns = alternative_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) if is_dns_name(name) => Some(*name),
        _ => None,
    });
    let uri = alternative_names.iter().filter_map(|name| match name {
        GeneralName::URI(name) => Some(*name),
        _ => None,
    });
    same(
        "public key",
        trusted.subject_public_key_info().as_ref() == read.spki,
    )?;
    same("serial number", trusted.serial() == read.serial)?;
    let issuer = Elements::inside(SEQUENCE, read.issuer).map(Elements::bytes);
    same("issuer", Some(trusted.issuer()) == issuer)?;
    same("URIs", trusted.valid_uri_names().eq(uri))?;
    // webpki leaves out what is no DNS name, wildcards apart.
    let trusted_dns = trusted.valid_dns_names().filter(|name| !name.contains('*'));
    same("DNS names", trusted_dns.eq(dns))?;
    Ok(trusted)
}

fn same(field: &'static str, agreed: bool) -> Result<(), Malformed> {
    if agreed {
        Ok(())
    } else {
        Err(Malformed::ParsersDisagree { field })
    }
}

fn unreadable(error: &webpki::Error, read: &Outline<'_>) -> Malformed {
    match error {
        webpki::Error::UnsupportedCertVersion => Malformed::Version {
            version: read.version,
        },
        webpki::Error::UnsupportedCriticalExtension => Malformed::CriticalExtension {
            oid: read.unknown_critical(),
        },
        webpki::Error::ExtensionValueInvalid => Malformed::Extension,
        _ => Malformed::Certificate,
    }
}
