//! What an authority may issue: names within its constraints, for purposes it has, under a name of its own.

use countersign::testing::TestCa;
use countersign::trust::Untrusted;

use super::{refusal, wrong_purpose};
use crate::stage::*;

#[test]
fn names_are_kept_within_constraints() {
    let permitted = TestCa::builder("Root").permitted_dns("acme.example").issue();
    let excluded = TestCa::builder("Root").excluded_dns("evil.example").issue();
    let both = TestCa::builder("Root")
        .permitted_dns("acme.example")
        .excluded_dns("eu.acme.example")
        .issue();
    let nested = permitted
        .intermediate_builder("EU")
        .permitted_dns("eu.acme.example")
        .issue();
    let no = Err(Untrusted::NameConstraint);
    for (case, root, issuer, name, expected) in [
        ("the domain", &permitted, &permitted, "acme.example", Ok(())),
        ("below it", &permitted, &permitted, "a.b.acme.example", Ok(())),
        (
            "its end only",
            &permitted,
            &permitted,
            "notacme.example",
            no.clone(),
        ),
        ("another", &permitted, &permitted, "other.example", no.clone()),
        ("case", &permitted, &permitted, "ACME.Example", Ok(())),
        ("not excluded", &excluded, &excluded, "acme.example", Ok(())),
        ("excluded", &excluded, &excluded, "a.evil.example", no.clone()),
        ("both, in", &both, &both, "us.acme.example", Ok(())),
        ("both, out", &both, &both, "x.eu.acme.example", no.clone()),
        ("nested, in", &permitted, &nested, "x.eu.acme.example", Ok(())),
        (
            "nested, out of the inner",
            &permitted,
            &nested,
            "us.acme.example",
            no.clone(),
        ),
        // A name of another type than the one constrained is not constrained (RFC 5280 §4.2.1.10).
        ("a URI", &permitted, &permitted, ACME, Ok(())),
    ] {
        let answer = verify(&private(&[root]), &issuer.client(name).issue());
        match (&answer, &expected) {
            (Ok(evidence), Ok(())) => assert!(evidence.name_constrained, "{case}"),
            _ => assert_eq!(answer.map(|_| ()), expected, "{case}"),
        }
    }
    // Whether the anchor or an intermediate constrains, the evidence says so; and no other does.
    let free = TestCa::new("Free");
    let below = free
        .intermediate_builder("EU")
        .permitted_dns("acme.example")
        .issue();
    let constrained = |trust: &TestCa, ca: &TestCa| {
        verify(&private(&[trust]), &ca.client("acme.example").issue())
            .expect("trusted")
            .name_constrained
    };
    assert!(!constrained(&free, &free));
    assert!(!constrained(&free, &free.intermediate("EU")));
    assert!(constrained(&free, &below));
    assert!(constrained(&free, &below.intermediate("Issuing")));
    assert!(constrained(&below, &below));
}

#[test]
fn an_issuer_without_key_usage_or_purpose_is_one_for_all() {
    let root = TestCa::new("Root");
    for (case, issuer, expected) in [
        ("no EKU", root.intermediate_builder("Issuing"), Ok(())),
        (
            "server EKU",
            root.intermediate_builder("Issuing").server_only(),
            Err(wrong_purpose()),
        ),
    ] {
        let issuer = issuer.issue();
        for cert in [
            issuer.client(ACME).issue(),
            issuer.intermediate("Deeper").client(ACME).issue(),
        ] {
            assert_eq!(verify(&private(&[&root]), &cert).map(|_| ()), expected, "{case}");
        }
    }
}

/// RFC 5280 §4.1.2.6: an authority has a name, or nobody could say whose its certificates and lists are.
#[test]
fn an_authority_without_a_name_issues_nothing() {
    let nameless = TestCa::builder("-").without_name().issue();
    assert_eq!(
        refusal(builder(&[&nameless])),
        "certificate authorities from the certificate given:  breaks RFC 5280: an authority without a name (section \
         4.1.2.6); have the CA issue a new one"
    );
    let root = TestCa::new("Root");
    let between = root.intermediate_builder("-").without_name().issue();
    let rule = "an authority without a name (section 4.1.2.6)";
    for issuer in [&between, &between.intermediate("Below")] {
        let answer = verify(&private(&[&root]), &issuer.client(ACME).issue());
        assert_eq!(answer, Err(Untrusted::Rfc5280 { rule }));
    }
}
