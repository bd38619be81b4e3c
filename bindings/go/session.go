package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
)

// Options of a session. What is left out is chosen by the library.
type Options struct {
	Profile       string   `json:"profile,omitempty"`       // "exact" (if left out: the one that the model has), "exact-1", "exact-2" or "fast"
	Threads       uint32   `json:"threads,omitempty"`       // at most what affinity and cgroup quota allow
	ContextTokens uint32   `json:"contextTokens,omitempty"` // the longest prompt and output
	Streams       uint32   `json:"streams,omitempty"`       // sequences live at once
	Ubatch        uint32   `json:"ubatch,omitempty"`        // prompt tokens computed at once
	Oversubscribe bool     `json:"oversubscribe,omitempty"` // Threads is taken literally
	Adapter       *Adapter `json:"-"`                       // one opened for the same model, or nil
}

// SessionInfo is what was made of the options. Unattested is nil, or why answers carry no receipt.
type SessionInfo struct {
	Profile       string `json:"profile"`
	Threads       uint32 `json:"threads"`
	ContextTokens uint32 `json:"contextTokens"`
	Streams       uint32 `json:"streams"`
	Ubatch        uint32 `json:"ubatch"`
	Model         Hash   `json:"model"`
	Adapter       *Hash  `json:"adapter"`
	Unattested    *Error `json:"unattested"`
}

// Session answers requests, from any number of goroutines: what is asked for at once is computed together, as far as
// Options.Streams allows. Nothing runs on its own: goroutines that wait for an answer compute.
type Session struct {
	object *object[*C.attestlm_session_t]
	turn   turn
}

// NewSession makes a session of the model. If the model cannot be attested under the profile, the session still
// generates, and [Session.Info] says why. Errors: [ErrArgument], [ErrModel] (the file was changed), [ErrEngine],
// [ErrUnsupported].
func (m *Model) NewSession(options Options) (*Session, error) {
	text, failed := encode("options", options)
	if failed != nil {
		return nil, failed
	}
	model, closed := m.held().use()
	if closed != nil {
		return nil, closed
	}
	defer m.object.done()
	adapter, closed := options.Adapter.use()
	if closed != nil {
		return nil, closed
	}
	defer options.Adapter.done()
	var session *C.attestlm_session_t
	var err *C.attestlm_error_t
	data, length := input(text)
	status := C.attestlm_session_new(model, adapter, data, length, &session, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	free := func(session *C.attestlm_session_t) { C.attestlm_session_free(session) }
	return &Session{own(session, free), newTurn()}, nil
}

// Info says what was made of the options.
func (s *Session) Info() (*SessionInfo, error) {
	session, closed := s.held().use()
	if closed != nil {
		return nil, closed
	}
	defer s.object.done()
	var info *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_session_info(session, &info, &err)
	return read[SessionInfo](status, info, err)
}

// Start queues a request. Nothing is computed yet: [Generation.Next] does. It waits until a score of the session that runs
// has ended, or the step that does; the end of ctx ends the first, with ctx.Err(), and means nothing to what was started.
// With a signer every answer carries a receipt; nil: none. Errors: [ErrArgument] naming the field, [ErrTemplate],
// [ErrGrammar], [ErrEngine].
func (s *Session) Start(ctx context.Context, request Request, signer *Signer) (*Generation, error) {
	text, failed := request.text()
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
	var generation *C.attestlm_generation_t
	var err *C.attestlm_error_t
	data, length := input(text)
	status := C.attestlm_session_generate(session, data, length, signing.pointer(), &generation, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	free := func(generation *C.attestlm_generation_t) { C.attestlm_generation_free(generation) }
	return &Generation{own(generation, free), signing}, nil
}

// Stream answers a request event by event. An event "done" holds the answer with its receipt. An error ends the stream,
// but for that of one choice, which comes with its event. Leaving the loop early, or the end of ctx, cancels the request,
// and nothing of it is signed; after the end of ctx the last error is ctx.Err().
func (s *Session) Stream(ctx context.Context, request Request, signer *Signer) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		generation, err := s.Start(ctx, request, signer)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer generation.Close()
		for {
			event, err := generation.Next(ctx)
			if err != nil {
				if err != io.EOF {
					yield(Event{}, err)
				}
				return
			}
			switch event.Kind {
			case EventDone:
				event.Answer, err = generation.Answer(event.Choice)
			case EventFailed:
				err = event.Error
			}
			if !yield(event, err) {
				return
			}
		}
	}
}

// Generate answers a request that asks for one choice. The receipt, if there is a signer, is the caller's to close.
// Errors: as of [Session.Start] and [Generation.Next]; ctx.Err() after the end of ctx.
func (s *Session) Generate(ctx context.Context, request Request, signer *Signer) (*Answer, error) {
	asked := struct{ Choices uint32 }{request.Choices}
	if request.JSON != nil {
		asked.Choices = 0
		_ = json.Unmarshal(request.JSON, &asked) // the library says what is wrong
	}
	if asked.Choices > 1 {
		return nil, &Error{ErrArgument, "choices", "Generate gives one answer, GenerateAll all of them"}
	}
	answers, err := s.GenerateAll(ctx, request, signer)
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

// GenerateAll answers a request with all of its choices, in their order. If one of them fails, there is no answer.
func (s *Session) GenerateAll(ctx context.Context, request Request, signer *Signer) ([]*Answer, error) {
	var answers []*Answer
	var failed error
	for event, err := range s.Stream(ctx, request, signer) {
		if err != nil {
			failed = err
			break
		}
		if event.Answer != nil {
			answers = append(answers, event.Answer)
		}
	}
	if failed == nil && len(answers) == 0 {
		failed = errors.New("attestlm: the generation ended without an answer")
	}
	if failed != nil {
		for _, answer := range answers {
			answer.Receipt.Close()
		}
		return nil, failed
	}
	ordered := make([]*Answer, len(answers))
	for _, answer := range answers {
		ordered[answer.Choice] = answer
	}
	return ordered, nil
}

// Forget forgets every cached prefix that is not in use: the next prompt is read whole. It waits as [Session.Start] does.
func (s *Session) Forget(ctx context.Context) error {
	session, end, failed := s.begin(ctx)
	if failed != nil {
		return failed
	}
	defer end()
	var err *C.attestlm_error_t
	status := C.attestlm_session_forget(session, &err)
	return failure(status, err)
}

// Cancel ends what runs now: every generation as cancelled, a score with [ErrCancelled]. It does not wait, and does not
// touch what comes later.
func (s *Session) Cancel() error {
	session, closed := s.held().use()
	if closed != nil {
		return closed
	}
	defer s.object.done()
	var err *C.attestlm_error_t
	status := C.attestlm_session_cancel(session, &err)
	return failure(status, err)
}

// Close frees the session. Generations and streams that were begun live on.
func (s *Session) Close() error {
	s.held().close()
	return nil
}

// begin waits for the session's turn, and keeps the session for a call, until end.
func (s *Session) begin(ctx context.Context) (session *C.attestlm_session_t, end func(), err error) {
	if s.held() == nil {
		return nil, nil, ErrClosed // there is no turn to wait for
	}
	pass, err := s.turn.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	session, err = s.object.use()
	if err != nil {
		pass()
		return nil, nil, err
	}
	return session, func() {
		s.object.done()
		pass()
	}, nil
}

// held is the object, or nil of a nil Session: every use of that is [ErrClosed].
func (s *Session) held() *object[*C.attestlm_session_t] {
	if s == nil {
		return nil
	}
	return s.object
}
