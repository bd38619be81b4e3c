//go:build !attestlm_static && !attestlm_testing

package attestlm

// #cgo pkg-config: attestlm
import "C"
