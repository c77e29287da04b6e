"""A folder that `mailquake render` wrote -> whether Python's parser reads each mail of it without a
defect, and finds the values that were put in.

Usage: parse_strict.py FOLDER FORMS, where FORMS is tests/forms. Prints how many mails of each
message were right; what was wrong goes to standard error, with exit code 1.
"""

import email
import email.policy
import json
import pathlib
import sys
from collections import Counter


# That of today's programs; what is not legal is an exception.
STRICT = email.policy.default.clone(raise_on_defect=True)


def defects_of(part):
    """All defects of a mail: those of its parts and those of its header fields."""
    for inner in part.walk():
        yield from inner.defects
        for _, value in inner.items():
            yield from value.defects


def text_of(mail, kind):
    part = mail.get_body((kind,))
    return None if part is None else part.get_content().replace("\r\n", "\n")


def check_scripts(lines):
    """Each line says first how many characters stand behind it."""
    assert len(lines) == 6, lines
    for line in lines:
        length, words = line.split("|", 1)
        assert len(words) == int(length) > 0, line


def check_attachments(mail, forms):
    logo, *attached = [part for part in mail.walk() if part.get_content_disposition()]
    assert (logo["Content-ID"], logo.get_content_type()) == ("<logo>", "image/png"), logo.items()
    assert logo.get_content() == (forms / "logo.png").read_bytes()
    assert [part.get_filename() for part in attached] == ["notes.txt", "Größe.pdf"]
    notes, made_up = (part.get_payload(decode=True) for part in attached)
    assert notes.replace(b"\r\n", b"\n") == (forms / "notes.txt").read_bytes()
    assert attached[1].get_content_type() == "application/pdf" and len(made_up) == 3000


def check_values(mail, envelope, forms):
    message, put_in = envelope["message"], json.loads(mail["X-Check"])
    assert int(mail["X-Mailquake-Seq"]) == envelope["seq"]
    text, html = text_of(mail, "plain"), text_of(mail, "html")
    if message == "corpus":
        assert text.startswith(put_in["words"] + "\n") and f"<p>{put_in['words']}</p>" in html
        return
    assert put_in["seq"] == envelope["seq"]
    assert put_in["uuid"] in text
    assert html is None or put_in["uuid"] in html
    assert (html is not None) == (message in ("html", "attached", "template"))
    if message in ("raw", "template"):
        assert mail["Subject"] == f"{message}: {put_in['uuid']}"
    elif message == "made-up":
        check_scripts(text.split("\n")[1:7])
    else:
        assert mail["Subject"] == f"{put_in['name']}: {put_in['uuid']}", mail["Subject"]
        assert mail["To"].addresses[0].display_name == put_in["name"], mail["To"]
        assert text.split("\n")[1:6] == [
            put_in["name"], ".", put_in["words"], "From here on", text.split("\n")[5],
        ]
        assert text.split("\n")[5].startswith("..")
    if message == "attached":
        check_attachments(mail, forms)
    if message == "copies":
        assert mail["Cc"].addresses[0].display_name == "Zoë Example"
        assert mail["Bcc"] is None and len(envelope["to"]) == 3


def main(folder, forms):
    right, wrong = Counter(), 0
    for line in (folder / "envelopes.ndjson").open():
        envelope = json.loads(line)
        octets = (folder / envelope["file"]).read_bytes()
        try:
            assert len(octets) == envelope["size"]
            mail = email.message_from_bytes(octets, policy=STRICT)
            found = list(defects_of(mail))
            assert not found, found
            check_values(mail, envelope, forms)
            right[envelope["message"]] += 1
        except Exception as error:
            wrong += 1
            print(f"{envelope['file']}: {error!r}", file=sys.stderr)
    print(json.dumps(right))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(pathlib.Path, sys.argv[1:])))
