# SPDX-License-Identifier: BSD-2-Clause
"""Milter sessions that have been greeted and then say nothing, as an MTA holds them for clients that are slow."""
import contextlib
import resource
import socket
import struct

OFFER = struct.pack("!III", 6, 0x1ff, 0x1fffff)
PACKETS = (b"C" + b"mail.idle.example\0" + b"4" + struct.pack("!H", 40000) + b"192.0.2.1\0", b"H" + b"mail.idle.example\0")
NO_REPLY = (0x1000, 0x2000)     # to these
SPARE = 200     # descriptors of everything else


def _packet(data):
    return struct.pack("!I", len(data)) + data


def _receive(connection, length):
    data = b""
    while len(data) < length:
        got = connection.recv(length - len(data))
        if not got:
            raise RuntimeError("the milter closed an idle session")
        data += got
    return data


def _reply(connection):
    return _receive(connection, struct.unpack("!I", _receive(connection, 4))[0])


def _open(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(60)
    connection.connect(path)
    connection.sendall(_packet(b"O" + OFFER))
    answer = _reply(connection)
    if answer[:1] != b"O":
        raise RuntimeError(f"no negotiation: {answer[:40]!r}")
    flags = struct.unpack("!III", answer[1:13])[2]
    for packet, silent in zip(PACKETS, NO_REPLY):
        connection.sendall(_packet(packet))
        if not flags & silent and _reply(connection)[:1] != b"c":
            raise RuntimeError("an idle session was refused")
    return connection


@contextlib.contextmanager
def held(path, count):
    """So many sessions at the unix socket, until the end of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, count + SPARE)), hard))
    sessions = []
    try:
        for _ in range(count):
            sessions.append(_open(path))
        yield sessions
    finally:
        for session in sessions:
            session.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
