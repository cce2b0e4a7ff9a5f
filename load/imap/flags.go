package imap

import (
	"maps"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"mailmill/formats"
	"mailmill/formats/maildir"
)

// mostKeywords is how many keywords a mailbox gets at most, those that it has among them.
//
// QUIRK: Cyrus holds 128 and then refuses every message with a new one.
const mostKeywords = 120

// mostKept is how many keywords every server keeps in a mailbox.
//
// QUIRK: Dovecot's Maildir has a letter of a message's file name for each of 26, and the others in an index alone, which is
// lost where a mailbox is copied as files or its index is made anew.
const mostKept = 26

// keywords are those that a mailbox can hold.
type keywords struct {
	any   bool            // PERMANENTFLAGS has \* (RFC 9051 7.1): new ones may be made
	known map[string]bool // by lower-case name
}

// permitted returns what the server says of a mailbox after SELECT.
func permitted(s *goimap.SelectData) *keywords {
	k := &keywords{known: make(map[string]bool)}
	list := s.PermanentFlags
	if list == nil {
		list, k.any = s.Flags, true // RFC 3501 7.1: without the list all are permanent
	}
	for _, f := range list {
		if f == goimap.FlagWildcard {
			k.any = true
			continue
		}
		if !strings.HasPrefix(string(f), `\`) {
			k.known[strings.ToLower(string(f))] = true
		}
	}
	return k
}

func (k *keywords) clone() *keywords { return &keywords{k.any, maps.Clone(k.known)} }

// take reports whether a message may have a keyword.
func (k *keywords) take(keyword string) bool {
	folded := strings.ToLower(keyword)
	if !k.known[folded] && k.any && len(k.known) < mostKeywords {
		k.known[folded] = true
	}
	return k.known[folded]
}

// systemFlags returns the flags of an item that every mailbox has. \Recent is the server's, and \Deleted would make the
// message disappear.
func systemFlags(f formats.Flags) (flags []string) {
	for _, s := range []struct {
		flag formats.Flags
		name goimap.Flag
	}{
		{formats.FlagSeen, goimap.FlagSeen},
		{formats.FlagAnswered, goimap.FlagAnswered},
		{formats.FlagFlagged, goimap.FlagFlagged},
		{formats.FlagDraft, goimap.FlagDraft},
	} {
		if f&s.flag != 0 {
			flags = append(flags, string(s.name))
		}
	}
	return flags
}

// keywordsOf returns the keywords of an item, the most important first. What a category is in full stands in the mail's
// Keywords field.
func keywordsOf(it *formats.Item) (list []string) {
	if it.Flags&formats.FlagForwarded != 0 {
		list = append(list, string(goimap.FlagForwarded))
	}
	// Mail programs ask whether to send a receipt for what was read long ago, or just send it, unless they are told that
	// it was (RFC 3503).
	if it.Flags&formats.FlagSeen != 0 && slices.ContainsFunc(it.Mail.Header, func(f formats.Field) bool {
		return strings.EqualFold(f.Name, "Disposition-Notification-To")
	}) {
		list = append(list, string(goimap.FlagMDNSent))
	}
	for _, category := range it.Keywords {
		if k := maildir.Keyword(category); k != "" && !contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

func contains(list []string, flag string) bool {
	return slices.ContainsFunc(list, func(f string) bool { return strings.EqualFold(f, flag) })
}

// tag returns flags as the ledger keeps them.
func tag(flags []string) string { return strings.Join(flags, " ") }

// state returns what two sets of flags have in common that are the same, whatever their order and case. What the server
// itself sets is none of it.
func state(flags []string) string {
	list := make([]string, 0, len(flags))
	for _, f := range flags {
		if f = strings.ToLower(f); f != `\recent` && f != "" {
			list = append(list, f)
		}
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}

// difference returns what has to be added to and removed from one set of flags to make another of it.
func difference(from, to []string) (added, removed []string) {
	for _, f := range to {
		if !contains(from, f) {
			added = append(added, f)
		}
	}
	for _, f := range from {
		if !contains(to, f) {
			removed = append(removed, f)
		}
	}
	return added, removed
}

// The times that every server keeps.
//
// QUIRK: Dovecot wraps dates before 1970 around to 2106, and takes all that are still to come for the time of the upload;
// Cyrus refuses the former with BAD, takes the first second of 1970 for now, and wraps what comes after 2106.
var (
	firstDate = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	lastDate  = time.Date(2038, 1, 18, 0, 0, 0, 0, time.UTC)
)

// internalDate returns when a mail came, as the server will show it: when it was delivered, else sent, else changed last.
// It reports whether that is another time than the mail's own, which then stands in its header alone. What has no time
// must not look as if it had come today.
func internalDate(it *formats.Item) (at time.Time, moved bool) {
	for _, at = range []time.Time{it.Received, it.Date, it.Modified} {
		if !at.IsZero() {
			break
		}
	}
	switch {
	case at.IsZero(), at.Before(firstDate):
		return firstDate, true
	case at.After(lastDate):
		return lastDate, true
	}
	return at.UTC().Truncate(time.Second), false
}
