package attestlm

/*
#include <attestlm.h>
*/
import "C"

// Adapter is a LoRA adapter for one model, read-only, applied at scale 1. Sessions keep what they need.
type Adapter struct {
	object *object[*C.attestlm_adapter_t]
}

// OpenAdapter opens the LoRA GGUF at path, for this model. Errors: [ErrIO] as of [OpenModel], [ErrModel] (malformed, or of
// another model's shape), [ErrEngine], [ErrUnsupported].
func (m *Model) OpenAdapter(path string) (*Adapter, error) {
	model, closed := m.held().use()
	if closed != nil {
		return nil, closed
	}
	defer m.object.done()
	var adapter *C.attestlm_adapter_t
	var err *C.attestlm_error_t
	data, length := input([]byte(path))
	status := C.attestlm_adapter_open(model, data, length, &adapter, &err)
	if err := failure(status, err); err != nil {
		return nil, ofFile(path, err)
	}
	return &Adapter{own(adapter, func(adapter *C.attestlm_adapter_t) { C.attestlm_adapter_free(adapter) })}, nil
}

// SHA256 is the hash of the adapter's file.
func (a *Adapter) SHA256() (Hash, error) {
	adapter, closed := a.held().use()
	if closed != nil {
		return Hash{}, closed
	}
	defer a.object.done()
	var sha256 Hash
	var err *C.attestlm_error_t
	data, _ := input(sha256[:])
	status := C.attestlm_adapter_sha256(adapter, data, &err)
	return sha256, failure(status, err)
}

// Close frees the adapter. Sessions made with it live on.
func (a *Adapter) Close() error {
	a.held().close()
	return nil
}

// use lends the adapter, or NULL where there is none.
func (a *Adapter) use() (*C.attestlm_adapter_t, error) {
	if a == nil {
		return nil, nil
	}
	return a.object.use()
}

func (a *Adapter) done() {
	if a != nil {
		a.object.done()
	}
}

// held is the object, or nil of a nil Adapter: every use of that is [ErrClosed].
func (a *Adapter) held() *object[*C.attestlm_adapter_t] {
	if a == nil {
		return nil
	}
	return a.object
}
