// Package dns without any client of a DNS service, in place of lego's own: HTTP-01 needs none, and
// their libraries would be twenty minutes of building.
package dns

import (
	"fmt"

	"github.com/go-acme/lego/v4/challenge"
)

// NewDNSChallengeProviderByName knows no provider.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, fmt.Errorf("this lego was built without DNS providers: %s", name)
}
