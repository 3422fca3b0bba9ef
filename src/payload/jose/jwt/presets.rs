//! Senders that use tokens: data only. Each says whether the body is bound.

use std::time::Duration;

use http::HeaderName;

use super::rules::Accepted;
use crate::payload::jose::{BodyHash, BoundJwtScheme, HashForm, JwtAt, JwtRules, JwtScheme, RequestHash};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// Rules of a sender that names neither itself nor us nor an end.
fn bare() -> JwtRules {
    JwtRules::accepting(Accepted::Any, Accepted::Any).allow_no_expiry()
}

/// Rules of a sender that names itself, and not us.
fn for_anybody(issuer: &str) -> JwtRules {
    JwtRules::accepting(Accepted::one(issuer), Accepted::Any)
}

impl BoundJwtScheme {
    /// Plaid: `Plaid-Verification`, ES256, no older than five minutes. **The body is bound** (`request_body_sha256`).
    ///
    /// Keys by `kid` from `/webhook_verification_key/get`, with your credentials; list ES256 only.
    pub fn plaid() -> Self {
        let at = JwtAt::header(HeaderName::from_static("plaid-verification"));
        let rules = bare().with_max_age(FIVE_MINUTES);
        JwtScheme::new("plaid", at, rules)
            .bound_to_body(BodyHash::in_claim("request_body_sha256", HashForm::Hex))
    }

    /// Netlify: `X-Webhook-Signature`, HS256. **The body is bound** (`sha256`).
    ///
    /// # Security
    /// Such a token has no time: only the replay store tells a second delivery from the first, for as long as it
    /// remembers.
    pub fn netlify() -> Self {
        let at = JwtAt::header(HeaderName::from_static("x-webhook-signature"));
        let rules = for_anybody("netlify").allow_no_expiry();
        JwtScheme::new("netlify", at, rules).bound_to_body(BodyHash::in_claim("sha256", HashForm::Hex))
    }

    /// Vonage: `Authorization: Bearer`, HS256, no older than five minutes. **The body is bound** (`payload_hash`).
    ///
    /// Source: developer.vonage.com, "Signed webhooks".
    pub fn vonage() -> Self {
        let rules = for_anybody("Vonage").allow_no_expiry();
        let rules = rules.with_max_age(FIVE_MINUTES).require_id();
        JwtScheme::new("vonage", JwtAt::bearer(), rules)
            .bound_to_body(BodyHash::in_claim("payload_hash", HashForm::Hex))
    }

    /// MessageBird: `MessageBird-Signature-JWT`, HS256. **The body is bound** (`payload_hash`, absent where there is no
    /// body), and so is the address (`url_hash`) at this origin, as in `https://hooks.example`.
    ///
    /// Source: developers.messagebird.com, "Verify HTTP requests"; npm messagebird, `lib/webhook-signature-jwt.js`.
    pub fn messagebird(origin: &str) -> Self {
        let at = JwtAt::header(HeaderName::from_static("messagebird-signature-jwt"));
        let rules = for_anybody("MessageBird").require_id();
        JwtScheme::new("messagebird", at, rules)
            .bound_to_request(RequestHash::url("url_hash", origin))
            .bound_to_body(BodyHash::in_claim("payload_hash", HashForm::Hex).absent_without_body())
    }

    /// FusionAuth: `X-FusionAuth-Signature-JWT`. **The body is bound** (`request_body_sha256`, in base64).
    ///
    /// # Security
    /// Such a token has no end: only the replay store tells a second delivery from the first, for as long as it
    /// remembers.
    pub fn fusionauth() -> Self {
        let at = JwtAt::header(HeaderName::from_static("x-fusionauth-signature-jwt"));
        JwtScheme::new("fusionauth", at, bare())
            .bound_to_body(BodyHash::in_claim("request_body_sha256", HashForm::Base64))
    }

    /// Secure Webhook Token (draft-knauer-secure-webhook-token): `Authorization: Bearer`. **The body is bound**
    /// (`webhook.data.hash`, with `hashAlg` of SHA-256; the draft's default of SHA3-256 is refused).
    pub fn swt(issuer: &str) -> Self {
        let rules = for_anybody(issuer).require_id();
        let rules = rules.with_max_lifetime(Duration::from_secs(3600));
        let hash = BodyHash::within(["webhook", "data"], "hash", HashForm::Hex).named("hashAlg", "SHA-256");
        JwtScheme::new("swt", JwtAt::bearer(), rules).bound_to_body(hash)
    }
}

impl JwtScheme {
    /// Google Cloud Pub/Sub push: `Authorization: Bearer`, RS256, for this audience and of this service account.
    /// **The body is not bound.** Keys: `https://www.googleapis.com/oauth2/v3/certs`.
    pub fn google_pubsub(audience: &str, service_account: &str) -> Self {
        Self::new(
            "google_pubsub",
            JwtAt::bearer(),
            google(audience, service_account),
        )
    }

    /// Google Dialogflow's service identity token: `Authorization: Bearer`, RS256, for this audience (the webhook's URL) and of this
    /// service account (`service-NUMBER@gcp-sa-dialogflow.iam.gserviceaccount.com`, with the project's number). **The body is not
    /// bound.** Keys: `https://www.googleapis.com/oauth2/v3/certs`.
    ///
    /// Beside the certificate of [`KnownSender::dialogflow_es`](crate::trust::KnownSender::dialogflow_es), which demands it.
    ///
    /// Source: Google's reference of `Webhook.GenericWebService.ServiceAgentAuth` for the service account and the kind of token, an ID
    /// token; what else stands in it is the rule of Google's ID tokens. No page says which audience a server outside Google Cloud is
    /// given: compare it with a first token.
    pub fn google_dialogflow(audience: &str, service_account: &str) -> Self {
        Self::new(
            "google_dialogflow",
            JwtAt::bearer(),
            google(audience, service_account),
        )
    }

    /// Microsoft Graph change notifications: `validationTokens` in the body, RS256, for this application in this
    /// directory (both by their GUID), in the first version of the platform's tokens. **The body is not bound.** Ask
    /// with [`UnboundJwts::recognize_list`](crate::payload::jose::UnboundJwts::recognize_list).
    pub fn microsoft_graph(application: &str, directory: &str) -> Self {
        let rules = JwtRules::issuer(format!("https://sts.windows.net/{directory}/"))
            .audience(application)
            .require_text("appid", GRAPH_PUBLISHER)
            .require_text("tid", directory);
        Self::new("microsoft_graph", JwtAt::bearer(), rules)
    }

    /// Microsoft Graph in the second version of the platform's tokens. **The body is not bound.**
    pub fn microsoft_graph_v2(application: &str, directory: &str) -> Self {
        let issuer = format!("https://login.microsoftonline.com/{directory}/v2.0");
        let rules = JwtRules::issuer(issuer)
            .audience(application)
            .require_text("azp", GRAPH_PUBLISHER)
            .require_text("tid", directory);
        Self::new("microsoft_graph", JwtAt::bearer(), rules)
    }

    /// Atlassian Connect: `Authorization: JWT`, HS256, of this client key. **The body is not bound**; method, path
    /// below this base path and query are (`qsh`).
    pub fn atlassian_connect(client_key: &str, base_path: &str) -> Self {
        let rules = for_anybody(client_key);
        Self::new("atlassian_connect", JwtAt::authorization("JWT"), rules)
            .bound_to_request(RequestHash::atlassian(base_path))
    }

    /// monday.com: `Authorization`, HS256, for this address. **The body is not bound.**
    pub fn monday(endpoint: &str) -> Self {
        let rules = JwtRules::accepting(Accepted::Any, Accepted::one(endpoint));
        Self::new("monday", JwtAt::header(http::header::AUTHORIZATION), rules)
    }
}

/// Identity tokens of a service account of Google's.
fn google(audience: &str, service_account: &str) -> JwtRules {
    JwtRules::issuer("https://accounts.google.com")
        .audience(audience)
        .or_issuer("accounts.google.com")
        .require_text("email", service_account)
        .require_true("email_verified")
}

/// The application that publishes change notifications, the same in every directory.
const GRAPH_PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";
