//! Deliveries of acme's own: to the receiver, and to one that has gone away.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use countersign::address::AddressGuard;
use countersign::dispatch::{Delivery, Dispatcher, Endpoint, TenantIdentity};
use countersign::egress::{Egress, Resolve, Resolving};
use countersign::observe::Observer;
use countersign::payload::HmacSigner;
use countersign::tenant::TenantId;
use countersign::tls::Credentials;
use countersign::trust::PrivateCa;
use rustls::pki_types::UnixTime;
use tokio::net::TcpListener;

use crate::{AnyError, BODY, World};

/// Every host is this machine.
#[derive(Debug)]
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::from(Ipv4Addr::LOCALHOST)]) })
    }
}

pub(crate) struct Sending {
    dispatcher: Dispatcher,
    acme: TenantId,
    there: Endpoint,
    gone: Endpoint,
}

impl Sending {
    pub(crate) async fn new(
        world: &World,
        signer: &HmacSigner,
        receiver: SocketAddr,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, AnyError> {
        // A port that was ours a moment ago, and is nobody's now.
        let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let guard = AddressGuard::new().allow_network("127.0.0.0/8".parse()?);
        let dispatcher = Dispatcher::builder()
            .with_egress(Egress::new().with_resolver(Here).with_guard(guard))
            .with_ports([receiver.port(), gone])
            .observed_by(observer.clone())
            .build();
        let acme = TenantId::parse("acme")?;
        let own = Credentials::new(world.tls.provider(), world.acme.chain(), world.acme.key())?;
        let trust = PrivateCa::from_pem(world.ca.pem().as_bytes(), world.tls.algorithms(), UnixTime::now())?;
        let identity = TenantIdentity::new(&world.tls, own, trust, signer.clone())?;
        dispatcher.set_identity(acme.clone(), identity)?;
        let endpoint = |port| Endpoint::parse(acme.clone(), &format!("https://hooks.acme.example:{port}/"));
        Ok(Self {
            there: endpoint(receiver.port())?,
            gone: endpoint(gone)?,
            acme,
            dispatcher,
        })
    }

    /// One to the receiver, and of every three times one to the other.
    pub(crate) async fn deliver(&self, time: u64) {
        let delivery = Delivery::new(self.acme.clone(), format!("own_{time}"), BODY.to_vec());
        // What comes of them is for the observer.
        let _ = self.dispatcher.deliver(&self.there, &delivery).await;
        if time.is_multiple_of(3) {
            let _ = self.dispatcher.deliver(&self.gone, &delivery).await;
        }
    }
}
