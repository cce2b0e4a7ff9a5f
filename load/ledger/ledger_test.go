package ledger_test

import (
	"testing"

	"mailmill/load/ledger"
)

func TestQuick(t *testing.T) {
	path := t.TempDir() + "/x/y?a=%41 #.ledger"
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Account("imaps://alice@x/")
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Place(t.Context(), "INBOX", "1")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(p.Fresh(), p.Claim("k", ledger.Print{1}))
	if err := p.Intend(t.Context(), []ledger.Record{{Key: "k", Print: ledger.Print{1}}}); err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Open(path)
	t.Log(err)
	if err := p.Confirm(t.Context(), []ledger.Record{{Key: "k", Print: ledger.Print{1}, Name: "7"}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _ = l.Account("imaps://alice@x/")
	p, err = a.Place(t.Context(), "INBOX", "1")
	t.Log(p.Claim("k", ledger.Print{1}), err)
	t.Log(p.Claim("k", ledger.Print{2}), err)
	t.Log(a.Places(t.Context()))
	l.Close()
}
