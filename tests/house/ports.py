# SPDX-License-Identifier: BSD-2-Clause
"""
Ports of 127.0.0.1 for servers that tests start. Between the choice of a port and the server's bind() anybody could take it. So
they are chosen below those that the kernel gives to outgoing connections, and claimed: a claim is an abstract unix socket with
the port in its name, which one process at a time can bind. It ends with the process that made it, however that ends; other
test runs on the machine, beside this one, see it.
"""
import random
import socket

FIRST_PORT = 12000
claims = []     # of free_port(), kept open


def last_port():
    """The last one that the kernel gives to nobody by itself."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            return max(int(file.read().split()[0]) - 1, FIRST_PORT + 1000)
    except OSError:
        return 32767


def claim(port):
    """@return what holds the claim until it is closed; None when another process has it, or we have it already."""
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0assay-test-port-{port}")
    except OSError:
        mark.close()
        return None
    return mark


def bind_both(port):
    """@return a UDP and a TCP socket bound to the port of 127.0.0.1; None when one of them cannot be had."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        udp.bind(("127.0.0.1", port))
        tcp.bind(("127.0.0.1", port))
        return udp, tcp
    except OSError:
        udp.close()
        tcp.close()
        return None


def choose():
    """@return (claim, sockets) of a port that was free."""
    source = random.SystemRandom()      # tests seed the common one: two of them would try the same ports
    for _ in range(1000):
        port = source.randint(FIRST_PORT, last_port())
        mark = claim(port)
        pair = mark and bind_both(port)
        if pair:
            return mark, pair
        if mark:
            mark.close()
    raise RuntimeError("no port is free for TCP and UDP")


def bound_pair():
    """A UDP and a TCP socket bound to one port of 127.0.0.1. The port is somebody else's again when they are closed."""
    mark, pair = choose()
    mark.close()
    return pair


def free_port():
    """A port free for both TCP and UDP, which this function gives to nobody else while we live."""
    mark, pair = choose()
    claims.append(mark)
    port = pair[0].getsockname()[1]
    for each in pair:
        each.close()
    return port
