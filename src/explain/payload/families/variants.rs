//! Mistakes that a receiver may have been told, each undone.

use http::Uri;

use super::super::guesses::of_missing;
use super::super::mistake::Mistake;
use super::super::provider::ProviderInquiry;
use super::super::report::{Certainty, Diagnosis};
use super::super::search::{Verify, distance};
use super::super::secrets::each_taken;
use super::super::targets::{host_names, other_origins, targets};
use super::{Family, adyen_items};
use crate::codes::Seen;
use crate::payload::providers::{AdyenVerifier, SnsVerifier};
use crate::payload::{Message, NotAuthentic, Origin};
use crate::replay::NotFresh;

/// What PayPal's simulator signs in the place of a webhook's id.
const SIMULATED: &str = "WEBHOOK_ID";
/// What SNS writes beside a message that it does not sign.
const RAW: &str = "x-amz-sns-rawdelivery";

/// Takes what may be meant; says whether it is signed so.
pub(in super::super) type TryVariant<'t> = dyn FnMut(Mistake, &str, &Verify<'_>) -> bool + 't;

impl Family {
    /// Each thing that may be meant in the place of what was entered, the likeliest first, until one is signed so.
    pub(in super::super) fn each_variant(
        &self,
        inquiry: &ProviderInquiry,
        message: &Message<'_>,
        why: &NotAuthentic,
        then: &mut TryVariant<'_>,
    ) -> bool {
        let untimed = self.at_any_time();
        untimed.of_time(inquiry, why, then)
            || untimed.of_names(inquiry, message, then)
            || untimed.of_items(inquiry, message, then)
            || untimed.of_keys(inquiry, message, then)
            || untimed.of_versions(inquiry, message, then)
            || untimed.of_origins(inquiry, message, then)
    }

    fn of_time(&self, inquiry: &ProviderInquiry, why: &NotAuthentic, then: &mut TryVariant<'_>) -> bool {
        let (mistake, signed, now) = match why {
            NotAuthentic::NotFresh(NotFresh::Stale { signed, now }) => (Mistake::Late, signed, now),
            NotAuthentic::NotFresh(NotFresh::FromTheFuture { signed, now }) => {
                (Mistake::ClockAhead, signed, now)
            }
            _ => return false,
        };
        let detail = format!("by {}", distance(*signed, *now));
        then(mistake, &detail, &|message| self.decide(inquiry, message))
    }

    /// Another webhook, another topic.
    fn of_names(&self, inquiry: &ProviderInquiry, message: &Message<'_>, then: &mut TryVariant<'_>) -> bool {
        let mut is = |mistake, detail: String, other: Self| {
            then(mistake, &detail, &|message| other.decide(inquiry, message))
        };
        match self {
            Self::PayPal(verifier) => {
                let of = |webhook: &str| Self::PayPal(verifier.of_webhook(webhook).into());
                let mut names = inquiry.names.iter();
                is(
                    Mistake::Simulated,
                    format!("{SIMULATED} is signed in the place of a webhook's id"),
                    of(SIMULATED),
                ) || names.any(|name| {
                    let detail = format!("it is signed for {}", Seen::of(name));
                    is(Mistake::OtherWebhook, detail, of(name))
                })
            }
            Self::Sns(verifier) => SnsVerifier::look_into(message).is_some_and(|(topic, ..)| {
                let other = Self::Sns(verifier.of_topic(&topic).into());
                is(
                    Mistake::OtherTopic,
                    format!("it is of {}", Seen::of(&topic)),
                    other,
                )
            }),
            _ => false,
        }
    }

    /// Some of a batch are right, and others are not.
    fn of_items(&self, inquiry: &ProviderInquiry, message: &Message<'_>, then: &mut TryVariant<'_>) -> bool {
        let items = match self {
            Self::Adyen => adyen_items(inquiry, message).unwrap_or_default(),
            _ => return false,
        };
        let wrong = items.iter().position(|(_, is_right)| !is_right);
        let is_mixed = items.iter().any(|(_, is_right)| *is_right);
        wrong.filter(|_| is_mixed).is_some_and(|wrong| {
            let detail = format!("item {} of {} is not, others are", wrong + 1, items.len());
            then(Mistake::SomeItems, &detail, &|_| Ok(()))
        })
    }

    fn of_keys(&self, inquiry: &ProviderInquiry, message: &Message<'_>, then: &mut TryVariant<'_>) -> bool {
        let Some(spec) = self.spec() else { return false };
        each_taken(&inquiry.entered, &inquiry.known, message, &spec)
            .iter()
            .any(|taken| {
                then(taken.mistake, &taken.detail, &|message| {
                    self.decide_taking(taken, message)
                })
            })
    }

    /// HubSpot's other version.
    fn of_versions(
        &self,
        inquiry: &ProviderInquiry,
        message: &Message<'_>,
        then: &mut TryVariant<'_>,
    ) -> bool {
        let others = match self {
            Self::HubSpot(Some(_)) => vec![("version 1".to_owned(), Self::HubSpot(None))],
            Self::HubSpot(None) => {
                let hosts = host_names(message, &inquiry.urls);
                let origins = hosts.iter().flat_map(|host| {
                    ["https", "http"].map(|scheme| Origin::parse(&format!("{scheme}://{host}")))
                });
                let of = |origin: Origin| {
                    let detail = format!("version 2, at {origin}");
                    (detail, Self::HubSpot(Some(origin)))
                };
                origins.filter_map(Result::ok).map(of).collect()
            }
            _ => return false,
        };
        others.iter().any(|(version, other)| {
            let detail = format!("{version} of HubSpot's");
            then(Mistake::OtherScheme, &detail, &|message| {
                other.decide(inquiry, message)
            })
        })
    }

    /// The URL as it is outside of a proxy: another origin, with the path as it is or another.
    fn of_origins(
        &self,
        inquiry: &ProviderInquiry,
        message: &Message<'_>,
        then: &mut TryVariant<'_>,
    ) -> bool {
        let Some(origin) = self.origin() else { return false };
        let mut uris: Vec<Uri> = vec![message.uri.clone()];
        uris.extend(targets(message, &inquiry.urls).into_iter().map(|(_, uri)| uri));
        let origins = other_origins(origin, message, &inquiry.urls);
        let each = uris
            .iter()
            .flat_map(|uri| origins.iter().map(move |(mistake, other)| (uri, *mistake, other)));
        for (uri, mistake, other) in each {
            let mistake = if uri == message.uri {
                mistake
            } else {
                Mistake::Target
            };
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            let there = self.to(other);
            let is_signed = then(mistake, &format!("{other}{path} is signed"), &|message| {
                there.decide(inquiry, &Message { uri, ..*message })
            });
            if is_signed {
                return true;
            }
        }
        false
    }

    /// What it looks like, where nothing could be made to match.
    pub(in super::super) fn guesses(&self, message: &Message<'_>, why: &NotAuthentic) -> Vec<Diagnosis> {
        let guess = |mistake, detail: String| vec![Diagnosis::new(mistake, Certainty::Guess, detail)];
        match (self, why) {
            (_, NotAuthentic::MissingHeader { name }) => of_missing(name, &self.fields(), &[], message),
            (Self::Adyen, NotAuthentic::MalformedBody) => match AdyenVerifier::first_unsigned(message.body) {
                Some((item, all)) => guess(
                    Mistake::NotSigned,
                    format!("item {item} of {all} has no additionalData.hmacSignature"),
                ),
                None => Vec::new(),
            },
            (Self::Sns(_), _) if message.headers.contains_key(RAW) => {
                guess(Mistake::RawDelivery, format!("{RAW} is there"))
            }
            (Self::Sns(_), NotAuthentic::Denied { .. }) => match SnsVerifier::look_into(message) {
                Some((_, version, _)) if version == "1" => guess(
                    Mistake::Digest,
                    "signature version 1 is RSA with SHA-1, for which there is no algorithm here; set SignatureVersion of the topic to 2"
                        .to_owned(),
                ),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}
