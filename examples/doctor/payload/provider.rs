//! Providers whose scheme is a type of its own, with what the receiver was told of each.

use countersign::explain::ProviderInquiry;
use countersign::payload::providers::presets::Preset;
use countersign::payload::providers::{EbayVerifier, PayPalVerifier, SnsVerifier};
use countersign::payload::{Message, NoKey};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};

use super::sha1::{EcdsaSha1, RsaSha1};
use super::{Given, algorithms, name_of, secret, tenant};
use crate::Mistake;
use crate::lines::read;
use crate::peer::chain;

impl Given {
    pub(super) fn provider(
        &self,
        preset: &Preset,
        message: &Message<'_>,
    ) -> Result<ProviderInquiry, Mistake> {
        let mut inquiry = match preset.name {
            "adyen" => ProviderInquiry::adyen(),
            "twilio" => ProviderInquiry::twilio(self.origin()?),
            "hubspot_legacy" => self.hubspot(message)?,
            "paypal" => return self.paypal(),
            "aws_sns" => return self.sns(),
            "ebay" => return self.ebay(),
            name => return Err(format!("--scheme {name}: it cannot be tried")),
        };
        for (id, secret) in self.secrets()? {
            inquiry = inquiry.key(tenant()?, id, secret);
        }
        for file in &self.known {
            inquiry = inquiry.also_known(tenant()?, name_of(file), secret("--also-known", file)?);
        }
        for url in self.urls()? {
            inquiry = inquiry.also_called(url);
        }
        Ok(inquiry)
    }

    /// The version that the message says, or, where it says none, the one that needs what was given.
    fn hubspot(&self, message: &Message<'_>) -> Result<ProviderInquiry, Mistake> {
        let says = message.headers.get("x-hubspot-signature-version");
        let is_second = match says {
            Some(version) => version == "v2",
            None => self.origin.is_some(),
        };
        if is_second {
            return Ok(ProviderInquiry::hubspot_version_2(self.origin()?));
        }
        Ok(ProviderInquiry::hubspot_version_1())
    }

    fn paypal(&self) -> Result<ProviderInquiry, Mistake> {
        let Some((own, others)) = self.webhooks.split_first() else {
            return Err("--webhook ID is missing: of this webhook, as PayPal's dashboard shows it".into());
        };
        let verifier = PayPalVerifier::new(tenant()?, own, self.certificate()?, algorithms());
        let inquiry = ProviderInquiry::paypal(verifier.map_err(|unsupported| unsupported.to_string())?);
        Ok(others
            .iter()
            .fold(inquiry, |inquiry, other| inquiry.also_named(other)))
    }

    fn sns(&self) -> Result<ProviderInquiry, Mistake> {
        let topic = self
            .topic
            .as_deref()
            .ok_or("--topic ARN is missing: arn:aws:sns:REGION:ACCOUNT:NAME")?;
        let verifier = SnsVerifier::new(tenant()?, topic, self.certificate()?, &with_sha1());
        Ok(ProviderInquiry::sns(
            verifier.map_err(|unsupported| unsupported.to_string())?,
        ))
    }

    fn ebay(&self) -> Result<ProviderInquiry, Mistake> {
        let [file] = &self.keys[..] else {
            return Err(
                "--key-file FILE: give the key that getPublicKey answers for the message's kid".into(),
            );
        };
        let key = read("--key-file", file)?;
        let find = move |_: &str| Ok::<_, NoKey>(key.clone());
        let verifier = EbayVerifier::new(tenant()?, find, &with_sha1());
        Ok(ProviderInquiry::ebay(
            verifier.map_err(|unsupported| unsupported.to_string())?,
        ))
    }

    /// The certificate that is behind the URL that the message names; nothing is fetched here.
    fn certificate(
        &self,
    ) -> Result<impl Fn(&str) -> Result<CertificateDer<'static>, NoKey> + Send + Sync + 'static, Mistake>
    {
        let [file] = &self.keys[..] else {
            return Err(
                "--key-file FILE: give the certificate, in PEM, that is behind the URL in the message".into(),
            );
        };
        let certificate = chain("--key-file", file)?.remove(0);
        Ok(move |_: &str| Ok(certificate.clone()))
    }
}

fn with_sha1() -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    let mut all = algorithms().to_vec();
    all.push(&EcdsaSha1);
    all.push(&RsaSha1);
    all
}
