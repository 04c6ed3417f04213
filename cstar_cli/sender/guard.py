"""Which addresses deliveries may go to: what a team registers must not reach what only we can.

`ipaddress.is_global` is not asked: what it says differs between versions of Python, and it takes addresses for public
that lead elsewhere (tunnels and translators with another address inside, multicast).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# https://www.iana.org/assignments/iana-ipv4-special-registry, and 168.63.129.16, where Azure answers its own machines
_V4_SPECIAL = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_V4_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))

# What IANA gives out to the public; special in there are protocols (Teredo, ORCHID, benchmarks), documentation, 6to4.
_V6_GLOBAL = IPv6Network("2000::/3")
_V6_SPECIAL = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_V6_PRIVATE = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))
_V6_METADATA = tuple(map(IPv6Network, ("fd00:ec2::/32", "fd20:ce::254/128")))  # of Amazon, of Google
_NAT64 = IPv6Network("64:ff9b::/96")


def allowed(address: str, private: bool) -> bool:
    """Say whether a delivery may go to the address: to a public one, and with `private` to loopback and private ones.

    Never to a link-local one or another where a cloud keeps its machines' credentials, nor to what is no single host.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return _allowed_v4(ip, private)
    if ip.ipv4_mapped is not None:
        return _allowed_v4(ip.ipv4_mapped, private)  # the system connects to that one
    return ip.scope_id is None and _allowed_v6(ip, private)


def _allowed_v4(ip: IPv4Address, private: bool) -> bool:
    if private and any(ip in network for network in _V4_PRIVATE):
        return True
    return not any(ip in network for network in _V4_SPECIAL)


def _allowed_v6(ip: IPv6Address, private: bool) -> bool:
    if private and any(ip in network for network in _V6_PRIVATE):
        return not any(ip in network for network in _V6_METADATA)
    if ip in _NAT64:
        # How a machine without IPv4 reaches the rest of the world; its translator hasn't to reach anything private.
        return _allowed_v4(IPv4Address(int(ip) & 0xFFFF_FFFF), private=False)
    return ip in _V6_GLOBAL and not any(ip in network for network in _V6_SPECIAL)
