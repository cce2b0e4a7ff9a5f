package davtest

import (
	"crypto/md5" //nolint:gosec // RFC 7616 has it
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"regexp"
	"strings"
)

// authorized reports whether a request proves that it is the user's; else it answers 401.
func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	if s.options.Password == "" {
		return true
	}
	switch s.options.Auth {
	case Basic:
		if user, password, ok := r.BasicAuth(); ok && user == User && password == s.options.Password {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="davtest", charset="UTF-8"`)
	case Bearer:
		if r.Header.Get("Authorization") == "Bearer "+s.options.Password {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="davtest", error="invalid_token"`)
	default:
		ok, stale := s.digest(r)
		if ok && !stale {
			return true
		}
		name := "MD5"
		if s.options.Auth == DigestSHA256 {
			name = "SHA-256"
		}
		s.mu.Lock()
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="davtest, \"the\" server", qop="auth,auth-int", nonce="nonce-%d", opaque="x", algorithm=%s, stale=%v`, s.nonce, name, stale))
		s.mu.Unlock()
	}
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

var field = regexp.MustCompile(`(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^ ,]+))`)

// digest checks a response after RFC 7616, also that each count is used once.
func (s *Server) digest(r *http.Request) (ok, stale bool) {
	header, found := strings.CutPrefix(r.Header.Get("Authorization"), "Digest ")
	if !found {
		return false, false
	}
	f := make(map[string]string)
	for _, m := range field.FindAllStringSubmatch(header, -1) {
		f[m[1]] = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[2]) + m[3]
	}
	make := md5.New
	if s.options.Auth == DigestSHA256 {
		make = sha256.New
	}
	a1 := sum(make(), User, f["realm"], s.options.Password)
	a2 := sum(make(), r.Method, f["uri"])
	if f["uri"] != r.RequestURI || f["response"] != sum(make(), a1, f["nonce"], f["nc"], f["cnonce"], f["qop"], a2) || f["username"] != User {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f["nonce"] != fmt.Sprintf("nonce-%d", s.nonce) {
		return true, true
	}
	// Requests overtake each other on several connections: the count is only bounded.
	if s.uses++; s.options.NonceUses > 0 && s.uses > s.options.NonceUses {
		s.nonce++
		s.uses = 0
		return true, true
	}
	return true, false
}

func sum(h hash.Hash, parts ...string) string {
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}
