// Reads calendars and cards with ical.js, and cards of 4.0 with vcard4 too, and prints what each made of every component
// or card as one JSON object a line, in the form of calendars.py and cards.py.
//
//     node judge.mjs FILE|FOLDER...      folders are searched for *.ics and *.vcf
//
// Where a day is picked out of several days of a month, ical.js takes all of them: such series have no occurrences.
// Nothing else is forgiven: what either of them complains about is printed as {"complaint": ..., "reader": ..., "file": ...}.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import ICAL from "ical.js";
import { parse } from "vcard4";

const most = 50;

function* files(path) {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    const full = join(path, name);
    if (statSync(full).isDirectory() || /\.(ics|vcf)$/.test(name)) yield* files(full);
  }
}

const sha256 = (base64) => createHash("sha256").update(Buffer.from(base64, "base64")).digest("hex");

function clock(value, zone) {
  if (value === null || value === undefined) return "";
  const text = value.toString().replace(/Z$/, "");
  if (value.isDate) return text;
  if (zone) return `${text}[${zone}]`;
  return text + (value.zone === ICAL.Timezone.utcTimezone ? "Z" : "");
}

function moment(c, name) {
  const p = c.getFirstProperty(name);
  return p ? clock(p.getFirstValue(), p.getParameter("tzid")) : "";
}

function moments(c, name) {
  return c.getAllProperties(name).flatMap((p) => p.getValues().map((v) => clock(v, p.getParameter("tzid")))).sort();
}

// RFC 6868: ical.js undoes it by itself.
function person(p) {
  if (!p) return "";
  const found = [p.getFirstValue(), p.getParameter("cn") ?? ""];
  for (const name of ["cutype", "partstat", "role", "rsvp"]) {
    if (p.getParameter(name) !== undefined) found.push(`${name.toUpperCase()}=${p.getParameter(name)}`);
  }
  return found.join(" ");
}

function attachment(p) {
  const value = p.getFirstValue();
  return value instanceof ICAL.Binary ? sha256(value.value) : value;
}

function alarm(c) {
  const p = c.getFirstProperty("trigger");
  const value = p.getFirstValue();
  const seconds = value.toSeconds ? value.toSeconds() : 0;
  const text = value instanceof ICAL.Duration ? (seconds < 0 ? "" : "+") + seconds : clock(value);
  return p.getParameter("related") ? `${text} ${p.getParameter("related")}` : text;
}

function component(c) {
  const text = (name) => String(c.getFirstPropertyValue(name) ?? "");
  const number = (name) => Number(c.getFirstPropertyValue(name) ?? 0);
  // What is not known has no type: its escapes are left.
  const unknown = (name) => text(name).replace(/\\(.)/gs, (_, x) => (/n/i.test(x) ? "\n" : x));
  return {
    kind: c.name.toUpperCase(),
    uid: text("uid"),
    recurrence_id: moment(c, "recurrence-id"),
    stamp: moment(c, "dtstamp"),
    start: moment(c, "dtstart"),
    end: moment(c, "dtend") || moment(c, "due"),
    completed: moment(c, "completed"),
    created: moment(c, "created"),
    modified: moment(c, "last-modified"),
    categories: c.getAllProperties("categories").flatMap((p) => p.getValues()),
    contacts: c.getAllProperties("contact").map((p) => p.getFirstValue()),
    organizer: person(c.getFirstProperty("organizer")),
    attendees: c.getAllProperties("attendee").map(person),
    attachments: c.getAllProperties("attach").map(attachment),
    alarms: c.getAllSubcomponents("valarm").map(alarm),
    rule: text("rrule"),
    except: moments(c, "exdate"),
    also: moments(c, "rdate"),
    summary: text("summary"),
    description: text("description"),
    location: text("location"),
    status: text("status"),
    class: text("class"),
    transp: text("transp"),
    url: text("url"),
    color: text("color"),
    priority: number("priority"),
    sequence: number("sequence"),
    "percent-complete": number("percent-complete"),
    html: unknown("x-alt-desc"),
    busy: text("x-microsoft-cdo-busystatus"),
  };
}

function occurrences(components, floats) {
  const shown = (t) => (floats || t.isDate ? clock(t) : clock(ICAL.Time.fromJSDate(t.toJSDate(), true)));
  const masters = components.filter((c) => !c.hasProperty("recurrence-id"));
  const found = components.filter((c) => c.hasProperty("recurrence-id")).map((c) => shown(c.getFirstPropertyValue("dtstart")));
  for (const master of masters) {
    if (!master.hasProperty("dtstart")) continue;
    const event = new ICAL.Event(master, { exceptions: components.filter((c) => c !== master), strictExceptions: true });
    if (!event.isRecurring()) {
      found.push(shown(event.startDate));
      continue;
    }
    const moved = new Set(components.filter((c) => c !== master).map((c) => shown(c.getFirstPropertyValue("recurrence-id"))));
    const each = event.iterator();
    for (let next, n = 0; n < most + moved.size && (next = each.next()); n++) {
      if (!moved.has(shown(next))) found.push(shown(next));
    }
  }
  return found.sort().slice(0, most);
}

function* calendars(text) {
  // A file holds one calendar.
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) {
    ICAL.TimezoneService.register(zone);
  }
  const series = new Map();
  for (const c of calendar.getAllSubcomponents()) {
    if (c.name === "vtimezone") continue;
    const found = component(c);
    yield found;
    const key = JSON.stringify([found.kind, found.uid]);
    series.set(key, [...(series.get(key) ?? []), c]);
  }
  for (const [key, all] of series) {
    const [kind, uid] = JSON.parse(key);
    const start = all[0].getFirstPropertyValue("dtstart");
    const rule = all[0].getFirstPropertyValue("rrule");
    if (rule && rule.parts.BYSETPOS && rule.parts.BYMONTHDAY) continue;
    yield { kind: `${kind} series`, uid, occurrences: occurrences(all, start && start.zone === ICAL.Timezone.localTimezone && !all[0].getFirstProperty("dtstart").getParameter("tzid")) };
  }
}

const listed = (value) => (Array.isArray(value) ? value : [value]).map((x) => (Array.isArray(x) ? x.join(",") : x));

function picture(value) {
  if (value instanceof ICAL.Binary) return sha256(value.value);
  const text = String(value);
  return text.startsWith("data:") ? sha256(text.slice(text.indexOf(",") + 1)) : sha256(text);
}

function types(p) {
  return listed(p.getParameter("type") ?? []).flatMap((x) => x.split(",")).map((x) => x.toLowerCase()).sort().join(",");
}

function* cards(text) {
  let parsed = ICAL.parse(text);
  if (typeof parsed[0] === "string") parsed = [parsed];
  for (const jcard of parsed) {
    const c = new ICAL.Component(jcard);
    // RFC 2426 has semicolons escaped, which ical.js does not undo in 3.0.
    const undo = (x) => (c.getFirstPropertyValue("version") === "3.0" && typeof x === "string" ? x.replace(/\\;/g, ";") : x);
    const one = (name) => undo(String(c.getFirstPropertyValue(name) ?? ""));
    const all = (name) => c.getAllProperties(name);
    const unknown = (x) => String(x).replace(/\\(.)/gs, (_, y) => (/n/i.test(y) ? "\n" : y));
    yield {
      version: one("version"),
      uid: one("uid"),
      fn: one("fn"),
      n: all("n").map((p) => listed(p.getFirstValue()))[0] ?? [],
      org: all("org").map((p) => listed(p.getFirstValue()))[0] ?? [],
      title: one("title"),
      role: one("role"),
      nicknames: all("nickname").flatMap((p) => p.getValues()).map(undo),
      emails: all("email").map((p) => p.getFirstValue()),
      phones: all("tel").map((p) => `${types(p)} ${undo(p.getFirstValue())}`),
      addresses: all("adr").map((p) => listed(p.getFirstValue())),
      urls: all("url").map((p) => p.getFirstValue()),
      categories: all("categories").flatMap((p) => p.getValues()).map(undo),
      note: all("note").map((p) => undo(p.getFirstValue())).join("\n--\n"),
      birthday: all("bday").map((p) => String(p.getFirstValue()))[0] ?? "",
      photo: all("photo").map((p) => picture(p.getFirstValue()))[0] ?? "",
      kind: one("kind") || one("x-addressbookserver-kind"),
      members: [...all("member"), ...all("x-addressbookserver-member")].map((p) => p.getFirstValue()),
      unresolved: all("x-pst-member").map((p) => unknown(p.getFirstValue())),
    };
  }
}

function* strictCards(text) {
  if (!/^VERSION:4\.0\r$/m.test(text)) return;
  for (const card of [parse(text)].flat()) {
    const all = (name) => card.getProperty(name);
    // It takes a semicolon for the end of a component everywhere.
    const joined = (value) => (Array.isArray(value) ? value.map((x) => (Array.isArray(x) ? x.join(",") : x)).join(";") : String(value ?? ""));
    yield { uid: joined(all("UID")[0]?.value), fn: joined(all("FN")[0]?.value), emails: all("EMAIL").map((p) => joined(p.value)) };
  }
}

for (const path of process.argv.slice(2)) {
  for (const file of files(path)) {
    const text = readFileSync(file, "utf8");
    const readers = file.endsWith(".ics") ? { "ical.js": calendars } : { "ical.js": cards, vcard4: strictCards };
    for (const [reader, read] of Object.entries(readers)) {
      try {
        for (const found of read(text)) console.log(JSON.stringify({ ...found, reader, file }));
      } catch (e) {
        console.log(JSON.stringify({ complaint: `${e.name}: ${e.message}`, reader, file }));
      }
    }
  }
}
