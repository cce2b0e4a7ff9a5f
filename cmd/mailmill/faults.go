package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"mailmill/load/dav/client"
	"mailmill/load/imap"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
)

// goesOn says to whoever has mended what ended a run that nothing is lost by it.
const goesOn = "run the same command again, which goes on where this one stopped"

// explainServer says what is wrong with a server, or with what one has to know of it, and what to do.
func (d *destination) explainServer(err error) error {
	var (
		authMail *wire.AuthError
		authDAV  *client.AuthError
		tlsMail  *wire.TLSError
		tlsDAV   *client.TLSError
		protocol *wire.ProtocolError
		nonsense *client.ProtocolError
		lookup   *net.DNSError

		operation *net.OpError
	)
	s := d.server
	where := d.String()
	says := func(status int, what string, then string) error {
		sentence := fmt.Sprintf("%s: %s", where, what)
		if then != "" {
			sentence += "; " + then
		}
		return &exit{status, sentence, err}
	}
	if told := explainLedger(err); told != err {
		return told
	}
	what := strings.TrimSuffix(once(err), ".")
	switch {
	case errors.As(err, &authMail), errors.As(err, &authDAV):
		return says(exitRefused, what, "see to the user and the password, which was tried once; mailmill help servers tells where it comes from")
	case errors.Is(err, wire.ErrNoTLS):
		return says(exitUsage, what, fmt.Sprintf("write %s:// if it speaks TLS from the start, or --insecure %s if that is meant", schemePair(s.scheme), s.host))
	case errors.As(err, &tlsMail), errors.As(err, &tlsDAV):
		if untrusted(err) {
			return says(exitUsage, what, fmt.Sprintf("name the authority's certificate with --tls-ca FILE, or --insecure %s if that is meant", s.host))
		}
		return says(exitUsage, what, "is that the right port?")
	case wire.OverQuota(err), client.OverQuota(err), errors.As(err, new(*imap.QuotaError)):
		return says(exitQuota, what, "what was written before stays; make room there, and "+goesOn)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return says(exitTemporary, fmt.Sprintf("nobody knows a host %s", s.host), "see to its name, or to the network, and "+goesOn)
	case errors.As(err, &operation) && operation.Op == "dial":
		return says(exitTemporary, "cannot be reached: "+callReason(operation), "see to the address, or to the network, and "+goesOn)
	case errors.As(err, &protocol), errors.As(err, &nonsense):
		return says(exitTemporary, what, "if that is the right server, "+goesOn)
	case away(err):
		return says(exitTemporary, what, "when it is there again, "+goesOn)
	case errors.Is(err, context.Canceled):
		return err
	case temporary(err):
		return says(exitTemporary, what, goesOn)
	}
	if refused(err) {
		return says(exitUsage, what, "")
	}
	return says(exitUnexpected, what, "")
}

// explainLedger says of an error of a ledger of what sort it is. Its sentence says already what to do.
func explainLedger(err error) error {
	var inUse *ledger.InUseError
	switch {
	case errors.As(err, &inUse):
		return &exit{exitInUse, once(err) + ", then run the same command again", err}
	case errors.Is(err, ledger.ErrFull), errors.Is(err, ledger.ErrBusy):
		return &exit{exitTemporary, once(err), err}
	case errors.Is(err, ledger.ErrDamaged), errors.Is(err, ledger.ErrForeign), errors.Is(err, ledger.ErrNewer), errors.Is(err, ledger.ErrUnwritable):
		return &exit{exitUsage, once(err), err}
	}
	return err
}

// callReason returns why a connection could not be made, without the call's name.
func callReason(err *net.OpError) string {
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err.Error()
	}
	return err.Err.Error()
}

// away reports whether a server cannot be reached, does not answer, or has no time.
func away(err error) bool {
	if wire.Lost(err) || client.Unsent(err) || client.Unknown(err) || client.Temporary(err) {
		return true
	}
	if _, ok := wire.Throttled(err); ok {
		return true
	}
	if _, ok := client.Throttled(err); ok {
		return true
	}
	var operation *net.OpError
	var network net.Error
	return errors.As(err, &operation) || errors.As(err, &network) && network.Timeout()
}

// refused reports whether a server understood what was asked for, and does not do it.
func refused(err error) bool {
	var mail *wire.ResponseError
	var dav *client.Error
	return errors.As(err, &mail) || errors.As(err, &dav)
}

// untrusted reports whether a certificate is what was wrong with a connection.
func untrusted(err error) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || strings.Contains(err.Error(), "x509: ")
}
