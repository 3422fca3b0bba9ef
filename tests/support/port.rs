//! Ports for servers that are killed and come back.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A port that stays its owner's while nobody listens on it, until this is dropped: a server that is killed is to come back
/// there.
///
/// It is none of those that the system gives to outgoing connections, which are many when a server is away. Others that
/// reserve ports, in other processes too, see that it is taken by the UDP port of the same number.
pub(crate) struct Port {
    pub(crate) number: u16,
    _taken: [UdpSocket; 2],
}

impl Port {
    /// Where the bus of a cluster is, which must be free as well.
    const TO_BUS: u16 = 10_000;
    /// Below those of outgoing connections (32,768 on Linux), with the bus.
    const FROM: u16 = 10_240;
    const COUNT: u16 = 9_000;

    pub(crate) fn reserve() -> Self {
        let start = RandomState::new().build_hasher().finish() % u64::from(Self::COUNT);
        let start = u16::try_from(start).expect("below the count");
        (0..Self::COUNT)
            .find_map(|step| Self::at(Self::FROM + (start + step) % Self::COUNT))
            .expect("a free port")
    }

    /// This one, if nobody has it.
    pub(crate) fn at(number: u16) -> Option<Self> {
        let take = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok();
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        let bus = number + Self::TO_BUS;
        let taken = [take(number)?, take(bus)?];
        (free(number) && free(bus)).then_some(Self {
            number,
            _taken: taken,
        })
    }
}
