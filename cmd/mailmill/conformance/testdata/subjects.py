"""Prints the subjects of mails as Python's email reads them, as JSON: null where it cannot."""

import email
import email.policy
import json
import sys

subjects = {}
for name in sys.argv[1:]:
    with open(name, "rb") as f:
        content = f.read()
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        subjects[name] = str(message["subject"] or "").encode("utf-8", "replace").decode()
    except Exception:
        subjects[name] = None
json.dump(subjects, sys.stdout)
