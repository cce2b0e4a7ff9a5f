#!/usr/bin/env python3
"""Asks a server over IMAP for everything in an account and prints it as JSON, an object a line.

usage: imap.py HOST PORT USER [PREFIX]   the password is in the environment, PASSWORD

{"folder": name as on the wire, "attributes": [...], "subscribed": bool}
{"folder": …, "uid": …, "guid": of Dovecot, "flags": [...], "received": RFC 3339 in UTC, "size": …, "sha256": …, "message_id": …}
"""
import datetime
import email.parser
import hashlib
import imaplib
import json
import os
import re
import sys

imaplib._MAXLINE = 10_000_000


def ok(answer):
    if answer[0] != 'OK':
        sys.exit('%s' % (answer,))
    return answer[1]


def name(line):
    """The mailbox at the end of a LIST answer, which may be a literal."""
    if isinstance(line, tuple):
        return line[1].decode('ascii'), re.match(rb'\(([^)]*)\)', line[0])[1].decode().split()
    m = re.match(rb'\(([^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?:"((?:[^"\\]|\\.)*)"|(.*))$', line)
    return (re.sub(rb'\\(.)', rb'\1', m[2]) if m[2] is not None else m[3]).decode('ascii'), m[1].decode().split()


host, port, user = sys.argv[1:4]
prefix = sys.argv[4] if len(sys.argv) > 4 else ''
with imaplib.IMAP4(host, int(port)) as imap:
    imap.login(user, os.environ['PASSWORD'])
    guid = 'X-GUID ' if 'NOTIFY' in imap.capability()[1][0].decode() else ''
    subscribed = {name(line)[0] for line in ok(imap.lsub('""', '"*"')) if line}
    for line in ok(imap.list('""', '"*"')):
        if not line:  # after a literal
            continue
        folder, attributes = name(line)
        if not folder.startswith(prefix):
            continue
        print(json.dumps({'folder': folder, 'attributes': attributes, 'subscribed': folder in subscribed}))
        if '\\NonExistent' in attributes or '\\Noselect' in attributes:
            continue
        quoted = '"%s"' % folder.replace('\\', '\\\\').replace('"', '\\"')
        if int(ok(imap.select(quoted, readonly=True))[0]) == 0:
            continue
        answers = ok(imap.fetch('1:*', '(UID %sFLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])' % guid))
        for i, part in enumerate(answers):
            if not isinstance(part, tuple):
                continue
            head, body = part
            if i + 1 < len(answers) and isinstance(answers[i + 1], bytes):  # some servers name the body first
                head += answers[i + 1]
            when = re.search(rb'INTERNALDATE "([^"]*)"', head)[1].decode()
            when = datetime.datetime.strptime(when.strip(), '%d-%b-%Y %H:%M:%S %z')
            header = email.parser.BytesHeaderParser().parsebytes(body[:body.find(b'\r\n\r\n') + 4])
            unique = re.search(rb'X-GUID (\S+)', head)
            print(json.dumps({
                'folder': folder, 'uid': int(re.search(rb'UID (\d+)', head)[1]),
                'guid': unique[1].decode().strip('"') if unique else '',
                'flags': re.search(rb'FLAGS \(([^)]*)\)', head)[1].decode().split(),
                'received': when.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'),
                'size': int(re.search(rb'RFC822.SIZE (\d+)', head)[1]), 'sha256': hashlib.sha256(body).hexdigest(),
                'message_id': str(header.get('Message-ID', '')).strip(),
            }))
