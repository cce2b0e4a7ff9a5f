#!/usr/bin/env python3
"""Reads the mail that mailmill wrote with Python's own parsers and prints one JSON object for each, as mail_test.go has it.

usage: read.py eml FOLDER       every .eml below FOLDER, in the order of the names
       read.py mbox FOLDER      every message of every .mbox below FOLDER, in their order, From-quoting undone
       read.py digests FOLDER   the same, but only where they are and what they hash to
"""
import base64
import email
import email.header
import email.headerregistry
import email.message
import email.policy
import email.utils
import hashlib
import datetime
import json
import mailbox
import os
import re
import sys

STATUS_FIELDS = (b'status:', b'x-status:', b'x-keywords:')


def sha(data):
    return hashlib.sha256(data).hexdigest()


def files(folder, suffix):
    found = []
    for path, _, names in os.walk(folder):
        found += [os.path.join(path, n) for n in names if n.endswith(suffix)]
    return sorted(found)


def unicode_domain(spec):
    local, at, domain = spec.rpartition('@')
    try:
        return local + at + domain.encode('ascii').decode('idna')
    except UnicodeError:
        return spec


ENCODED = r'=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?='


def addresses(message, field):
    out = []
    for name, raw in message.raw_items():
        if name.lower() != field:
            continue
        value = message.policy.header_fetch_parse(name, raw)
        if message['received'] is not None:
            # The field is as it came. Python trips over what is in the wild: names of several encoded words, between
            # which it leaves the blank, and words with a comma inside, against RFC 2047 5 (3). One long word of legal
            # characters in place of each says the same.
            raw = re.sub(r'%s(?:\s+%s)*' % (ENCODED, ENCODED), lambda m: one_word(words(m[0])), str(raw))
            value = message.policy.header_fetch_parse(name, raw)
        for a in value.addresses:
            out.append({'name': a.display_name, 'smtp': unicode_domain(a.addr_spec)})
    return out


def one_word(text):
    return '=?utf-8?b?%s?=' % base64.b64encode(text.encode()).decode()


def raw_field(message, name):
    for k, v in message.raw_items():
        if k.lower() == name:
            return re.sub(r'\r?\n(?=[ \t])', '', str(v))
    return ''


def words(value):
    return str(email.header.make_header(email.header.decode_header(value)))


def phrases(value):
    """The phrases of a comma-separated list: the commas inside quotes and encoded words separate nothing."""
    out = []
    for p in re.findall(r'\s*((?:"(?:[^"\\]|\\.)*"|[^,"])+)', value):
        p = p.strip()
        if p.startswith('"') and p.endswith('"'):
            p = re.sub(r'\\(.)', r'\1', p[1:-1])
        if p:
            out.append(words(p))
    return out


def date(value):
    when = getattr(value, 'datetime', None)
    return when.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ') if when else ''


def leaves(part, parent=''):
    kind = part.get_content_type()
    if part.get_content_maintype() == 'multipart' and isinstance(part.get_payload(), list):
        for child in part.get_payload():
            yield from leaves(child, kind)
    else:
        yield parent, part


ADDRESSES = email.headerregistry.AddressHeader


def defects(part, where=''):
    out = [where + type(d).__name__ for d in part.defects]
    for name, raw in part.raw_items():
        value = part.policy.header_fetch_parse(name, raw)
        if getattr(value, 'defects', []):
            # Names alone are what headers hold where the addresses were lost before the archive was made.
            out.append('%s: %s' % (name, 'no address' if isinstance(value, ADDRESSES) and '@' not in str(raw) else type(value.defects[0]).__name__))
    if part.is_multipart():
        for n, child in enumerate(part.get_payload(), 1):
            out += defects(child, '%s%d.' % (where, n))
    return out


def text_of(part, problems):
    data = part.get_payload(decode=True) or b''
    charset = part.get_content_charset('us-ascii')
    try:
        return data.decode(charset).encode()
    except (LookupError, UnicodeError) as e:
        problems.append('%s: %s' % (part.get_content_type(), e))
        return data


def record(message):
    problems = []
    r = {
        'subject': str(message['subject'] or ''), 'message_id': raw_field(message, 'message-id').strip(),
        'date': date(message['date']), 'importance': str(message['importance'] or '').strip(),
        'sensitivity': str(message['sensitivity'] or '').strip(), 'keywords': phrases(raw_field(message, 'keywords')),
        'attachments': [],
    }
    for role in ('from', 'sender', 'to', 'cc', 'bcc'):
        r[role] = addresses(message, role)
    text = html = None
    for parent, part in leaves(message):
        kind, disposition, name = part.get_content_type(), part.get_content_disposition(), part.get_filename()
        if disposition != 'attachment' and name is None and kind == 'text/plain' and text is None:
            text = text_of(part, problems)
            continue
        if disposition != 'attachment' and name is None and kind == 'text/html' and html is None:
            html = text_of(part, problems)
            continue
        if kind == 'message/rfc822':
            inner = part.get_payload()
            if not isinstance(inner, list) or not inner:
                problems.append('message/rfc822 without a message')
                continue
            r['attachments'].append({'name': name or '', 'type': kind, 'embedded': record(inner[0])})
            if str(part.get('content-transfer-encoding', '7bit')).lower() not in ('7bit', '8bit', 'binary'):
                problems.append('message/rfc822 is encoded')
            continue
        data = b'' if part.is_multipart() else part.get_payload(decode=True) or b''
        inline = parent == 'multipart/related' and part['content-id'] is not None
        r['attachments'].append({'name': name or '', 'type': kind, 'size': len(data), 'sha256': sha(data), 'inline': inline})
    if text:
        r['text_sha256'] = sha(text)
    if html:
        r['html_sha256'] = sha(html)
    r['defects'] = problems
    return r


def entity(raw):
    """A signed message is its own fields, then an entity that starts with its Content-Type."""
    raw = without_status(raw).replace(b'\n', b'\r\n') + b'\r\n'
    m = re.search(rb'^content-type:', raw[:raw.find(b'\r\n\r\n') + 2], re.I | re.M)
    return raw[m.start():] if m else b''


def without_status(raw):
    head, blank, body = raw.replace(b'\r\n', b'\n').partition(b'\n\n')
    kept, status = [], False
    for line in head.split(b'\n'):
        status = line.lower().startswith(STATUS_FIELDS) or status and line.startswith((b' ', b'\t'))
        if not status:
            kept.append(line)
    return (b'\n'.join(kept) + blank + body).rstrip(b'\n')


def read(raw, place, folder):
    """raw has CRLF."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    r = record(message)
    r['defects'] += defects(message)
    r['place'], r['folder'], r['sha256'] = place, folder, sha(without_status(raw))
    if message.get_content_type() == 'multipart/signed':
        r['entity_sha256'] = sha(entity(raw))
    state = str(message['status'] or '') + str(message['x-status'] or '')
    r['flags'] = [name for letter, name in (('R', 'seen'), ('A', 'answered'), ('F', 'flagged'), ('T', 'draft'), ('D', 'deleted')) if letter in state]
    return r


def parts(path, root, suffix=''):
    rel = os.path.relpath(path, root)
    return [p for p in rel[:len(rel) - len(suffix)].split(os.sep) if p != '.']


def read_eml(root):
    for path in files(root, '.eml'):
        with open(path, 'rb') as f:
            raw = f.read()
        r = read(raw, os.path.relpath(path, root), parts(os.path.dirname(path), root))
        if raw.replace(b'\r\n', b'').strip(b'\0').find(b'\n') >= 0 or b'\r' in raw.replace(b'\r\n', b''):
            r['defects'].append('a bare CR or LF')
        if max(map(len, raw.split(b'\r\n'))) > 998:
            r['defects'].append('a line of more than 998 octets')
        yield r


def messages(root):
    for path in files(root, '.mbox'):
        box = mailbox.mbox(path, create=False)
        for key in box.iterkeys():
            envelope, _, raw = box.get_bytes(key, from_=True).partition(b'\n')
            raw = re.sub(rb'^>(>*From )', rb'\1', raw, flags=re.M)
            yield '%s#%d' % (os.path.relpath(path, root), key), parts(path, root, '.mbox'), envelope.decode('ascii'), raw


def read_digests(root):
    for place, folder, _, raw in messages(root):
        yield {'place': place, 'folder': folder, 'sha256': sha(without_status(raw))}


def read_mbox(root):
    for place, folder, envelope, raw in messages(root):
        r = read(raw.replace(b'\n', b'\r\n'), place, folder)
        when = ' '.join(envelope.split(' ')[2:])
        r['received'] = datetime.datetime.strptime(when, '%a %b %d %H:%M:%S %Y').strftime('%Y-%m-%dT%H:%M:%SZ')
        yield r


if __name__ == '__main__':
    for record_ in {'eml': read_eml, 'mbox': read_mbox, 'digests': read_digests}[sys.argv[1]](sys.argv[2]):
        print(json.dumps(record_))
