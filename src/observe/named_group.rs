/// A group of a key exchange, by its number in IANA's registry (TLS Supported Groups; RFC 8446 §4.2.7).
///
/// ```
/// use countersign::observe::NamedGroup;
///
/// let group = NamedGroup::from_iana(0x11ec);
/// assert_eq!((group.as_str(), group.is_post_quantum()), ("X25519MLKEM768", true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedGroup(u16);

/// What is hybrid or of ML-KEM alone (FIPS 203) resists a quantum computer, as far as is known.
#[rustfmt::skip]
const GROUPS: &[(u16, &str, bool)] = &[
    (0x0017, "secp256r1", false),
    (0x0018, "secp384r1", false),
    (0x0019, "secp521r1", false),
    (0x001d, "x25519", false),
    (0x001e, "x448", false),
    (0x0100, "ffdhe2048", false),
    (0x0101, "ffdhe3072", false),
    (0x0102, "ffdhe4096", false),
    (0x0103, "ffdhe6144", false),
    (0x0104, "ffdhe8192", false),
    (0x0200, "MLKEM512", true),
    (0x0201, "MLKEM768", true),
    (0x0202, "MLKEM1024", true),
    (0x11eb, "SecP256r1MLKEM768", true),
    (0x11ec, "X25519MLKEM768", true),
    (0x11ed, "SecP384r1MLKEM1024", true),
];

impl NamedGroup {
    /// The group of this number.
    pub const fn from_iana(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn iana(self) -> u16 {
        self.0
    }

    /// Its name in the registry, for metrics and logs; `unknown` where it has none that is known here.
    pub fn as_str(self) -> &'static str {
        self.known().map_or("unknown", |(_, name, _)| name)
    }

    /// Whether what is recorded today stays secret from a quantum computer: a key exchange by ML-KEM, alone or beside a curve.
    ///
    /// It says nothing of the signatures, by which peers prove who they are.
    pub fn is_post_quantum(self) -> bool {
        self.known().is_some_and(|(_, _, post_quantum)| *post_quantum)
    }

    fn known(self) -> Option<&'static (u16, &'static str, bool)> {
        GROUPS.iter().find(|(number, _, _)| *number == self.0)
    }
}
