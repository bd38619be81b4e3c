package attestlm

import "encoding/json"

// VerifyOptions say what a receipt is judged by.
type VerifyOptions struct {
	Model   *Model   // to replay with; without one the verdict is at best "unverifiable", but for Terms.SignatureOnly
	Adapter *Adapter // one opened for the model, or nil
	Request *Request // the client's own: without it a hidden system prompt would not show
	Terms   Terms

	// Progress, if not nil, is told of the replay's tokens, as [OpenOptions] has it.
	Progress func(done, total uint64)
}

// Terms of a verification: what is expected, and how to compare.
type Terms struct {
	Signer  *Address `json:"signer,omitempty"`
	Model   *Hash    `json:"model,omitempty"`   // SHA-256 of the GGUF
	Adapter *Hash    `json:"adapter,omitempty"` // SHA-256 of the adapter's file; zero: none
	Sampler *Hash    `json:"sampler,omitempty"`
	Profile string   `json:"profile,omitempty"` // a whole id, or "exact", "exact-1", "exact-2" or "fast" of this release
	Finish  string   `json:"finish,omitempty"`
	Context *Hash    `json:"context,omitempty"`

	Domain      *Domain `json:"domain,omitempty"`             // the contract it must be signed for; its zero value: for none
	IssuedFrom  uint64  `json:"issuedFrom,omitempty,string"`  // the first second, Unix time, at which it may say it was issued
	IssuedUntil uint64  `json:"issuedUntil,omitempty,string"` // and the last

	Seed               string `json:"seed,omitempty"`               // 0x and 64 hex digits, or a decimal number
	ClientEntropy      *Hash  `json:"clientEntropy,omitempty"`      // of which the seed must be made, by rule 1
	ProviderCommitment *Hash  `json:"providerCommitment,omitempty"` // what the provider published of its secret, rule 1
	Beacon             *Hash  `json:"beacon,omitempty"`             // of which the seed must be made, by rule 2
	Nonce              *Hash  `json:"nonce,omitempty"`

	Scored        bool   `json:"scored,omitempty"`      // a scored receipt is wanted
	AllowPrefix   bool   `json:"allowPrefix,omitempty"` // a cancelled output is acceptable
	Tolerant      bool   `json:"tolerant,omitempty"`    // compare with tolerance where bits cannot be
	SignatureOnly bool   `json:"signatureOnly,omitempty"`
	Threads       uint32 `json:"threads,omitempty"`
}

// MarshalJSON writes the domain that is none by its word.
func (t Terms) MarshalJSON() ([]byte, error) {
	type members Terms
	if t.Domain == nil || *t.Domain != (Domain{}) {
		return json.Marshal(members(t))
	}
	none := struct {
		members
		Domain string `json:"domain"`
	}{members(t), "none"}
	return json.Marshal(none)
}

// The verdicts.
const (
	Verified     = "verified"
	Diverged     = "diverged"
	Invalid      = "invalid"
	Unverifiable = "unverifiable"
	Consistent   = "consistent"
	Inconsistent = "inconsistent"
)

// Report of a verification: the verdict, what was compared, and what was not, and why.
type Report struct {
	Verdict     Verdict  `json:"verdict"`
	Kind        *uint8   `json:"kind"`   // 0 generated, 1 scored; nil if the receipt could not be read
	Signer      *Address `json:"signer"` // nil unless the signature was found good
	Digest      *Hash    `json:"digest"`
	Compared    []string `json:"compared"`
	NotCompared []string `json:"notCompared"`
}

// Verdict is one of six, and what belongs to it.
type Verdict struct {
	Name       string   `json:"name"`
	PrefixOnly bool     `json:"prefixOnly,omitempty"` // of "verified": the output was cancelled, only its prefix is claimed
	Position   *uint64  `json:"position,omitempty"`   // of "diverged": the first output token that differs, or nil
	What       string   `json:"what,omitempty"`       // of "diverged" and "invalid"
	Why        string   `json:"why,omitempty"`        // of "unverifiable"
	Score      *float64 `json:"score,omitempty"`      // of "consistent" and "inconsistent"; nil: infinite
}
