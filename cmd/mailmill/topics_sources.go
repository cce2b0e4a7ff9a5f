package main

import "github.com/spf13/cobra"

func sourcesTopic() *cobra.Command {
	return &cobra.Command{Use: "sources", Short: "What mailmill reads", Long: sourcesHelp}
}

const sourcesHelp = `A source is a file, a folder, or - for standard input. What it is is told by its
content, never by its name alone.

PST, OST      Outlook's data files, from version 97 on, also damaged ones
OLM           archives of Outlook for Mac
mbox          of any sort (mboxo, mboxrd, mboxcl, mboxcl2), as Thunderbird, Apple
              Mail, mutt and Google Takeout write them; labels of Gmail become
              categories
Maildir       with Maildir++ folders, flags and keywords, as Dovecot has them
MH            with its sequences
EML, EMLX     single mails, also those of Apple Mail
MSG, OFT      single items of Outlook, of all kinds
winmail.dat   what Outlook packs attachments into; inside of mails it is unpacked
              wherever it stands (--keep-tnef leaves it)
ICS           calendars: iCalendar 2.0 and vCalendar 1.0
VCF           cards: vCard 2.1, 3.0 and 4.0
tar, zip      with any of these inside, also in each other
gz, zst, bz2, xz
              around any of these
a folder      of any of these. Each PST, OST, OLM, tar and zip in it is a source
              of its own; all else is one source, named after the folder, whose
              folders are those on the disk: Inbox.mbox or a folder Inbox of
              .eml files is the folder Inbox. So a Thunderbird profile comes with
              its tree (.sbd), and what mailmill wrote comes back as it was

What is named twice is read once, and so is what lies in a folder that is named,
too.

Mail that is RFC 5322 already stays as it came, byte for byte, but for line ends,
which are those of the target, and for header fields in which addresses were
resolved. What is malformed goes through as it is.

Standard input: mail (mbox, EML, also compressed) is read in one pass, as it
comes: nothing is copied, nothing is learnt from it beforehand, and how much there
is is known at its end. Other kinds need to be read from more than one place, and
are copied to a temporary file first (in TMPDIR). --spool has that done for mail,
too.

An archive's own tables tell --only, --include, --exclude, --class, --larger and
--smaller what is wanted, so that nothing else is read; the other filters look at
the items.`
