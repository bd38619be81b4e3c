// Package attestlm runs a language model inside the program and returns, with each answer, a receipt that others can
// check: a signed statement of the model, the request and the output, which anyone with the same model replays bit for bit.
//
// Open a model, make a session of it, hand it a request and take the answer; anywhere else, parse a receipt and have it
// judged. Everything that is made has a Close, which may be called more than once, at any time and in any order: what a
// running call uses is freed when the call ends. What was forgotten is closed when it is collected. Everything may be used
// from several goroutines, except where a method says otherwise.
//
// What takes long has a context. At its end the call ends with ctx.Err(), and nothing of it is left.
//
// A call that fails gives an [*Error], which is one of the sentinels: errors.Is(err, attestlm.ErrArgument).
package attestlm

//go:generate ./libs.sh $ATTESTLM_LIBRARY

/*
#include <attestlm.h>
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
)

// Version is the version of the library that is linked.
func Version() string {
	return C.GoString(C.attestlm_version())
}

// HasFeature says whether the library that is linked has a feature: "engine" (inference and replay), "bundled" (the model
// of [BundledModel]), "exact" (built so that the exact profile can be attested), "testing".
func HasFeature(name string) bool {
	data, length := input([]byte(name))
	return C.attestlm_has_feature(data, length) != 0
}

// ready says once whether the library that is linked is the one that the binding was compiled for.
var ready = sync.OnceValue(func() error {
	return matches(uint32(C.attestlm_abi_version()), C.ATTESTLM_ABI_VERSION, Version(), C.ATTESTLM_VERSION)
})

func matches(abi, headerABI uint32, version, header string) error {
	if abi == headerABI && series(version) == series(header) {
		return nil
	}
	return &Error{ErrUnsupported, "libattestlm", fmt.Sprintf(
		"the library that is linked is %s with interface %d, the binding was compiled for %s with interface %d",
		version, abi, header, headerABI)}
}

// series is a version without its last number, in which alone header and library may differ.
func series(version string) string {
	return version[:max(0, strings.LastIndexByte(version, '.'))]
}
