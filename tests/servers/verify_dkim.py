"""Mails of a folder, and private keys by selector -> what dkimpy says of each.

Prints a line for each mail: its name, whether its signature verifies, whether it does with one
octet of the body changed, and with one of the field From changed.

Usage: verify_dkim.py FOLDER DOMAIN SELECTOR=KEY...
"""

import base64
import pathlib
import re
import subprocess
import sys

import dkim


def record(path):
    """The TXT record of the public key that belongs to a private one."""
    command = ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"]
    der = subprocess.run(command, check=True, capture_output=True).stdout
    # An Ed25519 key stands bare in the record: the last 32 octets (RFC 8463 4).
    kind, key = ("ed25519", der[-32:]) if len(der) == 44 else ("rsa", der)
    return b"v=DKIM1; k=%s; p=%s" % (kind.encode(), base64.b64encode(key))


def changed(mail, at):
    return mail[:at] + bytes([mail[at] ^ 1]) + mail[at + 1 :]


def verdicts(mail, records):
    def verifies(octets):
        return dkim.verify(octets, dnsfunc=lambda name, timeout=5: records.get(name))

    body = mail.index(b"\r\n\r\n") + 4
    letter = re.compile(rb"[a-z]").search(mail, body)
    sender = re.search(rb"\r\nfrom\s*:.*?@", mail, re.IGNORECASE | re.DOTALL).end() - 2
    yield verifies(mail)
    # Where there is no letter in the body, one is added.
    yield verifies(changed(mail, letter.start()) if letter else mail + b"x\r\n")
    yield verifies(changed(mail, sender))


def main(folder, domain, *keys):
    selectors = (key.split("=", 1) for key in keys)
    records = {f"{name}._domainkey.{domain}.".encode(): record(path) for name, path in selectors}
    for path in sorted(pathlib.Path(folder).glob("*.eml")):
        print(path.name, *verdicts(path.read_bytes(), records))


main(*sys.argv[1:])
