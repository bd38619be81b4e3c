package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"context"
	"encoding/json"
)

// Continuation is what follows a prompt: Tokens, if not nil, or Text, which is tokenized alone.
type Continuation struct {
	Text   string
	Tokens []uint32
}

// MarshalJSON writes the one of the two that counts.
func (c Continuation) MarshalJSON() ([]byte, error) {
	if c.Tokens != nil {
		return json.Marshal(map[string][]uint32{"tokens": c.Tokens})
	}
	return encode("continuation", map[string]string{"text": c.Text})
}

// Score says how likely a continuation is. LogProb is the sum of the tokens', Greedy says whether all are greedy. The
// receipt is nil without a signer, and else the caller's to close.
type Score struct {
	Tokens      []ScoredToken `json:"tokens"`
	LogProb     float64       `json:"logprob"`
	Greedy      bool          `json:"greedy"`
	PromptCount uint64        `json:"promptCount"`
	Receipt     *Receipt      `json:"-"`
}

// ScoredToken is a token of the continuation. LogProb is the natural logarithm of its probability; Greedy says whether no
// token was more probable.
type ScoredToken struct {
	Token   uint32  `json:"token"`
	Text    string  `json:"text"`
	LogProb float64 `json:"logprob"`
	Greedy  bool    `json:"greedy"`
}

// Score says how likely a continuation is after a request's prompt, in one pass. At the end of ctx it returns ctx.Err()
// at once; the pass itself goes on to its end, unless [Session.Cancel] ends it with all else that runs. Errors: as of
// [Session.Start]; [ErrCancelled].
func (s *Session) Score(ctx context.Context, request Request, continuation Continuation, signer *Signer) (*Score, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return s.score(request, continuation, signer)
	}
	type result struct {
		score *Score
		err   error
	}
	ended := make(chan result, 1)
	go func() {
		score, err := s.score(request, continuation, signer)
		ended <- result{score, err}
	}()
	select {
	case result := <-ended:
		return result.score, result.err
	case <-ctx.Done():
		go func() {
			if late := <-ended; late.score != nil {
				late.score.Receipt.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func (s *Session) score(request Request, continuation Continuation, signer *Signer) (*Score, error) {
	asked, failed := request.text()
	if failed != nil {
		return nil, failed
	}
	given, failed := encode("continuation", continuation)
	if failed != nil {
		return nil, failed
	}
	session, closed := s.object.use()
	if closed != nil {
		return nil, closed
	}
	defer s.object.done()
	signing, closed := signer.use()
	if closed != nil {
		return nil, closed
	}
	defer signer.done()
	var text *C.attestlm_bytes_t
	var receipt *C.attestlm_receipt_t
	var err *C.attestlm_error_t
	askedData, askedLength := input(asked)
	givenData, givenLength := input(given)
	status := C.attestlm_session_score(session, askedData, askedLength, givenData, givenLength, signing, &text, &receipt, &err)
	score, failed := read[Score](status, text, err)
	if receipt != nil {
		owned, _ := newReceipt(C.ATTESTLM_OK, receipt, nil)
		if failed != nil {
			owned.Close()
			return nil, failed
		}
		score.Receipt = owned
	}
	return score, failed
}
