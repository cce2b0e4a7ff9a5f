package outlook_test

import (
	"io"
	"strings"
	"testing"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/formats/pst"
)

// BenchmarkItem converts a received mail as most are: with transport headers, HTML, a few recipients and a picture.
func BenchmarkItem(b *testing.B) {
	html := "<html><body>" + strings.Repeat("<p class=MsoNormal>Some text with <b>looks</b>.</p>\r\n", 200) + `<img src="cid:a@x"></body></html>`
	m := note(props{
		mapi.PidTagSubject: "\x01\x05Re: an offer", mapi.PidTagInternetMessageId: "<1@example.org>", mapi.PidTagMessageCodepage: 1252, mapi.PidTagInternetCodepage: 65001,
		mapi.PidTagBody: strings.Repeat("Some text with looks.\r\n", 200), mapi.PidTagHtml: []byte(html), mapi.PidTagMessageFlags: 1, mapi.PidTagClientSubmitTime: sent, mapi.PidTagMessageDeliveryTime: sent,
		mapi.PidTagTransportMessageHeaders: strings.Repeat("Received: from a.example.org (192.0.2.1) by b.example.org (192.0.2.2)\r\n with Microsoft SMTP Server id 15.1.2; Wed, 4 Mar 2015 06:06:07 +0100\r\n", 4) +
			"From: \"Anna\" <anna@example.org>\r\nTo: Bert <bert@example.org>,\r\n\t\"Carl, C.\" <carl@example.org>\r\nSubject: Re: an offer\r\nDate: Wed, 4 Mar 2015 06:06:07 +0100\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n",
	}).from("Anna", annaDN)
	m.rows = []props{row(1, "Bert", "EX", annaDN+"x"), row(1, "Carl, C.", "SMTP", "carl@example.org")}
	m.atts = []*att{picture("a.png", "a@x", strings.Repeat("x", 10000))}
	c := outlook.New(outlook.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Item(formats.Entry{}, m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkArchive converts all mails of an archive, and writes them.
func BenchmarkArchive(b *testing.B) {
	f, err := pst.Open(corpustest.File(b, "pst/enron.pst"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var ids []pst.NID
	for id := range f.Nodes() {
		if pst.KindOf(id) == pst.KindMessage {
			ids = append(ids, id)
		}
	}
	c := outlook.New(outlook.Options{})
	enc := mime.NewEncoder()
	for _, write := range []bool{false, true} {
		name := "convert"
		if write {
			name = "convert and write"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, id := range ids {
					m, err := f.Message(id)
					if err != nil {
						b.Fatal(err)
					}
					it, err := c.Item(formats.Entry{}, m)
					if err != nil {
						b.Fatal(err)
					}
					if write {
						if err := enc.Encode(io.Discard, it.Mail); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(ids)), "µs/mail")
		})
	}
}
