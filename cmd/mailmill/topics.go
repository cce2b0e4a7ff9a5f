package main

import "github.com/spf13/cobra"

// The topics of "mailmill help TOPIC": what scripts rely on.

func jsonTopic() *cobra.Command {
	return &cobra.Command{Use: "json", Short: "The objects that --json and --report write", Long: jsonHelp}
}

func filesTopic() *cobra.Command {
	return &cobra.Command{Use: "files", Short: "The files that convert writes", Long: filesHelp}
}

func errorsTopic() *cobra.Command {
	return &cobra.Command{Use: "errors", Short: "What can go wrong, and what then", Long: errorsHelp}
}

// addressesHelp is part of the help of the verb of that name, which all verbs with its options refer to.
const addressesHelp = `How an address is known (via), and how sure it is:
  directory  1.00  an answer in a table that a person has corrected
  stored     1.00  it is a mail address already
  item       0.98  another property of the item has it
  directory  0.97  a directory has the Exchange name
  headers    0.90  the item's own header has it
  learnt     0.60 to 0.95  evidence elsewhere in the archives, all of which are
                   read before anything is written; what contradicts itself
                   answers nothing
  guess      0.50  only one person has the display name; with --trust-names
  rule       0.30  an --address-rule made it
--min-confidence leaves out what is less sure. A name that nobody has an address
for stays open, and so does somebody whose address is not certain enough: a
wrong address is worse than none.

Directories (--directory, any mixture, told by their content): CSV of
PowerShell's Get-Recipient, Get-Mailbox or Get-ADObject, or of csvde; LDIF of
ldifde, ldapsearch or slapcat; the offline address book (udetails.oab); vCards;
tables of two columns, old and new; the table and the objects of this verb. A
server is ldaps://HOST/BASE, or ldap:// with StartTLS, and
ldaps://USER@HOST/BASE for one that wants a user (%40 for @ in the name). His
password is in MAILMILL_DIRECTORY_PASSWORD or MAILMILL_PASSWORD, or comes from
--password-file or --password-command, which go before those, or is asked for
on a terminal; it never stands in a command line.

--address-book keeps the evidence, not answers, in a file, and merges what
earlier runs have kept: so archives need not be at hand together. Whom only
that file knows is not listed.

Who stays open (--unresolved):
  invalid    "Name" <ex-1a2b3c4d5e6f@unresolved.invalid>, the same for the same
             person everywhere, and nothing is ever delivered there
  imceaex    the Exchange name, encapsulated for a server that still knows it,
             behind the first accepted domain or the one that archives have
  name-only  "Name":; in To, Cc and Bcc
  fail       the run ends before it writes anything, with status 3 and a list
A name that has no address at all stays a name.`

const errorsHelp = `Every error is a sentence on standard error that says what is wrong, where, and
what to do next; the exit status tells scripts of what sort it is. Whatever ends
a run, no file has its final name before it is whole, what was there before
stays, and the same command goes on when the cause is gone.

2  The command line is wrong, as where --include matches no folder, or the
   target exists and is not mailmill's. Nothing was written.
3  The run went to its end, unless --unresolved fail ended it before it wrote
   anything. The items that failed or are damaged are listed, or sources beside
   others could not be read, or an archive is damaged and may have lost items
   that cannot be counted. The same command again changes nothing unless the
   archives are mended.
4  No source can be read: it is missing, may not be read, is no archive, or
   nothing in it is whole. The sentence says what the file looks like instead.
5  A matter of the moment. See to it and run the same command again:
   disk full     Nothing of the run is left. Before it begins, the items' sizes
                 are compared with the room that the target has: what cannot
                 fit is refused, what may not fit is warned of. --ignore-space
                 leaves that out.
   source        An archive that changes while it is read may be half of one
                 state and half of another, so nothing of it is kept. Close
                 Outlook or whatever writes to it, or let the copy or download
                 end. A share that went away has to come back.
   server away   A server cannot be reached, went away, or has no time. What it
                 has confirmed stays, and the same command goes on from there.
   in use        Another run is writing to the same files.
   too many      Allow more files to be open at once: ulimit -n 256.
   files open
11   Another run writes to the same account. The sentence says which process has
     the ledger; wait until it has ended.
12   A server refuses the user or the password, or wants one. It was tried once.
     Nothing was written.
13   The account on a server is full. What was written stays; make room, and run
     the same command again, which goes on there.
14   verify found differences, and listed them.
130  Ctrl-C, SIGTERM, or the terminal went away. The first finishes what is in
   flight and clears up; the second stops at once, and what that leaves in a
   hidden folder the next run clears away. Where it was replacing files, the
   next run first puts back what was there.
141  Nobody reads standard output or standard error any more; silent.

A password that Outlook set protects nothing in a file and is not needed;
inspect says where there is one. Memory is best bounded by a control group or
container; ulimit -v counts what is only reserved, and needs to be 2 GB or more.`

const jsonHelp = `One compact object per line, "type" first; a field without a value is left out;
times are RFC 3339 in UTC; "schema" is in the first object of a run (now 1).

item (list --json, convert --json)
  source, source_id   the archive as you named it, and the place in it: the node
                      id (0x200024) in a PST, the byte where it begins in an
                      mbox, a name in a folder; in packed files and folders
                      with the member before it
  key                 32 hex digits that stand for the item whatever holds it;
                      equal keys in one folder get -2, -3, … in order
  folder              array of names, from below the top folder
  kind, class         mail event task contact group note journal other;
                      the message class of Outlook
  subject
  date                mail: sent, else delivered, else last change; others: last
                      change
  received            when it was delivered
  message_id
  from, sender        an address each
  to, cc, bcc         the recipient table as its rows stand, even where the
                      header differs
  flags               of seen answered forwarded flagged draft deleted
  keywords            the categories, nothing else
  size                bytes, as the archive's table has it
  attachments         every leaf part that is not the chosen text or HTML,
                      inline pictures included
  of all but mail
  uid                 the UID that calendars and cards are written with
  of events, and of tasks and journal entries what they have
  start, end          when; the end is the first moment, or day, that is not
                      part of it. Days are days (2014-03-28), and times that are
                      not bound to any zone have none (2014-03-28T09:00:00)
  all_day             true where start and end are days
  timezone            the zone of the event, by its IANA name where it has one
  location
  recurring, rrule    whether there are more, and the rule as RFC 5545 has it
  recurrence_id       of an occurrence whose series is not here: its time
  organizer           an address
  attendees           addresses with type (individual group resource room
                      unknown), role (required optional non-participant chair),
                      status (needs-action accepted declined tentative
                      delegated)
  status              confirmed tentative cancelled; of tasks not-started
                      in-progress complete waiting deferred
  due, completed, percent
                      of tasks
  activity            of journal entries, as "Phone call"
  of contacts and lists
  given, surname, company
  emails              addresses
  phones              number, kind (voice mobile fax pager car isdn text company
                      assistant callback radio telex), place (work home)
  members             addresses, and card: the uid of the contact or list
an address
  name, stored        stored is verbatim: SMTP, Exchange (/o=…), whatever stood
  smtp                the address to use, where it is known
  via                 how it is known: stored item headers learnt directory rule
                      guess none
an attachment
  name, type, size    size of the decoded bytes, where it is known
  inline              true where the HTML shows it
  embedded            of an attached message: subject, date, message_id, from,
                      sender, to, cc, bcc, attachments, and so on inside those
with --digest
  text_sha256         of a mail's stored plain text, as UTF-8 with CRLF; none
                      where the text was made from HTML or RTF
  html_sha256         of its HTML as UTF-8
  sha256              of each attachment's decoded bytes
learning              the first pass, at most ten a second: done, found,
                      elapsed_s
progress              at most ten a second: source, folder, done, found,
                      folder_done, folder_found, bytes, elapsed_s, left_s
failure               source, source_id, key, folder, kind, subject, date,
                      reason
damaged               the same, and part: what is lost or in doubt. The item is
                      written with what can be read of it
conflict              the same as failure: an item that somebody has changed or
                      deleted on the target since, and that was left so
plan                  of convert -n, for each server: target, items and bytes
                      that it would get, new: the names of what would be made
difference            of verify and convert --verify: target, what (missing
                      doubled different extra), place, id (there), source,
                      folder, source_id, key, kind, subject, identity (the
                      Message-ID or UID), ours (true: mailmill wrote it), fields
                      (field, want, got)
verified              ends those of a target: target, the numbers same, missing,
                      doubled, different, extra, places, objects, bytes, and
                      unlisted: differences beyond the first 10,000
fault                 of inspect --check, what costs no item anything: source,
                      source_id, folder, kind, subject, part, block (the first
                      of blocks), offset, reason
check                 ends each archive of inspect --check: sound, verdict,
                      blocks, bytes, items, and the numbers damaged, failed,
                      faults; remarks: what is unusual and no damage
people                before the balance, of inspect --people, and the last of
                      addresses --json: people, resolved, guessed, open
balance               ends every convert and verify: kinds (by kind) and total,
                      each with found, written, unchanged, filtered, duplicate,
                      failed, damaged. found = written + unchanged + filtered +
                      duplicate + failed; damaged ones are among the written.
                      targets, where they are servers or several: target,
                      written, unchanged, duplicate, failed, bytes of each
mailbox               with --map begins each mailbox: line, sources, targets
total                 with --map ends all: kinds and total as of a balance, and
                      mailboxes: line, sources, targets, status, reason
person (addresses --json, and what --unresolved fail stops at)
  dn, stored          the Exchange name; of one who is nothing but a name that
  names, kind         display names, most frequent first; person group room
                      equipment
  smtp, via, confidence
                      the answer, how it is known, how sure it is up to 1
  status              of unresolved ambiguous guessed conflicting outside system
  items, first, last, folders
                      in how many items, from when to when, some of the folders
  evidence            numbers of witnesses by their sort
  candidates          what they speak for: smtp, share (of 1), evidence, first,
                      last, another (true: it is somebody else's)
  conflicts           addresses that contradict the answer
  directory           where the answer was read
archive (inspect)     source, format, size, modified, owner, first, last, items
                      (by kind), items_size, lost, code_page, code_page_reason,
                      notes, warnings, incomplete, doubt
folder (inspect)      source, folder, class, role, hidden, items (by kind),
                      size`

const filesHelp = `What the target is follows from its name.

out/, or any name but these   a folder, which is created with its parents
all.tar, .tar.zst, .tar.gz,   an archive of what that folder would hold; .tgz is
.zip                          .tar.gz
mail.mbox, .mbox.zst,         one mbox with the mail of all folders, folder by
.mbox.gz                      folder in the order of the archive
calendar.ics                  one calendar with the events, tasks, notes and
                              journal entries of all folders
contacts.vcf                  the contacts and lists of all folders
-                             one of these on standard output, for a pipe or a
                              file: mail, unless --only asks for another sort

A slash at the end makes any name a folder; without one, a name that ends as
other files do (.pst, .eml, .7z, .tar.xz) is refused. One file takes items of
one sort: others are filtered. What is written of an item is the same in all of
them, but which folder it was in is known from folders and archives alone. What
programs keep for themselves (other) goes into no file, and is filtered.

A folder gets a tree like that of the source, from below its top folder; several
sources get a sub-folder each. A folder of the source becomes as many files as
it has sorts of items: Deleted Items.mbox, Deleted Items.ics, Deleted Items.vcf.
--prefix FOLDER puts all of it below that. With {source} in it, which stands for
the archive's name, each archive has a folder with a record of its own: runs for
different archives may then write side by side below one target.

--format mbox (the default)
  Inbox.mbox, Inbox/Projects.mbox: the mail of each folder. The format is mboxrd
  with LF line ends; Status, X-Status and X-Keywords hold what is read,
  answered, flagged, a draft, and the categories.
--format eml
  Inbox/, Inbox/Projects/: a folder of .eml files, one mail each, with CRLF line
  ends.
--format maildir
  A Maildir++ as Dovecot serves it, a file each mail, with LF line ends: the
  inbox in cur/, other folders in .Projects/cur/, .INBOX.Projects/cur/. Names
  are in modified UTF-7; a dot in a name becomes an underscore, as dots separate
  folders. The letters after :2, tell what is read (S), answered (R), forwarded
  (P), flagged (F), a draft (D), deleted (T). Small letters stand for keywords:
  dovecot-keywords tells which, for the first 26 of a folder, $Forwarded among
  them. A keyword is the name of the category as Thunderbird makes one of a tag:
  Red_Category. The time of last change is when the mail was received, 1970
  where nobody knows. subscriptions lists the folders. On Windows, where no name
  can hold a colon, it is a semicolon.
The categories are in the Keywords field in all of them.

Calendar.ics (RFC 5545, CRLF)
  Events with the exceptions of their series, tasks, notes and journal entries
  of a folder, and the time zones that they need. Several items with one UID in
  one file would be taken for one: all but the first get another, UID-2. With
  --notes text notes are files of text: Notes/2014-03-02 Milk 1a2b3c4d.txt.
  Attachments larger than --inline (1M) are files beside the calendar:
  Calendar.files/, with a folder for each item, named by its key. One file and
  standard output hold all attachments.
Contacts.vcf (RFC 6350; RFC 2426 with --vcard 3; CRLF)
  Contacts, and lists of them whose members refer to the contacts by their UID.
--split
  Calendar/ and Contacts/: a file each item, as CalDAV and CardDAV servers and
  vdirsyncer have them. The name is the UID where it has up to 100 letters,
  digits and hyphens, else the SHA-256 of it. Occurrences that are items of
  their own go into the file of their series, and are events of their own where
  that is not in the folder.

Names are safe on every file system: what they may not hold becomes an
underscore, and two folders never share a place. Folders without items are left
out.

The folder holds .mailmill.json: version, options, sources and the files that
were written, with their hashes; in an archive it is the last entry. The same
command again rewrites only those, or that archive. Anything else in the way,
and what was changed since, ends the run with exit status 2 before anything is
written, unless --overwrite says otherwise; so does one file, which does not
tell who wrote it. With --overwrite, a Maildir that others write to, too, is
added to: its mails, keywords and subscriptions stay. Files get their names only
when they are whole: after an interrupted run the place is as it was before.

A target that is a link is followed; one that leads nowhere is refused. Links
within a folder are in the way as files are.

Folders have mode 0700 and files 0600, in archives, too. The time of a file is
that of its item, or its newest; nothing in an archive tells when or by whom it
was written, so the same input and options give the same bytes.`
