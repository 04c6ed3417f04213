import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.sender.guard import allowed

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2400:cb00:2048:1::c629:d7a2",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]

LOOPBACK_OR_PRIVATE = [
    "10.0.0.1",
    "10.255.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
]

NEVER = [
    "",
    "example.com",
    "localhost",
    "127.1",
    "0x7f.1",
    "2130706433",
    "017700000001",
    "1.1.1.1 ",
    "[::1]",
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:255.255.255.255",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:53aa:64c:0:7fff:57d0:2d27",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "::1%1",
    "2606:4700:4700::1111%1",
    "fec0::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("private", [False, True])
def test_deliveries_may_go_to_every_public_address(address: str, private: bool) -> None:
    assert allowed(address, private)


@pytest.mark.parametrize("address", LOOPBACK_OR_PRIVATE)
def test_loopback_and_private_addresses_are_for_those_who_say_so(address: str) -> None:
    assert (allowed(address, private=False), allowed(address, private=True)) == (False, True)


@pytest.mark.parametrize("address", NEVER)
@pytest.mark.parametrize("private", [False, True])
def test_nothing_ever_goes_anywhere_else(address: str, private: bool) -> None:
    assert not allowed(address, private)


@given(st.ip_addresses())
def test_no_address_that_python_knows_to_be_special_is_taken_for_public(address: ipaddress.IPv4Address) -> None:
    if allowed(str(address), private=False):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_judged_alike_however_it_is_written(address: ipaddress.IPv4Address) -> None:
    for private in (False, True):
        assert allowed(f"::ffff:{address}", private) == allowed(str(address), private)
