use super::*;

#[test]
fn what_is_allowed_is_one_address_and_port() {
    let local: SocketAddr = "127.0.0.1:8443".parse().unwrap();
    let guard = AddressGuard::new().allow(local);
    assert_eq!(guard.check(local), Ok(()));
    let other: SocketAddr = "127.0.0.1:8444".parse().unwrap();
    let why = Forbidden::NotPublic;
    assert_eq!(guard.check(other), Err(PrivateAddress { address: other, why }));
}

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// One's own ranges, in whatever form an address has, and whatever allows it.
#[test]
fn what_is_denied_is_denied_in_every_form() {
    let guard = AddressGuard::new()
        .deny_network(network("93.184.215.0/24"))
        .deny_network(network("2606:4700::/32"))
        .deny_network(network("10.7.9.0/24"))
        .allow_network(network("10.7.0.0/16"))
        .allow(at("10.7.9.1:443"))
        .with_nat64(network("2a00:64::/96"))
        .unwrap();
    let denied = Some(Forbidden::Denied);
    for (address, expected) in [
        ("93.184.215.14:443", denied),
        ("93.184.216.14:443", None),
        ("[::ffff:93.184.215.14]:443", denied),
        ("[64:ff9b::5db8:d70e]:443", denied),
        ("[2002:5db8:d70e::1]:443", denied),
        ("[2a00:64::5db8:d70e]:443", denied),
        ("[2a00:64::5db8:d80e]:443", None),
        ("[2606:4700::1111]:443", denied),
        ("[2606:4701::1111]:443", None),
        ("10.7.9.1:443", denied),
        ("10.7.8.1:443", None),
        ("10.8.0.1:443", Some(Forbidden::NotPublic)),
    ] {
        let why = guard.check(at(address)).err().map(|refused| refused.why);
        assert_eq!(why, expected, "{address}");
    }
}

/// RFC 6052 §2.4 has 192.0.2.33 in each; here it is 10.0.2.33, and 8.8.4.4.
#[test]
fn behind_a_translator_the_ipv4_address_is_judged() {
    for (prefix, private, public) in [
        ("2a00:db8::/32", "2a00:db8:a00:221::", "2a00:db8:808:404::"),
        ("2a00:db8:100::/40", "2a00:db8:10a:2:21::", "2a00:db8:108:804:4::"),
        (
            "2a00:db8:122::/48",
            "2a00:db8:122:a00:2:2100::",
            "2a00:db8:122:808:4:400::",
        ),
        (
            "2a00:db8:122:300::/56",
            "2a00:db8:122:30a:0:221::",
            "2a00:db8:122:308:8:404::",
        ),
        (
            "2a00:db8:122:344::/64",
            "2a00:db8:122:344:a:2:2100::",
            "2a00:db8:122:344:8:804:400::",
        ),
        (
            "2a00:db8:122:344::/96",
            "2a00:db8:122:344::a00:221",
            "2a00:db8:122:344::808:404",
        ),
        // The local-use prefix is nobody's, unless it is ours.
        (
            "64:ff9b:1::/48",
            "64:ff9b:1:a00:2:2100::",
            "64:ff9b:1:808:4:400::",
        ),
    ] {
        let guard = AddressGuard::new().with_nat64(network(prefix)).unwrap();
        let (private, public) = (at(&format!("[{private}]:443")), at(&format!("[{public}]:443")));
        let refused = Err(PrivateAddress {
            address: private,
            why: Forbidden::NotPublic,
        });
        assert_eq!(guard.check(private), refused, "{prefix}");
        assert_eq!(guard.check(public), Ok(()), "{prefix}");
        // What leads to an address that was allowed is allowed, and the translator's own network is no way around.
        let guard = guard.allow_network(network("2a00::/16"));
        assert_eq!(guard.check(private), refused, "{prefix}");
        let guard = guard.allow_network(network("10.0.2.33"));
        assert_eq!(guard.check(private), Ok(()), "{prefix}");
    }
    for prefix in ["10.0.0.0/32", "2a00::/33", "2a00::/128", "::/0", "2a00:db8::/72"] {
        let refused = AddressGuard::new().with_nat64(network(prefix)).err();
        assert_eq!(refused, Some(InvalidNat64), "{prefix}");
    }
}

#[test]
fn a_public_address_of_this_machine_is_not_connected_to() {
    let guard = AddressGuard::new().allow_network(network("127.0.0.0/8"));
    let own = Some(Forbidden::Own);
    for (address, from, expected) in [
        ("8.8.4.4:443", "8.8.4.4", own),
        ("[::ffff:8.8.4.4]:443", "8.8.4.4", own),
        ("8.8.4.4:443", "::ffff:8.8.4.4", own),
        ("[2606:4700::1111]:443", "2606:4700::1111", own),
        ("8.8.4.4:443", "8.8.8.8", None),
        ("127.0.0.1:443", "127.0.0.1", None),
    ] {
        let checked = guard.check_connected(at(address), from.parse().unwrap());
        assert_eq!(
            checked.err().map(|refused| refused.why),
            expected,
            "{address} from {from}"
        );
    }
}

/// A forbidden address refuses its name, unless all is inside and some of it was allowed.
#[test]
fn of_the_addresses_of_a_name_all_are_good_or_all_are_inside() {
    let guard = AddressGuard::new()
        .allow(at("127.0.0.1:443"))
        .allow_network(network("10.7.0.0/16"))
        .deny_network(network("10.7.9.0/24"));
    let refused = |address, why| Err((address, why));
    let (not_public, denied) = (Forbidden::NotPublic, Forbidden::Denied);
    for (name, addresses, expected) in [
        ("none", &[][..], Ok(&[][..])),
        (
            "public",
            &["8.8.8.8:443", "[2606:4700::1111]:443"],
            Ok(&["8.8.8.8:443", "[2606:4700::1111]:443"][..]),
        ),
        (
            "localhost, IPv6 first",
            &["[::1]:443", "127.0.0.1:443"],
            Ok(&["127.0.0.1:443"]),
        ),
        (
            "localhost, IPv4 first",
            &["127.0.0.1:443", "[::1]:443"],
            Ok(&["127.0.0.1:443"]),
        ),
        (
            "another port",
            &["127.0.0.1:444", "[::1]:444"],
            refused("127.0.0.1:444", not_public),
        ),
        (
            "a network, and beside it",
            &["10.8.0.1:443", "10.7.0.1:443"],
            Ok(&["10.7.0.1:443"]),
        ),
        (
            "allowed and public",
            &["10.7.0.1:443", "8.8.8.8:443"],
            Ok(&["10.7.0.1:443", "8.8.8.8:443"]),
        ),
        (
            "public and private",
            &["8.8.8.8:443", "10.8.0.1:443"],
            refused("10.8.0.1:443", not_public),
        ),
        (
            "private and public",
            &["10.8.0.1:443", "8.8.8.8:443"],
            refused("10.8.0.1:443", not_public),
        ),
        (
            "allowed, private, public",
            &["10.7.0.1:443", "[::1]:443", "8.8.8.8:443"],
            refused("[::1]:443", not_public),
        ),
        (
            "allowed and denied",
            &["10.7.0.1:443", "10.7.9.1:443"],
            refused("10.7.9.1:443", denied),
        ),
        (
            "only private",
            &["[::1]:443", "10.8.0.1:443"],
            refused("[::1]:443", not_public),
        ),
    ] {
        let checked = guard.check_all(addresses.iter().map(|address| at(address)));
        let checked = checked.map_err(|refused| (refused.address, refused.why));
        let expected = expected.map(|good: &[&str]| good.iter().map(|address| at(address)).collect());
        let expected = expected.map_err(|(address, why)| (at(address), why));
        assert_eq!(checked, expected, "{name}");
    }
}
