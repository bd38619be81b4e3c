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
func attestlmGoSign(env C.uintptr_t, digest, signature *C.uint8_t) C.int32_t {
	signing := cgo.Handle(env).Value().(*signing)
	signed, err := signing.call(*(*[32]byte)(unsafe.Pointer(digest)))
	if err != nil {
		return C.int32_t(signing.fail(err))
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
