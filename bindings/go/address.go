package attestlm

/*
#include <attestlm.h>
*/
import "C"

import "encoding/hex"

// Address is an Ethereum address.
type Address [20]byte

// ParseAddress reads 0x and 40 hex digits: all of them in lower case, or in the mixed case of EIP-55, whose checksum must be
// right. Errors: [ErrArgument].
func ParseAddress(text string) (Address, error) {
	var address Address
	if err := ready(); err != nil {
		return address, err
	}
	var err *C.attestlm_error_t
	data, length := input([]byte(text))
	into, _ := input(address[:])
	status := C.attestlm_address_parse(data, length, into, &err)
	return address, failure(status, err)
}

// String is the address as wallets show it: 0x and 40 hex digits in the mixed case of EIP-55.
func (a Address) String() string {
	text, err := a.MarshalText()
	if err != nil {
		return "0x" + hex.EncodeToString(a[:]) // in a fork of the process, where the library refuses
	}
	return string(text)
}

// MarshalText writes the address as String does.
func (a Address) MarshalText() ([]byte, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var text *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	data, length := input(a[:])
	status := C.attestlm_address_text(data, length, &text, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return output(text), nil
}

// UnmarshalText reads what ParseAddress does.
func (a *Address) UnmarshalText(text []byte) error {
	address, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = address
	return nil
}
