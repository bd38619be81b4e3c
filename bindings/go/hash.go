package attestlm

import "encoding/hex"

// Hash is 32 bytes: a SHA-256, a digest, a nonce, the id of a job.
type Hash [32]byte

// String is the hash as 0x and 64 hex digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// MarshalText writes the hash as String does.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 0x and 64 hex digits. Errors: [ErrArgument].
func (h *Hash) UnmarshalText(text []byte) error {
	var read Hash
	if len(text) == 66 && string(text[:2]) == "0x" {
		if _, err := hex.Decode(read[:], text[2:]); err == nil {
			*h = read
			return nil
		}
	}
	return &Error{ErrArgument, "hash", "0x and 64 hex digits are expected"}
}
