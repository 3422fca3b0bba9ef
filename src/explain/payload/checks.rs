use std::fmt;

use http::HeaderName;

use crate::payload::hmac::TimeAt;
use crate::payload::{NotAuthentic, Trial};

/// A check of a payload's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PayloadCheck {
    /// The header fields that the scheme needs are there, once, and can be read.
    Fields,
    /// The body can be read, where the scheme has to read it.
    Body,
    /// The signed time is written as the scheme writes it.
    Time,
    /// The signed time is near enough to the present.
    Freshness,
    /// There is a signature of the scheme's form.
    Signature,
    /// The signature's algorithm is one that is allowed.
    Algorithm,
    /// There is a key to verify it with.
    Keys,
    /// The signature covers what it must.
    Coverage,
    /// The digest that is signed is that of the body, or of the request.
    Digest,
    /// The claims of a token say what they must.
    Claims,
    /// A token is bound to the certificate of the connection.
    Certificate,
    /// The signature is right under a key of the sender.
    Match,
    /// What a verifier asks that is none of these.
    Other,
}

impl PayloadCheck {
    /// Its name, for people to read.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fields => "header fields",
            Self::Body => "body",
            Self::Time => "signed time",
            Self::Freshness => "freshness",
            Self::Signature => "signature's form",
            Self::Algorithm => "algorithm",
            Self::Keys => "keys",
            Self::Coverage => "coverage",
            Self::Digest => "digest",
            Self::Claims => "claims",
            Self::Certificate => "certificate",
            Self::Match => "signature",
            Self::Other => "other",
        }
    }

    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Fields => "each field that the scheme needs once, in visible ASCII",
            Self::Body => "JSON or a form without repeated names, where the scheme reads it",
            Self::Time => "the time in the scheme's format: canonical digits, or RFC 3339",
            Self::Freshness => "a signed time within the tolerance of now",
            Self::Signature => "a signature of the scheme's length, prefix and encoding",
            Self::Algorithm => "an algorithm that is allowed here, and is the key's",
            Self::Keys => "a key of this sender that is valid now",
            Self::Coverage => "every component that the receiver demands, each once",
            Self::Digest => "the digest of the bytes that arrived",
            Self::Claims => "the claims that the receiver demands",
            Self::Certificate => "the certificate of this connection in the token",
            Self::Match => "a signature over these bytes under one of these keys",
            Self::Other => "what the verifier asks",
        }
    }

    /// Which of them a reason belongs to.
    pub(super) fn of(why: &NotAuthentic, trial: Option<&Trial>) -> Self {
        match why {
            NotAuthentic::MissingHeader { name }
            | NotAuthentic::RepeatedHeader { name }
            | NotAuthentic::MalformedHeader { name } => of_field(name, trial),
            NotAuthentic::MalformedQuery | NotAuthentic::MissingUrlSecret => Self::Fields,
            NotAuthentic::MalformedUrlSecret => Self::Fields,
            NotAuthentic::MalformedBody | NotAuthentic::BodyTooLarge { .. } => Self::Body,
            NotAuthentic::MalformedTime => Self::Time,
            NotAuthentic::NotFresh(_) => Self::Freshness,
            NotAuthentic::MalformedSignature { .. } | NotAuthentic::TooManySignatures { .. } => {
                Self::Signature
            }
            NotAuthentic::NoKey(_) => Self::Keys,
            NotAuthentic::SignatureMismatch => Self::Match,
            #[cfg(feature = "jwt")]
            NotAuthentic::Jwt(why) => of_token(why),
            #[cfg(feature = "http-signatures")]
            NotAuthentic::HttpSignature(why) => of_http_signature(why),
            NotAuthentic::OtherClaim | NotAuthentic::Denied { .. } => Self::Other,
        }
    }
}

impl fmt::Display for PayloadCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn of_field(name: &HeaderName, trial: Option<&Trial>) -> PayloadCheck {
    let layout = trial.and_then(Trial::layout);
    let is_time =
        layout.is_some_and(|layout| matches!(&layout.time, Some((TimeAt::Header(at), _)) if at == name));
    let is_signature = trial.and_then(Trial::field) == Some(name);
    match (is_time, is_signature) {
        (true, _) => PayloadCheck::Time,
        (_, true) => PayloadCheck::Signature,
        _ => PayloadCheck::Fields,
    }
}

#[cfg(feature = "jwt")]
fn of_token(why: &crate::payload::jose::InvalidJwt) -> PayloadCheck {
    use crate::payload::jose::InvalidJwt as Why;
    match why {
        Why::TooLarge { .. } | Why::Segments | Why::Base64 { .. } | Why::Json { .. } => {
            PayloadCheck::Signature
        }
        Why::Critical | Why::UnknownCritical | Why::B64NotCritical => PayloadCheck::Signature,
        Why::AttachedUnencoded | Why::NotDetached | Why::Nested => PayloadCheck::Signature,
        Why::UnknownAlgorithm | Why::AlgorithmNotAllowed { .. } | Why::OtherAlgorithm { .. } => {
            PayloadCheck::Algorithm
        }
        Why::UnknownKey { .. } | Why::NoKey { .. } | Why::AmbiguousKey => PayloadCheck::Keys,
        Why::UnusableKey | Why::UndecidedAlgorithm => PayloadCheck::Keys,
        Why::Signature => PayloadCheck::Match,
        Why::MemberType { .. } | Why::Missing { .. } | Why::Type | Why::Claim { .. } => PayloadCheck::Claims,
        Why::OtherTenant { .. } | Why::LivesTooLong { .. } => PayloadCheck::Claims,
        Why::Expired { .. } | Why::NotYetValid { .. } => PayloadCheck::Freshness,
        Why::FromTheFuture { .. } | Why::TooOld { .. } => PayloadCheck::Freshness,
        Why::OtherBody | Why::OtherRequest => PayloadCheck::Digest,
        Why::NoCertificate | Why::OtherCertificate => PayloadCheck::Certificate,
        Why::NotBoundToCertificate | Why::UnknownConfirmation => PayloadCheck::Certificate,
    }
}

#[cfg(feature = "http-signatures")]
fn of_http_signature(why: &crate::payload::http_signature::InvalidHttpSignature) -> PayloadCheck {
    use crate::payload::http_signature::InvalidHttpSignature as Why;
    match why {
        Why::NotFound { by: "keyid", .. } => PayloadCheck::Keys,
        Why::Field { .. } | Why::TooMany | Why::NotFound { .. } | Why::Ambiguous => PayloadCheck::Signature,
        Why::Unpaired | Why::ParameterType { .. } | Why::UnknownParameter => PayloadCheck::Signature,
        Why::MissingParameter { .. } | Why::NotCovered { .. } | Why::CoveredTwice => PayloadCheck::Coverage,
        Why::Component | Why::NotPresent { .. } => PayloadCheck::Coverage,
        Why::OtherAlgorithm { .. } => PayloadCheck::Algorithm,
        Why::UnknownKey { .. } | Why::AmbiguousKey => PayloadCheck::Keys,
        Why::Expired { .. } => PayloadCheck::Freshness,
        Why::NoDigest | Why::Digest => PayloadCheck::Digest,
        Why::Signature => PayloadCheck::Match,
    }
}

#[cfg(all(test, feature = "jwt", feature = "http-signatures"))]
mod tests {
    use super::*;
    use crate::payload::http_signature::InvalidHttpSignature as Http;
    use crate::payload::jose::InvalidJwt as Jwt;

    /// Whoever reads an explanation looks where the check says.
    #[test]
    fn a_reason_is_told_under_the_check_that_it_belongs_to() {
        use PayloadCheck::{
            Algorithm, Certificate, Claims, Coverage, Digest, Fields, Keys, Match, Signature,
        };
        let tokens = [
            (
                Signature,
                vec![Jwt::Segments, Jwt::UnknownCritical, Jwt::NotDetached, Jwt::Nested],
            ),
            (Algorithm, vec![Jwt::UnknownAlgorithm]),
            (Keys, vec![Jwt::AmbiguousKey, Jwt::UnusableKey]),
            (Match, vec![Jwt::Signature]),
            (Claims, vec![Jwt::Type]),
            (Digest, vec![Jwt::OtherBody, Jwt::OtherRequest]),
            (
                Certificate,
                vec![
                    Jwt::NoCertificate,
                    Jwt::OtherCertificate,
                    Jwt::UnknownConfirmation,
                ],
            ),
        ];
        let messages = [
            (
                Signature,
                vec![
                    Http::TooMany,
                    Http::Ambiguous,
                    Http::Unpaired,
                    Http::UnknownParameter,
                ],
            ),
            (Coverage, vec![Http::CoveredTwice, Http::Component]),
            (Keys, vec![Http::AmbiguousKey]),
            (Digest, vec![Http::NoDigest, Http::Digest]),
            (Match, vec![Http::Signature]),
        ];
        let urls = [
            NotAuthentic::MissingUrlSecret,
            NotAuthentic::MalformedUrlSecret,
            NotAuthentic::MalformedQuery,
        ];
        let of_tokens = tokens
            .into_iter()
            .flat_map(|(check, all)| all.into_iter().map(move |why| (check, why.into())));
        let of_messages = messages
            .into_iter()
            .flat_map(|(check, all)| all.into_iter().map(move |why| (check, why.into())));
        let of_urls = urls.into_iter().map(|why| (Fields, why));
        for (check, why) in of_tokens.chain(of_messages).chain(of_urls) {
            assert_eq!(PayloadCheck::of(&why, None), check, "{why:?}");
        }
    }

    /// Each has words of its own, and what was expected is more than its name.
    #[test]
    fn no_two_checks_are_called_alike() {
        use PayloadCheck::*;
        let all = [
            Fields,
            Body,
            Time,
            Freshness,
            Signature,
            Algorithm,
            Keys,
            Coverage,
            Digest,
            Claims,
            Certificate,
            Match,
            Other,
        ];
        let names: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        let expected: std::collections::BTreeSet<_> = all.iter().map(|check| check.expected()).collect();
        assert_eq!((names.len(), expected.len()), (all.len(), all.len()));
    }
}
