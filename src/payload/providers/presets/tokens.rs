//! Providers that sign nothing: they show a secret, the same every time.

use super::rows::name;
use crate::payload::token::Shown;

macro_rules! token_presets {
    ($($row:ident $provider:literal { $shown:expr }
        handshake: $handshake:literal, source: $authority:ident $source:literal;)*) => {
        presets! { "Providers that show a secret"; TokenScheme; Token; (); $($row $provider {
            super::TokenScheme::preset(stringify!($row), $shown)
        }
            signed: "nothing",
            not_covered: "**everything**: whoever learns the secret once can send anything",
            handshake: $handshake,
            source: $authority $source,
            vector: none;)* }
    };
}

token_presets! {
    adobe_sign "Adobe Acrobat Sign" { Shown::Field(name("x-adobesign-clientid")) }
        handshake: "echo the client id, on the GET and on every POST. It is no secret: it stands in URLs of OAuth, and may be shorter than a secret must be. What proves the sender is its certificate (`KnownSender::adobe_sign`)", source: own "adobe/acrobat-sign docs/developer_guide/webhookapis.html";
    auth0 "Auth0, custom log streams" { Shown::Field(http::header::AUTHORIZATION) }
        handshake: "nothing", source: own "auth0/docs-v2 main/docs/customize/log-streams/custom-log-streams.mdx";
    brevo "Brevo" { Shown::ChosenField }
        handshake: "nothing", source: own "developers.brevo.com, \"Secure webhook calls\"";
    chargebee "Chargebee" { Shown::Basic }
        handshake: "nothing", source: own "chargebee.com/docs, \"Webhook settings\"";
    datadog "Datadog" { Shown::ChosenField }
        handshake: "nothing", source: own "docs.datadoghq.com, \"Webhooks integration\"";
    figma "Figma" { Shown::BodyMember("passcode") }
        handshake: "PING: answer 200", source: own "figma/rest-api-spec dist/api_types.ts, `passcode` of each webhook";
    fillout "Fillout" { Shown::ChosenField }
        handshake: "nothing", source: own "fillout.com/help, \"Webhooks\"";
    flutterwave "Flutterwave, API v3" { Shown::Field(name("verif-hash")) }
        handshake: "nothing", source: own "Flutterwave/Woocommerce-v2 includes/class-flw-wc-payment-gateway.php, flutterwave_webhooks";
    gitlab_token "GitLab, secret token" { Shown::Field(name("x-gitlab-token")) }
        handshake: "nothing", source: own "docs.gitlab.com, \"Webhooks\"; gitlabhq/gitlabhq doc/user/project/integrations/webhooks.md";
    microsoft_graph "Microsoft Graph, basic notifications" { Shown::ClientState }
        handshake: "`validationToken` in the query: echo it as text", source: own "microsoft-graph-docs-contrib, concepts/change-notifications-delivery-webhooks.md";
    mixpanel "Mixpanel" { Shown::Basic }
        handshake: "nothing", source: own "docs.mixpanel.com, \"Cohort sync webhooks\"";
    new_relic "New Relic" { Shown::ChosenField }
        handshake: "nothing", source: own "docs.newrelic.com, \"Webhook notifications\"";
    okta "Okta event hooks" { Shown::Field(http::header::AUTHORIZATION) }
        handshake: "GET with `X-Okta-Verification-Challenge`: answer with its value. Where the hook was given another field than `Authorization`, `TokenScheme::header`; of Basic authentication the secret is the whole value", source: own "okta-developer-docs, \"Event hooks\"";
    postmark "Postmark" { Shown::Basic }
        handshake: "nothing", source: own "postmarkapp.com/developer, \"Webhooks overview\"";
    sparkpost "SparkPost" { Shown::Basic }
        handshake: "nothing", source: own "developers.sparkpost.com, \"Webhooks\"";
    telegram "Telegram" { Shown::Field(name("x-telegram-bot-api-secret-token")) }
        handshake: "nothing", source: own "tdlib/telegram-bot-api telegram-bot-api/WebhookActor.cpp";
    vtex_orders "VTEX, orders hook" { Shown::ChosenField }
        handshake: "POST of `{\"hookConfig\":\"ping\"}`: answer 200", source: own "vtex/openapi-schemas, VTEX - Orders API.json";
    zapier "Zapier" { Shown::ChosenField }
        handshake: "nothing", source: own "help.zapier.com, \"Webhooks by Zapier\"";
}
