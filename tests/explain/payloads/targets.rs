//! URLs and methods as the sender knows them, and as they arrive.

use countersign::explain::{Mistake, PayloadInquiry};
use countersign::payload::{Origin, Scheme};
use http::Method;

use super::mail::{Mail, SECRET, acme, secret};
use super::{Case, proven};

const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
const OUTSIDE: &str = "https://hooks.example";

fn square(origin: &str) -> Scheme {
    Scheme::square(&Origin::parse(origin).expect("an origin"))
}

fn of(scheme: Scheme) -> PayloadInquiry {
    PayloadInquiry::new(scheme).key(acme(), "2026", secret(SECRET))
}

fn sent_to(target: &str) -> Mail {
    Mail::signed_to(&square(OUTSIDE), SECRET, BODY, target)
}

/// The receiver has configured another origin.
fn origin(name: &'static str, mistake: Mistake, signed: &str, configured: &str) -> Case {
    let told = ("x-forwarded-host", "hooks.example");
    origin_told(name, mistake, signed, configured, told)
}

/// The same, and a proxy tells in this field which it was.
fn origin_told(
    name: &'static str,
    mistake: Mistake,
    signed: &str,
    configured: &str,
    told: (&str, &str),
) -> Case {
    let mail = Mail::signed_to(&square(signed), SECRET, BODY, "/in?a=1")
        .with_field("host", "10.0.0.7:8080")
        .with_field(told.0, told.1);
    proven(
        name,
        mistake,
        (of(square(configured)), mail.clone()),
        (of(square(signed)), mail),
    )
}

/// Another target arrives than the one that was called.
fn target(
    name: &'static str,
    mistake: Mistake,
    signed: &str,
    arrived: &str,
    field: Option<(&str, &str)>,
) -> Case {
    let right = sent_to(signed);
    let wrong = field
        .into_iter()
        .fold(right.clone().to(arrived), |mail, (name, value)| {
            mail.with_field(name, value)
        });
    proven(
        name,
        mistake,
        (of(square(OUTSIDE)), wrong),
        (of(square(OUTSIDE)), right),
    )
}

pub(super) fn cases() -> Vec<Case> {
    let original = Some(("x-original-uri", "/api/in?a=1"));
    let prefix = Some(("x-forwarded-prefix", "/api"));
    let hubspot = || Scheme::hubspot(&Origin::parse(OUTSIDE).expect("an origin"));
    let posted = Mail::signed_to(&hubspot(), SECRET, BODY, "/in");
    vec![
        origin("http inside", Mistake::UrlScheme, OUTSIDE, "http://hooks.example"),
        origin(
            "a name inside",
            Mistake::UrlHost,
            OUTSIDE,
            "https://receiver.internal",
        ),
        origin_told(
            "a name inside, where the proxy speaks RFC 7239",
            Mistake::UrlHost,
            OUTSIDE,
            "https://receiver.internal",
            (
                "forwarded",
                "for=192.0.2.1;Host=\"hooks.example\";proto=https, for=10.0.0.7",
            ),
        ),
        origin(
            "a port outside",
            Mistake::UrlPort,
            "https://hooks.example:443",
            OUTSIDE,
        ),
        origin(
            "a name and a scheme inside",
            Mistake::Target,
            OUTSIDE,
            "http://receiver.internal",
        ),
        target(
            "a path cut off",
            Mistake::PathPrefix,
            "/api/in?a=1",
            "/in?a=1",
            original,
        ),
        target("a prefix cut off", Mistake::PathPrefix, "/api/in", "/in", prefix),
        target(
            "a slash at the end",
            Mistake::TrailingSlash,
            "/in?a=1",
            "/in/?a=1",
            None,
        ),
        target("no slash at the end", Mistake::TrailingSlash, "/in/", "/in", None),
        target(
            "escapes undone",
            Mistake::PathEscapes,
            "/in%2Fvoices",
            "/in%2fvoices",
            None,
        ),
        target(
            "a space in the query",
            Mistake::PathEscapes,
            "/in?a=1%202",
            "/in?a=1+2",
            None,
        ),
        target("a query added", Mistake::Query, "/in", "/in?tenant=acme", None),
        target(
            "a query in order",
            Mistake::Query,
            "/in?a=1&b=2",
            "/in?b=2&a=1",
            None,
        ),
        target(
            "a query lost",
            Mistake::Query,
            "/in?a=1",
            "/in",
            Some(("x-original-uri", "/in?a=1")),
        ),
        proven(
            "another method",
            Mistake::Method,
            (of(hubspot()), posted.clone().by(Method::GET)),
            (of(hubspot()), posted),
        ),
    ]
}

#[test]
fn a_url_that_the_operator_names_is_tried() {
    let mail = sent_to("/some/where/else?x=1").to("/in");
    let inquiry = of(square("http://10.0.0.7")).also_called(
        "https://hooks.example/some/where/else?x=1"
            .parse()
            .expect("a URL"),
    );
    let report = countersign::explain::payload(&inquiry, &mail.message());
    let first = report.diagnoses.first().expect("a diagnosis");
    assert_eq!(first.mistake, Mistake::Target, "{report}");
    assert_eq!(
        first.detail,
        "https://hooks.example/some/where/else?x=1 is signed"
    );
}
