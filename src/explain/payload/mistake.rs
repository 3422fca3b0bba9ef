use std::fmt;

/// An entry of the table of mistakes: what is known of one, whatever the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MistakeEntry {
    /// A stable name.
    pub name: &'static str,
    /// What happened.
    pub what: &'static str,
    /// What whoever receives can do.
    pub receiver: &'static str,
    /// What whoever sends can do.
    pub sender: &'static str,
    /// Where the rule comes from.
    pub rule: &'static str,
}

/// The table of mistakes: `Mistake => name, what happened, rule, what the receiver does, what the sender does;`.
macro_rules! mistakes {
    ($($mistake:ident => $name:literal, $what:literal, $rule:literal, $receiver:literal, $sender:literal;)*) => {
        /// A mistake that keeps a signature from matching.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Mistake {
            $(#[doc = concat!("That ", $what, ".")] $mistake,)*
        }

        impl Mistake {
            /// Every mistake that is looked for.
            pub const ALL: &[Self] = &[$(Self::$mistake),*];

            /// What is known of it.
            pub fn entry(&self) -> &'static MistakeEntry {
                match self {
                    $(Self::$mistake => &MistakeEntry {
                        name: $name,
                        what: $what,
                        receiver: $receiver,
                        sender: $sender,
                        rule: $rule,
                    },)*
                }
            }
        }
    };
}

mistakes! {
    // Of the secret.
    SecretSpace => "secret_space", "the secret has white space at an end, here or at the sender", "ours: a secret is its text",
        "Enter the secret without it: printf '%s' SECRET, not echo.",
        "Read the secret from its file without the last line's end.";
    SecretQuotes => "secret_quotes", "the secret stands in quotes, which belong to a file", "ours: a secret is its text",
        "Take the quotes off; Docker's env files and Kubernetes keep them.",
        "Sign with the secret without its quotes.";
    SecretPrefix => "secret_prefix", "the secret's prefix is left or lacking", "the scheme's documentation",
        "Enter the secret as the provider shows it, with its prefix where the scheme has one, and without the variable's name.",
        "Sign with the part of the secret that the scheme says.";
    SecretNotDecoded => "secret_not_decoded", "the sender signs with the secret's text, and here it is decoded", "the scheme's documentation",
        "Use the scheme that takes the secret as text (`KeyForm::Utf8`).",
        "Decode the secret before you sign with it.";
    SecretDecoded => "secret_decoded", "the sender decodes the secret, and here it is taken as text", "the scheme's documentation",
        "Use the scheme that decodes the secret (`KeyForm::Base64`, `KeyForm::Hex`).",
        "Sign with the secret's text.";
    SecretHashed => "secret_hashed", "one side hashes the secret before it is used as a key", "the scheme's documentation",
        "Use the `KeyForm` that the provider documents.",
        "Sign with the secret as the scheme says.";
    SecretEscaped => "secret_escaped", "the secret holds escapes of a URL or a file that were not undone", "ours: a secret is its text",
        "Enter the secret as the provider shows it, without %3D or \\n.",
        "Sign with the secret as it was handed out.";
    SecretCase => "secret_case", "the letters of the secret changed their case", "ours: a secret is its text",
        "Copy the secret again from the provider.",
        "Sign with the secret as it was handed out.";
    SecretSwapped => "secret_swapped", "name and secret of the key are swapped", "ours: a secret is no name",
        "Give the tenant, the name of the key, then the secret; the secret stood where names are logged, so change it.",
        "Nothing: the receiver mixed them up.";
    SecretSent => "secret_sent", "the sender sends the secret itself in the place of a signature", "ours: a secret is not sent",
        "Change the secret, and verify it as what it is: a token (`TokenScheme`).",
        "Sign the body with the secret; do not send it.";
    OtherKey => "other_key", "it is signed with another key of the same tenant", "ours: keys have a time",
        "Enter the key that is named, beside the present one while the sender changes over; or point the sender's environment here.",
        "Sign with the present key of this endpoint and environment.";
    OtherTenantsKey => "other_tenants_key", "it is signed with another tenant's key", "ours: only the sender's keys count",
        "Look which certificate and which URL this tenant has; where it is a relay, give each tenant its own.",
        "Sign with the key of the tenant whose connection it is.";
    KeyOutOfTime => "key_out_of_time", "it is signed with a key that is not in force yet, or no longer", "ours: keys have a time",
        "Prolong the old key's time until the sender has changed over, or begin the new one's earlier.",
        "Sign with the key that is in force.";
    // Of what is known of the endpoint.
    OtherWebhook => "other_webhook", "it is signed for another webhook than the one that is configured", "the provider's documentation",
        "Enter the id of this webhook, of this environment, as the provider's dashboard shows it.",
        "Send to the endpoint that is entered for this webhook.";
    Simulated => "simulated", "it comes from the provider's simulator, which signs for no webhook", "the provider's documentation",
        "Have a real event of the sandbox sent; what the simulator sends cannot be verified.",
        "Send an event of the sandbox, not of the simulator.";
    OtherTopic => "other_topic", "it is of another topic than the one that is configured", "the provider's documentation",
        "Enter the ARN of the topic that is named, if it is yours: anybody can have a topic of their own signed.",
        "Subscribe this endpoint to the topic that it expects, and to no other.";
    SomeItems => "some_items", "some items of the batch are not as they were signed", "ours: what was sent is what is signed",
        "Nothing: no item of such a batch counts.",
        "Sign each item last of all; send none that was changed or added afterwards.";
    RawDelivery => "raw_delivery", "the message is delivered raw, and what is raw is not signed", "the provider's documentation",
        "Switch raw message delivery off for this subscription.",
        "Send the signed envelope.";
    // Of the time.
    Late => "late", "the signature is right, and its time lies too far back", "the scheme's documentation",
        "Compare the clock with a time server; widen the tolerance only as far as the provider documents.",
        "Sign each try anew; compare the clock with a time server.";
    ClockAhead => "clock_ahead", "the signature is right, and its time lies ahead", "the scheme's documentation",
        "Compare the clock with a time server.",
        "Compare the clock with a time server.";
    TimeFormat => "time_format", "the time is written in another format, as milliseconds for seconds", "the scheme's documentation",
        "Use the scheme's present format (`TimeFormat`).",
        "Write the time as the scheme documents it, mostly as seconds since 1970.";
    // Of the place and the form of the signature.
    OtherScheme => "other_scheme", "it is signed by another scheme", "the scheme's documentation",
        "Use the scheme that is named.",
        "Send to the endpoint that is for your scheme.";
    OtherField => "other_field", "the signature stands in another header field", "the scheme's documentation",
        "Have proxies keep the field's name, and read the field that the provider documents.",
        "Send the signature in the scheme's field.";
    RepeatedField => "repeated_field", "the field stands twice, and one of the two is right", "RFC 9110 §5.3",
        "Find out who adds the other: a proxy, or a test tool.",
        "Send the field once.";
    JoinedField => "joined_field", "the field stands twice, joined into one by a proxy, and one of the two is right", "RFC 9110 §5.3",
        "Find out who adds the other: a proxy, or a test tool.",
        "Send the field once.";
    Prefix => "prefix", "what stands before the signature is missing, or is another", "the scheme's documentation",
        "Use the scheme that the provider documents; have nothing in front cut the field.",
        "Write the prefix as the scheme has it.";
    Quoted => "quoted", "the signature stands in quotes or is percent-encoded", "the scheme's documentation",
        "Have nothing in front rewrite the field.",
        "Write the signature without them.";
    Encoding => "encoding", "the signature is written in another encoding", "RFC 4648",
        "Use the scheme's `Encoding`.",
        "Write the signature as the scheme has it: hexadecimal, base64 or base64url.";
    LetterCase => "letter_case", "the hexadecimal signature is written in upper case", "RFC 4648 §8",
        "Use `Encoding::HexEitherCase`, where the sender documents it.",
        "Write the signature in lower case.";
    Padding => "padding", "the padding of base64 is missing, or is left", "RFC 4648 §3.2",
        "Use the scheme's `Encoding`.",
        "Write the padding as the scheme has it.";
    Digest => "digest", "it is signed with another hash", "the scheme's documentation",
        "Use the scheme's `Digest`; SHA-1 is mostly a provider's older field.",
        "Sign with the scheme's hash.";
    SignedParts => "signed_parts", "the sender signs other parts, or in another order", "the scheme's documentation",
        "Use a scheme whose `signed` are these parts.",
        "Sign what the scheme says, in its order.";
    // Of the body.
    NewlineAdded => "newline_added", "a line's end was added to the body", "ours: what was sent is what is signed",
        "Verify the bytes that arrived; printf '%s' and --data-binary keep a body as it is, echo and editors do not.",
        "Send the bytes that were signed.";
    NewlineLost => "newline_lost", "the last line's end of the body was lost", "ours: what was sent is what is signed",
        "Verify the bytes that arrived, before anything trims them; curl's -d @file drops line ends, --data-binary does not.",
        "Send the bytes that were signed, and sign them with their last line's end.";
    SpaceAround => "space_around", "white space around the body was added", "ours: what was sent is what is signed",
        "Verify the bytes that arrived.",
        "Send the bytes that were signed.";
    LineEndings => "line_endings", "the line ends changed between LF and CRLF", "ours: what was sent is what is signed",
        "Verify the bytes that arrived; a body that was saved is no longer them (git, editors, FTP).",
        "Send the bytes that were signed.";
    ByteOrderMark => "byte_order_mark", "a byte order mark was added to the body or lost", "RFC 8259 §8.1",
        "Verify the bytes that arrived.",
        "Sign and send without a byte order mark.";
    JsonWhiteSpace => "json_white_space", "the JSON was written anew, with other white space", "ours: what was sent is what is signed",
        "Verify the bytes that arrived, before anything parses them: take the body raw, in front of every JSON layer.",
        "Serialize once, sign these bytes, and send these very bytes.";
    JsonEscapes => "json_escapes", "the JSON was written anew, with other escapes", "ours: what was sent is what is signed",
        "Verify the bytes that arrived, before anything parses them: take the body raw, in front of every JSON layer.",
        "Serialize once, sign these bytes, and send these very bytes.";
    JsonKeyOrder => "json_key_order", "the JSON was written anew, with its names in another order", "ours: what was sent is what is signed",
        "Verify the bytes that arrived, before anything parses them: take the body raw, in front of every JSON layer.",
        "Serialize once, sign these bytes, and send these very bytes.";
    JsonRewritten => "json_rewritten", "the JSON was written anew, by another library", "ours: what was sent is what is signed",
        "Verify the bytes that arrived, before anything parses them: take the body raw, in front of every JSON layer.",
        "Serialize once, sign these bytes, and send these very bytes.";
    JsonInString => "json_in_string", "the body was written as a JSON string once more", "ours: what was sent is what is signed",
        "Verify the bytes that arrived; hand on a text as it is, not through a JSON serializer.",
        "Serialize once.";
    Charset => "charset", "the body was read in one character set and written in another", "RFC 8259 §8.1",
        "Take the body as bytes; text goes through a character set, mostly Latin-1 for UTF-8.",
        "Sign the UTF-8 that is sent.";
    Base64Body => "base64_body", "the body is base64 of what was signed", "ours: what was sent is what is signed",
        "Decode what your gateway encoded (`isBase64Encoded` of AWS) before you verify it.",
        "Send the bytes that were signed.";
    FormRewritten => "form_rewritten", "the form was written anew, with other escapes", "WHATWG URL §5",
        "Verify the bytes that arrived, before anything parses the form.",
        "Encode once, sign these bytes, and send these very bytes.";
    NothingSigned => "nothing_signed", "the sender signed an empty body", "ours: what was sent is what is signed",
        "Nothing: what arrived is signed by nobody.",
        "Sign the body after it is written, last of all.";
    // Of the target.
    UrlScheme => "url_scheme", "the URL is signed with another scheme: https outside of the proxy", "the scheme's documentation",
        "Configure the `Origin` as the provider calls it, outside of the proxy.",
        "Sign the URL that is called.";
    UrlHost => "url_host", "the URL is signed with another host: the name outside of the proxy", "the scheme's documentation",
        "Configure the `Origin` as the provider calls it, outside of the proxy.",
        "Sign the URL that is called.";
    UrlPort => "url_port", "the URL is signed with another port, or with the usual one written out", "the scheme's documentation",
        "Configure the `Origin` with the port as the provider writes it.",
        "Sign the URL that is called.";
    PathPrefix => "path_prefix", "the URL is signed with another path: a proxy or a router has taken some of it off, or put it before", "the scheme's documentation",
        "Verify the path as the provider called it: in front of routers that take a prefix off, or with the proxy's own field put back.",
        "Sign the URL that is called.";
    TrailingSlash => "trailing_slash", "the slash at the end of the path was added or lost", "RFC 3986 §6.2.3",
        "Enter the URL at the provider as it is served, and have nothing redirect or rewrite it.",
        "Sign the URL that is called.";
    PathEscapes => "path_escapes", "the escapes of the path or the query were written anew", "RFC 3986 §6.2.2",
        "Have the proxy pass the target on as it came.",
        "Sign the URL that is called.";
    Query => "query", "the query was lost, added, or put in another order", "RFC 3986 §3.4",
        "Verify the target as it arrived, with its query.",
        "Sign the URL that is called.";
    Target => "target", "the URL is signed as it is outside of the proxy", "the scheme's documentation",
        "Configure the `Origin` as the provider calls it, and have the proxy pass the path on as it came.",
        "Sign the URL that is called.";
    Method => "method", "another method is signed", "the scheme's documentation",
        "Have nothing in front change the method.",
        "Sign the method that is used; do not follow redirects.";
    // By shape only.
    Compressed => "compressed", "the body is compressed", "RFC 9110 §8.4",
        "Where the provider signs what it compresses (QuickNode does), unpack the body before you verify it.",
        "Sign the bytes that are sent: after compression.";
    Decompressed => "decompressed", "the body was decompressed on its way", "RFC 9110 §8.4",
        "Have nothing in front unpack bodies (`RequestDecompressionLayer`, proxy_set_header, body parsers).",
        "Send webhooks uncompressed.";
    BodyTaken => "body_taken", "the body is empty here, and was not when it was sent", "ours: a body is read once",
        "Read the body once, and verify it before any parser has taken it.",
        "Nothing, where the body was sent.";
    BodyCut => "body_cut", "the body has not the length that Content-Length says", "RFC 9112 §6.2",
        "Look at limits of proxies and at how the body was saved.",
        "Send as much as Content-Length says.";
    CharsetLost => "charset_lost", "characters of the body were replaced, since it was read in a wrong character set", "Unicode §3.9",
        "Take the body as bytes: what was replaced cannot be restored.",
        "Nothing, where UTF-8 was sent.";
    FieldLost => "field_lost", "the field of the signature was lost on its way", "the scheme's documentation",
        "Have proxies in front pass the field on; nginx drops names with an underscore, and fields over its buffers.",
        "Send the field.";
    NotSigned => "not_signed", "nothing in the message is a signature", "the scheme's documentation",
        "Look whether it is the provider's at all: scanners and health checks call every URL.",
        "Enter a secret for this endpoint, so that deliveries are signed.";
    LooksOther => "looks_other", "the header fields are those of another provider", "the scheme's documentation",
        "Use the scheme that is named, with its own secret.",
        "Send to the endpoint that is for your scheme.";
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().what)
    }
}
