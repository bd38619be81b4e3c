package attestlm

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Addresses of EIP-55's own text.
func TestAddresses(t *testing.T) {
	for _, text := range []string{
		"0x52908400098527886E0F7030069857D2E4169EE7",
		"0xde709f2102306220921060314715629080e2fb77",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
		"0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
		"0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	} {
		address, err := ParseAddress(text)
		if err != nil || address.String() != text {
			t.Errorf("%s, not %s: %v", address, text, err)
		}
		lower, err := ParseAddress(strings.ToLower(text))
		if err != nil || lower != address {
			t.Errorf("%s, not %s: %v", lower, text, err)
		}
		written, err := json.Marshal(map[Address]*Address{address: &address})
		if err != nil || string(written) != `{"`+text+`":"`+text+`"}` {
			t.Errorf("%s: %v", written, err)
		}
		var read map[Address]*Address
		if err := json.Unmarshal(written, &read); err != nil || read[address] == nil || *read[address] != address {
			t.Errorf("%s: %v", written, err)
		}
	}
}

func TestWrongAddresses(t *testing.T) {
	const right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	for _, wrong := range []string{
		"", "0x", right[2:], right[:41], right + "00", right[:41] + "g", "0X" + right[2:], " " + right, "0x5\xff" + right[4:],
		"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", // another case
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee", // another address
	} {
		address, err := ParseAddress(wrong)
		answered(t, err, ErrArgument, "address", "")
		read := Address{1}
		if err := read.UnmarshalText([]byte(wrong)); !errors.Is(err, ErrArgument) || address != (Address{}) || read != (Address{1}) {
			t.Errorf("%q: %s, %s: %v", wrong, address, read, err)
		}
	}
	var terms Terms
	if err := json.Unmarshal([]byte(`{"signer":"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}`), &terms); !errors.Is(err, ErrArgument) {
		t.Error(err)
	}
}

func TestHashes(t *testing.T) {
	hash := Hash{0xab, 31: 1}
	text := "0xab" + strings.Repeat("0", 61) + "1"
	var read Hash
	if err := read.UnmarshalText([]byte(text)); err != nil || read != hash || hash.String() != text {
		t.Errorf("%s, %s: %v", read, hash, err)
	}
	for _, wrong := range []string{"", "0x", text[2:], text[:65], text + "0", text[:65] + "g", "00" + text[2:]} {
		if err := read.UnmarshalText([]byte(wrong)); !errors.Is(err, ErrArgument) || read != hash {
			t.Errorf("%q: %s, %v", wrong, read, err)
		}
	}
}
