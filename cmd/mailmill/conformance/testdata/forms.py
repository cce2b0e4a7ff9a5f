#!/usr/bin/env python3
"""Reads what convert wrote, whatever its form, with Python's own readers of mailboxes and archives.

usage: forms.py mails FORMAT TARGET   every mail: its folder, its state, and the hash of what all forms have in common
       forms.py tree TARGET           every file and folder: its hash, size, mode and time of last change

FORMAT is mbox, eml, maildir, or single for one mbox. TARGET is a folder, a .tar, .tar.gz, .tar.zst, .zip, or a file.
Which folder of the archive a place stands for is told by .mailmill.json.
"""
import gzip
import hashlib
import json
import mailbox
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

STATE = re.compile(rb'^(status|x-status|x-keywords|x-uid|x-imap|x-imapbase|content-length)[ \t]*:', re.I)


def common(raw):
    """A message with LF, without the fields that an mbox keeps for itself."""
    head, blank, body = raw.replace(b'\r\n', b'\n').partition(b'\n\n')
    kept, drop = [], False
    for line in head.split(b'\n'):
        drop = bool(STATE.match(line)) or drop and line[:1] in (b' ', b'\t')
        if not drop:
            kept.append(line)
    return hashlib.sha256(b'\n'.join(kept) + blank + body).hexdigest()


def mbox_mails(path):
    box = mailbox.mbox(path, create=False)
    for key in box.iterkeys():
        raw = box.get_bytes(key)
        raw = re.sub(rb'^>(>*From )', rb'\1', raw, flags=re.M)
        message = mailbox.mboxMessage(box.get_message(key))
        yield raw, ''.join(sorted(f for f in message.get_flags() if f != 'O'))


def mails(form, root):
    if form == 'single':
        for raw, state in mbox_mails(root):
            yield [], raw, state
        return
    with open(os.path.join(root, '.mailmill.json')) as f:
        record = json.load(f)
    for place in record['folders']:
        path, folder = os.path.join(root, place['path']), place['folder']
        if form == 'mbox':
            for raw, state in mbox_mails(path + '.mbox'):
                yield folder, raw, state
        elif form == 'eml':
            for name in sorted(os.listdir(path)):
                if name.endswith('.eml'):
                    with open(os.path.join(path, name), 'rb') as f:
                        raw = f.read()
                    if raw.count(b'\n') != raw.count(b'\r\n'):
                        sys.exit('%s has line ends that are not CRLF' % name)
                    yield folder, raw, ''
        else:
            box = mailbox.Maildir(path, create=False, factory=None)
            for key in box.iterkeys():
                raw, message = box.get_bytes(key), box.get_message(key)
                sizes = dict(re.findall(',([SW])=([0-9]+)', key))
                if int(sizes['S']) != len(raw) or int(sizes['W']) != len(re.sub(rb'(?<!\r)\n', b'\r\n', raw)):
                    sys.exit('%s tells wrong sizes' % key)
                # An mbox has letters of its own, and none for what was passed on.
                state = ''.join(sorted({'D': 'T', 'F': 'F', 'R': 'A', 'S': 'R', 'T': 'D'}.get(f, '') for f in message.get_flags() if f.isupper()))
                yield folder, raw, state


def entries(target):
    """(path, None or content, mode, time) of everything in a target."""
    if os.path.isdir(target):
        for path, folders, files in os.walk(target):
            for name in folders + files:
                full = os.path.join(path, name)
                info = os.stat(full)
                data = None
                if name in files:
                    with open(full, 'rb') as f:
                        data = f.read()
                yield os.path.relpath(full, target), data, info.st_mode & 0o777, int(info.st_mtime)
    elif target.endswith('.zip'):
        with zipfile.ZipFile(target) as z:
            if z.testzip() is not None:
                sys.exit('a wrong checksum')
            names = z.infolist()
            if names[-1].filename != '.mailmill.json':
                sys.exit('the record is not the last entry')
            for e in names:
                seconds = re.search(rb'UT\x05\x00.(....)', e.extra, re.S)
                yield e.filename.rstrip('/'), None if e.is_dir() else z.read(e), e.external_attr >> 16 & 0o777, int.from_bytes(seconds[1], 'little', signed=True)
    else:
        data = plain(target)
        with tempfile.TemporaryFile() as f:
            f.write(data)
            f.seek(0)
            with tarfile.open(fileobj=f) as t:
                names = t.getmembers()
                if names[-1].name != '.mailmill.json':
                    sys.exit('the record is not the last entry')
                for e in names:
                    if e.uid or e.gid or e.uname or e.gname:
                        sys.exit('%s tells of a user' % e.name)
                    yield e.name, None if e.isdir() else t.extractfile(e).read(), e.mode, int(e.mtime)


def plain(target):
    if target.endswith('.zst'):
        return subprocess.run(['zstd', '-dc', target], stdout=subprocess.PIPE, check=True).stdout
    with (gzip.open if target.endswith('gz') else open)(target, 'rb') as f:
        return f.read()


def unpacked(form, target, scratch):
    """The path of a folder, or of an mbox, with what a target holds."""
    if form == 'single':
        path = os.path.join(scratch, 'mbox')
        with open(path, 'wb') as f:
            f.write(plain(target))
        return path
    if os.path.isdir(target):
        return target
    for name, data, _, _ in entries(target):
        path = os.path.join(scratch, name)
        if data is None:
            os.mkdir(path)
        else:
            with open(path, 'xb') as f:
                f.write(data)
    return scratch


if __name__ == '__main__':
    if sys.argv[1] == 'tree':
        seen = {}
        for name, data, mode, time in entries(sys.argv[2]):
            if name in seen:
                sys.exit('%s is there twice' % name)
            seen[name] = None if data is None else [hashlib.sha256(data).hexdigest(), len(data), time if name != '.mailmill.json' else 0]
            if mode != (0o700 if data is None else 0o600):
                sys.exit('%s has mode %o' % (name, mode))
        for name in sorted(seen):
            print(json.dumps([name, seen[name]]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            for folder, raw, state in mails(sys.argv[2], unpacked(sys.argv[2], sys.argv[3], scratch)):
                print(json.dumps({'folder': folder, 'sha256': common(raw), 'state': state}))
