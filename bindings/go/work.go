package attestlm

import (
	"context"
	"sync"
	"time"
)

// work knows what a session has under way: the library cancels a score only together with all else that runs.
type work struct {
	mutex       sync.Mutex
	generations int
	scoring     chan struct{}   // holds something while there is a score
	abandoned   <-chan struct{} // of a score that nobody waits for: closed when it has ended
}

func newWork() *work {
	return &work{scoring: make(chan struct{}, 1)}
}

// begin notes a generation; what it gives ends it, once. It begins after a score that is being cancelled.
func (w *work) begin() (end func()) {
	w.mutex.Lock()
	for w.abandoned != nil {
		ended := w.abandoned
		w.mutex.Unlock()
		<-ended
		w.mutex.Lock()
	}
	w.generations++
	w.mutex.Unlock()
	return sync.OnceFunc(func() {
		w.mutex.Lock()
		w.generations--
		w.mutex.Unlock()
	})
}

// score waits for the turn of a score: the library computes one at a time, and could not be told which one to cancel.
func (w *work) score(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case w.scoring <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scored ends the turn. Who cancels sees that, before another score has it.
func (w *work) scored(ended chan<- struct{}) {
	w.mutex.Lock()
	close(ended)
	w.abandoned = nil
	w.mutex.Unlock()
	<-w.scoring
}

// abandon cancels the score that has its turn and that nobody waits for any more, as soon as that harms nobody.
func (w *work) abandon(ended <-chan struct{}, cancel func() error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	select {
	case <-ended:
		return
	default:
		w.abandoned = ended
	}
	go func() {
		again := time.NewTicker(10 * time.Millisecond)
		defer again.Stop()
		for w.cancelled(ended, cancel) {
			<-again.C
		}
	}()
}

// cancelled cancels once, and says whether the score goes on.
func (w *work) cancelled(ended <-chan struct{}, cancel func() error) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	select {
	case <-ended:
		return false
	default:
		if w.generations == 0 {
			_ = cancel()
		}
		return true
	}
}

// within makes a call that cannot be cancelled. At the end of ctx it leaves the call to itself, and its result to discard.
func within[T any](ctx context.Context, call func() (*T, error), discard func(*T)) (*T, error) {
	if ctx.Done() == nil {
		return call()
	}
	type outcome struct {
		result *T
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := call()
		ended <- outcome{result, err}
	}()
	select {
	case outcome := <-ended:
		return outcome.result, outcome.err
	case <-ctx.Done():
		go func() {
			if late := <-ended; late.err == nil {
				discard(late.result)
			}
		}()
		return nil, ctx.Err()
	}
}
