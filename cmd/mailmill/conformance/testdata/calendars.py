"""Reads calendars with icalendar and vobject, and prints what each made of every component as one JSON object a line.

    calendars.py FILE|FOLDER...      folders are searched for *.ics

Nothing is forgiven: what either of them complains about is printed as {"complaint": ..., "reader": ..., "file": ...}.
A series has its first occurrences, "occurrences", as icalendar reads the rule and dateutil expands it: those that were
deleted absent, those that were moved where they are. Times are "2026-03-29", "2026-03-29T09:00:00",
"2026-03-29T09:00:00Z" and "2026-03-29T09:00:00[Europe/Berlin]"; occurrences in a zone are in UTC, as the calendar's own
VTIMEZONE has it.
"""

import base64
import hashlib
import io
import json
import os
import re
import sys
from datetime import date, datetime, timedelta, timezone

import icalendar
import vobject
from dateutil import rrule, tz

MOST = 50


def main(paths):
    for path in paths:
        for file in sorted(files(path)):
            with open(file, encoding="utf-8", newline="") as f:
                text = f.read()
            for read in (with_icalendar, with_vobject):
                name = read.__name__.removeprefix("with_")
                try:
                    for found in read(text):
                        emit(found, reader=name, file=file)
                except Exception as e:
                    emit({"complaint": f"{type(e).__name__}: {e}"}, reader=name, file=file)


def files(path):
    if not os.path.isdir(path):
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            if name.endswith(".ics"):
                yield os.path.join(folder, name)


def emit(found, **more):
    print(json.dumps({**found, **more}, ensure_ascii=False))


def with_icalendar(text):
    for calendar in icalendar.Calendar.from_ical(text, multiple=True):
        for c in calendar.walk():
            for name, error in c.errors:
                yield {"complaint": f"{c.name} {name}: {error}"}
        # Zones whose names icalendar does not know it has read by now; when things take place dateutil tells.
        zones = zones_of(calendar)
        series = {}
        for c in calendar.subcomponents:
            if c.name == "VTIMEZONE":
                continue
            series.setdefault((c.name, str(c.get("UID"))), []).append(c)
            yield component(c)
        for (kind, uid), all in series.items():
            yield {"kind": kind + " series", "uid": uid, "occurrences": occurrences(all, zones)}


def zones_of(calendar):
    """The calendar's zones as dateutil reads them, and names of its own made harmless to it."""
    text = b"".join(c.to_ical() for c in calendar.subcomponents if c.name == "VTIMEZONE")
    if not text:
        return {}
    # What dateutil does not read has nothing to do with when clocks change.
    lines = [line for line in text.decode().replace("\r\n ", "").split("\r\n") if not line.startswith("X-")]
    read = tz.tzical(io.StringIO("\r\n".join(lines)))
    return {key: read.get(key) for key in read.keys()}


def component(c):
    found = {
        "kind": c.name,
        "uid": string(c, "UID"),
        "recurrence_id": moment(c, "RECURRENCE-ID"),
        "stamp": moment(c, "DTSTAMP"),
        "start": moment(c, "DTSTART"),
        "end": moment(c, "DTEND") or moment(c, "DUE"),
        "completed": moment(c, "COMPLETED"),
        "created": moment(c, "CREATED"),
        "modified": moment(c, "LAST-MODIFIED"),
        "categories": [str(x) for group in several(c, "CATEGORIES") for x in group.cats],
        "contacts": [str(x) for x in several(c, "CONTACT")],
        "organizer": person(c.get("ORGANIZER")),
        "attendees": [person(a) for a in several(c, "ATTENDEE")],
        "attachments": [attachment(a) for a in several(c, "ATTACH")],
        "alarms": [alarm(a) for a in c.subcomponents],
        "rule": c["RRULE"].to_ical().decode() if "RRULE" in c else "",
        "except": sorted(m for x in several(c, "EXDATE") for m in moments(x)),
        "also": sorted(m for x in several(c, "RDATE") for m in moments(x)),
    }
    for name in ("SUMMARY", "DESCRIPTION", "LOCATION", "STATUS", "CLASS", "TRANSP", "URL", "COLOR"):
        found[name.lower()] = string(c, name)
    for name in ("PRIORITY", "SEQUENCE", "PERCENT-COMPLETE"):
        found[name.lower()] = int(c.get(name, 0))
    found["html"] = string(c, "X-ALT-DESC")
    found["busy"] = string(c, "X-MICROSOFT-CDO-BUSYSTATUS")
    return found


def several(c, name):
    value = c.get(name, [])
    return value if isinstance(value, list) else [value]


def string(c, name):
    value = c.get(name)
    if value is None:
        return ""
    # icalendar leaves the escapes in what it does not know.
    return str(icalendar.vText.from_ical(str(value))) if name.startswith("X-") else str(value)


def moment(c, name):
    value = c.get(name)
    return "" if value is None else clock(value.dt, value.params.get("TZID"))


def moments(value):
    return [clock(x.dt, value.params.get("TZID")) for x in value.dts]


def clock(value, zone=None):
    if not isinstance(value, datetime):
        return value.isoformat()
    text = value.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if zone:
        return f"{text}[{zone}]"
    return text + ("Z" if value.utcoffset() is not None else "")


def person(a):
    if a is None:
        return ""
    p = a.params
    # icalendar does not know RFC 6868.
    name = re.sub(r"\^([n'^])", lambda m: {"n": "\n", "'": '"', "^": "^"}[m[1]], str(p.get("CN", "")))
    return " ".join([str(a), name, *(f"{k}={p[k]}" for k in ("CUTYPE", "PARTSTAT", "ROLE", "RSVP") if k in p)])


def attachment(a):
    if a.params.get("VALUE") == "BINARY":
        return hashlib.sha256(base64.b64decode(str(a) if not hasattr(a, "obj") else a.obj, validate=True)).hexdigest()
    return str(a)


def alarm(c):
    trigger = c["TRIGGER"]
    if isinstance(trigger.dt, timedelta):
        text = f"{trigger.dt.days * 86400 + trigger.dt.seconds:+d}"
    else:
        text = clock(trigger.dt)
    return text + (" " + trigger.params["RELATED"] if "RELATED" in trigger.params else "")


def occurrences(components, zones):
    """The first starts of what has one UID, sorted: the rule's and RDATE's without EXDATE's, and exceptions in place."""
    masters = [c for c in components if "RECURRENCE-ID" not in c]
    exceptions = [c for c in components if "RECURRENCE-ID" in c]
    found = [instant(c["DTSTART"].dt, c["DTSTART"].params, zones) for c in exceptions]
    gone = {key(instant(c["RECURRENCE-ID"].dt, c["RECURRENCE-ID"].params, zones)) for c in exceptions}
    for c in masters:
        if "DTSTART" not in c:
            continue
        params = c["DTSTART"].params
        first = instant(c["DTSTART"].dt, params, zones)
        for x in several(c, "EXDATE"):
            gone |= {key(instant(v.dt, x.params, zones)) for v in x.dts}
        starts = {key(first): first}
        for x in several(c, "RDATE"):
            for v in x.dts:
                when = instant(v.dt, x.params, zones)
                starts[key(when)] = when
        if "RRULE" in c:
            need = MOST + len(gone) + len(exceptions)
            for when in expand(c["RRULE"].to_ical().decode(), first):
                starts[key(when)] = when
                need -= 1
                if need == 0:
                    break
        found += [when for k, when in starts.items() if k not in gone]
    return [shown(when) for when in sorted(found, key=key)[:MOST]]


def expand(rule, first):
    if isinstance(first, datetime):
        return rrule.rrulestr(rule, dtstart=first)
    midnight = datetime(first.year, first.month, first.day)
    return (d.date() for d in rrule.rrulestr(rule, dtstart=midnight))


def instant(value, params, zones):
    """The value with the zone that dateutil knows."""
    if not isinstance(value, datetime):
        return value
    if "TZID" in params:
        return value.replace(tzinfo=zones[params["TZID"]])
    return value.replace(tzinfo=timezone.utc) if value.tzinfo else value


def key(value):
    return shown(value)


def shown(value):
    if isinstance(value, datetime) and value.tzinfo:
        return clock(value.astimezone(timezone.utc))
    return clock(value)


def with_vobject(text):
    for calendar in vobject.readComponents(text, validate=True, transform=True, allowQP=False):
        calendar.validate(raiseException=True)
        for c in calendar.components():
            if c.name == "VTIMEZONE":
                continue
            child = lambda name: str(c.contents[name][0].value) if name in c.contents else ""
            yield {
                "kind": c.name,
                "uid": child("uid"),
                "summary": child("summary"),
                "description": child("description"),
                "location": child("location"),
                "categories": [x for group in c.contents.get("categories", []) for x in group.value],
            }


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(sys.argv[1:])
