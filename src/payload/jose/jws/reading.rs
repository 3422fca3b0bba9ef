use std::borrow::Cow;

use super::header::{Header, PayloadForm};
use super::segments::{EMPTY_PLACE, MAX_TOKEN, Room, Segments, decode};
use super::{Choice, Jws};
use crate::payload::jose::{InvalidJwt, JwtPart, VerifyingKey};

/// How tokens are read, whatever the keys are.
#[derive(Debug, Clone, Copy)]
pub(in crate::payload::jose) struct Reading {
    pub(in crate::payload::jose) choice: Choice,
    /// In bytes.
    pub(in crate::payload::jose) longest: usize,
}

impl Reading {
    pub(in crate::payload::jose) fn by(choice: Choice) -> Self {
        Self {
            choice,
            longest: MAX_TOKEN,
        }
    }

    pub(in crate::payload::jose) fn trying(self) -> Self {
        match self.choice {
            // They are tried as it is.
            Choice::Chosen => self,
            Choice::ByName | Choice::TryEach => Self {
                choice: Choice::TryEach,
                ..self
            },
        }
    }
}

/// Cuts a token, looks at its parts, and reads its header.
pub(super) fn read<'t, T>(
    token: &'t str,
    longest: usize,
    look: impl FnOnce(&Segments<'t>) -> Result<(), InvalidJwt>,
    go_on: impl FnOnce(&Segments<'t>, &Header<'_>) -> Result<T, InvalidJwt>,
) -> Result<T, InvalidJwt> {
    let segments = Segments::parse(token, longest)?;
    look(&segments)?;
    let mut room = Room::<512>::EMPTY;
    let json = room.decode(JwtPart::Header, segments.header)?;
    go_on(&segments, &Header::parse(json)?)
}

pub(super) fn check_detached(segments: &Segments<'_>) -> Result<(), InvalidJwt> {
    let detached = segments.payload.is_empty();
    detached.then_some(()).ok_or(InvalidJwt::NotDetached)
}

pub(super) fn check_attached(header: &Header<'_>) -> Result<(), InvalidJwt> {
    match header.payload {
        PayloadForm::Base64Url => Ok(()),
        PayloadForm::Unencoded => Err(InvalidJwt::AttachedUnencoded),
    }
}

/// Whatever speaks against a token without a key; what it says, which nobody has verified. Its size is for the keys to say.
pub(in crate::payload::jose) fn look_over(
    token: &str,
    inspect: impl FnOnce(&Header<'_>) -> Result<(), InvalidJwt>,
) -> Result<Vec<u8>, InvalidJwt> {
    read(
        token,
        usize::MAX,
        |_| Ok(()),
        |segments, header| {
            check_attached(header)?;
            inspect(header)?;
            let mut place = EMPTY_PLACE;
            segments.decode_signature(&mut place)?;
            decode(JwtPart::Payload, segments.payload)
        },
    )
}

/// The same of a signature whose payload was left out.
pub(super) fn look_over_detached(token: &str) -> Result<(), InvalidJwt> {
    read(token, usize::MAX, check_detached, |segments, _| {
        let mut place = EMPTY_PLACE;
        segments.decode_signature(&mut place).map(|_| ())
    })
}

/// What is known of a token once its signature is verified.
pub(in crate::payload::jose) struct Verified<'k, 't> {
    /// Still encoded.
    pub(super) payload: &'t str,
    pub(in crate::payload::jose) key: &'k VerifyingKey,
}

/// Room for the claims of most tokens.
pub(in crate::payload::jose) type PayloadRoom = Room<1024>;

impl<'t> Verified<'_, 't> {
    pub(in crate::payload::jose) fn payload<'r>(
        &self,
        room: &'r mut PayloadRoom,
    ) -> Result<&'r [u8], InvalidJwt> {
        room.decode(JwtPart::Payload, self.payload)
    }

    pub(super) fn jws(self) -> Result<Jws<'t>, InvalidJwt> {
        Ok(Jws {
            payload: Cow::Owned(decode(JwtPart::Payload, self.payload)?),
            key: self.key.id().clone(),
            algorithm: self.key.algorithm(),
        })
    }
}
