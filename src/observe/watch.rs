use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls_pki_types::UnixTime;

use super::{Event, Observer};
use crate::expiry::{Expires, Expiries, Expiry, Thresholds, Urgency};

/// A watch over everything that expires: a list by the time that is left, and an event for each degree of urgency that
/// something comes to.
///
/// List and events, and the gauges that [`Event::ExpiriesListed`] is for, are made of one look at what is in force now: a
/// policy in a [`Live`](crate::live::Live) is asked anew each time. Let it [`tell`](Self::tell) once a minute, by [`Watching`](super::Watching); what it has
/// told of, it tells of again only when it has become more urgent.
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use countersign::UnixTime;
/// use countersign::live::Live;
/// use countersign::gate::Policy;
/// use countersign::observe::{Event, Observer, Watch};
/// use countersign::tenant::TenantTable;
/// use countersign::trust::PinSet;
///
/// #[derive(Debug, Default)]
/// struct Told(Mutex<Vec<String>>);
/// impl Observer for Told {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Expiring { expiry, urgency } = event {
///             self.0.lock().unwrap().push(format!("{}: {expiry}", urgency.as_str()));
///         }
///     }
/// }
///
/// # let hash = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
/// # let tenants = TenantTable::builder().pin(countersign::tenant::TenantId::parse("acme")?, hash.parse()?).build()?;
/// let pins: PinSet = format!("leaf {hash} until=2026-12-31T00:00:00Z label=acme 2026").parse()?;
/// let watch = Watch::new().over(Policy::new(Live::new(pins), tenants));
/// let (told, days) = (Told::default(), |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(86_400 * days)));
/// watch.tell(&told, days(20_790)); // 2026-12-03
/// watch.tell(&told, days(20_800)); // 2026-12-13
/// watch.tell(&told, days(20_801));
/// assert_eq!(*told.0.lock().unwrap(), ["warning: pin acme 2026 expires 2026-12-31T00:00:00Z"]);
/// assert_eq!(watch.list().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Watch {
    holders: Vec<Arc<dyn Expires>>,
    thresholds: Thresholds,
    told: Mutex<HashMap<Expiry, Urgency>>,
}

impl Watch {
    /// Over nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also over this: a [`Policy`](crate::gate::Policy), a [`Keyring`](crate::payload::Keyring), one's own credentials, the
    /// peers that were [seen](super::PeersSeen), or what you hold yourself.
    #[must_use]
    pub fn over(mut self, holder: impl Expires + 'static) -> Self {
        self.holders.push(Arc::new(holder));
        self
    }

    /// Tells at these parts of a lifetime. Default 80 and 90 percent.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Everything that expires, least time left first. [`Expiry::urgency`] says how urgent each is.
    pub fn list(&self) -> Vec<Expiry> {
        let mut found = Expiries::default();
        for holder in &self.holders {
            holder.expiries(&mut found);
        }
        found.sorted()
    }

    /// Tells what has become more urgent since it was last told, and of all there is.
    pub fn tell(&self, observer: &dyn Observer, now: UnixTime) {
        let expiries = self.list();
        let thresholds = self.thresholds;
        observer.observe(&Event::ExpiriesListed {
            expiries: &expiries,
            thresholds,
        });
        for (expiry, urgency) in self.risen(&expiries, now) {
            observer.observe(&Event::Expiring { expiry, urgency });
        }
    }

    /// What has risen. What is gone, or was renewed, is forgotten.
    fn risen<'a>(&self, expiries: &'a [Expiry], now: UnixTime) -> Vec<(&'a Expiry, Urgency)> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let of_now: HashMap<_, _> = expiries
            .iter()
            .map(|expiry| (expiry, expiry.urgency(now, self.thresholds)))
            .filter(|(_, urgency)| *urgency > Urgency::None)
            .collect();
        let before = |expiry: &Expiry| told.get(expiry).copied().unwrap_or(Urgency::None);
        let mut risen: Vec<_> = of_now
            .iter()
            .map(|(expiry, urgency)| (*expiry, *urgency))
            .filter(|(expiry, urgency)| *urgency > before(expiry))
            .collect();
        risen.sort_by_key(|(expiry, _)| expiry.not_after());
        *told = of_now
            .into_iter()
            .map(|(expiry, urgency)| (expiry.clone(), urgency))
            .collect();
        risen
    }
}
