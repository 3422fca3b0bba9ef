#!/usr/bin/env python3
"""Writes cross.toml: one signed message for each HMAC preset, made by Python's hmac and not by this crate.

The table is webhook-co/webhook at de3aa4e as data: preset | field | prefix | digest/encoding | key form | signed |
format | time. Run from this folder: python3 cross.py > cross.toml
"""
import base64, datetime, hashlib, hmac, json, re, urllib.parse

NOW = 1790000000
URL = "https://hooks.example.com/in/box?data.id=ABC123"
ID = "msg_2hO1bWkqTBMGSOo7CwCAmQDz9Ly"

TABLE = """
stripe | stripe-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` | field t s
github | x-hub-signature-256 | sha256= | sha256/hex | utf8 | {body} |  | –
shopify | x-shopify-hmac-sha256 |  | sha256/base64 | utf8 | {body} |  | –
slack | x-slack-signature | v0= | sha256/hex | utf8 | "v0:" + {ts} + ":" + {body} |  | x-slack-request-timestamp s
standard_webhooks | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
clerk | svix-signature |  | sha256/base64 | whsec-base64 | {hdr:svix-id} + "." + {ts} + "." + {body} | space list tag v1 | svix-timestamp s
resend | svix-signature |  | sha256/base64 | whsec-base64 | {hdr:svix-id} + "." + {ts} + "." + {body} | space list tag v1 | svix-timestamp s
stytch | svix-signature |  | sha256/base64 | whsec-base64 | {hdr:svix-id} + "." + {ts} + "." + {body} | space list tag v1 | svix-timestamp s
bigcommerce | webhook-signature |  | sha256/base64 | utf8 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
svix_white_label | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
supabase | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
render | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
brex | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
openai | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
replicate | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
polar | webhook-signature |  | sha256/base64 | utf8 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
gemini | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
incident_io | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
etsy | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
vanta | svix-signature |  | sha256/base64 | whsec-base64 | {hdr:svix-id} + "." + {ts} + "." + {body} | space list tag v1 | svix-timestamp s
pusher | x-pusher-signature |  | sha256/hex | utf8 | {body} |  | –
quickbooks | intuit-signature |  | sha256/base64 | utf8 | {body} |  | –
chargify | x-chargify-webhook-signature-hmac-sha-256 |  | sha256/hex | utf8 | {body} |  | –
launchdarkly | x-ld-signature |  | sha256/hex | utf8 | {body} |  | –
modern_treasury | x-signature |  | sha256/hex | utf8 | {body} |  | –
autodesk_aps | x-adsk-signature | sha1hash= | sha1/hex | utf8 | {body} |  | –
mongodb_atlas | x-mms-signature |  | sha1/base64 | utf8 | {body} |  | –
xero | x-xero-signature |  | sha256/base64 | utf8 | {body} |  | –
segment | x-signature |  | sha1/hex | utf8 | {body} |  | –
aftership | aftership-hmac-sha256 |  | sha256/base64 | utf8 | {body} |  | –
onfleet | x-onfleet-signature |  | sha512/hex | hex | {body} |  | –
webflow | x-webflow-signature |  | sha256/hex | utf8 | {ts} + ":" + {body} |  | x-webflow-timestamp s (no window)
klaviyo | klaviyo-signature |  | sha256/hex | utf8 | {body} + {ts} |  | klaviyo-timestamp s (no window)
mux | mux-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` | field t s
shippo | shippo-auth-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` | field t s
buildkite | x-buildkite-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `signature` sep `,` | field timestamp s
ms_teams | authorization | HMAC_ | sha256/base64 | whsec-base64 | {body} |  | –
ably | x-ably-signature |  | sha256/base64 | utf8 | {body} |  | –
squarespace | squarespace-signature |  | sha256/hex | hex | {body} |  | –
nylas | x-nylas-signature |  | sha256/hex | utf8 | {body} |  | –
linkedin | x-li-signature |  | sha256/hex | utf8 | "hmacsha256=" + {body} |  | –
tiktok | tiktok-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `s` sep `,` | field t s
airship | x-ua-signature |  | sha256/hex | utf8 | {ts} + ":" + {body} |  | x-ua-timestamp s
lob | lob-signature |  | sha256/hex | utf8 | {ts} + "." + {body} |  | lob-signature-timestamp s (no window)
persona | persona-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` groups by space | field t s
bolt | x-bolt-hmac-sha256 |  | sha256/base64 | utf8 | {body} |  | –
primer | x-signature-primary |  | sha256/base64 | utf8 | {body} |  | –
airwallex | x-signature |  | sha256/hex | utf8 | {ts} + {body} |  | x-timestamp s (no window)
affirm | x-affirm-signature |  | sha512/hex | utf8 | {ts} + "." + {body} | kv list key `v0` sep `,` | field t s
tally | tally-signature |  | sha256/base64 | utf8 | {body} |  | –
loops | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
customer_io | x-cio-signature |  | sha256/hex | utf8 | "v0:" + {ts} + ":" + {body} |  | x-cio-timestamp s
framer | framer-signature | sha256= | sha256/hex | utf8 | {body} + {hdr:framer-webhook-submission-id} |  | –
box_com | box-signature-primary |  | sha256/base64 | utf8 | {body} + {hdr:box-delivery-timestamp} |  | –
configcat | x-configcat-webhook-signature-v1 |  | sha256/base64 | utf8 | {hdr:x-configcat-webhook-id} + {hdr:x-configcat-webhook-timestamp} + {body} | list sep `,` | –
ashby | ashby-signature | sha256= | sha256/hex | utf8 | {body} |  | –
merge_dev | x-merge-webhook-signature |  | sha256/base64url | utf8 | {body} |  | –
cronofy | cronofy-hmac-sha256 |  | sha256/base64 | utf8 | {body} | list sep `,` | –
increase | webhook-signature |  | sha256/base64 | utf8 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
finch | finch-signature |  | sha256/base64 | whsec-base64 | {hdr:finch-event-id} + "." + {ts} + "." + {body} | space list tag v1 | finch-timestamp s
knock | x-knock-signature |  | sha256/base64 | utf8 | {ts} + "." + {body} | kv list key `s` sep `,` | field t milliseconds
deel | x-deel-signature |  | sha256/hex | utf8 | "POST" + {body} |  | –
razorpay | x-razorpay-signature |  | sha256/hex | utf8 | {body} |  | –
sentry | sentry-hook-signature |  | sha256/hex | utf8 | {body} |  | –
linear | linear-signature |  | sha256/hex | utf8 | {body} |  | –
dropbox | x-dropbox-signature |  | sha256/hex | utf8 | {body} |  | –
checkout_com | cko-signature |  | sha256/hex | utf8 | {body} |  | –
lemon_squeezy | x-signature |  | sha256/hex | utf8 | {body} |  | –
coinbase_commerce | x-cc-webhook-signature |  | sha256/hex | utf8 | {body} |  | –
dwolla | x-request-signature-sha-256 |  | sha256/hex | utf8 | {body} |  | –
gocardless | webhook-signature |  | sha256/hex | utf8 | {body} |  | –
notion | x-notion-signature | sha256= | sha256/hex | utf8 | {body} |  | –
meta | x-hub-signature-256 | sha256= | sha256/hex | utf8 | {body} |  | –
woocommerce | x-wc-webhook-signature |  | sha256/base64 | utf8 | {body} |  | –
bitbucket | x-hub-signature | sha256= | sha256/hex | utf8 | {body} |  | –
atlassian_jira | x-hub-signature | sha256= | sha256/hex | utf8 | {body} |  | –
x | x-twitter-webhooks-signature | sha256= | sha256/base64 | utf8 | {body} |  | –
clickup | x-signature |  | sha256/hex | utf8 | {body} |  | –
npm | x-npm-signature | sha256= | sha256/hex | utf8 | {body} |  | –
heroku | heroku-webhook-hmac-sha256 |  | sha256/base64 | utf8 | {body} |  | –
dub | dub-signature |  | sha256/hex | utf8 | {body} |  | –
cal_com | x-cal-signature-256 |  | sha256/hex | utf8 | {body} |  | –
asana | x-hook-signature |  | sha256/hex | utf8 | {body} |  | –
circleci | circleci-signature |  | sha256/hex | utf8 | {body} | kv list key `v1` sep `,` | –
pagerduty | x-pagerduty-signature |  | sha256/hex | utf8 | {body} | kv list key `v1` sep `,` | –
airtable | x-airtable-content-mac | hmac-sha256= | sha256/hex | whsec-base64 | {body} |  | –
calendly | calendly-webhook-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` | field t s
zoom | x-zm-signature | v0= | sha256/hex | utf8 | "v0:" + {ts} + ":" + {body} |  | x-zm-request-timestamp s
sinch | x-sinch-webhook-signature |  | sha256/base64 | utf8 | {body} + "." + {hdr:x-sinch-webhook-signature-nonce} + "." + {ts} |  | x-sinch-webhook-signature-timestamp s
workos | workos-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` | field t milliseconds
front | x-front-signature |  | sha256/base64 | utf8 | {ts} + ":" + {body} |  | x-front-request-timestamp milliseconds
zendesk | x-zendesk-webhook-signature |  | sha256/base64 | utf8 | {ts} + {body} |  | x-zendesk-webhook-signature-timestamp datetime
twitch | twitch-eventsub-message-signature | sha256= | sha256/hex | utf8 | {hdr:twitch-eventsub-message-id} + {ts} + {body} |  | twitch-eventsub-message-timestamp datetime
paddle | paddle-signature |  | sha256/hex | utf8 | {ts} + ":" + {body} | kv list key `h1` sep `;` | field ts s
recurly | recurly-signature |  | sha256/hex | utf8 | {ts} + "." + {body} | positional (ts first) | field ts milliseconds
docusign | x-docusign-signature-1 |  | sha256/base64 | utf8 | {body} | numbered headers 1..100 | –
vercel | x-vercel-signature |  | sha1/hex | utf8 | {body} |  | –
intercom | x-hub-signature | sha1= | sha1/hex | utf8 | {body} |  | –
paystack | x-paystack-signature |  | sha512/hex | utf8 | {body} |  | –
authorize_net | x-anet-signature | sha512= | sha512/hex | utf8 | {body} |  | –
sanity | sanity-webhook-signature |  | sha256/base64url | utf8 | {ts} + "." + {body} | kv list key `v1` sep `,` | field t milliseconds (no window)
square | x-square-hmacsha256-signature |  | sha256/base64 | utf8 | {url:full} + {body} |  | –
trello | x-trello-webhook |  | sha1/base64 | utf8 | {body} + {url:full} |  | –
mandrill | x-mandrill-signature |  | sha1/base64 | utf8 | {url:full} + {sorted form k+v} |  | –
hubspot | x-hubspot-signature-v3 |  | sha256/base64 | utf8 | {method} + {url:full} + {body} + {ts} |  | x-hubspot-request-timestamp milliseconds
typeform | typeform-signature | sha256= | sha256/base64 | utf8 | {body} |  | –
checkr | x-checkr-signature |  | sha256/hex | utf8 | {body} |  | –
doppler | x-doppler-signature | sha256= | sha256/hex | utf8 | {body} |  | –
sendbird | x-sendbird-signature |  | sha256/hex | utf8 | {body} |  | –
svix | svix-signature |  | sha256/base64 | whsec-base64 | {hdr:svix-id} + "." + {ts} + "." + {body} | space list tag v1 | svix-timestamp s
gitlab | webhook-signature |  | sha256/base64 | whsec-base64 | {hdr:webhook-id} + "." + {ts} + "." + {body} | space list tag v1 | webhook-timestamp s
github_sha1 | x-hub-signature | sha1= | sha1/hex | utf8 | {body} |  | –
line | x-line-signature |  | sha256/base64 | utf8 | {body} |  | –
convoy | x-convoy-signature |  | sha256/hex | utf8 | {body} |  | –
convoy_advanced | x-convoy-signature |  | sha256/hex | utf8 | {ts} + "," + {body} | kv list key `v1` sep `,` | field t s
shopify_events | shopify-hmac-sha256 |  | sha256/base64 | utf8 | {body} |  | –
uber | x-uber-signature |  | sha256/hex | utf8 | {body} |  | –
alchemy | x-alchemy-signature |  | sha256/hex | utf8 | {body} |  | –
quicknode | x-qn-signature |  | sha256/hex | utf8 | {hdr:x-qn-nonce} + {ts} + {body} |  | x-qn-timestamp s
adyen_platform | hmacsignature |  | sha256/base64 | hex | {body} |  | –
"""

def key_of(form, preset):
    raw = hashlib.sha256(preset.encode()).digest()
    if form == "utf8":
        text = "secret of " + preset + " " + raw[:12].hex()
        return text, text.encode()
    if form == "hex":
        return raw.hex().upper(), raw
    if form == "whsec-base64":
        prefix = "" if preset in ("ms_teams", "airtable") else "whsec_"
        return prefix + base64.b64encode(raw).decode(), raw
    if form == "sha1-secret":
        text = "private key " + raw[:12].hex()
        return text, hashlib.sha1(text.encode()).digest()
    raise ValueError(form)


def encode(mac, encoding, preset):
    if encoding == "hex":
        return mac.hex().upper() if preset == "authorize_net" else mac.hex()
    if encoding == "base64":
        return base64.b64encode(mac).decode()
    text = base64.urlsafe_b64encode(mac).decode()
    return text if preset == "merge_dev" else text.rstrip("=")


def time_of(spec):
    if "datetime" in spec:
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return str(NOW * 1000 + 123) if "milliseconds" in spec else str(NOW)


def quote(text):
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def row(line):
    preset, field, prefix, kind, form, signed, shape, time = [cell.strip() for cell in line.split(" | ")]
    prefix = prefix.replace("HMAC_", "HMAC ")
    digest, encoding = kind.split("/")
    body = json.dumps({"id": "evt_1", "type": "caf\u00e9.opened", "webhookTimestamp": NOW * 1000}, ensure_ascii=False)
    if preset == "mandrill":
        body = "mandrill_events=%5B%7B%22event%22%3A%22send%22%7D%5D&a=1"
    headers = {"content-type": "application/json"}
    stamp, text = time_of(time), b""
    if (at := re.match(r"([\w-]+-[\w-]+) (s|milliseconds|datetime)", time)):
        headers[at.group(1)] = stamp
    if preset == "box_com":
        stamp = time_of("datetime").replace("000Z", "000+00:00")
        headers |= {"box-signature-version": "1", "box-signature-algorithm": "HmacSHA256"}
        headers["box-delivery-timestamp"] = stamp
    for part in signed.split(" + "):
        if part == "{body}":
            text += body.encode()
        elif part == "{ts}" or part == "{hdr:box-delivery-timestamp}":
            text += stamp.encode()
        elif part == "{method}":
            text += b"POST"
        elif part == "{url:full}":
            text += URL.encode()
        elif part == "{sorted form k+v}":
            text += "".join(k + v for k, v in sorted(urllib.parse.parse_qsl(body))).encode()
        elif part.startswith("{hdr:"):
            name = part[5:-1]
            headers[name] = ID
            text += ID.encode()
        else:
            text += part.strip('"').encode()
    secret, raw = key_of(form, preset)
    mac = encode(hmac.new(raw, text, digest).digest(), encoding, preset)
    wrong = encode(hmac.new(raw, b"another", digest).digest(), encoding, preset)
    if (kv := re.match(r"kv list key `(\w+)` sep `(.)`(.*)", shape)):
        key, separator, groups = kv.groups()
        at = re.match(r"field (\w+)", time)
        first = at.group(1) + "=" + stamp + separator if at else ""
        headers[field] = first + key + "=" + wrong + separator + key + "=" + mac
        if groups:
            headers[field] = first + key + "=" + wrong + " " + first + key + "=" + mac
    elif shape.startswith("space"):
        headers[field] = "v2,x v1," + wrong + " v1," + mac
    elif shape.startswith("positional"):
        headers[field] = ",".join([stamp, wrong, mac])
    elif shape.startswith("list"):
        headers[field] = wrong + "," + mac
    elif shape.startswith("numbered"):
        headers |= {"x-docusign-signature-1": wrong, "x-docusign-signature-2": mac}
    else:
        headers[field] = prefix + mac
    fields = ", ".join(quote(name) + " = " + quote(value) for name, value in headers.items())
    print("\n[[vector]]")
    print("name =", quote(preset + " by hmac of Python"))
    print("preset =", quote(preset))
    print("keys = [" + quote(secret) + "]")
    print("now =", NOW)
    print("url =", quote(URL))
    print("headers = { " + fields + " }")
    print("body =", quote(body))
    print('expect = "ok"')
    print('source = "cross.py"')


print("# Written by cross.py. Not to be edited.")
for line in TABLE.strip().splitlines():
    row(line)
