//! `explain::payload` and `explain::signature`: the verifier's verdict, the right mistake first, and a remedy that helps.

mod agreement;
mod bodies;
mod guesses;
pub(crate) mod mail;
pub(crate) mod providers;
mod secrets;
mod signatures;
mod targets;
mod verifiers;

use countersign::explain::{self, Certainty, Mistake, PayloadInquiry, PayloadReport, ProviderInquiry};

use mail::Mail;

/// A mistake, and the same mended by what the diagnosis says.
struct Case {
    name: &'static str,
    mistake: Mistake,
    certainty: Certainty,
    wrong: (Inquired, Mail),
    mended: (Inquired, Mail),
}

/// What is asked: about a scheme, or about a provider whose scheme is a type of its own.
enum Inquired {
    Scheme(PayloadInquiry),
    Provider(ProviderInquiry),
}

impl From<PayloadInquiry> for Inquired {
    fn from(inquiry: PayloadInquiry) -> Self {
        Self::Scheme(inquiry)
    }
}

impl From<ProviderInquiry> for Inquired {
    fn from(inquiry: ProviderInquiry) -> Self {
        Self::Provider(inquiry)
    }
}

fn proven<I: Into<Inquired>>(
    name: &'static str,
    mistake: Mistake,
    wrong: (I, Mail),
    mended: (I, Mail),
) -> Case {
    let of = |(inquiry, mail): (I, Mail)| (inquiry.into(), mail);
    Case {
        name,
        mistake,
        certainty: Certainty::Proven,
        wrong: of(wrong),
        mended: of(mended),
    }
}

fn cases() -> Vec<Case> {
    let mut cases = bodies::cases();
    cases.extend(secrets::cases());
    cases.extend(signatures::cases());
    cases.extend(targets::cases());
    cases.extend(guesses::cases());
    cases.extend(providers::cases());
    cases
}

fn report((inquiry, mail): &(Inquired, Mail)) -> PayloadReport {
    match inquiry {
        Inquired::Scheme(inquiry) => explain::payload(inquiry, &mail.message()),
        Inquired::Provider(inquiry) => explain::provider(inquiry, &mail.message()),
    }
}

#[test]
fn each_mistake_is_diagnosed_first_and_its_remedy_helps() {
    let cases = cases();
    assert_eq!(cases.len(), 113, "as docs/checked.md says");
    for case in &cases {
        let report = report(&case.wrong);
        let name = case.name;
        assert!(report.verdict.is_err(), "{name}: {report}");
        let first = report
            .diagnoses
            .first()
            .unwrap_or_else(|| panic!("{name}: none: {report}"));
        assert_eq!(
            (first.mistake, first.certainty),
            (case.mistake, case.certainty),
            "{name}: {report}"
        );
        let entry = first.mistake.entry();
        let helps = |remedy: &str| !remedy.is_empty() && !remedy.starts_with("Nothing");
        assert!(helps(entry.sender) || helps(entry.receiver), "{name}: {entry:?}");
        let text = report.to_string();
        assert!(
            text.contains(entry.receiver) && text.contains(entry.sender),
            "{name}: {text}"
        );
        let after = self::report(&case.mended);
        assert_eq!(after.verdict, Ok(()), "{name}, mended: {after}");
        assert_eq!(
            (after.diagnoses.len(), after.attempts),
            (0, 0),
            "{name}, mended: {after}"
        );
    }
}

/// Each is named by a case; none is in the table that nothing finds.
#[test]
fn every_mistake_of_the_table_has_a_case() {
    let cases = cases();
    let missing: Vec<_> = Mistake::ALL
        .iter()
        .filter(|mistake| !cases.iter().any(|case| case.mistake == **mistake))
        .collect();
    assert_eq!(missing, Vec::<&Mistake>::new());
    let mut names: Vec<_> = Mistake::ALL.iter().map(|mistake| mistake.entry().name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "two of one name");
}

/// No four bytes of a secret that was given stand in what is said, whatever the mistake.
#[test]
fn no_part_of_a_secret_is_in_a_report() {
    for case in cases() {
        let report = report(&case.wrong);
        let shown = format!("{report}\n{report:?}");
        for secret in mail::SECRETS {
            let leak = secret.as_bytes().windows(4).find(|part| {
                let part = str::from_utf8(part).expect("ASCII");
                shown.contains(part)
            });
            assert_eq!(leak, None, "{}: {shown}", case.name);
        }
    }
}

/// What was found quotes the message, and a message can hold the secret: here in the query, which is signed.
#[test]
fn a_secret_in_the_url_is_not_in_what_was_found() {
    let origin = countersign::payload::Origin::parse("https://hooks.example").expect("an origin");
    let scheme = countersign::payload::Scheme::square(&origin);
    let target = |path: &str| format!("{path}?key={}", mail::SECRET);
    let mail = Mail::signed_to(&scheme, mail::SECRET, b"{}", &target("/api/in")).to(&target("/in"));
    let mail = mail.with_field("x-original-uri", &target("/api/in"));
    let report = report(&(mail::of(scheme, mail::SECRET).into(), mail));
    let detail = report.diagnoses.first().map(|found| found.detail.as_str());
    assert_eq!(detail, Some("/api/in?key=(secret) is signed"), "{report}");
}

#[test]
fn the_work_is_bounded_and_it_is_said_where_it_was_cut_short() {
    let body = vec![b' '; 1024 * 1024 + 1];
    let wrong = (mail::github(mail::SECRET).into(), Mail::unsigned(&body));
    let report = report(&wrong);
    assert!(
        !report.is_exhaustive && report.attempts <= 257,
        "{} attempts",
        report.attempts
    );
    assert!(
        report.to_string().contains("more would be too much work"),
        "{report}"
    );
    let known = mail::github(mail::SECRET).also_known(mail::acme(), "staging", mail::secret(mail::OTHER));
    let signed = Mail::signed(&mail::github_scheme(), mail::OTHER, &body);
    let explained = self::report(&(known.into(), signed));
    assert_eq!(explained.diagnoses[0].mistake, Mistake::OtherKey, "{explained}");
    assert!(
        explained.is_exhaustive,
        "what explains it ends the search: {explained}"
    );
    let small = self::report(&(mail::github(mail::SECRET).into(), Mail::unsigned(b"{}")));
    assert!(
        small.is_exhaustive && small.attempts < 2000,
        "{} attempts",
        small.attempts
    );
}

#[test]
fn what_is_signed_is_shown_escaped_and_bounded() {
    let mail = Mail::signed(&mail::stripe_scheme(), mail::SECRET, b"{\"a\":\"\xc3\xa9\n\"}");
    let report = explain::payload(&mail::stripe(mail::SECRET), &mail.message());
    let expected = format!("\"{}.{{\\\"a\\\":\\\"\\xc3\\xa9\\n\\\"}}\"", mail::SIGNED_AT);
    assert_eq!(report.signed, Some((expected, 22)), "{report}");
    let long = Mail::signed(&mail::github_scheme(), mail::SECRET, &[b'x'; 4000]);
    let report = explain::payload(&mail::github(mail::SECRET), &long.message());
    let (shown, bytes) = report.signed.expect("what is signed");
    assert_eq!((shown.len(), bytes), (512 + 5, 4000));
}

#[test]
fn two_mistakes_at_once_are_both_named() {
    let right = Mail::signed(&mail::github_scheme(), mail::OTHER, b"{\"a\":1}");
    let inquiry = mail::github(mail::SECRET).also_known(mail::acme(), "staging", mail::secret(mail::OTHER));
    let report = explain::payload(&inquiry, &right.clone().with_body(b"{\"a\":1}\n").message());
    let found: Vec<_> = report
        .diagnoses
        .iter()
        .map(|diagnosis| diagnosis.mistake)
        .collect();
    assert_eq!(found, [Mistake::OtherKey, Mistake::NewlineAdded], "{report}");
    let mended = explain::payload(&mail::github(mail::OTHER), &right.message());
    assert_eq!(mended.verdict, Ok(()));
}

/// What is signed with a key that nobody here knows is no mistake of ours, and none is named.
#[test]
fn a_forgery_is_called_nothing_else() {
    let forged = Mail::signed(
        &mail::github_scheme(),
        "nobody here knows of this one",
        b"{\"a\": 1}",
    );
    let report = explain::payload(&mail::github(mail::SECRET), &forged.message());
    assert_eq!(
        report.verdict.as_ref().map_err(|why| why.code()),
        Err("payload.signature_mismatch")
    );
    assert_eq!(report.diagnoses, [], "{report}");
    assert!(report.is_exhaustive && report.attempts > 100, "{report}");
}
