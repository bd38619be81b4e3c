package attestlm

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
	Profile string   `json:"profile,omitempty"` // a whole id, or "exact" or "fast" of this release
	Finish  string   `json:"finish,omitempty"`
	Context *Hash    `json:"context,omitempty"`

	Scored        bool   `json:"scored,omitempty"`      // a scored receipt is wanted
	AllowPrefix   bool   `json:"allowPrefix,omitempty"` // a cancelled output is acceptable
	Tolerant      bool   `json:"tolerant,omitempty"`    // compare with tolerance where bits cannot be
	SignatureOnly bool   `json:"signatureOnly,omitempty"`
	Threads       uint32 `json:"threads,omitempty"`
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
