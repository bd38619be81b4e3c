package attestlm

/*
#include <attestlm.h>
*/
import "C"

// Profiles are the execution profiles of the library that is linked. KnownAnswerTest is nil if this machine computes what
// every exact profile promises, or why not.
type Profiles struct {
	Profiles        []Profile `json:"profiles"`
	KnownAnswerTest *Error    `json:"knownAnswerTest"`
}

// Profile is one of them. Hash is keccak256 of the id, as receipts carry it.
type Profile struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	Hash Hash   `json:"hash"`
}

// ProfileInfo gives the profiles. The first call in a process runs the known-answer test, a few hundred milliseconds.
func ProfileInfo() (*Profiles, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var info *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_profile_info(&info, &err)
	return read[Profiles](status, info, err)
}
