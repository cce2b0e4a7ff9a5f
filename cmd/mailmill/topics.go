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

const errorsHelp = `Every error is a sentence on standard error that says what is wrong, where, and
what to do next; the exit status tells scripts of what sort it is. Whatever ends
a run, no file has its final name before it is whole, what was there before
stays, and the same command goes on when the cause is gone.

2  The command line is wrong, as where --include matches no folder, or the
   target exists and is not mailmill's. Nothing was written.
3  The run went to its end. The items that failed or are damaged are listed, or
   sources beside others could not be read, or an archive is damaged and may
   have lost items that cannot be counted. The same command again changes
   nothing unless the archives are mended.
4  No source can be read: it is missing, may not be read, is no archive, or
   nothing in it is whole. The sentence says what the file looks like instead.
5  A matter of the moment. See to it and run the same command again:
   disk full     Nothing of the run is left. Before it begins, the items' sizes
                 are compared with the room that the target has: what cannot
                 fit is refused, what may not fit is warned of. --ignore-space
                 leaves that out.
   source        An archive that changes while it is read may be half of one
                 state and half of another, so nothing of it is kept. Close
                 Outlook, or let the copy or download end. A share that went
                 away has to come back.
   in use        Another run is writing to the same target.
   too many      Allow more files to be open at once: ulimit -n 256.
   files open
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
                      id (0x200024) in a PST
  key                 32 hex digits that stand for the item whatever holds it;
                      equal keys in one folder get -2, -3, … in order
  folder              array of names, from below the top folder
  kind, class         mail event task contact group note journal other;
                      Outlook's message class
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
  text_sha256         of the stored plain text, as UTF-8 with CRLF; none where
                      the text was made from HTML or RTF
  html_sha256         of the HTML as UTF-8
  sha256              of each attachment's decoded bytes
progress              at most ten a second: source, folder, done, found,
                      folder_done, folder_found, bytes, elapsed_s, left_s
failure               source, source_id, key, folder, kind, subject, date,
                      reason
damaged               the same, and part: what is lost or in doubt. The item is
                      written with what can be read of it
fault                 of inspect --check, what costs no item anything: source,
                      source_id, folder, kind, subject, part, block (the first
                      of blocks), offset, reason
check                 ends each archive of inspect --check: sound, verdict,
                      blocks, bytes, items, and the numbers damaged, failed,
                      faults; remarks: what is unusual and no damage
balance               ends every convert: kinds (by kind) and total, each with
                      found, written, unchanged, filtered, duplicate, failed,
                      damaged. found = written + unchanged + filtered +
                      duplicate + failed; damaged ones are among the written
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
-                             the same on standard output, for a pipe or a file

A slash at the end makes any name a folder; without one, a name that ends as
other files do (.pst, .eml, .7z, .tar.xz) is refused. One mbox takes mail and
nothing else: other items are filtered. The state of a mail and its bytes are
the same in all of them, but which folder a mail was in is known from folders
and archives alone.

A folder gets a tree like that of the source, from below its top folder; several
sources get a sub-folder each.

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

Names are safe on every file system: what they may not hold becomes an
underscore, and two folders never share a place. Folders without mail are left
out.

The folder holds .mailmill.json: version, options, sources and the files that
were written, with their hashes; in an archive it is the last entry. The same
command again rewrites only those, or that archive. Anything else in the way,
and what was changed since, ends the run with exit status 2 before anything is
written, unless --overwrite says otherwise; so does one mbox, which does not
tell who wrote it. With --overwrite, a Maildir that others write to, too, is
added to: its mails, keywords and subscriptions stay. Files get their names only
when they are whole: after an interrupted run the place is as it was before.

A target that is a link is followed; one that leads nowhere is refused. Links
within a folder are in the way as files are.

Folders have mode 0700 and files 0600, in archives, too. The time of a file is
that of its mail, or its newest; nothing in an archive tells when or by whom it
was written, so the same input and options give the same bytes.`
