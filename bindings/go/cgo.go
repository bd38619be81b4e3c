//go:build !cgo

package attestlm

// Without cgo nearly nothing of the package is compiled. This type is no type, so that the compiler says so first.
type _ ["attestlm needs cgo: set CGO_ENABLED=1, and have a C compiler"]int
