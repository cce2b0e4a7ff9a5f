package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"mailmill/load/files"
	"mailmill/transform/folders"
)

// remote are the options for targets that are servers.
type remote struct {
	prefix      string
	folderMap   []string
	actAs       string
	ledger      string
	prune       bool
	connections int
	rate        string
	bandwidth   string
	tlsCA       string

	// The same, after check.
	names          map[string]string // of --folder-map
	itemsPerSecond float64           // 0 is no bound
	bytesPerSecond int64             // 0 is no bound
	authorities    *x509.CertPool    // nil are those of the system
}

// serverOptions are the options that are of use for servers alone.
var serverOptions = []string{"folder-map", "act-as", "ledger", "prune", "connections", "rate", "bandwidth", "tls-ca"}

// addFlags adds the options for servers. Those that say how something is written are of no use to verify.
func (r *remote) addFlags(flags *pflag.FlagSet, writes bool) {
	flags.StringVar(&r.prefix, "prefix", "", "put everything below `FOLDER` of the target; {source} in it is the archive's name, as in '{source}/' or 'Import/{source}'")
	flags.StringArrayVar(&r.folderMap, "folder-map", nil, "call the folder OLD NEW on a mail server: `OLD=NEW` as 'Sent Items=Sent'; may be repeated")
	flags.StringVar(&r.actAs, "act-as", "", "log in to a mail server as the URL's user, and act as `USER`")
	if writes {
		flags.StringVar(&r.ledger, "ledger", "", "remember in `FILE` what was written to servers (default: a file for each account in your state folder)")
		flags.BoolVar(&r.prune, "prune", false, "delete on servers what mailmill wrote there and the archives no longer have")
	}
	flags.IntVar(&r.connections, "connections", 0, "speak to a server over up to `N` connections (default: as many as it bears, up to 4)")
	if writes {
		flags.StringVar(&r.rate, "rate", "", "write at most `N` items a second to a server")
	}
	flags.StringVar(&r.bandwidth, "bandwidth", "", "exchange at most `N` bytes a second with a server (500K, 2M)")
	flags.StringVar(&r.tlsCA, "tls-ca", "", "also trust the authorities whose certificates are in `FILE` (PEM)")
	for _, name := range []string{"prefix", "folder-map", "act-as"} {
		offer(flags, name)
	}
}

// maxConnections is more than any server allows one user.
const maxConnections = 32

// check refuses values that cannot be.
func (r *remote) check(flags *pflag.FlagSet) (err error) {
	if flags.Changed("connections") && (r.connections < 1 || r.connections > maxConnections) {
		return usage("--connections takes a number from 1 to %d, not %d", maxConnections, r.connections)
	}
	if r.rate != "" {
		r.itemsPerSecond, err = strconv.ParseFloat(r.rate, 64)
		if err != nil || !(r.itemsPerSecond >= 0.001 && r.itemsPerSecond <= 1e6) {
			return usage("--rate takes a number of items a second, as 20 or 0.5, not %q", r.rate)
		}
	}
	if r.bandwidth != "" {
		var ok bool
		if r.bytesPerSecond, ok = parseSize(r.bandwidth); !ok || r.bytesPerSecond < 100 {
			return usage("--bandwidth takes a number of bytes a second, as 500K or 2M, not %q", r.bandwidth)
		}
	}
	if r.names, err = parseMap(r.folderMap); err != nil {
		return err
	}
	if err := r.checkPrefix(); err != nil {
		return err
	}
	if !isText(r.actAs) || strings.Contains(r.actAs, ":") {
		return usage("--act-as takes the name of a user, without a password")
	}
	return r.readAuthorities()
}

func (r *remote) checkPrefix() error {
	if !isText(r.prefix) {
		return usage("--prefix takes the name of a folder, not %q", r.prefix)
	}
	if r.prefix != "" && strings.Trim(r.prefix, "/") == "" {
		return usage("--prefix takes the name of a folder, and a slash only stands between two; leave it out to write beside the folders that are there")
	}
	rest := strings.ReplaceAll(r.prefix, folders.SourceMark, "")
	if i := strings.IndexByte(rest, '{'); i >= 0 && strings.Contains(rest[i:], "}") {
		return usage("--prefix knows %s, which is the archive's name, and nothing else in braces", folders.SourceMark)
	}
	r.prefix = strings.Trim(r.prefix, "/")
	return nil
}

// readAuthorities reads --tls-ca.
func (r *remote) readAuthorities() error {
	if r.tlsCA == "" {
		return nil
	}
	text, err := os.ReadFile(r.tlsCA)
	if err != nil {
		return usage("--tls-ca: %s: %s", r.tlsCA, reasonOf(err))
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	n := 0
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return usage("--tls-ca: %s: a certificate in it cannot be read: %v", r.tlsCA, err)
		}
		pool.AddCert(certificate)
		n++
	}
	if n == 0 {
		return usage("--tls-ca: %s holds no certificate (-----BEGIN CERTIFICATE-----)", r.tlsCA)
	}
	r.authorities = pool
	return nil
}

// tls returns how a connection to a server is made safe.
func (r *remote) tls(acct *account, insecure bool) *tls.Config {
	return &tls.Config{
		ServerName: acct.host,
		RootCAs:    r.authorities,
		MinVersion: tls.VersionTLS12,
		// The user said so, for this host.
		InsecureSkipVerify: insecure,
	}
}

// checkPlain refuses to send anything in the clear to a host that the user has not named. A mail server may still turn to
// TLS; where it does not, the connection ends before anything is sent.
func checkPlain(d *destination, insecure func(host string) bool) error {
	s := d.server
	if s.secure || s.sort == files.Mail || insecure(s.host) {
		return nil
	}
	return usage("%s: %s:// is without TLS, and everybody on the way reads along: write %s://, or --insecure %s if that is meant",
		d.role(), s.scheme.name, schemePair(s.scheme), s.host)
}

// schemePair returns the name of the scheme with TLS that does the same.
func schemePair(s scheme) string {
	i := slices.IndexFunc(schemes, func(other scheme) bool { return other.secure && other.sort == s.sort })
	return schemes[i].name
}

// stateFolder returns the folder in which the user's programs keep what they have to know from run to run. It need not
// exist.
func stateFolder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return dir, nil
		}
	}
	home, err := os.UserHomeDir()
	switch {
	case err != nil:
		return "", usage("there is no folder to keep the ledger in (%v); name a file with --ledger", err)
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support"), nil
	case runtime.GOOS == "windows":
		return filepath.Join(home, "AppData", "Local"), nil
	}
	return filepath.Join(home, ".local", "state"), nil
}
