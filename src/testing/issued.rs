/// What is common to builders of certificates: key, number, time and extensions.
macro_rules! issued {
    ($builder:ty) => {
        impl $builder {
            /// Makes a fresh key of this kind, instead of P-256.
            pub fn key_algorithm(mut self, algorithm: KeyAlgorithm) -> Self {
                self.key = KeySource::Fresh(algorithm);
                self
            }

            /// Uses a key that there already is: a [`TestKey`], or that of a [`TestCa`](crate::testing::TestCa)
            /// or a [`TestCert`](crate::testing::TestCert), which is renewed by it.
            pub fn with_key(mut self, key: impl Into<TestKey>) -> Self {
                self.key = KeySource::Given(key.into());
                self
            }

            /// Its serial number, instead of one that is used once.
            pub fn serial(mut self, serial: impl Into<Serial>) -> Self {
                self.serial = Some(serial.into());
                self
            }

            /// Valid in this time, both ends included.
            pub fn validity(mut self, not_before: UnixTime, not_after: UnixTime) -> Self {
                Window {
                    from: not_before,
                    until: not_after,
                }
                .set(&mut self.params);
                self
            }

            /// Valid in the year 2020 only.
            pub fn expired(mut self) -> Self {
                Window::EXPIRED.set(&mut self.params);
                self
            }

            /// Valid from 2090 on.
            pub fn not_yet_valid(mut self) -> Self {
                Window::NOT_YET.set(&mut self.params);
                self
            }

            /// Adds an extension: its object identifier and its value in DER.
            pub fn extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
                self.params
                    .custom_extensions
                    .push(CustomExtension::from_oid_content(arcs, value.to_vec()));
                self
            }

            /// Adds a critical extension: whoever does not know it must refuse the certificate (RFC 5280 §4.2).
            pub fn critical_extension(mut self, arcs: &[u64], value: &[u8]) -> Self {
                let mut extension = CustomExtension::from_oid_content(arcs, value.to_vec());
                extension.set_criticality(true);
                self.params.custom_extensions.push(extension);
                self
            }

            /// Writes this SubjectPublicKeyInfo, DER, in place of that of its key: a certificate for a key that nobody
            /// here holds.
            pub fn raw_spki(mut self, spki: &[u8]) -> Self {
                self.raw.push((der::PUBLIC_KEY, spki.to_vec()));
                self
            }
        }
    };
}
pub(super) use issued;
