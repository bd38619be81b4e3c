package attestlm

import (
	"encoding/hex"
	"strings"
)

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

// Bytes are written as 0x and hex digits.
type Bytes []byte

// String is the bytes as 0x and hex digits.
func (b Bytes) String() string { return "0x" + hex.EncodeToString(b) }

// MarshalText is [Bytes.String].
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads 0x and hex digits. Errors: [ErrArgument].
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, found := strings.CutPrefix(string(text), "0x")
	if !found {
		return &Error{ErrArgument, "bytes", "0x and hex digits are expected"}
	}
	read, err := hex.DecodeString(digits)
	if err != nil {
		return &Error{ErrArgument, "bytes", "0x and hex digits are expected"}
	}
	*b = read
	return nil
}
