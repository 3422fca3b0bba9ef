//! What was signed for others or by others, and who shows another certificate or none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};

use super::{Attack, Expected, Run, Who};
use crate::Mistake;
use crate::endpoint::signers::NOBODY;
use crate::player::Delivery;

const FORGED: [&str; 3] = ["client-cert", "x-forwarded-client-cert", "x-ssl-client-cert"];

impl Run<'_> {
    /// Only where the scheme signs the URL.
    pub(super) fn of_the_url(&self) -> Result<Vec<Attack>, Mistake> {
        let (signers, body) = (&self.files.signers, &self.sample.body);
        let Some(elsewhere) = &signers.elsewhere else {
            return Ok(Vec::new());
        };
        let path = Uri::from_static("/doctor/elsewhere");
        let other = signers.signed_to(&path, &signers.own, &self.id("path"), body, self.now)?;
        let theirs = signers.signed(elsewhere, &self.id("host"), body, self.now)?;
        Ok(vec![
            Attack::new(
                "signed for another path",
                self.delivery(other, body),
                "the URL that is verified is not the one that was called: what was sent to one endpoint can be played at another",
            ),
            Attack::new(
                "signed for another host, and sent under it",
                self.delivery(theirs, body),
                "the URL is put together from the Host field, which the sender writes: what was sent to somebody else can be played here; configure the URL",
            )
            .under(NOBODY),
        ])
    }

    pub(super) fn of_others(&self) -> Result<Vec<Attack>, Mistake> {
        let means = "connection and payload may name two tenants: a confused deputy";
        let (signers, body) = (&self.files.signers, &self.sample.body);
        let mut attacks = Vec::new();
        if let Some(key) = &signers.other {
            let theirs = signers.signed(key, &self.id("other"), body, self.now)?;
            let theirs = self.delivery(theirs, body);
            attacks.push(Attack::new("another tenant's signature", theirs, means));
        }
        attacks.extend([
            Attack::new("another tenant's certificate", self.good("deputy")?, means).by(Who::Other),
            Attack::new(
                "an expired certificate",
                self.good("expired")?,
                "the certificate is not verified",
            )
            .by(Who::Expired),
        ]);
        Ok(attacks)
    }

    pub(super) fn of_nobody(&self) -> Result<Vec<Attack>, Mistake> {
        let means = "the certificate is asked for, and not demanded";
        let mut attacks = vec![Attack::new("no certificate", self.good("nobody")?, means).by(Who::Nobody)];
        if let Some(certificate) = self.files.certificate() {
            let forged = forged(self.good("forged")?, certificate);
            let means =
                "header fields are believed from anybody: whoever has seen a certificate is its owner";
            attacks.push(
                Attack::new("no certificate, and ours in header fields", forged, means).by(Who::Nobody),
            );
        }
        Ok(attacks)
    }

    pub(super) fn of_the_host(&self) -> Result<Vec<Attack>, Mistake> {
        let means = "harmless, unless routes or tenants are chosen by Host";
        let attack = Attack::new("a host of nobody's", self.good("host")?, means);
        Ok(vec![attack.under(NOBODY).expecting(Expected::Either)])
    }
}

fn forged(delivery: Delivery, certificate: &[u8]) -> Delivery {
    let base64 = STANDARD.encode(certificate);
    let values = [format!(":{base64}:"), format!("Cert=\"{base64}\""), base64];
    FORGED
        .into_iter()
        .zip(values)
        .fold(delivery, |delivery, (field, value)| {
            match HeaderValue::from_str(&value) {
                Ok(value) => delivery.with(field, value),
                Err(_) => delivery,
            }
        })
}
