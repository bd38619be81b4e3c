package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
)

// Code is the class of an error, and an error itself: errors.Is(err, ErrArgument).
type Code int32

// The classes of errors.
const (
	ErrArgument    Code = C.ATTESTLM_ERR_ARGUMENT    // a value given is wrong: a range, a form, an unknown field
	ErrIO          Code = C.ATTESTLM_ERR_IO          // the operating system refused
	ErrModel       Code = C.ATTESTLM_ERR_MODEL       // a model or adapter file is malformed, unsupported or was changed
	ErrTemplate    Code = C.ATTESTLM_ERR_TEMPLATE    // the chat template is missing or failed
	ErrGrammar     Code = C.ATTESTLM_ERR_GRAMMAR     // a grammar or JSON schema is malformed or cannot be continued
	ErrLogits      Code = C.ATTESTLM_ERR_LOGITS      // the logits cannot be sampled from
	ErrReceipt     Code = C.ATTESTLM_ERR_RECEIPT     // a receipt, disclosure or proof is malformed or contradicts itself
	ErrSigner      Code = C.ATTESTLM_ERR_SIGNER      // a key, keystore, password or signing function failed
	ErrEngine      Code = C.ATTESTLM_ERR_ENGINE      // the engine refused or failed
	ErrUnsupported Code = C.ATTESTLM_ERR_UNSUPPORTED // this build, machine or model cannot do it
	ErrCancelled   Code = C.ATTESTLM_ERR_CANCELLED   // cancelled by the caller
	ErrInternal    Code = C.ATTESTLM_ERR_INTERNAL    // a fault of the library
	ErrBusy        Code = C.ATTESTLM_ERR_BUSY        // the object is in use by another call, and one of the two needs it alone
	ErrPanic       Code = C.ATTESTLM_ERR_PANIC       // a panic was caught in the library; the object can only be closed
	ErrForked      Code = C.ATTESTLM_ERR_FORKED      // this process is a fork of one that used the library
)

// ErrClosed says that the object was closed before the call, or is none: nil, or not made by this package.
var ErrClosed = errors.New("attestlm: use of what is closed or was never made")

var codeNames = map[Code]string{
	ErrArgument: "argument", ErrIO: "io", ErrModel: "model", ErrTemplate: "template", ErrGrammar: "grammar",
	ErrLogits: "logits", ErrReceipt: "receipt", ErrSigner: "signer", ErrEngine: "engine",
	ErrUnsupported: "unsupported", ErrCancelled: "cancelled", ErrInternal: "internal", ErrBusy: "busy",
	ErrPanic: "panic", ErrForked: "forked",
}

func (c Code) Error() string {
	return "attestlm: " + c.String()
}

// String is the class's name, as every language names it.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("status %d", int32(c))
}

// Error is why a call failed. Field is the argument, field or file that it is about, and may be empty; Message is one
// sentence without it, and never holds a prompt, an output or a secret.
type Error struct {
	Code    Code
	Field   string
	Message string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return "attestlm: " + e.Message
	}
	return "attestlm: " + e.Field + ": " + e.Message
}

// Unwrap gives the class.
func (e *Error) Unwrap() error { return e.Code }

type errorJSON struct {
	Kind    string `json:"kind"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// MarshalJSON writes the error as the library does.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorJSON{e.Code.String(), e.Field, e.Message})
}

// UnmarshalJSON reads an error of an event or an info.
func (e *Error) UnmarshalJSON(text []byte) error {
	var read errorJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	for code, name := range codeNames {
		if name == read.Kind {
			*e = Error{code, read.Field, read.Message}
			return nil
		}
	}
	return fmt.Errorf("attestlm: unknown kind of error %q", read.Kind)
}

// fileError is an ErrIO with what the system says of the file.
type fileError struct {
	err error
	why syscall.Errno
}

func (e *fileError) Error() string { return e.err.Error() }

func (e *fileError) Unwrap() []error { return []error{e.err, e.why} }

// ofFile adds to an ErrIO why the file cannot be read, for errors.Is with fs.ErrNotExist and fs.ErrPermission: the library
// has only words for it, so the system is asked once more.
func ofFile(path string, err error) error {
	const toRead = 4 // R_OK
	var why syscall.Errno
	if errors.Is(err, ErrIO) && errors.As(syscall.Access(path, toRead), &why) {
		return &fileError{err, why}
	}
	return err
}

// failure takes over the error object of a call that failed; nil if it did not fail.
func failure(status C.attestlm_status_t, err *C.attestlm_error_t) error {
	if status >= C.ATTESTLM_OK {
		return nil
	}
	defer C.attestlm_error_free(err)
	return &Error{
		Code:    Code(C.attestlm_error_code(err)),
		Field:   C.GoString(C.attestlm_error_field(err)),
		Message: C.GoString(C.attestlm_error_message(err)),
	}
}
