//go:build attestlm_testing

package attestlm

// Faults on purpose, in a library built with the feature testing. The linker's flags come from CGO_LDFLAGS.

/*
#include <attestlm.h>

typedef struct attestlm_testing_object_t attestlm_testing_object_t;
attestlm_status_t attestlm_testing_panic(attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_new(attestlm_testing_object_t **object, attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_hold(const attestlm_testing_object_t *object, uint32_t ms, attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_add(attestlm_testing_object_t *object, uint64_t number, uint64_t *sum,
	attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_panic(attestlm_testing_object_t *object, attestlm_error_t **err);
void attestlm_testing_object_free(attestlm_testing_object_t *object);
*/
import "C"

func testingPanic() error {
	var err *C.attestlm_error_t
	status := C.attestlm_testing_panic(&err)
	return failure(status, err)
}

type testingObject struct {
	object *object[*C.attestlm_testing_object_t]
}

// freed counts the objects that were freed.
func newTestingObject(freed func()) (*testingObject, error) {
	var made *C.attestlm_testing_object_t
	var err *C.attestlm_error_t
	status := C.attestlm_testing_object_new(&made, &err)
	if err := failure(status, err); err != nil {
		return nil, err
	}
	return &testingObject{own(made, func(made *C.attestlm_testing_object_t) {
		C.attestlm_testing_object_free(made)
		freed()
	})}, nil
}

func (o *testingObject) hold(milliseconds uint32) error {
	made, closed := o.object.use()
	if closed != nil {
		return closed
	}
	defer o.object.done()
	var err *C.attestlm_error_t
	status := C.attestlm_testing_object_hold(made, C.uint32_t(milliseconds), &err)
	return failure(status, err)
}

func (o *testingObject) add(number uint64) (uint64, error) {
	made, closed := o.object.use()
	if closed != nil {
		return 0, closed
	}
	defer o.object.done()
	var sum C.uint64_t
	var err *C.attestlm_error_t
	status := C.attestlm_testing_object_add(made, C.uint64_t(number), &sum, &err)
	return uint64(sum), failure(status, err)
}

func (o *testingObject) panic() error {
	made, closed := o.object.use()
	if closed != nil {
		return closed
	}
	defer o.object.done()
	var err *C.attestlm_error_t
	status := C.attestlm_testing_object_panic(made, &err)
	return failure(status, err)
}
