//! The times of a token: `exp`, `nbf`, `iat` (RFC 7519 §4.1.4 to §4.1.6).

use crate::payload::jose::InvalidJwt;
use crate::payload::jose::json::{Json, Object};

/// What is asked of a token's times, in seconds.
#[derive(Debug, Clone)]
pub(super) struct TimeRules {
    pub(super) expiry_required: bool,
    pub(super) leeway: u64,
    pub(super) max_age: Option<u64>,
    pub(super) max_lifetime: Option<u64>,
}

/// The times of a token that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::payload::jose) struct Times {
    pub(in crate::payload::jose) issued: Option<u64>,
    /// Until when it would be accepted again.
    pub(in crate::payload::jose) until: Option<u64>,
    /// Until when any would be that is issued by now under the same rules: a retry of its delivery.
    pub(in crate::payload::jose) any_until: Option<u64>,
}

/// The claims, in whole seconds.
struct Dates {
    exp: Option<u64>,
    nbf: Option<u64>,
    iat: Option<u64>,
}

impl Default for TimeRules {
    fn default() -> Self {
        Self {
            expiry_required: true,
            leeway: 60,
            max_age: None,
            max_lifetime: None,
        }
    }
}

impl TimeRules {
    pub(super) fn check(&self, claims: &Object<'_>, now: u64) -> Result<Times, InvalidJwt> {
        let dates = Dates::read(claims)?;
        if dates.exp.is_none() && self.expiry_required {
            return Err(InvalidJwt::missing("exp"));
        }
        if dates.iat.is_none() && (self.max_age.is_some() || self.max_lifetime.is_some()) {
            return Err(InvalidJwt::missing("iat"));
        }
        self.check_window(&dates, now)?;
        self.check_age(&dates, now)?;
        Ok(Times {
            issued: dates.iat,
            until: self.until(&dates),
            any_until: self.any_until(&dates, now),
        })
    }

    fn check_window(&self, dates: &Dates, now: u64) -> Result<(), InvalidJwt> {
        match (dates.exp, dates.nbf) {
            (Some(exp), _) if now >= exp.saturating_add(self.leeway) => Err(InvalidJwt::Expired { exp, now }),
            (_, Some(nbf)) if now.saturating_add(self.leeway) < nbf => {
                Err(InvalidJwt::NotYetValid { nbf, now })
            }
            _ => Ok(()),
        }
    }

    fn check_age(&self, dates: &Dates, now: u64) -> Result<(), InvalidJwt> {
        let Some(iat) = dates.iat else { return Ok(()) };
        if now.saturating_add(self.leeway) < iat {
            return Err(InvalidJwt::FromTheFuture { iat, now });
        }
        if self
            .oldest(dates)
            .is_some_and(|age| now.saturating_sub(iat) > age)
        {
            return Err(InvalidJwt::TooOld { iat, now });
        }
        match (self.max_lifetime, dates.exp) {
            (Some(limit), Some(exp)) if exp.saturating_sub(iat) > limit => {
                Err(InvalidJwt::LivesTooLong { limit })
            }
            _ => Ok(()),
        }
    }

    /// How long ago `iat` may be. What names no end ends with the longest lifetime.
    fn oldest(&self, dates: &Dates) -> Option<u64> {
        let lifetime = self.max_lifetime.filter(|_| dates.exp.is_none());
        self.max_age.into_iter().chain(lifetime).min()
    }

    /// The first of its ends.
    fn until(&self, dates: &Dates) -> Option<u64> {
        let by_age = self
            .oldest(dates)
            .zip(dates.iat)
            .map(|(age, iat)| iat.saturating_add(age));
        let by_expiry = dates.exp.map(|exp| exp.saturating_add(self.leeway));
        by_expiry.into_iter().chain(by_age).min()
    }

    /// The last end that a token may have which is issued by now: by a clock that may be ahead, and for as long as the rules allow, or
    /// else as this one. Of what does not say when it was issued, its own end is all that is known.
    fn any_until(&self, dates: &Dates, now: u64) -> Option<u64> {
        let last = now.saturating_add(self.leeway);
        let by_age = self.oldest(dates).map(|age| last.saturating_add(age));
        let lives = dates.exp.zip(dates.iat).map(|(exp, iat)| exp.saturating_sub(iat));
        let lives = dates.exp.and(self.max_lifetime).or(lives);
        let by_life = lives.map(|life| last.saturating_add(life).saturating_add(self.leeway));
        let any = by_life.into_iter().chain(by_age).min();
        // One that was issued long ago may live longer than one that is issued now.
        self.until(dates).map(|own| any.map_or(own, |any| any.max(own)))
    }
}

impl Dates {
    /// Each rounded to the second that makes the token count for less. `iat` is cut as the present is, which is in whole
    /// seconds too: rounded up, what was issued in this second would lie ahead.
    fn read(claims: &Object<'_>) -> Result<Self, InvalidJwt> {
        Ok(Self {
            exp: date(claims, "exp", f64::floor)?,
            nbf: date(claims, "nbf", f64::ceil)?,
            iat: date(claims, "iat", f64::floor)?,
        })
    }
}

/// A NumericDate (RFC 7519 §2): seconds from 1970 on, perhaps with a fraction or an exponent. Nothing before 1970, and
/// nothing that 64 bits do not hold.
fn date(claims: &Object<'_>, name: &'static str, round: fn(f64) -> f64) -> Result<Option<u64>, InvalidJwt> {
    let seconds = match claims.get(name) {
        None => return Ok(None),
        Some(Json::Whole(seconds)) => Some(*seconds),
        Some(Json::Number(number)) => whole(*number, round),
        Some(_) => None,
    };
    seconds.map(Some).ok_or_else(|| InvalidJwt::of_another_type(name))
}

/// The range is looked at before rounding, so that -0.5 does not become 0. Within it the conversion loses nothing: a
/// number of that size without a fraction is exact.
fn whole(number: f64, round: fn(f64) -> f64) -> Option<u64> {
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    (0.0..BEYOND).contains(&number).then(|| round(number) as u64)
}
