#!/usr/bin/env python3
"""Asks Dovecot over IMAP for everything in a Maildir and prints it as JSON, an object a line.

usage: dovecot.py COMMAND   which speaks IMAP on its standard input and output, with the user logged in

{"folder": name as on the wire, "attributes": [...], "subscribed": bool}
{"folder": …, "guid": the file's name without flags, "flags": [...], "received": RFC 3339 in UTC, "size": …, "sha256": …}
"""
import datetime
import hashlib
import imaplib
import json
import re
import sys

imaplib._MAXLINE = 10_000_000


def ok(answer):
    if answer[0] != 'OK':
        sys.exit('%s' % (answer,))
    return answer[1]


def name(line):
    """The mailbox at the end of a LIST answer."""
    m = re.match(rb'\(([^)]*)\) (?:"[^"]*"|NIL) (?:"((?:[^"\\]|\\.)*)"|(.*))$', line)
    return (re.sub(rb'\\(.)', rb'\1', m[2]) if m[2] is not None else m[3]).decode('ascii'), m[1].decode().split()


with imaplib.IMAP4_stream(sys.argv[1]) as imap:
    subscribed = {name(line)[0] for line in ok(imap.lsub('""', '"*"')) if line}
    for line in ok(imap.list('""', '"*"')):
        folder, attributes = name(line)
        print(json.dumps({'folder': folder, 'attributes': attributes, 'subscribed': folder in subscribed}))
        if '\\NonExistent' in attributes or '\\Noselect' in attributes:
            continue
        quoted = '"%s"' % folder.replace('\\', '\\\\').replace('"', '\\"')
        if int(ok(imap.select(quoted, readonly=True))[0]) == 0:
            continue
        answers = ok(imap.fetch('1:*', '(X-GUID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])'))
        for part in answers:
            if not isinstance(part, tuple):
                continue
            head, body = part
            when = re.search(rb'INTERNALDATE "([^"]*)"', head)[1].decode()
            when = datetime.datetime.strptime(when.strip(), '%d-%b-%Y %H:%M:%S %z')
            print(json.dumps({
                'folder': folder, 'guid': re.search(rb'X-GUID (\S+)', head)[1].decode().strip('"'),
                'flags': re.search(rb'FLAGS \(([^)]*)\)', head)[1].decode().split(),
                'received': when.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'),
                'size': int(re.search(rb'RFC822.SIZE (\d+)', head)[1]), 'sha256': hashlib.sha256(body).hexdigest(),
            }))
