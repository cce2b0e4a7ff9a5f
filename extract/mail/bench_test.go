package mail_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/mime"
)

// usualMail is a mail as it comes from the internet: some forty fields of which most are traces, and a body.
func usualMail(size int, end string) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format, args...); b.WriteString(end) }
	line("Return-Path: <newsletter-1234@mail.example.com>")
	line("Delivered-To: jane@example.org")
	for i := range 5 {
		line("Received: from mx%d.example.net (mx%d.example.net [192.0.2.%d])", i, i, i)
		line("\tby mail.example.org (Postfix) with ESMTPS id 4F%dC81%d", i, i)
		line("\tfor <jane@example.org>; Sat, 21 Nov 2026 21:1%d:05 +0100 (CET)", i)
	}
	line("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;")
	for range 6 {
		line("\th=from:to:subject:date:message-id:mime-version:content-type:list-unsubscribe:x-feedback")
	}
	line("From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg.mueller@example.com>")
	line("To: \"Doe, Jane\" <jane@example.org>, John <john@example.org>,")
	line(" Support Team <support@example.org>")
	line("Cc: a@example.org, b@example.org, c@example.org")
	line("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?= and what else there is to say")
	line("Date: Sat, 21 Nov 2026 21:14:05 +0100")
	line("Message-ID: <20261121201405.1234@mail.example.com>")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/alternative; boundary=\"=_b0\"")
	for i := range 15 {
		line("X-Example-Header-%d: some value or other that says %d things", i, i)
	}
	line("")
	line("--=_b0")
	line("")
	for b.Len() < size {
		line("The quick brown fox jumps over the lazy dog, again and again and again.")
	}
	line("--=_b0--")
	return []byte(b.String())
}

// BenchmarkPass measures what passing on an average mail costs: its item, and its bytes.
func BenchmarkPass(b *testing.B) {
	for _, end := range []string{"\r\n", "\n"} {
		name := "CRLF"
		if end == "\n" {
			name = "LF"
		}
		data := formats.Bytes(usualMail(20_000, end))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				it, err := mail.New(formats.Entry{}, data, int64(len(data)), mail.State{}, extract.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := mime.Write(io.Discard, it.Mail); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
