use std::sync::Arc;
use std::time::Duration;

use hmac::Mac as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls_pki_types::UnixTime;
use subtle::ConstantTimeEq as _;

use super::{
    Authentic, CannotSign, Delivery, FindKeys, Forged, Identity, Key, Keys, Message, NoKey, Outgoing, Part,
    Scheme, SignPayload, SignatureAt, TimeAt, VerifyPayload, Wanted,
};

/// The longest value of a header field that is read, in bytes.
const MAX_FIELD: usize = 8 * 1024;
/// The longest identity of a delivery, in bytes.
const MAX_ID: usize = 256;
/// The most signatures in one message that are looked at.
const MAX_SIGNATURES: usize = 100;
/// HMAC-SHA256.
const MAC_LEN: usize = 32;

/// Verifies HMAC-SHA256 signatures by a [`Scheme`], with the keys of the sender.
///
/// Checked, in this order: every header field that the scheme needs is there once and readable; the signed time is
/// written canonically and within the tolerance; there is a well-formed signature; one of them is right under a key
/// of the sender that is valid now. MACs are compared whole and in constant time. A malformed signature beside a good
/// one is passed over. No heap allocation.
#[derive(Debug, Clone)]
pub struct HmacVerifier {
    scheme: Scheme,
    keys: Arc<dyn FindKeys>,
}

impl HmacVerifier {
    /// Verifies by this scheme with those keys.
    pub fn new(scheme: Scheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }
}

impl VerifyPayload for HmacVerifier {
    fn verify_payload<'m>(&self, message: &Message<'m>) -> Result<Authentic<'m>, Forged> {
        let scheme = &self.scheme;
        let time = scheme.read_time(message)?;
        let delivery = scheme.delivery(message, time.as_ref())?;
        scheme.check_signatures(message)?;
        let keys = self.keys.find_keys(&Wanted::of(message.sender))?;
        let key = scheme.matching_key(&keys, message, time.as_ref())?;

        let authentic = Authentic::assertion(
            keys.owner().clone(),
            scheme.name.clone(),
            key.id().clone(),
            delivery,
        );
        Ok(match time {
            Some(time) => authentic.signed_at(time.at, scheme.tolerance.fresh_until(time.at)),
            None => authentic,
        })
    }
}

/// A time as it was sent, and what it means.
struct SignedTime<'m> {
    raw: &'m str,
    at: UnixTime,
}

impl Scheme {
    fn read_time<'m>(&self, message: &Message<'m>) -> Result<Option<SignedTime<'m>>, Forged> {
        let raw = match &self.time {
            None => return Ok(None),
            Some(TimeAt::Header(name)) => single(message.headers, name)?,
            Some(TimeAt::ListKey(key)) => self.time_in_list(message.headers, key)?,
        };
        let at = parse_seconds(raw).ok_or(Forged::MalformedTime)?;
        self.tolerance.check(at, message.now)?;
        Ok(Some(SignedTime { raw, at }))
    }

    fn time_in_list<'m>(&self, headers: &'m HeaderMap, wanted: &str) -> Result<&'m str, Forged> {
        let SignatureAt::List { name, .. } = &self.signature else {
            return Err(Forged::MalformedTime);
        };
        let mut times = list(single(headers, name)?).filter(|(key, _)| *key == wanted);
        match (times.next(), times.next()) {
            (Some((_, time)), None) => Ok(time),
            _ => Err(Forged::MalformedTime),
        }
    }

    fn delivery<'m>(
        &self,
        message: &Message<'m>,
        time: Option<&SignedTime<'m>>,
    ) -> Result<Delivery<'m>, Forged> {
        Ok(match (&self.identity, time) {
            (Identity::Header(name), _) => Delivery::Id(self.id(message.headers, name)?),
            (Identity::TimeAndBody, Some(time)) => Delivery::TimeAndBody(time.raw, message.body),
            (Identity::Body | Identity::TimeAndBody, _) => Delivery::Body(message.body),
        })
    }

    /// The identity, which must not contain what separates it from the next part: otherwise the same signed bytes
    /// could be cut at another place, and a replay would come under another identity.
    fn id<'m>(&self, headers: &'m HeaderMap, name: &HeaderName) -> Result<&'m str, Forged> {
        let id = single(headers, name)?;
        if self.is_plain_id(id) {
            Ok(id)
        } else {
            Err(Forged::MalformedHeader { name: name.clone() })
        }
    }

    fn is_plain_id(&self, id: &str) -> bool {
        let separates = |part: &Part| matches!(part, Part::Literal(literal) if id.contains(literal));
        let visible = id.bytes().all(|byte| byte.is_ascii_graphic());
        visible && !id.is_empty() && id.len() <= MAX_ID && !self.signed.iter().any(separates)
    }

    /// Before any MAC is computed: there is at least one well-formed signature, and not too many.
    fn check_signatures(&self, message: &Message<'_>) -> Result<(), Forged> {
        let (mut seen, mut well_formed) = (0, 0);
        self.any_signature(message.headers, |signature| {
            seen += 1;
            well_formed += usize::from(self.encoding.decode(signature.as_bytes(), MAC_LEN).is_some());
            seen > MAX_SIGNATURES
        })?;
        if seen > MAX_SIGNATURES {
            return Err(Forged::TooManySignatures {
                limit: MAX_SIGNATURES,
            });
        }
        match self.signature.name() {
            Some(name) if well_formed == 0 => Err(Forged::MalformedSignature { name: name.clone() }),
            _ => Ok(()),
        }
    }

    fn matching_key<'k>(
        &self,
        keys: &'k Keys,
        message: &Message<'_>,
        time: Option<&SignedTime<'_>>,
    ) -> Result<&'k Key, Forged> {
        let mut none_valid = true;
        for key in keys.valid_at(message.now) {
            none_valid = false;
            let mac = self.mac(key, message, time.map(|time| time.raw))?;
            if self.any_signature(message.headers, |signature| self.is_mac(signature, &mac))? {
                return Ok(key);
            }
        }
        if none_valid {
            return Err(NoKey::NoneValid {
                sender: keys.owner().clone(),
            }
            .into());
        }
        Err(Forged::SignatureMismatch)
    }

    fn is_mac(&self, signature: &str, mac: &[u8; MAC_LEN]) -> bool {
        let decoded = self.encoding.decode(signature.as_bytes(), MAC_LEN);
        decoded.is_some_and(|decoded| bool::from(decoded.as_slice().ct_eq(mac)))
    }

    fn mac(&self, key: &Key, message: &Message<'_>, time: Option<&str>) -> Result<[u8; MAC_LEN], Forged> {
        let mut mac = key.keyed();
        for part in &*self.signed {
            match part {
                Part::Literal(text) => mac.update(text.as_bytes()),
                Part::Time => mac.update(time.unwrap_or_default().as_bytes()),
                Part::Header(name) => mac.update(single(message.headers, name)?.as_bytes()),
                Part::Body => mac.update(message.body),
            }
        }
        Ok(mac.finalize().into_bytes().into())
    }

    /// Whether any of the signatures satisfies `check`. Signatures of other versions are passed over.
    fn any_signature(
        &self,
        headers: &HeaderMap,
        mut check: impl FnMut(&str) -> bool,
    ) -> Result<bool, Forged> {
        match &self.signature {
            SignatureAt::Header { name, prefix } => {
                Ok(single(headers, name)?.strip_prefix(prefix).is_some_and(check))
            }
            SignatureAt::List { name, key } => {
                Ok(list(single(headers, name)?).any(|(candidate, value)| candidate == *key && check(value)))
            }
            SignatureAt::Tagged { name, tag } => {
                let mut tagged = single(headers, name)?
                    .split(' ')
                    .filter_map(|entry| entry.split_once(','));
                Ok(tagged.any(|(candidate, value)| candidate == *tag && check(value)))
            }
            SignatureAt::Numbered { names } => any_numbered(headers, names, check),
        }
    }
}

/// The fields are numbered without a gap, so the first that is absent ends them; the very first must be there.
fn any_numbered(
    headers: &HeaderMap,
    names: &[HeaderName],
    mut check: impl FnMut(&str) -> bool,
) -> Result<bool, Forged> {
    for (position, name) in names.iter().enumerate() {
        match single(headers, name) {
            Ok(signature) if check(signature) => return Ok(true),
            Ok(_) => {}
            Err(Forged::MissingHeader { .. }) if position > 0 => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// The value of a header field that must stand exactly once.
fn single<'m>(headers: &'m HeaderMap, name: &HeaderName) -> Result<&'m str, Forged> {
    let mut values = headers.get_all(name).iter();
    let value = values
        .next()
        .ok_or_else(|| Forged::MissingHeader { name: name.clone() })?;
    if values.next().is_some() {
        return Err(Forged::RepeatedHeader { name: name.clone() });
    }
    let text = value
        .to_str()
        .ok()
        .filter(|text| !text.is_empty() && text.len() <= MAX_FIELD);
    text.ok_or_else(|| Forged::MalformedHeader { name: name.clone() })
}

/// `key=value` entries separated by commas, with white space around them allowed.
fn list(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(',')
        .filter_map(|entry| entry.trim_matches(' ').split_once('='))
}

/// Seconds since 1970 in canonical decimal digits: no sign, no leading zero, at most twelve of them.
fn parse_seconds(text: &str) -> Option<UnixTime> {
    let digits = !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    let seconds = canonical.then(|| text.parse().ok()).flatten()?;
    Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

/// Signs with HMAC-SHA256 by a [`Scheme`]: the sender's half of [`HmacVerifier`].
///
/// Signs with every key of the tenant that is valid now, where the scheme can carry several signatures, so that
/// receivers can change over one by one; otherwise with the newest, which is the one given last.
#[derive(Debug, Clone)]
pub struct HmacSigner {
    scheme: Scheme,
    keys: Arc<dyn FindKeys>,
}

impl HmacSigner {
    /// Signs by this scheme with those keys.
    pub fn new(scheme: Scheme, keys: impl FindKeys + 'static) -> Self {
        Self {
            scheme,
            keys: Arc::new(keys),
        }
    }
}

impl SignPayload for HmacSigner {
    fn sign_payload(&self, outgoing: &Outgoing<'_>) -> Result<HeaderMap, CannotSign> {
        let keys = self.keys.find_keys(&Wanted::of(Some(outgoing.tenant)))?;
        let time = outgoing.now.as_secs().to_string();
        let mut headers = self.scheme.unsigned_headers(outgoing, &time)?;
        let mut signatures = Vec::new();
        for key in keys.valid_at(outgoing.now) {
            signatures.push(self.scheme.sign(key, outgoing, &headers, &time)?);
        }
        if signatures.is_empty() {
            return Err(NoKey::NoneValid {
                sender: outgoing.tenant.clone(),
            }
            .into());
        }
        self.scheme.write_signatures(&mut headers, &signatures, &time);
        Ok(headers)
    }
}

impl Scheme {
    /// The fields that are signed: identity and time.
    fn unsigned_headers(&self, outgoing: &Outgoing<'_>, time: &str) -> Result<HeaderMap, CannotSign> {
        let mut headers = HeaderMap::new();
        for part in &*self.signed {
            if let Part::Header(name) = part {
                let value = Some(outgoing.id)
                    .filter(|id| self.is_plain_id(id))
                    .ok_or(CannotSign::Id)?;
                headers.insert(
                    name.clone(),
                    HeaderValue::from_str(value).map_err(|_| CannotSign::Id)?,
                );
            }
        }
        if let Some(TimeAt::Header(name)) = &self.time {
            put(&mut headers, name, time);
        }
        Ok(headers)
    }

    fn sign(
        &self,
        key: &Key,
        outgoing: &Outgoing<'_>,
        headers: &HeaderMap,
        time: &str,
    ) -> Result<String, CannotSign> {
        let (method, uri) = (http::Method::POST, http::Uri::default());
        let message = Message::new(&method, &uri, headers, outgoing.body, outgoing.now);
        let mac = self.mac(key, &message, Some(time)).map_err(|_| CannotSign::Id)?;
        Ok(self.encoding.encode(&mac))
    }

    fn write_signatures(&self, headers: &mut HeaderMap, signatures: &[String], time: &str) {
        match &self.signature {
            SignatureAt::Header { name, prefix } => {
                let newest = signatures.last().map(String::as_str).unwrap_or_default();
                put(headers, name, &format!("{prefix}{newest}"));
            }
            SignatureAt::List { name, key } => {
                let time = match self.time {
                    Some(TimeAt::ListKey(key)) => Some(format!("{key}={time}")),
                    _ => None,
                };
                let entries = signatures.iter().map(|signature| format!("{key}={signature}"));
                put(
                    headers,
                    name,
                    &time.into_iter().chain(entries).collect::<Vec<_>>().join(","),
                );
            }
            SignatureAt::Tagged { name, tag } => {
                let entries = signatures.iter().map(|signature| format!("{tag},{signature}"));
                put(headers, name, &entries.collect::<Vec<_>>().join(" "));
            }
            SignatureAt::Numbered { names } => {
                for (name, signature) in names.iter().zip(signatures) {
                    put(headers, name, signature);
                }
            }
        }
    }
}

/// Only ever text that this crate has written: digits, encoded MACs and the scheme's own literals.
fn put(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name.clone(), value);
    }
}
