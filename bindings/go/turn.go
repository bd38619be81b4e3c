package attestlm

import "context"

// turn is a session's: one call at a time that needs the whole session. The library would let them wait, too, but not be
// told that a context has ended.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn, and gives what ends it.
func (t turn) take(ctx context.Context) (end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if isSigning() {
		// A score that has the turn may wait for this very function: the library sees that, and refuses.
		return func() {}, nil
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
