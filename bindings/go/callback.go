package attestlm

// What the library calls.

/*
#include <attestlm.h>
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

//export attestlmGoSign
func attestlmGoSign(env C.uintptr_t, digest, signature *C.uint8_t) (status C.int32_t) {
	// A panic must not unwind through the library.
	defer func() {
		if recover() != nil {
			status = -1
		}
	}()
	sign := cgo.Handle(env).Value().(SignFunc)
	signed, err := sign(*(*[32]byte)(unsafe.Pointer(digest)))
	if err != nil {
		return -1
	}
	*(*[65]byte)(unsafe.Pointer(signature)) = signed
	return 0
}

//export attestlmGoForget
func attestlmGoForget(env C.uintptr_t) {
	cgo.Handle(env).Delete()
}

//export attestlmGoLog
func attestlmGoLog(level C.int32_t, line *C.uint8_t, length C.size_t) {
	write(int(level), string(unsafe.Slice((*byte)(line), int(length))))
}
