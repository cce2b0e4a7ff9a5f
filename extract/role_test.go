package extract

import (
	"strings"
	"testing"

	"mailmill/formats"
)

// Every name of a role must be found, and none for two roles.
func TestRoleNames(t *testing.T) {
	seen := make(map[string]formats.Role)
	for role, names := range roleNames {
		for _, n := range names {
			if n != strings.ToLower(n) {
				t.Errorf("%q is not in lower case", n)
			}
			if other, ok := seen[n]; ok {
				t.Errorf("%q has roles %d and %d", n, other, role)
			}
			seen[n] = role
			if RoleOf(strings.ToUpper(n)) != role && RoleOf(" "+n) != role {
				t.Errorf("%q is not found", n)
			}
		}
	}
}
