use super::at;
use crate::expiry::{Expiry, Kind, Thresholds, Urgency};
use crate::identity::Validity;
use crate::observe::{Event, InForce, RotationStep};

/// What does not come of a connection or a delivery.
pub(super) fn expect_all(expect: &mut impl FnMut(Event<'_>, &str)) {
    let (name, generation) = ("client authorities", 7);
    expect(
        Event::Reloaded { name, generation },
        r#"INFO countersign reloaded name="client authorities" generation=7"#,
    );
    for (in_force, told) in [(InForce::LastGood, "last_good"), (InForce::Nothing, "nothing")] {
        expect(
            Event::NotReloaded {
                name,
                code: "reload.unreadable",
                reason: "ca.pem cannot be read",
                in_force,
            },
            &format!(
                r#"ERROR countersign not reloaded name="client authorities" code="reload.unreadable" reason="ca.pem cannot be read" in_force="{told}""#
            ),
        );
    }
    expect(
        Event::ReloadRecovered { name },
        r#"INFO countersign reload recovered name="client authorities""#,
    );
    for (level, step) in [
        ("INFO", RotationStep::Staged),
        ("INFO", RotationStep::FirstUsed),
        ("INFO", RotationStep::Retired),
        ("WARN", RotationStep::RetirementRefused),
        ("WARN", RotationStep::RetirementForced),
    ] {
        let line = format!(
            r#"{level} countersign rotation stepped kind="key" name="2026" step="{}""#,
            step.as_str()
        );
        let (kind, name) = (Kind::Key, "2026");
        expect(Event::RotationStepped { kind, name, step }, &line);
    }
    let expiry = &Expiry::new(Kind::Crl, "CN=Acme Root", Validity::new(at(0), at(1000)));
    for (level, urgency) in [
        ("WARN", Urgency::Warning),
        ("ERROR", Urgency::Urgent),
        ("ERROR", Urgency::Critical),
    ] {
        let line = format!(
            r#"{level} countersign expiring kind="crl" name="CN=Acme Root" urgency="{}" not_after=1970-01-01T00:16:40Z remedy="{}""#,
            urgency.as_str(),
            Kind::Crl.remedy()
        );
        expect(Event::Expiring { expiry, urgency }, &line);
    }
    expect(
        Event::ExpiriesListed {
            expiries: std::slice::from_ref(expiry),
            thresholds: Thresholds::default(),
        },
        "TRACE countersign expiries listed count=1",
    );
    expect(
        Event::EventsLost { count: 3 },
        "WARN countersign events lost count=3",
    );
    expect(Event::ObserverEnded, "ERROR countersign observer ended");
}
