use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use countersign::testing::{LeafBuilder, NOW, TestCa, TestKey};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::UnixTime;

use crate::der;
use crate::tamper::bytes;

/// Authorities of every kind, each below a root that is trusted or not.
pub struct Authorities {
    pub roots: Vec<TestCa>,
    pub all: Vec<TestCa>,
    key: TestKey,
}

impl Authorities {
    /// Newly made: a target makes them once.
    pub fn new() -> Self {
        let (acme, constrained, short) = (
            TestCa::new("Acme Root"),
            TestCa::builder("Constrained Root")
                .permitted_dns("acme.example")
                .issue(),
            TestCa::builder("Short Root").path_len(0).issue(),
        );
        let stranger = TestCa::new("Stranger");
        let issuing = acme.intermediate("Acme Issuing");
        let all = vec![
            acme.clone(),
            issuing.clone(),
            constrained.clone(),
            short.clone(),
            short.intermediate("Too deep"),
            acme.intermediate_builder("For servers").server_only().issue(),
            acme.intermediate_builder("Of names")
                .permitted_dns("acme.example")
                .issue(),
            acme.intermediate_builder("Not of names")
                .excluded_dns("acme.example")
                .issue(),
            acme.intermediate_builder("No authority").not_a_ca().issue(),
            acme.intermediate_builder("Signs nothing")
                .without_key_cert_sign()
                .issue(),
            acme.intermediate_builder("Expired").expired().issue(),
            issuing.intermediate_builder("Lowest").path_len(0).issue(),
            acme.evil_twin(),
            stranger,
        ];
        let key = TestKey::generate(countersign::testing::KeyAlgorithm::EcdsaP256);
        let roots = vec![acme, constrained, short];
        Self { roots, all, key }
    }

    /// A chain, the leaf first, with changes in the leaf that its issuer has signed, and others that nobody has.
    ///
    /// # Errors
    /// Those of `arbitrary`.
    pub fn chain(&self, choices: &mut Unstructured<'_>) -> Result<Vec<Vec<u8>>> {
        let issuer = choices.choose(&self.all)?;
        let mut leaf = issuer
            .client("spiffe://acme.example/tenant/acme")
            .with_key(&self.key);
        for _ in 0..choices.int_in_range(0..=4)? {
            leaf = choose(leaf, choices)?;
        }
        let issued = leaf.issue();
        let mut chain: Vec<Vec<u8>> = issued.chain().iter().map(|der| der.to_vec()).collect();
        if one_in(2, choices)? {
            chain[0] = resigned(&chain[0], issuer, choices)?;
        }
        if one_in(8, choices)? {
            let which = choices.choose_index(chain.len())?;
            let place = choices.choose_index(chain[which].len())?;
            chain[which][place] = choices.arbitrary()?;
        }
        if one_in(16, choices)? {
            let other = choices.choose(&self.all)?.certificate().to_vec();
            let place = choices.int_in_range(1..=chain.len())?;
            chain.insert(place, other);
        }
        Ok(chain)
    }
}

impl Default for Authorities {
    fn default() -> Self {
        Self::new()
    }
}

/// Never, once the input has ended.
fn one_in(all: u8, choices: &mut Unstructured<'_>) -> Result<bool> {
    Ok(choices.int_in_range(1..=all)? == all)
}

/// One thing more or less in a certificate.
fn choose(leaf: LeafBuilder, choices: &mut Unstructured<'_>) -> Result<LeafBuilder> {
    Ok(match choices.int_in_range(0..=21)? {
        0 => leaf.dns("a.acme.example"),
        1 => leaf.email("ops@acme.example"),
        2 => leaf.ip(choices.arbitrary::<[u8; 4]>()?.into()),
        3 => leaf.ip(choices.arbitrary::<[u8; 16]>()?.into()),
        4 => leaf.raw_san(choices.int_in_range(0..=8)?, bytes(choices, 64)?),
        5 => leaf.without_san(),
        6 => leaf.raw_common_name(*choices.choose(&[12, 19, 20, 22, 28, 30])?, bytes(choices, 64)?),
        7 => leaf.organizational_unit("unit"),
        8 => leaf.raw_subject(bytes(choices, 64)?),
        9 => leaf.raw_serial(bytes(choices, 24)?),
        10 => leaf.client_and_server(),
        11 => leaf.any_eku(),
        12 => leaf.without_eku(),
        13 => leaf.server_only(),
        14 => leaf.as_ca(),
        15 => leaf.with_key_cert_sign(),
        16 => leaf.without_digital_signature(),
        17 => leaf.without_key_usage(),
        18 => leaf.extension(&oid(choices)?, bytes(choices, 64)?),
        19 => leaf.critical_extension(&oid(choices)?, bytes(choices, 64)?),
        20 => leaf.validity(shifted(choices)?, shifted(choices)?),
        _ => leaf.user_id("acme"),
    })
}

/// Of an extension that somebody knows, more often than not.
fn oid(choices: &mut Unstructured<'_>) -> Result<Vec<u64>> {
    let last = *choices.choose(&[9, 14, 15, 17, 18, 19, 30, 31, 32, 35, 36, 37, 54, 99])?;
    Ok(vec![2, 5, 29, last])
}

fn shifted(choices: &mut Unstructured<'_>) -> Result<UnixTime> {
    let by = i64::from(choices.arbitrary::<i32>()?);
    Ok(crate::at(NOW.as_secs().saturating_add_signed(by)))
}

/// The same certificate or list with up to three changes in what is signed, signed again by the authority.
///
/// # Errors
/// Those of `arbitrary`.
///
/// # Panics
/// Where it is no signed value in DER.
pub fn resigned(signed: &[u8], issuer: &TestCa, choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let outer = der::read(signed).expect("DER");
    let mut whole = outer[0].inner();
    let mut fields = vec![whole[0].clone()];
    for _ in 0..choices.int_in_range(1..=3)? {
        der::change(&mut fields, choices)?;
    }
    let to_be_signed = der::write(&fields);
    let signature = sign(issuer.test_key(), &to_be_signed);
    let bits = [&[0][..], &signature].concat();
    whole.splice(0..1, fields);
    let last = whole.len() - 1;
    whole[last] = der::Node::primitive(3, bits);
    Ok(der::write(&[outer[0].with(whole)]))
}

fn sign(key: &TestKey, text: &[u8]) -> Vec<u8> {
    let provider = default_provider();
    let key: Arc<dyn rustls::sign::SigningKey> = provider
        .key_provider
        .load_private_key(key.private_key())
        .expect("a key");
    let signer = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
    signer.expect("P-256").sign(text).expect("signed")
}
