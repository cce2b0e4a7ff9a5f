package main

import "github.com/spf13/cobra"

func serversTopic() *cobra.Command {
	return &cobra.Command{Use: "servers", Short: "How convert and verify speak to servers", Long: serversHelp}
}

const serversHelp = `A server is named by a URL, as DST or with --mail, --calendar or --contacts:

  imaps://USER@HOST[:PORT]/[MAILBOX]     mail, by IMAP with TLS
  imap://USER@HOST[:PORT]/[MAILBOX]      the same; TLS begins with STARTTLS
  caldavs://[USER@]HOST[:PORT]/[PATH]    events, tasks, notes, journal entries
  caldav://…                             the same without TLS
  carddavs://[USER@]HOST[:PORT]/[PATH]   contacts and lists
  carddav://…                            the same without TLS

An @ in a user's name may stand as it is or as %40. MAILBOX is what everything
goes below; without one it goes beside what is there, and folders with a role
(Inbox, Sent, Drafts, Trash, Junk, Archive) into the server's own, in whatever
language the archive names them. PATH is a collection, which takes everything,
or where the account's collections are; without one they are looked for as
RFC 6764 says. --folder-map OLD=NEW and --prefix FOLDER name other places;
{source} in a prefix is the archive's name, so that each gets its own.

  mailmill convert alice.pst imaps://alice@mail.example.org/
  mailmill convert alice.pst --mail imaps://alice@mail.example.org/ \
      --calendar caldavs://alice@dav.example.org/ --contacts contacts.vcf
  mailmill convert -n alice.pst imaps://alice@mail.example.org/
  mailmill verify alice.pst imaps://alice@mail.example.org/

All targets are opened before anything is written to one: where a login, TLS or
the plan fails, nothing is written anywhere. -n does all of that, looks at
limits and quota, and tells what each would get.

Passwords never stand in a URL or an option. In this order they come from
  1. --mail-password-file FILE, --mail-password-command COMMAND or
     --mail-token-command COMMAND (also with calendar- and contacts-)
  2. --password-file, --password-command, --token-command, for all servers
  3. MAILMILL_MAIL_PASSWORD, MAILMILL_CALENDAR_PASSWORD,
     MAILMILL_CONTACTS_PASSWORD (directories: MAILMILL_DIRECTORY_PASSWORD)
  4. MAILMILL_PASSWORD
  5. a prompt, where standard error is a terminal
Of a file or a command the first line counts. A token is an OAuth 2 access
token; its command runs again when a token has expired. A password is tried
once: one that is refused ends the run with status 12.

An administrator who may act for others logs in for them: with the URL
imaps://admin@HOST/ and --act-as alice (SASL authorisation identity), or with
alice*admin as the user, where the server has master users (Dovecot).

Certificates are verified. --tls-ca FILE trusts another authority as well.
--insecure HOST allows connections without TLS, certificates that cannot be
verified, and passwords over them, to that host alone.

Every item is written exactly once. What was written where is in the ledger, a
file of yours for each account (--ledger names another): before anything is
sent, and after the server has confirmed it. It holds no mail and no secret.
The same command goes on where a run stopped, whatever stopped it: Ctrl-C, a
lost server, a full account, kill -9. Where the ledger is lost, what is on the
server is recognised by its content.

Run again later, the command writes what is new, and replaces what the archive
has changed since: an archive is known by its file name, whatever folder it lies
in, and never replaces what came from one of another name. What somebody has
changed or deleted on the server is left
as it is and reported as a conflict. Nothing is deleted, but with --prune what
mailmill wrote there and the archives no longer have.

The pace adapts to the server: where it asks for less, or answers slowly, less
is sent, over fewer connections. --connections, --rate and --bandwidth bound it.
A server that goes away is waited for some minutes before the run ends.
The terminal shows a lane for each server; with -v, lines a minute do.

No server mails anything to anybody for what is written there: meetings are
stored without invitations, replies and cancellations.

verify compares what the server holds with the archives, item by item and by
content, with or without a ledger; convert --verify does so when it has written.

Exit statuses: 5 the server is away, 11 another run has the ledger, 12 login
refused, 13 the account is full, 14 verify found differences.`
