package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"context"
	"encoding/json"
)

// Continuation is what follows a prompt: Tokens, if not nil, or Text, which is UTF-8 and tokenized alone.
type Continuation struct {
	Text   string   `json:"text"`
	Tokens []uint32 `json:"tokens"`
}

// MarshalJSON writes the one of the two that counts.
func (c Continuation) MarshalJSON() ([]byte, error) {
	if c.Tokens != nil {
		return json.Marshal(map[string][]uint32{"tokens": c.Tokens})
	}
	return encode("continuation", struct {
		Text string `json:"text"`
	}{c.Text})
}

// Score says how likely a continuation is. Logprob is the sum of the tokens', Greedy says whether all are greedy. The
// receipt is nil without a signer, and else the caller's to close.
type Score struct {
	Tokens      []ScoredToken `json:"tokens"`
	Logprob     float64       `json:"logprob"`
	Greedy      bool          `json:"greedy"`
	PromptCount uint64        `json:"promptCount"`
	Receipt     *Receipt      `json:"-"`
}

// ScoredToken is a token of the continuation. Greedy says whether no token was more probable.
type ScoredToken struct {
	TokenLogprob
	Greedy bool `json:"greedy"`
}

// Score says how likely a continuation is after a request's prompt, in one pass. While generations have every stream of the
// session, it computes for them until one is free. At the end of ctx the pass ends with ctx.Err(), and nothing else of the
// session does. Errors: as of [Session.Start]; [ErrCancelled] of [Session.Cancel]; what kept the signer from signing.
func (s *Session) Score(ctx context.Context, request Request, continuation Continuation, signer *Signer) (*Score, error) {
	asked, failed := request.text()
	if failed != nil {
		return nil, failed
	}
	given, failed := encode("continuation", continuation)
	if failed != nil {
		return nil, failed
	}
	session, end, failed := s.begin(ctx)
	if failed != nil {
		return nil, failed
	}
	defer end()
	signing, failed := signer.begin()
	if failed != nil {
		return nil, failed
	}
	defer signing.end()
	return operate(ctx, nil, func(operation *C.attestlm_operation_t) (*Score, error) {
		var text *C.attestlm_bytes_t
		var receipt *C.attestlm_receipt_t
		var err *C.attestlm_error_t
		askedData, askedLength := input(asked)
		givenData, givenLength := input(given)
		status := C.attestlm_session_score(session, askedData, askedLength, givenData, givenLength, signing.pointer(),
			operation, &text, &receipt, &err)
		score, failed := read[Score](status, text, err)
		if receipt != nil {
			owned, _ := newReceipt(C.ATTESTLM_OK, receipt, nil)
			if failed != nil {
				owned.Close()
				return nil, failed
			}
			score.Receipt = owned
		}
		return score, signing.explain(failed)
	})
}
