package attestlm

import "context"

// turn is a session's: one call at a time that needs the whole session. The library would let them wait, too, but not be
// told that a context has ended.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn, and give ends it.
func (t turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
