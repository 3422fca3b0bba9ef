//! Events that outlive what they are about: with copies of what they borrow, to be told later.

use std::io;

use super::certificate::Copied;
use super::{ClaimedCertificate, Event, Observer};

/// An event, to be told to whoever it is given.
pub(super) type Kept = Box<dyn FnOnce(&dyn Observer) + Send>;

fn later(tell: impl FnOnce(&dyn Observer) + Send + 'static) -> Kept {
    Box::new(tell)
}

/// What the system said, as far as it can be copied.
fn copied(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// One arm for each variant: it takes copies of what it borrows, and makes the same event of them.
pub(super) fn kept(event: &Event<'_>) -> Kept {
    match *event {
        Event::HandshakeStarted { peer } => later(move |to| to.observe(&Event::HandshakeStarted { peer })),
        Event::HandshakeCompleted {
            peer,
            handshake,
            certificate,
            took,
        } => {
            let certificate = certificate.map(|certificate| certificate.copied());
            later(move |to| {
                let certificate = certificate.as_ref().map(Copied::shown);
                to.observe(&Event::HandshakeCompleted {
                    peer,
                    handshake,
                    certificate,
                    took,
                });
            })
        }
        Event::HandshakeFailed {
            peer,
            reason,
            claimed,
            at,
        } => {
            let (reason, claimed) = (reason.clone(), claimed.map(ClaimedCertificate::copied));
            later(move |to| {
                let (reason, claimed) = (&reason, claimed.as_ref().map(ClaimedCertificate::of));
                to.observe(&Event::HandshakeFailed {
                    peer,
                    reason,
                    claimed,
                    at,
                });
            })
        }
        Event::RefusedAgain { client } => {
            let client = client.clone();
            later(move |to| to.observe(&Event::RefusedAgain { client: &client }))
        }
        Event::AcceptFailed { at, error } => {
            let error = copied(error);
            later(move |to| to.observe(&Event::AcceptFailed { at, error: &error }))
        }
        Event::ConnectionCut { peer, cut } => {
            let cut = cut.clone();
            later(move |to| to.observe(&Event::ConnectionCut { peer, cut: &cut }))
        }
        Event::SourceChanged { transition } => {
            let transition = *transition;
            later(move |to| {
                to.observe(&Event::SourceChanged {
                    transition: &transition,
                })
            })
        }
        Event::NotForwarded { peer, reason } => {
            let reason = reason.clone();
            later(move |to| {
                to.observe(&Event::NotForwarded {
                    peer,
                    reason: &reason,
                })
            })
        }
        Event::Identified {
            peer,
            tenant,
            rule,
            certificate,
        } => {
            let (tenant, rule, certificate) = (tenant.clone(), Box::<str>::from(rule), certificate.copied());
            later(move |to| {
                let (tenant, rule, certificate) = (&tenant, &*rule, certificate.shown());
                to.observe(&Event::Identified {
                    peer,
                    tenant,
                    rule,
                    certificate,
                });
            })
        }
        Event::Refused {
            peer,
            tenant,
            refusal,
        } => {
            let (tenant, refusal) = (tenant.cloned(), refusal.clone());
            later(move |to| {
                let (tenant, refusal) = (tenant.as_ref(), &refusal);
                to.observe(&Event::Refused {
                    peer,
                    tenant,
                    refusal,
                });
            })
        }
        Event::Reported { tenant, untrusted } => {
            let (tenant, untrusted) = (tenant.clone(), untrusted.clone());
            later(move |to| {
                let (tenant, untrusted) = (&tenant, &untrusted);
                to.observe(&Event::Reported { tenant, untrusted });
            })
        }
        Event::Accepted { peer, tenant } => {
            let tenant = tenant.clone();
            later(move |to| {
                to.observe(&Event::Accepted {
                    peer,
                    tenant: &tenant,
                })
            })
        }
        Event::SenderGone { peer, tenant } => {
            let tenant = tenant.clone();
            later(move |to| {
                to.observe(&Event::SenderGone {
                    peer,
                    tenant: &tenant,
                })
            })
        }
        Event::Settled { tenant, handler } => {
            let tenant = tenant.clone();
            later(move |to| {
                to.observe(&Event::Settled {
                    tenant: &tenant,
                    handler,
                })
            })
        }
        Event::Unsettled { tenant, outcome } => {
            let (tenant, outcome) = (tenant.clone(), outcome.clone());
            later(move |to| {
                let (tenant, outcome) = (&tenant, &outcome);
                to.observe(&Event::Unsettled { tenant, outcome });
            })
        }
        Event::Delivering { .. }
        | Event::Delivered { .. }
        | Event::NotDelivered { .. }
        | Event::CircuitChanged { .. } => of_delivery(event),
        Event::Reloaded { .. }
        | Event::NotReloaded { .. }
        | Event::ReloadRecovered { .. }
        | Event::RotationStepped { .. }
        | Event::Expiring { .. }
        | Event::ExpiriesListed { .. }
        | Event::EventsLost { .. }
        | Event::ObserverEnded => over_time(event),
    }
}

fn of_delivery(event: &Event<'_>) -> Kept {
    match *event {
        Event::Delivering {
            tenant,
            host,
            id,
            stage,
        } => {
            let (tenant, host, id) = (tenant.clone(), Box::<str>::from(host), Box::<str>::from(id));
            later(move |to| {
                let (tenant, host, id) = (&tenant, &*host, &*id);
                to.observe(&Event::Delivering {
                    tenant,
                    host,
                    id,
                    stage,
                });
            })
        }
        Event::Delivered { tenant, host, id } => {
            let (tenant, host, id) = (tenant.clone(), Box::<str>::from(host), Box::<str>::from(id));
            later(move |to| {
                let (tenant, host, id) = (&tenant, &*host, &*id);
                to.observe(&Event::Delivered { tenant, host, id });
            })
        }
        Event::NotDelivered {
            tenant,
            host,
            id,
            code,
            fault,
        } => {
            let (tenant, host, id) = (tenant.clone(), Box::<str>::from(host), Box::<str>::from(id));
            later(move |to| {
                let (tenant, host, id) = (&tenant, &*host, &*id);
                to.observe(&Event::NotDelivered {
                    tenant,
                    host,
                    id,
                    code,
                    fault,
                });
            })
        }
        Event::CircuitChanged {
            tenant,
            host,
            from,
            to,
        } => {
            let (tenant, host) = (tenant.clone(), Box::<str>::from(host));
            later(move |told| {
                let (tenant, host) = (&tenant, &*host);
                told.observe(&Event::CircuitChanged {
                    tenant,
                    host,
                    from,
                    to,
                });
            })
        }
        _ => later(|_| {}),
    }
}

/// What does not come of a connection or a delivery.
fn over_time(event: &Event<'_>) -> Kept {
    match *event {
        Event::Reloaded { name, generation } => {
            let name = Box::<str>::from(name);
            later(move |to| {
                to.observe(&Event::Reloaded {
                    name: &name,
                    generation,
                })
            })
        }
        Event::NotReloaded {
            name,
            code,
            reason,
            in_force,
        } => {
            let (name, reason) = (Box::<str>::from(name), Box::<str>::from(reason));
            later(move |to| {
                let (name, reason) = (&*name, &*reason);
                to.observe(&Event::NotReloaded {
                    name,
                    code,
                    reason,
                    in_force,
                });
            })
        }
        Event::ReloadRecovered { name } => {
            let name = Box::<str>::from(name);
            later(move |to| to.observe(&Event::ReloadRecovered { name: &name }))
        }
        Event::RotationStepped { kind, name, step } => {
            let name = Box::<str>::from(name);
            later(move |to| {
                to.observe(&Event::RotationStepped {
                    kind,
                    name: &name,
                    step,
                })
            })
        }
        Event::Expiring { expiry, urgency } => {
            let expiry = expiry.clone();
            later(move |to| {
                to.observe(&Event::Expiring {
                    expiry: &expiry,
                    urgency,
                })
            })
        }
        Event::ExpiriesListed { expiries, thresholds } => {
            let expiries = expiries.to_vec();
            later(move |to| {
                let expiries = &expiries;
                to.observe(&Event::ExpiriesListed { expiries, thresholds });
            })
        }
        Event::EventsLost { count } => later(move |to| to.observe(&Event::EventsLost { count })),
        Event::ObserverEnded => later(|to| to.observe(&Event::ObserverEnded)),
        _ => later(|_| {}),
    }
}
