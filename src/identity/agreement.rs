use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_parser::extensions::GeneralName;

use super::der::{Elements, SEQUENCE};
use super::outline::Outline;
use super::{Malformed, NameKind};

/// The certificate as webpki reads it, which decides trust: it must be the same that we read.
pub(super) fn agreed<'a>(
    read: &Outline<'_>,
    alternative_names: &[GeneralName<'_>],
    der: &'a CertificateDer<'_>,
) -> Result<EndEntityCert<'a>, Malformed> {
    let trusted = EndEntityCert::try_from(der).map_err(|error| unreadable(&error))?;
    let dns = alternative_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
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
    same_dns_names(trusted.valid_dns_names(), dns)?;
    Ok(trusted)
}

/// Both read in the same order, so one walk over both tells: there may be thousands of names, of anybody's choice.
///
/// webpki leaves out what is no DNS name at all, so a name that only the other parser sees is a bad one.
fn same_dns_names<'a>(
    trusted: impl Iterator<Item = &'a str>,
    read: impl Iterator<Item = &'a str>,
) -> Result<(), Malformed> {
    let mut trusted = trusted.peekable();
    let unknown = read.filter(|name| trusted.next_if_eq(name).is_none()).count();
    same("DNS names", trusted.next().is_none())?;
    match unknown {
        0 => Ok(()),
        _ => Err(Malformed::Name { kind: NameKind::Dns }),
    }
}

fn same(field: &'static str, agreed: bool) -> Result<(), Malformed> {
    if agreed {
        Ok(())
    } else {
        Err(Malformed::ParsersDisagree { field })
    }
}

fn unreadable(error: &webpki::Error) -> Malformed {
    match error {
        webpki::Error::UnsupportedCriticalExtension => Malformed::CriticalExtension,
        webpki::Error::ExtensionValueInvalid => Malformed::Extension,
        _ => Malformed::Certificate,
    }
}
