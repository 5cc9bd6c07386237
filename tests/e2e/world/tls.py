# SPDX-License-Identifier: BSD-2-Clause
"""A test certification authority, made by openssl at run time."""
import subprocess


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Authority:
    """ca.pem in DIRECTORY/tls, and certificates signed by it."""

    def __init__(self, world, name="Assay Test CA"):
        self.world = world
        slug = name.replace(" ", "-").lower()
        self.certificate, self.key = world.path("tls", slug + ".pem"), world.path("tls", slug + ".key")
        world.write("tls/README", "test certificates\n")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", f"/O=Assay Test/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, kind="ec"):
        """kind: "ec", "rsa", or what openssl calls an algorithm. @return (certificate file, key file) for that common name and DNS name."""
        base = self.world.path("tls", f"{name}-{kind}")
        algorithm = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}.get(kind, [kind])
        _openssl("req", "-newkey", *algorithm, "-nodes", "-subj", f"/O=Assay Test/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                 "-keyout", base + ".key", "-out", base + ".csr")
        _openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self.key, "-days", "2",
                 "-CAcreateserial", "-copy_extensions", "copy", "-out", base + ".pem")
        return base + ".pem", base + ".key"


def self_signed(world, slug, common_name):
    """A certificate by no authority. @return (certificate file, key file)."""
    certificate, key = world.path("tls", slug + ".pem"), world.path("tls", slug + ".key")
    world.write("tls/README", "test certificates\n")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/O=Assay Test/CN={common_name}", "-keyout", key, "-out", certificate)
    return certificate, key
