package address

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
)

// weights are what one witness of each class is worth.
var weights = [formats.EvidenceClasses]int{
	formats.EvidenceSeen:         0,
	formats.EvidenceRow:          10,
	formats.EvidenceEntryID:      10,
	formats.EvidenceSearchKey:    8,
	formats.EvidenceHeader:       6,
	formats.EvidenceContact:      10,
	formats.EvidenceContactName:  4,
	formats.EvidenceContactPair:  2,
	formats.EvidenceList:         10,
	formats.EvidenceSharing:      10,
	formats.EvidenceAutocomplete: 10,
	formats.EvidenceReceived:     4,
	formats.EvidenceOwner:        6,
	formats.EvidenceCalendar:     4,
	formats.EvidenceUnchecked:    2,
}

const (
	leastWeight = 4  // that an address is believed at
	leastShare  = 70 // percent of all the weight
	stronger    = 3  // times the weight at which another's claim to an address voids a stranger's
)

// claim is a candidate in a vote.
type claim struct {
	smtp   string
	key    string
	weight int
	counts [formats.EvidenceClasses]int
	period period
	// void says that the address is another's, who has no name in common with this one.
	void bool
}

// claim returns a candidate of the person as one in a vote. What stands in a property that nobody has described counts
// for an address that looks like the person's, and no more than makes it believed.
func (p *person) claim(c *candidate) claim {
	cl := claim{smtp: c.texts.top(), key: c.key, counts: c.counts, period: c.period}
	for class, n := range c.counts {
		w := n * weights[class]
		if formats.EvidenceClass(class) == formats.EvidenceUnchecked && n > 0 {
			if !p.ownName(c.key) && !p.namedLike(c.key) {
				continue
			}
			w = min(w, leastWeight)
		}
		cl.weight += w
	}
	return cl
}

// compareClaims orders claims: the heaviest first, then the one that was seen last, then by the address.
func compareClaims(a, b claim) int {
	return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(b.period.last, a.period.last), cmp.Compare(a.key, b.key))
}

// voters decides between claims.
type voters struct {
	accepted map[string]bool // domains
	asOf     bool
}

// vote returns which of the claims, in their order, is believed, -1 for none. An address must have 70 % of the weight;
// where none has, near ties are decided by the accepted domains, and by time where one address followed the other, as
// when people are renamed. What remains is ambiguous.
func (v *voters) vote(claims []claim, date time.Time) (winner int, ambiguous bool) {
	total, valid := 0, make([]int, 0, 4)
	for i := range claims {
		if !claims[i].void && claims[i].weight > 0 {
			total += claims[i].weight
			valid = append(valid, i)
		}
	}
	if len(valid) == 0 {
		return -1, false
	}
	best := valid[0]
	if claims[best].weight < leastWeight {
		return -1, len(valid) > 1
	}
	if v.asOf && !date.IsZero() {
		if i := at(claims, valid, date); i >= 0 {
			return i, false
		}
	}
	if claims[best].weight*100 >= total*leastShare {
		return best, false
	}
	// Near ties: at least half as heavy as the best.
	near := slices.DeleteFunc(slices.Clone(valid), func(i int) bool {
		return claims[i].weight*2 < claims[best].weight || claims[i].weight < leastWeight
	})
	prefer := func(good func(domain string) bool) {
		if slices.ContainsFunc(near, func(i int) bool { return good(domainOf(claims[i].key)) }) {
			near = slices.DeleteFunc(near, func(i int) bool { return !good(domainOf(claims[i].key)) })
		}
	}
	prefer(func(domain string) bool { return v.accepted[domain] })
	prefer(func(domain string) bool { return !isRouting(domain) })
	if len(near) == 1 {
		return near[0], false
	}
	if byTime := inSuccession(claims, near); byTime != nil {
		return byTime[len(byTime)-1], false
	}
	return -1, true
}

// inSuccession returns the claims in the order of time if each began after the one before had ended, else nil.
func inSuccession(claims []claim, which []int) []int {
	list := slices.Clone(which)
	slices.SortFunc(list, func(a, b int) int { return cmp.Compare(claims[a].period.first, claims[b].period.first) })
	for i, c := range list {
		p := claims[c].period
		if p.first == 0 || i > 0 && p.first <= claims[list[i-1]].period.last {
			return nil
		}
	}
	return list
}

// at returns the claim that was good at a time: of those that succeeded each other the one that was seen then, or
// nearest to it; -1 where they did not.
func at(claims []claim, valid []int, date time.Time) int {
	solid := slices.DeleteFunc(slices.Clone(valid), func(i int) bool { return claims[i].weight < leastWeight })
	list := inSuccession(claims, solid)
	best, nearest := -1, int64(0)
	for _, i := range list {
		p, t := claims[i].period, date.Unix()
		away := max(p.first-t, t-p.last, 0)
		if best < 0 || away < nearest {
			best, nearest = i, away
		}
	}
	return best
}

// confidence is between 0.6 and 0.95 for an address that was learnt: it grows with the weight and the share.
func confidence(claims []claim, winner int) float64 {
	const full = 30 // weight beyond the least at which nothing is added
	total := 0
	for _, c := range claims {
		if !c.void {
			total += c.weight
		}
	}
	w := claims[winner].weight
	share := float64(w) / float64(max(total, 1))
	return 0.6 + 0.35*min(1, float64(w-leastWeight)/full)*share
}

// isSystem reports whether a folded name is one of Exchange's own, which nobody can have mail sent to.
func isSystem(key string) bool {
	return strings.HasSuffix(key, "/cn=microsoft system attendant") || strings.HasSuffix(key, "/cn=microsoft private mdb") ||
		strings.HasSuffix(key, "/cn=microsoft public mdb") || strings.Contains(key, "/cn=configuration/cn=servers/")
}
