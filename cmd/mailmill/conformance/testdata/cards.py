"""Reads cards with vobject, and prints what it made of each as one JSON object a line.

    cards.py FILE|FOLDER...      folders are searched for *.vcf

What it complains about is printed as {"complaint": ..., "reader": "vobject", "file": ...}.
"""

import hashlib
import json
import os
import sys

import vobject


def main(paths):
    for path in paths:
        for file in sorted(files(path)):
            with open(file, encoding="utf-8", newline="") as f:
                text = f.read()
            try:
                for c in vobject.readComponents(text, validate=True, transform=True, allowQP=False):
                    c.validate(raiseException=True)
                    emit(card(c), file)
            except Exception as e:
                emit({"complaint": f"{type(e).__name__}: {e}"}, file)


def files(path):
    if not os.path.isdir(path):
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            if name.endswith(".vcf"):
                yield os.path.join(folder, name)


def emit(found, file):
    print(json.dumps({**found, "reader": "vobject", "file": file}, ensure_ascii=False))


def card(c):
    def every(name):
        return c.contents.get(name, [])

    def one(name):
        return str(every(name)[0].value) if every(name) else ""

    return {
        "version": one("version"),
        "uid": one("uid"),
        "fn": one("fn"),
        "n": [joined(getattr(x.value, k)) for x in every("n")[:1] for k in ("family", "given", "additional", "prefix", "suffix")],
        "title": one("title"),
        "role": one("role"),
        "emails": [x.value for x in every("email")],
        "phones": [",".join(sorted(t.lower() for p in x.params.get("TYPE", []) for t in p.split(","))) + " " + x.value for x in every("tel")],
        "addresses": [[joined(getattr(x.value, k)) for k in ("box", "extended", "street", "city", "region", "code", "country")] for x in every("adr")],
        "note": "\n--\n".join(x.value for x in every("note")),
        "birthday": one("bday"),
        "photo": picture(every("photo")) if one("version") == "3.0" else "",  # it cuts data: of 4.0 at the comma
        "kind": one("kind") or one("x-addressbookserver-kind"),
        "members": [x.value for x in every("member") + every("x-addressbookserver-member")],
    }


def joined(value):
    return ",".join(value) if isinstance(value, list) else value


def picture(photos):
    for p in photos:
        return hashlib.sha256(p.value).hexdigest()
    return ""


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(sys.argv[1:])
