package attestlm

import (
	"encoding/hex"
	"fmt"
)

// Hash is 32 bytes: a SHA-256, a digest, a nonce, the id of a job.
type Hash [32]byte

// Address is an Ethereum address.
type Address [20]byte

// String is the hash as 0x and 64 hex digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// String is the address as 0x and 40 lower-case hex digits.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// MarshalText writes the hash as String does.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// MarshalText writes the address as String does.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads 0x and 64 hex digits.
func (h *Hash) UnmarshalText(text []byte) error { return unhex(h[:], text) }

// UnmarshalText reads 0x and 40 hex digits. A checksum in their case is not looked at.
func (a *Address) UnmarshalText(text []byte) error { return unhex(a[:], text) }

func unhex(into, text []byte) error {
	if len(text) != 2+2*len(into) || text[0] != '0' || text[1] != 'x' {
		return &Error{ErrArgument, "", fmt.Sprintf("0x and %d hex digits are expected", 2*len(into))}
	}
	read := make([]byte, len(into))
	if _, err := hex.Decode(read, text[2:]); err != nil {
		return &Error{ErrArgument, "", fmt.Sprintf("0x and %d hex digits are expected", 2*len(into))}
	}
	copy(into, read)
	return nil
}
