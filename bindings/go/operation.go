package attestlm

/*
#include <attestlm.h>
*/
import "C"

import (
	"context"
	"errors"
	"time"
)

// progressEvery is how often a call tells how far it is.
const progressEvery = 50 * time.Millisecond

// operate makes a call that the end of ctx ends, and tells progress, if that is not nil, how far it is. When it returns,
// nothing of it runs any more.
func operate[T any](ctx context.Context, progress func(done, total uint64),
	call func(*C.attestlm_operation_t) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	var operation *C.attestlm_operation_t
	var err *C.attestlm_error_t
	status := C.attestlm_operation_new(&operation, &err)
	if err := failure(status, err); err != nil {
		return none, err
	}
	defer C.attestlm_operation_free(operation)
	cancel := func() { C.attestlm_operation_cancel(operation, nil) }
	defer atEnd(ctx, cancel)()
	result, failed := watch(progress, operation, cancel, func() (T, error) { return call(operation) })
	if errors.Is(failed, ErrCancelled) && ctx.Err() != nil {
		return none, ctx.Err()
	}
	return result, failed
}

// atEnd has something done at the end of ctx, until stop is called. When stop returns, it does not run.
func atEnd(ctx context.Context, do func()) (stop func()) {
	ended := make(chan struct{})
	isBefore := context.AfterFunc(ctx, func() {
		defer close(ended)
		do()
	})
	return func() {
		if !isBefore() {
			<-ended
		}
	}
}

// watch makes a call in a goroutine, which ends before watch does, and tells progress in this one: a panic there is the
// caller's own.
func watch[T any](progress func(done, total uint64), operation *C.attestlm_operation_t, cancel func(),
	call func() (T, error)) (T, error) {
	if progress == nil {
		return call()
	}
	type outcome struct {
		result T
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := call()
		ended <- outcome{result, err}
	}()
	runs := true
	defer func() {
		if runs {
			cancel()
			<-ended
		}
	}()
	var last C.uint64_t
	tell := func() {
		var done, total C.uint64_t
		C.attestlm_operation_progress(operation, &done, &total, nil)
		if total != 0 && done != last {
			last = done
			progress(uint64(done), uint64(total))
		}
	}
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			tell()
		case outcome := <-ended:
			runs = false
			if outcome.err == nil {
				tell()
			}
			return outcome.result, outcome.err
		}
	}
}
