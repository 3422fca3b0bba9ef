//! The certificates that are sent behind a leaf, as far as they say why the leaf is refused.

use rustls_pki_types::CertificateDer;

use crate::codes::Seen;
use crate::date::Date;
use crate::identity::PeerChain;

/// The most certificates that are looked at: no path is so long.
const MOST: usize = 16;

/// The one that ends first of those behind the leaf, where it ends before the leaf does.
pub(super) fn ends_before(chain: &PeerChain) -> Option<String> {
    let own = chain.leaf().validity().not_after;
    let ending = others(chain).filter(|(_, other)| other.leaf().validity().not_after < own);
    let (_, soonest) = ending.min_by_key(|(_, other)| other.leaf().validity().not_after)?;
    let until = Date(soonest.leaf().validity().not_after);
    Some(format!(
        "behind it, {} until {until}",
        Seen::of(&soonest.leaf().subject_text())
    ))
}

/// The first that is no authority, behind a first one that is: the two are in another order.
pub(super) fn is_behind(chain: &PeerChain) -> Option<String> {
    let mut others = others(chain).filter(|_| chain.leaf().facts().is_ca);
    let (place, other) = others.find(|(_, other)| !other.leaf().facts().is_ca)?;
    let subject = Seen::of(&other.leaf().subject_text());
    Some(format!(
        "certificate {place}, {subject}, is none: the leaf comes first"
    ))
}

/// Each by itself, and which it is, from 1; what cannot be read is left out.
fn others(chain: &PeerChain) -> impl Iterator<Item = (usize, PeerChain)> {
    let read = |der: &CertificateDer<'static>| PeerChain::parse([der.clone()]).ok();
    let numbered = (2..).zip(chain.others().iter().take(MOST));
    numbered.filter_map(move |(place, der)| Some((place, read(der)?)))
}
