package attestlm

/*
#include <attestlm.h>

extern int32_t attestlmGoSign(uintptr_t env, uint8_t *digest, uint8_t *signature);
extern void attestlmGoForget(uintptr_t env);

// How many signing functions this thread is in.
static _Thread_local int attestlm_go_signing;

static inline int attestlm_go_is_signing(void)
{
	return attestlm_go_signing;
}

static inline int32_t attestlm_go_sign(void *env, const uint8_t *digest, uint8_t *signature)
{
	attestlm_go_signing++;
	int32_t status = attestlmGoSign((uintptr_t)env, (uint8_t *)digest, signature);
	attestlm_go_signing--;
	return status;
}

static inline void attestlm_go_forget(void *env)
{
	attestlmGoForget((uintptr_t)env);
}

// A handle is a number: as a Go pointer the collector would stumble over it.
static inline attestlm_status_t attestlm_go_signer(const uint8_t *address, size_t len, uintptr_t env,
	attestlm_signer_t **signer, attestlm_error_t **err)
{
	attestlm_sign_fn sign = attestlm_go_sign;
	attestlm_finalizer_fn forget = attestlm_go_forget;
	return attestlm_signer_callback(address, len, sign, (void *)env, forget, signer, err);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"runtime/debug"
	"sync"
)

// SignFunc signs a digest: r, s and v. It is not told what the digest is of, nor when a context has ended. A wallet or a
// person, who must see what is signed and may take their time, signs [Receipt.TypedData] of a receipt of a
// [NewExternalSigner] instead, and [Receipt.Sign] takes the signature.
type SignFunc func(digest [32]byte) (signature [65]byte, err error)

// PanicError is that a SignFunc panicked. Where the value is an error, it is found in it.
type PanicError struct {
	Value any
	Stack []byte // as debug.Stack gives it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// signing is what signs for one request; nil: nothing does. A function has a signer of the library for each request, so that
// what the function says of one is not taken for another's.
type signing struct {
	signer *C.attestlm_signer_t // until done
	done   func()

	sign   SignFunc // nil if no function signs
	mutex  sync.Mutex
	failed []error // of the function, each under the number that the library was answered, from 1
}

// signWith makes a signer of the library that calls a function. It keeps the handle, and deletes it in the end.
func signWith(address Address, sign SignFunc) (*signing, cgo.Handle, error) {
	s := &signing{sign: sign}
	handle := cgo.NewHandle(s)
	var err *C.attestlm_error_t
	data, length := input(address[:])
	status := C.attestlm_go_signer(data, length, C.uintptr_t(handle), &s.signer, &err)
	if err := failure(status, err); err != nil {
		handle.Delete()
		return nil, 0, err
	}
	signer := s.signer
	s.done = func() { C.attestlm_signer_free(signer) }
	return s, handle, nil
}

// pointer is what a call takes.
func (s *signing) pointer() *C.attestlm_signer_t {
	if s == nil {
		return nil
	}
	return s.signer
}

// end ends the call; what the library made of it signs on.
func (s *signing) end() {
	if s != nil {
		s.done()
	}
}

// call calls the function, whose panic must not unwind through the library.
func (s *signing) call(digest [32]byte) (signature [65]byte, err error) {
	returned := false
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{value, debug.Stack()}
		} else if !returned {
			// The library would wait for ever, and nothing can stop it.
			panic("attestlm: a SignFunc called runtime.Goexit")
		}
	}()
	signature, err = s.sign(digest)
	returned = true
	return signature, err
}

// isSigning says whether this goroutine is in a function that signs. Until the function returns, it keeps its thread.
func isSigning() bool {
	return C.attestlm_go_is_signing() != 0
}

// fail keeps an error of the function, and gives its number.
func (s *signing) fail(err error) int32 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.failed = append(s.failed, err)
	return int32(len(s.failed))
}

// explain adds to the library's error the function's own. The library says only which number it was answered.
func (s *signing) explain(err error) error {
	var found *Error
	if s == nil || !errors.As(err, &found) || found.Code != ErrSigner {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i, cause := range s.failed {
		if found.Message == fmt.Sprintf("it answered %d", i+1) {
			return fmt.Errorf("%w: %w", &Error{ErrSigner, found.Field, "the function failed"}, cause)
		}
	}
	return err
}
