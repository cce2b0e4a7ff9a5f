package address

import (
	"fmt"
	"regexp"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Rule makes a mail address of a distinguished name.
type Rule struct {
	pattern  *regexp.Regexp
	template string
	text     string
}

// ParseRule reads a rule "REGEX=>TEMPLATE": what the regular expression (RE2 syntax, whatever the letter case) finds in
// the distinguished name stands in the template as $1, ${name} and so on. The last "=>" is the one that counts.
//
//	cn=([^/]+)$=>$1@example.com
func ParseRule(s string) (*Rule, error) {
	i := strings.LastIndex(s, "=>")
	if i < 0 {
		return nil, fmt.Errorf("%q is no rule: one has the form REGEX=>TEMPLATE, as in cn=([^/]+)$=>$1@example.com", s)
	}
	pattern, template := strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+2:])
	if pattern == "" || template == "" {
		return nil, fmt.Errorf("%q is no rule: nothing stands on one side of =>", s)
	}
	re, err := regexp.Compile("(?i)" + pattern)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %w", pattern, err)
	}
	return &Rule{re, template, s}, nil
}

// String returns the rule as it was written.
func (r *Rule) String() string { return r.text }

// Apply returns the address that the rule makes; false where the expression does not match, or the result is no address
// that could be mailed to.
func (r *Rule) Apply(dn string) (string, bool) {
	match := r.pattern.FindStringSubmatchIndex(dn)
	if match == nil {
		return "", false
	}
	addr := string(r.pattern.ExpandString(nil, r.template, dn, match))
	if mapi.ShapeOf(addr) != mapi.ShapeSMTP || !isAddrSpec(addr) {
		return "", false
	}
	return addr, true
}

// byRules is the rung of the rules that the user gave. The first that makes an address counts.
type byRules struct{ rules []*Rule }

func (r byRules) Resolve(q *Query) (Answer, bool) {
	if q.Key == "" || strings.HasPrefix(q.Key, nameMark) || isSystem(q.Key) {
		return Answer{}, false
	}
	for _, rule := range r.rules {
		if smtp, ok := rule.Apply(q.DN); ok {
			return Answer{SMTP: smtp, Via: formats.ViaRule, Confidence: 0.3}, true
		}
	}
	return Answer{}, false
}
