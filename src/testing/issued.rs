/// What is common to builders of certificates: key, number and time.
macro_rules! issued {
    ($builder:ty) => {
        impl $builder {
            /// Makes a fresh key of this kind, instead of P-256.
            pub fn key_algorithm(mut self, algorithm: KeyAlgorithm) -> Self {
                self.key = KeySource::Fresh(algorithm);
                self
            }

            /// Uses a key that there already is: a [`TestKey`], or that of a [`TestCa`](super::TestCa)
            /// or a [`TestCert`](super::TestCert), which is renewed by it.
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
        }
    };
}
pub(super) use issued;
