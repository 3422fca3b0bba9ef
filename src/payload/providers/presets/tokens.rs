//! Providers that sign nothing: they show a secret, the same every time.

use super::rows::name;
use crate::payload::token::Shown;

macro_rules! token_presets {
    ($($row:ident $provider:literal { $shown:expr } $handshake:literal, $source:literal;)*) => {
        presets! { TokenScheme; Token; (); $($row $provider {
            super::TokenScheme::preset(stringify!($row), $shown)
        } "nothing", "**everything**: whoever learns the secret once can send anything", $handshake, $source;)* }
    };
}

token_presets! {
    gitlab_token "GitLab, secret token" { Shown::Field(name("x-gitlab-token")) }
        "nothing", "docs.gitlab.com, \"Webhooks\"";
    telegram "Telegram" { Shown::Field(name("x-telegram-bot-api-secret-token")) }
        "nothing", "core.telegram.org/bots/api, `setWebhook`";
    okta "Okta event hooks" { Shown::Field(http::header::AUTHORIZATION) }
        "GET with `X-Okta-Verification-Challenge`: answer with its value", "okta-developer-docs, \"Event hooks\"";
    adobe_sign "Adobe Acrobat Sign" { Shown::Field(name("x-adobesign-clientid")) }
        "echo the client id, on the GET and on every POST", "opensource.adobe.com/acrobat-sign, \"Webhook APIs\"";
    microsoft_graph "Microsoft Graph, basic notifications" { Shown::ClientState }
        "`validationToken` in the query: echo it as text",
        "microsoft-graph-docs-contrib, \"Change notifications through webhooks\"";
    postmark "Postmark" { Shown::Basic } "nothing", "postmarkapp.com/developer, \"Webhooks\"";
    chargebee "Chargebee" { Shown::Basic } "nothing", "chargebee.com/docs, \"Webhook settings\"";
    sparkpost "SparkPost" { Shown::Basic } "nothing", "developers.sparkpost.com, \"Webhooks\"";
    mixpanel "Mixpanel" { Shown::Basic } "nothing", "docs.mixpanel.com, \"Cohort sync webhooks\"";
    datadog "Datadog" { Shown::ChosenField } "nothing", "docs.datadoghq.com, \"Webhooks integration\"";
    bigcommerce "BigCommerce" { Shown::ChosenField } "nothing", "developer.bigcommerce.com, \"Webhooks\"";
    brevo "Brevo" { Shown::ChosenField } "nothing", "developers.brevo.com, \"Webhooks\"";
    new_relic "New Relic" { Shown::ChosenField } "nothing", "docs.newrelic.com, \"Webhook notifications\"";
    zapier "Zapier" { Shown::ChosenField } "nothing", "help.zapier.com, \"Webhooks by Zapier\"";
    fillout "Fillout" { Shown::ChosenField } "nothing", "fillout.com/help, \"Webhooks\"";
    vtex_orders "VTEX, orders hook" { Shown::ChosenField }
        "nothing", "vtex/openapi-schemas, VTEX - Orders API.json";
}
