# SPDX-License-Identifier: BSD-2-Clause
"""Who asks for figures: a client of /metrics and /healthz, and a strict reader of the text format."""
import collections
import http.client
import re
import socket

from milterclient import Client

LISTEN = 'metrics {{ listen = "inet:{}@127.0.0.1" }}\n'
SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(place, url="/metrics", method="GET", body=None):
    """@return (status, fields, text). place: a port, or the path of a unix socket."""
    connection = http.client.HTTPConnection("127.0.0.1", place, timeout=30) if isinstance(place, int) else UnixConnection(place)
    try:
        connection.request(method, url, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def parse(text):
    """{name: {labels: value}}, {name: type}; anything that the format does not have is an error."""
    values, types, helped, family = collections.defaultdict(dict), {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in helped, f"{family} twice"
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram")
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, line
            name, labels, value = match.groups()
            stem = re.sub(r"_(bucket|sum|count)$", "", name) if types[family] == "histogram" else name
            assert stem == family, line
            key = frozenset(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels or ""))
            assert key not in values[name], line
            values[name][key] = float(value)
    assert text.endswith("\n") and helped == set(types)
    return values, types


class Page:
    def __init__(self, place):
        status, fields, self.text = ask(place)
        assert status == 200 and fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.values, self.types = parse(self.text)

    def get(self, name, **labels):
        return self.values[name][frozenset(labels.items())]

    def total(self, name, **labels):
        return sum(value for key, value in self.values[name].items() if set(labels.items()) <= key)

    def counters(self):
        """Everything that may only rise, of mail, DNS and the record."""
        return {(name, key): value for name, samples in self.values.items() for key, value in samples.items()
                if self.types.get(re.sub(r"_(bucket|sum|count)$", "", name), self.types.get(name)) != "gauge" and name.startswith("assay_")}


def session(daemon, address="192.0.2.1"):
    client = Client(daemon.socket_spec)
    client.connect(address=address)
    client.helo()
    return client
