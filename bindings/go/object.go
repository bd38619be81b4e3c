package attestlm

import (
	"runtime"
	"sync"
)

// object owns a C object. It is freed once, when it was closed and no call uses it.
type object[P comparable] struct {
	mutex  sync.Mutex
	ptr    P
	free   func(P)
	uses   int
	closed bool
}

// own takes over a C object. Collected before it was closed, it is closed.
func own[P comparable](ptr P, free func(P)) *object[P] {
	o := &object[P]{ptr: ptr, free: free}
	runtime.SetFinalizer(o, (*object[P]).close)
	return o
}

// use keeps the object for a call, which ends with done.
func (o *object[P]) use() (P, error) {
	var none P
	if o == nil {
		return none, ErrClosed
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.closed {
		return none, ErrClosed
	}
	o.uses++
	return o.ptr, nil
}

func (o *object[P]) done() {
	o.mutex.Lock()
	o.uses--
	last := o.closed && o.uses == 0
	o.mutex.Unlock()
	if last {
		o.free(o.ptr)
	}
}

func (o *object[P]) close() {
	if o == nil {
		return
	}
	o.mutex.Lock()
	last := !o.closed && o.uses == 0
	o.closed = true
	o.mutex.Unlock()
	runtime.SetFinalizer(o, nil)
	if last {
		o.free(o.ptr)
	}
}
