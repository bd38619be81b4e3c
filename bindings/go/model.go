package attestlm

/*
#include <attestlm.h>
*/
import "C"

import "context"

// Model is a model's weights and vocabulary, read-only. Sessions keep what they need: it may be closed before them.
type Model struct {
	object *object[*C.attestlm_model_t]
}

// ModelFile is what a GGUF file says of its model.
type ModelFile struct {
	SHA256        Hash              `json:"sha256"`
	Name          *string           `json:"name"`
	Architecture  string            `json:"architecture"`
	Parameters    uint64            `json:"parameters"`
	Layers        uint32            `json:"layers"`
	Embedding     uint32            `json:"embedding"`
	Heads         uint32            `json:"heads"`
	HeadsKV       uint32            `json:"headsKv"`
	FeedForward   uint32            `json:"feedForward"`
	Experts       uint32            `json:"experts,omitempty"`
	ExpertsUsed   uint32            `json:"expertsUsed,omitempty"`
	SlidingWindow uint32            `json:"slidingWindow,omitempty"`
	ContextTokens uint32            `json:"contextTokens"`
	Vocabulary    uint32            `json:"vocabulary"`
	TensorTypes   map[string]uint64 `json:"tensorTypes"`
	ChatTemplate  bool              `json:"chatTemplate"`
}

// ModelInfo is what a model is and whether its answers can be attested.
type ModelInfo struct {
	ModelFile
	Attestable        Attestable `json:"attestable"`
	ChatTemplateError *Error     `json:"chatTemplateError"`
}

// Attestable holds, for each profile, nil or why answers carry no receipt.
type Attestable struct {
	Exact1 *Error `json:"exact-1"`
	Exact2 *Error `json:"exact-2"`
	Fast   *Error `json:"fast"`
}

// OpenOptions are how a model's file is read.
type OpenOptions struct {
	// Progress, if not nil, is told now and then how many of the file's bytes were read, and at last that all were. It is
	// called in the goroutine that opens, and not after its end; a panic in it is that goroutine's, once the file is closed.
	Progress func(done, total uint64)
}

// OpenModel opens the GGUF file at path. It is hashed, validated and mapped, which takes about a second a gigabyte, and
// ends with ctx.Err() at the end of ctx. Errors: [ErrIO] (with fs.ErrNotExist or fs.ErrPermission, where it is
// that), [ErrModel], [ErrEngine], [ErrUnsupported].
func OpenModel(ctx context.Context, path string, options OpenOptions) (*Model, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	model, failed := operate(ctx, options.Progress, func(operation *C.attestlm_operation_t) (*Model, error) {
		var model *C.attestlm_model_t
		var err *C.attestlm_error_t
		data, length := input([]byte(path))
		status := C.attestlm_model_open(data, length, operation, &model, &err)
		return newModel(status, model, err)
	})
	return model, ofFile(path, failed)
}

// BundledModel gives the model abacus, which is part of the library. It does grade school arithmetic; it is there to try
// things out. Errors: [ErrUnsupported], [ErrEngine].
func BundledModel() (*Model, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	var model *C.attestlm_model_t
	var err *C.attestlm_error_t
	status := C.attestlm_model_bundled(&model, &err)
	return newModel(status, model, err)
}

func newModel(status C.attestlm_status_t, model *C.attestlm_model_t, err *C.attestlm_error_t) (*Model, error) {
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return &Model{own(model, func(model *C.attestlm_model_t) { C.attestlm_model_free(model) })}, nil
}

// CheckModel says whether the GGUF file at path is a model that can be opened, without loading it: its header is
// validated, every byte read. It ends with ctx.Err() at the end of ctx. Errors: [ErrIO] as of OpenModel, [ErrModel].
func CheckModel(ctx context.Context, path string, options OpenOptions) (*ModelFile, error) {
	if err := ready(); err != nil {
		return nil, err
	}
	file, failed := operate(ctx, options.Progress, func(operation *C.attestlm_operation_t) (*ModelFile, error) {
		var info *C.attestlm_bytes_t
		var err *C.attestlm_error_t
		data, length := input([]byte(path))
		status := C.attestlm_model_check(data, length, operation, &info, &err)
		return read[ModelFile](status, info, err)
	})
	return file, ofFile(path, failed)
}

// Info says what the model is. The first call in a process may run the known-answer test, a few hundred milliseconds.
func (m *Model) Info() (*ModelInfo, error) {
	model, closed := m.held().use()
	if closed != nil {
		return nil, closed
	}
	defer m.object.done()
	var info *C.attestlm_bytes_t
	var err *C.attestlm_error_t
	status := C.attestlm_model_info(model, &info, &err)
	return read[ModelInfo](status, info, err)
}

// Close frees the model. Sessions and adapters made of it live on.
func (m *Model) Close() error {
	m.held().close()
	return nil
}

// use lends the model, or NULL where there is none.
func (m *Model) use() (*C.attestlm_model_t, error) {
	if m == nil {
		return nil, nil
	}
	return m.object.use()
}

func (m *Model) done() {
	if m != nil {
		m.object.done()
	}
}

// held is the object, or nil of a nil Model: every use of that is [ErrClosed].
func (m *Model) held() *object[*C.attestlm_model_t] {
	if m == nil {
		return nil
	}
	return m.object
}
