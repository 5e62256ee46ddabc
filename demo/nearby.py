"""Find the addresses at which other devices in the network reach this machine, and draw one as a QR code."""

import ipaddress
import re
import socket
import struct
import sys
from contextlib import suppress

# Interfaces that a phone in the same network does not reach: containers, virtual machines and VPNs.
VIRTUAL = re.compile(
    r"docker|br-|bridge|cni|flannel|lxc|lxdbr|veth|virbr|vmnet|vbox|tun|tap|utun|wg|tailscale|zt|ppp|ipsec"
)
GET_ADDRESS = {"linux": 0x8915, "darwin": 0xC0206921}  # SIOCGIFADDR
ELSEWHERE = ("192.0.2.1", 9)  # an address for documentation, which nobody has


def addresses() -> list[str]:
    """List the IPv4 addresses of this machine, the most likely reachable first. Nothing is sent to find them."""
    default = _default_address()
    found = {address: name for name, address in _interfaces()}
    found.setdefault(default, "")
    others = [address for address in found if address and not _is_local(address)]
    return sorted(others, key=lambda address: (bool(VIRTUAL.match(found[address])), address != default))


def qr_code(url: str) -> str:
    """The QR code of a URL for a terminal, black on white whatever the terminal's colours are."""
    import segno  # most starts need none

    rows = [bytes(row) for row in segno.make(url, error="l", micro=False).matrix_iter(border=2)]
    rows.append(bytes(len(rows)))  # the height is odd
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}  # two modules each; 1 is dark
    lines = ("".join(blocks[pair] for pair in zip(*rows[i : i + 2], strict=True)) for i in range(0, len(rows) - 1, 2))
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines)


def _default_address() -> str:
    """The address from which this machine asks others, or nothing. A UDP socket that connects sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        try:
            connection.connect(ELSEWHERE)
        except OSError:  # no network
            return ""
        return str(connection.getsockname()[0])


def _interfaces() -> list[tuple[str, str]]:
    """Name and IPv4 address of each interface, as far as the system tells."""
    if sys.platform not in GET_ADDRESS:
        with suppress(OSError):
            return [("", address) for address in socket.gethostbyname_ex(socket.gethostname())[2]]
        return []
    import fcntl  # Windows has none

    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an IPv4 address
                reply = fcntl.ioctl(asking, GET_ADDRESS[sys.platform], struct.pack("256s", name.encode()[:15]))
                found.append((name, socket.inet_ntoa(reply[20:24])))
    return found


def _is_local(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified
