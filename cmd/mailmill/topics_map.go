package main

import "github.com/spf13/cobra"

func mapTopic() *cobra.Command {
	return &cobra.Command{Use: "map", Short: "Many mailboxes in one run", Long: mapHelp}
}

const mapHelp = `convert --map FILE converts many mailboxes, one a line of FILE, and verify --map
FILE compares them. FILE is a table of comma-separated values (or tabs, or
semicolons, as spreadsheets write them) in UTF-8, or - for standard input. Its
first line names the columns; without such a line there are two, source and
destination.

source       an archive, or a folder of such
destination  as the last argument of convert: a folder, an archive, a file, the
             URL of a server
mail, calendar, contacts
             as the options of those names; one of these or the destination is
             needed
user         the mailbox's owner, for a mail server whose URL names an
             administrator: as --act-as

  source,mail,calendar,user
  /export/alice.pst,imaps://admin@mail.example.org/,,alice
  /export/bob.pst,imaps://admin@mail.example.org/,caldavs://bob@dav.example.org/,bob
  /export/bob-2012.ost,imaps://admin@mail.example.org/,caldavs://bob@dav.example.org/,bob
  /export/sales,shared/sales.tar.zst,,

Lines that are alike in all but the source are one mailbox of several archives, as
bob's. A line that begins with # is none. Names of files are as seen from where
mailmill runs; one with a comma in it stands in quotes.

All other options are those of the command line and hold for all mailboxes.
Before the first is written, all archives are learnt from together, so that
colleagues know each other's addresses. Then one follows the other, each with its
own balance; in the end there is the total. --skip-duplicates looks within each
mailbox. What is wrong with the table ends the run before anything is read. A
mailbox whose archive or server fails does not keep the others from going on:
what is wrong is said at once, with the line. The exit status is the most severe
of all, from 0 over 14, 3, 13, 5, 11, 12, 4, 2 to 1. The same command again
writes what is missing.

Passwords never stand in the table. --password-file is for an administrator, who
acts as each user. Where each has one of his own, --password-command and
--token-command get it: what they run finds the URL's user in MAILMILL_USER and
the host in MAILMILL_HOST, as in --password-command 'pass "mail/$MAILMILL_USER"'.

With --json and --report, a mailbox object begins each mailbox (line, sources,
targets), a balance ends it, and total, with kinds, total and mailboxes (line,
sources, targets, status, reason), ends all.`
