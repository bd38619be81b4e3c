package attestlm

/*
#include <attestlm.h>
*/
import "C"

import "runtime/cgo"

// Signer signs in the name of one address. A nil *Signer signs nothing: answers carry no receipt.
type Signer struct {
	object *object[*C.attestlm_signer_t]

	// Of a function: its handle, good as long as the object is, and in whose name it signs. The library's signer is then
	// one for the address and what is not a request.
	function cgo.Handle
	address  Address
}

// NewRandomSigner makes a signer with a fresh key. Errors: [ErrIO] (no random numbers).
func NewRandomSigner() (*Signer, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var signer *C.attestlm_signer_t
	var err *C.attestlm_error_t
	status := C.attestlm_signer_random(&signer, &err)
	return newSigner(status, signer, err)
}

// NewKeySigner makes a signer with a secp256k1 key of 32 bytes, big-endian. The copy it keeps is wiped when it is freed;
// wipe yours. Errors: [ErrArgument], [ErrSigner] (zero, or not below the group order).
func NewKeySigner(key []byte) (*Signer, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var signer *C.attestlm_signer_t
	var err *C.attestlm_error_t
	data, length := input(key)
	status := C.attestlm_signer_from_key(data, length, &signer, &err)
	return newSigner(status, signer, err)
}

// NewKeystoreSigner makes a signer with the key of a keystore V3 document under its password. It takes the time that the
// keystore's parameters ask for, up to seconds. Errors: [ErrSigner]: no keystore, a parameter out of bounds, a wrong
// password.
func NewKeystoreSigner(keystore []byte, password string) (*Signer, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var signer *C.attestlm_signer_t
	var err *C.attestlm_error_t
	text, length := input(keystore)
	secret, secretLength := input([]byte(password))
	status := C.attestlm_signer_from_keystore(text, length, secret, secretLength, &signer, &err)
	return newSigner(status, signer, err)
}

// NewCallbackSigner makes a signer that calls a function: a wallet, an HSM, a KMS. Every signature it makes is checked to
// be by address. Several goroutines may be in sign at once, for a request that another one waits for, too. It must not use
// the session it signs for, which refuses it, and must return: runtime.Goexit in it ends the process. If it fails there is
// no receipt: the error that says so is [ErrSigner], and its own; if it panics, [ErrSigner] and a [*PanicError].
func NewCallbackSigner(address Address, sign SignFunc) (*Signer, error) {
	if sign == nil {
		return nil, &Error{ErrArgument, "sign", "is nil"}
	}
	if err := ready(); err != nil {
		return nil, err
	}
	signing, function, err := signWith(address, sign)
	if err != nil {
		return nil, err
	}
	signer, _ := newSigner(C.ATTESTLM_OK, signing.signer, nil)
	signer.function, signer.address = function, address
	return signer, nil
}

// NewExternalSigner makes a signer that signs nothing. Receipts come out unsigned, in the name of address: have
// [Receipt.TypedData] or [Receipt.Digest] signed wherever you like and call [Receipt.Sign]. Until then, [Receipt.JSON] and
// [ParseReceipt] keep the receipt.
func NewExternalSigner(address Address) (*Signer, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var signer *C.attestlm_signer_t
	var err *C.attestlm_error_t
	data, length := input(address[:])
	status := C.attestlm_signer_external(data, length, &signer, &err)
	return newSigner(status, signer, err)
}

func newSigner(status C.attestlm_status_t, signer *C.attestlm_signer_t, err *C.attestlm_error_t) (*Signer, error) {
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return &Signer{object: own(signer, func(signer *C.attestlm_signer_t) { C.attestlm_signer_free(signer) })}, nil
}

// Address is in whose name it signs.
func (s *Signer) Address() (Address, error) {
	signer, closed := s.held().use()
	if closed != nil {
		return Address{}, closed
	}
	defer s.object.done()
	var address Address
	var err *C.attestlm_error_t
	data, _ := input(address[:])
	status := C.attestlm_signer_address(signer, data, &err)
	return address, failure(status, err)
}

// Keystore gives the key, encrypted under a password, as a keystore V3 document (scrypt, n = 2^18: about a second). Write
// it to a file that nobody else may read. Errors: [ErrSigner] (the key is not here), [ErrIO].
func (s *Signer) Keystore(password string) ([]byte, error) {
	signer, closed := s.held().use()
	if closed != nil {
		return nil, closed
	}
	defer s.object.done()
	var text *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	data, length := input([]byte(password))
	status := C.attestlm_signer_to_keystore(signer, data, length, &text, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return output(text), nil
}

// Close frees the signer; its key is wiped when no generation uses it any more.
func (s *Signer) Close() error {
	s.held().close()
	return nil
}

// begin gives what signs for a request; end, once the request has begun.
func (s *Signer) begin() (*signing, error) {
	if s == nil {
		return nil, nil
	}
	signer, closed := s.object.use()
	if closed != nil {
		return nil, closed
	}
	if s.function == 0 {
		return &signing{signer: signer, done: s.object.done}, nil
	}
	defer s.object.done()
	signing, _, err := signWith(s.address, s.function.Value().(*signing).sign)
	return signing, err
}

// held is the object, or nil of a nil Signer: every use of that is [ErrClosed].
func (s *Signer) held() *object[*C.attestlm_signer_t] {
	if s == nil {
		return nil
	}
	return s.object
}
