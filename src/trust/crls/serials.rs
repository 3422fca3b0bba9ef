use std::collections::HashSet;

use crate::identity::der::INTEGER;

/// Where the serial numbers stand in the signed bytes.
pub(super) struct SerialsAt {
    places: Vec<u32>,
}

impl SerialsAt {
    /// Each serial number is a part of `der`, of which `tbs` is a part too.
    pub(super) fn find<'a>(tbs: &[u8], serials: impl Iterator<Item = &'a [u8]>, der: &[u8]) -> Option<Self> {
        let tbs_at = der.windows(tbs.len()).position(|window| window == tbs)?;
        let start = der.as_ptr().addr() + tbs_at;
        let place = |serial: &[u8]| u32::try_from(serial.as_ptr().addr().checked_sub(start)?).ok();
        let mut places = serials.map(place).collect::<Option<Vec<_>>>()?;
        places.shrink_to_fit();
        // Read back before anything relies on it.
        places
            .iter()
            .all(|place| Self::at(tbs, *place).is_some())
            .then_some(Self { places })
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn iter<'a>(&'a self, tbs: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.places.iter().filter_map(|place| Self::at(tbs, *place))
    }

    /// The contents of the INTEGER, whose length stands in the byte before them.
    fn at(tbs: &[u8], place: u32) -> Option<&[u8]> {
        let place = usize::try_from(place).ok()?;
        let len = *tbs.get(place.checked_sub(1)?)?;
        let is_integer = tbs.get(place.checked_sub(2)?) == Some(&INTEGER);
        let short = is_integer && len < 0x80;
        short.then(|| tbs.get(place..place + usize::from(len))).flatten()
    }
}

/// The revoked serial numbers: sorted, 20 bytes each (RFC 5280 §4.1.2.2 allows no longer ones).
pub(in crate::trust) struct Serials {
    sorted: Vec<[u8; 20]>,
    /// For authorities that break that rule.
    longer: HashSet<Box<[u8]>>,
}

impl Serials {
    pub(super) fn new<'a>(serials: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut sorted, mut longer) = (Vec::new(), HashSet::new());
        for serial in serials {
            match padded(serial) {
                Some(serial) => sorted.push(serial),
                None => {
                    longer.insert(stripped(serial).into());
                }
            }
        }
        sorted.sort_unstable();
        sorted.dedup();
        sorted.shrink_to_fit();
        Self { sorted, longer }
    }

    pub(in crate::trust) fn contains(&self, serial: &[u8]) -> bool {
        match padded(serial) {
            Some(serial) => self.sorted.binary_search(&serial).is_ok(),
            None => self.longer.contains(stripped(serial)),
        }
    }
}

/// The same number always has the same bytes.
fn padded(serial: &[u8]) -> Option<[u8; 20]> {
    let serial = stripped(serial);
    let mut padded = [0; 20];
    let start = padded.len().checked_sub(serial.len())?;
    padded.get_mut(start..)?.copy_from_slice(serial);
    Some(padded)
}

pub(super) fn stripped(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}
