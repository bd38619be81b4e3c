package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"context"
	"io"
	"math"
	"time"
)

// The kinds of events.
const (
	EventPrefill = "prefill" // Done of Total prompt tokens were read
	EventText    = "text"    // Text follows the text of earlier events
	EventDone    = "done"    // the choice's output ended: Finish, OutputCount
	EventFailed  = "failed"  // there is no answer: Error
)

// Event is what happened to a choice.
type Event struct {
	Kind        string `json:"event"`
	Choice      uint32 `json:"choice"`
	Done        uint64 `json:"done,omitempty"`
	Total       uint64 `json:"total,omitempty"`
	Text        string `json:"text,omitempty"` // whole characters
	Finish      string `json:"finish,omitempty"`
	OutputCount uint64 `json:"outputCount,omitempty"`
	Error       *Error `json:"error,omitempty"`

	// Answer, of an event "done" of Session.Stream.
	Answer *Answer `json:"-"`
}

// Answer is a choice's answer. Its receipt is nil without a signer, and else the caller's to close; with an external
// signer it is unsigned, and [Receipt.Sign] completes it, here or where [Receipt.JSON] was taken to.
type Answer struct {
	Choice      uint32   `json:"choice"`
	Text        string   `json:"text"` // bytes that are not UTF-8 are replaced
	Finish      string   `json:"finish"`
	Tokens      []uint32 `json:"tokens"` // those that ended it included
	PromptCount uint64   `json:"promptCount"`

	// Logprobs of the tokens, if Request.Logprobs asked for them. They are no part of the receipt.
	Logprobs []TokenLogprobs `json:"logprobs"`

	Receipt *Receipt `json:"-"`
}

// TokenLogprobs say how likely an output token was, and which were the likeliest there, as many as were asked for.
type TokenLogprobs struct {
	TokenLogprob
	Likeliest []TokenLogprob `json:"likeliest"`
}

// TokenLogprob is the natural logarithm of a token's probability, before the sampling policy.
type TokenLogprob struct {
	Token   uint32  `json:"token"`
	Text    string  `json:"text"` // bytes that are not UTF-8 are replaced
	Bytes   Bytes   `json:"bytes"`
	Logprob float64 `json:"logprob"`
}

// Generation is one request at work. Closed before its end, it is cancelled, and nothing of it is signed.
type Generation struct {
	object  *object[*C.attestlm_generation_t]
	signing *signing // nil without a signer
}

// patience is how long a call of the library waits before it looks whether its context has ended: a cancelled generation
// ends only with what another goroutine computes.
const patience = 50 * time.Millisecond

// Next waits for the next event; io.EOF follows the last one. The end of ctx cancels the generation, and Next gives
// ctx.Err(). One goroutine at a time: another gets [ErrBusy]. Errors: [ErrEngine], [ErrInternal]: faults of the session,
// which end all of its generations.
func (g *Generation) Next(ctx context.Context) (Event, error) {
	generation, closed := g.held().use()
	if closed != nil {
		return Event{}, closed
	}
	defer g.object.done()
	defer atEnd(ctx, func() { _ = g.Cancel() })()
	wait := -time.Millisecond
	if ctx.Done() != nil {
		wait = patience
	}
	for {
		if err := ctx.Err(); err != nil {
			_ = g.Cancel()
			return Event{}, err
		}
		event, ok, err := g.next(generation, wait)
		if ended := ctx.Err(); ended != nil && event.Finish == "cancelled" {
			return Event{}, ended
		}
		if ok || err != nil {
			return event, err
		}
	}
}

// Poll is Next for a caller that has its own clock: it waits at most as long as given, in whole milliseconds, and says
// whether there is an event. 0 computes one step at most.
func (g *Generation) Poll(wait time.Duration) (event Event, ok bool, err error) {
	generation, closed := g.held().use()
	if closed != nil {
		return Event{}, false, closed
	}
	defer g.object.done()
	return g.next(generation, max(wait, 0))
}

// next pulls an event; below 0 it waits as long as it takes.
func (g *Generation) next(generation *C.attestlm_generation_t, wait time.Duration) (Event, bool, error) {
	var text *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	milliseconds := min(wait.Milliseconds(), math.MaxInt32)
	switch status := C.attestlm_generation_next(generation, C.int32_t(milliseconds), &text, &err); status {
	case C.ATTESTLM_END:
		return Event{}, false, io.EOF
	case C.ATTESTLM_TIMEOUT:
		return Event{}, false, nil
	default:
		event, err := read[Event](status, text, err)
		if err != nil {
			return Event{}, false, err
		}
		return *event, true, nil
	}
}

// Cancel ends every choice as cancelled; the last events follow. It does not wait. After the end it does nothing.
func (g *Generation) Cancel() error {
	generation, closed := g.held().use()
	if closed != nil {
		return closed
	}
	defer g.object.done()
	var err *C.attestlm_error_t
	status := C.attestlm_generation_cancel(generation, &err)
	return failure(status, err)
}

// Answer gives the answer of a choice whose event "done" was pulled, with its receipt. [ErrBusy] while a goroutine is in
// Next. Errors: [ErrArgument] (no such choice, or it has not ended), the choice's own error, or why it has no receipt.
func (g *Generation) Answer(choice uint32) (*Answer, error) {
	generation, closed := g.held().use()
	if closed != nil {
		return nil, closed
	}
	defer g.object.done()
	var text *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_generation_answer(generation, C.uint32_t(choice), &text, &err)
	answer, failed := read[Answer](status, text, err)
	if failed != nil || g.signing == nil {
		return answer, failed
	}
	answer.Receipt, failed = g.Receipt(choice)
	if failed != nil {
		return nil, failed
	}
	return answer, nil
}

// Receipt gives the receipt of a choice whose event "done" was pulled, to be closed. With an external signer it is
// unsigned. Errors: as of Answer; [ErrArgument] without a signer.
func (g *Generation) Receipt(choice uint32) (*Receipt, error) {
	generation, closed := g.held().use()
	if closed != nil {
		return nil, closed
	}
	defer g.object.done()
	var receipt *C.attestlm_receipt_t
	var err *C.attestlm_error_t
	status := C.attestlm_generation_receipt(generation, C.uint32_t(choice), &receipt, &err)
	made, failed := newReceipt(status, receipt, err)
	return made, g.signing.explain(failed)
}

// ProveToken gives a proof that output token index of a choice is what the receipt's trace says, as a JSON document.
// With the digest of its logits whoever has the model can confirm guesses of all tokens before. Errors: as of Answer;
// [ErrReceipt] without a receipt.
func (g *Generation) ProveToken(choice, index uint32, withDigest bool) ([]byte, error) {
	generation, closed := g.held().use()
	if closed != nil {
		return nil, closed
	}
	defer g.object.done()
	var proof *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_generation_prove_token(generation, C.uint32_t(choice), C.uint32_t(index), flag(withDigest), &proof, &err)
	if err := failure(status, err); err != nil {
		return nil, g.signing.explain(err)
	}
	return output(proof), nil
}

// Close frees the generation; before its end, it is cancelled, and a Next that waits returns.
func (g *Generation) Close() error {
	_ = g.Cancel() // of one that is closed: nothing to do
	g.held().close()
	return nil
}

func flag(value bool) C.int32_t {
	if value {
		return 1
	}
	return 0
}

// held is the object, or nil of a nil Generation: every use of that is [ErrClosed].
func (g *Generation) held() *object[*C.attestlm_generation_t] {
	if g == nil {
		return nil
	}
	return g.object
}
